/* SPDX-License-Identifier: MIT */
/* Inside of the io_uring engine: the calls between its files.
 *
 *   uring.c         a round: send, wait, tell; the engine's own end
 *   uring_ring.c    the ring: entering the kernel, what comes back
 *   uring_links.c   links that come and go      uring_stream.c  moving their bytes */
#ifndef ENGINE_URING_PARTS_H
#define ENGINE_URING_PARTS_H

#include "engine/engine.h"
#include "engine/patience.h"

#include <liburing.h>
#include <sys/uio.h>

#define URING_TX_SEGS 256u /* of one send */
#define URING_RX_SEGS 64u
#define URING_IOVECS  1024u
#define URING_SQES    256u
#define URING_CQES    4096u

/* What a completion is about, in the low bits of its pointer; each at most once in flight for a link. */
enum uring_op {
    URING_RECV,
    URING_SEND, /* ends with the call that submits it, and tells only of less than all */
    URING_OUT,  /* waits until the socket takes more */
    URING_HUP,  /* waits for the end of a connection that nothing is received from */
    URING_OPS,
    URING_BASE, /* of no link: the base has something to do */
    URING_NONE, /* of no interest */
    URING_MASK = 7,
};

/* A link's own, its `transport`. */
struct carried {
    struct list ready;   /* in uring.ready, or in the list of those that are being looked at */
    struct list sending; /* in uring.queued, and in uring.sending once the kernel has taken it */
    struct link *link;
    uint32_t place;         /* of the send in the submission ring */
    uint64_t offered;       /* bytes of the send */
    uint8_t flying, landed; /* bit per enum uring_op: the kernel has it; it came back, see `result` */
    bool moved;             /* bytes: the owner is to be told */
    bool stopped;           /* its receive is to be begun anew, see link_quiesce() */
    int32_t result[URING_OPS];
};

struct uring {
    struct engine engine;
    struct engine *base;
    struct io_uring ring;
    uint64_t now;
    bool open;     /* there is a ring */
    int bell;      /* see uring_bell(); -1: nobody has asked */
    int failure;   /* errno of a ring that is of no use any more; 0: it is */
    bool watching; /* the base's descriptor, for something to do */
    bool base_ready;
    bool again; /* begun anew in another thread: do not wait before all links have been asked */
    struct list ready, queued, sending;
    struct link *current; /* whose callback runs */
    struct patience patience;
    struct io_uring_sqe nowhere; /* what cannot be submitted any more */
    uint32_t iov_used, msg_used;
    struct berth_seg segs[URING_TX_SEGS];
    struct iovec iov[URING_IOVECS];
    struct msghdr msgs[URING_SQES];
};

static inline struct uring *uring_of(struct engine *e)
{
    return (struct uring *)(void *)e; /* engine is its first member */
}

static inline struct carried *carried_of(const struct link *l)
{
    return l->transport;
}

static inline bool uring_flies(const struct carried *c, enum uring_op op)
{
    return c->flying & 1u << op;
}

/* uring_ring.c: all of them leave `failure` behind when the kernel does not let us any more. */
int uring_ring_begin(struct uring *u); /* 0 or errno, negative */
void uring_ring_end(struct uring *u);
int uring_bell(struct uring *u);  /* a descriptor that is readable when something has come back; made now */
void uring_hush(struct uring *u); /* until something else does */
/* A place for an operation on `c`, or for one of no link's if that is NULL. Never NULL. */
struct io_uring_sqe *uring_sqe(struct uring *u, struct carried *c, enum uring_op op);
/* Submits all there is, and waits for `wait` completions until then; 0: does not wait. */
void uring_enter(struct uring *u, uint32_t wait, uint64_t until_ns);
/* Ends what is in flight of a link, or one of its operations, and waits for that. */
void uring_recall(struct uring *u, struct carried *c);
void uring_cancel(struct uring *u, struct carried *c, enum uring_op op);
bool uring_taken(const struct uring *u, uint32_t place); /* by the kernel, out of the submission ring */
bool uring_idle(const struct uring *u);                  /* entering the kernel would bring nothing */

/* uring_stream.c */
struct uring_outcome {
    bool ended, unread; /* as in struct outcome of the sockets engine */
    int err;
};
/* Begins what the link wants to be begun. true: it must be told of that before anybody waits. */
bool uring_prepare(struct uring *u, struct link *l);
void uring_sent(struct uring *u); /* what the call has sent, told to the conns */
void uring_received(struct uring *u, struct carried *c, struct uring_outcome *out);
void uring_last_words(struct uring *u, struct link *l); /* whatever has arrived, before it is taken down */

/* uring_links.c */
void uring_make_ready(struct uring *u, struct carried *c);
void uring_break_link(struct link *l, int err);
int uring_adopt(struct engine *e, struct link *l);
void uring_release(struct link *l);
void uring_close(struct link *l);
void uring_quiesce(struct link *l);
void uring_kick(struct link *l);
void uring_flush(struct link *l);

#endif
