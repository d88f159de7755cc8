/* SPDX-License-Identifier: MIT */
/* A bender between two puppets, for its tests: an initiator and a target that say what they are told to, and
 * hear what becomes of it. What is heard is framed by a scan, which shares nothing with the bender. */
#ifndef TESTS_TARGET_BENT_H
#define TESTS_TARGET_BENT_H

#include <stdlib.h>
#include "base/bytes.h"
#include "script/bender.h"
#include "stream/scan.h"
#include "wire/crc32c.h"

#define BENT_TEXT 16384u
#define MS        1000000ull

struct bent {
    struct script script;
    struct play play;
    struct bender *bender;
    struct scan heard[2];           /* by the initiator, by the target */
    char words[2][BENT_TEXT];       /* what was heard, PDU by PDU */
    uint8_t last[2][SCAN_DATA_MAX]; /* the last data segment heard */
    uint32_t last_len[2];
    uint8_t bhs[2][WIRE_BHS_LEN];
    uint64_t now;
    uint32_t cmd_sn, stat_sn; /* of the puppets */
    bool header_digest, data_digest, digests_on;
};

enum { BY_INITIATOR, BY_TARGET };

static const struct wire_crypto bent_crypto = {.crc32c = crc32c_table};
static const char *const bent_names[WIRE_OPCODES] = {
    [WIRE_NOP_OUT] = "nop-out",
    [WIRE_SCSI_COMMAND] = "command",
    [WIRE_TMF_REQUEST] = "tmf",
    [WIRE_LOGIN_REQUEST] = "login",
    [WIRE_TEXT_REQUEST] = "text",
    [WIRE_DATA_OUT] = "data-out",
    [WIRE_LOGOUT_REQUEST] = "logout",
    [WIRE_NOP_IN] = "nop-in",
    [WIRE_SCSI_RESPONSE] = "response",
    [WIRE_TMF_RESPONSE] = "tmf-done",
    [WIRE_LOGIN_RESPONSE] = "login-done",
    [WIRE_TEXT_RESPONSE] = "text-done",
    [WIRE_DATA_IN] = "data-in",
    [WIRE_LOGOUT_RESPONSE] = "logout-done",
    [WIRE_R2T] = "r2t",
    [WIRE_ASYNC] = "async",
    [WIRE_REJECT] = "reject",
};

/* "response 5 s3": its name, tag, and StatSN or CmdSN; then its data's number, place and length, flags. */
static void bent_describe(struct bent *f, int who, const struct scan_pdu *pdu)
{
    const uint8_t *bhs = pdu->bhs;
    uint8_t opcode = wire_opcode(bhs);
    size_t len = strlen(f->words[who]);
    char *to = f->words[who] + len;
    size_t room = BENT_TEXT - len;
    const char *name = bent_names[opcode] ? bent_names[opcode] : "?";
    int n = snprintf(to, room, "%s%s %x %c%u", len ? ", " : "", name, wire_itt(bhs),
                     who == BY_INITIATOR ? 's' : 'c', get32(bhs + 24));
    if (n > 0 && (opcode == WIRE_DATA_IN || opcode == WIRE_DATA_OUT || opcode == WIRE_R2T))
        n += snprintf(to + n, room - (size_t)n, " #%u @%u", get32(bhs + 36), get32(bhs + 40));
    if (n > 0 && pdu->data_len)
        n += snprintf(to + n, room - (size_t)n, " +%u", pdu->data_len);
    if (n > 0 && (opcode == WIRE_DATA_IN || opcode == WIRE_LOGIN_RESPONSE || opcode == WIRE_TEXT_RESPONSE))
        n += snprintf(to + n, room - (size_t)n, " %s%s%s", bhs[1] & 0x80 ? "F" : "", bhs[1] & 0x40 ? "C" : "",
                      opcode == WIRE_DATA_IN && bhs[1] & 1 ? "S" : "");
    if (n > 0 && (pdu->header_digest_bad || pdu->data_digest_bad))
        snprintf(to + n, room - (size_t)n, " %s", pdu->header_digest_bad ? "BAD-HEADER" : "BAD-DATA");
}

static void bent_hear(struct bent *f, int who, const struct scan_pdu *pdu)
{
    bent_describe(f, who, pdu);
    memcpy(f->last[who], pdu->data, pdu->data_kept);
    f->last_len[who] = pdu->data_len;
    memcpy(f->bhs[who], pdu->bhs, WIRE_BHS_LEN);
}

