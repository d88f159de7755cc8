/* SPDX-License-Identifier: MIT */
/* The task pool, tags, queues and the window, without a connection; and how much memory it all takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/core.h"

#define DEPTH 5u

static struct session *session_of(uint8_t role, uint16_t depth, uint8_t engine_bits)
{
    struct session_config c = {
        .role = role, .depth = depth, .itt_engine_bits = engine_bits, .first_cmd_sn = 0xfffffffe};
    return session_init(malloc(session_size(&c)), &c);
}

static void test_pool(void **state)
{
    (void)state;
    struct session *s = session_of(ROLE_INITIATOR, DEPTH, 0x5a);
    struct task *scsi[DEPTH], *tmf[SESSION_IMMEDIATE_MAX];
    for (uint32_t i = 0; i < DEPTH; i++) {
        scsi[i] = session_task(s, TASK_SCSI);
        assert_non_null(scsi[i]);
        assert_int_equal(scsi[i]->state, TASK_FREE);
        assert_int_equal(scsi[i]->itt >> 24, 0x5a);
        for (uint32_t n = 0; n < i; n++)
            assert_true(scsi[n] != scsi[i] && scsi[n]->itt != scsi[i]->itt);
    }
    assert_null(session_task(s, TASK_SCSI));
    for (uint32_t i = 0; i < SESSION_IMMEDIATE_MAX; i++) {
        tmf[i] = session_task(s, TASK_TMF);
        assert_non_null(tmf[i]);
    }
    assert_null(session_task(s, TASK_TMF));
    session_task_free(s, scsi[2]);
    assert_null(session_task(s, TASK_SCSI)); /* the reserve is not for commands */
    for (uint32_t i = 0; i < SESSION_IMMEDIATE_MAX; i++)
        session_task_free(s, tmf[i]);
    scsi[2] = session_task(s, TASK_SCSI);
    assert_non_null(scsi[2]);
    assert_null(session_task(s, TASK_SCSI));
    free(s);
}

static void test_tags(void **state)
{
    (void)state;
    struct session *s = session_of(ROLE_INITIATOR, 1, 0x5a);
    uint32_t last[2000];
    for (uint32_t i = 0; i < 2000; i++) {
        struct task *task = session_task(s, TASK_SCSI);
        assert_ptr_equal(session_find(s, task->itt), task);
        assert_null(session_find(s, task->itt ^ 0x01000000)); /* another engine's */
        assert_null(session_find(s, task->itt ^ 0x00001000)); /* another life's */
        assert_null(session_find(s, task->itt + 1));          /* another slot's */
        assert_null(session_find(s, WIRE_TAG_NONE));
        last[i] = task->itt;
        for (uint32_t n = 0; n < i; n++)
            assert_true(last[n] != last[i]);
        session_task_free(s, task);
        assert_null(session_find(s, last[i]));
    }
    free(s);
}

/* Not even with all engine bits set is a tag all ones. */
static void test_last_tag(void **state)
{
    (void)state;
    struct session *s = session_of(ROLE_INITIATOR, SESSION_DEPTH_MAX, 0xff);
    for (uint32_t i = 0; i < SESSION_DEPTH_MAX; i++) {
        struct task *task = session_task(s, TASK_SCSI);
        s->slots.generation[task->slot] = 0xfff;
        assert_true(session_tag(s, task) != WIRE_TAG_NONE);
    }
    free(s);
}

static void test_requeue(void **state)
{
    (void)state;
    struct session *s = session_of(ROLE_INITIATOR, DEPTH, 0);
    struct task *task = session_task(s, TASK_SCSI);
    session_submit(s, task);
    uint32_t itt = task->itt;
    session_revoke(s, task, BERTH_E_TIMEOUT);
    session_revoke(s, task, BERTH_E_ABORTED); /* its outcome is known */
    assert_int_equal(task->error, BERTH_E_TIMEOUT);
    assert_ptr_equal(session_reap(s), task);
    assert_null(session_reap(s));
    task->moved = task->data_sn = task->r2t_sn = task->asked = task->sense_len = task->residual = 7;
    task->burst_first = task->burst_count = task->status = task->response = task->residual_kind = 1;
    task->unsolicited = task->data_pending = true;
    task->lun = 55;
    task->owner_tag = 66;
    session_requeue(s, task);
    assert_true(task->itt != itt);
    assert_null(session_find(s, itt));
    assert_ptr_equal(session_find(s, task->itt), task);
    assert_int_equal(task->state, TASK_QUEUED);
    assert_int_equal(task->error, BERTH_OK);
    assert_int_equal(
        task->moved | task->data_sn | task->r2t_sn | task->asked | task->sense_len | task->residual, 0);
    assert_int_equal(task->burst_count | task->status | task->response | task->residual_kind, 0);
    assert_false(task->unsolicited || task->data_pending);
    assert_true(task->lun == 55 && task->owner_tag == 66);
    free(s);
}

