/* SPDX-License-Identifier: MIT */
/* A connection (RFC 7143 4.2.2.2, 6, 8): frame machine, StatSN, digests, segment limits, login. Both roles.
 *
 * The core says where the next bytes belong; an engine only moves them:
 *
 *     n = conn_rx_want(conn, segs, max);   receive into segs[0..n)    conn_rx_done(conn, epoch, bytes, now);
 *     n = conn_tx_peek(conn, segs, max);   send segs[0..n)            conn_tx_done(conn, epoch, bytes);
 *
 * Time is an argument (nanoseconds of any steady clock). Everything that has happened is drained with
 * conn_event() and session_reap() / session_next_ready().
 *
 * Later engines find their place beside these calls:
 *   conn_feed_ref(conn, buffer, release): the lending twin of conn_feed(), for engines that own receive
 * buffers. conn_tx_release(conn, bytes): with zero-copy sending tx_done only means "handed over"; tx_refs of
 * the tasks would drop at release. Sending by copy needs no such call: conn_tx_done() releases. Engines that
 * carry whole messages (iSER) use conn_pdu_received(), conn_pdu_next() and task_data_placed(): the byte
 * stream below is only a wrapper over these three. */
#ifndef PROTO_CONN_H
#define PROTO_CONN_H

#include "base/cursor.h"
#include "proto/login.h"
#include "proto/session.h"

#define CONN_STAGE_MAX   (256u * 1024)
#define CONN_STAGE_MIN   (4u * 1024)
#define CONN_CONTROL_MAX (64u * 1024) /* longest data segment of a PDU that is not SCSI data */
#define CONN_CONTROL_MIN 8192u        /* login text, 13.12 default */
#define CONN_TX_SLOTS    128u /* PDUs that one send can gather: 16 writes of 64 KiB in PDUs of 8 KiB */
#define CONN_OUTBOX      64u
#define CONN_ANSWERS_NS  (1000ull * 1000) /* so long may answers to pings wait for each other */
#define CONN_EVENTS      32u
#define CONN_SENSE_MAX   20u /* bytes of a SCSI event: its key and code in either format */

/* Connection states of RFC 7143 8.1.3 as far as ERL 0 needs them. */
enum conn_phase {
    CONN_LOGIN,  /* S4 IN_LOGIN */
    CONN_FULL,   /* S5 LOGGED_IN */
    CONN_LOGOUT, /* S6 IN_LOGOUT: a Logout Request is on its way */
    CONN_CLOSED, /* S1: nothing moves any more */
    CONN_PHASES,
};

/* One PDU as a message: what stands beside the byte stream. `data` is set for PDUs whose data segment is not
 * SCSI data; SCSI data has gone (or goes) to the task by reference. */
struct pdu {
    const uint8_t *bhs;
    const uint8_t *ahs;
    uint32_t ahs_len;
    uint32_t data_len;
    const uint8_t *data;  /* received control data */
    struct task *task;    /* task of the SCSI data, or NULL */
    uint32_t task_offset; /* where in the task's data the segment begins */
};

enum conn_event_kind {
    CONN_EV_LOGGED_IN,    /* full feature phase */
    CONN_EV_LOGIN_FAILED, /* error, login_status; the connection is to be closed after what is queued was sent
                           */
    CONN_EV_REDIRECT,     /* login_status 01xx; `portal` tells where */
    CONN_EV_ASYNC,        /* async */
    CONN_EV_LOGGED_OUT, /* logout response came (initiator; error: it was refused) or was sent (target): close
                         */
    CONN_EV_TMF, /* target: task management request in `task` (state READY): carry out, then session_respond()
                  */
    CONN_EV_REJECT, /* the peer rejected a PDU of ours: reject_reason; tasks have been ended accordingly */
    CONN_EV_ERROR,  /* the connection is unusable: error, rule */
};

struct conn_event {
    uint8_t kind; /* enum conn_event_kind */
    uint8_t reject_reason;
    uint16_t login_status;
    int error;
    const char
        *rule; /* constant words for messages, with the RFC section: "R2T beyond the command's data (11.8)" */
    struct task *task;
    struct wire_async
        async;         /* LOGGED_OUT: parameter2 is the Time2Wait of a response that refuses (11.15.3) */
    uint8_t sense_len; /* of the message; what is longer is cut */
    uint8_t sense[CONN_SENSE_MAX];
};

struct conn_config {
    uint16_t cid;
    uint32_t stage_bytes;   /* CONN_STAGE_MIN..MAX */
    uint32_t control_bytes; /* CONN_CONTROL_MIN..MAX: bounds what we let the peer send outside SCSI data */
    uint32_t direct_bytes;  /* payload remainders at least this long are received straight into place */
    bool background_rx; /* the engine receives between rx_want and rx_done, not inside one call: see there */
    uint64_t login_timeout_ns;
    const struct login_config *login; /* borrowed until login ends */
};

size_t conn_size(const struct session *s, const struct conn_config *config);
/* Joins a new connection to the session; `memory` has conn_size() bytes, 16-aligned, zeroed before its first
 * use. Initiator: the first
 * Login Request is ready to be sent when it returns. */