static void bent_initiator_hears(void *owner, const struct scan_pdu *pdu)
{
    bent_hear(owner, BY_INITIATOR, pdu);
}

static void bent_target_hears(void *owner, const struct scan_pdu *pdu)
{
    bent_hear(owner, BY_TARGET, pdu);
}

/* Everything that may leave now does. */
static void bent_drain(struct bent *f)
{
    struct side *sides[2] = {&f->bender->initiator, &f->bender->target};
    struct berth_seg segs[8];
    for (int who = 0; who < 2; who++)
        for (uint32_t n; (n = bender_peek(f->bender, sides[who], segs, 8, f->now)) > 0;)
            for (uint32_t i = 0; i < n; i++) {
                scan_bytes(&f->heard[who], segs[i].base, segs[i].len);
                bender_done(f->bender, sides[who], segs[i].len, f->now);
            }
}

static void bent_connect(struct bent *f)
{
    f->bender = bender_new(&f->play, 1, f->now);
    scan_init(&f->heard[BY_INITIATOR], &bent_crypto, bent_initiator_hears, f);
    scan_init(&f->heard[BY_TARGET], &bent_crypto, bent_target_hears, f);
    f->words[0][0] = f->words[1][0] = 0;
    f->digests_on = false;
    f->cmd_sn = 10;
    f->stat_sn = 100;
    bent_drain(f);
}

static struct bent *bent_new(const char *script)
{
    struct bent *f = calloc(1, sizeof *f);
    char why[512];
    script_init(&f->script);
    if (!script_read(&f->script, "test", true, script, strlen(script), why, sizeof why))
        fail_msg("%s", why);
    play_init(&f->play, &f->script, &bent_crypto, NULL);
    f->now = 1000 * MS;
    bent_connect(f);
    return f;
}

static void bent_free(struct bent *f)
{
    bender_free(f->bender);
    script_free(&f->script);
    free(f);
}

/* --- saying --- */

static uint32_t bent_digest(const uint8_t *bytes, size_t len)
{
    return crc32c_final(crc32c_table(CRC32C_INIT, bytes, len));
}

static void bent_say(struct bent *f, int who, uint8_t *bhs, const void *data, uint32_t len)
{
    uint8_t bytes[SCAN_DATA_MAX + 64];
    size_t at = WIRE_BHS_LEN, begin;
    wire_set_lengths(bhs, 0, len);
    memcpy(bytes, bhs, WIRE_BHS_LEN);
    if (f->digests_on && f->header_digest) {
        put32_le(bytes + at, bent_digest(bytes, WIRE_BHS_LEN));
        at += 4;
    }
    begin = at;
    if (len)
        memcpy(bytes + at, data, len);
    at += len;
    memset(bytes + at, 0, wire_padding(len));
    at += wire_padding(len);
    if (f->digests_on && f->data_digest && len) {
        put32_le(bytes + at, bent_digest(bytes + begin, at - begin));
        at += 4;
    }
    bender_take(f->bender, who == BY_INITIATOR ? &f->bender->initiator : &f->bender->target, bytes, at,
                f->now);
    bent_drain(f);
}

static void bent_text(struct bent *f, int who, uint8_t *bhs, const char *text)
{
    char data[1024];
    uint32_t len = 0;
    for (; text[len]; len++)
        data[len] = text[len] == ' ' ? 0 : text[len];
    if (len)
        data[len++] = 0;
    bent_say(f, who, bhs, data, len);
}

static void bent_login_request(struct bent *f, uint8_t flags, const char *text)
{
    uint8_t bhs[WIRE_BHS_LEN] = {0x43, flags};
    put32(bhs + 24, f->cmd_sn);
    bent_text(f, BY_INITIATOR, bhs, text);
}

static void bent_window(struct bent *f, uint8_t *bhs, bool takes)
{
    struct wire_window w = {f->stat_sn, f->cmd_sn, f->cmd_sn + 31};
    put_window(bhs, &w);
    f->stat_sn += takes;
}

static void bent_login_response(struct bent *f, uint8_t flags, const char *text)
{
    uint8_t bhs[WIRE_BHS_LEN] = {0x23, flags};
    put16(bhs + 14, flags & 0x80 ? 7 : 0);
    bent_window(f, bhs, true);
    bent_text(f, BY_TARGET, bhs, text);
}

