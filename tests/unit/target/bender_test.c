/* SPDX-License-Identifier: MIT */
/* Every action of a script on PDUs of two puppets: what the other side hears, and how it is numbered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "bent.h"

#define INITIATOR_HEARD(words) bent_heard(f, BY_INITIATOR, words)
#define TARGET_HEARD(words)    bent_heard(f, BY_TARGET, words)

/* --- nothing --- */

static void what_no_rule_speaks_of_passes(void **state)
{
    (void)state;
    struct bent *f = bent_new("on async drop");
    bent_login_request(f, 0x87, "InitiatorName=iqn.a:b");
    TARGET_HEARD("login 0 c10 +22");
    bent_login_response(f, 0x87, "TargetPortalGroupTag=1");
    INITIATOR_HEARD("login-done 0 s100 +23 F");
    bent_read(f, 1, 0);
    TARGET_HEARD("command 1 c10");
    bent_data_in(f, 1, 0, 512, false);
    bent_data_in(f, 1, 1, 512, true);
    INITIATOR_HEARD("data-in 1 s0 #0 @0 +512 , data-in 1 s101 #1 @512 +512 FS");
    bent_free(f);
}

/* It is not for the bender to mend what the target does wrong, before and after a rule has interfered. */
static void mistakes_of_the_target_pass(void **state)
{
    (void)state;
    struct bent *f = bent_up("on async drop");
    bent_read(f, 1, 0);
    bent_data_in(f, 1, 3, 4, false);
    f->stat_sn += 5;
    bent_response(f, 7);
    INITIATOR_HEARD("data-in 1 s0 #3 @12 +4 , response 7 s106");
    bent_reply(f, WIRE_ASYNC, WIRE_TAG_NONE, 0);
    f->stat_sn++;
    f->cmd_sn -= 5;
    bent_data_in(f, 1, 5, 4, false);
    bent_response(f, 1);
    INITIATOR_HEARD("data-in 1 s0 #5 @20 +4 , response 1 s108");
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 28), 6);
    bent_free(f);
}

/* Padding is nobody's, but it is there. */
static void padding_passes(void **state)
{
    (void)state;
    struct bent *f = bent_up("on async drop");
    uint8_t pdu[52] = {[0] = WIRE_DATA_OUT, [7] = 3, [48] = 1, 2, 3, 0x5a};
    bender_take(f->bender, &f->bender->initiator, pdu, sizeof pdu, f->now);
    struct berth_seg seg;
    assert_int_equal(bender_peek(f->bender, &f->bender->target, &seg, 1, f->now), 1);
    assert_int_equal(((const uint8_t *)seg.base)[51], 0x5a);
    bent_free(f);
}

static void digests_are_computed_anew(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct bent *f = bent_new("on data-in set buffer-offset +4 and alter data bit 0");
        bent_login(f, i & 1, i & 2);
        bent_read(f, 1, 0);
        TARGET_HEARD("command 1 c10");
        bent_data_in(f, 1, 0, 5, true);
        INITIATOR_HEARD("data-in 1 s101 #0 @4 +5 FS");
        assert_int_equal(f->last[BY_INITIATOR][0], 0x80);
        bent_free(f);
    }
}

/* The two sides may be made to believe in different digests. */
static void digests_may_differ(void **state)
{
    (void)state;
    struct bent *f = bent_new("on login-response text replace HeaderDigest=None");
    bent_login(f, true, false);
    f->heard[BY_INITIATOR].header_digest = false;
    f->digests_on = false; /* the initiator sends none */
    bent_read(f, 1, 0);
    TARGET_HEARD("command 1 c10");
    f->digests_on = true; /* the target does */
    bent_response(f, 1);
    INITIATOR_HEARD("response 1 s101");
    bent_free(f);
}

/* --- loss, order, time --- */

static void a_dropped_response_leaves_no_gap(void **state)
{
    (void)state;
    struct bent *f = bent_up("on scsi-response 1 drop");
    bent_read(f, 1, 0);
    bent_read(f, 2, 0);
    bent_response(f, 1);
    bent_response(f, 2);
    INITIATOR_HEARD("response 2 s101");
    bent_free(f);
    f = bent_up("on scsi-response 1 drop raw");
    bent_response(f, 1);
    bent_response(f, 2);
    INITIATOR_HEARD("response 2 s102");
    bent_free(f);
}

static void dropped_data(void **state)
{
    (void)state;
    struct bent *f = bent_up("on data-in 2 drop");
    bent_read(f, 1, 0);
    for (uint32_t i = 0; i < 3; i++)
        bent_data_in(f, 1, i, 512, false);
    bent_reply(f, WIRE_SCSI_RESPONSE, 1, 3);
    INITIATOR_HEARD("data-in 1 s0 #0 @0 +512 , data-in 1 s0 #1 @1024 +512 , response 1 s101");
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 36), 2);
    bent_free(f);
    f = bent_up("on data-in 2 drop raw");
    bent_read(f, 1, 0);
    for (uint32_t i = 0; i < 3; i++)
        bent_data_in(f, 1, i, 512, false);
    bent_reply(f, WIRE_SCSI_RESPONSE, 1, 3);
    INITIATOR_HEARD("data-in 1 s0 #0 @0 +512 , data-in 1 s0 #2 @1024 +512 , response 1 s101");
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 36), 3);
    bent_free(f);
}

/* The target gets neither the command nor its data, and counts on without a gap; the initiator is told that
 * it was received. */
