/* SPDX-License-Identifier: MIT */
/* The iSCSI side of the built-in target: sessions over the protocol core, commands handed to the logical
 * units.
 *
 *   serve.c    start, loop, stop                      portal.c   where it listens
 *   node.c     target names, their LUNs and who may   keys.c     what it wants of the negotiation
 *   nexus.c    one session: link, core, login, end    log.c      what happened, in sentences
 *   job.c      one command: memory, run, answer       manage.c   task management
 *   luns.c     LUNs as they come and go               parting.c  sessions that are to go
 *   control.c  what is asked of it while it runs; control_verbs.c, control_lists.c and answer.c beside it
 *   confine.c  what it gives up before strangers come; calls.c beside it
 *   group.c    portal groups and their access         traffic.c  what commands come to
 *   pool.c     buffers                                send_targets.c  discovery's answer
 *   stage.c    scripts, and what they do to the target; bend.c and restart.c beside it
 *   watch.c    the referee at the links */
#ifndef SERVE_TARGET_H
#define SERVE_TARGET_H

#include "engine/engine.h"
#include "lu/command.h"
#include "serve/log.h"
#include "serve/pool.h"
#include "serve/serve.h"

#define TARGET_SESSIONS_MAX    1024u /* logged in at once */
#define TARGET_LOGINS_MAX      128u  /* connections that have not logged in yet; the oldest makes room */
#define TARGET_CONNECTIONS_MAX 1u    /* of a session: MaxConnections */
#define TARGET_DEPTH           128u  /* commands of one session at once */
#define TARGET_MEMORY          (1024ull << 20) /* bytes of all commands' data at once */
#define TARGET_UNREAD          (8u << 20)    /* bytes read from stores for a session that have not left yet */
#define TARGET_SEGMENT         (256u * 1024) /* MaxRecvDataSegmentLength */
#define TARGET_BURST           (1024u * 1024) /* MaxBurstLength */
#define TARGET_FIRST_BURST     (256u * 1024)  /* FirstBurstLength */
#define TARGET_R2T             4u             /* MaxOutstandingR2T */
#define TARGET_LOGIN_NS        (15ull * 1000000000)
#define TARGET_STALL_NS        (30ull * 1000000000) /* how long a peer may leave what it asked for unread */
#define TARGET_PING_NS         (60ull * 1000000000) /* silence before a ping, and again before giving up */

struct target;
struct stage;
struct bend;

/* Where a refusal leaves its sentence. */
struct reason {
    char *text;
    size_t size;
};

/* A command, from its arrival to its answer; or a task management request that waits. */
struct job {
    struct list link; /* in target->jobs while free, in its session's `receiving` while data are to come,
                       * in target->managing while it waits */
    struct target *target;
    struct target_session *ts;
    struct task *task;
    void *memory;
    uint32_t memory_len, takes; /* bytes: what there is, and what the CDB takes of data-out */
    uint32_t unread;            /* memory_len if it is for data to be read */
    struct berth_seg seg;       /* of the memory, for data-out */
    struct command command;
};

/* An iSCSI target node (RFC 7143 4.2.1): a name, and the LUNs behind it. */
struct node {
    const struct serve_target *config;
    uint16_t number; /* in serve_config.targets */
    struct lu_set set;
    char *specs[COMMAND_LU_MAX];    /* what each LUN was opened as */
    struct serve_redirect redirect; /* as it is now */
    char redirect_text[ADDRESS_MAX + 16];
};

/* Where the target listens, and what a login there is told. */
struct portal_entry {
    struct target *target;
    struct listener *listener;
    struct engine_addr addr;
    int handed_over;             /* the descriptor of a socket that listened already; -1: bound here */
    char text[ADDRESS_MAX + 16]; /* "host:port" as bound */
    uint16_t group;
    struct login_config login; /* with this portal's group tag */
};

/* What a session's commands have come to. */
struct traffic {
    uint64_t commands, failed; /* all, and those with another status than GOOD */
    uint64_t read_bytes, written_bytes;
};

