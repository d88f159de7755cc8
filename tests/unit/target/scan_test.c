/* SPDX-License-Identifier: MIT */
/* The framing of what passes a link: PDUs of every shape, cut anywhere, and what damage does to them. */
#include "stream/scan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "wire/crc32c.h"

#define STREAM_MAX 65536u
#define SEEN_MAX   16u

static const struct wire_crypto crypto = {.crc32c = crc32c_table};

struct seen {
    uint8_t opcode;
    uint32_t ahs_len, data_len, data_kept, padding_len;
    uint8_t first, last, padding;
    bool header_bad, data_bad;
    uint64_t offset;
};

struct fixture {
    uint8_t stream[STREAM_MAX];
    uint32_t len;
    bool header_digest, data_digest;
    struct seen seen[SEEN_MAX];
    uint32_t count;
};

static void put_digest(struct fixture *f, uint32_t from)
{
    uint32_t crc = crc32c_final(crc32c_table(CRC32C_INIT, f->stream + from, f->len - from));
    put32_le(f->stream + f->len, crc);
    f->len += WIRE_DIGEST_LEN;
}

/* A PDU with `data_len` bytes of the pattern 1, 2, 3... and padding of the byte `pad`. */
static void put(struct fixture *f, uint8_t opcode, uint32_t ahs_len, uint32_t data_len, uint8_t pad)
{
    bool login = opcode == WIRE_LOGIN_REQUEST;
    uint32_t begin = f->len;
    uint8_t *bhs = f->stream + begin;
    memset(bhs, 0, WIRE_BHS_LEN + ahs_len);
    bhs[0] = opcode;
    wire_set_lengths(bhs, ahs_len, data_len);
    f->len += WIRE_BHS_LEN + ahs_len;
    if (f->header_digest && !login)
        put_digest(f, begin);
    begin = f->len;
    for (uint32_t i = 0; i < data_len; i++)
        f->stream[f->len++] = (uint8_t)(i + 1);
    for (uint32_t i = 0; i < wire_padding(data_len); i++)
        f->stream[f->len++] = pad;
    if (f->data_digest && !login && data_len > 0)
        put_digest(f, begin);
}

static void on_pdu(void *owner, const struct scan_pdu *pdu)
{
    struct fixture *f = owner;
    assert_true(f->count < SEEN_MAX);
    f->seen[f->count++] = (struct seen){
        .opcode = wire_opcode(pdu->bhs),
        .ahs_len = pdu->ahs_len,
        .data_len = pdu->data_len,
        .data_kept = pdu->data_kept,
        .padding_len = pdu->padding_len,
        .first = pdu->data_kept ? pdu->data[0] : 0,
        .last = pdu->data_kept ? pdu->data[pdu->data_kept - 1] : 0,
        .padding = pdu->padding_len ? pdu->padding[0] : 0,
        .header_bad = pdu->header_digest_bad,
        .data_bad = pdu->data_digest_bad,
        .offset = pdu->offset,
    };
}

static void scan_in_pieces(struct fixture *f, uint32_t piece)
{
    static struct scan s;
    f->count = 0;
    scan_init(&s, &crypto, on_pdu, f);
    s.header_digest = f->header_digest;
    s.data_digest = f->data_digest;
    for (uint32_t at = 0; at < f->len; at += piece)
        scan_bytes(&s, f->stream + at, f->len - at < piece ? f->len - at : piece);
    assert_true(scan_at_boundary(&s) || s.lost);
}

static void fill(struct fixture *f, bool header_digest, bool data_digest)
{
    f->len = 0;
    f->header_digest = header_digest;
    f->data_digest = data_digest;
    put(f, WIRE_LOGIN_REQUEST, 0, 5, 0); /* no digests, whatever is on */
    put(f, WIRE_NOP_OUT, 0, 0, 0);
    put(f, WIRE_SCSI_COMMAND, 20, 7, 0x5a);
    put(f, WIRE_DATA_OUT, 0, SCAN_DATA_MAX + 10, 0);
    put(f, WIRE_DATA_OUT, 0, 4, 0);
}

