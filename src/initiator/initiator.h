/* SPDX-License-Identifier: MIT */
/* The policy over one session: resolve, connect, log in, keep alive, bring back, leave. Tasks go in, outcomes
 * come out; in between connections may die and come back without the floor above noticing more than a delay.
 *
 * Everything happens inside initiator_wait() or reactor_poll(), on the thread that its reactor belongs to. */
#ifndef INITIATOR_INITIATOR_H
#define INITIATOR_INITIATOR_H

#include "engine/engine.h"
#include "host/resolve.h"
#include "initiator/allowance.h"
#include "initiator/reactor.h"
#include "initiator/url.h"
#include "scsi/sense.h"
#include "wire/wish.h"

#define INITIATOR_DETAIL_MAX  512u
#define INITIATOR_REDIRECTS   4u                 /* hops before a redirect is taken for a loop */
#define INITIATOR_SEGMENT     (256u * 1024)      /* MaxRecvDataSegmentLength we declare */
#define INITIATOR_BURST       (1024u * 1024)     /* MaxBurstLength we offer */
#define INITIATOR_FIRST_BURST (256u * 1024)      /* FirstBurstLength we offer */
#define INITIATOR_STAGGER     (250ull * 1000000) /* ns from one address of a portal to the next (RFC 8305 5) */
#define INITIATOR_BACKOFF_MIN (10ull * 1000000)  /* ns between attempts to come back, doubling with jitter */
#define INITIATOR_BACKOFF_MAX (1500ull * 1000000) /* a target that is back is found within that */
#define INITIATOR_REFUSED     (50ull * 1000000)   /* ns, at least, before a refused login is tried again */
#define INITIATOR_STEADY                                                                                     \
    (100ull * 1000000) /* ns; a session that ends sooner has not ended the trouble before it */
#define INITIATOR_FIN (100ull * 1000000)   /* ns that the peer has, after logout, to end the connection */
#define INITIATOR_ACK (10000ull * 1000000) /* ns after which a status is acknowledged by itself */
#define INITIATOR_PATIENCE                                                                                   \
    (100ull * 1000000) /* ns between two looks at whether the caller has had enough                          \
                        */

#define INITIATOR_FOR_EVER UINT32_MAX /* ms, as a recovery timeout */

struct initiator_policy {
    uint32_t connect_timeout_ms, command_timeout_ms, recovery_timeout_ms;
    uint32_t abort_timeout_ms; /* of each step towards the end of a late command */
    uint32_t open_timeout_ms;  /* how long the first session is sought; 0: no longer than an attempt takes */
    uint32_t ping_interval_ms, ping_timeout_ms;
    uint16_t depth;
    bool header_digest, data_digest; /* demanded */
    uint8_t wait;                    /* enum engine_wait, of an engine of its own */
};

enum isid_kind { ISID_RANDOM, ISID_OF_NAME, ISID_GIVEN };

struct initiator_config {
    const char *initiator_name; /* one that name_typed() takes; NULL: the host's */
    uint8_t isid_kind;          /* enum isid_kind */
    uint8_t isid[ISID_LEN];     /* ISID_GIVEN */
    uint16_t isid_offset;       /* added to its qualifier, the last two bytes */
    const char *target_name;    /* NULL: discovery */
    struct portal portal;
    struct login_credentials mine, peer; /* copied */
    uint8_t algorithms[CHAP_LIST_MAX];   /* of CHAP, in order of preference */
    uint8_t algorithm_count;             /* 0: CHAP_ALGORITHMS */
    uint16_t challenge_min;              /* bytes of a challenge to us; 0: CHAP_CHALLENGE_MIN */
    struct initiator_policy policy;
    const char *const *keys; /* "MaxBurstLength=65536": what initiator_key_fits() lets through */
    uint32_t key_count;
    struct engine_bind bind;    /* of every connection */
    struct allowance allowance; /* where redirects may lead */
    struct reactor *reactor;    /* borrowed; NULL: an own one */
    struct engine *engine;      /* of the own one: see reactor_new() */
    const char *carrier;        /* see initiator_carry(); NULL: that engine itself */
    /* Names to addresses of that engine: at once, or RESOLVE_LATER. NULL: those of the system, for which a
     * thread asks */
    int (*resolve)(const struct portal *p, struct resolved *out, const char **why);
    uint64_t seed; /* of the pauses' jitter, for runs that are to repeat; 0: the system's generator */
};