static void a_dropped_command_counts_as_received(void **state)
{
    (void)state;
    struct bent *f = bent_up("on write 1 drop");
    bent_write(f, 1, 0);
    bent_data_out(f, 1, 0);
    bent_read(f, 2, 0);
    TARGET_HEARD("command 2 c10");
    f->cmd_sn = 11; /* as the target counts */
    bent_response(f, 2);
    INITIATOR_HEARD("response 2 s101");
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 28), 12);
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 32), 11 + 31 + 1);
    bent_free(f);
    f = bent_up("on write 1 drop raw");
    bent_write(f, 1, 0);
    bent_read(f, 2, 0);
    TARGET_HEARD("command 2 c11");
    bent_free(f);
}

static void duplicates(void **state)
{
    (void)state;
    struct bent *f = bent_up("on scsi-response 1 duplicate 2\non scsi-response 3 duplicate for 5ms");
    bent_response(f, 1);
    bent_response(f, 2);
    INITIATOR_HEARD("response 1 s101, response 1 s101, response 1 s101, response 2 s102");
    bent_response(f, 3);
    INITIATOR_HEARD("response 3 s103");
    bent_response(f, 4);
    bent_pass(f, 5);
    INITIATOR_HEARD("response 4 s104, response 3 s103");
    bent_free(f);
    f = bent_up("on command duplicate");
    bent_read(f, 1, 0);
    TARGET_HEARD("command 1 c10, command 1 c10");
    bent_free(f);
}

static void a_delay_delays_all_behind_it(void **state)
{
    (void)state;
    struct bent *f = bent_up("on scsi-response 1 delay 5ms");
    bent_response(f, 1);
    bent_response(f, 2);
    INITIATOR_HEARD("");
    assert_true(play_deadline(&f->play) == f->now + 5 * MS);
    bent_pass(f, 4);
    INITIATOR_HEARD("");
    bent_pass(f, 1);
    INITIATOR_HEARD("response 1 s101, response 2 s102");
    bent_free(f);
}

static void what_is_held_is_overtaken(void **state)
{
    (void)state;
    struct bent *f = bent_up("on status 1 hold until status 2\non status 4 hold for 3ms raw");
    for (uint32_t i = 1; i < 7; i++)
        bent_response(f, i);
    INITIATOR_HEARD("response 2 s101, response 3 s102, response 1 s103, response 5 s105, response 6 s106");
    assert_true(play_deadline(&f->play) == f->now + 3 * MS);
    bent_pass(f, 3);
    INITIATOR_HEARD("response 4 s104");
    bent_free(f);
}

/* Data-Out waits with its command; and the target is told of commands in the order it gets them. */
static void a_held_command_is_renumbered(void **state)
{
    (void)state;
    struct bent *f = bent_up("on write 1 hold until read 2");
    bent_write(f, 1, 0);
    bent_data_out(f, 1, 0);
    bent_read(f, 2, 0);
    TARGET_HEARD("command 2 c10");
    bent_read(f, 3, 0);
    TARGET_HEARD("command 3 c11, command 1 c12, data-out 1 c0 #0 @0 +4");
    bent_read(f, 4, 0);
    TARGET_HEARD("command 4 c13");
    bent_free(f);
}

/* A command that is aborted must not be executed after that. */
static void an_abort_finds_a_held_command(void **state)
{
    (void)state;
    struct bent *f = bent_up("on write hold for 1s\non scsi-response hold for 1s");
    bent_write(f, 1, 0);
    bent_response(f, 9);
    bent_write(f, 2, 0);
    bent_request(f, WIRE_TMF_REQUEST, 3, false);
    TARGET_HEARD("command 1 c10, command 2 c11, tmf 3 c12");
    INITIATOR_HEARD("");
    bent_pass(f, 1000);
    TARGET_HEARD("");
    bent_free(f);
}

static void events_of_kinds(void **state)
{
    (void)state;
    struct bent *f = bent_up("on status of read 1 hold until status of write");
    bent_read(f, 1, 0);
    bent_write(f, 2, 0);
    bent_read(f, 3, 0);
    bent_response(f, 1);
    bent_response(f, 3);
    INITIATOR_HEARD("response 3 s101");
    bent_response(f, 2);
    INITIATOR_HEARD("response 2 s102, response 1 s103");
    bent_free(f);
}

static void a_stranded_command_lives_on(void **state)
{
    (void)state;
    bool reset;
    struct bent *f = bent_up("on write 2 strand until login");
    bent_write(f, 1, 0);
    bent_write(f, 2, 0);
    TARGET_HEARD("command 1 c10");
    assert_int_equal(bender_wish(f->bender, &reset), WISH_STRAND);
    bender_stranded(f->bender);
    assert_int_equal(bender_wish(f->bender, &reset), WISH_NOTHING);
    play_login(&f->play, f->bender, "iqn.a:b");
    play_login(&f->play, NULL, "iqn.a:other");
    bent_drain(f);
    TARGET_HEARD("");
    play_login(&f->play, NULL, "iqn.a:b");
    bent_drain(f);
    TARGET_HEARD("command 2 c11");
    bent_response(f, 2); /* leads nowhere */
    INITIATOR_HEARD("");
    assert_int_equal(bender_room(f->bender, &f->bender->target), BENDER_QUEUE_MAX);
    bent_free(f);
}

/* --- content --- */

