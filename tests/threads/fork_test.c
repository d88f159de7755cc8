/* SPDX-License-Identifier: MIT */
/* A child closes what its parent has opened and goes on with. */
#include "stand.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH 16u
#define IO    65536u

static struct {
    struct berth_lun *lun;
    struct berth_queue *queue;
    uint8_t bytes[DEPTH][IO];
    struct berth_seg segs[DEPTH];
} t;

static void submit(void)
{
    for (uint32_t n = 0; n < DEPTH; n++) {
        t.segs[n] = (struct berth_seg){.base = t.bytes[n], .len = IO};
        const struct berth_io io = {.op = n % 2 ? BERTH_WRITE : BERTH_READ,
                                    .offset_bytes = n * IO,
                                    .len_bytes = IO,
                                    .segs = &t.segs[n],
                                    .seg_count = 1};
        assert_int_equal(berth_queue_submit(t.queue, &io, 1), 1);
    }
}

/* At least so many. */
static uint32_t reap(uint32_t min)
{
    struct berth_done done[DEPTH];
    int n = berth_queue_reap(t.queue, done, min, DEPTH, -1);
    assert_true(n >= (int)min);
    for (int i = 0; i < n; i++)
        assert_int_equal(done[i].error, 0);
    return (uint32_t)n;
}

static void child_closes(void)
{
    pid_t child = fork();
    if (child == 0) {
        berth_queue_free(t.queue);
        berth_lun_close(t.lun);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void no_session_was_lost(void)
{
    struct berth_counters c = {.size = sizeof c};
    assert_int_equal(berth_lun_counters(t.lun, &c), 0);
    for (uint32_t n = 0; n < BERTH_LOSSES; n++)
        assert_int_equal(c.losses[n], 0);
    assert_int_equal(c.reconnects, 0);
    assert_int_equal(c.aborts, 0);
}

/* With I/O under way, and while it is idle; its descriptor has been asked for, so that a timer is there, too.
 */
static void parent_goes_on(uint32_t sessions, const char *engine)
{
    memset(&t, 0, sizeof t);
    t.lun = stand_open(&stand, sessions, NULL);
    if (berth_lun_set_engine(t.lun, engine)) {
        print_message("without %s: %s\n", engine, berth_lun_detail(t.lun)->text);
        berth_lun_close(t.lun);
        return;
    }
    assert_int_equal(berth_queue_new(&t.queue, t.lun, DEPTH), 0);
    assert_true(berth_queue_fd(t.queue) >= 0);
    submit();
    uint32_t early = reap(0); /* it is on its way now */
    child_closes();
    reap(DEPTH - early);
    child_closes();
    submit();
    reap(DEPTH);
    no_session_was_lost();
    berth_lun_close(t.lun);
}

static void one_session(void **state)
{
    (void)state;
    parent_goes_on(1, "sockets");
}

static void several_sessions(void **state)
{
    (void)state;
    parent_goes_on(3, "sockets");
}

static void on_a_ring(void **state)
{
    (void)state;
    parent_goes_on(1, "io_uring");
    parent_goes_on(3, "io_uring");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_session, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(several_sessions, stand_begin, stand_end),
        cmocka_unit_test_setup_teardown(on_a_ring, stand_begin, stand_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
