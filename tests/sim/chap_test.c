/* SPDX-License-Identifier: MIT */
/* CHAP against targets that break its rules (RFC 7143 12.1.3, 9.2.1): each is refused with words of its own,
 * nothing is said to it any more, and no session begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hand.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define C16          "CHAP_C=0x000102030405060708090a0b0c0d0e0f\n"
#define CHALLENGES   100000u

/* --- what must work --- */

static void goes_through(void **state)
{
    char proof[256];
    (void)state;
    for (int ask_again = 0; ask_again < 2; ask_again++) {
        struct puppet *u = hand_challenged(true);
        hand_prove(u, PEER, PROOF, proof, sizeof proof);
        hand_say(u, &(struct hand){.nsg = ask_again ? 0 : 1, .text = proof});
        if (ask_again) { /* the proof first, the transition two rounds later */
            puppet_expect(u, WIRE_LOGIN_REQUEST);
            hand_say(u, &(struct hand){0});
            puppet_expect(u, WIRE_LOGIN_REQUEST);
            hand_say(u, &(struct hand){.nsg = 1});
        }
        hand_operational(u);
        assert_true(conn_login(u->victim)->peer_proved);
        puppet_free(u);
    }
}

/* Says `text` in two parts, the first with C=1. */
static void say_split(struct puppet *u, uint8_t nsg, const char *text, uint32_t cut)
{
    char bytes[1024];
    uint32_t len = (uint32_t)strlen(text);
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = text[i] == '\n' ? '\0' : text[i];
    cut = cut < len ? cut : len;
    hand_bytes(u, &(struct hand){.more = true}, bytes, cut);
    puppet_expect(u, WIRE_LOGIN_REQUEST);
    assert_int_equal(u->data_len, 0);
    hand_bytes(u, &(struct hand){.nsg = nsg}, bytes + cut, len - cut);
}

/* Every text of the security stage, cut in two at every byte. */
static void texts_may_be_split_anywhere(void **state)
{
    static const char method[] = "AuthMethod=CHAP\nTargetPortalGroupTag=1\nTargetAlias=disks\n";
    char proof[256];
    (void)state;
    for (uint32_t cut = 0; cut < 110; cut++) {
        struct pair_config c = hand_chap(true);
        struct puppet *u = hand_new(&c);
        say_split(u, 0, method, cut);
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        say_split(u, 0, CHALLENGE, cut);
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        hand_prove(u, PEER, PROOF, proof, sizeof proof);
        say_split(u, 1, proof, cut);
        hand_operational(u);
        assert_string_equal(conn_login(u->victim)->target_alias, "disks");
        puppet_free(u);
    }
}

/* --- challenges --- */

