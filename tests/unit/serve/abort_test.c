/* SPDX-License-Identifier: MIT */
/* Commands that are under way when somebody asks for their end. */
#include <pthread.h>
#include <time.h>
#include "client.h"

/* The target has the request, and answers it later. */
static void waits_for_its_answer(struct client *cl)
{
    await(!list_empty(&target->managing));
    hear_nothing(cl);
}

/* So many commands have come to the LU, be they under way or not. */
static void await_commands(uint32_t count)
{
    uint32_t there = 0;
    for (uint32_t i = 0; there < count && i < PATIENCE; i++) {
        turn();
        there = 0;
        list_each (node, &disk->tasks.commands)
            there++;
    }
    assert_int_equal(there, count);
}

/* A response to a request means that what it covers is over: it waits for the I/O, and the command has no
 * answer.
 */
static void test_response_waits(void **state)
{
    static const uint8_t functions[] = {WIRE_TMF_ABORT_TASK, WIRE_TMF_ABORT_TASK_SET, WIRE_TMF_CLEAR_TASK_SET,
                                        WIRE_TMF_LU_RESET, WIRE_TMF_TARGET_WARM_RESET};
    (void)state;
    for (size_t i = 0; i < sizeof functions; i++) {
        struct client cl = ready_client((uint8_t)i);
        uint32_t write = write_block(&cl, 0, 0xaa);
        await_held(1);
        uint32_t tmf = manage_task(&cl, functions[i], 0, write);
        waits_for_its_answer(&cl);
        release();
        managed(&cl, tmf, WIRE_TMF_COMPLETE);
        hear_nothing(&cl);
        if (functions[i] >= WIRE_TMF_LU_RESET)
            attention(&cl, 0, ASC_DEVICE_RESET);
        uint32_t next = read_block(&cl, 0);
        await_held(1);
        release();
        good(&cl, next);
        hang_up(&cl);
        turns(QUIET);
    }
}

/* What has been answered, or never was, is no task. */
static void test_no_task(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    uint32_t other = read_block(&cl, 0);
    await_held(1);
    managed(&cl, manage_task(&cl, WIRE_TMF_ABORT_TASK, 0, other + 77), WIRE_TMF_NO_TASK);
    managed(&cl, manage_task(&cl, WIRE_TMF_ABORT_TASK_SET, 5, 0), WIRE_TMF_NO_LUN);
    managed(&cl, manage_task(&cl, WIRE_TMF_ABORT_TASK_SET, 1, 0), WIRE_TMF_COMPLETE);
    release();
    good(&cl, other);
    hang_up(&cl);
}

/* Commands on the LU that come meanwhile wait, too: theirs would be stored before the old one. */
static void test_nothing_overtakes_what_dies(void **state)
{
    (void)state;
    struct client a = ready_client(1), b = ready_client(2);
    uint32_t old = write_block(&a, 0, 0x11);
    await_held(1);
    uint32_t tmf = manage_task(&a, WIRE_TMF_ABORT_TASK, 0, old);
    waits_for_its_answer(&a);
    uint32_t new = write_block(&b, 0, 0x22);
    await_held(1);
    uint32_t elsewhere = read_block(&b, 1); /* another LU is not concerned */
    good(&b, elsewhere);
    release();
    managed(&a, tmf, WIRE_TMF_COMPLETE);
    await_held(1);
    release();
    good(&b, new);
    hang_up(&a);
    hang_up(&b);
}

/* Others' commands end unanswered; a reset tells all of them why, CLEAR TASK SET those who lost some. */
static void test_third_parties(void **state)
{
    (void)state;
    struct client a = ready_client(1), b = ready_client(2), c = ready_client(3);
    read_block(&b, 0);
    await_held(1);
    uint32_t tmf = manage_task(&a, WIRE_TMF_CLEAR_TASK_SET, 0, 0);
    waits_for_its_answer(&a);
    release();
    managed(&a, tmf, WIRE_TMF_COMPLETE);
    attention(&b, 0, ASC_COMMANDS_CLEARED);
    good(&c, test_unit_ready(&c, 0));

    read_block(&b, 0);
    await_held(1);
    tmf = manage_task(&a, WIRE_TMF_LU_RESET, 0, 0);
    waits_for_its_answer(&a);
    release();
    managed(&a, tmf, WIRE_TMF_COMPLETE);
    attention(&a, 0, ASC_DEVICE_RESET);
    attention(&b, 0, ASC_DEVICE_RESET);
    attention(&c, 0, ASC_DEVICE_RESET);
    hang_up(&a);
    hang_up(&b);
    hang_up(&c);
}