/* What the floor above does. All called from inside initiator calls. */
struct initiator_owner {
    void (*task_done)(void *owner, struct task *task); /* outcome in the task; free it or submit it again */
    /* The connection died while this task was on the wire, or the target ended it for another's sake: 0 to
     * send it again, or the error to end it with. */
    int (*replay)(void *owner, const struct task *task);
    /* error < 0: the session is lost and being sought; or is sought for the first time, and was not found
     * yet. 0: it is up again; `text` is NULL, or what is new. */
    void (*session)(void *owner, int error, const char *text);
    /* It is not sought any more, or never was: tasks end with this error from now on. May be NULL. */
    void (*given_up)(void *owner, int error, const char *text);
    /* The target tells of something that no command asked for (11.9.1 event 0), such as a changed capacity.
     * `lun` is the field of the message; sense that could not be read is not passed on. May be NULL. */
    void (*attention)(void *owner, uint64_t lun, const struct scsi_sense *sense);
    /* Another engine carries the session from now on, for this reason: nothing is lost. May be NULL. */
    void (*carried)(void *owner, const char *why);
    /* The floor above, too, has its turn in every round that looks after this session: before anybody waits,
     * and afterwards. Returns when it wants the next one at the latest; UINT64_MAX: when something happens.
     * May be NULL. */
    uint64_t (*tend)(void *owner);
    /* Asked after every wait: true ends waiting calls with BERTH_E_ABORTED. May be NULL. */
    bool (*cancelled)(void *owner);
    void *owner;
};

/* Why a session was lost, as far as that makes a difference to those who look after it. */
enum initiator_loss {
    LOSS_CONNECTION, /* without a word */
    LOSS_SILENCE,
    LOSS_COMMAND, /* that could not be ended otherwise */
    LOSS_DIGEST,
    LOSS_PROTOCOL,
    LOSS_ASKED, /* by the target */
    LOSS_CALLER,
    LOSS_OTHER,
    LOSSES,
};

/* Counted since the beginning. */
struct initiator_counters {
    uint64_t attempts, failures; /* to reach the portal */
    uint64_t losses[LOSSES];
    uint64_t aborts, resets; /* asked for */
    uint64_t pings, pongs;
    uint64_t ping_last_ns, ping_min_ns, ping_max_ns; /* of those that were answered */
};

enum initiator_state {
    INITIATOR_IDLE,
    INITIATOR_RESOLVING,  /* the portal's name is being asked for */
    INITIATOR_CONNECTING, /* to its addresses */
    INITIATOR_LOGIN,
    INITIATOR_UP,
    INITIATOR_LEAVING, /* logout is on its way */
    INITIATOR_WAITING, /* lost; the next attempt is due at retry_at */
    INITIATOR_FAILED,  /* given up: `error` tells why */
    INITIATOR_STATES,
};

/* A portal and what is known of it. */
struct place {
    struct portal portal;
    struct resolved addresses; /* count 0: not asked for yet */
    uint32_t first;            /* the address that is to go first: the one that worked last */
    uint32_t failed;           /* bit per address that did not work in this attempt */
    bool stale;                /* none of the addresses answered: they may have changed */
    bool restricted;           /* only addresses that the allowance has count */
};

/* A connection, or an attempt at one. */
struct racer {
    struct link link;
    struct initiator *initiator;
    uint8_t address; /* of the place */
};

/* Attempts at all addresses of a place, each begun a little after the one before it (race.c). */
struct race {
    struct racer racers[RESOLVE_MAX];
    uint8_t order[RESOLVE_MAX]; /* the addresses, as they are to be tried */
    uint32_t count, next, running;
    uint64_t pause, next_at;
    int error; /* of those that failed, the one that tells most */
    char words[128];
};

/* In memory of their own: see host/vault.h. */
struct initiator_secrets {
    uint8_t mine[CHAP_SECRET_MAX], peer[CHAP_SECRET_MAX];
};

/* How far it has come with a command that is late or wanted back: see escalation.c. */
enum escalation_step { STEP_NONE, STEP_ABORT, STEP_RESET, STEP_SESSION };

#define ESCALATION_ABORTS 4u /* ABORT TASKs at once: a target takes few immediate requests (4.2.2.1) */

