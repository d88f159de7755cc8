/* SPDX-License-Identifier: MIT */
/* Inside of the sockets engine: the calls between its files.
 *
 *   sockets.c            a round, and whom an event is for
 *   sockets_wait.c       what there is between two rounds
 *   sockets_links.c      connecting, up, closed      sockets_listeners.c  accepting
 *   sockets_stream.c     moving their bytes          sockets_watches.c    descriptors of others */
#ifndef ENGINE_SOCKETS_PARTS_H
#define ENGINE_SOCKETS_PARTS_H

#include "engine/engine.h"
#include "engine/patience.h"

#include <sys/epoll.h>
#include <sys/uio.h>

#define SOCKETS_EVENTS 64
#define SOCKETS_CRUMB  64u   /* bytes: a header with its digest */
#define ALERT_LOOKS    4096u /* after a watched descriptor was ready: some milliseconds */
#define SOCKETS_SEGS   256u  /* iovecs per sendmsg(); the kernel takes up to IOV_MAX, 1024 */

/* What an epoll event is about, in the low bits of its pointer. */
enum source { SOURCE_LINK, SOURCE_LISTENER, SOURCE_WATCH, SOURCE_MASK = 3 };

struct watch;

struct listener {
    struct list node;
    int fd;
    uint64_t rest_until_ns; /* 0: accepting */
    struct link *(*accept)(void *owner, const struct engine_addr *from);
    void *owner;
};

struct sockets {
    struct engine engine;
    int epoll;
    bool no_pwait2; /* kernel before 5.11, or a filter that forbids it */
    uint64_t now;
    uint32_t connecting, resting;
    struct list listeners, watches;
    struct list flushing; /* what this pass of sockets_flush_dirty() has still to send */
    struct list held;     /* have something to send that may gather until the wait is over */
    bool gathering;       /* links may be held: the wait begins with looking */
    struct patience patience;
    uint32_t looks;             /* and sleeps in a receive */
    uint32_t alert;             /* of who polls: so many looks are still at everything */
    bool heard;                 /* a watched descriptor has been ready once */
    struct link *current;       /* whose callback runs */
    struct listener *accepting; /* whose callback runs */
    int event, event_count;
    struct epoll_event events[SOCKETS_EVENTS];
    struct berth_seg segs[SOCKETS_SEGS];
    struct iovec iov[SOCKETS_SEGS];
    uint8_t crumbs[SOCKETS_SEGS * SOCKETS_CRUMB]; /* small pieces of one send, side by side */
};

/* What a round of receiving or sending did to a link. */
struct outcome {
    bool moved;
    bool news; /* for the owner: more than a part of a data segment */
    bool ended;
    bool unread; /* ended by sending: what had arrived is still to be received */
    int err;     /* 0: the peer closed */
};

static inline struct sockets *sockets_of(struct engine *e)
{
    return (struct sockets *)(void *)e; /* engine is its first member */
}

/* sockets.c */
uint64_t sockets_now(struct engine *e);
int sockets_epoll(struct sockets *s, int op, int fd, uint32_t interest, void *what, enum source kind);
/* `what` is going away: no event of this round may reach it. */
void sockets_scrub(struct sockets *s, const void *what, enum source kind);
void sockets_close_fd(struct sockets *s, int fd);
int sockets_set_option(struct sockets *s, int fd, int level, int option);
int sockets_give_up(struct sockets *s, int fd); /* closes it; errno as an error */
int sockets_error(struct sockets *s, int fd);   /* errno of what is the matter with it */

void sockets_dispatch(struct sockets *s, int count); /* the first `count` of `events` */

/* sockets_wait.c */
/* Will a wait until then begin with looking for a while, before it sleeps? To be asked once for each wait. */
bool sockets_lingers(struct sockets *s, uint64_t until_ns);
void sockets_sent(struct sockets *s); /* so there may be an answer soon */
/* Waits, and deals with what has come. Returns 0 or BERTH_E_SYSTEM. */
int sockets_wait(struct sockets *s, uint64_t until_ns);
/* A connect deadline, or that of a resting listener. */
uint64_t sockets_due(struct engine *e);

/* sockets_links.c */
void sockets_link_open(struct sockets *s, struct link *l, int fd, uint32_t phase, uint32_t interest);
void sockets_close(struct link *l);
void sockets_link_down(struct link *l, int err);  /* err 0: the peer closed */
void sockets_break_link(struct link *l, int err); /* poll() will tell the owner */
int sockets_connect(struct engine *e, struct link *l, const struct engine_addr *to,
                    const struct engine_bind *bind, uint64_t deadline_ns);
void sockets_link_up(struct sockets *s, struct link *l);
void sockets_release(struct link *l);
int sockets_adopt(struct engine *e, struct link *l);
void sockets_expire_connects(struct sockets *s);
void sockets_link_event(struct sockets *s, struct link *l, uint32_t events);

/* sockets_stream.c */
/* The first receive sleeps if it must, or not (MSG_DONTWAIT); none after it does. */
void sockets_rx(struct sockets *s, struct link *l, struct outcome *out, int flags);
void sockets_let_block(struct sockets *s, struct link *l, uint64_t most_ns);
void sockets_tx(struct sockets *s, struct link *l, struct outcome *out);
/* Makes epoll wait for what the link waits for now. */
void sockets_settle(struct sockets *s, struct link *l);
/* Tells the owner what happened; the link may be gone when it returns. */
void sockets_conclude(struct sockets *s, struct link *l, struct outcome *out);
void sockets_kick(struct link *l);
void sockets_flush(struct link *l);
void sockets_flush_dirty(struct sockets *s);
void sockets_let_go(struct sockets *s); /* what is held goes back to what is to be sent */

/* sockets_listeners.c */
int sockets_listen(struct engine *e, struct engine_addr *where,
                   struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                   struct listener **out);
int sockets_listen_fd(struct engine *e, int fd, struct engine_addr *where,
                      struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                      struct listener **out);
void sockets_unlisten(struct engine *e, struct listener *ln);
void sockets_listener_event(struct sockets *s, struct listener *ln);
void sockets_wake_listeners(struct sockets *s);

/* sockets_watches.c */
int sockets_watch(struct engine *e, int fd, void (*ready)(void *owner), void *owner);
void sockets_watch_event(struct sockets *s, const struct watch *w);
void sockets_end_watches(struct sockets *s);

#endif
