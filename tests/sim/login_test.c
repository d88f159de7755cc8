/* SPDX-License-Identifier: MIT */
/* Logging in: what must succeed, what must fail and under which name, and who is not iSCSI at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hand.h"

/* --- core against core --- */

struct outcome_row {
    const char *what;
    const char *user, *secret, *peer, *proof;         /* of the initiator */
    const char *t_user, *t_secret, *t_peer, *t_proof; /* of the target */
    int error;                                        /* BERTH_OK: logged in */
};

/* clang-format off */
static const struct outcome_row outcomes[] = {
    {"nobody asks", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, BERTH_OK},
    {"one way", USER, SECRET, NULL, NULL, USER, SECRET, NULL, NULL, BERTH_OK},
    {"mutual", USER, SECRET, PEER, PROOF, USER, SECRET, PEER, PROOF, BERTH_OK},
    {"one way, target could prove itself", USER, SECRET, NULL, NULL, USER, SECRET, PEER, PROOF, BERTH_OK},
    {"another account", "the last one", "and his secret of some length", NULL, NULL, USER, SECRET, NULL, NULL, BERTH_OK},
    {"another account's secret", USER, "and his secret of some length", NULL, NULL, USER, SECRET, NULL, NULL, BERTH_E_AUTH},
    {"wrong secret", USER, "not the secret it wants", NULL, NULL, USER, SECRET, NULL, NULL, BERTH_E_AUTH},
    {"secret cut short", USER, "a secret of some lengt", NULL, NULL, USER, SECRET, NULL, NULL, BERTH_E_AUTH},
    {"wrong name", "User", SECRET, NULL, NULL, USER, SECRET, NULL, NULL, BERTH_E_AUTH},
    {"name with more behind", "user ", SECRET, NULL, NULL, USER, SECRET, NULL, NULL, BERTH_E_AUTH},
    {"mutual, wrong secret of ours", USER, "not the secret it wants", PEER, PROOF, USER, SECRET, PEER, PROOF, BERTH_E_AUTH},
    {"mutual, target has another secret", USER, SECRET, PEER, PROOF, USER, SECRET, PEER, "not the proof we want to see", BERTH_E_TARGET_AUTH},
    {"mutual, target has another name", USER, SECRET, PEER, PROOF, USER, SECRET, "somebody else", PROOF, BERTH_E_TARGET_AUTH},
    {"mutual, target cannot prove itself", USER, SECRET, PEER, PROOF, USER, SECRET, NULL, NULL, BERTH_E_AUTH},
    {"target requires what we have not", NULL, NULL, NULL, NULL, USER, SECRET, NULL, NULL, BERTH_E_AUTH_REQUIRED},
    {"we require what the target has not", USER, SECRET, NULL, NULL, NULL, NULL, NULL, NULL, BERTH_E_AUTH_DOWNGRADE},
};
/* clang-format on */

static const uint8_t algorithms[] = {0, WIRE_CHAP_MD5, WIRE_CHAP_SHA1, WIRE_CHAP_SHA256, WIRE_CHAP_SHA3_256};

static void run_outcome(const struct outcome_row *row, uint8_t algorithm, uint32_t max_move)
{
    struct pair_config c;
    pair_config_init(&c, 1 + algorithm);
    c.max_move = max_move;
    c.algorithm = algorithm;
    c.breaks = algorithm == WIRE_CHAP_MD5 ? NULL : "H1";
    c.user = row->user;
    c.secret = row->secret;
    c.mutual_user = row->peer;
    c.mutual_secret = row->proof;
    c.t_user = row->t_user;
    c.t_secret = row->t_secret;
    c.t_mutual_user = row->t_peer;
    c.t_mutual_secret = row->t_proof;
    struct pair *p = pair_new(&c);
    pair_run(p);
    if (p->last_i.error != row->error)
        print_error("%s, algorithm %u: %s\n", row->what, algorithm, p->last_i.rule ? p->last_i.rule : "");
    assert_int_equal(p->last_i.kind, row->error ? CONN_EV_LOGIN_FAILED : CONN_EV_LOGGED_IN);
    assert_int_equal(p->last_i.error, row->error);
    assert_int_equal(p->up, row->error == BERTH_OK);
    assert_int_equal(session_up(p->is), row->error == BERTH_OK);
    if (row->error == BERTH_OK) {
        assert_true(session_up(p->ts));
        assert_int_equal(conn_login(p->ic)->peer_proved, row->peer != NULL);
        assert_string_equal(conn_login(p->ic)->chap_name, row->peer ? row->peer : "");
        assert_string_equal(conn_login(p->tc)->chap_name, row->user ? row->user : "");
        assert_int_equal(p->is->tsih, 7);
        assert_int_equal(conn_login(p->ic)->portal_group, 1);
    }
    pair_free(p);
}

