/* SPDX-License-Identifier: MIT */
/* What the referee remembers, and the calls its sources make of each other.
 *
 *   court.c    connections, sessions, the count     hearing.c  each PDU of the initiator
 *   answers.c  each PDU of the target               reserved.c bits that are fixed
 *   login.c    login phase                          chap.c     authentication
 *   pairs.c    keys and what was agreed             texts.c    Text Requests
 *   numbers.c  CmdSN and ExpStatSN                  tasks.c    tasks by their tags
 *   command.c  SCSI commands                        data.c     Data-Out and R2T
 *   manage.c   task management                      nop.c      pings
 *   parting.c  logout, asynchronous messages        snack.c    SNACK
 *   report.c   violations as text
 *
 * judge_X() is for a PDU of the initiator, note_X() for one of the target. */
#ifndef REFEREE_COURT_H
#define REFEREE_COURT_H

#include "base/bytes.h"
#include "base/list.h"
#include "referee/referee.h"
#include "wire/keys.h"
#include "wire/serial.h"

#define REFEREE_TASKS_MAX   1024u /* per session: tasks at once; more are not followed */
#define REFEREE_TASKS_CHUNK 32u   /* so many are allocated at a time */
#define REFEREE_BUCKETS     256u  /* of the table from tags to tasks; a power of two */
#define REFEREE_R2T_MAX     8u    /* outstanding R2Ts of a task; one with more is not followed */
#define REFEREE_PINGS_MAX   8u /* pings of the target that wait for their answer; later ones are not missed */
#define REFEREE_GAPS_MAX    8u /* rejected requests whose numbers may be used again */
#define REFEREE_ACKS_MAX    8u /* Data-In with the A bit, the last of them */
#define REFEREE_UNACKED_MAX 1024u /* responses that an initiator may take without moving ExpStatSN */
#define REFEREE_PATIENCE_NS (30ull * 1000000000) /* for the answer to a ping */
#define REFEREE_DETAIL_MAX  256u
#define REFEREE_PEER_MAX    80u
#define REFEREE_TSIH_WORDS  1024u /* a bit for each TSIH there can be */

/* --- tasks --- */

/* A run of Data-Out PDUs: the unsolicited one, or the answer to an R2T. */
struct burst_seen {
    uint64_t lun;
    uint32_t ttt, offset, len;
    uint32_t moved, data_sn;
};

struct task_seen {
    struct list bucket; /* in its session's table, or among the spare ones */
    struct list queue; /* in referee->unsolicited while such data is due, in referee->ended when it is over */
    struct referee *owner; /* the connection of allegiance; NULL: that is gone */
    uint8_t bhs[WIRE_BHS_LEN];
    uint32_t itt, cmd_sn, edtl;
    uint64_t lun, born; /* born: counts the PDUs of the court */
    bool live;          /* not a spare one */
    bool immediate, write;
    bool ended;      /* the target has answered; data may be on its way still */
    bool aborted;    /* task management wants its end: a sequence may be cut short */
    bool stopped;    /* with FastAbort: no more data */
    bool blind;      /* more R2Ts than can be remembered */
    uint32_t end_sn; /* StatSN of the answer */
    bool unsolicited_due;
    struct burst_seen unsolicited;
    struct burst_seen r2t[REFEREE_R2T_MAX]; /* a ring */
    uint8_t r2t_first, r2t_count;
    uint32_t data_acked; /* DataSN below this was acknowledged */
};

/* The number of a request that was rejected. */
struct gap_seen {
    bool open;
    uint32_t cmd_sn;
};

struct session_seen {
    struct list link; /* in court->sessions */
    uint32_t connections;
    bool wide; /* had several connections: what order is kept across them cannot be told */
    bool discovery;
    bool crowded; /* a task was not remembered: a tag that is not found proves nothing */
    uint16_t tsih;
    uint8_t isid[6];
    int32_t group; /* TargetPortalGroupTag; -1 not told */
    char initiator[NAME_MAX_LEN + 1], target[NAME_MAX_LEN + 1];
    uint32_t next_cmd_sn, max_cmd_sn;
    struct gap_seen gaps[REFEREE_GAPS_MAX]; /* the last of them */
    uint32_t gap_next;
    uint32_t immediates; /* since the last numbered command */
    uint32_t agreed[KEY_COUNT];
    struct list buckets[REFEREE_BUCKETS], spare;
    uint32_t chunk_count;
    struct task_seen *chunks[REFEREE_TASKS_MAX / REFEREE_TASKS_CHUNK];
};

