/* SPDX-License-Identifier: MIT */
/* A script, as far as it is understood, bends two puppets that say anything: with digests or without, whole
 * PDUs, parts of some, and bytes that are none, while time passes and connections come and go. Whatever the
 * rules, what is held stays bounded, the lines give what they promise, and nothing is left behind. */
#include "base/cursor.h"
#include "fuzz.h"
#include "script/bender.h"
#include "wire/crc32c.h"

#define TEXT_MAX  2048u
#define STEPS_MAX 300u
#define DATA_MAX  600u
#define MS        1000000ull

static const struct wire_crypto crypto = {.crc32c = crc32c_table};

struct world {
    struct script script;
    struct play play;
    struct bender *benders[2];
    struct reader input;
    uint64_t now;
    uint32_t cmd_sn, stat_sn;
    bool digests;
};

static const char *portal(void *owner, uint32_t number)
{
    (void)owner;
    return number < 3 ? "127.0.0.1:3260" : NULL;
}

static void restart(void *owner, const struct action *how, uint64_t time_ns)
{
    (void)owner;
    fuzz_check(how->kind == ACT_RESTART && time_ns <= UNITS_TIME_MAX);
}

static void refuse(void *owner, uint64_t time_ns)
{
    (void)owner;
    fuzz_check(time_ns <= UNITS_TIME_MAX);
}

/* The text ends with a NUL; lines that are not understood are left out. */
static void read_script(struct world *w)
{
    char text[TEXT_MAX], why[512];
    size_t len = 0;
    uint8_t c;
    script_init(&w->script);
    while (reader_left(&w->input) > 0 && (c = read8(&w->input)) != 0) {
        if (c != '\n' && len < sizeof text) {
            text[len++] = (char)c;
            continue;
        }
        if (!script_read(&w->script, "fuzz", true, text, len, why, sizeof why))
            fuzz_check(strlen(why) > 0 && strncmp(why, "fuzz:1: ", 8) == 0);
        len = 0;
    }
}

/* --- what leaves --- */

static void drain(struct world *w, struct bender *b, uint64_t limit)
{
    struct side *sides[2] = {&b->initiator, &b->target};
    struct berth_seg segs[4];
    for (int i = 0; i < 2; i++)
        for (uint32_t n; limit > 0 && (n = bender_peek(b, sides[i], segs, 4, w->now)) > 0;) {
            uint64_t len = 0;
            for (uint32_t k = 0; k < n; k++) {
                fuzz_check(segs[k].len > 0);
                len += segs[k].len;
            }
            fuzz_check(len <= sides[i]->line.waiting);
            len = len < limit ? len : limit;
            bender_done(b, sides[i], len, w->now);
            limit -= len;
        }
}

static void check(const struct bender *b)
{
    bool reset;
    fuzz_check(b->held_bytes <= BENDER_HELD_MAX + (1u << 24));
    fuzz_check(b->ledger.count <= LEDGER_MAX);
    fuzz_check(bender_room(b, &b->initiator) <= BENDER_QUEUE_MAX);
    if (bender_wish(b, &reset) == WISH_NOTHING)
        fuzz_check(!reset);
    (void)bender_deadline(b);
}

/* --- what is said --- */

static const uint8_t opcodes[] = {
    WIRE_LOGIN_REQUEST, WIRE_LOGIN_RESPONSE, WIRE_SCSI_COMMAND,  WIRE_SCSI_RESPONSE,
    WIRE_DATA_IN,       WIRE_DATA_OUT,       WIRE_R2T,           WIRE_NOP_OUT,
    WIRE_NOP_IN,        WIRE_TEXT_REQUEST,   WIRE_ASYNC,         WIRE_REJECT,
    WIRE_TMF_REQUEST,   WIRE_TMF_RESPONSE,   WIRE_TEXT_RESPONSE, WIRE_LOGOUT_REQUEST};

static const char *const texts[] = {"HeaderDigest=CRC32C", "DataDigest=CRC32C",     "InitiatorName=iqn.a:b",
                                    "CHAP_C=0x1234",       "SessionType=Discovery", "X="};