static void test_outcomes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
        for (size_t a = 0; a < sizeof algorithms; a++)
            for (uint32_t max_move = 0; max_move < 40; max_move += 13)
                run_outcome(&outcomes[i], algorithms[a], max_move);
}

/* No random bytes to be had, for the challenge or for its identifier: there is no login then. */
static uint32_t randoms_left;

static bool random_until(void *out, size_t len)
{
    memset(out, 0x11, len);
    return randoms_left-- > 0;
}

static void test_no_random(void **state)
{
    (void)state;
    for (uint32_t left = 0; left < 2; left++)
        for (int of_target = 0; of_target < 2; of_target++) {
            struct pair_config c;
            pair_config_init(&c, 2);
            c.user = c.t_user = USER;
            c.secret = c.t_secret = SECRET;
            c.mutual_user = c.t_mutual_user = PEER;
            c.mutual_secret = c.t_mutual_secret = PROOF;
            struct pair *p = pair_new(&c);
            struct wire_crypto broken = *p->isc.crypto;
            broken.random = random_until;
            randoms_left = left;
            (of_target ? p->ts : p->is)->config.crypto = &broken;
            pair_run(p);
            assert_int_equal(p->last_i.kind, CONN_EV_LOGIN_FAILED);
            assert_false(session_up(p->is) || session_up(p->ts));
            pair_free(p);
        }
}

/* The target says where else to go, and the initiator hears it (11.13.5). */
static void test_sent_elsewhere(void **state)
{
    static const char *const places[] = {"10.1.2.3:3261", "[fe80::1]:3260", "storage.example:860"};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        for (uint16_t status = WIRE_LOGIN_MOVED_TEMPORARILY; status <= WIRE_LOGIN_MOVED_PERMANENTLY;
             status++) {
            char place[ADDRESS_MAX + 16];
            struct pair_config c;
            pair_config_init(&c, 6);
            c.refuse = status;
            c.redirect = places[i];
            struct pair *p = pair_new(&c);
            pair_run(p);
            assert_int_equal(p->last_i.kind, CONN_EV_REDIRECT);
            assert_int_equal(p->last_i.login_status, status);
            portal_print(&conn_login(p->ic)->redirect, place, sizeof place);
            assert_string_equal(place, places[i]);
            assert_int_equal(p->last_t.kind, CONN_EV_LOGIN_FAILED);
            pair_free(p);
        }
}

static void run_refusal(uint16_t status, int error)
{
    struct pair_config c;
    pair_config_init(&c, 5);
    c.refuse = status;
    struct pair *p = pair_new(&c);
    pair_run(p);
    assert_int_equal(p->last_i.kind, CONN_EV_LOGIN_FAILED);
    assert_int_equal(p->last_i.error, error);
    assert_int_equal(p->last_i.login_status, status);
    assert_non_null(p->last_i.rule);
    assert_int_equal(p->last_t.kind, CONN_EV_LOGIN_FAILED); /* sent; now the target may close */
    assert_int_equal(p->last_t.login_status, status);
    assert_false(conn_tx_pending(p->ic));
    pair_free(p);
}

