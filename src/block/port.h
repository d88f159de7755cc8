/* SPDX-License-Identifier: MIT */
/* What a queue has when its LUN is on threads of the library: I/Os leave for the workers as letters, and come
 * back as letters. The request itself is the letter, and belongs to whom it was sent; so nothing is
 * allocated, and nothing is locked. */
#ifndef BLOCK_PORT_H
#define BLOCK_PORT_H

#include <berth/berth.h>
#include "base/mailbox.h"
#include "block/bell.h"

struct berth_lun;
struct request;

struct port {
    struct mailbox in; /* of the queue's thread */
    struct bell bell;  /* rung for a queue's thread that sleeps */
    bool asleep;       /* nobody knows yet that we are awake again */
    uint32_t owed;     /* rings that we have been told to expect, and have not heard */
    bool listening;    /* somebody sleeps on it in a loop of their own */
    struct mail wake;
    atomic_bool wake_sent; /* and not yet opened */
};

/* 0, BERTH_E_MEMORY or BERTH_E_SYSTEM. Without a descriptor there is no port_fd(). */
int port_new(struct port **out, bool has_fd);
void port_free(struct port *p); /* after port_cut(), or when there are no workers any more */

/* --- the queue's thread --- */
int port_reap(struct berth_queue *q, struct berth_done *done, uint32_t min, uint32_t max, int timeout_ms);
int port_cancel(struct berth_queue *q, uint64_t tag);
int port_fd(struct berth_queue *q);
/* As queue_cut(), for what is at the workers'. */
void port_cut(struct berth_queue *q);

/* --- any thread --- */
void port_wake(struct port *p);

/* --- a worker's --- */
void port_io_here(struct request *r);
void port_recall_here(struct request *r);
void port_return(struct request *r); /* it is done; with the others of this round */
void port_flush(struct berth_lun *lun);

#endif
