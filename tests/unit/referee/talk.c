/* SPDX-License-Identifier: MIT */
#include "talk.h"
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "wire/crc32c.h"

#define WINDOW    32u
#define PDU_MAX   (1u << 20)
#define FIRST_CMD 0xfffffffdu /* numbers wrap in the middle of a trial */
#define FIRST_SN  0xfffffffeu

static const struct wire_crypto crypto = {.crc32c = crc32c_table};

static uint64_t now(void *arg)
{
    const struct talk *t = arg;
    return t->now;
}

static void on_violation(void *arg, const struct referee_violation *v)
{
    struct talk *t = arg;
    t->heard[v->rule - rule_rows]++;
    t->told++;
    referee_line(v, t->last);
}

struct talk *talk_new(void)
{
    struct talk *t = calloc(1, sizeof *t);
    const struct referee_config config = {&crypto, now, on_violation, t};
    t->court = court_new(&config);
    t->random = 1;
    use_line(t, 0);
    return t;
}

void talk_free(struct talk *t)
{
    for (uint32_t i = 0; i < TALK_LINES; i++)
        if (t->lines[i].r)
            referee_free(t->lines[i].r);
    court_free(t->court);
    free(t);
}

void use_line(struct talk *t, uint32_t number)
{
    struct line *l = t->at = &t->lines[number];
    if (l->r)
        return;
    *l = (struct line){.r = referee_new(t->court, "somewhere"),
                       .cmd_sn = FIRST_CMD,
                       .stat_sn = FIRST_SN,
                       .cid = (uint16_t)number,
                       .port = (uint8_t)number};
}

/* --- bytes --- */

static uint32_t add_sum(uint8_t *pdu, uint32_t from, uint32_t len)
{
    put32_le(pdu + len, crc32c_final(crc32c_table(CRC32C_INIT, pdu + from, len - from)));
    return len + WIRE_DIGEST_LEN;
}

static uint32_t add_bytes(uint8_t *pdu, uint32_t at, const void *bytes, uint32_t len, uint8_t padding)
{
    if (bytes && len)
        memcpy(pdu + at, bytes, len);
    memset(pdu + at + len, padding, wire_padding(len));
    return at + len + wire_padding(len);
}

static bool has_sums(const uint8_t *bhs)
{
    return wire_opcode(bhs) != WIRE_LOGIN_REQUEST && wire_opcode(bhs) != WIRE_LOGIN_RESPONSE;
}

struct parts {
    const void *ahs, *data;
    uint32_t ahs_len, len;
    uint8_t padding;
};

static uint32_t assemble(const struct line *l, uint8_t *pdu, uint8_t *bhs, const struct parts *p)
{
    wire_set_lengths(bhs, p->ahs_len, p->len);
    memcpy(pdu, bhs, WIRE_BHS_LEN);
    uint32_t at = add_bytes(pdu, WIRE_BHS_LEN, p->ahs, p->ahs_len, 0);
    if (l->header_digest && has_sums(bhs))
        at = add_sum(pdu, 0, at);
    uint32_t start = at;
    at = add_bytes(pdu, at, p->data, p->len, p->padding);
    return l->data_digest && has_sums(bhs) && p->len ? add_sum(pdu, start, at) : at;
}

/* In pieces, for a referee must not care how the bytes come. */
static void pass(struct talk *t, struct scan *to, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t done = 0, n; done < len; done += n) {
        t->random = t->random * 1103515245u + 12345u;
        n = 1 + (t->random >> 16) % 300;
        n = n < len - done ? n : len - done;
        scan_bytes(to, bytes + done, n);
    }
}

void say(struct talk *t, uint8_t *bhs, const void *ahs, uint32_t ahs_len, const void *data, uint32_t len)
{
    uint8_t *pdu = calloc(1, PDU_MAX);
    const struct parts parts = {ahs, data, ahs_len, len, t->padding};
    bhs[t->spoil_at] ^= t->spoil;
    t->spoil = 0;
    uint32_t size = assemble(t->at, pdu, bhs, &parts);
    if (t->bad_sum)
        pdu[size - 1] ^= 0x55;
    t->bad_sum = false;
    pass(t, referee_received(t->at->r), pdu, size);
    free(pdu);
}

void reply(struct talk *t, uint8_t *bhs, const void *data, uint32_t len)
{
    uint8_t *pdu = calloc(1, PDU_MAX);
    const struct parts parts = {NULL, data, 0, len, 0};
    uint32_t size = assemble(t->at, pdu, bhs, &parts);
    pass(t, referee_sent(t->at->r), pdu, size);
    free(pdu);
}