static void test_refusals(void **state)
{
    static const struct {
        uint16_t status;
        int error;
    } rows[] = {
        {WIRE_LOGIN_INITIATOR_ERROR, BERTH_E_LOGIN},
        {WIRE_LOGIN_AUTH_FAILURE, BERTH_E_AUTH_REQUIRED},
        {WIRE_LOGIN_FORBIDDEN, BERTH_E_LOGIN},
        {WIRE_LOGIN_NOT_FOUND, BERTH_E_NO_TARGET},
        {WIRE_LOGIN_REMOVED, BERTH_E_NO_TARGET},
        {WIRE_LOGIN_UNSUPPORTED_VERSION, BERTH_E_LOGIN},
        {WIRE_LOGIN_TOO_MANY_CONNECTIONS, BERTH_E_BUSY},
        {WIRE_LOGIN_MISSING_PARAMETER, BERTH_E_LOGIN},
        {WIRE_LOGIN_SESSION_TYPE, BERTH_E_LOGIN},
        {WIRE_LOGIN_NO_SESSION, BERTH_E_LOGIN},
        {WIRE_LOGIN_TARGET_ERROR, BERTH_E_BUSY},
        {WIRE_LOGIN_UNAVAILABLE, BERTH_E_BUSY},
        {WIRE_LOGIN_OUT_OF_RESOURCES, BERTH_E_BUSY},
        {0x02ff, BERTH_E_LOGIN},
        {0x03ff, BERTH_E_LOGIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_refusal(rows[i].status, rows[i].error);
}

static void test_unknown_target(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 5);
    c.target_name = "iqn.2026-11.test:nobody";
    struct pair *p = pair_new(&c);
    pair_run(p);
    assert_int_equal(p->last_i.error, BERTH_E_NO_TARGET);
    pair_free(p);
}

static void test_digest_mismatch(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 5);
    c.header_digest = c.digest_mismatch = true;
    struct pair *p = pair_new(&c);
    pair_run(p);
    assert_int_equal(p->last_i.kind, CONN_EV_LOGIN_FAILED);
    assert_int_equal(p->last_i.error, BERTH_E_NEGOTIATION);
    assert_non_null(strstr(p->last_i.rule, "HeaderDigest"));
    pair_free(p);
}

/* The target has wishes of its own: they must be offered and answered before full feature phase. */
static void test_target_offers(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 5);
    struct pair *p = pair_new(&c);
    negotiation_want(&conn_login(p->tc)->keys, KEY_MAX_CONNECTIONS, 1);
    negotiation_want(&conn_login(p->tc)->keys, KEY_ERROR_RECOVERY_LEVEL, 0);
    pair_run(p);
    assert_true(p->up && session_up(p->ts));
    assert_true(conn_keys(p->tc)->received & 1ull << KEY_ERROR_RECOVERY_LEVEL);
    assert_true(conn_keys(p->tc)->open == 0);
    pair_free(p);
}

/* --- discovery --- */

static void discover(uint32_t segment)
{
    struct pair_config c;
    pair_config_init(&c, 5);
    c.discovery = true;
    c.segment_i = segment;
    struct pair *p = pair_new(&c);
    pair_run(p);
    assert_true(p->up && p->is->discovery && p->ts->discovery);
    assert_int_equal(conn_login(p->ic)->portal_group, -1);
    static uint8_t text[8192];
    struct berth_seg seg = seg_memory(text, sizeof text);
    static const char ask[] = "SendTargets=All";
    memcpy(text, ask, sizeof ask);
    struct task *task = session_task(p->is, TASK_TEXT);
    task->edtl = sizeof ask;
    task->data = (struct extent){.segs = &seg, .count = 1, .len = sizeof text};
    session_submit(p->is, task);
    pair_run(p);
    assert_ptr_equal(session_reap(p->is), task);
    assert_int_equal(task->error, BERTH_OK);
    struct reader r = reader_over(text, task->moved);
    struct span key, value;
    char name[] = "iqn.2026-11.test:t00";
    for (uint32_t i = 0; i < 40; i++) {
        name[18] = (char)('0' + i / 10);
        name[19] = (char)('0' + i % 10);
        assert_int_equal(text_next(&r, &key, &value), TEXT_PAIR);
        assert_true(span_is(key, "TargetName") && span_is(value, name));
    }
    assert_int_equal(text_next(&r, &key, &value), TEXT_END);
    session_task_free(p->is, task);
    pair_free(p);
}

