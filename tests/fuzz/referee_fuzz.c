/* SPDX-License-Identifier: MIT */
/* The referee between an initiator and a target that both say anything, half of it plausible, on connections
 * that come and go. What must hold: it tells of no more than it may, and counts what it does not tell. */
#include "base/cursor.h"
#include "fuzz.h"
#include "referee/referee.h"
#include "wire/crc32c.h"

#define OPS_MAX   600u
#define LINES     3u
#define DATA_MAX  700u
#define PDU_BYTES (WIRE_BHS_LEN + WIRE_AHS_MAX + DATA_MAX + 16)

struct line {
    struct referee *r;
    uint32_t cmd_sn, stat_sn;
};

struct world {
    struct reader input;
    struct referee_court *court;
    struct line lines[LINES], *at;
    uint64_t now, told;
};

static const struct wire_crypto crypto = {.crc32c = crc32c_table};

static uint64_t now(void *arg)
{
    const struct world *w = arg;
    return w->now;
}

static void on_violation(void *arg, const struct referee_violation *v)
{
    struct world *w = arg;
    char line[REFEREE_LINE_MAX];
    referee_line(v, line);
    fuzz_check(v->rule >= rule_rows && v->rule < rule_rows + RULE_COUNT);
    fuzz_check(v->detail[0] && strstr(line, v->detail) && strstr(line, v->rule->id) == line);
    w->told++;
}

static void hang_up(struct line *l)
{
    if (l->r)
        referee_free(l->r);
    l->r = NULL;
}

static void use_line(struct world *w, uint8_t number)
{
    w->at = &w->lines[number % LINES];
    if (!w->at->r)
        *w->at = (struct line){referee_new(w->court, "the fuzzer"), 0xfffffffe, 0xfffffffe};
}

/* --- what is said --- */

static const char *const pairs[] = {
    "InitiatorName=iqn.2026-11.test:i",
    "InitiatorName=host",
    "TargetName=iqn.2026-11.test:t",
    "SessionType=Discovery",
    "TargetPortalGroupTag=1",
    "AuthMethod=CHAP,None",
    "AuthMethod=CHAP",
    "CHAP_A=7,5",
    "CHAP_I=9",
    "CHAP_C=0x0011223344",
    "CHAP_N=n",
    "CHAP_R=0b0000",
    "HeaderDigest=CRC32C",
    "DataDigest=CRC32C,None",
    "InitialR2T=No",
    "ImmediateData=No",
    "MaxRecvDataSegmentLength=512",
    "MaxBurstLength=1024",
    "FirstBurstLength=512",
    "MaxOutstandingR2T=4",
    "ErrorRecoveryLevel=2",
    "DataPDUInOrder=No",
    "TaskReporting=FastAbort",
    "SendTargets=All",
    "X-a=b",
    "X-a=NotUnderstood",
    "IFMarker=Reject",
    "MaxConnections=Irrelevant",
    "=",
    "nothing",
};

static uint32_t put_text(struct world *w, uint8_t *data)
{
    struct writer out = writer_over(data, DATA_MAX);
    for (uint8_t n = read8(&w->input) % 8; n > 0; n--) {
        write_str(&out, pairs[read8(&w->input) % (sizeof pairs / sizeof pairs[0])]);
        write8(&out, 0);
    }
    return (uint32_t)writer_len(&out) - (read8(&w->input) == 255 && writer_len(&out) > 0);
}

static const uint8_t opcodes[] = {
    WIRE_NOP_OUT,         WIRE_SCSI_COMMAND,  WIRE_TMF_REQUEST,  WIRE_LOGIN_REQUEST,  WIRE_TEXT_REQUEST,
    WIRE_DATA_OUT,        WIRE_DATA_OUT,      WIRE_DATA_OUT,     WIRE_LOGOUT_REQUEST, WIRE_SNACK_REQUEST,
    WIRE_NOP_IN,          WIRE_SCSI_RESPONSE, WIRE_TMF_RESPONSE, WIRE_LOGIN_RESPONSE, WIRE_TEXT_RESPONSE,
    WIRE_DATA_IN,         WIRE_R2T,           WIRE_R2T,          WIRE_ASYNC,          WIRE_REJECT,
    WIRE_LOGOUT_RESPONSE,
};

/* Small numbers, so that tags and places meet. */
static void put_small(struct world *w, uint8_t *field)
{
    uint8_t byte = read8(&w->input);
    put32(field, byte == 255 ? WIRE_TAG_NONE : byte % 8);
}

static void put_header(struct world *w, uint8_t *bhs)
{
    uint8_t opcode = opcodes[read8(&w->input) % sizeof opcodes], flags = read8(&w->input);
    memset(bhs, 0, WIRE_BHS_LEN);
    bhs[0] = opcode | (flags & 1 ? 0x40 : 0);
    bhs[1] = read8(&w->input);
    put_small(w, bhs + 16);
    put_small(w, bhs + 20);
    put32(bhs + 24, opcode < WIRE_NOP_IN ? w->at->cmd_sn : w->at->stat_sn);
    put32(bhs + 28, opcode < WIRE_NOP_IN ? w->at->stat_sn : w->at->cmd_sn);
    put32(bhs + 32, opcode < WIRE_NOP_IN ? 0 : w->at->cmd_sn + 8);
    w->at->cmd_sn += flags >> 1 & 1;
    w->at->stat_sn += flags >> 2 & 1;
    for (uint8_t n = flags >> 6; n > 0; n--)
        bhs[read8(&w->input) % WIRE_BHS_LEN] = read8(&w->input);
    put32(bhs + 40, (uint32_t)bhs[40] * 4);
}

