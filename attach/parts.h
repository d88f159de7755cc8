/* SPDX-License-Identifier: MIT */
/* What the parts of an attachment know of each other. */
#ifndef ATTACH_PARTS_H
#define ATTACH_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>
#include "attach/attachment.h"
#include "attach/control.h"
#include "attach/counters.h"
#include "attach/events.h"
#include "attach/protections.h"

#define CLAUSE_MAX 512u

enum attachment_phase {
    PHASE_OPENING, /* the LUN has never been reached yet */
    PHASE_OPEN,    /* berth_lun_status() tells how it stands */
    PHASE_ENDING,
};

/* How far it has come. Under `facts.lock`. */
struct facts {
    pthread_mutex_t lock;
    enum attachment_phase phase;
    uint64_t since_ms, begun_ms; /* of the clock that people read */
    uint64_t attempts, next_ms;  /* to open it; when the next one begins, 0: it is under way */
    int error;                   /* of the last one, and its words; 0: there was none */
    char error_text[CLAUSE_MAX];
    uint64_t error_ms;
    char *path; /* NULL: not ready yet */
};

struct attachment {
    struct settings *settings; /* as it was begun */
    struct settings *live;     /* with what `set` has changed: of the control socket's thread */
    const char *kind;
    char name[SETTINGS_NAME_MAX + 1];
    int lock_fd, end_fd;
    atomic_bool ending, insisted;
    atomic_bool lost;                /* a session is lost */
    _Atomic uint64_t flush_until_ms; /* 0: no last flush is under way */
    struct berth_reactors *reactors;
    struct berth_lun *_Atomic lun; /* NULL: not open yet */
    pthread_mutex_t info_lock;     /* berth_lun_info() is for one thread at a time */
    struct facts facts;
    struct events events;
    struct control *control;
    atomic_uint listeners;     /* to events */
    _Atomic int64_t offset_ns; /* see status.c; 0: not known yet */
    struct protections protections;
    struct counters counters;
    pthread_mutex_t users_lock;
    attachment_list_users *list_users;
    void *users_arg;
    void (*_Atomic notice)(void *arg, const struct berth_notice *n);
    void *notice_arg;
};

uint64_t attachment_now_ms(void); /* since 1970 */
void attachment_event(struct attachment *a, const char *kind, int error, const char *text);
void facts_phase(struct attachment *a, enum attachment_phase phase);
void facts_error(struct attachment *a, int error, const char *text);
/* Where the disk is; false: it is not ready yet. */
bool facts_path(struct attachment *a, char out[CLAUSE_MAX]);

#endif
