/* SPDX-License-Identifier: MIT */
/* Every letter arrives once, those of one sender in their order, and an owner who sleeps is woken: by one of
 * the senders, whoever is the first. Threads that really run; the thread sanitizer watches. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mailbox.h"

#define SENDERS 4u
#define LETTERS 20000u
#define BUNDLE  7u

struct letter {
    struct mail mail;
    uint32_t sender, number;
};

static struct letter letters[SENDERS][LETTERS];
static struct mailbox box;
static sem_t bell;

static void order(void **state)
{
    struct letter *l = letters[0];
    struct mail_bundle b = {NULL, NULL};
    (void)state;
    mailbox_init(&box);
    assert_false(mailbox_holds(&box));
    assert_null(mailbox_take(&box));
    assert_false(mailbox_push_one(&box, &l[0].mail));
    mail_bundle_add(&b, &l[1].mail);
    mail_bundle_add(&b, &l[2].mail);
    assert_false(mailbox_push(&box, &b));
    assert_true(mailbox_holds(&box));
    const struct mail *m = mailbox_take(&box);
    for (uint32_t i = 0; i < 3; i++, m = m->next)
        assert_ptr_equal(m, &l[i].mail);
    assert_null(m);
    assert_false(mailbox_holds(&box));
}

static void sleep_and_wake(void **state)
{
    struct letter *l = letters[0];
    (void)state;
    mailbox_init(&box);
    assert_true(mailbox_sleep(&box));
    assert_true(mailbox_sleep(&box)); /* it does already */
    assert_false(mailbox_holds(&box));
    assert_true(mailbox_push_one(&box, &l[0].mail)); /* to be woken, but once */
    assert_false(mailbox_push_one(&box, &l[1].mail));
    assert_false(mailbox_sleep(&box)); /* there are letters */
    assert_ptr_equal(mailbox_take(&box), &l[0].mail);
    assert_true(mailbox_sleep(&box));
    assert_null(mailbox_take(&box)); /* awake again */
    assert_false(mailbox_push_one(&box, &l[0].mail));
}

static void *send(void *arg)
{
    struct letter *mine = arg;
    for (uint32_t i = 0; i < LETTERS;) {
        struct mail_bundle b = {NULL, NULL};
        for (uint32_t n = 0; n < BUNDLE && i < LETTERS; n++, i++) {
            mine[i].number = i;
            mail_bundle_add(&b, &mine[i].mail);
        }
        if (mailbox_push(&box, &b))
            sem_post(&bell);
    }
    return NULL;
}

static uint32_t receive(uint32_t *next)
{
    uint32_t count = 0;
    for (struct mail *m = mailbox_take(&box); m; m = m->next, count++) {
        const struct letter *l = mail_entry(m, const struct letter, mail);
        assert_int_equal(l->number, next[l->sender]++);
    }
    return count;
}

static void threads(void **state)
{
    pthread_t senders[SENDERS];
    uint32_t next[SENDERS] = {0}, got = 0;
    (void)state;
    mailbox_init(&box);
    assert_int_equal(sem_init(&bell, 0, 0), 0);
    for (uint32_t s = 0; s < SENDERS; s++) {
        for (uint32_t i = 0; i < LETTERS; i++)
            letters[s][i].sender = s;
        assert_int_equal(pthread_create(&senders[s], NULL, send, letters[s]), 0);
    }
    while (got < SENDERS * LETTERS) {
        if (mailbox_sleep(&box))
            sem_wait(&bell); /* nobody wakes us: the test hangs */
        got += receive(next);
    }
    for (uint32_t s = 0; s < SENDERS; s++)
        pthread_join(senders[s], NULL);
    assert_false(mailbox_holds(&box));
    assert_int_equal(got, SENDERS * LETTERS);
    sem_destroy(&bell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),
        cmocka_unit_test(sleep_and_wake),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