static const struct {
    const char *text, *words;
} challenges[] = {
    {"CHAP_A=5\nCHAP_I=77\nCHAP_C=0x000102030405060708090a0b0c0d0e\n", "shorter than what we demand"},
    {"CHAP_A=5\nCHAP_I=77\nCHAP_C=0x01\n", "shorter than what we demand"},
    {"CHAP_A=5\nCHAP_I=77\nCHAP_C=0x\n", "CHAP_C that is malformed"},
    {"CHAP_A=5\nCHAP_I=77\nCHAP_C=\n", "CHAP_C that is malformed"},
    {"CHAP_A=5\nCHAP_I=77\nCHAP_C=ohm\n", "CHAP_C that is malformed"},
    {"CHAP_A=5\nCHAP_I=77\nCHAP_C=0x000102030405060708090a0b0c0d0e0g\n", "CHAP_C that is malformed"},
    {"CHAP_A=5\nCHAP_I=77\nCHAP_C=0bAAECAwQFBgcICQoLDA0ODw\n", "CHAP_C that is malformed"},
    {"CHAP_A=8\nCHAP_I=77\n" C16, "not offered"},
    {"CHAP_A=0\nCHAP_I=77\n" C16, "not offered"},
    {"CHAP_A=261\nCHAP_I=77\n" C16, "not one number"}, /* 5 in its low byte */
    {"CHAP_A=5,6\nCHAP_I=77\n" C16, "not one number"},
    {"CHAP_A=\nCHAP_I=77\n" C16, "not one number"},
    {"CHAP_A=Reject\nCHAP_I=77\n" C16, "not one number"},
    {"CHAP_A=5\nCHAP_I=256\n" C16, "from 0 to 255"},
    {"CHAP_A=5\nCHAP_I=-1\n" C16, "from 0 to 255"},
    {"CHAP_A=5\nCHAP_I=\n" C16, "from 0 to 255"},
    {"CHAP_A=5\nCHAP_I=0x4d00\n" C16, "from 0 to 255"},
    {"", "incomplete"},
    {"CHAP_A=5\n", "incomplete"},
    {"CHAP_A=5\n" C16, "incomplete"},
    {"CHAP_I=77\n" C16, "incomplete"},
    {"CHAP_A=5\nCHAP_I=77\n", "incomplete"},
    {"CHAP_A=5\nCHAP_I=77\n" C16 "CHAP_N=x\n", "more than belongs to it"},
    {"CHAP_A=5\nCHAP_I=77\n" C16 "CHAP_N=x\nCHAP_R=0x00112233445566778899aabbccddeeff\n", "more than"},
    {"CHAP_N=x\nCHAP_R=0x00112233445566778899aabbccddeeff\n", "incomplete"},
    {"CHAP_A=5\nCHAP_I=77\n" C16 C16, "comes twice"},
    {"CHAP_A=5\nCHAP_I=77\nCHAP_I=77\n" C16, "comes twice"},
    {"CHAP_A=5\nCHAP_A=5\nCHAP_I=77\n" C16, "comes twice"},
};

static void refuses_bad_challenges(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(challenges); i++)
        for (int mutual = 0; mutual < 2; mutual++) {
            struct pair_config c = hand_chap(mutual);
            struct puppet *u = hand_new(&c);
            hand_listed(u);
            hand_say(u, &(struct hand){.text = challenges[i].text});
            hand_refused(u, BERTH_E_CHAP, challenges[i].words);
            puppet_free(u);
        }
}

/* A challenge of `len` bytes, whose digits tell it from others. */
static void challenge_of(size_t len, unsigned salt, char *out)
{
    strcpy(out, "CHAP_A=5\nCHAP_I=77\nCHAP_C=0x");
    for (size_t i = 0; i < len; i++)
        sprintf(out + strlen(out), "%02x", (unsigned)(i * 31 + salt) & 0xff);
    strcat(out, "\n");
}

static void bounds_the_challenge(void **state)
{
    static const struct {
        uint16_t least; /* demanded */
        size_t len;
        const char *words; /* NULL: it is answered */
    } rows[] = {
        {0, 15, "shorter"}, {0, 16, NULL}, {0, 1024, NULL},         {0, 1025, "more than 1024"}, {1, 1, NULL},
        {8, 7, "shorter"},  {8, 8, NULL},  {1024, 1023, "shorter"}, {1024, 1024, NULL},
    };
    static char text[2200];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pair_config c = hand_chap(false);
        struct puppet *u = hand_new(&c);
        u->pair->il.challenge_min = rows[i].least;
        challenge_of(rows[i].len, 0, text);
        hand_listed(u);
        hand_say(u, &(struct hand){.text = text});
        if (rows[i].words)
            hand_refused(u, BERTH_E_CHAP, rows[i].words);
        else
            puppet_expect(u, WIRE_LOGIN_REQUEST);
        puppet_free(u);
    }
}

/* The answer to a challenge may have been recorded: it must not come again, not even some logins later. */
static void refuses_challenges_that_come_again(void **state)
{
    char text[128];
    (void)state;
    for (unsigned logins = 1; logins <= CHAP_REMEMBERED; logins += 5) {
        struct pair_config c = hand_chap(false);
        struct puppet *u = hand_new(&c);
        for (unsigned i = 0; i < logins; i++, hand_again(u)) {
            challenge_of(20, i, text);
            hand_challenge(u, text);
        }
        challenge_of(20, 0, text);
        hand_listed(u);
        hand_say(u, &(struct hand){.text = text});
        hand_refused(u, BERTH_E_CHAP, "an earlier login has had");
        puppet_free(u);
    }
}

