/* SPDX-License-Identifier: MIT */
/* A login, writes and reads, cut at every byte boundary: the stream's segments mean nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "workload.h"

static struct pair_config usual(bool digests)
{
    struct pair_config c;
    pair_config_init(&c, 11);
    c.header_digest = c.data_digest = digests;
    c.segment_i = c.segment_t = 512;
    c.first_burst = 512;
    c.max_burst = 1024;
    c.max_r2t = 2;
    c.direct_bytes = 200;
    return c;
}

static struct workload *exchange(const struct pair_config *c)
{
    struct workload *w = workload_new(pair_new(c));
    workload_add(w, 'W', 1700);
    workload_add(w, 'R', 1203);
    workload_add(w, 'E', 0);
    return w;
}

static void exchange_end(struct workload *w)
{
    struct pair *p = w->pair;
    assert_true(p->up);
    workload_check(w);
    workload_free(w);
    pair_free(p);
}

/* One way the stream is cut behind `cut` bytes, otherwise everything moves at once. Returns the bytes of that
 * way. */
static uint64_t cut_once(const struct pair_config *c, bool to_target, uint64_t cut)
{
    struct workload *w = exchange(c);
    struct pair *p = w->pair;
    uint64_t *moved = to_target ? &p->i_to_t : &p->t_to_i;
    for (bool more = true; more;) {
        uint64_t limit = *moved < cut ? cut - *moved : UINT64_MAX;
        more = pair_move(p, to_target, limit) > 0;
        more |= pair_move(p, !to_target, UINT64_MAX) > 0;
        more |= pair_work(p);
    }
    uint64_t total = *moved;
    exchange_end(w);
    return total;
}

static void cut_everywhere(bool digests)
{
    struct pair_config c = usual(digests);
    for (int way = 0; way < 2; way++) {
        uint64_t total = cut_once(&c, way, UINT64_MAX);
        assert_true(total > 1500);
        for (uint64_t cut = 1; cut < total; cut++)
            assert_int_equal(cut_once(&c, way, cut), total);
    }
}

static void test_every_cut(void **state)
{
    (void)state;
    cut_everywhere(false);
}

static void test_every_cut_digests(void **state)
{
    (void)state;
    cut_everywhere(true);
}

/* Pieces of every size, from single bytes on, each way its own. */
static void test_pieces(void **state)
{
    (void)state;
    for (uint64_t a = 1; a < 200; a += 1 + a / 4)
        for (uint64_t b = 1; b < 200; b += 1 + b / 4) {
            struct pair_config c = usual((a + b) & 1);
            struct workload *w = exchange(&c);
            for (bool more = true; more;) {
                more = pair_move(w->pair, true, a) > 0;
                more |= pair_move(w->pair, false, b) > 0;
                more |= pair_work(w->pair);
            }
            exchange_end(w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_cut),
                                       cmocka_unit_test(test_every_cut_digests),
                                       cmocka_unit_test(test_pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