/* One session with its one connection. */
struct target_session {
    struct list link; /* in target->sessions */
    struct target *target;
    const struct portal_entry *portal;
    struct node *node; /* NULL before login, and in a discovery session */
    struct link wire;
    struct session *session;
    struct conn *conn;
    struct nexus nexus;
    struct bend *bend; /* NULL: no script bends it */
    bool attached, logged_in;
    bool ended;              /* in target->ending: commands of it are still under way */
    uint32_t running;        /* commands that have been handed to their LU and not come back */
    uint64_t memory, unread; /* bytes that its commands have of the pool, and of these, for what is read */
    struct traffic traffic;
    uint64_t since_ms;     /* when it logged in, since 1970 */
    struct list receiving; /* jobs whose data-out is still to come, oldest first */
    struct list
        *awaited; /* the first of them when it was last looked at, what had come of it, and since when */
    uint32_t awaited_moved;
    uint64_t awaited_at;
    uint64_t ping_at;
    uint64_t leave_by;           /* it was asked to log out; 0: it was not */
    struct watch *watch;         /* NULL: there is no referee */
    uint64_t sent, sent_at;      /* bytes that had left, and when it was last seen that more of them do */
    char from[ADDRESS_MAX + 16]; /* "host:port" of the initiator */
    char send_targets[NAME_MAX_LEN + 1]; /* what is being listed, over several PDUs */
};

_Static_assert(SERVE_LUNS_MAX == COMMAND_LU_MAX, "what is served can be addressed");

struct target {
    const struct serve_config *config;
    struct engine *engine;
    struct portal_entry portals[SERVE_PORTALS_MAX];
    uint32_t portal_count;
    struct node *nodes;
    uint32_t node_count;
    struct login_credentials accounts[SERVE_ACCOUNTS_MAX];
    uint8_t algorithms[CHAP_LIST_MAX], algorithm_count; /* of CHAP */
    struct list sessions;                               /* oldest first */
    struct list ending;                                 /* sessions that are over but for what is under way */
    struct list jobs;
    struct list managing; /* jobs: task management requests that wait for commands to end */
    struct workers *workers;
    uint32_t session_count, login_count; /* logged in; not yet */
    uint16_t last_tsih;
    struct pool pool;
    struct negotiation wishes;
    struct log *log;
    struct control *control; /* NULL: there is no socket */
    struct retired *retired; /* LUNs that were taken away and are still used */
    uint32_t lun_count;
    uint64_t since_ms;           /* when it began, since 1970 */
    struct stage *stage;         /* NULL: there is no script */
    struct referee_court *court; /* NULL: there is no referee */
    uint64_t court_since;        /* what its times count from */
    bool stopped;
    bool sends_files; /* the engine does */
};

/* portal.c */
int portals_open(struct target *t, const struct reason *why);
void portals_close(struct target *t);
void portals_pause(struct target *t);  /* nobody can connect */
bool portals_resume(struct target *t); /* false: one of them cannot listen again; may be tried again */
void portals_renew(struct target *t);  /* logins are told the present wishes */
void addr_text(const struct sockaddr_storage *sa, char *out, size_t size); /* "host:port", IPv6 in brackets */

/* group.c */
int groups_open(struct target *t, const struct reason *why);
/* "optimized", "non-optimized", "standby" or "unavailable". */
const char *group_access(const struct target *t, uint16_t tag);
int group_set_access(struct target *t, uint16_t tag, const char *access, const struct reason *why);

/* node.c */
int nodes_open(struct target *t, const struct reason *why);
/* Where logins are sent from now on; NULL: nowhere. */
int node_redirect(struct node *n, const char *address, bool permanent, const struct reason *why);
void nodes_close(struct target *t);
void nodes_add_group(struct target *t, uint16_t tag);      /* all LUNs are reached through it */
struct node *node_find(struct target *t, const char *iqn); /* NULL: there is none */
bool node_allows(const struct target *t, const struct node *n, const char *initiator);

/* luns.c */
int luns_add(struct target *t, struct node *n, uint32_t number, const char *spec, const struct reason *why);
int luns_remove(struct target *t, struct node *n, uint32_t number, const struct reason *why);
/* `size` as in "1G"; NULL: what is behind it has changed. */
int luns_resize(struct node *n, uint32_t number, const char *size, const struct reason *why);
void luns_settle(struct target *t); /* closes what was taken away and is not used any more */
void luns_close(struct target *t);