/* Rogue has our challenge of one login answered by us in the next (9.2.1). */
static void refuses_its_own_challenge(void **state)
{
    char text[160];
    (void)state;
    struct puppet *u = hand_challenged(true);
    struct span ours = hand_heard(u, "CHAP_C");
    snprintf(text, sizeof text, "CHAP_A=5\nCHAP_I=77\nCHAP_C=%.*s\n", (int)ours.len, ours.at);
    hand_again(u);
    hand_listed(u);
    hand_say(u, &(struct hand){.text = text});
    hand_refused(u, BERTH_E_CHAP, "our own challenge");
    puppet_free(u);
}

/* Not every library has every hash: MD5 may be forbidden. */
static size_t no_hash(uint8_t algorithm, const void *const *pieces, const size_t *lens, size_t count,
                      uint8_t out[WIRE_HASH_MAX])
{
    (void)algorithm, (void)pieces, (void)lens, (void)count, (void)out;
    return 0;
}

static void refuses_hashes_that_it_lacks(void **state)
{
    (void)state;
    struct pair_config c = hand_chap(false);
    struct puppet *u = hand_new(&c);
    struct wire_crypto crypto = *u->pair->isc.crypto;
    crypto.hash = no_hash;
    u->pair->is->config.crypto = &crypto;
    hand_listed(u);
    hand_say(u, &(struct hand){.text = CHALLENGE});
    hand_refused(u, BERTH_E_CHAP, "library does not offer");
    puppet_free(u);
}

/* --- proofs --- */

/* What a target may not answer to our answer, when it had to prove itself and when not. */
/* clang-format off */
static const struct proof_row {
    const char *what;
    bool mutual;
    const char *name, *secret; /* of the proof, if any */
    struct hand a;
    int error;
    const char *words;
} proofs[] = {
    {"no proof at all", true, NULL, NULL, {.nsg = 1}, BERTH_E_TARGET_AUTH, "missing"},
    {"wrong secret", true, PEER, "some secret that is wrong", {.nsg = 1}, BERTH_E_TARGET_AUTH, "is wrong"},
    {"our own secret", true, PEER, SECRET, {.nsg = 1}, BERTH_E_TARGET_AUTH, "the other direction"},
    {"wrong name", true, "somebody", PROOF, {.nsg = 1}, BERTH_E_TARGET_AUTH, "is wrong"},
    {"name cut short", true, "the target itsel", PROOF, {.nsg = 1}, BERTH_E_TARGET_AUTH, "is wrong"},
    {"name alone", true, NULL, NULL, {.nsg = 1, .text = "CHAP_N=the target itself\n"}, BERTH_E_TARGET_AUTH, "missing"},
    {"response alone", true, NULL, NULL, {.nsg = 1, .text = "CHAP_R=0x00112233445566778899aabbccddeeff\n"}, BERTH_E_TARGET_AUTH, "missing"},
    {"empty response", true, NULL, NULL, {.nsg = 1, .text = "CHAP_N=the target itself\nCHAP_R=0x\n"}, BERTH_E_CHAP, "CHAP_R that is malformed"},
    {"short response", true, NULL, NULL, {.nsg = 1, .text = "CHAP_N=the target itself\nCHAP_R=0x00\n"}, BERTH_E_TARGET_AUTH, "is wrong"},
    {"longer response", true, NULL, NULL, {.nsg = 1, .text = "CHAP_N=the target itself\nCHAP_R=0x00112233445566778899aabbccddeeff00\n"}, BERTH_E_TARGET_AUTH, "is wrong"},
    {"longest response", true, NULL, NULL, {.nsg = 1, .text = "CHAP_N=the target itself\nCHAP_R=0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00\n"}, BERTH_E_CHAP, "longer than any hash"},
    {"wrong, without transition", true, PEER, "some secret that is wrong", {.nsg = 0}, BERTH_E_TARGET_AUTH, "is wrong"},
    {"straight to the end", true, PEER, PROOF, {.nsg = 3}, BERTH_E_AUTH_DOWNGRADE, "transition"},
    {"challenge once more", true, NULL, NULL, {.text = CHALLENGE}, BERTH_E_CHAP, "comes twice"},
    {"proof nobody asked for", false, NULL, NULL, {.nsg = 1, .text = "CHAP_N=x\nCHAP_R=0x00\n"}, BERTH_E_CHAP, "nobody has asked for"},
    {"the same, and stays", false, NULL, NULL, {.text = "CHAP_N=x\nCHAP_R=0x00\n"}, BERTH_E_CHAP, "nobody has asked for"},
    {"refused", false, NULL, NULL, {.status = WIRE_LOGIN_AUTH_FAILURE}, BERTH_E_AUTH, ""},
};
/* clang-format on */

