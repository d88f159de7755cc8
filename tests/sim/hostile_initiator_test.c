/* SPDX-License-Identifier: MIT */
/* A target whose initiator does what it must not: during login, with commands and their data, with everything
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "puppet.h"
#include "wire/chap.h"

#define SECRET "a secret of some length"
#define PROOF  "another secret, of the target's"

static uint8_t payload[16384];

static struct pair_config usual(void)
{
    struct pair_config c;
    pair_config_init(&c, 3);
    c.max_burst = 4096;
    c.first_burst = 2048;
    for (uint32_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 11 + 5);
    return c;
}

/* The target, before the login or after it. */
static struct puppet *fresh(const struct pair_config *c)
{
    struct pair *p = pair_new(c);
    return puppet_new(p, p->tc);
}

static struct puppet *logged_in(const struct pair_config *c)
{
    struct pair *p = pair_new(c);
    pair_run(p);
    assert_true(session_up(p->ts));
    return puppet_new(p, p->tc);
}

/* The pair's own target drains the events; the last one is kept there. */
static void failed(struct puppet *u, const char *what, int error)
{
    u->pair->last_t = (struct conn_event){0};
    pair_work(u->pair);
    const struct conn_event *ev = &u->pair->last_t;
    if (ev->kind != CONN_EV_ERROR || ev->error != error)
        print_error("%s: %s\n", what, ev->rule ? ev->rule : "no event");
    assert_int_equal(ev->kind, CONN_EV_ERROR);
    assert_int_equal(ev->error, error);
    assert_false(puppet_hear(u));
}

static void all_well(struct puppet *u, const char *what)
{
    u->pair->last_t = (struct conn_event){0};
    pair_work(u->pair);
    if (u->pair->last_t.rule)
        print_error("%s: %s\n", what, u->pair->last_t.rule);
    assert_int_equal(u->pair->last_t.error, 0);
}

/* --- login --- */

#define NAMES "InitiatorName=iqn.2026-11.test:i\nTargetName=iqn.2026-11.test:t\nSessionType=Normal\n"

struct request {
    uint8_t csg, nsg; /* nsg != csg: transit */
    bool more;
    uint8_t version_min;
    uint16_t cid;
    const char *text; /* pairs end with '\n' */
};

static void request_bytes(struct puppet *u, const struct request *q, const void *text, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_login_request r = {.transit = q->nsg != q->csg,
                                   .more = q->more,
                                   .csg = q->csg,
                                   .nsg = q->nsg,
                                   .version_min = q->version_min,
                                   .isid = {0x80, 9},
                                   .cid = q->cid,
                                   .itt = 77,
                                   .cmd_sn = 5,
                                   .exp_stat_sn = 900};
    put_login_request(bhs, &r);
    puppet_say(u, bhs, text, len);
}

static void request(struct puppet *u, const struct request *q)
{
    char text[2048] = {0};
    uint32_t len = q->text ? (uint32_t)strlen(q->text) : 0;
    for (uint32_t i = 0; i < len; i++)
        text[i] = q->text[i] == '\n' ? '\0' : q->text[i];
    request_bytes(u, q, text, len);
}

static uint16_t status_heard(const struct puppet *u)
{
    return get16(u->bhs + 36);
}

/* Refused with this status; then nothing is listened to any more, and in the end time is up. */
static void refused(struct puppet *u, const char *what, uint16_t status)
{
    puppet_expect(u, WIRE_LOGIN_RESPONSE);
    if (status_heard(u) != status)
        print_error("%s: %04x\n", what, status_heard(u));
    assert_int_equal(status_heard(u), status);
    assert_int_equal(u->bhs[1] & 0x80, 0);
    assert_false(session_up(u->pair->ts));
    uint8_t ping[WIRE_BHS_LEN];
    struct wire_nop_out out = {.immediate = true, .itt = 4, .ttt = WIRE_TAG_NONE};
    put_nop_out(ping, &out);
    puppet_say(u, ping, NULL, 0);
    assert_false(puppet_hear(u));
    pair_work(u->pair);
    assert_int_equal(u->pair->last_t.kind, CONN_EV_LOGIN_FAILED);
    assert_int_equal(u->pair->last_t.login_status, status);
    conn_tick(u->victim, 1000);
    failed(u, what, BERTH_E_NO_ANSWER);
}