/* --- texts --- */

/* A logical text, gathered over PDUs with C=1 (6.1). */
struct text_seen {
    uint32_t len; /* up to TEXT_TOTAL_MAX */
    bool cut;     /* not all of it was kept: nothing is said about it */
    uint8_t *bytes;
};

struct bargain {
    bool leading;
    uint64_t sent;             /* keys of the initiator in this negotiation */
    uint64_t asked;            /* of these, proposals not answered yet */
    uint64_t proposed;         /* keys of the target, not answered yet */
    uint64_t due;              /* of these, those that need an answer */
    uint32_t offer[KEY_COUNT]; /* the target's proposals: numbers, choices */
    bool vendor;               /* a key with X- was among the pairs */
    uint32_t unknown_due;      /* keys of the target that are in no table */
    uint32_t unknown_answered;
    uint32_t pairs; /* of the text at hand */
    uint32_t limit; /* declared by the target: MaxRecvDataSegmentLength */
    uint32_t agreed[KEY_COUNT];
};

enum chap_stage { CHAP_NONE, CHAP_CHOSEN, CHAP_LISTED, CHAP_CHALLENGED, CHAP_ANSWERED };

struct chap_seen {
    uint8_t stage;
    uint32_t keys; /* a bit for each CHAP key of the text at hand */
    long challenge_len;
    uint8_t challenge[1024]; /* the target's (12.1.3) */
};

struct login_seen {
    bool started;
    bool awaiting; /* a request without its response */
    bool more;     /* the response was C=1 */
    bool named;    /* the first text is complete */
    uint8_t stage; /* as agreed so far */
    struct wire_login_request first;
};

struct exchange_seen {
    bool awaiting, more;
    bool open; /* the target wants another request */
    bool immediate;
    bool targets; /* SendTargets was asked for */
    uint32_t itt, ttt;
    uint64_t lun;
};

/* --- the connection --- */

enum phase_seen { SEEN_LOGIN, SEEN_FULL, SEEN_REFUSED };

struct ping_seen {
    bool waiting;
    uint32_t ttt;
    uint64_t lun, at;
};

struct ack_seen {
    bool asked;
    uint32_t ttt, itt;
    uint64_t lun;
};

/* What the target asked for with an asynchronous message. */
struct request_seen {
    bool waiting;
    uint32_t stat_sn;
    uint64_t by;
};

struct referee {
    struct list link; /* in court->connections */
    struct referee_court *court;
    struct session_seen *session; /* its own until the login joins another */
    struct scan received, sent;
    uint32_t number;
    char peer[REFEREE_PEER_MAX];
    uint8_t shown[RULE_COUNT];
    uint8_t bhs[WIRE_BHS_LEN]; /* of the initiator's PDU at hand, or the last one */
    uint64_t offset;

    uint8_t phase; /* enum phase_seen */
    bool first;    /* no PDU of the full feature phase has come yet */
    bool leaving;  /* a Logout Request has come */
    bool stat_known;
    uint32_t next_stat_sn, login_stat_sn, acked;
    uint32_t unacked; /* responses since ExpStatSN last moved */
    uint32_t last_cmd_sn;
    struct login_seen login;
    struct bargain bargain;
    struct chap_seen chap;
    struct exchange_seen text;
    struct list unsolicited; /* tasks with such data due, in the order of their commands */
    struct list ended;       /* tasks that the target has answered, oldest first */
    struct ping_seen pings[REFEREE_PINGS_MAX];
    bool ping_missed; /* there were too many: a tag that is not found proves nothing */
    struct ack_seen acks[REFEREE_ACKS_MAX];
    uint32_t ack_next;
    struct request_seen logout_asked, text_asked;
    bool rival; /* the same initiator port has begun another session */
    uint32_t rival_stat_sn;
    struct text_seen mine, theirs; /* the initiator's text and the target's */
};