static uint32_t add_sum(uint8_t *pdu, uint32_t from, uint32_t len)
{
    put32_le(pdu + len, crc32c_final(crc32c_table(CRC32C_INIT, pdu + from, len - from)));
    return len + WIRE_DIGEST_LEN;
}

static uint32_t put_data(struct world *w, const uint8_t *bhs, uint8_t *data)
{
    uint8_t opcode = wire_opcode(bhs) & 0x1f;
    if (opcode == WIRE_LOGIN_REQUEST || opcode == WIRE_TEXT_REQUEST)
        return put_text(w, data);
    uint32_t len = read8(&w->input);
    return len > 128 ? 0 : len * 4;
}

static void say(struct world *w)
{
    static uint8_t pdu[PDU_BYTES];
    uint8_t data[DATA_MAX] = {0};
    put_header(w, pdu);
    struct scan *to = wire_opcode(pdu) < WIRE_NOP_IN ? referee_received(w->at->r) : referee_sent(w->at->r);
    bool sums = (wire_opcode(pdu) & 0x1f) != WIRE_LOGIN_REQUEST;
    uint32_t len = put_data(w, pdu, data), ahs_len = read8(&w->input) == 1 ? 8 : 0, at = WIRE_BHS_LEN;
    wire_set_lengths(pdu, ahs_len, len);
    for (uint32_t i = 0; i < ahs_len; i++)
        pdu[at++] = read8(&w->input);
    if (to->header_digest && sums)
        at = add_sum(pdu, 0, at);
    uint32_t start = at;
    memcpy(pdu + at, data, len);
    memset(pdu + at + len, 0, wire_padding(len));
    at += len + wire_padding(len);
    if (to->data_digest && sums && len)
        at = add_sum(pdu, start, at);
    uint8_t *copy = fuzz_copy(pdu, at);
    scan_bytes(to, copy, at);
    free(copy);
}

static void babble(struct world *w)
{
    uint8_t how = read8(&w->input);
    uint32_t left = (uint32_t)reader_left(&w->input), len = how >> 1 < left ? how >> 1 : left;
    scan_bytes(how & 1 ? referee_sent(w->at->r) : referee_received(w->at->r), read_bytes(&w->input, len),
               len);
}

/* --- a login that works --- */

static void send_login(struct world *w, bool request)
{
    uint8_t pdu[WIRE_BHS_LEN + DATA_MAX] = {0};
    uint32_t len = put_text(w, pdu + WIRE_BHS_LEN);
    const struct wire_login_request q = {.transit = true,
                                         .csg = 1,
                                         .nsg = 3,
                                         .isid = {0x80},
                                         .cmd_sn = w->at->cmd_sn,
                                         .exp_stat_sn = w->at->stat_sn,
                                         .tsih = w->at == w->lines ? 0 : 1};
    const struct wire_login_response a = {.transit = true,
                                          .csg = 1,
                                          .nsg = 3,
                                          .tsih = 1,
                                          .window = {w->at->stat_sn, w->at->cmd_sn, w->at->cmd_sn + 8}};
    if (request)
        put_login_request(pdu, &q);
    else
        put_login_response(pdu, &a);
    wire_set_lengths(pdu, 0, len);
    scan_bytes(request ? referee_received(w->at->r) : referee_sent(w->at->r), pdu,
               WIRE_BHS_LEN + len + wire_padding(len));
    w->at->stat_sn += !request;
}

static void act(struct world *w)
{
    uint8_t what = read8(&w->input);
    switch (what % 16) {
    case 0:
        use_line(w, what >> 4);
        break;
    case 1:
        hang_up(w->at);
        use_line(w, 0);
        break;
    case 2:
        send_login(w, true);
        send_login(w, false);
        break;
    case 3:
        babble(w);
        break;
    case 4:
        w->now += (uint64_t)what * 1000000000;
        break;
    default:
        say(w);
    }
}

static void check(const struct world *w)
{
    const struct referee_totals *t = court_totals(w->court);
    char line[REFEREE_LINE_MAX];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < RULE_COUNT; i++)
        sum += t->by_rule[i];
    fuzz_check(sum == t->violations && t->shown == w->told && t->shown <= REFEREE_SHOWN_MAX);
    fuzz_check(t->shown <= (uint64_t)t->connections * RULE_COUNT * REFEREE_SHOWN_PER_RULE);
    referee_verdict(t, line);
    fuzz_check(strlen(line) > 0 && strlen(line) < sizeof line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.input = reader_over(data, size)};
    const struct referee_config config = {&crypto, now, on_violation, &w};
    w.court = court_new(&config);
    use_line(&w, 0);
    for (uint32_t i = 0; i < OPS_MAX && reader_left(&w.input) > 0; i++)
        act(&w);
    for (uint32_t i = 0; i < LINES; i++)
        hang_up(&w.lines[i]);
    check(&w);
    court_free(w.court);
    return 0;
}