static void refuses_bad_proofs(void **state)
{
    char proof[256];
    (void)state;
    for (size_t i = 0; i < COUNT(proofs); i++) {
        const struct proof_row *row = &proofs[i];
        struct puppet *u = hand_challenged(row->mutual);
        struct hand a = row->a;
        if (row->name) {
            hand_prove(u, row->name, row->secret, proof, sizeof proof);
            a.text = proof;
        }
        hand_say(u, &a);
        hand_refused(u, row->error, row->words);
        puppet_free(u);
    }
}

/* What comes once all is proved, but the stage has not been left. */
static void refuses_keys_behind_the_proof(void **state)
{
    char proof[256];
    (void)state;
    struct puppet *u = hand_challenged(true);
    hand_prove(u, PEER, PROOF, proof, sizeof proof);
    hand_say(u, &(struct hand){.text = proof});
    puppet_expect(u, WIRE_LOGIN_REQUEST);
    hand_say(u, &(struct hand){.text = proof});
    hand_refused(u, BERTH_E_CHAP, "comes twice");
    puppet_free(u);
}

static void refuses_keys_of_another_stage(void **state)
{
    (void)state;
    for (int chap = 0; chap < 2; chap++) {
        struct puppet *u = chap ? hand_challenged(false) : hand_new(NULL);
        hand_say(u, &(struct hand){.nsg = 1, .text = chap ? "" : "AuthMethod=None\n"});
        puppet_expect(u, WIRE_LOGIN_REQUEST);
        hand_say(u, &(struct hand){.csg = 1, .nsg = 3, .text = C16});
        hand_refused(u, BERTH_E_CHAP, "no place");
        puppet_free(u);
    }
}

/* A target without any of our algorithms says so with a status that also stands for wrong secrets. */
static void tells_algorithms_from_secrets(void **state)
{
    (void)state;
    struct pair_config c = hand_chap(false);
    struct puppet *u = hand_new(&c);
    hand_listed(u);
    hand_say(u, &(struct hand){.status = WIRE_LOGIN_AUTH_FAILURE});
    hand_refused(u, BERTH_E_AUTH_DOWNGRADE, "none of the CHAP algorithms");
    puppet_free(u);
}

/* Wherever a redirect leads, authentication begins again, and is demanded again (11.13.5). */
static void demands_as_much_after_a_redirect(void **state)
{
    static const struct hand moved = {.status = 0x0101, .text = "TargetAddress=10.0.0.1:3260\n"};
    (void)state;
    for (int step = 0; step < 3; step++) {
        struct pair_config c = hand_chap(true);
        struct puppet *u = hand_new(&c);
        if (step == 1)
            hand_listed(u);
        if (step == 2)
            hand_challenge(u, CHALLENGE);
        hand_say(u, &moved);
        puppet_fails(u, CONN_EV_REDIRECT, BERTH_OK);
        hand_again(u);
        assert_true(span_is(hand_heard(u, "AuthMethod"), "CHAP"));
        hand_say(u, &(struct hand){.text = "AuthMethod=None\n"});
        hand_refused(u, BERTH_E_AUTH_DOWNGRADE, "AuthMethod=CHAP");
        puppet_free(u);
    }
}

