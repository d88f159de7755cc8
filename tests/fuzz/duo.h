/* SPDX-License-Identifier: MIT */
/* Two cores that log in to each other, of which one then becomes the victim of a peer made up by the input:
 * what initiator_fuzz.c and target_fuzz.c share. PDUs to the victim wait in `wire` and are delivered in
 * pieces; what the victim sends is taken apart again into PDUs. */
#ifndef TESTS_FUZZ_DUO_H
#define TESTS_FUZZ_DUO_H

#include "base/cursor.h"
#include "fuzz.h"
#include "host/crypto.h"
#include "proto/core.h"
#include "wire/crc32c.h"

#define DUO_DEPTH   6u
#define DUO_SEGMENT 2048u
#define DUO_BURST   4096u
#define DUO_FIRST   1024u
#define DUO_WIRE    65536u
#define DUO_HEARD   (1u << 18)

struct duo_side {
    struct session_config session_config;
    struct conn_config conn_config;
    struct login_config login;
    struct session *session;
    struct conn *conn;
    void *memory[2]; /* of the session, of the connection */
};

struct duo {
    struct duo_side initiator, target, *victim;
    struct reader input;
    uint8_t choice; /* parameters of the session */
    uint8_t *wire, *heard;
    uint32_t wire_len, heard_len;
    uint64_t now;
};

enum duo_choice {
    DUO_HEADER_DIGEST = 1,
    DUO_DATA_DIGEST = 2,
    DUO_INITIAL_R2T = 4,
    DUO_NO_IMMEDIATE = 8,
    DUO_DISCOVERY = 16,
    DUO_DIRECT = 32, /* everything goes straight into place */
};

/* --- making them --- */

/* The buffers outlive a run: there is no need to wipe them. */
static inline void duo_begin(struct duo *d, const uint8_t *data, size_t size)
{
    static uint8_t wire[DUO_WIRE], heard[DUO_HEARD];
    d->wire = wire;
    d->heard = heard;
    d->input = reader_over(data, size);
    d->choice = read8(&d->input);
}

static inline void duo_wishes(struct duo *d, struct duo_side *s)
{
    struct negotiation *n = &s->login.want;
    negotiation_init(n, s->session_config.role);
    negotiation_want(n, KEY_HEADER_DIGEST,
                     CHOICES1(d->choice & DUO_HEADER_DIGEST ? DIGEST_CRC32C : DIGEST_NONE));
    negotiation_want(n, KEY_DATA_DIGEST, CHOICES1(d->choice & DUO_DATA_DIGEST ? DIGEST_CRC32C : DIGEST_NONE));
    negotiation_want(n, KEY_INITIAL_R2T, (d->choice & DUO_INITIAL_R2T) != 0);
    negotiation_want(n, KEY_IMMEDIATE_DATA, !(d->choice & DUO_NO_IMMEDIATE));
    negotiation_want(n, KEY_MAX_BURST_LENGTH, DUO_BURST);
    negotiation_want(n, KEY_FIRST_BURST_LENGTH, DUO_FIRST);
    negotiation_want(n, KEY_MAX_OUTSTANDING_R2T, 3);
    negotiation_want(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, DUO_SEGMENT);
    if (s->session_config.role == ROLE_TARGET)
        n->wanted = 1ull << KEY_MAX_RECV_DATA_SEGMENT_LENGTH;
    s->login.initiator_name = "iqn.2026-11.test:i";
    s->login.target_name = d->choice & DUO_DISCOVERY ? NULL : "iqn.2026-11.test:t";
    s->login.discovery = n->discovery = s->session_config.role == ROLE_INITIATOR && d->choice & DUO_DISCOVERY;
    s->login.portal_group = 1;
}

static inline void duo_configure(struct duo *d, struct duo_side *s, enum wire_role role,
                                 const struct session_owner *owner)
{
    s->session_config = (struct session_config){.role = (uint8_t)role,
                                                .depth = DUO_DEPTH,
                                                .isid = {0x80, 0, 0, 0, 0, 1},
                                                .first_cmd_sn = 0xfffffffcu,
                                                .crypto = host_crypto()};
    if (owner)
        s->session_config.owner = *owner;
    s->conn_config = (struct conn_config){.cid = 1,
                                          .stage_bytes = CONN_STAGE_MIN,
                                          .control_bytes = CONN_CONTROL_MIN,
                                          .direct_bytes = d->choice & DUO_DIRECT ? 1 : 700,
                                          .login_timeout_ns = 1u << 30,
                                          .login = &s->login};
    duo_wishes(d, s);
}

static inline void duo_session(struct duo_side *s)
{
    s->memory[0] = malloc(session_size(&s->session_config));
    s->session = session_init(s->memory[0], &s->session_config);
}

static inline void duo_conn(struct duo *d, struct duo_side *s)
{
    s->memory[1] = calloc(1, conn_size(s->session, &s->conn_config));
    s->conn = conn_init(s->memory[1], s->session, &s->conn_config, d->now);
}

static inline void duo_side_free(struct duo_side *s)
{
    free(s->memory[0]);
    free(s->memory[1]);
}

/* --- logging in --- */