struct referee_court {
    struct referee_config config;
    struct referee_totals totals;
    struct list connections, sessions;
    uint64_t tsih_given[REFEREE_TSIH_WORDS];
};

/* court.c */
__attribute__((format(printf, 3, 4))) void foul(struct referee *r, enum rule_id rule, const char *format,
                                                ...);
uint64_t court_now(const struct referee *r);
struct session_seen *court_session(struct referee_court *court, uint16_t tsih);
void court_join(struct referee *r, uint16_t tsih);
void court_find_rival(struct referee *r);
bool court_gave_tsih(const struct referee_court *court, uint16_t tsih);

/* hearing.c, answers.c: callbacks of the two scans */
void hear(void *referee, const struct scan_pdu *pdu);
void heed(void *referee, const struct scan_pdu *pdu);

/* reserved.c */
void judge_reserved(struct referee *r, const uint8_t *bhs);

/* numbers.c */
void judge_ack(struct referee *r, const uint8_t *bhs);
/* true: the request is a new one. */
bool judge_number(struct referee *r, const uint8_t *bhs);
void note_window(struct referee *r, const uint8_t *bhs);
void note_gap(struct referee *r, const struct scan_pdu *pdu);
void note_status(struct referee *r, uint32_t stat_sn);

/* tasks.c */
struct task_seen *task_find(struct session_seen *s, uint32_t itt);
struct task_seen *task_begin(struct referee *r, const uint8_t *bhs);
void task_end(struct task_seen *t, uint32_t stat_sn);
void tasks_acknowledged(struct referee *r, uint32_t exp_stat_sn);
void tasks_orphan(struct referee *r);
/* Task number `at`, of 0 to tasks_count() - 1; it may be a spare one. */
struct task_seen *task_at(const struct session_seen *s, uint32_t at);
uint32_t tasks_count(const struct session_seen *s);
void tasks_free(struct session_seen *s);
static inline uint8_t task_opcode(const struct task_seen *t)
{
    return wire_opcode(t->bhs);
}

/* pairs.c */
void bargain_init(struct bargain *b);
void bargain_restart(struct bargain *b);
/* false: the text is malformed, or not all of it was kept. */
bool judge_pairs(struct referee *r, uint8_t where);
void note_pairs(struct referee *r);

/* chap.c */
void judge_chap_key(struct referee *r, enum wire_key key, struct span value);
void judge_chap_text(struct referee *r);
void note_chap_key(struct referee *r, enum wire_key key, struct span value);

/* texts.c */
bool text_gather(struct text_seen *t, const struct scan_pdu *pdu, bool more);
void text_done(struct text_seen *t);
void judge_text(struct referee *r, const struct scan_pdu *pdu);
void note_text(struct referee *r, const struct scan_pdu *pdu);

/* login.c */
void judge_login(struct referee *r, const struct scan_pdu *pdu);
void judge_agreement(struct referee *r);
void note_login(struct referee *r, const struct scan_pdu *pdu);

/* command.c, data.c */
void judge_command(struct referee *r, const struct scan_pdu *pdu);
void judge_lun(struct referee *r, uint64_t lun);
void judge_data_out(struct referee *r, const struct scan_pdu *pdu);
void note_data_in(struct referee *r, const struct scan_pdu *pdu);
void note_r2t(struct referee *r, const struct scan_pdu *pdu);

/* manage.c */
void judge_tmf(struct referee *r, const struct scan_pdu *pdu);
void note_tmf(struct referee *r, const struct scan_pdu *pdu);

/* nop.c */
void judge_nop(struct referee *r, const struct scan_pdu *pdu);
void judge_unanswered_pings(struct referee *r);
void note_nop(struct referee *r, const struct scan_pdu *pdu);

/* parting.c */
void judge_logout(struct referee *r, const struct scan_pdu *pdu);
void judge_parting(struct referee *r, const uint8_t *bhs);
void note_logout(struct referee *r, const struct scan_pdu *pdu);
void note_async(struct referee *r, const struct scan_pdu *pdu);

/* snack.c */
void judge_snack(struct referee *r, const struct scan_pdu *pdu);

#endif
