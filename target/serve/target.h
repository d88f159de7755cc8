/* SPDX-License-Identifier: MIT */
/* The iSCSI side of the built-in target: sessions over the protocol core, commands handed to the logical
 * units.
 *
 *   serve.c    portals, the loop, start and stop      nexus.c   one session: link, core, login, task
 * management job.c      one command: memory, execution, answer  pool.c   buffers       send_targets.c
 * discovery's answer */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include "engine/engine.h"
#include "lu/command.h"
#include "serve/pool.h"
#include "serve/serve.h"

#define TARGET_SESSIONS_MAX 256u
#define TARGET_DEPTH        128u            /* commands of one session at once */
#define TARGET_MEMORY       (1024ull << 20) /* bytes of all commands' data at once */
#define TARGET_SEGMENT      (256u * 1024)   /* MaxRecvDataSegmentLength */
#define TARGET_BURST        (1024u * 1024)  /* MaxBurstLength */
#define TARGET_FIRST_BURST  (256u * 1024)   /* FirstBurstLength */
#define TARGET_R2T          4u              /* MaxOutstandingR2T */
#define TARGET_LOGIN_NS     (15ull * 1000000000)
#define TARGET_PING_NS      (60ull * 1000000000) /* silence before a ping, and again before giving up */
#define TARGET_GROUP        1u                   /* the one portal group */

struct target;

/* A command in execution. */
struct job {
    struct list link; /* in target->jobs while free */
    struct target *target;
    struct task *task;
    struct session *session;
    void *memory;
    uint32_t memory_len;
    struct berth_seg seg; /* of the memory, for data-out */
    struct command command;
};

/* One session with its one connection. */
struct target_session {
    struct list link; /* in target->sessions */
    struct target *target;
    struct link wire;
    struct session *session;
    struct conn *conn;
    struct nexus nexus;
    bool attached;
    uint64_t ping_at;
};

struct portal_entry {
    struct listener *listener;
    struct engine_addr addr;
    char text[ADDRESS_MAX + 16]; /* "host:port" as bound */
};

_Static_assert(SERVE_LUNS_MAX == COMMAND_LU_MAX, "what is served can be addressed");

struct target {
    const struct serve_config *config;
    const char *iqn;
    struct engine *engine;
    struct portal_entry portals[SERVE_PORTALS_MAX];
    uint32_t portal_count;
    struct lu lus[SERVE_LUNS_MAX];
    struct lu_set set;
    struct list sessions, jobs;
    uint32_t session_count;
    uint16_t last_tsih;
    struct pool pool;
    struct login_config login;
    bool stopped;
};

/* nexus.c */
struct link *target_accept(void *target, const struct engine_addr *from);
void target_session_end(struct target_session *ts);
void target_tick(struct target *t, uint64_t now);

/* job.c: callbacks of the core (owner = struct target_session) and execution */
void job_begin(void *owner, struct task *task);
void job_end(void *owner, struct task *task);
void job_execute(struct target_session *ts, struct task *task);
void jobs_free(struct target *t);

/* send_targets.c: callback of the core */
bool send_targets(void *owner, struct conn *c, struct span request, struct writer *answer, uint32_t *cursor);

/* serve.c: "host:port" of a bound or peer address, IPv6 in brackets. */
void addr_text(const struct sockaddr_storage *sa, char *out, size_t size);

#endif