/* One secret for both directions: each side sees that the other's answer could be its own. */
static void refuses_one_secret_for_both_directions(void **state)
{
    (void)state;
    struct pair_config c;
    pair_config_init(&c, 3);
    c.user = c.t_user = USER;
    c.mutual_user = c.t_mutual_user = PEER;
    c.secret = c.mutual_secret = c.t_secret = c.t_mutual_secret = SECRET;
    struct pair *p = pair_new(&c);
    pair_run(p);
    assert_int_equal(p->last_i.error, BERTH_E_AUTH); /* the target saw it first */
    assert_int_equal(p->last_i.login_status, WIRE_LOGIN_AUTH_FAILURE);
    assert_false(session_up(p->is) || session_up(p->ts));
    pair_free(p);
}

/* --- our own challenges --- */

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, CHAP_CHALLENGE_LEN);
}

static void never_challenges_twice_alike(void **state)
{
    (void)state;
    struct puppet *u = hand_challenged(true);
    uint8_t(*kept)[CHAP_CHALLENGE_LEN] = malloc(CHALLENGES * sizeof *kept);
    static uint32_t ids[256];
    char text[256];
    for (uint32_t i = 0; i < CHALLENGES; i++) {
        struct writer w = writer_over(text, sizeof text);
        assert_true(login_challenge(u->victim, &w) && w.ok);
        memcpy(kept[i], u->victim->login.challenge, sizeof kept[i]);
        ids[u->victim->login.chap_id]++;
    }
    qsort(kept, CHALLENGES, sizeof *kept, by_bytes);
    for (uint32_t i = 1; i < CHALLENGES; i++)
        assert_true(by_bytes(kept[i - 1], kept[i]) != 0);
    for (uint32_t id = 0; id < 256; id++)
        assert_in_range(ids[id], 1, CHALLENGES / 64);
    free(kept);
    puppet_free(u);
}

/* --- what is left of it --- */

static bool holds(const void *memory, size_t size, const void *word, size_t len)
{
    return len > 0 && memmem(memory, size, word, len) != NULL;
}

/* Neither side keeps an answer to a challenge, or the challenge itself, once the login is over. */
static void check_forgotten(struct pair *p, const uint8_t *challenge)
{
    static const char *const words[] = {"CHAP_R=0x", "CHAP_C=0x"};
    const size_t sizes[] = {conn_size(p->is, &p->icc), conn_size(p->ts, &p->tcc)};
    for (size_t side = 0; side < 2; side++) {
        const void *memory = p->memory[2 + side];
        for (size_t i = 0; i < COUNT(words); i++)
            assert_false(holds(memory, sizes[side], words[i], strlen(words[i])));
        assert_true(side == 0 || !holds(memory, sizes[side], challenge, CHAP_CHALLENGE_LEN));
    }
}

static void forgets_what_was_said(void **state)
{
    (void)state;
    for (uint32_t max_move = 0; max_move < 200; max_move += 33)
        for (int wrong = 0; wrong < 2; wrong++) {
            struct pair_config c = hand_chap(true);
            c.max_move = max_move;
            c.t_user = USER;
            c.t_secret = SECRET;
            c.t_mutual_user = PEER;
            c.t_mutual_secret = wrong ? "not the proof we want to see" : PROOF;
            struct pair *p = pair_new(&c);
            pair_run(p);
            assert_int_equal(session_up(p->is), !wrong);
            uint8_t challenge[CHAP_CHALLENGE_LEN];
            memcpy(challenge, p->ic->login.challenge, sizeof challenge);
            if (wrong)
                pair_drop(p);
            check_forgotten(p, challenge);
            pair_free(p);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_through),
        cmocka_unit_test(texts_may_be_split_anywhere),
        cmocka_unit_test(refuses_bad_challenges),
        cmocka_unit_test(bounds_the_challenge),
        cmocka_unit_test(refuses_challenges_that_come_again),
        cmocka_unit_test(refuses_its_own_challenge),
        cmocka_unit_test(refuses_hashes_that_it_lacks),
        cmocka_unit_test(refuses_bad_proofs),
        cmocka_unit_test(refuses_keys_behind_the_proof),
        cmocka_unit_test(refuses_keys_of_another_stage),
        cmocka_unit_test(tells_algorithms_from_secrets),
        cmocka_unit_test(demands_as_much_after_a_redirect),
        cmocka_unit_test(refuses_one_secret_for_both_directions),
        cmocka_unit_test(never_challenges_twice_alike),
        cmocka_unit_test(forgets_what_was_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