/* What this floor knows of a task; one for each slot. */
struct watch {
    struct list link;    /* in `late`, while its abort waits to be sent */
    struct task *abort;  /* the request that is out for it */
    uint32_t timeout_ms; /* from submission on; 0: the policy's */
    uint8_t step;        /* enum escalation_step */
    int error;           /* what it ends with, unless a response comes before; 0: nobody wants its end */
    bool wanted;         /* task management that the floor above has asked for, and is told of */
};

struct initiator {
    struct initiator_owner owner;
    struct initiator_policy policy;
    struct place home, away; /* as given; where a redirect leads */
    struct place *here;      /* one of the two */
    char initiator_name[NAME_MAX_LEN + 1], target_name[NAME_MAX_LEN + 1];
    char user[CHAP_NAME_MAX + 1], mutual_user[CHAP_NAME_MAX + 1];
    struct initiator_secrets *secrets; /* NULL: there are none */
    struct chap_memory challenges;     /* of all logins */
    struct login_config login;
    struct engine_bind bind;
    struct reactor *reactor;
    bool owns_reactor;
    struct list member, touched; /* of the reactor's */
    struct agenda_entry due;
    struct engine *engine; /* the reactor's */
    bool fronted;          /* who stands in front of that is to carry the connection */
    int (*resolve)(const struct portal *p, struct resolved *out, const char **why);
    struct lookup *lookup; /* the thread that asks for names; NULL while none was needed */
    struct portal asked;   /* what it was asked for; "" nothing, or its answer was taken */
    struct race race;
    struct link *link; /* the racer's that won last: our connection, while there is one */
    struct session *session;
    struct conn *conn; /* its memory lives as long as the initiator; in use while `attached` */
    bool attached;
    struct conn_config conn_config;
    uint32_t redirects;
    bool moved;       /* all of them were permanent */
    uint16_t refusal; /* login status that ended the attempt; 0: something else did */
    uint8_t state;    /* enum initiator_state; initiator_become() changes it */
#ifdef BERTH_MOVES
    uint64_t moves_seen; /* bit from * INITIATOR_STATES + to */
#endif
    bool kept;      /* a lost session is brought back */
    bool relogin;   /* LEAVING because the target asked for it: come back */
    bool pinged;    /* and not heard of it */
    bool dismissed; /* the target has told us to go */
    bool parting;   /* LEAVING, and logged out: only the end of the connection is to come */
    int32_t group;  /* portal group of the session; -1 unknown */
    int error;
    char detail[INITIATOR_DETAIL_MAX];
    struct watch *watches; /* by slot */
    struct list late;
    struct task *reset;     /* LOGICAL UNIT RESET that is out */
    uint32_t aborts;        /* ABORT TASKs that are out */
    uint64_t ask_at;        /* not before may another go */
    uint64_t part_by;       /* asked to log out: what is under way may take so long; 0: not asked */
    uint32_t part_given_ms; /* for the logout and its answer */
    uint64_t attempt_deadline, retry_at, ping_at;
    uint64_t silent_by;     /* LOGIN: some answer must have come, or another address has its turn */
    uint64_t scan_at;       /* no deadline is earlier */
    uint64_t open_deadline; /* before it is kept: no attempt begins after that */
    uint64_t up_at;         /* when the present session began, or the last one had begun */
    uint64_t down_at;       /* when it was lost */
    uint64_t idle_ns;       /* how long there was none, or nobody looked */
    uint64_t lost_at;       /* when the present trouble began: of it, recovery_timeout_ms are allowed */
    uint64_t wait_ns;       /* Time2Wait of the present session */
    uint64_t backoff;       /* the next pause, before jitter */
    uint64_t random;        /* for the jitter */
    uint64_t reconnects, replays;
    uint64_t rx_bytes, tx_bytes; /* of earlier connections */
    struct initiator_counters counters;
    uint64_t attempts;   /* to reach the portal, since the session was lost */
    uint64_t trouble_at; /* when `trouble` was; 0: there was none */
    /* Of redirects: large, and rarely touched. */
    struct allowance allowance;
    struct portal visited[INITIATOR_REDIRECTS]; /* in this attempt */
    /* The last thing that went wrong since it was opened, also if that is over: in pages that nobody touches
     * before. */
    int trouble_error;
    char trouble[INITIATOR_DETAIL_MAX];
};

/* Whether a login may ask for this; if not, `flaw` says why. */
bool initiator_key_fits(const char *word, char flaw[WISH_FLAW_MAX]);

int initiator_new(struct initiator **out, const struct initiator_config *config,
                  const struct initiator_owner *owner, char *detail, size_t detail_size);