static void fields_are_set(void **state)
{
    (void)state;
    struct bent *f = bent_up("on scsi-response 1 set status 8 underflow 1 residual 512 response +1 byte 4 0");
    bent_response(f, 1);
    INITIATOR_HEARD("response 1 s101");
    assert_int_equal(f->bhs[BY_INITIATOR][2], 1);
    assert_int_equal(f->bhs[BY_INITIATOR][3], 8);
    assert_int_equal(f->bhs[BY_INITIATOR][1], 0x82);
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 44), 512);
    bent_free(f);
}

static void numbers_that_are_set_go_on(void **state)
{
    (void)state;
    struct bent *f =
        bent_up("on scsi-response 1 set stat-sn 0xffffffff\non scsi-response 3 set stat-sn +5 raw");
    for (uint32_t i = 1; i < 5; i++)
        bent_response(f, i);
    INITIATOR_HEARD("response 1 s4294967295, response 2 s0, response 3 s6, response 4 s2");
    bent_free(f);
    f = bent_up("on data-in 1 set data-sn 5\non scsi-response set exp-data-sn -1 max-cmd-sn 3 exp-cmd-sn +1");
    bent_read(f, 1, 0);
    bent_data_in(f, 1, 0, 4, false);
    bent_data_in(f, 1, 1, 4, false);
    bent_reply(f, WIRE_SCSI_RESPONSE, 1, 2);
    INITIATOR_HEARD("data-in 1 s0 #5 @0 +4 , data-in 1 s0 #6 @4 +4 , response 1 s101");
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 36), 6);
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 32), 3);
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 28), 12);
    bent_free(f);
}

/* The target is not told of responses that it never sent. */
static void acknowledgements_are_translated(void **state)
{
    (void)state;
    struct bent *f = bent_up("on nop-out send nop-in ttt none itt 5");
    bent_request(f, WIRE_NOP_OUT, 3, true);
    INITIATOR_HEARD("nop-in 5 s101");
    TARGET_HEARD("nop-out 3 c10");
    f->stat_sn = 102; /* as the initiator expects it */
    bent_read(f, 1, 0);
    assert_int_equal(get32(f->bhs[BY_TARGET] + 28), 101);
    bent_free(f);
}

static void data_is_resized(void **state)
{
    (void)state;
    struct bent *f = bent_up("on data-in 1 resize 3\non data-in 2 resize +2\non data-in 3 resize -9");
    for (uint32_t i = 0; i < 3; i++)
        bent_data_in(f, 1, i, 8, false);
    INITIATOR_HEARD("data-in 1 s0 #0 @0 +3 , data-in 1 s0 #1 @8 +10 , data-in 1 s0 #2 @16 ");
    bent_free(f);
}

static void data_is_poked(void **state)
{
    (void)state;
    struct bent *f = bent_up("on data-in poke 2 aB01");
    bent_data_in(f, 1, 0, 8, false);
    assert_memory_equal(f->last[BY_INITIATOR], "\0\1\xab\1\4\5\6\7", 8);
    bent_data_in(f, 1, 1, 1, false);
    assert_memory_equal(f->last[BY_INITIATOR], "\1\0\xab\1", 4);
    INITIATOR_HEARD("data-in 1 s0 #0 @0 +8 , data-in 1 s0 #1 @1 +4 ");
    bent_free(f);
}

static void sense_is_written(void **state)
{
    (void)state;
    struct bent *f =
        bent_up("on scsi-response 1 set status 2 and sense 3/11/00\n"
                "on scsi-response 2 sense 6/29/1 length 8 claim 300\non scsi-response 3 sense none");
    for (uint32_t i = 1; i < 3; i++) {
        bent_response(f, i);
        assert_int_equal(get16(f->last[BY_INITIATOR]), i == 1 ? 18 : 300);
        assert_int_equal(f->last[BY_INITIATOR][2], 0x70);
        assert_int_equal(f->last[BY_INITIATOR][4], i == 1 ? 3 : 6);
    }
    assert_int_equal(f->last_len[BY_INITIATOR], 10);
    bent_response(f, 3);
    INITIATOR_HEARD("response 1 s101 +20, response 2 s102 +10, response 3 s103");
    bent_free(f);
}

static void heard_text(struct bent *f, int who, const char *words)
{
    char text[SCAN_DATA_MAX + 1] = "";
    for (uint32_t i = 0; i < f->last_len[who]; i++)
        text[i] = f->last[who][i] ? (char)f->last[who][i] : ' ';
    text[f->last_len[who]] = 0;
    assert_string_equal(text, words);
}