static void test_discovery(void **state)
{
    (void)state;
    for (uint32_t segment = 512; segment <= 8192; segment *= 2)
        discover(segment);
    discover(1 << 20); /* cut down to what the control buffer holds */
}

/* An answer longer than the memory for it, and an empty request that blocks nothing. */
static void test_text_limits(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 5);
    c.discovery = true;
    c.segment_i = 512;
    c.breaks = "Y1"; /* the text is empty */
    struct pair *p = pair_new(&c);
    uint8_t text[600];
    struct berth_seg seg = seg_memory(text, sizeof text);
    pair_run(p);
    for (uint32_t i = 0; i < 3; i++) {
        struct task *task = session_task(p->is, TASK_TEXT);
        task->data = (struct extent){.segs = &seg, .count = 1, .len = sizeof text};
        session_submit(p->is, task);
        pair_run(p);
        assert_ptr_equal(session_reap(p->is), task);
        assert_int_equal(task->error, BERTH_E_LIMIT);
        assert_true(task->moved <= sizeof text);
        session_task_free(p->is, task);
    }
    pair_free(p);
}

/* --- a target made by hand --- */

/* One answer to the first request of an initiator that demands CHAP (or, with `free`, nothing). */
static const struct {
    const char *what;
    bool free;
    struct hand a;
    enum conn_event_kind kind;
    int error;
} first_answers[] = {
    {"offers None alone", false, {.text = "AuthMethod=None\n"}, CONN_EV_LOGIN_FAILED, BERTH_E_AUTH_DOWNGRADE},
    {"rejects CHAP", false, {.text = "AuthMethod=Reject\n"}, CONN_EV_LOGIN_FAILED, BERTH_E_AUTH_DOWNGRADE},
    {"does not know the key",
     false,
     {.text = "AuthMethod=NotUnderstood\n"},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_AUTH_DOWNGRADE},
    {"is silent about it", false, {.text = ""}, CONN_EV_LOGIN_FAILED, BERTH_E_AUTH_DOWNGRADE},
    {"None and on",
     false,
     {.nsg = 1, .text = "AuthMethod=None\n"},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_AUTH_DOWNGRADE},
    {"CHAP and on",
     false,
     {.nsg = 1, .text = "AuthMethod=CHAP\n"},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_AUTH_DOWNGRADE},
    {"straight to the end",
     false,
     {.nsg = 3, .text = "AuthMethod=CHAP\n"},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_AUTH_DOWNGRADE},
    {"in the next stage", false, {.csg = 1, .nsg = 1}, CONN_EV_LOGIN_FAILED, BERTH_E_AUTH_DOWNGRADE},
    {"from the next stage to the end",
     false,
     {.csg = 1, .nsg = 3},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_AUTH_DOWNGRADE},
    {"challenge too early",
     false,
     {.text = "AuthMethod=CHAP\n" CHALLENGE},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_CHAP},
    {"CHAP keys without CHAP", false, {.text = CHALLENGE}, CONN_EV_LOGIN_FAILED, BERTH_E_CHAP},
    {"CHAP keys nobody wants", true, {.text = CHALLENGE}, CONN_EV_LOGIN_FAILED, BERTH_E_CHAP},
    {"asks for CHAP", true, {.text = "AuthMethod=CHAP\n"}, CONN_EV_LOGIN_FAILED, BERTH_E_AUTH_REQUIRED},
    {"rejects None", true, {.text = "AuthMethod=Reject\n"}, CONN_EV_ERROR, BERTH_OK},
    {"refuses us", true, {.status = WIRE_LOGIN_AUTH_FAILURE}, CONN_EV_LOGIN_FAILED, BERTH_E_AUTH_REQUIRED},
    {"refuses us before CHAP",
     false,
     {.status = WIRE_LOGIN_AUTH_FAILURE},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_AUTH_DOWNGRADE},
    {"jumps to the end", true, {.nsg = 3}, CONN_EV_LOGIN_FAILED, BERTH_E_PROTOCOL},
    {"transit with C", true, {.nsg = 1, .more = true}, CONN_EV_LOGIN_FAILED, BERTH_E_PROTOCOL},
    {"another task", true, {.nsg = 1, .itt = 4}, CONN_EV_ERROR, BERTH_E_NOT_ISCSI},
    {"another version", true, {.nsg = 1, .version = 1}, CONN_EV_ERROR, BERTH_E_NOT_ISCSI},
    {"no such status class", true, {.status = 0x0400}, CONN_EV_LOGIN_FAILED, BERTH_E_LOGIN},
    {"refuses us in another version",
     true,
     {.status = 0x0205, .version = 1},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_LOGIN},
    {"no pair", true, {.text = "AuthMethod\n"}, CONN_EV_LOGIN_FAILED, BERTH_E_PROTOCOL},
    {"no end", true, {.text = "AuthMethod=None"}, CONN_EV_LOGIN_FAILED, BERTH_E_PROTOCOL},
    {"twice", true, {.text = "TargetAlias=a\nTargetAlias=b\n"}, CONN_EV_LOGIN_FAILED, BERTH_E_PROTOCOL},
    {"initiator's key",
     true,
     {.text = "InitiatorName=iqn.2026-11.test:x\n"},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_PROTOCOL},
    {"redirect to nowhere", true, {.status = 0x0101}, CONN_EV_LOGIN_FAILED, BERTH_E_REDIRECT},
    {"redirect to nonsense",
     true,
     {.status = 0x0101, .text = "TargetAddress=[::1\n"},
     CONN_EV_LOGIN_FAILED,
     BERTH_E_REDIRECT},
};

