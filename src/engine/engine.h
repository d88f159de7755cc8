/* SPDX-License-Identifier: MIT */
/* The engine table: how bytes move. An engine owns transports and time; it asks the protocol core where bytes
 * belong (conn_rx_want, conn_tx_peek) and tells it what it did. It never looks into a PDU.
 *
 * One engine instance belongs to one thread: everything is called from there, every callback comes from
 * engine_poll() or engine_kick() of that thread.
 *
 * A link may change hands while it is open: one engine releases it and another, in the same thread, adopts it
 * (link_move()). What is known of the bytes under way is the core's, so this can happen between any two of
 * them; an engine that keeps something of its own about a PDU would have to wait for the PDU's end.
 *
 * Of two engines in one thread the first connects, listens and watches, and the second stands in front of it
 * (`front`): it carries links that have come up, and its poll() waits for both. Whoever has the first need
 * not know: engine_poll() and engine_fd() find out who is to wait.
 *
 * An engine that leaves operations in flight when a call returns tells the core so for each receive
 * (conn_background_rx()), and has none left of a link that it closes or releases: the memory of tasks is
 * their callers' again only after that. link_quiesce() is for tasks that are given up while their link goes
 * on.
 *
 * Shapes for what comes later, so that it fits (nothing here uses them yet): ops->task_setup(link, task) /
 * ops->task_done(link, task): placement tables keyed by InitiatorTaskTag. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <sys/socket.h>
#include "base/list.h"
#include "engine/filter.h"
#include "proto/conn.h"

#define ENGINE_DEVICE_MAX 16u /* a network device's name, with its NUL */

struct engine;
struct link;
struct listener;

enum engine_caps {
    ENGINE_LISTENS = 1,   /* ops->listen works */
    ENGINE_REAL_TIME = 2, /* now() is a real clock and poll() really waits */
};

/* How poll() waits; for its user to set, between two polls. */
enum engine_wait {
    ENGINE_WAITS_AS_PAYS, /* looks for a moment before it sleeps, as long as that pays */
    ENGINE_SLEEPS,        /* at once */
    ENGINE_POLLS, /* looks until there is something or the time has come; a signal does not end that */
};

/* What an engine can carry; a session agrees to the intersection over all engines it may ever use. */
struct engine_limits {
    uint32_t max_recv_segment; /* bytes, for MaxRecvDataSegmentLength */
    uint32_t max_send_segment;
    uint32_t max_burst;
    uint16_t max_depth;
    uint32_t seg_kinds;  /* bit per enum berth_seg_kind it can move, both ways */
    uint32_t send_kinds; /* bit per kind it can send. Who has FILE sent ignores SIGPIPE, and knows that a file
                            that ends too early ends the link */
};

/* Callbacks of whoever owns a link; all three are needed. A callback may close, kick, flush and connect any
 * link, may free links it has closed, and may end listeners; it may not call engine_poll(). */
struct link_owner {
    /* Connected, or accepted: attach a conn with link_attach() and kick. */
    void (*up)(struct link *l);
    /* Bytes were received or sent: drain the conn's events. What the core itself has put out by then is sent
     * without a kick. Once after sending and once after receiving per poll(), at most. */
    void (*progress)(struct link *l);
    /* Lost or could not connect (enum berth_error; errno in last_errno). All that had arrived went to the
     * conn, with a progress() of its own, before. The link is closed and may be connected again or freed. */
    void (*down)(struct link *l, int error);
    /* Its engine could not go on, for this reason, and another carries it now: nothing is lost. From poll();
     * may be NULL. */
    void (*moved)(struct link *l, const char *why);
};

/* One transport connection; embedded in its owner's structure. */
struct link {
    struct engine *engine;
    const struct link_owner *owner;
    struct conn *conn;          /* NULL until attached */
    struct link_filter *filter; /* between link and conn; NULL: none */
    struct list node;           /* in the engine's links, while open */
    struct list dirty;          /* in the engine's list of links with something to send */
    int fd;                     /* sockets; -1 elsewhere */
    uint8_t state;              /* the engine's own */
    uint32_t interest;          /* the engine's own */
    uint64_t connect_deadline_ns;
    int last_errno;  /* of the failure that brought it down, 0 if the peer just closed */
    const char *why; /* of a connect that failed for the local end that was asked for; NULL else */
    void *transport; /* the engine's own */
    uint64_t rx_bytes, tx_bytes, rx_calls, tx_calls;
};