static uint32_t put_text(struct world *w, uint8_t *data)
{
    uint32_t len = 0;
    for (uint8_t which = read8(&w->input); which; which >>= 1)
        if (which & 1 && len < DATA_MAX - 64) {
            const char *text = texts[(which + len) % 6];
            memcpy(data + len, text, strlen(text) + 1);
            len += (uint32_t)strlen(text) + 1;
        }
    return len;
}

static uint32_t digest(const uint8_t *bytes, size_t len)
{
    return crc32c_final(crc32c_table(CRC32C_INIT, bytes, len));
}

static size_t frame(const struct side *s, uint8_t *bytes, const uint8_t *data, uint32_t len)
{
    size_t at = WIRE_BHS_LEN;
    wire_set_lengths(bytes, 0, len);
    if (s->cutter.header_digest) {
        put32_le(bytes + at, digest(bytes, at));
        at += 4;
    }
    size_t begin = at;
    if (len)
        memcpy(bytes + at, data, len);
    at += len;
    for (uint32_t i = wire_padding(len); i > 0; i--)
        bytes[at++] = 0;
    if (s->cutter.data_digest && len) {
        put32_le(bytes + at, digest(bytes + begin, at - begin));
        at += 4;
    }
    return at;
}

static void say(struct world *w, struct bender *b)
{
    uint8_t bytes[WIRE_BHS_LEN + DATA_MAX + 16] = {0}, data[DATA_MAX] = {0};
    uint8_t what = read8(&w->input), flags = read8(&w->input), how = read8(&w->input);
    uint8_t opcode = opcodes[what % sizeof opcodes];
    bool from_target = opcode & 0x20;
    struct side *s = from_target ? &b->target : &b->initiator;
    bytes[0] = (uint8_t)(opcode | (how & 1 ? 0x40 : 0));
    bytes[1] = flags;
    put32(bytes + 16, how & 2 ? WIRE_TAG_NONE : how >> 5);
    put32(bytes + 20, how & 4 ? WIRE_TAG_NONE : 512u * (how >> 4));
    put32(bytes + 24, from_target ? w->stat_sn++ : w->cmd_sn++);
    put32(bytes + 28, from_target ? w->cmd_sn : w->stat_sn);
    put32(bytes + 32, from_target ? w->cmd_sn + 30 : (uint32_t)(what & 0x80 ? 0x28 : 0x2a) << 24);
    bytes[40] = how;
    bool text = opcode == WIRE_LOGIN_REQUEST || (opcode & 0x1f) == 3 || (opcode & 0x1f) == 4;
    uint32_t len = text ? put_text(w, data) : read16(&w->input) % DATA_MAX;
    size_t all = frame(s, bytes, data, len);
    if (how & 8)
        bytes[read8(&w->input) % all] ^= flags;
    if (how & 16)
        all = read8(&w->input) % (all + 1);
    bender_take(b, s, bytes, all, w->now);
}

static void step(struct world *w)
{
    uint8_t op = read8(&w->input);
    struct bender **b = &w->benders[op & 1];
    switch (op >> 1 & 15) {
    case 0:
        w->now += read8(&w->input) * MS;
        play_tick(&w->play, w->now);
        break;
    case 1:
        bender_free(*b);
        *b = bender_new(&w->play, 1 + (op & 1), w->now);
        break;
    case 2:
        play_login(&w->play, *b, "iqn.a:b");
        break;
    case 3:
        bender_stranded(*b);
        break;
    case 4:
        drain(w, *b, read8(&w->input));
        break;
    default:
        say(w, *b);
        drain(w, *b, UINT64_MAX);
    }
    check(*b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = calloc(1, sizeof *w);
    const struct play_hooks hooks = {refuse, restart, portal, NULL, size & 1, size & 2};
    w->input = reader_over(data, size);
    w->now = MS;
    read_script(w);
    play_init(&w->play, &w->script, &crypto, &hooks);
    for (int i = 0; i < 2; i++)
        w->benders[i] = bender_new(&w->play, 1, w->now);
    for (uint32_t i = 0; i < STEPS_MAX && reader_left(&w->input) > 0; i++)
        step(w);
    for (int i = 0; i < 2; i++)
        bender_free(w->benders[i]);
    fuzz_check(list_empty(&w->play.benders));
    script_free(&w->script);
    free(w);
    return 0;
}