static void test_first_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof first_answers / sizeof first_answers[0]; i++) {
        struct pair_config chap = hand_chap(false);
        struct puppet *u = hand_new(first_answers[i].free ? NULL : &chap);
        hand_say(u, &first_answers[i].a);
        if (first_answers[i].error) {
            if (puppet_drain(u) == 0 || u->event.error != first_answers[i].error)
                print_error("%s\n", first_answers[i].what);
            assert_int_equal(u->event.kind, first_answers[i].kind);
            assert_int_equal(u->event.error, first_answers[i].error);
            assert_false(puppet_hear(u)); /* not a word more */
            assert_false(session_up(u->pair->is));
        } else {
            assert_int_equal(puppet_drain(u), 0);
            puppet_expect(u, WIRE_LOGIN_REQUEST);
        }
        puppet_free(u);
    }
}

static void test_redirect(void **state)
{
    (void)state;
    for (uint16_t status = 0x0101; status <= 0x0102; status++) {
        struct puppet *u = hand_new(NULL);
        hand_say(u,
                 &(struct hand){.status = status, .text = "X-odd=1\nTargetAddress=[2001:db8::7]:3261,5\n"});
        puppet_fails(u, CONN_EV_REDIRECT, BERTH_OK);
        assert_int_equal(u->event.login_status, status);
        assert_string_equal(conn_login(u->victim)->redirect.host, "2001:db8::7");
        assert_int_equal(conn_login(u->victim)->redirect.port, 3261);
        puppet_free(u);
    }
}

/* The target takes its time in every stage. */
static void test_slow_target(void **state)
{
    (void)state;
    struct puppet *u = hand_challenged(false);
    for (int i = 0; i < 5; i++) {
        hand_say(u, &(struct hand){0});
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        assert_int_equal(u->data_len, 0);
        assert_int_equal(u->bhs[1], 0x81);
    }
    hand_say(u, &(struct hand){.nsg = 1});
    for (int i = 0; i < 5; i++) {
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        hand_say(u, &(struct hand){.csg = 1, .nsg = 1});
    }
    hand_operational(u);
    puppet_free(u);
}

static void test_endless_login(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct puppet *u = hand_challenged(false);
        uint32_t rounds = 0;
        while (puppet_drain(u) == 0 && rounds++ < 100) {
            hand_say(u, &(struct hand){.more = more});
            puppet_hear(u);
        }
        assert_int_equal(u->event.error, BERTH_E_LIMIT);
        assert_true(rounds <= LOGIN_ROUNDS_MAX);
        puppet_free(u);
    }
}