static void test_first_requests(void **state)
{
    static const struct {
        const char *what;
        struct request q;
        uint16_t status;
    } rows[] = {
        {"no name", {.text = "TargetName=iqn.2026-11.test:t\n"}, WIRE_LOGIN_MISSING_PARAMETER},
        {"no target", {.text = "InitiatorName=iqn.2026-11.test:i\n"}, WIRE_LOGIN_MISSING_PARAMETER},
        {"nothing", {.text = NULL}, WIRE_LOGIN_MISSING_PARAMETER},
        {"nobody's name", {.text = "InitiatorName=me\n"}, WIRE_LOGIN_INITIATOR_ERROR},
        {"name twice", {.text = NAMES NAMES}, WIRE_LOGIN_INITIATOR_ERROR},
        {"unknown target",
         {.text = "InitiatorName=iqn.2026-11.test:i\nTargetName=iqn.2026-11.test:x\n"},
         WIRE_LOGIN_NOT_FOUND},
        {"version 1", {.version_min = 1, .text = NAMES}, WIRE_LOGIN_UNSUPPORTED_VERSION},
        {"stage 2", {.csg = 2, .nsg = 2, .text = NAMES}, WIRE_LOGIN_INITIATOR_ERROR},
        {"stage 3", {.csg = 3, .nsg = 3, .text = NAMES}, WIRE_LOGIN_INITIATOR_ERROR},
        {"to stage 2", {.csg = 0, .nsg = 2, .text = NAMES}, WIRE_LOGIN_INITIATOR_ERROR},
        {"backwards", {.csg = 1, .nsg = 0, .text = NAMES}, WIRE_LOGIN_INITIATOR_ERROR},
        {"transit with C", {.csg = 0, .nsg = 1, .more = true, .text = NAMES}, WIRE_LOGIN_INITIATOR_ERROR},
        {"a target's key", {.text = NAMES "TargetPortalGroupTag=1\n"}, WIRE_LOGIN_INITIATOR_ERROR},
        {"an operational key too early", {.text = NAMES "MaxBurstLength=512\n"}, WIRE_LOGIN_INITIATOR_ERROR},
        {"no value", {.text = NAMES "AuthMethod\n"}, WIRE_LOGIN_INITIATOR_ERROR},
        {"no end", {.text = NAMES "AuthMethod=None"}, WIRE_LOGIN_INITIATOR_ERROR},
        {"CHAP keys before CHAP", {.text = NAMES "CHAP_A=5\n"}, WIRE_LOGIN_INITIATOR_ERROR},
        {"digest out of range",
         {.csg = 1, .nsg = 1, .text = NAMES "MaxRecvDataSegmentLength=511\n"},
         WIRE_LOGIN_INITIATOR_ERROR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        struct puppet *u = fresh(&c);
        request(u, &rows[i].q);
        refused(u, rows[i].what, rows[i].status);
        puppet_free(u);
    }
}

static struct puppet *strict(void)
{
    struct pair_config c = usual();
    c.t_user = "user";
    c.t_secret = SECRET;
    c.t_mutual_user = "target";
    c.t_mutual_secret = PROOF;
    return fresh(&c);
}

/* Ways around an authentication that is required. */
static void test_around_chap(void **state)
{
    static const struct {
        const char *what;
        struct request first, second;
    } rows[] = {
        {"straight to the operational stage", {.csg = 1, .nsg = 3, .text = NAMES}, {0}},
        {"on without a word", {.nsg = 1, .text = NAMES}, {0}},
        {"to the end without a word", {.nsg = 3, .text = NAMES}, {0}},
        {"None", {.nsg = 1, .text = NAMES "AuthMethod=None\n"}, {0}},
        {"a method nobody knows", {.nsg = 1, .text = NAMES "AuthMethod=KRB5,SRP\n"}, {0}},
        {"on in the second request", {.text = NAMES}, {.nsg = 1}},
        {"challenge before list",
         {.text = NAMES "AuthMethod=CHAP,None\n"},
         {.text = "CHAP_N=user\nCHAP_R=0x00\n"}},
        {"no algorithm in common", {.text = NAMES "AuthMethod=CHAP\n"}, {.text = "CHAP_A=4\n"}},
        {"no algorithm", {.text = NAMES "AuthMethod=CHAP\n"}, {.text = "CHAP_A=\n"}},
        {"nine algorithms", {.text = NAMES "AuthMethod=CHAP\n"}, {.text = "CHAP_A=1,2,3,4,9,10,11,12,5\n"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct puppet *u = strict();
        request(u, &rows[i].first);
        if (rows[i].second.text || rows[i].second.nsg) {
            puppet_expect(u, WIRE_LOGIN_RESPONSE);
            assert_int_equal(status_heard(u), 0);
            request(u, &rows[i].second);
        }
        refused(u, rows[i].what, WIRE_LOGIN_AUTH_FAILURE);
        puppet_free(u);
    }
}

static struct span heard_value(const struct puppet *u, const char *name)
{
    struct reader r = reader_over(u->data, u->data_len);
    struct span key, value;
    while (text_next(&r, &key, &value) == TEXT_PAIR)
        if (span_is(key, name))
            return value;
    return (struct span){"", 0};
}

/* Asks for CHAP with MD5 and answers the challenge rightly; `back` is added to the text. */
static struct puppet *answered(const char *name, const char *secret, bool reflect)
{
    uint8_t challenge[CHAP_CHALLENGE_MAX], response[WIRE_HASH_MAX];
    uint64_t id;
    char text[2048];
    struct puppet *u = strict();
    request(u, &(struct request){.text = NAMES "AuthMethod=CHAP\n"});
    puppet_expect(u, WIRE_LOGIN_RESPONSE);
    assert_true(span_is(heard_value(u, "AuthMethod"), "CHAP"));
    request(u, &(struct request){.text = "CHAP_A=5\n"});
    puppet_expect(u, WIRE_LOGIN_RESPONSE);
    assert_true(span_number(heard_value(u, "CHAP_I"), &id));
    long len = span_binary(heard_value(u, "CHAP_C"), challenge, sizeof challenge);
    assert_int_equal(len, CHAP_CHALLENGE_LEN);
    size_t n = chap_response(u->pair->isc.crypto, WIRE_CHAP_MD5, (uint8_t)id, secret, strlen(secret),
                             challenge, (size_t)len, response);
    struct writer w = writer_over(text, sizeof text);
    text_put(&w, "CHAP_N", name);
    text_put_hex(&w, "CHAP_R", response, n);
    if (reflect) {
        text_put_number(&w, "CHAP_I", id + 1);
        text_put_hex(&w, "CHAP_C", challenge, (size_t)len);
    }
    request_bytes(u, &(struct request){.nsg = 1}, text, (uint32_t)writer_len(&w));
    return u;
}

static void test_chap(void **state)
{
    (void)state;
    struct puppet *u = answered("user", SECRET, false);
    puppet_expect(u, WIRE_LOGIN_RESPONSE);
    assert_int_equal(status_heard(u), 0);
    assert_int_equal(u->bhs[1], 0x81);
    puppet_free(u);
    u = answered("user", "wrong", false);
    refused(u, "wrong secret", WIRE_LOGIN_AUTH_FAILURE);
    puppet_free(u);
    u = answered("target", PROOF, false);
    refused(u, "the target's own account", WIRE_LOGIN_AUTH_FAILURE);
    puppet_free(u);
    u = answered("user", SECRET, true);
    refused(u, "our challenge sent back", WIRE_LOGIN_AUTH_FAILURE);
    puppet_free(u);
}

static void test_tiny_keys(void **state)
{
    char text[2048 * 4];
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = fresh(&c);
    for (uint32_t i = 0; i < 2048; i++)
        memcpy(text + 4 * i, (const char[]){(char)('a' + i % 26), (char)('a' + i / 26 % 26), '=', 0}, 4);
    request(u, &(struct request){.text = NAMES});
    puppet_expect(u, WIRE_LOGIN_RESPONSE);
    request_bytes(u, &(struct request){0}, text, sizeof text);
    refused(u, "2048 keys", WIRE_LOGIN_INITIATOR_ERROR);
    puppet_free(u);
}

/* The answers to so many fit, but not what a target has to say besides. */
static void test_no_room_beside_answers(void **state)
{
    static char text[8192];
    uint32_t len = sizeof NAMES - 1;
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = fresh(&c);
    for (uint32_t i = 0; i < len; i++)
        text[i] = NAMES[i] == '\n' ? '\0' : NAMES[i];
    for (uint32_t i = 0; i < 105; i++, len += 65) {
        memset(text + len, 'X', 63);
        text[len + 63] = '=';
    }
    request_bytes(u, &(struct request){0}, text, len);
    refused(u, "no room", WIRE_LOGIN_INITIATOR_ERROR);
    puppet_free(u);
}

static void test_bursts_that_do_not_fit(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = fresh(&c);
    request(u, &(struct request){
                   .csg = 1, .nsg = 3, .text = NAMES "MaxBurstLength=512\nFirstBurstLength=4096\n"});
    refused(u, "first burst", WIRE_LOGIN_INITIATOR_ERROR);
    puppet_free(u);
}

/* 8192 bytes without an end, and of an end without bytes. */
static void test_long_text(void **state)
{
    static char text[8192];
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct pair_config c = usual();
        struct puppet *u = fresh(&c);
        memset(text, way == 0 ? 'A' : way == 1 ? 0 : '=', sizeof text);
        request_bytes(u, &(struct request){0}, text, sizeof text);
        refused(u, "no end", way == 1 ? WIRE_LOGIN_MISSING_PARAMETER : WIRE_LOGIN_INITIATOR_ERROR);
        puppet_free(u);
    }
    struct pair_config c = usual();
    struct puppet *u = fresh(&c);
    request_bytes(u, &(struct request){.more = true}, text, sizeof text);
    puppet_expect(u, WIRE_LOGIN_RESPONSE);
    request_bytes(u, &(struct request){.more = true}, text, 1);
    failed(u, "more than the buffer", BERTH_E_LIMIT);
    puppet_free(u);
    u = fresh(&c);
    uint8_t bhs[WIRE_BHS_LEN] = {WIRE_LOGIN_REQUEST | 0x40};
    wire_set_lengths(bhs, 0, 8193);
    puppet_babble(u, bhs, sizeof bhs);
    failed(u, "more than a login PDU holds", BERTH_E_NOT_ISCSI);
    puppet_free(u);
}

static void test_endless_login(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct pair_config c = usual();
        struct puppet *u = fresh(&c);
        uint32_t rounds = 0;
        request(u, &(struct request){.text = NAMES});
        puppet_expect(u, WIRE_LOGIN_RESPONSE);
        while (status_heard(u) == 0 && rounds++ < 100) {
            request(u, &(struct request){.more = more});
            puppet_expect(u, WIRE_LOGIN_RESPONSE);
        }
        assert_int_equal(status_heard(u), WIRE_LOGIN_INITIATOR_ERROR);
        assert_int_equal(rounds, LOGIN_ROUNDS_MAX);
        puppet_free(u);
    }
}

static void test_changing_identity(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = fresh(&c);
    request(u, &(struct request){.cid = 1, .text = NAMES});
    puppet_expect(u, WIRE_LOGIN_RESPONSE);
    request(u, &(struct request){.cid = 2});
    refused(u, "another CID", WIRE_LOGIN_INVALID_REQUEST);
    puppet_free(u);
    u = fresh(&c);
    request(u, &(struct request){.nsg = 1, .text = NAMES});
    puppet_expect(u, WIRE_LOGIN_RESPONSE);
    request(u, &(struct request){0}); /* back in the stage that is over */
    refused(u, "stage over", WIRE_LOGIN_INVALID_REQUEST);
    puppet_free(u);
}

static void test_not_a_login(void **state)
{
    static const char *const greetings[] = {
        "GET / HTTP/1.1\r\nHost: target.example\r\nAccept: */*\r\n\r\n",
        "CONNECT host.example:443 HTTP/1.1\r\nHost: host.example:443\r\n\r\n", "SSH-2.0-x\r\n",
        "\x16\x03\x01"};
    (void)state;
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        struct pair_config c = usual();
        struct puppet *u = fresh(&c);
        puppet_babble(u, greetings[i], strlen(greetings[i]));
        failed(u, greetings[i], BERTH_E_NOT_ISCSI);
        puppet_free(u);
    }
    struct pair_config c = usual();
    struct puppet *u = fresh(&c);
    uint8_t bhs[WIRE_BHS_LEN] = {WIRE_SCSI_COMMAND};
    puppet_say(u, bhs, NULL, 0);
    failed(u, "a command before login", BERTH_E_NOT_ISCSI);
    puppet_free(u);
    u = fresh(&c);
    conn_tick(u->victim, 1000);
    failed(u, "silence", BERTH_E_NO_ANSWER);
    puppet_free(u);
}

