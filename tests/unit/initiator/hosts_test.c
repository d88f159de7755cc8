/* SPDX-License-Identifier: MIT */
/* Names are asked for beside the caller's loop, whatever becomes of the caller meanwhile. This is the real
 * resolver; "localhost" is a name that every host knows, and .invalid one that none does (RFC 6761). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine/sockets.h"
#include "initiator/parts.h"

#define MS 1000000ull

static struct initiator *make(struct engine *e, const char *host)
{
    struct initiator_config config = {.target_name = "iqn.2026-11.test:nobody",
                                      .policy = {.connect_timeout_ms = 20000, .depth = 1},
                                      .engine = e};
    struct initiator_owner owner = {0};
    struct initiator *i;
    char detail[INITIATOR_DETAIL_MAX];
    config.portal = (struct portal){.port = 1, .group = -1};
    strcpy(config.portal.host, host);
    assert_int_equal(initiator_new(&i, &config, &owner, detail, sizeof detail), 0);
    return i;
}

static int find(struct initiator *i, struct resolved *out)
{
    const char *why;
    int error;
    uint64_t end = engine_now(i->engine) + 200000 * MS; /* name servers that do not answer are waited for */
    while ((error = hosts_find(i, &i->home.portal, out, &why)) == RESOLVE_LATER) {
        assert_true(engine_now(i->engine) < end);
        assert_int_equal(engine_poll(i->engine, end), 0);
    }
    return error;
}

static void names(void **state)
{
    struct engine *e = sockets_engine_new();
    struct initiator *i = make(e, "localhost");
    struct resolved found;
    (void)state;
    for (int n = 0; n < 20; n++) {
        hosts_prepare(i, &i->home.portal);
        assert_int_equal(find(i, &found), BERTH_OK);
        assert_true(found.count >= 1);
    }
    initiator_free(i);
    i = make(e, "no-such-host.invalid");
    assert_int_equal(find(i, &found), BERTH_E_RESOLVE);
    initiator_free(i);
    engine_free(e);
}

static void addresses_need_no_thread(void **state)
{
    struct engine *e = sockets_engine_new();
    struct initiator *i = make(e, "127.0.0.1");
    struct resolved found;
    const char *why;
    (void)state;
    hosts_prepare(i, &i->home.portal);
    assert_int_equal(hosts_find(i, &i->home.portal, &found, &why), BERTH_OK);
    assert_int_equal(found.count, 1);
    assert_null(i->lookup);
    initiator_free(i);
    engine_free(e);
}

/* The engine goes on without the initiator, and the thread without both. */
static void closed_meanwhile(void **state)
{
    struct engine *e = sockets_engine_new();
    (void)state;
    for (int n = 0; n < 100; n++) {
        struct initiator *i = make(e, n % 2 ? "localhost" : "no-such-host.invalid");
        hosts_prepare(i, &i->home.portal);
        if (n % 3)
            assert_int_equal(engine_poll(e, 0), 0);
        initiator_free(i);
        assert_int_equal(engine_poll(e, 0), 0);
    }
    engine_free(e);
}

/* Port 1 of this host: nobody is there, at whichever of its addresses. */
static void opened_by_name(void **state)
{
    struct initiator *i = make(NULL, "localhost");
    (void)state;
    assert_int_equal(initiator_open(i), BERTH_E_REFUSED);
    assert_non_null(strstr(initiator_detail(i), "localhost:1: connection refused"));
    initiator_free(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(addresses_need_no_thread),
        cmocka_unit_test(closed_meanwhile),
        cmocka_unit_test(opened_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
