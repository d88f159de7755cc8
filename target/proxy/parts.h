/* SPDX-License-Identifier: MIT */
/* Inside of the proxy. */
#ifndef PROXY_PARTS_H
#define PROXY_PARTS_H

#include <poll.h>
#include "host/resolve.h"
#include "proxy/proxy.h"
#include "script/bender.h"

#define PROXY_IN_BYTES (64u * 1024)         /* received at once */
#define PROXY_LEAVE_NS (15ull * 1000000000) /* how long last words may take */
#define PROXY_PART_NS  (1ull * 1000000000)  /* how long an initiator may take to close after us */
#define PROXY_TEXT_MAX (ADDRESS_MAX + 16)

/* A socket, and how far its life has come. */
struct leg {
    int fd;          /* -1: gone */
    bool connecting; /* not up yet */
    bool blocked;    /* takes nothing until poll() says so */
    bool ended;      /* the peer sends nothing any more */
    bool shut;       /* we send nothing any more */
};

struct gate {
    int fd; /* -1: closed */
    struct sockaddr_storage sa;
    socklen_t len;
    char text[PROXY_TEXT_MAX]; /* "ADDR:PORT" */
};

/* A connection that came, and the one to the target that was made for it. */
struct pair {
    struct list link; /* in the proxy's pairs */
    struct proxy *proxy;
    struct bender *bender;
    struct leg initiator, target;
    uint32_t address;  /* of the target's, tried now */
    uint64_t leave_by; /* then it is over, whatever is left to be said; UINT64_MAX: not yet */
    bool parting;      /* closed in order; the initiator has yet to notice */
    bool over;
};

struct proxy {
    const struct proxy_config *config;
    struct script script;
    struct play play;
    struct resolved target;
    struct gate gates[PROXY_PORTALS_MAX];
    uint32_t gate_count;
    struct list pairs;
    uint32_t pair_count;
    uint64_t closed_until; /* gates are closed; UINT64_MAX: they are not */
    bool restart;          /* all connections are to end */
    bool unreachable;      /* the target was, the last time: told once */
    struct pollfd polls[1 + PROXY_PORTALS_MAX + 2 * PROXY_PAIRS_MAX];
    uint8_t in[PROXY_IN_BYTES];
};

/* Puts one sentence into `why`; returns `error`. */
struct proxy_why {
    char *text;
    size_t size;
};
int proxy_refuse(const struct proxy_why *why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void proxy_say(const struct proxy *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* gate.c */
int gates_open(struct proxy *x, const struct proxy_why *why);
void gates_close(struct proxy *x);
bool gates_reopen(struct proxy *x); /* where they were */
/* Reads "HOST:PORT"; port 0 only where `any` is allowed. */
bool gate_parse(const char *text, bool any, struct portal *p);
void gate_accept(struct proxy *x, uint32_t gate);

/* pair.c */
void pair_new(struct proxy *x, int fd, uint32_t portal);
void pair_free(struct pair *p);
/* What poll() is to watch, and what came of it. */
void pair_watch(struct pair *p, struct pollfd polls[2]);
void pair_receive(struct pair *p, const struct pollfd polls[2]);
/* Sends what may leave, and does what the script wants of the connection. */
void pair_turn(struct pair *p);
uint64_t pair_deadline(const struct pair *p);

#endif
