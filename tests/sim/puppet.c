/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "puppet.h"

#define HEARD_MAX (1u << 21)

struct puppet *puppet_new(struct pair *p, struct conn *victim)
{
    struct puppet *u = calloc(1, sizeof *u);
    u->pair = p;
    u->victim = victim;
    u->heard = malloc(HEARD_MAX);
    return u;
}

void puppet_free(struct puppet *u)
{
    pair_free(u->pair);
    free(u->heard);
    free(u);
}

/* --- hearing --- */

/* The referee judges victims that are initiators. */
static void show(struct puppet *u, bool to_target, const void *bytes, uint64_t len)
{
    if (u->victim == u->pair->ic)
        pair_show(u->pair, to_target, bytes, len);
}

static void listen(struct puppet *u)
{
    struct berth_seg segs[16];
    uint32_t n;
    while ((n = conn_tx_peek(u->victim, segs, 16)) > 0) {
        uint64_t moved = 0;
        for (uint32_t i = 0; i < n; i++) {
            assert_true(u->heard_len + segs[i].len <= HEARD_MAX);
            memcpy(u->heard + u->heard_len, segs[i].base, segs[i].len);
            show(u, true, segs[i].base, segs[i].len);
            u->heard_len += segs[i].len;
            moved += segs[i].len;
        }
        conn_tx_done(u->victim, conn_epoch(u->victim), moved);
    }
}

static bool digests(const struct puppet *u, const uint8_t *bhs)
{
    uint8_t opcode = wire_opcode(bhs);
    return opcode != WIRE_LOGIN_REQUEST && opcode != WIRE_LOGIN_RESPONSE && u->victim->phase != CONN_LOGIN;
}

bool puppet_hear(struct puppet *u)
{
    listen(u);
    if (u->heard_len == 0)
        return false;
    assert_true(u->heard_len >= WIRE_BHS_LEN);
    memcpy(u->bhs, u->heard, WIRE_BHS_LEN);
    bool sums = digests(u, u->bhs);
    uint32_t ahs = wire_ahs_len(u->bhs), at = WIRE_BHS_LEN + ahs + (sums && u->victim->header_digest ? 4 : 0);
    u->data_len = wire_data_len(u->bhs);
    assert_true(u->data_len <= PUPPET_DATA);
    memcpy(u->ahs, u->heard + WIRE_BHS_LEN, ahs);
    memcpy(u->data, u->heard + at, u->data_len);
    at += u->data_len + wire_padding(u->data_len) + (sums && u->victim->data_digest && u->data_len ? 4 : 0);
    assert_true(at <= u->heard_len);
    memmove(u->heard, u->heard + at, u->heard_len - at);
    u->heard_len -= at;
    return true;
}

void puppet_expect(struct puppet *u, enum wire_opcode opcode)
{
    while (puppet_hear(u))
        if (wire_opcode(u->bhs) == opcode)
            return;
    fail_msg("%s was not sent", wire_opcode_name((uint8_t)opcode));
}

/* --- saying --- */

static void flip(uint8_t *bytes, uint32_t *bit)
{
    if (*bit > 0)
        bytes[(*bit - 1) / 8] ^= (uint8_t)(1u << (*bit - 1) % 8);
    *bit = 0;
}

static size_t add_digest(uint8_t *bytes, size_t from, size_t len)
{
    put32_le(bytes + len, crc32c_final(crc32c_table(CRC32C_INIT, bytes + from, len - from)));
    return len + WIRE_DIGEST_LEN;
}

uint64_t puppet_babble(struct puppet *u, const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1); /* of its own size, for the sanitizer */
    memcpy(copy, bytes, len);
    uint64_t took = conn_feed(u->victim, copy, len, ++u->pair->now);
    show(u, false, bytes, took);
    free(copy);
    return took;
}

static size_t write_pdu(struct puppet *u, uint8_t *pdu, const uint8_t *bhs, const void *ahs, uint32_t ahs_len,
                        const void *data, uint32_t len)
{
    bool sums = digests(u, bhs);
    size_t at = WIRE_BHS_LEN + ahs_len;
    memcpy(pdu, bhs, WIRE_BHS_LEN);
    if (ahs_len)
        memcpy(pdu + WIRE_BHS_LEN, ahs, ahs_len);
    wire_set_lengths(pdu, ahs_len, len);
    if (sums && u->victim->header_digest)
        at = add_digest(pdu, 0, at);
    flip(pdu, &u->header_flip);
    size_t start = at;
    memset(pdu + at, 0, len + wire_padding(len));
    if (len)
        memcpy(pdu + at, data, len);
    at += len + wire_padding(len);
    if (sums && u->victim->data_digest && len)
        at = add_digest(pdu, start, at);
    flip(pdu + start, &u->data_flip);
    return at;
}

size_t puppet_write(struct puppet *u, uint8_t *pdu, const uint8_t *bhs, const void *data, uint32_t len)
{
    return write_pdu(u, pdu, bhs, NULL, 0, data, len);
}

uint64_t puppet_say_ahs(struct puppet *u, const uint8_t *bhs, const void *ahs, uint32_t ahs_len,
                        const void *data, uint32_t len)
{
    uint8_t *pdu = malloc(PUPPET_PDU(ahs_len + len));
    uint64_t took = puppet_babble(u, pdu, write_pdu(u, pdu, bhs, ahs, ahs_len, data, len));
    free(pdu);
    return took;
}

uint64_t puppet_say(struct puppet *u, const uint8_t *bhs, const void *data, uint32_t len)
{
    return puppet_say_ahs(u, bhs, NULL, 0, data, len);
}

struct wire_window puppet_window(struct puppet *u)
{
    uint32_t next = u->victim->session->cmd_sn;
    return (struct wire_window){u->victim->exp_stat_sn, next, next + PAIR_DEPTH};
}

/* --- events --- */

uint32_t puppet_drain(struct puppet *u)
{
    uint32_t n = 0;
    while (conn_event(u->victim, &u->event))
        n++;
    u->events += n;
    return n;
}

void puppet_fails(struct puppet *u, enum conn_event_kind kind, int error)
{
    assert_true(puppet_drain(u) > 0);
    assert_int_equal(u->event.kind, kind);
    if (u->event.error != error)
        print_error("%s: %s\n", berth_error_name(u->event.error), u->event.rule ? u->event.rule : "");
    assert_int_equal(u->event.error, error);
}