/* Lines to pairs: each line end becomes a NUL. */
static uint32_t as_text(const char *lines, char out[PDU_MAX])
{
    uint32_t len = (uint32_t)strlen(lines);
    for (uint32_t i = 0; i < len; i++)
        out[i] = lines[i] == '\n' ? '\0' : lines[i];
    return len;
}

static void say_lines(struct talk *t, uint8_t *bhs, const char *lines)
{
    char *text = malloc(PDU_MAX);
    say(t, bhs, NULL, 0, text, as_text(lines, text));
    free(text);
}

static void reply_lines(struct talk *t, uint8_t *bhs, const char *lines)
{
    char *text = malloc(PDU_MAX);
    reply(t, bhs, text, as_text(lines, text));
    free(text);
}

struct wire_window window(struct talk *t, bool takes_status)
{
    struct line *l = t->at;
    struct wire_window w = {l->stat_sn, l->cmd_sn, l->cmd_sn + WINDOW - 1};
    l->stat_sn += takes_status;
    return w;
}

static uint32_t number(struct talk *t, bool immediate)
{
    return immediate ? t->at->cmd_sn : t->at->cmd_sn++;
}

/* --- login --- */

struct wire_login_request login_request(struct talk *t)
{
    return (struct wire_login_request){.transit = true,
                                       .csg = WIRE_STAGE_OPERATIONAL,
                                       .nsg = WIRE_STAGE_FULL_FEATURE,
                                       .isid = {0x80, 0, 0, 0, 0, t->at->port},
                                       .tsih = t->at->tsih,
                                       .cid = t->at->cid,
                                       .itt = 0x10,
                                       .cmd_sn = t->at->cmd_sn,
                                       .exp_stat_sn = t->at->stat_sn};
}

void say_login(struct talk *t, struct wire_login_request q, const char *text)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_login_request(bhs, &q);
    say_lines(t, bhs, text);
}

struct wire_login_response login_response(struct talk *t)
{
    return (struct wire_login_response){.transit = true,
                                        .csg = WIRE_STAGE_OPERATIONAL,
                                        .nsg = WIRE_STAGE_FULL_FEATURE,
                                        .tsih = t->at->tsih ? t->at->tsih : TALK_TSIH + t->at->port,
                                        .itt = 0x10,
                                        .window = window(t, true)};
}

void reply_login(struct talk *t, struct wire_login_response a, const char *text)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_login_response(bhs, &a);
    reply_lines(t, bhs, text);
}

void log_in(struct talk *t, const char *asked, const char *answered)
{
    char *text = malloc(PDU_MAX);
    strcat(strcpy(text, NAMES), asked);
    say_login(t, login_request(t), text);
    strcat(strcpy(text, GROUP), answered);
    reply_login(t, login_response(t), text);
    free(text);
    t->at->header_digest = strstr(answered, "HeaderDigest=CRC32C");
    t->at->data_digest = strstr(answered, "DataDigest=CRC32C");
}

void log_in_discovery(struct talk *t)
{
    say_login(t, login_request(t), DISCOVERY);
    reply_login(t, login_response(t), "");
}

/* --- SCSI --- */

static struct wire_scsi_command command(struct talk *t, uint32_t itt, uint32_t edtl)
{
    return (struct wire_scsi_command){.final = true,
                                      .attr = WIRE_ATTR_SIMPLE,
                                      .lun = TALK_LUN,
                                      .itt = itt,
                                      .edtl = edtl,
                                      .cmd_sn = number(t, false),
                                      .exp_stat_sn = t->at->stat_sn};
}

struct wire_scsi_command read_command(struct talk *t, uint32_t itt, uint32_t edtl)
{
    struct wire_scsi_command c = command(t, itt, edtl);
    c.read = edtl > 0;
    return c;
}

struct wire_scsi_command write_command(struct talk *t, uint32_t itt, uint32_t edtl)
{
    struct wire_scsi_command c = command(t, itt, edtl);
    c.write = true;
    return c;
}

void say_command(struct talk *t, struct wire_scsi_command c, uint32_t data_len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_scsi_command(bhs, &c);
    say(t, bhs, NULL, 0, NULL, data_len);
}

void reply_status(struct talk *t, uint32_t itt)
{
    uint8_t bhs[WIRE_BHS_LEN];
    const struct wire_scsi_response a = {.itt = itt, .window = window(t, true)};
    put_scsi_response(bhs, &a);
    reply(t, bhs, NULL, 0);
}

void reply_r2t(struct talk *t, uint32_t itt, uint32_t ttt, uint32_t offset, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    const struct wire_r2t q = {.lun = TALK_LUN,
                               .itt = itt,
                               .ttt = ttt,
                               .window = window(t, false),
                               .buffer_offset = offset,
                               .desired_len = len};
    put_r2t(bhs, &q);
    reply(t, bhs, NULL, 0);
}

