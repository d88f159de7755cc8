/* SPDX-License-Identifier: MIT */
/* A target in a process of its own that can be killed and begun anew, or made to stand still, while threads
 * of this process work on its LUN. */
#ifndef THREADS_STAND_H
#define THREADS_STAND_H

#include <berth/berth.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>

#define STAND_BYTES (64u * 1024 * 1024) /* of the LUN */

struct stand {
    pid_t keeper; /* who begins targets: this process has threads, and does not fork any more */
    int orders, answers;
    char url[256];
    char path[32]; /* of the file behind the LUN */
};

/* The one of a test, and what cmocka sets up and tears down for each. */
extern struct stand stand;
int stand_begin(void **state);
int stand_end(void **state);

/* For those who need nothing more of them than how many there are. */
struct berth_reactors *reactors(uint32_t count);
void nap_ms(long ms);

/* Before there are threads. */
void stand_start(struct stand *s);
void stand_stop(struct stand *s);

void stand_restart(struct stand *s); /* all sessions are lost; what was written is not */
void stand_kill(struct stand *s);    /* the same, and until stand_restart() nobody is there */
void stand_freeze(struct stand *s);  /* it answers nothing */
void stand_thaw(struct stand *s);

/* Opens the LUN with as many sessions, and on `reactors`, which may be NULL. */
struct berth_lun *stand_open(const struct stand *s, uint32_t sessions, struct berth_reactors *reactors);

#endif