/* Immediate requests go first, in their order; the others behind them, in theirs. */
static void test_order(void **state)
{
    static const bool immediate[] = {false, true, false, true, true};
    static const uint32_t wanted[] = {1, 3, 4, 0, 2};
    (void)state;
    struct session *s = session_of(ROLE_INITIATOR, DEPTH, 0);
    for (uint32_t i = 0; i < 5; i++) {
        struct task *task = session_task(s, TASK_SCSI);
        task->immediate = immediate[i];
        task->owner_tag = i;
        session_submit(s, task);
    }
    uint32_t n = 0;
    list_each (node, &s->queued)
        assert_int_equal(list_entry(node, struct task, link)->owner_tag, wanted[n++]);
    assert_int_equal(n, 5);
    free(s);
}

/* A text that goes on has one I bit in all its requests, and those that ask for the rest wait for no window.
 */
static void test_texts(void **state)
{
    (void)state;
    struct session *s = session_of(ROLE_INITIATOR, DEPTH, 0);
    struct task *command = session_task(s, TASK_SCSI), *text = session_task(s, TASK_TEXT);
    session_submit(s, command);
    session_submit(s, text);
    assert_true(text->immediate && !command->immediate);
    assert_ptr_equal(s->queued.next, &text->link);
    free(s);
}

static void test_restart(void **state)
{
    (void)state;
    struct session *s = session_of(ROLE_INITIATOR, DEPTH, 0);
    struct task *task = session_task(s, TASK_SCSI);
    session_submit(s, task);
    s->tsih = 9;
    s->cmd_sn = 100;
    s->max_cmd_sn = 200;
    s->keys.agreed[0] = 1;
    session_restart(s);
    assert_int_equal(s->tsih, 0);
    assert_int_equal(s->cmd_sn, 100);    /* any number will do to begin with */
    assert_int_equal(s->max_cmd_sn, 99); /* closed */
    assert_int_equal(s->keys.agreed[0], 0);
    assert_int_equal(task->state, TASK_QUEUED);
    assert_false(list_empty(&s->queued));
    free(s);
}

/* Target: as many commands as there is room for, at any time; immediate ones on a place of their own. */
static void test_target_window(void **state)
{
    (void)state;
    struct session *s = session_of(ROLE_TARGET, DEPTH, 0);
    struct task *window[DEPTH], *beside[SESSION_IMMEDIATE_MAX];
    s->exp_cmd_sn = 0xfffffffe;
    s->max_cmd_sn = 0xfffffffd;
    assert_int_equal(session_max_cmd_sn(s), 0xfffffffe + DEPTH - 1);
    for (uint32_t i = 0; i < SESSION_IMMEDIATE_MAX; i++) {
        beside[i] = session_admit(s, TASK_SCSI, true);
        assert_non_null(beside[i]);
        assert_int_equal(session_max_cmd_sn(s), 0xfffffffe + DEPTH - 1);
    }
    assert_null(session_admit(s, TASK_TMF, true));
    for (uint32_t i = 0; i < DEPTH; i++) {
        window[i] = session_admit(s, i ? TASK_SCSI : TASK_TMF, false);
        assert_non_null(window[i]);
        s->exp_cmd_sn++;
        assert_int_equal(session_max_cmd_sn(s), 0xfffffffe + DEPTH - 1);
    }
    assert_null(session_admit(s, TASK_SCSI, false));
    session_task_free(s, window[0]);
    assert_int_equal(session_max_cmd_sn(s), s->exp_cmd_sn);
    session_task_free(s, beside[0]); /* opens nothing */
    assert_int_equal(session_max_cmd_sn(s), s->exp_cmd_sn);
    assert_int_equal(s->reserved, SESSION_IMMEDIATE_MAX - 1);
    free(s);
}

/* Figures that a change should not exceed unnoticed: a session of depth 128 with its connection fits in 192
 * KiB, and the staging area, of which only what is received into counts as memory. */
static void test_sizes(void **state)
{
    (void)state;
    struct session_config c = {.depth = 128};
    struct conn_config cc = {.stage_bytes = CONN_STAGE_MAX, .control_bytes = CONN_CONTROL_MIN};
    assert_in_range(sizeof(struct task), 1, 768);
    assert_in_range(sizeof(struct conn), 1, 32 * 1024); /* 16 KiB of it the transmit ring */
    assert_in_range(session_size(&c), 1, (128 + SESSION_IMMEDIATE_MAX) * 768 + 2048);
    assert_in_range(session_size(&c) + conn_size(NULL, &cc), 1, 192 * 1024 + CONN_STAGE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool),          cmocka_unit_test(test_tags),  cmocka_unit_test(test_last_tag),
        cmocka_unit_test(test_requeue),       cmocka_unit_test(test_order), cmocka_unit_test(test_restart),
        cmocka_unit_test(test_target_window), cmocka_unit_test(test_sizes), cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