struct wire_data_out data_out(struct talk *t, uint32_t itt, uint32_t ttt, uint32_t sn, uint32_t offset)
{
    return (struct wire_data_out){.lun = ttt == WIRE_TAG_NONE ? 0 : TALK_LUN,
                                  .itt = itt,
                                  .ttt = ttt,
                                  .exp_stat_sn = t->at->stat_sn,
                                  .data_sn = sn,
                                  .buffer_offset = offset};
}

void say_data(struct talk *t, struct wire_data_out d, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_data_out(bhs, &d);
    say(t, bhs, NULL, 0, NULL, len);
}

void say_last(struct talk *t, struct wire_data_out d, uint32_t len)
{
    d.final = true;
    say_data(t, d, len);
}

/* --- NOP --- */

struct wire_nop_out ping(struct talk *t, uint32_t itt)
{
    return (struct wire_nop_out){.immediate = true,
                                 .itt = itt,
                                 .ttt = WIRE_TAG_NONE,
                                 .cmd_sn = number(t, true),
                                 .exp_stat_sn = t->at->stat_sn};
}

void say_nop(struct talk *t, struct wire_nop_out n, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_nop_out(bhs, &n);
    say(t, bhs, NULL, 0, NULL, len);
}

void reply_nop(struct talk *t, uint32_t itt, uint32_t ttt, uint64_t lun)
{
    uint8_t bhs[WIRE_BHS_LEN];
    const struct wire_nop_in a = {
        .lun = lun, .itt = itt, .ttt = ttt, .window = window(t, itt != WIRE_TAG_NONE)};
    put_nop_in(bhs, &a);
    reply(t, bhs, NULL, 0);
}

/* --- task management --- */

struct wire_tmf_request tmf(struct talk *t, uint8_t function, uint32_t itt)
{
    return (struct wire_tmf_request){.immediate = true,
                                     .function = function,
                                     .lun = TALK_LUN,
                                     .itt = itt,
                                     .referenced_tag = WIRE_TAG_NONE,
                                     .cmd_sn = number(t, true),
                                     .exp_stat_sn = t->at->stat_sn};
}

void say_tmf(struct talk *t, struct wire_tmf_request q)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_tmf_request(bhs, &q);
    say(t, bhs, NULL, 0, NULL, 0);
}

void reply_tmf(struct talk *t, uint32_t itt, uint8_t response)
{
    uint8_t bhs[WIRE_BHS_LEN];
    const struct wire_tmf_response a = {.response = response, .itt = itt, .window = window(t, true)};
    put_tmf_response(bhs, &a);
    reply(t, bhs, NULL, 0);
}

/* --- text --- */

struct wire_text_request text_request(struct talk *t, uint32_t itt)
{
    return (struct wire_text_request){.immediate = true,
                                      .final = true,
                                      .itt = itt,
                                      .ttt = WIRE_TAG_NONE,
                                      .cmd_sn = number(t, true),
                                      .exp_stat_sn = t->at->stat_sn};
}

void say_text(struct talk *t, struct wire_text_request q, const char *text)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_text_request(bhs, &q);
    say_lines(t, bhs, text);
}

struct wire_text_response text_response(struct talk *t, uint32_t itt)
{
    return (struct wire_text_response){
        .final = true, .itt = itt, .ttt = WIRE_TAG_NONE, .window = window(t, true)};
}

void reply_text(struct talk *t, struct wire_text_response a, const char *text)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_text_response(bhs, &a);
    reply_lines(t, bhs, text);
}

/* --- the rest --- */

struct wire_logout_request logout_request(struct talk *t, uint32_t itt)
{
    return (struct wire_logout_request){
        .immediate = true, .itt = itt, .cmd_sn = number(t, true), .exp_stat_sn = t->at->stat_sn};
}

void say_logout(struct talk *t, struct wire_logout_request q)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_logout_request(bhs, &q);
    say(t, bhs, NULL, 0, NULL, 0);
}

void reply_async(struct talk *t, uint8_t event, uint16_t seconds)
{
    uint8_t bhs[WIRE_BHS_LEN];
    const struct wire_async a = {.window = window(t, true), .event = event, .parameter3 = seconds};
    put_async(bhs, &a);
    reply(t, bhs, NULL, 0);
}

struct wire_snack snack(struct talk *t, uint8_t type)
{
    return (struct wire_snack){
        .type = type, .itt = WIRE_TAG_NONE, .ttt_or_tag = WIRE_TAG_NONE, .exp_stat_sn = t->at->stat_sn};
}

void say_snack(struct talk *t, struct wire_snack q)
{
    uint8_t bhs[WIRE_BHS_LEN];
    put_snack(bhs, &q);
    say(t, bhs, NULL, 0, NULL, 0);
}
