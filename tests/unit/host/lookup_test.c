/* SPDX-License-Identifier: MIT */
/* Names are asked for beside the caller, whatever the resolver takes its time for, and nobody waits for an
 * answer that nobody wants. The resolver here is one that waits until it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <berth/error.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "host/lookup.h"

static sem_t begun, may_go, ended;
static bool waits;
static sigset_t mask_inside;

static int resolver(const struct portal *p, struct resolved *out, const char **why)
{
    pthread_sigmask(SIG_SETMASK, NULL, &mask_inside);
    sem_post(&begun);
    if (waits)
        sem_wait(&may_go);
    out->count = 1;
    out->len[0] = p->port;
    *why = strcmp(p->host, "nowhere") == 0 ? "no such host" : NULL;
    sem_post(&ended);
    return *why ? BERTH_E_RESOLVE : BERTH_OK;
}

static int setup(void **state)
{
    (void)state;
    waits = false;
    sem_init(&begun, 0, 0);
    sem_init(&may_go, 0, 0);
    sem_init(&ended, 0, 0);
    return 0;
}

static struct portal host(const char *name, uint16_t port)
{
    struct portal p = {.port = port, .group = -1};
    strcpy(p.host, name);
    return p;
}

static void ask(struct lookup *l, const char *name, uint16_t port)
{
    struct portal p = host(name, port);
    assert_int_equal(lookup_ask(l, &p), BERTH_OK);
}

static bool readable(const struct lookup *l, int timeout_ms)
{
    struct pollfd p = {.fd = lookup_fd(l), .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static void expect(struct lookup *l, int error, uint16_t port)
{
    struct resolved found;
    int got = 1;
    const char *why = NULL;
    assert_true(readable(l, 60000));
    lookup_heard(l);
    assert_false(readable(l, 0));
    assert_true(lookup_take(l, &found, &got, &why));
    assert_int_equal(got, error);
    assert_int_equal(why != NULL, error != 0);
    assert_int_equal(found.len[0], port);
    assert_false(lookup_take(l, &found, &got, &why)); /* once */
}

static void answers(void **state)
{
    struct lookup *l = lookup_new(resolver);
    (void)state;
    for (uint16_t n = 1; n < 50; n++) {
        ask(l, "somewhere", n);
        expect(l, BERTH_OK, n);
    }
    ask(l, "nowhere", 77);
    expect(l, BERTH_E_RESOLVE, 77);
    lookup_free(l);
}

static void nobody_waits(void **state)
{
    struct lookup *l = lookup_new(resolver);
    struct resolved found;
    int error;
    const char *why;
    (void)state;
    waits = true;
    ask(l, "somewhere", 1);
    sem_wait(&begun);
    assert_false(lookup_take(l, &found, &error, &why));
    assert_false(readable(l, 0));
    sem_post(&may_go);
    expect(l, BERTH_OK, 1);
    lookup_free(l);
}

/* The answer to a question that was replaced never comes; the same thread puts the new one. */
static void a_new_question(void **state)
{
    struct lookup *l = lookup_new(resolver);
    int more = 0;
    (void)state;
    waits = true;
    ask(l, "somewhere", 1);
    sem_wait(&begun);
    for (uint16_t n = 2; n < 10; n++)
        ask(l, "elsewhere", n);
    sem_post(&may_go);
    sem_wait(&begun);
    assert_false(readable(l, 0));
    sem_post(&may_go);
    expect(l, BERTH_OK, 9);
    sem_getvalue(&begun, &more);
    assert_int_equal(more, 0);
    lookup_free(l);
}

static int quick(const struct portal *p, struct resolved *out, const char **why)
{
    out->count = p->port;
    *why = NULL;
    return BERTH_OK;
}

/* The owner goes while the resolver has the thread, or before it had a turn: it must not be waited for, nor
 * missed. That nothing is used that was freed is for the sanitizers to see. */
static void the_owner_goes(void **state)
{
    (void)state;
    waits = true;
    for (int n = 0; n < 20; n++) {
        struct lookup *l = lookup_new(resolver);
        ask(l, "somewhere", 1);
        sem_wait(&begun);
        if (n % 2)
            ask(l, "elsewhere", 2);
        lookup_free(l);
        sem_post(&may_go);
        sem_wait(&ended);
    }
    for (int n = 0; n < 200; n++) {
        struct lookup *l = lookup_new(quick);
        ask(l, "somewhere", 1);
        lookup_free(l);
    }
}

static void never_asked(void **state)
{
    (void)state;
    lookup_free(lookup_new(resolver));
    lookup_free(NULL);
}

static void signals_stay_away(void **state)
{
    struct lookup *l = lookup_new(resolver);
    (void)state;
    ask(l, "somewhere", 1);
    expect(l, BERTH_OK, 1);
    assert_int_equal(sigismember(&mask_inside, SIGTERM), 1);
    assert_int_equal(sigismember(&mask_inside, SIGALRM), 1);
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    assert_int_equal(sigismember(&mine, SIGTERM), 0);
    lookup_free(l);
}

static void the_systems_resolver(void **state)
{
    struct lookup *l = lookup_new(host_resolve);
    struct resolved found;
    int error;
    const char *why;
    (void)state;
    ask(l, "localhost", 860);
    assert_true(readable(l, 30000));
    assert_true(lookup_take(l, &found, &error, &why));
    assert_int_equal(error, BERTH_OK);
    assert_true(found.count >= 1);
    lookup_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(answers, setup),
        cmocka_unit_test_setup(nobody_waits, setup),
        cmocka_unit_test_setup(a_new_question, setup),
        cmocka_unit_test_setup(the_owner_goes, setup),
        cmocka_unit_test_setup(never_asked, setup),
        cmocka_unit_test_setup(signals_stay_away, setup),
        cmocka_unit_test_setup(the_systems_resolver, setup),
    };
    return cmocka_run_group_tests_name("host lookup", tests, NULL, NULL);
}