/* parting.c */
void parting_kick(struct target_session *ts); /* tells it, and ends it */
/* It is to log out within so many seconds, or is ended by target_tick(). false: it cannot be told now. */
bool parting_ask(struct target_session *ts, uint32_t seconds);
bool parting_overdue(const struct target_session *ts, uint64_t now);

/* keys.c: what the target wants of each negotiation key, from its defaults and the configuration's words.
 */
int target_keys(struct negotiation *n, const struct serve_config *c, const struct reason *why);
/* The same, and then these words. */
int target_keys_besides(struct negotiation *n, const struct serve_config *c, const char *const *words,
                        uint32_t count, const struct reason *why);

/* nexus.c */
struct link *target_accept(void *portal, const struct engine_addr *from);
void target_session_end(struct target_session *ts);
void target_session_drop(struct target_session *ts, bool reset); /* with a RST, or without */
/* What its core has to say, and to be executed. false: the session has ended. */
bool target_session_progress(struct target_session *ts);
/* Frees a session that has ended, once nothing of it is under way. */
void target_session_settle(struct target_session *ts);
void target_tick(struct target *t, uint64_t now);

/* watch.c: nothing happens in these where no referee is wanted */
int watch_open(struct target *t);
void watch_close(struct target *t);
bool watch_begin(
    struct target_session *ts); /* when its conn is attached, behind other filters; false: no memory */
void watch_end(struct target_session *ts); /* when its link is closed */
void watch_verdict(const struct target *t);

/* manage.c */
void manage(struct target_session *ts, struct task *tmf);
/* Answers the requests that wait no longer; called when a command that was aborted has ended. */
void manage_settle(struct target *t);
/* The session of a nexus aborts what it has on a LU, because another preempts it. */
uint32_t manage_preempted(struct nexus *n, uint64_t lun);

/* job.c: callbacks of the core (owner = struct target_session) and execution */
void job_arrive(void *owner, struct task *task);
void job_begin(void *owner, struct task *task);
void job_abort(void *owner, struct task *task);
void job_end(void *owner, struct task *task);
struct job *job_take(struct target_session *ts, struct task *task); /* NULL: no memory */
void job_give(struct job *job);
void job_execute(struct target_session *ts, struct task *task);
void jobs_free(struct target *t);

/* traffic.c */
void traffic_note(const struct job *job); /* its command is done */

/* send_targets.c: callback of the core */
bool send_targets(void *owner, struct conn *c, struct span request, struct writer *answer, uint32_t *cursor);

/* stage.c, bend.c: scripts that bend what sessions send and receive. Without one all of this does nothing. */
int stage_open(struct target *t, const struct reason *why);
void stage_report(const struct target *t); /* tells how the rules went */
void stage_each_rule(const struct target *t, void (*tell)(void *arg, const struct serve_rule *rule),
                     void *arg);
void stage_close(struct target *t);
uint64_t stage_deadline(const struct target *t);
void stage_turn(struct target *t, uint64_t now);           /* after every poll */
void stage_login(struct target_session *ts);               /* before it reinstates others */
struct link_filter *bend_begin(struct target_session *ts); /* NULL: it is not bent */
void bend_end(struct target_session *ts);
bool bend_keeps(struct target_session *ts); /* it is not to end yet: its last words are still to leave */
bool bend_has_ended(const struct target_session *ts); /* but for them; the end has been told of */
bool bend_outlives(const struct target_session *ts);  /* reinstatement is not to end it */

/* serve.c: a target's life, but for the loop. */
/* On this engine, which it takes over; NULL: no memory, or there is no engine. */
struct target *target_new(const struct serve_config *config, struct engine *engine);
int target_open(struct target *t, const struct reason *why);
void target_free(struct target *t); /* waits for what is under way */
/* Writes the sentence, returns `error`. */
int serve_refuse(const struct reason *why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What has just been refused (an error, else it does nothing) is about this text of the configuration: its
 * place goes before the sentence. Returns `error`. */
int serve_blame(const struct serve_config *c, const char *text, int error, const struct reason *why);

#endif