/* ABORT TASK SET is about who asks: another session's commands go on. */
static void test_abort_task_set_spares_others(void **state)
{
    (void)state;
    struct client a = ready_client(1), b = ready_client(2);
    uint32_t spared = read_block(&b, 0);
    await_held(1);
    managed(&a, manage_task(&a, WIRE_TMF_ABORT_TASK_SET, 0, 0), WIRE_TMF_COMPLETE);
    release();
    good(&b, spared);
    hang_up(&a);
    hang_up(&b);
}

/* One that waits for its turn ends at once, and those behind it move up. */
static void test_waiting_commands_end_at_once(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    uint32_t first = read_block(&cl, 0), ordered = read_with(&cl, 0, WIRE_ATTR_ORDERED);
    uint32_t behind = read_block(&cl, 0);
    await_held(1);
    managed(&cl, manage_task(&cl, WIRE_TMF_ABORT_TASK, 0, ordered), WIRE_TMF_COMPLETE);
    await_held(2);
    release();
    release();
    good(&cl, first);
    good(&cl, behind);
    hang_up(&cl);
}

static void test_ordered_waits(void **state)
{
    (void)state;
    struct client a = ready_client(1), b = ready_client(2);
    uint32_t first = read_block(&a, 0);
    await_held(1);
    uint32_t ordered = read_with(&b, 0, WIRE_ATTR_ORDERED);
    await_commands(2);
    uint32_t last = read_block(&a, 0);
    await_commands(3);
    await_held(1);
    release();
    good(&a, first);
    await_held(1);
    release();
    good(&b, ordered);
    await_held(1);
    release();
    good(&a, last);
    assert_int_equal(status(&a, read_with(&a, 0, WIRE_ATTR_ACA)), SCSI_CHECK_CONDITION);
    hang_up(&a);
    hang_up(&b);
}

/* The connection dies: session and memory stay until the I/O is over. */
static void test_connection_dies(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    write_block(&cl, 0, 1);
    read_block(&cl, 0);
    read_with(&cl, 0, WIRE_ATTR_ORDERED); /* waits: ends with the connection */
    await_held(2);
    hang_up(&cl);
    await(list_empty(&target->sessions));
    assert_false(list_empty(&target->ending));
    release();
    assert_false(list_empty(&target->ending));
    release();
    assert_true(list_empty(&target->ending));
    assert_true(list_empty(&disk->tasks.commands));
    assert_int_equal(target->pool.taken, 0);
}

/* RFC 7143 6.3.5: the session that takes the place of another executes nothing before that one has ended. */
static void test_reinstatement_waits(void **state)
{
    (void)state;
    struct client old = ready_client(7);
    write_block(&old, 0, 0x11);
    await_held(1);
    struct client new = connected(7);
    uint32_t elsewhere = test_unit_ready(&new, 1);
    hear_nothing(&new);
    release();
    assert_int_equal(status(&new, elsewhere), SCSI_CHECK_CONDITION); /* POWER ON */
    attention(&new, 0, ASC_POWER_ON);
    uint32_t read = read_block(&new, 0);
    await_held(1);
    release();
    good(&new, read);
    assert_int_equal(new.data[0], 0x11); /* what was under way has been stored, before */
    hang_up(&old);
    hang_up(&new);
}

/* Nobody else has to wait for that. */
static void test_reinstatement_is_between_two(void **state)
{
    (void)state;
    struct client old = ready_client(7), other = ready_client(8);
    write_block(&old, 0, 1);
    await_held(1);
    hang_up(&old);
    turns(QUIET);
    good(&other, test_unit_ready(&other, 1));
    release();
    hang_up(&other);
}

/* The session that asked is gone before the commands are. */
static void test_requester_dies(void **state)
{
    (void)state;
    struct client a = ready_client(1), b = ready_client(2);
    write_block(&b, 0, 1);
    await_held(1);
    manage_task(&a, WIRE_TMF_LU_RESET, 0, 0);
    waits_for_its_answer(&a);
    hang_up(&a);
    await(list_empty(&target->managing));
    release();
    attention(&b, 0, ASC_DEVICE_RESET);
    hang_up(&b);
}