static void texts_are_changed(void **state)
{
    (void)state;
    static const struct {
        const char *action, *text;
    } rows[] = {
        {"text add D=4", "A=1 BB=2 C=3 D=4 "},
        {"text replace BB=x", "A=1 BB=x C=3 "},
        {"text replace B=x", "A=1 BB=2 C=3 B=x "},
        {"text remove BB", "A=1 C=3 "},
        {"text remove B", "A=1 BB=2 C=3 "},
        {"text clear", ""},
        {"text clear and text fill 3", "AA= AB= AC= "},
        {"text add D={x}{portal}", "A=1 BB=2 C=3 D={x}{portal} "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char rule[128];
        snprintf(rule, sizeof rule, "on login-response %s", rows[i].action);
        struct bent *f = bent_new(rule);
        bent_login_request(f, 4, "");
        bent_login_response(f, 4, "A=1 BB=2 C=3");
        heard_text(f, BY_INITIATOR, rows[i].text);
        bent_free(f);
    }
}

static void values_are_saved(void **state)
{
    (void)state;
    struct bent *f = bent_new("on login-request save CHAP_C\non login-response text replace CHAP_C={CHAP_C}");
    bent_login_request(f, 0, "CHAP_C=0x1234");
    bent_login_response(f, 0, "CHAP_C=0xff");
    heard_text(f, BY_INITIATOR, "CHAP_C=0x1234 ");
    bent_free(f);
}

static void data_in_is_split(void **state)
{
    (void)state;
    struct bent *f =
        bent_up("on data-in 1 split at 3\non data-in 2 split every 4\non data-in 3 split at end");
    bent_read(f, 1, 0);
    bent_data_in(f, 1, 0, 10, false);
    INITIATOR_HEARD("data-in 1 s0 #0 @0 +3 , data-in 1 s0 #1 @3 +7 ");
    bent_data_in(f, 1, 1, 10, false);
    INITIATOR_HEARD("data-in 1 s0 #2 @10 +4 , data-in 1 s0 #3 @14 +4 , data-in 1 s0 #4 @18 +2 ");
    bent_data_in(f, 1, 2, 10, true);
    INITIATOR_HEARD("data-in 1 s0 #5 @20 +10 , data-in 1 s101 #6 @30 FS");
    bent_free(f);
}

static void login_text_is_split(void **state)
{
    (void)state;
    struct bent *f = bent_new("on login-response split every 5");
    bent_login_request(f, 0x87, "InitiatorName=iqn.a:b");
    TARGET_HEARD("login 0 c10 +22");
    bent_login_response(f, 0x87, "Abcd=1 Efg=2");
    INITIATOR_HEARD("login-done 0 s100 +5 C");
    assert_int_equal(get16(f->bhs[BY_INITIATOR] + 14), 0);
    bent_login_request(f, 4, "");
    bent_login_request(f, 4, ""); /* does not want to go on, so it cannot */
    INITIATOR_HEARD("login-done 0 s101 +5 C, login-done 0 s102 +3 ");
    bent_login_request(f, 0x87, "");
    INITIATOR_HEARD("login-done 0 s103 F");
    assert_int_equal(get16(f->bhs[BY_INITIATOR] + 14), 7);
    TARGET_HEARD("");
    bent_read(f, 1, 0);
    TARGET_HEARD("command 1 c10");
    bent_response(f, 1);
    INITIATOR_HEARD("response 1 s104");
    bent_free(f);
}

static void text_is_split(void **state)
{
    (void)state;
    struct bent *f = bent_up("on text-response split at 4");
    uint8_t bhs[WIRE_BHS_LEN] = {WIRE_TEXT_RESPONSE, 0x80};
    bent_request(f, WIRE_TEXT_REQUEST, 5, false);
    TARGET_HEARD("text 5 c10");
    put32(bhs + 16, 5);
    put32(bhs + 20, WIRE_TAG_NONE);
    bent_window(f, bhs, true);
    bent_text(f, BY_TARGET, bhs, "Abcd=1");
    INITIATOR_HEARD("text-done 5 s101 +4 C");
    uint8_t more[WIRE_BHS_LEN] = {WIRE_TEXT_REQUEST, 0x80};
    memcpy(more + 16, f->bhs[BY_INITIATOR] + 16, 8);
    put32(more + 24, f->cmd_sn++);
    bent_say(f, BY_INITIATOR, more, NULL, 0);
    INITIATOR_HEARD("text-done 5 s102 +3 F");
    TARGET_HEARD("");
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 20), WIRE_TAG_NONE);
    bent_read(f, 1, 0);
    TARGET_HEARD("command 1 c11"); /* one less than the initiator counts */
    bent_free(f);
}

static void targets_are_made_up(void **state)
{
    (void)state;
    struct bent *f = bent_up("on text-response targets 200");
    uint8_t bhs[WIRE_BHS_LEN] = {WIRE_TEXT_RESPONSE, 0x80}, more[WIRE_BHS_LEN] = {WIRE_TEXT_REQUEST, 0x80};
    uint32_t rounds = 0;
    bent_request(f, WIRE_TEXT_REQUEST, 5, true);
    put32(bhs + 16, 5);
    put32(bhs + 20, WIRE_TAG_NONE);
    bent_window(f, bhs, true);
    bent_text(f, BY_TARGET, bhs, "TargetName=iqn.a:b");
    for (; !(f->bhs[BY_INITIATOR][1] & 0x80); rounds++) {
        assert_int_equal(f->bhs[BY_INITIATOR][1] & 0x40, 0);
        memcpy(more + 16, f->bhs[BY_INITIATOR] + 16, 8);
        more[0] = 0x44;
        bent_say(f, BY_INITIATOR, more, NULL, 0);
        assert_true(f->last_len[BY_INITIATOR] <= 8192);
    }
    assert_true(rounds > 1);
    bent_free(f);
}

static void a_bit_is_turned(void **state)
{
    (void)state;
    struct bent *f = bent_new("on data-in 1 corrupt data bit 7\non data-in 2 corrupt data-digest\n"
                              "on data-in 3 alter header bit 9\non data-in 4 corrupt header bit 0");
    bent_login(f, true, true);
    bent_read(f, 1, 0);
    bent_data_in(f, 1, 0, 4, false);
    assert_int_equal(f->last[BY_INITIATOR][0], 1);
    bent_data_in(f, 1, 1, 4, false);
    INITIATOR_HEARD("data-in 1 s0 #0 @0 +4  BAD-DATA, data-in 1 s0 #1 @4 +4  BAD-DATA");
    bent_data_in(f, 1, 2, 4, false);
    INITIATOR_HEARD("data-in 1 s0 #2 @8 +4 C");
    bent_data_in(f, 1, 3, 4, false);
    assert_true(f->heard[BY_INITIATOR].lost);
    assert_int_equal(f->bhs[BY_INITIATOR][0], 0xa5);
    bent_free(f);
}