static void check(const struct fixture *f)
{
    static const uint8_t opcodes[] = {WIRE_LOGIN_REQUEST, WIRE_NOP_OUT, WIRE_SCSI_COMMAND, WIRE_DATA_OUT,
                                      WIRE_DATA_OUT};
    static const uint32_t lens[] = {5, 0, 7, SCAN_DATA_MAX + 10, 4};
    assert_int_equal(f->count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(f->seen[i].opcode, opcodes[i]);
        assert_int_equal(f->seen[i].data_len, lens[i]);
        assert_false(f->seen[i].header_bad || f->seen[i].data_bad);
    }
    assert_int_equal(f->seen[2].ahs_len, 20);
    assert_int_equal(f->seen[2].padding, 0x5a);
    assert_int_equal(f->seen[2].last, 7);
    assert_int_equal(f->seen[3].data_kept, SCAN_DATA_MAX);
    assert_int_equal(f->seen[3].padding_len, 2);
    assert_int_equal(f->seen[4].first, 1);
}

static void every_way_to_cut(void **state)
{
    static struct fixture f;
    static const uint32_t pieces[] = {1, 2, 3, 47, 48, 49, 52, 1000, STREAM_MAX};
    (void)state;
    for (uint32_t digests = 0; digests < 4; digests++) {
        fill(&f, digests & 1, digests & 2);
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            scan_in_pieces(&f, pieces[i]);
            check(&f);
        }
    }
}

static void offsets_are_of_the_first_byte(void **state)
{
    static struct fixture f;
    (void)state;
    fill(&f, true, true);
    scan_in_pieces(&f, 100);
    assert_int_equal(f.seen[0].offset, 0);
    assert_int_equal(f.seen[1].offset, 48 + 8);
    assert_int_equal(f.seen[2].offset, 48 + 8 + 52);
    assert_int_equal(f.seen[3].offset, 48 + 8 + 52 + 48 + 20 + 4 + 8 + 4);
}

static void damaged_data_is_one_pdu(void **state)
{
    static struct fixture f;
    (void)state;
    fill(&f, true, true);
    f.stream[48 + 8 + 52 + 48 + 20 + 4 + 7] ^= 1; /* the padding of the command's data */
    scan_in_pieces(&f, 7);
    assert_int_equal(f.count, 5);
    assert_true(f.seen[2].data_bad);
    assert_false(f.seen[3].data_bad);
}

static void a_damaged_header_is_the_last(void **state)
{
    static struct fixture f;
    (void)state;
    fill(&f, true, false);
    f.stream[48 + 8 + 20] ^= 1;
    scan_in_pieces(&f, 7);
    assert_int_equal(f.count, 2);
    assert_true(f.seen[1].header_bad);
}

/* What came of the last PDU when the stream ends, wherever it does. */
static void a_pdu_may_be_cut_short(void **state)
{
    static struct fixture f;
    static struct scan s;
    (void)state;
    f.len = 0;
    f.header_digest = f.data_digest = true;
    put(&f, WIRE_DATA_OUT, 0, 10, 0);
    for (uint32_t len = 0; len < f.len; len++) {
        f.count = 0;
        scan_init(&s, &crypto, on_pdu, &f);
        s.header_digest = s.data_digest = true;
        scan_bytes(&s, f.stream, len);
        scan_end(&s);
        assert_int_equal(f.count, len >= 52);
        if (f.count == 0)
            continue;
        assert_int_equal(f.seen[0].data_len, 10);
        assert_int_equal(f.seen[0].data_kept, len - 52 < 10 ? len - 52 : 10);
        assert_int_equal(f.seen[0].padding_len, 0);
        assert_false(f.seen[0].header_bad || f.seen[0].data_bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_cut),        cmocka_unit_test(offsets_are_of_the_first_byte),
        cmocka_unit_test(damaged_data_is_one_pdu), cmocka_unit_test(a_damaged_header_is_the_last),
        cmocka_unit_test(a_pdu_may_be_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
