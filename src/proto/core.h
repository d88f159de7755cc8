/* SPDX-License-Identifier: MIT */
/* Inside of the protocol core: the connection's parts and the calls between its files. Not for floors above.
 *
 *   frame.c      bytes -> PDUs            dispatch.c   PDU -> handler, one row per opcode
 *   prediction.c  where the next data segment will belong
 *   transmit.c   PDUs -> gather list      outbox.c     small PDUs waiting to be sent
 *   initiator_*.c, target_*.c             the two roles' handlers and PDU sources
 *   management.c  what an initiator's task management covers and ends
 *   login*.c     login phase              freeze*.c    state to record and back
 *   moves.c      which state follows which */
#ifndef PROTO_CORE_H
#define PROTO_CORE_H

#include "base/bytes.h"
#include "proto/conn.h"
#include "wire/crc32c.h"
#include "wire/serial.h"

enum frame_state { FRAME_HEAD, FRAME_DATA, FRAME_TAIL };
enum frame_sink { SINK_NONE, SINK_CONTROL, SINK_TASK };

#define FRAME_HEAD_MAX (WIRE_BHS_LEN + WIRE_AHS_MAX + WIRE_DIGEST_LEN)
#define FRAME_TAIL_MAX (3 + WIRE_DIGEST_LEN) /* padding and data digest */

/* After a data segment of at least this size the next header is expected to announce another: staging would
 * only catch payload that then has to be copied. */
#define FRAME_LARGE (32u * 1024)

/* Receiving into where the data segment after the current one is believed to belong. */
struct prediction {
    struct task *task; /* NULL: nothing was offered */
    uint32_t offset;
    uint32_t between;       /* bytes up to there, from the end of the current data segment on */
    uint32_t came;          /* bytes of it, once they are here */
    uint32_t doubt, passes; /* after a wrong one; how many are still to be left out */
};

/* Receiving: where we are inside the current PDU. */
struct frame {
    uint8_t state; /* enum frame_state */
    uint8_t sink;  /* enum frame_sink: where the data segment goes */
    uint32_t head_have, head_need;
    uint32_t data_have, data_len;
    uint32_t tail_have, tail_need;
    uint32_t crc;
    bool news; /* a PDU has ended since somebody asked */
    struct task *task;
    uint32_t task_offset;
    uint64_t want_direct;            /* bytes of the last rx_want that go to the task */
    struct task *lent;               /* the task into whose memory an engine receives in the background */
    uint32_t stage_begin, stage_end; /* unread bytes in the staging area */
    uint32_t stage_limit;            /* how much of it to offer: small while large payloads come */
    struct prediction next;
    uint8_t head[FRAME_HEAD_MAX];
    uint8_t tail[FRAME_TAIL_MAX + 1];
};

#define SLOT_HEAD_MAX (WIRE_BHS_LEN + WIRE_AHS_CDB_MAX + WIRE_DIGEST_LEN)

/* A PDU on its way out. Its payload is either a range of the task's data or the outbox' data area. */
struct tx_slot {
    uint8_t head[SLOT_HEAD_MAX];
    uint8_t tail[FRAME_TAIL_MAX + 1];
    uint8_t head_len, tail_len;
    bool control;  /* payload is the outbox' data */
    bool farewell; /* when it is out: CONN_EV_LOGGED_OUT or the login's failure */
    bool last;     /* target: the task's status is in it */
    struct task *task;
    uint32_t task_offset, data_len;
};

struct transmit {
    uint32_t first, count;
    uint64_t sent;                       /* bytes of the first slot already out */
    struct tx_slot slots[CONN_TX_SLOTS]; /* ring */
};

/* Small PDUs that carry no SCSI data: a ring of headers, and one data segment at a time. */
struct outbox_entry {
    uint8_t bhs[WIRE_BHS_LEN];
    uint32_t data_len;
    bool farewell;
    struct task *task; /* freed when the PDU is out (target) */
};

struct outbox {
    uint32_t first, count;
    bool data_busy;
    struct outbox_entry entries[CONN_OUTBOX];
    uint8_t data[CONN_CONTROL_MIN];
};