struct engine_addr {
    struct sockaddr_storage sa; /* sockets: IPv4 or IPv6 (scope inside); sim: sa_family AF_UNSPEC */
    socklen_t len;
};

/* The local end of a connection, and how the host is to treat what it sends. All zero: as the system likes.
 * Whoever cannot give what is asked for fails with BERTH_E_LOCAL, and sends nothing. */
struct engine_bind {
    struct engine_addr source;      /* local address, its port ignored; len 0: the route's */
    char device[ENGINE_DEVICE_MAX]; /* network device to use whatever the routes say; "" any */
    uint16_t first_port, last_port; /* local ports; both 0: the system's range */
    uint32_t mark;                  /* for the host's packet filter and routing rules; 0 none */
    uint32_t priority;              /* of the host's queues; 0 the default */
    uint8_t dscp;                   /* 0..63, RFC 2474 */
};

struct engine_ops {
    uint32_t size; /* sizeof(struct engine_ops) */
    const char *name;
    uint32_t caps; /* enum engine_caps */
    void (*limits)(struct engine_limits *limits);
    uint64_t (*now)(struct engine *e); /* ns, steady */
    /* Begins to connect; up() or down() follows from poll(). Returns 0 or an error at once (last_errno and
     * `why` tell more). Sets everything in the link but owner; `bind` NULL is one that is all zero; deadline
     * UINT64_MAX leaves the time to the kernel. */
    int (*connect)(struct engine *e, struct link *l, const struct engine_addr *to,
                   const struct engine_bind *bind, uint64_t deadline_ns);
    /* Accepts connections: `accept` is called with a fresh transport; it returns the link to use (owner set),
     * or NULL to refuse; up() of that link follows. `where` is updated to the bound address (port 0 becomes
     * the chosen one). */
    int (*listen)(struct engine *e, struct engine_addr *where,
                  struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                  struct listener **out);
    /* The same with a socket that was handed over bound and listening; `where` tells its address. It is the
     * engine's from then on, unless this fails. NULL: the engine has no use for descriptors. */
    int (*listen_fd)(struct engine *e, int fd, struct engine_addr *where,
                     struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                     struct listener **out);
    void (*unlisten)(struct engine *e, struct listener *l);
    /* Something may be waiting to be sent on `l`: sent before poll() next waits, together with what else
     * gathers. */
    void (*kick)(struct link *l);
    /* Sends what can be sent now, without waiting for poll(). */
    void (*flush)(struct link *l);
    /* Closes the transport now; no callback. Nothing is in flight when it returns, and the conn knows of
     * every byte that was sent. Closing twice is harmless. The conn is the owner's to drop. */
    void (*close)(struct link *l);
    /* The link is up and stays so, but is nobody's: nothing of it is in flight, and what had moved by then
     * was told to the conn, whose owner is to drain it. For link_move(); NULL: links cannot leave. */
    void (*release)(struct link *l);
    /* Takes over a link that was released. An error leaves it nobody's; engines that connect have none: what
     * they cannot carry they take for broken. */
    int (*adopt)(struct engine *e, struct link *l);
    /* See link_quiesce(). NULL: nothing is ever in flight between calls. */
    void (*quiesce)(struct link *l);
    /* Sends what is dirty, waits until something happens or `until_ns` (0: do not wait; UINT64_MAX: for
     * ever), moves bytes, calls back. Returns 0, or BERTH_E_SYSTEM. A signal ends the wait: returns 0 early,
     * and `interrupted` says so.
     * Does not wait after a callback has closed or lost a link or called engine_wake(). */
    int (*poll)(struct engine *e, uint64_t until_ns);
    /* A descriptor that is readable when poll() has something to do, or -1. It knows nothing of connect
     * deadlines, nor of `dirty`: while that list is not empty, poll() again instead of sleeping on the
     * descriptor. */
    int (*fd)(struct engine *e);
    /* When poll() has something to do by itself, connect deadlines for one; UINT64_MAX: never. */
    uint64_t (*due)(struct engine *e);
    /* Watch a foreign descriptor for reading (a signalfd, an eventfd): `ready` is called from poll(). One
     * watch per descriptor; `ready` NULL ends it, which must happen before the descriptor is closed. */
    int (*watch)(struct engine *e, int fd, void (*ready)(void *owner), void *owner);
    /* See engine_disown(). NULL: it has nothing that a fork could share. */
    void (*disown)(struct engine *e);
    void (*free)(struct engine *e);
};