/* --- PDUs of its own --- */

static void pdus_are_sent(void **state)
{
    (void)state;
    struct bent *f = bent_up("on scsi-response 1 send async event 1 parameter3 5\n"
                             "on scsi-response 2 send-first nop-in ttt 0x1234 data 5 and send nop-in");
    bent_response(f, 1);
    INITIATOR_HEARD("response 1 s101, async ffffffff s102");
    assert_int_equal(f->bhs[BY_INITIATOR][36], 1);
    assert_int_equal(f->bhs[BY_INITIATOR][43], 5);
    assert_int_equal(f->bhs[BY_INITIATOR][1], 0x80);
    bent_response(f, 2);
    INITIATOR_HEARD("nop-in ffffffff s103 +5, response 2 s103, nop-in ffffffff s104");
    assert_int_not_equal(get32(f->bhs[BY_INITIATOR] + 20), WIRE_TAG_NONE);
    bent_response(f, 3);
    INITIATOR_HEARD("response 3 s104");
    bent_free(f);
}

/* Rules look at what other rules send, but not for ever. */
static void what_rules_send_is_looked_at(void **state)
{
    (void)state;
    struct bent *f =
        bent_up("on scsi-response send async and send nop-in\non async set event 7 and drop raw\n"
                "on nop-in send nop-in ttt 5");
    bent_response(f, 1);
    INITIATOR_HEARD("response 1 s101, nop-in ffffffff s103, nop-in ffffffff s103");
    assert_int_equal(f->script.rules[1]->fired, 1);
    assert_int_equal(f->script.rules[2]->fired, 1);
    bent_free(f);
    f = bent_up("on async send nop-in\non nop-in send async\non scsi-response send async");
    bent_response(f, 1);
    assert_in_range(f->script.rules[0]->fired + f->script.rules[1]->fired, 3, 8);
    bent_free(f);
}

static void a_command_is_rejected(void **state)
{
    (void)state;
    struct bent *f = bent_up("on command 2 drop and send reject reason 9");
    bent_read(f, 1, 0);
    bent_read(f, 2, 0);
    TARGET_HEARD("command 1 c10");
    INITIATOR_HEARD("reject ffffffff s101 +48");
    assert_int_equal(f->bhs[BY_INITIATOR][2], 9);
    assert_int_equal(wire_itt(f->last[BY_INITIATOR]), 2);
    assert_int_equal(get32(f->last[BY_INITIATOR] + 24), 11);
    bent_free(f);
}

static void a_command_is_answered(void **state)
{
    (void)state;
    struct bent *f = bent_up("on read lba 8..15 answer check-condition sense 3/11/0\non write 1 answer busy");
    bent_read(f, 1, 0);
    bent_read(f, 2, 9);
    bent_read(f, 3, 16);
    bent_read(f, 4, 7);
    bent_write(f, 5, 0);
    bent_data_out(f, 5, 0);
    TARGET_HEARD("command 1 c10, command 3 c11");
    INITIATOR_HEARD("response 2 s101 +20, response 4 s102 +20, response 5 s103");
    assert_int_equal(f->bhs[BY_INITIATOR][3], 8);
    bent_free(f);
}

/* The command is over by then. */
static void a_command_is_answered_first(void **state)
{
    (void)state;
    struct bent *f = bent_up(
        "on command send-first scsi-response and drop\non data-out send-first scsi-response and drop");
    bent_write(f, 1, 0);
    bent_data_out(f, 1, 0);
    INITIATOR_HEARD("response 1 s101, response 1 s102");
    TARGET_HEARD("");
    bent_free(f);
}

static void more_r2ts_are_sent(void **state)
{
    (void)state;
    struct bent *f = bent_up("on r2t 1 send r2t buffer-offset +4096 and send r2t");
    bent_write(f, 1, 0);
    bent_reply(f, WIRE_R2T, 1, 0);
    INITIATOR_HEARD("r2t 1 s101 #0 @0, r2t 1 s101 #1 @4096, r2t 1 s101 #2 @0");
    bent_free(f);
}

static void login_responses_are_sent(void **state)
{
    (void)state;
    struct bent *f =
        bent_new("on login-request 1 drop and send login-response status-class 1 status-detail 1 "
                 "text TargetAddress=127.0.0.1:3261");
    bent_login_request(f, 0x81, "InitiatorName=iqn.a:b");
    TARGET_HEARD("");
    INITIATOR_HEARD("login-done 0 s0 +29 ");
    heard_text(f, BY_INITIATOR, "TargetAddress=127.0.0.1:3261 ");
    bent_free(f);
}

static void a_login_is_held(void **state)
{
    (void)state;
    struct bent *f = bent_new("on login-response with nsg 3 hold-login 2 and text add IFMarker=Yes");
    bent_login_request(f, 0x87, "InitiatorName=iqn.a:b");
    TARGET_HEARD("login 0 c10 +22");
    bent_login_response(f, 0x87, "HeaderDigest=CRC32C");
    INITIATOR_HEARD("login-done 0 s100 +33 ");
    f->heard[BY_TARGET].header_digest = true;
    bent_login_request(f, 0x87, "IFMarker=Reject");
    INITIATOR_HEARD("login-done 0 s101 ");
    bent_login_request(f, 0x87, "");
    INITIATOR_HEARD("login-done 0 s102 F");
    TARGET_HEARD("");
    f->header_digest = f->digests_on = true;
    bent_read(f, 1, 0);
    TARGET_HEARD("command 1 c10");
    bent_free(f);
}