struct conn {
    struct session *session;
    struct list node; /* in session->conns */
    struct conn_config config;
    uint8_t role;  /* enum wire_role */
    uint8_t phase; /* enum conn_phase */
    bool failed;   /* CONN_EV_ERROR was raised: nothing is parsed any more */
    bool ping_out;
    bool parting;        /* initiator: no new command goes out */
    uint16_t moves_seen; /* bit from * CONN_PHASES + to */
#ifdef BERTH_MOVES
    uint32_t login_moves_seen; /* bit per row of login_moves */
#endif
    uint32_t epoch;
    uint32_t exp_stat_sn;  /* initiator: next StatSN expected */
    uint32_t told_stat_sn; /* initiator: the ExpStatSN that was sent last */
    uint32_t stat_sn;      /* target: next StatSN to give */
    bool header_digest, data_digest;
    uint32_t max_send, max_recv; /* data segment bytes */
    uint64_t last_rx, login_deadline;
    uint64_t answers_at; /* initiator: nothing but answers to pings is in the outbox, and they go then; 0: at
                            once */
    void *owner;
    struct frame rx;
    struct login login;
    struct task *command;  /* target: receives the data segment of the current PDU */
    struct list tasks;     /* by allegiance */
    struct list sending;   /* initiator: owe Data-Out. Target: have R2Ts to send */
    struct list answering; /* target: have Data-In or status to send */
    struct conn_event events[CONN_EVENTS];
    uint32_t event_first, event_count;
    uint32_t text_cursor; /* target: continuation of a long text answer */
    uint32_t text_ttt;
    uint32_t control_have; /* text kept from login PDUs with C=1, at the start of `control` */
    uint8_t *stage;        /* config.stage_bytes */
    uint8_t *control;      /* config.control_bytes: received control data */
    /* Large, and touched only as far as they are used: most connections are idle. */
    struct transmit tx;
    struct outbox out;
};

/* conn.c */
/* A connection of the session in its first state, before anything is said. */
struct conn *conn_blank(void *memory, struct session *s, const struct conn_config *config);
void conn_fail(struct conn *c, int error, const char *rule);
struct conn_event *conn_raise(struct conn *c,
                              enum conn_event_kind kind); /* event slot to fill in; never NULL */
void conn_enter_full_feature(struct conn *c);
/* Takes the agreed digests and limits of a finished negotiation into force. */
void conn_apply_keys(struct conn *c, const struct negotiation *keys);

/* frame.c */
void frame_init(struct conn *c);
void frame_resume(struct conn *c);
void frame_forget_task(struct conn *c, const struct task *task);
void frame_unlend(struct conn *c); /* no receive is under way any more */

/* prediction.c */
/* Segments for what stands between this data segment and the next, and for the next. 0: it cannot be
 * foretold. */
uint32_t prediction_want(struct conn *c, struct berth_seg *segs, uint32_t max);
/* `came` is set, and what stands between has been taken. Returns how much of it is in place; the rest is
 * staged. */
uint32_t prediction_settle(struct conn *c);
/* The predicted task's memory is no longer to be touched. */
void prediction_withdraw(struct conn *c);

/* dispatch.c: what a role does with a PDU. `begin` runs when the header is complete (and its digest checked):
 * it validates and says where the data segment goes by setting pdu->task or leaving it NULL; false fails the
 * connection (conn_fail was called). `end` runs when the data segment is complete. */
struct dispatch_row {
    uint8_t sender;    /* enum wire_role; the row's index is the operation code */
    uint8_t phases;    /* bit per enum conn_phase */
    bool scsi_data;    /* its data segment goes to a task */
    bool control_data; /* its data segment goes to the control buffer */
    bool spill;        /* control data beyond the buffer is swallowed, not an error */
    const char *section;
    bool (*begin)(struct conn *c, struct pdu *pdu);
    void (*end)(struct conn *c, const struct pdu *pdu);
};
const struct dispatch_row *dispatch_find(const struct conn *c, uint8_t opcode);
bool dispatch_begin(struct conn *c, struct pdu *pdu);
/* During login: can this still become what we wait for? Asked for every piece of a header, with `have` bytes
 * of it. */
