/* SPDX-License-Identifier: MIT */
/* Every range within three blocks, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "span.h"

#define BLOCK 4u

/* What the parts of a span are said to be: '.' not in it, 'e' in an edge and kept, 'E' in an edge and
 * changed, '#' in whole blocks. */
static void draw(char *text, const struct span *s)
{
    uint64_t inner = span_inner_begin(s, BLOCK), inner_end = inner + span_inner_len(s, BLOCK);
    for (uint64_t at = 0; at < 5 * BLOCK; at++) {
        bool touched = at >= s->begin_bytes && at < s->end_bytes;
        bool kept = at < s->begin_bytes + s->head_bytes || at >= s->end_bytes - s->tail_bytes;
        text[at] = !touched ? '.' : at >= inner && at < inner_end ? '#' : kept ? 'e' : 'E';
    }
}

static void expect(char *text, uint64_t offset, uint64_t len)
{
    for (uint64_t at = 0; at < 5 * BLOCK; at++) {
        uint64_t first = at / BLOCK * BLOCK, last = first + BLOCK;
        bool wanted = at >= offset && at < offset + len;
        bool whole = first >= offset && last <= offset + len;
        bool touched = first < offset + len && last > offset;
        text[at] = !touched ? '.' : whole ? '#' : wanted ? 'E' : 'e';
    }
}

static void test_all_ranges(void **state)
{
    char is[5 * BLOCK], should[5 * BLOCK];
    (void)state;
    for (uint64_t offset = 0; offset < 2 * BLOCK; offset++)
        for (uint64_t len = 1; len <= 3 * BLOCK; len++) {
            struct span s = span_of(offset, len, BLOCK);
            draw(is, &s);
            expect(should, offset, len);
            assert_memory_equal(is, should, sizeof is);
            assert_int_equal(span_ragged(&s), offset % BLOCK || len % BLOCK);
            assert_int_equal(span_one_edge(&s, BLOCK), offset % BLOCK && offset % BLOCK + len <= BLOCK);
        }
}

static void test_overlap(void **state)
{
    (void)state;
    struct span a = span_of(5, 1, BLOCK), same = span_of(7, 1, BLOCK), next = span_of(8, 1, BLOCK);
    assert_true(span_overlaps(&a, &same));
    assert_false(span_overlaps(&a, &next));
    assert_false(span_overlaps(&next, &a));
}

static void test_far_out(void **state)
{
    (void)state;
    struct span s = span_of(UINT64_C(0x7ffffffffffff001), 10, 4096);
    assert_true(s.begin_bytes == UINT64_C(0x7ffffffffffff000) && s.end_bytes == UINT64_C(0x8000000000000000));
    assert_int_equal(s.head_bytes, 1);
    assert_int_equal(s.tail_bytes, 4085);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_ranges),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_far_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