/* --- connections --- */

static void the_connection_is_closed(void **state)
{
    (void)state;
    bool reset;
    struct bent *f = bent_up("on scsi-response 1 drop and disconnect rst\non data-in 1 cut 50 fin");
    bent_response(f, 1);
    INITIATOR_HEARD("");
    assert_int_equal(bender_wish(f->bender, &reset), WISH_CLOSE);
    assert_true(reset);
    bender_free(f->bender);
    bent_connect(f);
    bent_login(f, false, false);
    bent_data_in(f, 1, 0, 512, false);
    INITIATOR_HEARD("");
    assert_int_equal(f->heard[BY_INITIATOR].data_have, 2);
    assert_int_equal(bender_wish(f->bender, &reset), WISH_CLOSE);
    assert_false(reset);
    bent_free(f);
}

static void silence_falls(void **state)
{
    (void)state;
    struct bent *f = bent_up("on command 1 mute for 5ms and deaf for 3ms");
    bent_read(f, 1, 0);
    bent_response(f, 1);
    INITIATOR_HEARD("");
    assert_int_equal(bender_room(f->bender, &f->bender->initiator), 0);
    assert_true(play_deadline(&f->play) == f->now + 3 * MS);
    bent_pass(f, 3);
    assert_true(bender_room(f->bender, &f->bender->initiator) > 0);
    bent_pass(f, 2);
    INITIATOR_HEARD("response 1 s101");
    bent_free(f);
}

static void a_request_is_cut(void **state)
{
    (void)state;
    bool reset;
    struct bent *f = bent_up("on data-out 1 cut 49 rst\non nop-out 1 cut 0");
    bent_write(f, 1, 0);
    TARGET_HEARD("command 1 c10");
    assert_int_equal(bender_wish(f->bender, &reset), WISH_NOTHING);
    bent_data_out(f, 1, 0);
    TARGET_HEARD("");
    assert_int_equal(f->heard[BY_TARGET].data_have, 1);
    assert_int_equal(bender_wish(f->bender, &reset), WISH_CLOSE);
    assert_true(reset);
    bent_request(f, WIRE_NOP_OUT, 2, true); /* it leads nowhere */
    TARGET_HEARD("");
    bent_free(f);
}

/* Of a PDU of 48 bytes, a digest, 512 bytes and a digest. */
static void it_is_cut_somewhere(void **state)
{
    (void)state;
    bool header = false, digest = false, data = false, end = false;
    struct bent *f = bent_new("on data-in cut anywhere\non scsi-response cut 3..5");
    for (uint32_t n = 0; n < 2000; n++) {
        struct scan *heard = &f->heard[BY_INITIATOR];
        bender_free(f->bender);
        bent_connect(f);
        bent_login(f, true, true);
        bent_data_in(f, 1, 0, 512, false);
        INITIATOR_HEARD("");
        header |= heard->head_have < 48;
        digest |= heard->head_have > 48 && heard->head_have < 52;
        data |= heard->head_have == 52 && heard->data_have < 512;
        end |= heard->tail_have > 0;
        assert_true(heard->tail_have < 4);
    }
    assert_true(header && digest && data && end);
    for (uint32_t n = 0; n < 100; n++) {
        bender_free(f->bender);
        bent_connect(f);
        bent_login(f, false, false);
        bent_response(f, 1);
        assert_in_range(f->heard[BY_INITIATOR].head_have, 3, 5);
    }
    bent_free(f);
}

/* Connections that come while all are silent are so, too. */
static void silence_falls_on_all(void **state)
{
    (void)state;
    struct bent *f = bent_up("on command 1 mute for 5ms all and deaf for 3ms all");
    struct bender *first = f->bender;
    bent_read(f, 1, 0);
    bent_connect(f);
    assert_int_equal(bender_room(f->bender, &f->bender->initiator), 0);
    bent_pass(f, 3);
    bent_login_request(f, 0x87, "InitiatorName=iqn.a:b");
    TARGET_HEARD("login 0 c10 +22");
    bent_login_response(f, 0x87, "");
    INITIATOR_HEARD("");
    bent_pass(f, 2);
    INITIATOR_HEARD("login-done 0 s100 F");
    bender_free(f->bender);
    bent_connect(f);
    assert_true(bender_room(f->bender, &f->bender->initiator) > 0);
    bender_free(first);
    bent_free(f);
}

static void bytes_leave_in_pieces(void **state)
{
    (void)state;
    struct bent *f = bent_new("on login slice 5 every 1ms");
    struct berth_seg segs[4];
    bent_login(f, false, false);
    for (uint32_t i = 0; i < 100; i++) /* the login response, too */
        bent_pass(f, 1);
    uint8_t bhs[WIRE_BHS_LEN] = {WIRE_SCSI_RESPONSE, 0x80};
    bender_take(f->bender, &f->bender->target, bhs, sizeof bhs, f->now);
    for (uint32_t left = 48; left > 0;) {
        uint32_t n = left < 5 ? left : 5;
        assert_int_equal(bender_peek(f->bender, &f->bender->initiator, segs, 4, f->now), 1);
        assert_int_equal(segs[0].len, n);
        bender_done(f->bender, &f->bender->initiator, n, f->now);
        left -= n;
        if (left > 0) {
            assert_int_equal(bender_peek(f->bender, &f->bender->initiator, segs, 4, f->now), 0);
            assert_true(play_deadline(&f->play) == f->now + MS);
        }
        f->now += MS;
    }
    bent_free(f);
}