/* Our words, cut in two at every byte: C=1 on the first part, none on the second. */
static void test_split_text(void **state)
{
    static const char text[] =
        "MaxRecvDataSegmentLength=4096\0InitialR2T=Yes\0ImmediateData=Yes\0MaxBurstLength=8192\0"
        "FirstBurstLength=8192\0MaxOutstandingR2T=1\0HeaderDigest=None\0DataDigest=None";
    (void)state;
    for (uint32_t cut = 0; cut <= sizeof text; cut++) {
        struct puppet *u = hand_new(NULL);
        hand_say(u, &(struct hand){.nsg = 1, .text = "AuthMethod=None\n"});
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        hand_bytes(u, &(struct hand){.csg = 1, .nsg = 1, .more = true}, text, cut);
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        assert_int_equal(u->data_len, 0);
        hand_bytes(u, &(struct hand){.csg = 1, .nsg = 1}, text + cut, (uint32_t)sizeof text - cut);
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        hand_say(u, &(struct hand){.csg = 1, .nsg = 3});
        puppet_fails(u, CONN_EV_LOGGED_IN, BERTH_OK);
        assert_int_equal(u->victim->max_send, 4096);
        assert_int_equal(u->pair->is->keys.agreed[KEY_MAX_BURST_LENGTH], 8192);
        puppet_free(u);
    }
}

/* `count` keys that nobody knows, each answered with 14 bytes more than it has; pairs end with '\n'. */
static void unknown_keys(char *text, uint32_t count, uint32_t name_len)
{
    for (uint32_t i = 0; i < count; i++) {
        memset(text, 'X', name_len);
        memcpy(text + name_len, "=\n", 3);
        text += name_len + 2;
    }
}

/* Too many keys, and fewer whose answers are too long, in each stage: one end for all of them. */
static void test_too_many_keys(void **state)
{
    static const struct {
        uint32_t count, name_len;
    } rows[] = {{2048, 1}, {257, 1}, {120, 60}, {106, 63}};
    static char text[8193];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (uint8_t stage = 0; stage < 2; stage++) {
            struct puppet *u = hand_new(NULL);
            if (stage == WIRE_STAGE_OPERATIONAL) {
                hand_say(u, &(struct hand){.nsg = 1, .text = "AuthMethod=None\n"});
                puppet_expect(u, WIRE_LOGIN_REQUEST);
            }
            unknown_keys(text, rows[i].count, rows[i].name_len);
            hand_say(u, &(struct hand){.csg = stage, .nsg = stage, .text = text});
            hand_refused(u, BERTH_E_LIMIT, "more keys than one login may have");
            puppet_free(u);
        }
}

/* The answers to so many fit, but nothing else does that is to be said in the same request. */
static void test_no_room_beside_answers(void **state)
{
    static char text[8193];
    (void)state;
    for (int chap = 0; chap < 2; chap++) {
        struct pair_config c = hand_chap(false);
        struct puppet *u = hand_new(chap ? &c : NULL);
        unknown_keys(text, 105, 63);
        if (chap) {
            hand_listed(u);
            strcat(text, CHALLENGE);
        }
        hand_say(u, &(struct hand){.nsg = chap ? 0 : 1, .text = text});
        hand_refused(u, BERTH_E_LIMIT, "more than one PDU holds");
        puppet_free(u);
    }
}