/* A login in one round. */
static void bent_login(struct bent *f, bool header_digest, bool data_digest)
{
    char text[64];
    snprintf(text, sizeof text, "HeaderDigest=%s DataDigest=%s", header_digest ? "CRC32C" : "None",
             data_digest ? "CRC32C" : "None");
    bent_login_request(f, 0x87, "InitiatorName=iqn.a:b SessionType=Normal");
    bent_login_response(f, 0x87, text);
    f->header_digest = header_digest;
    f->data_digest = data_digest;
    f->digests_on = true;
    for (int who = 0; who < 2; who++) {
        f->heard[who].header_digest = header_digest;
        f->heard[who].data_digest = data_digest;
    }
    f->words[0][0] = f->words[1][0] = 0;
}

static struct bent *bent_up(const char *script)
{
    struct bent *f = bent_new(script);
    bent_login(f, false, false);
    return f;
}

/* READ(10) or WRITE(10) of 8 blocks, and others without data. */
static void bent_command(struct bent *f, uint8_t operation, uint32_t itt, uint32_t lba)
{
    uint8_t bhs[WIRE_BHS_LEN] = {0x01, 0x80};
    put32(bhs + 16, itt);
    put32(bhs + 20, operation == 0x28 || operation == 0x2a ? 4096 : 0);
    put32(bhs + 24, f->cmd_sn++);
    put32(bhs + 28, f->stat_sn);
    bhs[32] = operation;
    put32(bhs + 34, lba);
    bhs[40] = 8;
    bent_say(f, BY_INITIATOR, bhs, NULL, 0);
}

static void bent_read(struct bent *f, uint32_t itt, uint32_t lba)
{
    bent_command(f, 0x28, itt, lba);
}

static void bent_write(struct bent *f, uint32_t itt, uint32_t lba)
{
    bent_command(f, 0x2a, itt, lba);
}

static void bent_data_out(struct bent *f, uint32_t itt, uint32_t data_sn)
{
    uint8_t bhs[WIRE_BHS_LEN] = {0x05, 0x80};
    put32(bhs + 16, itt);
    put32(bhs + 20, WIRE_TAG_NONE);
    put32(bhs + 36, data_sn);
    bent_say(f, BY_INITIATOR, bhs, "data", 4);
}

static void bent_request(struct bent *f, uint8_t opcode, uint32_t itt, bool immediate)
{
    uint8_t bhs[WIRE_BHS_LEN] = {(uint8_t)(opcode | (immediate ? 0x40 : 0)), 0x80};
    put32(bhs + 16, itt);
    put32(bhs + 20, WIRE_TAG_NONE);
    put32(bhs + 24, f->cmd_sn);
    f->cmd_sn += !immediate;
    bent_say(f, BY_INITIATOR, bhs, NULL, 0);
}

static void bent_data_in(struct bent *f, uint32_t itt, uint32_t data_sn, uint32_t len, bool status)
{
    uint8_t bhs[WIRE_BHS_LEN] = {0x25, (uint8_t)(status ? 0x81 : 0)}, data[512];
    for (uint32_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i + data_sn);
    put32(bhs + 16, itt);
    put32(bhs + 20, WIRE_TAG_NONE);
    bent_window(f, bhs, status);
    if (!status)
        put32(bhs + 24, 0);
    put32(bhs + 36, data_sn);
    put32(bhs + 40, data_sn * len);
    bent_say(f, BY_TARGET, bhs, data, len);
}

static void bent_reply(struct bent *f, uint8_t opcode, uint32_t itt, uint32_t exp_data_sn)
{
    uint8_t bhs[WIRE_BHS_LEN] = {opcode, 0x80};
    put32(bhs + 16, itt);
    bent_window(f, bhs, opcode != WIRE_R2T);
    put32(bhs + 36, exp_data_sn);
    bent_say(f, BY_TARGET, bhs, NULL, 0);
}

static void bent_response(struct bent *f, uint32_t itt)
{
    bent_reply(f, WIRE_SCSI_RESPONSE, itt, 0);
}

static void bent_pass(struct bent *f, uint64_t ms)
{
    f->now += ms * MS;
    play_tick(&f->play, f->now);
    bent_drain(f);
}

/* --- hearing --- */

/* What one of them has heard since the last time. */
static void bent_heard(struct bent *f, int who, const char *words)
{
    if (strcmp(f->words[who], words) != 0)
        fail_msg("%s heard\n  '%s', not\n  '%s'", who ? "the target" : "the initiator", f->words[who], words);
    f->words[who][0] = 0;
}

#endif