static void the_window_is_closed(void **state)
{
    (void)state;
    struct bent *f = bent_up("on command 2 window 0 for 5ms");
    bent_read(f, 1, 0);
    bent_response(f, 1);
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 32), 11 + 31);
    bent_read(f, 2, 0);
    bent_response(f, 2); /* what was promised is kept */
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 32), 11 + 31);
    f->cmd_sn = 11 + 32;
    bent_response(f, 3);
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 32), 11 + 31);
    INITIATOR_HEARD("response 1 s101, response 2 s102, response 3 s103");
    bent_pass(f, 5);
    INITIATOR_HEARD("nop-in ffffffff s104");
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 32), 43 + 31);
    bent_free(f);
    f = bent_up("on command 1 window 1 raw");
    bent_read(f, 1, 0);
    bent_response(f, 1);
    assert_int_equal(get32(f->bhs[BY_INITIATOR] + 32), 11);
    bent_free(f);
}

static void things_happen_in_time(void **state)
{
    (void)state;
    struct bent *f = bent_new("at 5ms send async event 2\nevery 2ms send nop-in ttt none");
    assert_true(play_deadline(&f->play) == UINT64_MAX);
    bent_login(f, false, false);
    assert_true(play_deadline(&f->play) == f->now + 2 * MS);
    bent_pass(f, 2);
    INITIATOR_HEARD("nop-in ffffffff s101");
    bent_pass(f, 3);
    INITIATOR_HEARD("async ffffffff s101, nop-in ffffffff s102");
    assert_int_equal(f->script.rules[0]->fired, 1);
    assert_int_equal(f->script.rules[1]->fired, 2);
    bent_free(f);
}

/* --- when --- */

static void rules_count(void **state)
{
    (void)state;
    struct bent *f = bent_up(
        "on scsi-response 2..3 note\non scsi-response every 2 note\non scsi-response 3.. every 2 note\n"
        "on scsi-response connection 1 note\non scsi-response portal 2 note\n"
        "on scsi-response with stat-sn 101..102 note\non scsi-response session discovery note\n"
        "on scsi-response initiator iqn.a* note\non scsi-response initiator iqn.a note");
    static const uint64_t fired[] = {2, 3, 2, 6, 0, 2, 0, 6, 0};
    for (uint32_t i = 1; i <= 6; i++)
        bent_response(f, i);
    for (size_t i = 0; i < sizeof fired / sizeof fired[0]; i++)
        assert_int_equal(f->script.rules[i]->fired, fired[i]);
    bent_free(f);
}

static void rules_know_commands(void **state)
{
    (void)state;
    struct bent *f = bent_up(
        "on status of read 2 note\non read 2 note\non write note\non scsi-response of command 2..3 note\n"
        "on read lun 1 note\non test-unit-ready note\non scsi-response of write note");
    static const uint64_t fired[] = {1, 1, 1, 2, 0, 1, 1};
    bent_command(f, 0, 9, 0);
    bent_read(f, 1, 0);
    bent_write(f, 2, 0);
    bent_read(f, 3, 0);
    for (uint32_t i = 1; i <= 3; i++)
        bent_response(f, i);
    for (size_t i = 0; i < sizeof fired / sizeof fired[0]; i++)
        assert_int_equal(f->script.rules[i]->fired, fired[i]);
    bent_free(f);
}

static void the_last_data_of_a_write(void **state)
{
    (void)state;
    struct bent *f =
        bent_up("on last-data of write note\non last-data drop\non nop-out 1 hold until last-data");
    uint8_t bhs[WIRE_BHS_LEN] = {0x01, 0xa0}, data[4096] = {0};
    put32(bhs + 16, 5);
    put32(bhs + 20, 4096);
    bhs[32] = 0x2a;
    put32(bhs + 24, f->cmd_sn++);
    bent_request(f, WIRE_NOP_OUT, 9, true);
    bent_say(f, BY_INITIATOR, bhs, data, 4000);
    bent_data_out(f, 5, 0);
    TARGET_HEARD("command 5 c10 +4000, data-out 5 c0 #0 @0 +4");
    uint8_t last[WIRE_BHS_LEN] = {0x05, 0x80};
    put32(last + 16, 5);
    bent_say(f, BY_INITIATOR, last, data, 92);
    TARGET_HEARD("nop-out 9 c11");
    assert_int_equal(f->script.rules[0]->fired, 1);
    bent_free(f);
}

static void rules_count_over_connections(void **state)
{
    (void)state;
    struct bent *f = bent_up("on scsi-response 2 note\non scsi-response 1 per connection note");
    bent_response(f, 1);
    bender_free(f->bender);
    bent_connect(f);
    bent_login(f, false, false);
    bent_response(f, 1);
    bent_response(f, 2);
    assert_int_equal(f->script.rules[0]->fired, 1);
    assert_int_equal(f->script.rules[1]->fired, 2);
    bent_free(f);
}