/* What the operational stage can end with. */
static void test_operational_flaws(void **state)
{
    static const struct {
        const char *text, *words;
        uint8_t nsg;
        int error;
    } rows[] = {
        {"", "HeaderDigest", 3, BERTH_E_NEGOTIATION}, /* nothing is answered */
        {"HeaderDigest=None\nDataDigest=None\n", "header digests that we demand", 1, BERTH_E_NEGOTIATION},
        {"HeaderDigest=CRC32C\nDataDigest=None\n", "data digests that we demand", 1, BERTH_E_NEGOTIATION},
        {"HeaderDigest=Reject\n", "header digests that we demand", 1, BERTH_E_NEGOTIATION},
        {"HeaderDigest=MD5\n", "HeaderDigest", 1, BERTH_E_PROTOCOL},
        {"MaxBurstLength=1048576\n", "MaxBurstLength", 1, BERTH_E_PROTOCOL},
        {"TargetPortalGroupTag=65536\n", "TargetPortalGroupTag", 1, BERTH_E_PROTOCOL},
        {"TargetPortalGroupTag=\n", "TargetPortalGroupTag", 1, BERTH_E_PROTOCOL},
        {"TargetAddress=[::1\n", "TargetAddress", 1, BERTH_E_PROTOCOL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair_config c;
        pair_config_init(&c, 9);
        c.header_digest = c.data_digest = true;
        struct puppet *u = hand_new(&c);
        hand_say(u, &(struct hand){.nsg = 1, .text = "AuthMethod=None\n"});
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        hand_say(u, &(struct hand){.csg = 1, .nsg = rows[i].nsg, .text = rows[i].text});
        hand_refused(u, rows[i].error, rows[i].words);
        puppet_free(u);
    }
}

static void test_aliases(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 5);
    struct pair *p = pair_new(&c);
    p->il.initiator_alias = "a host";
    pair_drop(p);
    pair_reconnect(p);
    strcpy(conn_login(p->tc)->target_alias, "disks");
    pair_run(p);
    assert_true(p->up);
    assert_string_equal(conn_login(p->tc)->initiator_alias, "a host");
    assert_string_equal(conn_login(p->ic)->target_alias, "disks");
    pair_free(p);
}

/* A target may say where it is without sending anybody away. */
static void test_address_without_redirect(void **state)
{
    (void)state;
    struct puppet *u = hand_new(NULL);
    hand_say(u, &(struct hand){.nsg = 1, .text = "AuthMethod=None\nTargetAddress=10.0.0.1:3261,1\n"});
    hand_operational(u);
    puppet_free(u);
}

/* More text than the buffer for it. */
static void test_too_much_text(void **state)
{
    (void)state;
    static char text[5000];
    struct puppet *u = hand_new(NULL);
    hand_bytes(u, &(struct hand){.more = true}, text, sizeof text);
    puppet_expect(u, WIRE_LOGIN_REQUEST);
    hand_bytes(u, &(struct hand){.more = true}, text, sizeof text);
    puppet_fails(u, CONN_EV_ERROR, BERTH_E_LIMIT);
    puppet_free(u);
}

static void test_stat_sn_in_login(void **state)
{
    (void)state;
    struct puppet *u = hand_new(NULL);
    u->victim->exp_stat_sn = 0xffffffff; /* the target begins where it likes */
    hand_say(u, &(struct hand){.nsg = 1});
    assert_int_equal(u->victim->exp_stat_sn, 0);
    puppet_expect(u, WIRE_LOGIN_REQUEST);
    u->victim->exp_stat_sn = 1;
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_login_response r = {.transit = true, .csg = 1, .nsg = 3, .tsih = 1, .window = {2, 1, 9}};
    put_login_response(bhs, &r);
    puppet_say(u, bhs, NULL, 0);
    puppet_fails(u, CONN_EV_LOGIN_FAILED, BERTH_E_PROTOCOL);
    puppet_free(u);
}

/* A window that cannot be (4.2.2.1) does not open ours, and one that is closed is closed from the start. */
static void test_window_in_login(void **state)
{
    (void)state;
    static const struct {
        uint32_t exp, told, max; /* from the CmdSN of the login on */
    } rows[] = {{0, 8, 8}, {0, 0, 0}, {0, ~0u, ~0u}, {99, 8, ~0u}, {0x7fffffff, 8, ~0u}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct puppet *u = hand_new(NULL);
        struct session *is = u->victim->session;
        uint8_t bhs[WIRE_BHS_LEN];
        struct wire_window window = {0, is->cmd_sn + rows[i].exp, is->cmd_sn + rows[i].told};
        struct wire_login_response r = {.nsg = 1, .window = window};
        put_login_response(bhs, &r);
        puppet_say(u, bhs, NULL, 0);
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        assert_int_equal(is->max_cmd_sn, is->cmd_sn + rows[i].max);
        puppet_free(u);
    }
}

