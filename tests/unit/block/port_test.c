/* SPDX-License-Identifier: MIT */
/* The seam between a queue's thread and a worker's, step by step. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#include "block/lun.h"
#include "block/reactors.h"

static struct lanes *lanes; /* of which none is open */
static struct berth_lun lun;

struct worker_of_ours {
    struct berth_queue *queue;
    struct request *request;
    bool woke;
    atomic_bool told, rang;
};

static void nap_ms(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

/* Says that the request is done, and does not come to ring for a while. */
static void *answer(void *arg)
{
    struct worker_of_ours *w = arg;
    w->request->mail.kind = MAIL_IO;
    w->woke = mailbox_push_one(&w->queue->port->in, &w->request->mail);
    atomic_store(&w->told, true);
    nap_ms(50);
    atomic_store(&w->rang, true);
    bell_ring(&w->queue->port->bell);
    return NULL;
}

static struct berth_queue *queue_with_port(void)
{
    struct berth_queue *q;
    assert_int_equal(queue_make(&q, &lun, 1), 0);
    assert_int_equal(port_new(&q->port, true), 0);
    return q;
}

static struct request *submitted(struct berth_queue *q)
{
    static const uint8_t cdb[6];
    static uint8_t reply[8];
    static struct berth_seg seg;
    seg = seg_memory(reply, sizeof reply);
    return queue_question(q, cdb, sizeof cdb, &seg);
}

static void who_is_about_to_ring_still_has_a_bell(void **state)
{
    struct berth_queue *q = queue_with_port();
    struct worker_of_ours w = {.queue = q, .request = submitted(q)};
    struct berth_done done;
    pthread_t thread;
    (void)state;
    assert_true(port_fd(q) >= 0); /* and sleeps elsewhere */
    assert_int_equal(pthread_create(&thread, NULL, answer, &w), 0);
    while (!atomic_load(&w.told))
        nap_ms(1);
    assert_int_equal(port_reap(q, &done, 0, 1, 0), 1);
    port_cut(q);
    assert_true(w.woke);
    assert_true(atomic_load(&w.rang));
    pthread_join(thread, NULL);
    queue_drop(q);
}

/* As often as anybody may be told to ring, and whether the ring is heard at once or later. */
static void every_ring_is_heard_once(void **state)
{
    struct berth_queue *q = queue_with_port();
    struct berth_done done;
    (void)state;
    port_wake(q->port);
    assert_int_equal(port_reap(q, &done, 1, 1, 0), 0);
    assert_true(port_fd(q) >= 0);
    for (uint32_t n = 0; n < 3; n++) {
        port_wake(q->port);
        port_wake(q->port);
        assert_int_equal(port_reap(q, &done, 1, 1, -1), 0);
    }
    assert_int_equal(q->port->owed, 0);
    submitted(q)->mail.kind = MAIL_IO;
    mailbox_push_one(&q->port->in, &q->requests[0].mail);
    assert_true(port_fd(q) >= 0); /* which rings itself */
    assert_int_equal(q->port->owed, 2);
    bell_ring(&q->port->bell);
    assert_int_equal(port_reap(q, &done, 1, 1, -1), 1);
    assert_int_equal(q->port->owed, 0);
    port_cut(q);
    queue_drop(q);
}

/* A flush on another lane, by whoever has just heard that they were done, must know of them. */
static void writes_are_counted_before_they_are_told_of(void **state)
{
    struct berth_queue *q = queue_with_port();
    struct request *r = submitted(q);
    struct berth_done done;
    (void)state;
    lun.writes = 5;
    port_return(r);
    assert_int_equal(atomic_load(&lanes->of[0].counters.writes), 0);
    port_flush(&lun); /* in the midst of a round, because another queue's are next */
    assert_int_equal(port_reap(q, &done, 1, 1, -1), 1);
    assert_int_equal(atomic_load(&lanes->of[0].counters.writes), 5);
    port_cut(q);
    queue_drop(q);
}

static int make_lane(void **state)
{
    (void)state;
    lanes = calloc(1, sizeof *lanes + sizeof lanes->of[0]);
    lanes->room = 1;
    lun = (struct berth_lun){.lanes = lanes};
    return lanes ? 0 : -1;
}

static int free_lane(void **state)
{
    (void)state;
    free(lanes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_about_to_ring_still_has_a_bell),
        cmocka_unit_test(every_ring_is_heard_once),
        cmocka_unit_test(writes_are_counted_before_they_are_told_of),
    };
    return cmocka_run_group_tests_name("ports of queues", tests, make_lane, free_lane);
}