/* The LU is taken away while a request about it waits. */
static void test_lu_goes_away(void **state)
{
    (void)state;
    struct client a = ready_client(1), b = ready_client(2);
    struct lu_set *set = &target->nodes[0].set;
    write_block(&b, 0, 1);
    await_held(1);
    uint32_t tmf = manage_task(&a, WIRE_TMF_ABORT_TASK_SET, 0, 0);
    managed(&a, tmf, WIRE_TMF_COMPLETE); /* nothing of its own */
    tmf = manage_task(&a, WIRE_TMF_LU_RESET, 0, 0);
    waits_for_its_answer(&a);
    lu_set_remove(set, disk);
    uint32_t other = manage_task(&a, WIRE_TMF_ABORT_TASK_SET, 1, 0);
    managed(&a, other, WIRE_TMF_COMPLETE);
    hear_nothing(&a);
    release();
    managed(&a, tmf, WIRE_TMF_COMPLETE);
    assert_true(lu_set_add(set, disk)); /* for who closes it */
    hang_up(&a);
    hang_up(&b);
}

/* Several may wait for the same command. */
static void test_many_requests(void **state)
{
    (void)state;
    struct client a = ready_client(1), b = ready_client(2);
    uint32_t write = write_block(&b, 0, 1);
    await_held(1);
    uint32_t one = manage_task(&a, WIRE_TMF_LU_RESET, 0, 0),
             two = manage_task(&b, WIRE_TMF_ABORT_TASK, 0, write);
    waits_for_its_answer(&a);
    release();
    managed(&a, one, WIRE_TMF_COMPLETE);
    assert_true(hear_within(&b, PATIENCE)); /* either is right: it was aborted by the other */
    assert_int_equal(wire_itt(b.bhs), two);
    assert_int_equal(wire_opcode(b.bhs), WIRE_TMF_RESPONSE);
    hang_up(&a);
    hang_up(&b);
}

/* Discovery sessions have no commands, and no LUs to ask about. */
static void test_discovery_has_no_tasks(void **state)
{
    (void)state;
    struct client cl = {.fd = socket(AF_INET, SOCK_STREAM, 0), .itt = FIRST_TAG};
    const struct engine_addr *to = &target->portals[0].addr;
    uint8_t bhs[WIRE_BHS_LEN], text[256];
    struct writer w = writer_over(text, sizeof text);
    struct wire_login_request l = {.transit = true, .csg = 1, .nsg = 3, .isid = {0x80}};
    assert_int_equal(connect(cl.fd, (const struct sockaddr *)&to->sa, to->len), 0);
    text_put(&w, "InitiatorName", "iqn.2026-11.test:i");
    text_put(&w, "SessionType", "Discovery");
    put_login_request(bhs, &l);
    say(&cl, bhs, text, (uint32_t)writer_len(&w));
    hear(&cl, WIRE_LOGIN_RESPONSE, 0);
    for (uint8_t function = 0; function < 9; function++)
        managed(&cl, manage_task(&cl, function, 0, 0), WIRE_TMF_REJECTED);
    hang_up(&cl);
}

/* --- stopping --- */

static void *end_late(void *arg)
{
    struct lu_io *io = arg;
    const struct timespec while_ = {.tv_nsec = 50000000};
    nanosleep(&while_, NULL);
    lu_run(io);
    workers_finish(io->lu->workers, io);
    return NULL;
}

/* The target that stops waits for what is under way. */
static void test_stop_waits(void **state)
{
    (void)state;
    pthread_t thread;
    struct client cl = ready_client(1);
    write_block(&cl, 0, 1);
    await_held(1);
    workers_promise(target->workers);
    assert_int_equal(pthread_create(&thread, NULL, end_late, held[0]), 0);
    held_count = 0;
    stop_target();
    pthread_join(thread, NULL);
    hang_up(&cl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_response_waits),
        TEST(test_no_task),
        TEST(test_nothing_overtakes_what_dies),
        TEST(test_third_parties),
        TEST(test_abort_task_set_spares_others),
        TEST(test_waiting_commands_end_at_once),
        TEST(test_ordered_waits),
        TEST(test_connection_dies),
        TEST(test_reinstatement_waits),
        TEST(test_reinstatement_is_between_two),
        TEST(test_requester_dies),
        TEST(test_lu_goes_away),
        TEST(test_many_requests),
        TEST(test_discovery_has_no_tasks),
        TEST(test_stop_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