static void test_no_tsih(void **state)
{
    (void)state;
    struct puppet *u = hand_new(NULL);
    u->victim->login.keys.open = 0;
    u->victim->login.csg = u->victim->login.nsg = 1;
    u->victim->login.keys.wanted = 0;
    u->victim->login.nsg = 3;
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_login_response r = {.transit = true, .csg = 1, .nsg = 3, .window = {0, 1, 9}};
    put_login_response(bhs, &r);
    puppet_say(u, bhs, NULL, 0);
    puppet_fails(u, CONN_EV_LOGIN_FAILED, BERTH_E_PROTOCOL);
    puppet_free(u);
}

/* --- somebody else listens there --- */

static const char *const greetings[] = {
    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nno",
    "220 mail.example ESMTP ready, and some more words so that it is longer\r\n",
    "* OK IMAP4rev1",
    "\x16\x03\x01\x02",
    "+OK",
    "#!/bin/sh\n# begins with the operation code of a Login Response, and goes on as it likes\n",
    "c is that operation code as well, with a bit that is reserved; then come letters, letters, letters",
};

static void test_strangers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++)
        for (size_t piece = 1; piece < 100; piece += 33) {
            struct puppet *u = hand_new(NULL);
            size_t len = strlen(greetings[i]), at = 0;
            for (; at < len && u->events == 0; at += piece) {
                puppet_babble(u, greetings[i] + at, len - at < piece ? len - at : piece);
                puppet_drain(u);
            }
            assert_int_equal(u->event.kind, CONN_EV_ERROR);
            assert_int_equal(u->event.error, BERTH_E_NOT_ISCSI);
            assert_true(at <= WIRE_BHS_LEN + piece);
            puppet_free(u);
        }
}

/* Noise: settled with the first byte mostly, with the header always. */
static void test_noise(void **state)
{
    uint8_t noise[256];
    (void)state;
    for (uint32_t seed = 0; seed < 2000; seed++) {
        struct puppet *u = hand_new(NULL);
        u->pair->random = seed;
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)pair_random(u->pair, 256);
        if (seed & 1)
            noise[0] = WIRE_LOGIN_RESPONSE;
        if (seed % 4 == 3)
            noise[4] = 0;
        puppet_babble(u, noise, WIRE_BHS_LEN);
        puppet_fails(u, CONN_EV_ERROR, BERTH_E_NOT_ISCSI);
        puppet_free(u);
    }
}

static void test_timeout(void **state)
{
    (void)state;
    for (uint32_t heard = 0; heard < WIRE_BHS_LEN; heard += 47) {
        struct puppet *u = hand_new(NULL);
        uint8_t bhs[WIRE_BHS_LEN] = {WIRE_LOGIN_RESPONSE};
        assert_int_equal(conn_deadline(u->victim), 1000);
        puppet_babble(u, bhs, heard);
        conn_tick(u->victim, 999);
        assert_int_equal(puppet_drain(u), 0);
        conn_tick(u->victim, 1000);
        puppet_fails(u, CONN_EV_ERROR, heard ? BERTH_E_NOT_ISCSI : BERTH_E_NO_ANSWER);
        assert_true(conn_deadline(u->victim) == UINT64_MAX);
        puppet_free(u);
    }
    struct puppet *u = hand_new(NULL); /* it began well and stopped in the middle */
    hand_say(u, &(struct hand){.nsg = 1});
    puppet_babble(u, "#", 1);
    conn_tick(u->victim, 1000);
    puppet_fails(u, CONN_EV_ERROR, BERTH_E_NO_ANSWER);
    puppet_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_sent_elsewhere),
        cmocka_unit_test(test_no_random),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unknown_target),
        cmocka_unit_test(test_digest_mismatch),
        cmocka_unit_test(test_target_offers),
        cmocka_unit_test(test_discovery),
        cmocka_unit_test(test_text_limits),
        cmocka_unit_test(test_first_answers),
        cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_slow_target),
        cmocka_unit_test(test_endless_login),
        cmocka_unit_test(test_split_text),
        cmocka_unit_test(test_too_much_text),
        cmocka_unit_test(test_too_many_keys),
        cmocka_unit_test(test_no_room_beside_answers),
        cmocka_unit_test(test_operational_flaws),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_address_without_redirect),
        cmocka_unit_test(test_stat_sn_in_login),
        cmocka_unit_test(test_window_in_login),
        cmocka_unit_test(test_no_tsih),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