struct engine {
    const struct engine_ops *ops;
    struct list links;
    struct list dirty;
    uint64_t syscalls;    /* made so far, for counted tests and berth bench */
    bool wake;            /* the running poll() must not wait any more */
    bool interrupted;     /* a signal ended the last poll() */
    uint8_t wait;         /* enum engine_wait */
    struct engine *front; /* NULL: none */
    bool front_first;     /* links that come up go to the front */
    int outer_fd;         /* see engine_fd(); -1: not made yet */
};

/* Engines by name: "sockets"; "io_uring", which is sockets with that in front; "auto": the second where the
 * system lets us, else the first. NULL: errno tells, or there is no engine of that name. (sim is made with
 * sim_engine_new(): it needs a world.) */
struct engine *engine_new(const char *name);
bool engine_known(const char *name);

/* Finds the engine of this name that stands beside `e`, be it `e` itself, and makes it if there is none. 0,
 * or an error with words in `why`. */
int engine_beside(struct engine *e, const char *name, struct engine **out, const char **why);
/* It is to carry the links of `e` that come up from now on; those that are up stay where they are. */
int engine_prefer(struct engine *e, const char *name, const char **why);
/* poll() has something to do, of which no descriptor tells. */
bool engine_has_work(const struct engine *e);

/* A link that is up goes over to another engine of its thread; its owner drains the conn afterwards. 0, or an
 * error, and it is carried by whom it was before. */
int link_move(struct link *l, struct engine *to);

/* What all engines can carry that links of `e` may go over to: now, or with engine_prefer() ever. */
void engine_limits(struct engine *e, struct engine_limits *limits);
void engine_limits_ever(struct engine *e, struct engine_limits *limits);

/* For foreign loops: ops->fd() of the engine and of whoever will be in front of it, in one; stays the same.
 */
int engine_fd(struct engine *e);

static inline uint64_t engine_now(struct engine *e)
{
    return e->ops->now(e);
}

static inline int engine_poll(struct engine *e, uint64_t until_ns)
{
    bool front = e->front && !list_empty(&e->front->links);
    return front ? e->front->ops->poll(e->front, until_ns) : e->ops->poll(e, until_ns);
}

/* From a callback: poll() is to return as soon as it can, because its caller has something to do. */
static inline void engine_wake(struct engine *e)
{
    e->wake = true;
}

void engine_free(struct engine *e);

/* We are a child, and what the engine has of the kernel is our parent's too: from here on all that is done to
 * it is to close our copies, and its links may be closed, but nothing else. */
void engine_disown(struct engine *e);

/* Gives an open link its connection; kick it afterwards. Bytes that came earlier have waited. */
static inline void link_attach(struct link *l, struct conn *conn)
{
    l->conn = conn;
}

/* Puts a filter, or a stack of them, between the link and its conn; before the first byte passes. */
static inline void link_attach_filter(struct link *l, struct link_filter *f)
{
    l->filter = f;
}

static inline void link_kick(struct link *l)
{
    l->engine->ops->kick(l);
}

static inline void link_flush(struct link *l)
{
    l->engine->ops->flush(l);
}

static inline void link_close(struct link *l)
{
    l->engine->ops->close(l);
}

/* The memory of a task of this link's conn is wanted back, and a receive into it may be in flight (the task
 * is TASK_ENDING): progress() follows when nothing writes to it any more. */
static inline void link_quiesce(struct link *l)
{
    if (l->engine->ops->quiesce)
        l->engine->ops->quiesce(l);
}

#define LINK_ADDRESS_MAX 80u /* "[fe80::1%eth0]:3260", with its NUL */

/* What the host knows of a link that is up. */
struct link_facts {
    char local[LINK_ADDRESS_MAX], remote[LINK_ADDRESS_MAX]; /* "" where there are no addresses */
    uint32_t rtt_us, rtt_var_us;                            /* smoothed, and its variation; 0 not known */
    uint32_t retransmits;                                   /* segments sent again, of this connection */
    uint32_t unacked;                                       /* segments on their way */
};

/* All zero where there is nothing to be known. */
void link_facts(const struct link *l, struct link_facts *out);

/* errno of a connect, send or receive as an enum berth_error. */
int engine_error(int err);

#endif