bool dispatch_plausible(struct conn *c, const uint8_t *head, uint32_t have);
/* A data segment arrived with a wrong digest: what 7.8 says for its opcode. */
void dispatch_data_digest_error(struct conn *c, const struct pdu *pdu);

/* outbox.c */
bool outbox_ready(const struct conn *c); /* room for an answer with data to whatever comes next */
/* May a PDU of the role's own use the data area? Not while an answer that needs it may follow. */
bool outbox_data_free(const struct conn *c);
/* Room for a PDU that the owner asks for, beside the answer to what is being received. */
bool outbox_spare(const struct conn *c);
/* Queues a PDU; its data (data_len bytes) has been written to outbox_data() if there is any. */
struct outbox_entry *outbox_push(struct conn *c, const uint8_t *bhs, uint32_t data_len);
bool outbox_next(struct conn *c, struct tx_slot *slot);
void outbox_released(struct conn *c, uint32_t data_len); /* that many bytes of it were sent */

/* transmit.c: the roles' PDU sources, asked in transmit order. false: nothing to send now. */
bool conn_pdu_next(struct conn *c, struct tx_slot *slot);
uint64_t slot_len(const struct tx_slot *slot);
void transmit_mark_unsent(struct conn *c); /* initiator: the transport is gone, and these commands stayed */
void transmit_forget(struct conn *c);      /* the transport is gone: drop all references to tasks */
bool initiator_next(struct conn *c, struct tx_slot *slot);
bool target_next(struct conn *c, struct tx_slot *slot);
bool initiator_pending(const struct conn *c);
bool target_pending(const struct conn *c);
void initiator_slot_done(struct conn *c, const struct tx_slot *slot);
void target_slot_done(struct conn *c, const struct tx_slot *slot);
/* Counters go in at the last moment, in wire order. */
void stamp_initiator(struct conn *c, uint8_t *bhs);
void stamp_target(struct conn *c, uint8_t *bhs, bool takes_stat_sn);

/* moves.c: what may follow each state, as bits of states. */
extern const uint8_t task_moves[TASK_STATES], conn_moves[CONN_PHASES];
void task_become(struct session *s, struct task *task, enum task_state state);
void conn_become(struct conn *c, enum conn_phase phase);

/* login_moves.c */
struct login_move {
    uint8_t role, from, from_step, to, to_step; /* stages and steps */
};
#define LOGIN_MOVES    18u
#define LOGIN_NO_STAGE 2u /* not started; a number that 11.12.3 does not use */
extern const struct login_move login_moves[LOGIN_MOVES];
void login_enter(struct conn *c, uint8_t stage);
void login_step(struct conn *c, enum login_chap_step step);
bool login_possible(const struct conn *c); /* is there a way to where it is? */

/* session.c */
struct task *session_find(struct session *s, uint32_t tag);
uint32_t session_tag(const struct session *s, const struct task *task);
struct task *session_admit(struct session *s, enum task_kind kind, bool immediate); /* target */
void session_window(struct session *s, const struct wire_window *w);                /* initiator: 4.2.2.1 */
uint32_t session_max_cmd_sn(struct session *s); /* target: what to announce */
/* Initiator: neither asks the window nor moves CmdSN on. */
bool session_urgent(const struct task *task);
void task_finish(struct task *task); /* outcome is set: done now, or when the transmitter lets go */
void task_settle(struct task *task); /* an engine let go of one reference */
struct session *task_session(const struct task *task);
void session_detach(struct session *s, struct conn *c); /* initiator: conn_drop's part */
void session_end(struct session *s, struct task *task); /* target: task leaves, owner told */
void session_ready(struct session *s, struct task *task);

/* The state of the connection's numbering, initiator: checks a target PDU's StatSN. false: swallow it (a
 * duplicate) or the connection failed (a gap). `consumes`: the PDU uses its StatSN up. */
bool initiator_counters(struct conn *c, const struct wire_window *w, bool consumes);