static inline bool duo_speak(struct duo *d, struct duo_side *from, struct duo_side *to)
{
    struct berth_seg segs[8];
    uint32_t n = conn_tx_peek(from->conn, segs, 8);
    uint64_t moved = 0;
    for (uint32_t i = 0; i < n; i++)
        moved += conn_feed(to->conn, segs[i].base, segs[i].len, ++d->now);
    conn_tx_done(from->conn, conn_epoch(from->conn), moved);
    return moved > 0;
}

static inline void duo_log_in(struct duo *d)
{
    struct conn_event ev = {0}, of_target;
    while (!session_up(d->initiator.session)) {
        bool more = duo_speak(d, &d->initiator, &d->target);
        more |= duo_speak(d, &d->target, &d->initiator);
        fuzz_check(more);
    }
    while (conn_event(d->initiator.conn, &ev) || conn_event(d->target.conn, &of_target))
        ;
    fuzz_check(session_up(d->target.session) && ev.kind == CONN_EV_LOGGED_IN);
}

/* --- saying --- */

static inline void duo_append(struct duo *d, const void *bytes, uint32_t len)
{
    fuzz_check(len <= DUO_WIRE - d->wire_len);
    if (len)
        memcpy(d->wire + d->wire_len, bytes, len);
    d->wire_len += len;
}

static inline void duo_append_sum(struct duo *d, uint32_t from)
{
    uint8_t sum[WIRE_DIGEST_LEN];
    put32_le(sum, crc32c_final(crc32c_table(CRC32C_INIT, d->wire + from, d->wire_len - from)));
    duo_append(d, sum, sizeof sum);
}

/* A PDU whole, with padding and, if they are in force, right digests. */
static inline void duo_say(struct duo *d, uint8_t *bhs, const void *data, uint32_t len)
{
    static const uint8_t zeros[4];
    uint32_t start = d->wire_len;
    wire_set_lengths(bhs, 0, len);
    duo_append(d, bhs, WIRE_BHS_LEN);
    if (d->victim->conn->header_digest)
        duo_append_sum(d, start);
    start = d->wire_len;
    duo_append(d, data, len);
    duo_append(d, zeros, wire_padding(len));
    if (d->victim->conn->data_digest && len)
        duo_append_sum(d, start);
}

/* Flips a bit near the end of what was said last, if there are digests to notice it. */
static inline void duo_damage(struct duo *d, uint8_t which)
{
    if (d->victim->conn->header_digest && d->victim->conn->data_digest)
        d->wire[d->wire_len - 1 - which % 8] ^= 1;
}

/* Delivers at most `limit` bytes, from a copy of their own size. */
static inline void duo_deliver(struct duo *d, uint32_t limit)
{
    uint32_t len = d->wire_len < limit ? d->wire_len : limit;
    uint8_t *copy = fuzz_copy(d->wire, len);
    uint32_t took = (uint32_t)conn_feed(d->victim->conn, copy, len, ++d->now);
    free(copy);
    d->wire_len -= took;
    memmove(d->wire, d->wire + took, d->wire_len);
}

/* --- hearing --- */

/* Takes at most `limit` bytes of what the victim has to say. */
static inline void duo_listen(struct duo *d, uint64_t limit)
{
    struct berth_seg segs[8];
    struct conn *c = d->victim->conn;
    bool pending = conn_tx_pending(c);
    bool gathering = c->out.count && c->answers_at; /* goes in a moment, or with what goes before */
    uint32_t n = conn_tx_peek(c, segs, 8);
    uint64_t moved = 0;
    fuzz_check(gathering ? n > 0
                         : pending == (n > 0)); /* or an engine sleeps on something, or turns for nothing */
    for (uint32_t i = 0; i < n && moved < limit; i++) {
        uint64_t len = segs[i].len < limit - moved ? segs[i].len : limit - moved;
        fuzz_check(len <= DUO_HEARD - d->heard_len);
        memcpy(d->heard + d->heard_len, segs[i].base, len);
        d->heard_len += (uint32_t)len;
        moved += len;
    }
    if (moved)
        conn_tx_done(c, conn_epoch(c), moved);
}

/* The next whole PDU the victim sent: header and payload. */
static inline bool duo_hear(struct duo *d, uint8_t *bhs, uint8_t *data, uint32_t *len)
{
    const struct conn *c = d->victim->conn;
    if (d->heard_len < WIRE_BHS_LEN)
        return false;
    memcpy(bhs, d->heard, WIRE_BHS_LEN);
    *len = wire_data_len(bhs);
    uint32_t at = WIRE_BHS_LEN + wire_ahs_len(bhs) + (c->header_digest ? WIRE_DIGEST_LEN : 0);
    uint32_t end = at + *len + wire_padding(*len) + (c->data_digest && *len ? WIRE_DIGEST_LEN : 0);
    fuzz_check(*len <= DUO_SEGMENT);
    if (d->heard_len < end)
        return false;
    memcpy(data, d->heard + at, *len);
    d->heard_len -= end;
    memmove(d->heard, d->heard + end, d->heard_len);
    return true;
}

/* What a buffer of this number has at this place, wherever it is right. */
static inline uint8_t duo_byte(uint32_t number, uint32_t at)
{
    return (uint8_t)(number * 37u + at * 13u + (at >> 8) + 1);
}

#endif