struct conn *conn_init(void *memory, struct session *s, const struct conn_config *config, uint64_t now);

/* The transport is gone or must go, and no engine moves bytes of it any more: tasks become DETACHED
 * (initiator) or end (target), the epoch moves on, the connection leaves the session; its memory may be
 * reused afterwards. */
void conn_drop(struct conn *c);

/* Receiving. rx_want returns the number of segments (0: nothing may be received now; a send will change
 * that). They hold until rx_done or the next rx_want. With config.background_rx other calls may come in
 * between, and a task given up meanwhile is not done until rx_done, be it with 0 bytes, or the next rx_want
 * has said that nothing writes to its memory any more; without, any other call makes them void. */
uint32_t conn_rx_want(struct conn *c, struct berth_seg *segs, uint32_t max);
/* `n` bytes are in place, in the order of the last rx_want. Bytes of an older epoch are ignored. */
void conn_rx_done(struct conn *c, uint32_t epoch, uint64_t n, uint64_t now);
/* Sets config.background_rx, for a connection that another engine takes over. No receive is under way. */
void conn_background_rx(struct conn *c, bool on);
/* Copying twin of the two; takes at most `n` bytes, returns how many (fewer when the core must send first).
 */
uint64_t conn_feed(struct conn *c, const void *bytes, uint64_t n, uint64_t now);

/* Sending: one gather list over many PDUs, in order. Borrowed memory must stay until tx_done covers it. */
uint32_t conn_tx_peek(struct conn *c, struct berth_seg *segs, uint32_t max);
void conn_tx_done(struct conn *c, uint32_t epoch, uint64_t n);
/* Is anything waiting to be sent? Cheap. */
bool conn_tx_pending(const struct conn *c);
/* Is all that waits new commands, fewer than are under way? Then they may wait for others to join them, as
 * long as the peer keeps answering, and go together. */
bool conn_tx_gathers(const struct conn *c);
/* Once all is sent that the last tx_peek showed, will there be anything to send, or for the owner to do? An
 * engine that sends and waits in one call must not wait before it has told of such a send. true when in
 * doubt. */
bool conn_tx_news(const struct conn *c);
/* Answers to pings, which gather for a moment, wait no longer: the caller will not be back soon. */
void conn_hurry(struct conn *c);

/* Has more come since the last call than a part of a data segment, so that there may be something to do? */
bool conn_rx_news(struct conn *c);
/* Initiator: bytes of read data that the peer owes for what was submitted, counted until there are `enough`.
 */
uint64_t conn_rx_due(const struct conn *c, uint64_t enough);

/* The message shape. */
void conn_pdu_received(struct conn *c, const struct pdu *pdu);
void task_data_placed(struct task *task, uint32_t offset, uint32_t len);

uint32_t conn_epoch(const struct conn *c);
enum conn_phase conn_phase(const struct conn *c);
/* Earliest time at which conn_tick() has something to do; UINT64_MAX for never. */
uint64_t conn_deadline(const struct conn *c);
void conn_tick(struct conn *c, uint64_t now);
/* Time of the last byte received: every byte counts as a sign of life. */
uint64_t conn_last_rx(const struct conn *c);
bool conn_event(struct conn *c, struct conn_event *event);

/* Initiator: no new command goes out on this connection, as after a request of the target's to log out. */
void conn_part(struct conn *c);
/* Initiator: asks to leave (11.14); CONN_EV_LOGGED_OUT follows. */
void conn_logout(struct conn *c, enum wire_logout_reason reason);
/* Initiator: a ping (11.18) that the peer must answer; false while one is already out. */
bool conn_ping(struct conn *c);
bool conn_ping_out(const struct conn *c);
/* Initiator: have responses come that no PDU of ours has acknowledged yet? The other call does (11.18), for
 * times in which nothing else is to be sent. */
bool conn_owes_ack(const struct conn *c);
void conn_acknowledge(struct conn *c);

/* Target: sends an Asynchronous Message, with a data segment if `len` is not 0, or a ping of its own
 * (11.9, 11.19). false: no room now, try later. */
bool conn_send_async(struct conn *c, const struct wire_async *a, const void *data, uint32_t len);
bool conn_send_nop_in(struct conn *c);

/* Limits and digests in force, for display and for the owner. */
struct conn_facts {
    bool header_digest, data_digest;
    uint32_t max_send_segment, max_recv_segment; /* bytes */
};
void conn_facts(const struct conn *c, struct conn_facts *facts);
/* Target, from its owner's text(): takes a pair that is the protocol's own affair, such as a new
 * MaxRecvDataSegmentLength (13.12), and writes what is to be answered. */
void conn_take_key(struct conn *c, struct span key, struct span value, struct writer *answer);
struct session *conn_session(struct conn *c);
struct login *conn_login(struct conn *c);
const struct negotiation *conn_keys(const struct conn *c);
/* The floor above hangs its own structure here. */
void conn_set_owner(struct conn *c, void *owner);
void *conn_owner(struct conn *c);

#endif