/* Drops everything at once; tasks come back through task_done() with BERTH_E_ABORTED. Secrets are wiped. */
void initiator_free(struct initiator *i);

/* Resolves, connects and logs in; waits. On failure initiator_detail() has the words. */
int initiator_open(struct initiator *i);
/* From now on a lost session is brought back; before, it is a failure. */
void initiator_keep(struct initiator *i);
/* Begins to log out, which is to take at most `timeout_ms`. */
void initiator_leave(struct initiator *i, uint32_t timeout_ms);
/* The same, unless it has been begun, and waits for the answer. */
void initiator_close(struct initiator *i, uint32_t timeout_ms);

/* A free task, or NULL while all are in use; then submit it. Its deadline is `timeout_ms` after that, 0: that
 * of the policy. */
struct task *initiator_task(struct initiator *i, enum task_kind kind);
/* A command that goes ahead of all others, also while they are held back; there is room for one at least. */
struct task *initiator_task_ahead(struct initiator *i);
/* Holds back all commands that are not on the wire yet, or lets them go. Their deadlines run all the same. */
void initiator_hold(struct initiator *i, bool held);
/* `now` is the time, so that who submits many at once asks for it once. */
void initiator_submit(struct initiator *i, struct task *task, uint32_t timeout_ms, uint64_t now);
/* Sends a reaped task again (fresh tag, and as much time as before). */
void initiator_resubmit(struct initiator *i, struct task *task);
/* Wants a task back. It comes through task_done() with `error`, or with its true outcome if that is faster:
 * at once if it was not sent, otherwise when the target has let go of it, at most two times abort_timeout_ms
 * from now. A text comes back at once, and its answer is swallowed: leave next. */
void initiator_cancel(struct initiator *i, struct task *task, int error);
/* Ends the connection now, so that everything that was cancelled comes back without the target's help. */
void initiator_cut(struct initiator *i);
/* The same for a caller who wants another one, if there is one: 0, or BERTH_E_STATE after it has failed. */
int initiator_renew(struct initiator *i);
/* Has a function that ends more than one command carried out (11.5.1). It comes through task_done(), and so
 * do the commands that it has ended, with BERTH_E_ABORTED. NULL: not now. 0 ms: as long as any step towards
 * the end of a late command; after that the session ends. */
struct task *initiator_manage(struct initiator *i, uint8_t function, uint64_t lun, uint32_t timeout_ms);
void initiator_task_free(struct initiator *i, struct task *task);

/* One round of work, of the reactor's: for this session and for the others there. Returns 0, or the error
 * that made this session fail for good. */
int initiator_wait(struct initiator *i, uint64_t until_ns);
/* Sends what is ready to be sent, for callers that will not be back soon. */
void initiator_flush(struct initiator *i);
/* Delivers what is finished already, without waiting. */
void initiator_settle(struct initiator *i);

/* Has the engine of this name carry the connection, now and later, see engine_beside(). 0, or an error, with
 * words in `why`, and all is as before. */
int initiator_carry(struct initiator *i, const char *name, const char **why);
const char *initiator_carrier(const struct initiator *i); /* the name of the one that does, or would */

/* Other times, in force at once: also for commands and requests that wait for an answer, unless they have
 * times of their own, and for how long a lost session is sought. For the attempt that is under way they come
 * too late. The rest of the policy stays as it was. */
void initiator_set_times(struct initiator *i, const struct initiator_policy *policy);

/* Puts an error of the caller's into initiator_detail(), with the portal in front. */
void initiator_say(struct initiator *i, int error, const char *text);
/* When the last byte came: which for what is done in this round is when it was done, and costs nothing. */
uint64_t initiator_heard(const struct initiator *i);
/* Commands wait, and the target takes none of them (4.2.2.1). */
bool initiator_shut_out(const struct initiator *i);
/* Something went wrong that the floor above has to tell of: for `trouble`. */
void initiator_note(struct initiator *i, int error, const char *text);
uint64_t initiator_now(const struct initiator *i);
/* When a session that is sought is given up; UINT64_MAX: it is not, or there is none that is sought. */
uint64_t initiator_gives_up(const struct initiator *i);
/* A clock of the time that the target had: it stands while the session is lost, and leaves out what the
 * caller was away for long. */
uint64_t initiator_served(const struct initiator *i);
const char *initiator_detail(const struct initiator *i);

#endif