/* --- commands --- */

struct command {
    char op;
    bool immediate, open; /* open: unsolicited Data-Out follows */
    bool read, write;
    uint32_t itt, edtl, ahead; /* CmdSN that much beyond the expected one */
    uint32_t data_len;
    uint32_t stored; /* what there is of it at the target; 0: edtl */
};

static void say_command(struct puppet *u, const struct command *q)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_scsi_command cmd = {.immediate = q->immediate,
                                    .final = !q->open,
                                    .read = q->read || q->op == 'R',
                                    .write = q->write || q->op == 'W',
                                    .itt = q->itt,
                                    .edtl = q->edtl,
                                    .cmd_sn = u->pair->ts->exp_cmd_sn + q->ahead};
    cmd.cdb[0] = (uint8_t)q->op;
    put32(cmd.cdb + 8, q->stored ? q->stored : q->edtl < PAIR_DISK ? q->edtl : 0);
    put_scsi_command(bhs, &cmd);
    puppet_say(u, bhs, payload, q->data_len);
}

static void test_command_flaws(void **state)
{
    static const struct {
        const char *what;
        bool no_immediate, unsolicited; /* as negotiated */
        struct command q;
    } rows[] = {
        {"immediate data not agreed to", true, false, {.op = 'W', .edtl = 100, .data_len = 100}},
        {"immediate data beyond FirstBurstLength", false, false, {.op = 'W', .edtl = 4096, .data_len = 2049}},
        {"immediate data beyond the command", false, false, {.op = 'W', .edtl = 99, .data_len = 100}},
        {"immediate data of a read", false, false, {.op = 'R', .edtl = 100, .data_len = 100}},
        {"immediate data of a command without data", false, false, {.op = 'E', .edtl = 0, .data_len = 1}},
        {"unsolicited data not agreed to", false, false, {.op = 'W', .edtl = 4096, .open = true}},
        {"unsolicited data of a read", false, true, {.op = 'R', .edtl = 4096, .open = true}},
        {"reserved tag", false, false, {.op = 'E', .itt = WIRE_TAG_NONE}},
        {"gap in CmdSN", false, false, {.op = 'E', .ahead = 1}},
        {"gap to the end of the window", false, false, {.op = 'E', .ahead = PAIR_DEPTH - 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        c.immediate_data = !rows[i].no_immediate;
        c.initial_r2t = !rows[i].unsolicited;
        struct puppet *u = logged_in(&c);
        say_command(u, &rows[i].q);
        failed(u, rows[i].what, BERTH_E_PROTOCOL);
        assert_int_equal(u->pair->executed, 0);
        puppet_free(u);
    }
}

/* Outside the window: as if it had not been said (4.2.2.1), data and all. */
static void test_outside_window(void **state)
{
    static const uint32_t aheads[] = {PAIR_DEPTH, PAIR_DEPTH + 1, 0x7fffffff, 0xffffffff, 0x80000001};
    (void)state;
    for (size_t i = 0; i < sizeof aheads / sizeof aheads[0]; i++) {
        struct pair_config c = usual();
        struct puppet *u = logged_in(&c);
        say_command(u,
                    &(struct command){.op = 'W', .edtl = 500, .data_len = 500, .itt = 1, .ahead = aheads[i]});
        all_well(u, "outside");
        assert_false(puppet_hear(u));
        assert_int_equal(u->pair->begun, 0);
        say_command(u, &(struct command){.op = 'W', .edtl = 500, .data_len = 500, .itt = 1});
        all_well(u, "inside");
        puppet_expect(u, WIRE_SCSI_RESPONSE);
        assert_int_equal(u->pair->executed, 1);
        puppet_free(u);
    }
}

/* Immediate commands have a place of their own: beyond it they are rejected, and what the window had promised
 * still finds room. */
static void test_immediate_flood(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    uint32_t rejects = 0;
    for (uint32_t i = 0; i < SESSION_IMMEDIATE_MAX + 4; i++)
        say_command(u, &(struct command){.op = 'W', .edtl = 100, .itt = 100 + i, .immediate = true});
    while (puppet_hear(u))
        if (wire_opcode(u->bhs) == WIRE_REJECT) {
            assert_int_equal(u->bhs[2], WIRE_REJECT_TOO_MANY_IMMEDIATE);
            assert_int_equal(u->data_len, WIRE_BHS_LEN);
            assert_int_equal(wire_itt(u->data), 100 + SESSION_IMMEDIATE_MAX + rejects);
            rejects++;
        }
    assert_int_equal(rejects, 4);
    for (uint32_t i = 0; i < PAIR_DEPTH; i++)
        say_command(u, &(struct command){.op = 'W', .edtl = 100, .itt = i + 1});
    uint32_t asked = 0;
    while (puppet_hear(u)) {
        assert_int_equal(wire_opcode(u->bhs), WIRE_R2T);
        asked++;
    }
    assert_int_equal(asked, PAIR_DEPTH);
    assert_int_equal(u->pair->ts->slots.taken, PAIR_DEPTH + SESSION_IMMEDIATE_MAX);
    assert_int_equal(session_max_cmd_sn(u->pair->ts) + 1, u->pair->ts->exp_cmd_sn); /* closed */
    all_well(u, "flood");
    puppet_free(u);
}

/* Reads: PDUs of the initiator's segment size, a final bit at the end of every burst and nowhere else, the
 * residual in the last one. */
static void read_as_agreed(uint32_t edtl, uint32_t stored, uint32_t segment)
{
    struct pair_config c = usual();
    c.segment_i = segment;
    struct puppet *u = logged_in(&c);
    uint32_t total = edtl < stored ? edtl : stored, at = 0, sn = 0;
    for (uint32_t i = 0; i < stored; i++)
        u->pair->disk[i] = (uint8_t)(i * 5);
    say_command(u, &(struct command){.op = 'R', .edtl = edtl, .stored = stored, .itt = 4});
    pair_work(u->pair);
    while (at < total) {
        struct wire_data_in d;
        assert_true(puppet_hear(u));
        assert_int_equal(wire_opcode(u->bhs), WIRE_DATA_IN);
        get_data_in(u->bhs, &d);
        assert_int_equal(d.buffer_offset, at);
        assert_int_equal(d.data_sn, sn++);
        assert_memory_equal(u->data, u->pair->disk + at, u->data_len);
        at += u->data_len;
        assert_true(u->data_len == segment || at == total || at % c.max_burst == 0);
        assert_int_equal(d.final, at == total || at % c.max_burst == 0);
        assert_int_equal(d.has_status, at == total);
        if (!d.has_status)
            continue;
        assert_int_equal(d.residual_kind, edtl == stored  ? WIRE_RESIDUAL_NONE
                                          : edtl > stored ? WIRE_RESIDUAL_UNDERFLOW
                                                          : WIRE_RESIDUAL_OVERFLOW);
        assert_int_equal(d.residual, edtl > stored ? edtl - stored : stored - edtl);
    }
    assert_int_equal(at, total);
    assert_false(puppet_hear(u));
    puppet_free(u);
}

static void test_reads(void **state)
{
    static const uint32_t edtls[] = {1, 600, 4096, 4097, 10000};
    (void)state;
    for (size_t i = 0; i < sizeof edtls / sizeof edtls[0]; i++)
        for (uint32_t segment = 512; segment <= 8192; segment = segment * 2 + 100) {
            read_as_agreed(edtls[i], edtls[i], segment);
            read_as_agreed(edtls[i], edtls[i] + 333, segment);
            read_as_agreed(edtls[i] + 333, edtls[i], segment);
        }
}

static void test_both_ways(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    uint32_t cmd_sn = u->pair->ts->exp_cmd_sn;
    say_command(u, &(struct command){.op = 'W', .read = true, .edtl = 100, .data_len = 100, .itt = 6});
    puppet_expect(u, WIRE_REJECT);
    assert_int_equal(u->bhs[2], WIRE_REJECT_COMMAND);
    assert_int_equal(u->pair->ts->exp_cmd_sn, cmd_sn + 1);
    all_well(u, "both ways");
    assert_int_equal(u->pair->begun, 0);
    puppet_free(u);
}

static void test_ahs(void **state)
{
    static const struct {
        const char *what;
        uint8_t ahs[40];
        uint32_t len;
        bool good;
    } rows[] = {
        {"extended CDB", {0, 17, 1, 0, 1, 2, 3}, 20, true},
        {"unknown one before it", {0, 5, 9, 0, 0, 0, 0, 0, 0, 17, 1, 0}, 28, true},
        {"longer than there is", {0, 30, 1, 0}, 20, false},
        {"CDB too long", {0, 21, 1, 0}, 24, false},
        {"CDB without bytes", {0, 0, 1, 0}, 4, false},
        {"two of them", {0, 5, 1, 0, 0, 0, 0, 0, 0, 5, 1, 0}, 16, false},
        {"a length of 65535", {0xff, 0xff, 1, 0}, 8, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        struct puppet *u = logged_in(&c);
        uint8_t bhs[WIRE_BHS_LEN];
        struct wire_scsi_command cmd = {
            .final = true, .itt = 3, .cmd_sn = u->pair->ts->exp_cmd_sn, .cdb = {'E'}};
        put_scsi_command(bhs, &cmd);
        puppet_say_ahs(u, bhs, rows[i].ahs, rows[i].len, NULL, 0);
        if (rows[i].good) {
            all_well(u, rows[i].what);
            puppet_expect(u, WIRE_SCSI_RESPONSE);
        } else {
            failed(u, rows[i].what, BERTH_E_PROTOCOL);
        }
        puppet_free(u);
    }
}

/* --- Data-Out --- */

struct data_out {
    uint32_t offset, len, sn;
    bool final;
    bool no_ttt;
    uint32_t itt_off, ttt_off; /* added to the right ones */
};

static void say_data_out(struct puppet *u, uint32_t itt, uint32_t ttt, const struct data_out *d)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_data_out out = {.final = d->final,
                                .itt = itt + d->itt_off,
                                .ttt = d->no_ttt ? WIRE_TAG_NONE : ttt + d->ttt_off,
                                .data_sn = d->sn,
                                .buffer_offset = d->offset};
    put_data_out(bhs, &out);
    puppet_say(u, bhs, payload + d->offset % 8000, d->len);
}

enum verdict { FAILS, SWALLOWED, DONE };

/* A write of 6000 bytes that was asked for the first 4096. */
static void test_data_out(void **state)
{
    static const struct {
        const char *what;
        struct data_out first, second;
        enum verdict verdict;
    } rows[] = {
        {"all of it", {0, 4096, 0, true, false, 0, 0}, {0}, DONE},
        {"in two", {0, 4000, 0, false, false, 0, 0}, {4000, 96, 1, true, false, 0, 0}, DONE},
        {"empty one first", {0, 0, 0, false, false, 0, 0}, {0, 4096, 1, true, false, 0, 0}, DONE},
        {"offset", {1, 100, 0, false, false, 0, 0}, {0}, FAILS},
        {"offset wraps", {0xfffffff0, 100, 0, false, false, 0, 0}, {0}, FAILS},
        {"the same again", {0, 100, 0, false, false, 0, 0}, {0, 100, 1, false, false, 0, 0}, FAILS},
        {"DataSN", {0, 100, 1, false, false, 0, 0}, {0}, FAILS},
        {"DataSN twice", {0, 100, 0, false, false, 0, 0}, {100, 100, 0, false, false, 0, 0}, FAILS},
        {"more than asked for", {0, 4097, 0, true, false, 0, 0}, {0}, FAILS},
        {"more in sum", {0, 4000, 0, false, false, 0, 0}, {4000, 97, 1, true, false, 0, 0}, FAILS},
        {"final too early", {0, 100, 0, true, false, 0, 0}, {0}, FAILS},
        {"not final at the end", {0, 4096, 0, false, false, 0, 0}, {0}, FAILS},
        {"unsolicited", {0, 4096, 0, true, true, 0, 0}, {0}, FAILS},
        {"another command", {0, 4096, 0, true, false, 1, 0}, {0}, SWALLOWED},
        {"another tag", {0, 4096, 0, true, false, 0, 1}, {0}, SWALLOWED},
        {"a tag of another life", {0, 4096, 0, true, false, 0, 0x2000}, {0}, SWALLOWED},
        {"a tag beyond all", {0, 4096, 0, true, false, 0, 0x7f000000}, {0}, SWALLOWED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        c.immediate_data = false;
        c.initial_r2t = true;
        struct puppet *u = logged_in(&c);
        say_command(u, &(struct command){.op = 'W', .edtl = 6000, .itt = 0x500});
        puppet_expect(u, WIRE_R2T);
        assert_int_equal(get32(u->bhs + 44), 4096);
        uint32_t ttt = get32(u->bhs + 20);
        say_data_out(u, 0x500, ttt, &rows[i].first);
        if (rows[i].second.len)
            say_data_out(u, 0x500, ttt, &rows[i].second);
        if (rows[i].verdict == FAILS) {
            failed(u, rows[i].what, BERTH_E_PROTOCOL);
        } else {
            all_well(u, rows[i].what);
            assert_int_equal(puppet_hear(u), rows[i].verdict == DONE); /* the next R2T */
        }
        assert_int_equal(u->pair->executed, 0);
        puppet_free(u);
    }
}

/* The unsolicited sequence: may end early, then the rest is asked for; not more, not twice, not after its
 * end. */
static void test_unsolicited(void **state)
{
    static const struct {
        const char *what;
        uint32_t immediate;
        struct data_out first, second;
        enum verdict verdict; /* DONE: R2T for `r2t_at` */
        uint32_t r2t_at;
    } rows[] = {
        {"as much as may be", 0, {0, 2048, 0, true, true, 0, 0}, {0}, DONE, 2048},
        {"behind immediate data", 1000, {1000, 1048, 0, true, true, 0, 0}, {0}, DONE, 2048},
        {"less", 1000, {1000, 500, 0, true, true, 0, 0}, {0}, DONE, 1500},
        {"nothing", 1000, {1000, 0, 0, true, true, 0, 0}, {0}, DONE, 1000},
        {"in two", 0, {0, 1000, 0, false, true, 0, 0}, {1000, 1048, 1, true, true, 0, 0}, DONE, 2048},
        {"full, and then the end",
         0,
         {0, 2048, 0, false, true, 0, 0},
         {2048, 0, 1, true, true, 0, 0},
         DONE,
         2048},
        {"too much", 0, {0, 2049, 0, true, true, 0, 0}, {0}, FAILS, 0},
        {"too much with the immediate data", 1000, {1000, 1049, 0, true, true, 0, 0}, {0}, FAILS, 0},
        {"over the immediate data", 1000, {0, 1000, 0, true, true, 0, 0}, {0}, FAILS, 0},
        {"behind its end", 0, {0, 1000, 0, true, true, 0, 0}, {1000, 1000, 1, true, true, 0, 0}, FAILS, 0},
        {"with a tag", 0, {0, 1000, 0, true, false, 0, 0}, {0}, SWALLOWED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        struct puppet *u = logged_in(&c);
        say_command(u,
                    &(struct command){
                        .op = 'W', .edtl = 6000, .itt = 0x500, .open = true, .data_len = rows[i].immediate});
        say_data_out(u, 0x500, 0x00abcdef, &rows[i].first);
        if (rows[i].second.sn)
            say_data_out(u, 0x500, 0, &rows[i].second);
        if (rows[i].verdict == FAILS) {
            failed(u, rows[i].what, BERTH_E_PROTOCOL);
        } else if (rows[i].verdict == DONE) {
            puppet_expect(u, WIRE_R2T);
            assert_int_equal(get32(u->bhs + 40), rows[i].r2t_at);
        } else {
            assert_false(puppet_hear(u));
        }
        puppet_free(u);
    }
}

/* No memory for a write: what comes unasked is swallowed to its end, nothing is asked for, the answer is the
 * owner's. */
static void test_no_memory(void **state)
{
    static const struct {
        uint32_t edtl, immediate;
        bool open;
        struct data_out first, second;
    } rows[] = {
        {500, 500, false, {0}, {0}},
        {6000, 500, false, {0}, {0}},
        {6000, 0, false, {0}, {0}},
        {6000, 500, true, {500, 1548, 0, true, true, 0, 0}, {0}},
        {6000, 500, true, {500, 1000, 0, false, true, 0, 0}, {1500, 548, 1, true, true, 0, 0}},
        {2000, 500, true, {500, 1500, 0, true, true, 0, 0}, {0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        c.refuse_memory = true;
        c.data_digest = i & 1;
        struct puppet *u = logged_in(&c);
        say_command(u, &(struct command){.op = 'W',
                                         .edtl = rows[i].edtl,
                                         .itt = 7,
                                         .open = rows[i].open,
                                         .data_len = rows[i].immediate});
        pair_work(u->pair);
        assert_int_equal(u->pair->executed, !rows[i].open);
        if (rows[i].first.len)
            say_data_out(u, 7, 0, &rows[i].first);
        if (rows[i].second.len)
            say_data_out(u, 7, 0, &rows[i].second);
        pair_work(u->pair);
        assert_true(puppet_hear(u));
        assert_int_equal(wire_opcode(u->bhs), WIRE_SCSI_RESPONSE);
        assert_int_equal(u->bhs[3], 8);
        say_command(u, &(struct command){.op = 'E', .itt = 8});
        all_well(u, "after it");
        puppet_expect(u, WIRE_SCSI_RESPONSE);
        assert_int_equal(u->pair->ts->slots.taken, 0);
        puppet_free(u);
    }
}

/* A command is aborted in the middle of its data: what comes after is swallowed, its memory given back once.
 */
static void test_abort_in_data(void **state)
{
    (void)state;
    for (uint32_t cut = 0; cut <= WIRE_BHS_LEN + 4096; cut += 101) {
        struct pair_config c = usual();
        c.immediate_data = false;
        c.initial_r2t = true;
        struct puppet *u = logged_in(&c);
        struct pair *p = u->pair;
        say_command(u, &(struct command){.op = 'W', .edtl = 6000, .itt = 0x500});
        puppet_expect(u, WIRE_R2T);
        uint8_t pdu[WIRE_BHS_LEN + 4096], bhs[WIRE_BHS_LEN];
        struct wire_data_out out = {.final = true, .itt = 0x500, .ttt = get32(u->bhs + 20)};
        put_data_out(pdu, &out);
        wire_set_lengths(pdu, 0, 4096);
        memcpy(pdu + WIRE_BHS_LEN, payload, 4096);
        puppet_babble(u, pdu, cut);
        struct task tmf = {.function = WIRE_TMF_ABORT_TASK, .referenced_tag = 0x500};
        assert_int_equal(session_abort(p->ts, &tmf), WIRE_TMF_COMPLETE);
        assert_int_equal(p->ended, 1);
        puppet_babble(u, pdu + cut, sizeof pdu - cut);
        struct wire_tmf_request again = {
            .immediate = true, .function = WIRE_TMF_ABORT_TASK, .referenced_tag = 0x500};
        put_tmf_request(bhs, &again);
        puppet_say(u, bhs, NULL, 0);
        all_well(u, "abort");
        puppet_expect(u, WIRE_TMF_RESPONSE);
        assert_int_equal(u->bhs[2], WIRE_TMF_NO_TASK);
        assert_int_equal(p->executed, 0);
        assert_int_equal(p->ts->slots.taken, 0);
        puppet_free(u);
    }
}

static void test_task_management(void **state)
{
    static const struct {
        uint8_t function, response;
        uint32_t ended; /* of four commands on two LUNs */
    } rows[] = {
        {0, WIRE_TMF_UNSUPPORTED, 0},
        {WIRE_TMF_ABORT_TASK, WIRE_TMF_COMPLETE, 1},
        {WIRE_TMF_ABORT_TASK_SET, WIRE_TMF_COMPLETE, 2},
        {WIRE_TMF_CLEAR_ACA, WIRE_TMF_UNSUPPORTED, 0},
        {WIRE_TMF_CLEAR_TASK_SET, WIRE_TMF_COMPLETE, 2},
        {WIRE_TMF_LU_RESET, WIRE_TMF_COMPLETE, 2},
        {WIRE_TMF_TARGET_WARM_RESET, WIRE_TMF_COMPLETE, 4},
        {WIRE_TMF_TARGET_COLD_RESET, WIRE_TMF_COMPLETE, 4},
        {WIRE_TMF_TASK_REASSIGN, WIRE_TMF_UNSUPPORTED, 0},
        {WIRE_TMF_QUERY_TASK, WIRE_TMF_UNSUPPORTED, 0},
        {127, WIRE_TMF_UNSUPPORTED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        struct puppet *u = logged_in(&c);
        uint8_t bhs[WIRE_BHS_LEN];
        for (uint32_t n = 0; n < 4; n++) {
            struct wire_scsi_command cmd = {.final = true,
                                            .write = true,
                                            .itt = 1 + n,
                                            .edtl = 5000,
                                            .lun = n % 2,
                                            .cmd_sn = u->pair->ts->exp_cmd_sn};
            put_scsi_command(bhs, &cmd);
            puppet_say(u, bhs, NULL, 0);
        }
        struct wire_tmf_request t = {.immediate = true,
                                     .function = rows[i].function,
                                     .lun = 1,
                                     .itt = 50,
                                     .referenced_tag = 2,
                                     .cmd_sn = u->pair->ts->exp_cmd_sn};
        put_tmf_request(bhs, &t);
        puppet_say(u, bhs, NULL, 0);
        all_well(u, "task management");
        puppet_expect(u, WIRE_TMF_RESPONSE);
        assert_int_equal(u->bhs[2], rows[i].response);
        assert_int_equal(u->pair->ended, rows[i].ended + 1); /* and the request itself */
        assert_int_equal(u->pair->ts->slots.taken, 4 - rows[i].ended);
        puppet_free(u);
    }
}

/* --- the rest --- */

static void test_misplaced(void **state)
{
    static const struct {
        const char *what;
        uint8_t opcode;
        uint32_t data_len;
    } rows[] = {
        {"a login request", WIRE_LOGIN_REQUEST | 0x40, 0},
        {"a target's PDU", WIRE_SCSI_RESPONSE, 0},
        {"no such operation", 0x1c, 0},
        {"task management with data", WIRE_TMF_REQUEST, 4},
        {"SNACK with data", WIRE_SNACK_REQUEST, 4},
        {"a segment beyond MaxRecvDataSegmentLength", WIRE_NOP_OUT | 0x40, 8193},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        struct puppet *u = logged_in(&c);
        uint8_t bhs[WIRE_BHS_LEN] = {rows[i].opcode, 0x80};
        puppet_say(u, bhs, payload, rows[i].data_len);
        failed(u, rows[i].what, BERTH_E_PROTOCOL);
        puppet_free(u);
    }
}

static void test_snack(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    uint8_t bhs[WIRE_BHS_LEN];
    for (uint8_t type = 0; type < 4; type++) {
        struct wire_snack snack = {.type = type, .itt = 5, .ttt_or_tag = WIRE_TAG_NONE};
        put_snack(bhs, &snack);
        puppet_say(u, bhs, NULL, 0);
        puppet_expect(u, WIRE_REJECT);
        assert_int_equal(u->bhs[2], WIRE_REJECT_SNACK);
        assert_memory_equal(u->data, bhs, WIRE_BHS_LEN);
    }
    all_well(u, "SNACK");
    puppet_free(u);
}

static void say_text(struct puppet *u, bool final, bool more, uint32_t ttt, const char *text)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_text_request t = {.immediate = true, .final = final, .more = more, .itt = 8, .ttt = ttt};
    put_text_request(bhs, &t);
    puppet_say(u, bhs, text, (uint32_t)strlen(text) + 1);
}

static void test_text(void **state)
{
    (void)state;
    struct pair_config c = usual();
    c.discovery = true;
    c.segment_i = 512;
    struct puppet *u = logged_in(&c);
    say_text(u, true, true, WIRE_TAG_NONE, "SendTargets=All");
    puppet_expect(u, WIRE_REJECT);
    assert_int_equal(u->bhs[2], WIRE_REJECT_PROTOCOL);
    say_text(u, false, false, WIRE_TAG_NONE, "SendTargets=All");
    puppet_expect(u, WIRE_REJECT);
    say_text(u, true, false, 17, "");
    puppet_expect(u, WIRE_REJECT); /* nothing to go on with */
    say_text(u, true, false, WIRE_TAG_NONE, "SendTargets=All");
    puppet_expect(u, WIRE_TEXT_RESPONSE);
    assert_int_equal(u->bhs[1] & 0x80, 0);
    uint32_t ttt = get32(u->bhs + 20);
    say_text(u, true, false, ttt + 1, "");
    puppet_expect(u, WIRE_REJECT);
    say_text(u, true, false, ttt, "");
    puppet_expect(u, WIRE_TEXT_RESPONSE);
    assert_true(get32(u->bhs + 20) != ttt);
    all_well(u, "text");
    say_command(u, &(struct command){.op = 'E', .itt = 1});
    failed(u, "a command in a discovery session", BERTH_E_PROTOCOL);
    puppet_free(u);
}

/* A new MaxRecvDataSegmentLength holds from then on; what cannot be one changes nothing (13.12, 6.2). */
static void test_new_segment(void **state)
{
    static const struct {
        const char *text, *answer;
        uint32_t segment; /* of what is read afterwards */
    } rows[] = {
        {"MaxRecvDataSegmentLength=700", "", 700},
        {"MaxRecvDataSegmentLength=511", "Reject", 700},
        {"MaxRecvDataSegmentLength=many", "Reject", 700},
        {"MaxRecvDataSegmentLength=512", "", 512},
        {"X-com.example.what=1", "NotUnderstood", 512},
        {"MaxBurstLength=512", "Reject", 512}, /* only in login */
        {"MaxRecvDataSegmentLength=2048", "", 2048},
    };
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        say_text(u, true, false, WIRE_TAG_NONE, rows[i].text);
        puppet_expect(u, WIRE_TEXT_RESPONSE);
        assert_int_equal(u->bhs[1] & 0x80, 0x80);
        const char *value = strchr((const char *)u->data, '=');
        assert_string_equal(u->data_len ? value + 1 : "", rows[i].answer);
        say_command(u, &(struct command){.op = 'R', .edtl = 4000, .itt = 9});
        pair_work(u->pair);
        puppet_expect(u, WIRE_DATA_IN);
        assert_int_equal(u->data_len, rows[i].segment);
        while (puppet_hear(u))
            ;
    }
    all_well(u, "new segment");
    puppet_free(u);
}

static void say_nop_out(struct puppet *u, uint32_t itt, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_out out = {.immediate = true, .itt = itt, .ttt = WIRE_TAG_NONE, .lun = 3};
    put_nop_out(bhs, &out);
    puppet_say(u, bhs, payload, len);
}

static void test_pings(void **state)
{
    static const uint32_t lens[] = {0, 1, 512, 8191, 8192};
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        say_nop_out(u, 5, lens[i]);
        puppet_expect(u, WIRE_NOP_IN);
        assert_int_equal(u->data_len, lens[i]);
        assert_memory_equal(u->data, payload, lens[i]);
        assert_int_equal(wire_itt(u->bhs), 5);
        assert_int_equal(get32(u->bhs + 20), WIRE_TAG_NONE);
    }
    struct wire_nop_in in;
    uint32_t stat_sn = u->victim->stat_sn;
    assert_true(conn_send_nop_in(u->victim));
    assert_true(conn_ping_out(u->victim));
    puppet_expect(u, WIRE_NOP_IN);
    get_nop_in(u->bhs, &in);
    assert_true(in.itt == WIRE_TAG_NONE && in.ttt != WIRE_TAG_NONE);
    assert_int_equal(in.window.stat_sn, stat_sn);
    assert_int_equal(u->victim->stat_sn, stat_sn); /* shown, not used */
    say_nop_out(u, WIRE_TAG_NONE, 0);
    assert_false(conn_ping_out(u->victim));
    say_nop_out(u, WIRE_TAG_NONE, 0); /* an answer to what was not asked */
    assert_false(puppet_hear(u));
    all_well(u, "pings");
    puppet_free(u);
}

/* Sense data waits while the answer to a ping is due: both use the same buffer. */
static void test_ping_and_sense(void **state)
{
    (void)state;
    for (uint32_t cut = 1; cut < WIRE_BHS_LEN + 600; cut += 7) {
        struct pair_config c = usual();
        struct puppet *u = logged_in(&c);
        uint8_t pdu[WIRE_BHS_LEN + 600];
        struct wire_nop_out out = {.immediate = true, .itt = 5, .ttt = WIRE_TAG_NONE};
        say_command(u, &(struct command){.op = 'E', .itt = 9});
        put_nop_out(pdu, &out);
        wire_set_lengths(pdu, 0, 600);
        memcpy(pdu + WIRE_BHS_LEN, payload, 600);
        puppet_babble(u, pdu, cut);
        pair_work(u->pair); /* executes: sense data is there to be sent */
        struct berth_seg seg;
        uint32_t shown = conn_tx_peek(u->victim, &seg, 1);
        assert_true(shown > 0 ||
                    !conn_tx_pending(u->victim)); /* no engine is told to turn round for nothing */
        puppet_babble(u, pdu + cut, sizeof pdu - cut);
        uint32_t seen = 0;
        while (puppet_hear(u)) {
            if (wire_opcode(u->bhs) == WIRE_NOP_IN) {
                assert_int_equal(u->data_len, 600);
                assert_memory_equal(u->data, payload, 600);
            } else {
                assert_int_equal(wire_opcode(u->bhs), WIRE_SCSI_RESPONSE);
                assert_int_equal(u->data_len, 20);
                assert_int_equal(u->data[4], 5);
            }
            seen++;
        }
        assert_int_equal(seen, 2);
        puppet_free(u);
    }
}

/* The owner fills the outbox while a request is coming in: its answer finds room. */
static void test_full_outbox(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    uint8_t pdu[WIRE_BHS_LEN + 8];
    struct wire_logout_request l = {.immediate = true, .reason = WIRE_LOGOUT_SESSION, .itt = 3};
    struct wire_async a = {.event = WIRE_ASYNC_VENDOR};
    put_logout_request(pdu, &l);
    wire_set_lengths(pdu, 0, 8);
    puppet_babble(u, pdu, WIRE_BHS_LEN + 4);
    uint32_t pushed = 0;
    while (conn_send_async(u->victim, &a, NULL, 0))
        pushed++;
    assert_int_equal(pushed, CONN_OUTBOX - 1);
    assert_false(conn_send_nop_in(u->victim));
    assert_false(conn_ping_out(u->victim));
    puppet_babble(u, pdu, 4);
    puppet_expect(u, WIRE_LOGOUT_RESPONSE);
    puppet_free(u);
}

/* One data segment at a time, no longer than the initiator takes. */
static void test_async_with_data(void **state)
{
    static const uint8_t sense[20] = {0, 18, 0x70, 0, 6};
    static const uint8_t much[CONN_CONTROL_MIN + 1];
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    struct wire_async a = {.event = WIRE_ASYNC_SCSI}, got;
    assert_false(conn_send_async(u->victim, &a, much, sizeof much));
    assert_false(conn_send_async(u->victim, &a, much, u->victim->max_send + 1));
    assert_true(conn_send_async(u->victim, &a, sense, sizeof sense));
    assert_false(conn_send_async(u->victim, &a, sense, sizeof sense));
    a.event = WIRE_ASYNC_VENDOR;
    assert_true(conn_send_async(u->victim, &a, NULL, 0));
    puppet_expect(u, WIRE_ASYNC);
    get_async(u->bhs, &got);
    assert_int_equal(got.event, WIRE_ASYNC_SCSI);
    assert_int_equal(u->data_len, sizeof sense);
    assert_memory_equal(u->data, sense, sizeof sense);
    puppet_expect(u, WIRE_ASYNC);
    assert_int_equal(u->data_len, 0);
    assert_true(conn_send_async(u->victim, &a, sense, sizeof sense));
    all_well(u, "asynchronous messages");
    puppet_free(u);
}

static void test_logouts(void **state)
{
    static const struct {
        uint8_t reason;
        uint16_t cid;
        uint8_t response;
    } rows[] = {{WIRE_LOGOUT_SESSION, 99, 0},
                {WIRE_LOGOUT_CONNECTION, 3, 0},
                {WIRE_LOGOUT_CONNECTION, 4, 1},
                {WIRE_LOGOUT_RECOVERY, 3, 2},
                {9, 3, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c = usual();
        struct puppet *u = logged_in(&c);
        uint8_t bhs[WIRE_BHS_LEN];
        struct wire_logout_request l = {
            .immediate = true, .reason = rows[i].reason, .cid = rows[i].cid, .itt = 3};
        put_logout_request(bhs, &l);
        puppet_say(u, bhs, NULL, 0);
        puppet_expect(u, WIRE_LOGOUT_RESPONSE);
        assert_int_equal(u->bhs[2], rows[i].response);
        all_well(u, "logout");
        assert_int_equal(u->pair->last_t.kind == CONN_EV_LOGGED_OUT, rows[i].response == 0);
        puppet_free(u);
    }
}

/* Data that an R2T asked for may be on their way when the initiator leaves. */
static void test_data_behind_logout(void **state)
{
    (void)state;
    struct pair_config c = usual();
    c.immediate_data = false;
    c.initial_r2t = true;
    struct puppet *u = logged_in(&c);
    uint8_t bhs[WIRE_BHS_LEN];
    say_command(u, &(struct command){.op = 'W', .edtl = 4096, .itt = 7});
    puppet_expect(u, WIRE_R2T);
    struct wire_data_out out = {.final = true, .itt = 7, .ttt = get32(u->bhs + 20)};
    struct wire_logout_request l = {.immediate = true, .itt = 8, .cmd_sn = u->pair->ts->exp_cmd_sn};
    put_logout_request(bhs, &l);
    puppet_say(u, bhs, NULL, 0);
    put_data_out(bhs, &out);
    puppet_say(u, bhs, payload, 4096);
    puppet_expect(u, WIRE_LOGOUT_RESPONSE);
    all_well(u, "data behind a logout");
    assert_int_equal(u->pair->last_t.kind, CONN_EV_LOGGED_OUT);
    puppet_free(u);
}

/* The connection dies while the owner has a task in hand: the answer comes to nothing, and the slot back. */
static void test_in_hand(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    struct pair *p = u->pair;
    say_command(u, &(struct command){.op = 'E', .itt = 1});
    say_command(u, &(struct command){.op = 'E', .itt = 2});
    struct task *task = session_next_ready(p->ts);
    assert_non_null(task);
    conn_drop(p->tc);
    assert_int_equal(p->ended, 1); /* the one that waited */
    assert_int_equal(p->ts->slots.taken, 1);
    session_respond(p->ts, task);
    assert_int_equal(p->ended, 2);
    assert_int_equal(p->ts->slots.taken, 0);
    puppet_free(u);
}

static void say_tmf(struct puppet *u, uint8_t function, uint32_t referenced_tag)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_tmf_request t = {.immediate = true,
                                 .function = function,
                                 .itt = 0x900,
                                 .referenced_tag = referenced_tag,
                                 .cmd_sn = u->pair->ts->exp_cmd_sn};
    put_tmf_request(bhs, &t);
    puppet_say(u, bhs, NULL, 0);
}

/* What the owner has in hand is not answered once it has been aborted, and ends when he lets go. */
static void test_abort_in_hand(void **state)
{
    static const uint8_t functions[] = {WIRE_TMF_ABORT_TASK, WIRE_TMF_ABORT_TASK_SET, WIRE_TMF_LU_RESET};
    (void)state;
    for (size_t i = 0; i < sizeof functions; i++) {
        struct pair_config c = usual();
        struct puppet *u = logged_in(&c);
        struct pair *p = u->pair;
        say_command(u, &(struct command){.op = 'E', .itt = 1});
        struct task *task = session_next_ready(p->ts);
        assert_non_null(task);
        say_tmf(u, functions[i], 1);
        all_well(u, "in hand");
        puppet_expect(u, WIRE_TMF_RESPONSE); /* this owner waits for nothing */
        assert_int_equal(u->bhs[2], WIRE_TMF_COMPLETE);
        assert_true(task->aborted);
        assert_int_equal(p->ended, 1); /* the request */
        say_tmf(u, WIRE_TMF_ABORT_TASK, 1);
        pair_work(p);
        puppet_expect(u, WIRE_TMF_RESPONSE);
        assert_int_equal(u->bhs[2], WIRE_TMF_NO_TASK); /* nobody can abort it twice */
        task->status = 2;
        session_respond(p->ts, task);
        assert_int_equal(p->ended, 3);
        assert_int_equal(p->ts->slots.taken, 0);
        assert_false(puppet_hear(u));
        puppet_free(u);
    }
}

/* A request may be looked at when younger commands are here already. */
static void test_younger_commands_are_spared(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    struct pair *p = u->pair;
    say_command(u, &(struct command){.op = 'W', .edtl = 6000, .itt = 1});
    say_tmf(u, WIRE_TMF_LU_RESET, 0);
    say_command(u, &(struct command){.op = 'E', .itt = 2});
    pair_work(p);
    assert_int_equal(p->executed, 1);
    puppet_expect(u, WIRE_TMF_RESPONSE);
    puppet_expect(u, WIRE_SCSI_RESPONSE);
    assert_int_equal(wire_itt(u->bhs), 2);
    assert_int_equal(p->ts->slots.taken, 0);
    puppet_free(u);
}

/* Another session's reset cuts an answer short that is not out yet. */
static void test_clear_cuts_answers(void **state)
{
    (void)state;
    struct pair_config c = usual();
    struct puppet *u = logged_in(&c);
    struct pair *p = u->pair;
    const struct task tmf = {.function = WIRE_TMF_LU_RESET};
    say_command(u, &(struct command){.op = 'E', .itt = 1});
    say_command(u, &(struct command){.op = 'E', .itt = 2});
    session_respond(p->ts, session_next_ready(p->ts));
    assert_int_equal(session_clear(p->ts, &tmf), 2);
    assert_int_equal(p->ts->slots.taken, 0);
    assert_int_equal(p->ended, 2);
    assert_false(puppet_hear(u));
    say_command(u, &(struct command){.op = 'E', .itt = 3});
    all_well(u, "after it");
    puppet_expect(u, WIRE_SCSI_RESPONSE);
    puppet_free(u);
}

/* An engine receives in the background into memory of a command that is then aborted. */
static void test_background_abort(void **state)
{
    (void)state;
    struct pair_config c = usual();
    c.immediate_data = false;
    c.initial_r2t = true;
    c.direct_bytes = 100;
    struct puppet *u = logged_in(&c);
    struct pair *p = u->pair;
    struct berth_seg segs[4];
    uint8_t pdu[WIRE_BHS_LEN];
    u->victim->config.background_rx = true;
    say_command(u, &(struct command){.op = 'W', .edtl = 4000, .itt = 0x500});
    puppet_expect(u, WIRE_R2T);
    struct wire_data_out out = {.final = true, .itt = 0x500, .ttt = get32(u->bhs + 20)};
    put_data_out(pdu, &out);
    wire_set_lengths(pdu, 0, 4000);
    puppet_babble(u, pdu, sizeof pdu);
    assert_int_equal(conn_rx_want(u->victim, segs, 4), 2);
    struct task tmf = {.function = WIRE_TMF_ABORT_TASK, .referenced_tag = 0x500};
    assert_int_equal(session_abort(p->ts, &tmf), WIRE_TMF_COMPLETE);
    assert_int_equal(p->ended, 0); /* the memory stays until the receive is over */
    memcpy(segs[0].base, payload, 4000);
    conn_rx_done(u->victim, conn_epoch(u->victim), 4000, 5);
    assert_int_equal(p->ended, 1);
    assert_int_equal(p->ts->slots.taken, 0);
    all_well(u, "background");
    puppet_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_requests),
        cmocka_unit_test(test_around_chap),
        cmocka_unit_test(test_chap),
        cmocka_unit_test(test_tiny_keys),
        cmocka_unit_test(test_no_room_beside_answers),
        cmocka_unit_test(test_bursts_that_do_not_fit),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_endless_login),
        cmocka_unit_test(test_changing_identity),
        cmocka_unit_test(test_not_a_login),
        cmocka_unit_test(test_command_flaws),
        cmocka_unit_test(test_outside_window),
        cmocka_unit_test(test_immediate_flood),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_ahs),
        cmocka_unit_test(test_data_out),
        cmocka_unit_test(test_unsolicited),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_abort_in_data),
        cmocka_unit_test(test_task_management),
        cmocka_unit_test(test_misplaced),
        cmocka_unit_test(test_snack),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_new_segment),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_ping_and_sense),
        cmocka_unit_test(test_full_outbox),
        cmocka_unit_test(test_async_with_data),
        cmocka_unit_test(test_logouts),
        cmocka_unit_test(test_data_behind_logout),
        cmocka_unit_test(test_in_hand),
        cmocka_unit_test(test_abort_in_hand),
        cmocka_unit_test(test_younger_commands_are_spared),
        cmocka_unit_test(test_clear_cuts_answers),
        cmocka_unit_test(test_background_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