/* management.c: task management, initiator. */
enum owed { OWED_ALL, OWED_AN_END, OWED_NOTHING }; /* of a task's data, while its end is asked for */
enum owed manage_owed(const struct conn *c, const struct task *task);
uint32_t manage_ref_cmd_sn(const struct conn *c, const struct task *tmf);
void manage_sent(struct conn *c, const struct task *task);    /* any request is on its way */
void manage_over(struct session *s, const struct task *task); /* any request is not in flight any more */
void manage_answered(struct conn *c, struct task *tmf);
void manage_lun_ended(struct conn *c, uint64_t lun); /* the target says so (11.9.1 event 5) */

/* login.c: what both roles need. */
struct chap_keys { /* the CHAP keys of one PDU, 12.1.3 */
    uint8_t seen;  /* bit per key from KEY_CHAP_A on */
    uint8_t algorithm, id;
    struct span list, name;
    uint8_t challenge[CHAP_CHALLENGE_MAX], response[WIRE_HASH_MAX];
    size_t challenge_len, response_len;
    const char *flaw; /* constant words about a key that is wrong */
};
#define CHAP_BIT(key) (1u << ((key)-KEY_CHAP_A))
void login_begin(struct conn *c);                               /* initiator: first request */
void login_request_end(struct conn *c, const struct pdu *pdu);  /* target */
bool login_refused(const struct conn *c);                       /* target */
bool login_response_begin(struct conn *c, struct pdu *pdu);     /* initiator */
void login_response_end(struct conn *c, const struct pdu *pdu); /* initiator */
/* Keeps this PDU's text; true when it is complete, then *text covers all of it (valid until the next PDU). */
bool login_collect(struct conn *c, const struct pdu *pdu, bool more, struct reader *text);
/* Wipes what has been received of the login so far, unless it is part of a text that goes on; `len` bytes of
 * text are in the control buffer. */
void login_forget(struct conn *c, uint32_t len);
/* Takes all pairs of a complete text: negotiation, declarations, CHAP keys. Answers go to `w`. Returns a
 * negotiation_result; *offender names the key of a failure. */
int login_take(struct conn *c, struct reader *text, struct writer *w, struct chap_keys *chap,
               enum wire_key *offender);

/* login_chap.c: what both roles need. What is wrong comes back as constant words, NULL if nothing is. */
/* One of these keys. false: chap->flaw tells why it will not do. */
bool login_take_chap(struct conn *c, enum wire_key key, struct span value, struct chap_keys *chap);
/* Writes a fresh identifier and challenge of ours (12.1.3). false: no random bytes to be had. */
bool login_challenge(struct conn *c, struct writer *w);
/* Writes our name and the answer to the peer's challenge. */
const char *login_answer(struct conn *c, const struct login_credentials *who, const struct chap_keys *chap,
                         struct writer *w);
/* Did the peer answer our challenge with this secret, and not with our own? */
const char *login_verify(struct conn *c, const struct login_credentials *who, const struct chap_keys *chap);

/* One row of dispatch.c each. */
bool initiator_data_in_begin(struct conn *c, struct pdu *pdu);
void initiator_data_in_end(struct conn *c, const struct pdu *pdu);
void initiator_scsi_response(struct conn *c, const struct pdu *pdu);
void initiator_r2t(struct conn *c, const struct pdu *pdu);
void initiator_tmf_response(struct conn *c, const struct pdu *pdu);
void initiator_nop_in(struct conn *c, const struct pdu *pdu);
void initiator_text_response(struct conn *c, const struct pdu *pdu);
void initiator_logout_response(struct conn *c, const struct pdu *pdu);
void initiator_async(struct conn *c, const struct pdu *pdu);
void initiator_reject(struct conn *c, const struct pdu *pdu);
bool target_command_begin(struct conn *c, struct pdu *pdu);
void target_command_end(struct conn *c, const struct pdu *pdu);
bool target_data_out_begin(struct conn *c, struct pdu *pdu);
void target_data_out_end(struct conn *c, const struct pdu *pdu);
void target_tmf_request(struct conn *c, const struct pdu *pdu);
void target_nop_out(struct conn *c, const struct pdu *pdu);
void target_text_request(struct conn *c, const struct pdu *pdu);
void target_logout_request(struct conn *c, const struct pdu *pdu);
void target_snack(struct conn *c, const struct pdu *pdu);

#endif
