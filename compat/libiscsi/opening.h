/* SPDX-License-Identifier: MIT */
#ifndef COMPAT_LIBISCSI_OPENING_H
#define COMPAT_LIBISCSI_OPENING_H

#include <pthread.h>
#include <stdatomic.h>
#include "parts.h"

enum errand { TO_CONNECT, TO_LOG_IN, TO_FULLY_CONNECT, TO_COME_BACK };

/* A session that is being opened, and what has come of it. */
struct opening {
    enum errand errand;
    struct settings set;
    int number;    /* of the LUN; NO_LUN: for commands that name theirs */
    struct op *op; /* who is to hear of it; NULL: who waits */
    void (*notice)(void *arg, const struct berth_notice *notice);
    struct iscsi_context *iscsi; /* whose notices and wishes; the thread touches nothing else of it */
    int bell;
    pthread_t thread;
    bool threaded;
    pid_t pid; /* of the process that has the thread */
    atomic_bool over;
    char portal[TEXT_MAX], url[5 * TEXT_MAX];
    struct berth_lun *lun;
    struct berth_target *targets;
    int target_count;
    struct berth_detail why; /* error 0: it is open */
};

uint32_t recovery_ms(const struct settings *s); /* for how long a lost session is sought */
void opening_run(struct opening *o);            /* here and now */
int opening_start(struct opening *o);           /* on a thread */
void opening_join(struct opening *o);
/* Ends the thread, and closes what it has opened. */
void opening_free(struct opening *o);

#endif