/* The same seed, the same faults; another seed, others. */
static void chance_is_repeated(void **state)
{
    (void)state;
    char heard[3][BENT_TEXT];
    for (int i = 0; i < 3; i++) {
        struct bent *f = bent_up(i < 2 ? "seed 5\non scsi-response chance 1/3 drop raw"
                                       : "seed 6\non scsi-response chance 1/3 drop raw");
        for (uint32_t n = 0; n < 60; n++)
            bent_response(f, n);
        strcpy(heard[i], f->words[BY_INITIATOR]);
        assert_in_range(f->script.rules[0]->fired, 5, 40);
        bent_free(f);
    }
    assert_string_equal(heard[0], heard[1]);
    assert_string_not_equal(heard[0], heard[2]);
}

static void all_rules_look_first(void **state)
{
    (void)state;
    struct bent *f = bent_up("on scsi-response set status 8\non scsi-response with status 8 set response 1");
    bent_response(f, 1);
    assert_int_equal(f->bhs[BY_INITIATOR][2], 0);
    assert_int_equal(f->bhs[BY_INITIATOR][3], 8);
    bent_free(f);
}

/* --- what cannot be framed --- */

static uint64_t drain_to_target(struct bent *f, uint8_t *to)
{
    struct berth_seg segs[8];
    uint64_t len = 0;
    for (uint32_t n; (n = bender_peek(f->bender, &f->bender->target, segs, 8, f->now)) > 0;)
        for (uint32_t i = 0; i < n; i++) {
            memcpy(to + len, segs[i].base, segs[i].len);
            len += segs[i].len;
            bender_done(f->bender, &f->bender->target, segs[i].len, f->now);
        }
    return len;
}

/* A header whose digest is wrong, and all behind it, is for the target to judge. */
static void what_cannot_be_framed_passes(void **state)
{
    (void)state;
    static uint8_t in[300], out[300];
    struct bent *f = bent_new("on request corrupt anywhere");
    bent_login(f, true, false);
    for (uint32_t i = 4; i < sizeof in; i++)
        in[i] = (uint8_t)i;
    for (uint32_t at = 0; at < sizeof in; at += 20)
        bender_take(f->bender, &f->bender->initiator, in + at, 20, f->now);
    assert_int_equal(drain_to_target(f, out), sizeof in);
    assert_memory_equal(in, out, sizeof in);
    bent_free(f);
}

/* Wrong digests of data stay wrong, through any change. */
static void damage_from_elsewhere_stays(void **state)
{
    (void)state;
    struct bent *f = bent_new("on data-out set buffer-offset 8");
    uint8_t pdu[] = {[0] = 0x05, [7] = 4, [48] = 1, 2, 3, 4, [52] = 0xff, 0, 0, 0};
    bent_login(f, false, true);
    bender_take(f->bender, &f->bender->initiator, pdu, sizeof pdu, f->now);
    bent_drain(f);
    TARGET_HEARD("data-out 0 c0 #0 @8 +4 BAD-DATA");
    bent_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_rule_speaks_of_passes),
        cmocka_unit_test(mistakes_of_the_target_pass),
        cmocka_unit_test(padding_passes),
        cmocka_unit_test(digests_are_computed_anew),
        cmocka_unit_test(digests_may_differ),
        cmocka_unit_test(a_dropped_response_leaves_no_gap),
        cmocka_unit_test(dropped_data),
        cmocka_unit_test(a_dropped_command_counts_as_received),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(a_delay_delays_all_behind_it),
        cmocka_unit_test(what_is_held_is_overtaken),
        cmocka_unit_test(a_held_command_is_renumbered),
        cmocka_unit_test(an_abort_finds_a_held_command),
        cmocka_unit_test(events_of_kinds),
        cmocka_unit_test(a_stranded_command_lives_on),
        cmocka_unit_test(fields_are_set),
        cmocka_unit_test(numbers_that_are_set_go_on),
        cmocka_unit_test(acknowledgements_are_translated),
        cmocka_unit_test(data_is_resized),
        cmocka_unit_test(data_is_poked),
        cmocka_unit_test(sense_is_written),
        cmocka_unit_test(texts_are_changed),
        cmocka_unit_test(values_are_saved),
        cmocka_unit_test(data_in_is_split),
        cmocka_unit_test(login_text_is_split),
        cmocka_unit_test(text_is_split),
        cmocka_unit_test(targets_are_made_up),
        cmocka_unit_test(a_bit_is_turned),
        cmocka_unit_test(pdus_are_sent),
        cmocka_unit_test(what_rules_send_is_looked_at),
        cmocka_unit_test(a_command_is_rejected),
        cmocka_unit_test(a_command_is_answered),
        cmocka_unit_test(a_command_is_answered_first),
        cmocka_unit_test(more_r2ts_are_sent),
        cmocka_unit_test(login_responses_are_sent),
        cmocka_unit_test(a_login_is_held),
        cmocka_unit_test(the_connection_is_closed),
        cmocka_unit_test(a_request_is_cut),
        cmocka_unit_test(it_is_cut_somewhere),
        cmocka_unit_test(silence_falls),
        cmocka_unit_test(silence_falls_on_all),
        cmocka_unit_test(bytes_leave_in_pieces),
        cmocka_unit_test(the_window_is_closed),
        cmocka_unit_test(things_happen_in_time),
        cmocka_unit_test(rules_count),
        cmocka_unit_test(rules_know_commands),
        cmocka_unit_test(the_last_data_of_a_write),
        cmocka_unit_test(rules_count_over_connections),
        cmocka_unit_test(chance_is_repeated),
        cmocka_unit_test(all_rules_look_first),
        cmocka_unit_test(what_cannot_be_framed_passes),
        cmocka_unit_test(damage_from_elsewhere_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
