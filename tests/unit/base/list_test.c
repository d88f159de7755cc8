/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/list.h"

struct item {
    int number;
    struct list node;
};

static struct list head;
static struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};

static int setup(void **state)
{
    (void)state;
    list_init(&head);
    list_init(&a.node);
    list_init(&b.node);
    list_init(&c.node);
    return 0;
}

/* The numbers in order as decimal digits; walks backwards as well and compares. */
static int digits(void)
{
    int forward = 0, backward = 0, place = 1;
    list_each (at, &head)
        forward = forward * 10 + list_entry(at, struct item, node)->number;
    for (struct list *at = head.prev; at != &head; at = at->prev, place *= 10)
        backward += list_entry(at, struct item, node)->number * place;
    assert_int_equal(forward, backward);
    return forward;
}

static void begins_empty(void **state)
{
    (void)state;
    assert_true(list_empty(&head));
    assert_null(list_pop(&head));
    assert_int_equal(digits(), 0);
}

static void pushes_both_ends(void **state)
{
    (void)state;
    list_push(&head, &a.node);
    list_push(&head, &b.node);
    list_push_front(&head, &c.node);
    assert_int_equal(digits(), 312);
    assert_false(list_empty(&head));
}

static void pops_in_order(void **state)
{
    (void)state;
    list_push(&head, &a.node);
    list_push(&head, &b.node);
    assert_ptr_equal(list_pop(&head), &a.node);
    assert_true(list_empty(&a.node)); /* an unlinked node points at itself */
    assert_int_equal(digits(), 2);
    assert_ptr_equal(list_pop(&head), &b.node);
    assert_null(list_pop(&head));
}

static void removes_anywhere_and_twice(void **state)
{
    (void)state;
    list_push(&head, &a.node);
    list_push(&head, &b.node);
    list_push(&head, &c.node);
    list_remove(&b.node);
    assert_int_equal(digits(), 13);
    list_remove(&b.node);
    assert_int_equal(digits(), 13);
    list_remove(&c.node);
    list_remove(&a.node);
    assert_true(list_empty(&head));
    list_push(&head, &b.node);
    assert_int_equal(digits(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(begins_empty, setup),
        cmocka_unit_test_setup(pushes_both_ends, setup),
        cmocka_unit_test_setup(pops_in_order, setup),
        cmocka_unit_test_setup(removes_anywhere_and_twice, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
