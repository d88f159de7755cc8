/* SPDX-License-Identifier: MIT */
/* What the parts of an attachment know of each other. */
#ifndef ATTACH_PARTS_H
#define ATTACH_PARTS_H

#include <pthread.h>
#include "attach/attachment.h"
#include "attach/counters.h"

#define CLAUSE_MAX 512u

enum attachment_state {
    STATE_OPENING,   /* the LUN has never been reached yet */
    STATE_CONNECTED, /* a session is up */
    STATE_LOST,      /* it is being sought */
    STATE_GONE,      /* the LUN is not there any more, or is another one */
    STATE_ENDING,
};

/* What the library has told us, and what became of it. Under `facts.lock`. */
struct facts {
    pthread_mutex_t lock;
    enum attachment_state state;
    uint64_t since_ms, begun_ms; /* of the clock that people read */
    int error;                   /* the last one, and its words; 0: there was none */
    char error_text[CLAUSE_MAX];
    uint64_t error_ms;
    char *path; /* NULL: not ready yet */
};

struct attachment {
    struct settings *settings;
    const char *kind;
    char name[SETTINGS_NAME_MAX + 1];
    int lock_fd, end_fd;
    atomic_bool ending;
    struct berth_reactors *reactors;
    struct berth_lun *lun;
    pthread_mutex_t info_lock; /* berth_lun_info() is for one thread at a time */
    struct facts facts;
    struct counters counters;
    pthread_mutex_t users_lock;
    attachment_list_users *list_users;
    void *users_arg;
    void (*notice)(void *arg, const struct berth_notice *n);
    void *notice_arg;
};

uint64_t attachment_now_ms(void); /* since 1970 */
void facts_state(struct attachment *a, enum attachment_state state);
void facts_error(struct attachment *a, int error, const char *text);

#endif
