/* SPDX-License-Identifier: MIT */
/* Scripts are understood, or refused with a sentence that tells the place and the way out. */
#include "script/script.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct script script;
static char why[2048];

static bool reads(const char *text)
{
    script_free(&script);
    why[0] = 0;
    return script_read(&script, "x", true, text, strlen(text), why, sizeof why);
}

static const struct rule *rule_of(const char *text)
{
    if (!reads(text))
        fail_msg("%s: %s", text, why);
    assert_int_equal(script.count, 1);
    return script.rules[0];
}

static const struct action *action_of(const char *text)
{
    return &rule_of(text)->actions[0];
}

/* One of everything that can be said. */
static const char *const good[] = {
    "on data-in 3 drop",
    "on data-in 3..5 drop raw",
    "on data-in 3.. every 2 chance 1/50 drop",
    "on scsi-response 2 of read set residual 512 underflow 1",
    "on status of write 3 set status 8",
    "on status 8 drop and disconnect rst",
    "on request chance 1/10 delay 1ms..20ms",
    "on reply per connection corrupt anywhere",
    "on connect slice 1 both",
    "on connect connection 2.. slice 1..100 every 1ms in",
    "on login session normal initiator iqn.2026-11.io.berth:* mute for 5s",
    "on login portal 2 deaf",
    "on command lun 3 lba 100..200 answer check-condition sense 3/11/00",
    "on command with operation 0x2a with final 1 answer busy",
    "on command answer check-condition sense none",
    "on command answer check-condition sense 6/29/1 length 8 claim 200",
    "on write-and-verify answer task-set-full",
    "on login-request with text CHAP_C save CHAP_C",
    "on login-request with text SessionType=Discovery note",
    "on login-response text add \"X-words=one two\"",
    "on login-response text replace HeaderDigest=MD5 and text remove DataDigest",
    "on login-response text clear and text fill 2048",
    "on login-response split at 7",
    "on login-response split every 1",
    "on data-in split at end",
    "on login-response hold-login 3",
    "on login-response hold-login endless",
    "on text-response targets endless",
    "on r2t set desired-length 0 buffer-offset -512 ttt none r2t-sn +1 raw",
    "on r2t set byte 5 0xff lun random",
    "on r2t with ttt none with byte 1 0x80 note",
    "on nop-in alter data bit 3 and alter header random",
    "on data-in corrupt header bit 12 and corrupt data random and corrupt header-digest and corrupt "
    "data-digest",
    "on data-in resize 512",
    "on reject poke 16 0000007F",
    "on data-in resize -4",
    "on data-in resize +1K",
    "on data-in duplicate",
    "on data-in duplicate 3 for 20ms",
    "on scsi-response duplicate until status of read 2",
    "on status hold until login",
    "on command 3 hold for 1s..2s raw",
    "on write 4 strand until login raw",
    "on last-data 4 of write strand until last-data of write 2",
    "on command 5 drop and send reject reason 0x09 itt none",
    "on command 10 send async event 1 parameter3 5",
    "on command 3 send-first nop-in ttt 0x1234 data 64",
    "on login-request 1 drop and send login-response status-class 1 status-detail 1 text "
    "TargetAddress={portal2}",
    "on command 3 send scsi-response status 2 sense b/47/05 raw",
    "on data-in 2 cut 100 rst",
    "on data-in 2 cut 0",
    "on command disconnect fin all",
    "at 2s send async event 2",
    "every 200ms..2s connection 1 disconnect rst",
    "every 1s every 3 disconnect",
    "on command 7 window 0 for 10s",
    "on login window 1 raw",
    "on command refuse for 3s",
    "on command 20 restart for 2s key MaxBurstLength=512 lun 0 size 32M lun 1 absent",
    "on tmf-response set response 5 # as the RFC has it",
};

static void everything_can_be_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        rule_of(good[i]);
}

static void what_a_rule_says_is_kept(void **state)
{
    (void)state;
    const struct rule *r = rule_of("on data-in 3..5 of read 2 lba 8.. chance 1/50 per connection drop raw");
    assert_int_equal(r->what.opcodes, OPCODE(WIRE_DATA_IN));
    assert_int_equal(r->nth.first, 3);
    assert_int_equal(r->nth.last, 5);
    assert_int_equal(r->of, what_kind("read"));
    assert_int_equal(r->of_nth.first, 2);
    assert_int_equal(r->lba.first, 8);
    assert_true(r->lba.last == UINT64_MAX);
    assert_int_equal(r->chances, 50);
    assert_true(r->per_connection && r->actions[0].raw);
    assert_string_equal(r->source, "x:1");
    assert_string_equal(r->text, "on data-in 3..5 of read 2 lba 8.. chance 1/50 per connection drop raw");
}

static void actions_are_kept(void **state)
{
    (void)state;
    const struct action *a = action_of("on r2t set desired-length 0 buffer-offset -512 ttt none");
    assert_int_equal(a->edit_count, 3);
    assert_int_equal(a->edits[1].how, EDIT_LESS);
    assert_int_equal(a->edits[1].value, 512);
    assert_int_equal(a->edits[2].how, EDIT_NONE);
    a = action_of("on command answer check-condition sense b/47/05 length 4");
    assert_int_equal(a->status, 2);
    assert_int_equal(a->sense.key, 0xb);
    assert_int_equal(a->sense.asc, 0x47);
    assert_int_equal(a->sense.length, 4);
    a = action_of("on connect slice 1..9 every 2ms both");
    assert_int_equal(a->sizes.last, 9);
    assert_int_equal(a->wait.time.first, 2000000);
    assert_int_equal(a->where, TO_INITIATOR | TO_TARGET);
    a = action_of("on nop-in set lun 300");
    assert_true(a->edits[0].value == 0x412c000000000000u);
    a = action_of("on command restart for 1s lun 2 size 4K lun 3 absent key A=b");
    assert_int_equal(a->luns[0].size_bytes, 4096);
    assert_int_equal(a->luns[1].size_bytes, 0);
    assert_string_equal(a->texts[0], "A=b");
}

static void many_lines(void **state)
{
    (void)state;
    assert_true(reads("# nothing\n\n  seed 7\non r2t drop\r\n\ton async note # words\non nop-in drop"));
    assert_int_equal(script.count, 3);
    assert_int_equal(script.seed, 7);
    assert_string_equal(script.rules[0]->source, "x:4");
    assert_string_equal(script.rules[2]->source, "x:6");
    assert_int_equal(script.rules[1]->actions[0].kind, ACT_NOTE);
}

struct bad {
    const char *text, *begins, *has;
};

/* How each mistake is answered: where it is, and what to write instead. */
static const struct bad bad[] = {
    {"drop", "x:1: 'drop' begins no rule", "on, at, every or seed"},
    {"\non", "x:2: something is missing behind 'on'", "login-request"},
    {"on data-inn drop", "x:1: 'data-inn' is not understood behind 'on'", "data-in, r2t"},
    {"on data-in 0 drop", "x:1: '0' is not understood behind 'data-in'", "from 1 on"},
    {"on data-in", "x:1: something is missing behind 'data-in'", "drop, duplicate"},
    {"on data-in drup", "x:1: 'drup' is not understood behind 'data-in'", "restart or note"},
    {"on data-in drop it", "x:1: 'it' is not understood behind 'drop'", "and with one more"},
    {"on data-in drop and", "x:1: something is missing behind 'and'", "drop, duplicate"},
    {"on data-in every 0 drop", "x:1: '0' is not understood behind 'every'", "from 1 to"},
    {"on data-in chance 2/1 drop", "x:1: '2/1' is not", "1/50"},
    {"on data-in of reed drop", "x:1: 'reed' is not", "read, write"},
    {"on data-in lun x drop", "x:1: 'x' is not", "3..5"},
    {"on data-in lba 5..4 drop", "x:1: '5..4' is not", "3..5"},
    {"on data-in session odd drop", "x:1: 'odd' is not", "normal or discovery"},
    {"on data-in per command drop", "x:1: 'command' is not", "write connection there"},
    {"on data-in with csg 1 drop", "x:1: 'csg' is not", "buffer-offset"},
    {"on data-in with status x drop", "x:1: 'x' is not", "3..5"},
    {"on data-in with byte 48 0 drop", "x:1: '48' is not", "from 0 to 47"},
    {"on login of read drop", "x:1: 'of' is about a PDU", "begin with on PDU"},
    {"on login drop", "x:1: 'drop' cannot be done here", "login-request"},
    {"at 1s split at 5", "x:1: 'split' cannot be done here", "data-in"},
    {"on command split at 5", "x:1: 'split' cannot be done here", "login-response"},
    {"on data-in answer busy", "x:1: 'answer' cannot be done here", "command"},
    {"on data-in text clear", "x:1: 'text' cannot be done here", "text-response"},
    {"on login-response text sing", "x:1: 'sing' is not", "add, replace"},
    {"on login-response text add X", "x:1: 'X' is not", "KEY=VALUE"},
    {"on login-response text fill 9999", "x:1: '9999' is not", "from 1 to 2704"},
    {"on login-response hold-login 0", "x:1: '0' is not", "from 1 to"},
    {"on data-in set residual", "x:1: something is missing behind 'residual'", "none or random"},
    {"on data-in set residul 5", "x:1: 'residul' is not", "residual"},
    {"on data-in hold", "x:1: something is missing behind 'hold'", "for TIME or until EVENT"},
    {"on data-in hold for 5", "x:1: '5' is not", "200ms"},
    {"on data-in hold for 2d", "x:1: '2d' is not", "at most a day"},
    {"on data-in hold until connect", "x:1: a PDU cannot wait for connect", "take login"},
    {"on data-in hold until status 0", "x:1: '0' is not", "from 1 on"},
    {"on data-in delay", "x:1: something is missing", "200ms"},
    {"on data-in duplicate 1001", "x:1: '1001' is not", "from 1 to 1000"},
    {"on data-in resize 17M", "x:1: '17M' is not", "16777215"},
    {"on data-in poke 3", "x:1: something is missing behind '3'", "hexadecimal digits"},
    {"on data-in poke 3 123", "x:1: '123' is not", "two each"},
    {"on data-in poke 3 12x4", "x:1: '12x4' is not", "two each"},
    {"on data-in split every 0", "x:1: pieces of 0 bytes have no end", "1 or more"},
    {"on data-in split", "x:1: something is missing", "at SIZE"},
    {"on data-in alter digest", "x:1: 'digest' is not", "header bit N"},
    {"on data-in alter data byte 3", "x:1: 'byte' is not", "bit NUMBER or random"},
    {"on data-in corrupt tail", "x:1: 'tail' is not", "anywhere"},
    {"on data-in send", "x:1: something is missing", "logout-response"},
    {"on data-in send status", "x:1: 'status' is not", "scsi-response"},
    {"on data-in send r2t residual 5", "x:1: 'residual' is not", "desired-length"},
    {"on command answer bussy", "x:1: 'bussy' is not", "task-set-full"},
    {"on command answer busy sense 16/1/2", "x:1: '16/1/2' is not", "3/11/00"},
    {"on command answer busy sense 1/2", "x:1: '1/2' is not", "3/11/00"},
    {"on command answer busy sense 1/2/3 length 253", "x:1: '253' is not", "at most 252"},
    {"on connect slice 0", "x:1: pieces of 0 bytes never arrive", "1 or more"},
    {"on command window many", "x:1: 'many' is not", "from 0 to 65535"},
    {"on command refuse", "x:1: something is missing", "for TIME"},
    {"on command restart for 1s lun 3", "x:1: something is missing behind '3'", "size SIZE or absent"},
    {"on command restart for 1s lun 3 size 0", "x:1: a LUN of 0 bytes is none", "absent"},
    {"every 0s disconnect", "x:1: a pause of nothing", "1ms or more"},
    {"at noon disconnect", "x:1: 'noon' is not", "200ms"},
    {"seed x", "x:1: 'x' is not", "a number"},
    {"seed 1 2", "x:1: '2' is not", "nothing"},
    {"on login-response text add \"A=b", "x:1: a quote is not closed", "end it"},
};

static void mistakes_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (reads(bad[i].text))
            fail_msg("'%s' was understood", bad[i].text);
        if (strncmp(why, bad[i].begins, strlen(bad[i].begins)) != 0 || !strstr(why, bad[i].has))
            fail_msg("'%s' was answered with: %s", bad[i].text, why);
        if (strchr(why, '\n') || why[strlen(why) - 1] == '.' || !strchr(why, ';'))
            fail_msg("no sentence of the house: %s", why);
    }
}

/* Text repeated often enough is refused, and nothing breaks. */
static void too_much(const char *head, const char *more, uint32_t times, const char *has)
{
    static char text[SCRIPT_TEXT_MAX + 1024];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", head);
    for (uint32_t i = 0; i < times; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", more);
    if (reads(text) || !strstr(why, has))
        fail_msg("%u times '%s': %s", times, more, why);
}

static void everything_has_a_limit(void **state)
{
    (void)state;
    too_much("on r2t note", " and note", 16, "16 actions at most");
    too_much("on r2t set", " ttt 1", 17, "16 fields at most");
    too_much("on r2t", " with ttt 1", 9, "8 fields at most");
    too_much("on r2t send text-response", " text A=b", 17, "16 texts at most");
    too_much("on r2t restart for 1s", " key A=b", 17, "16 keys at most");
    too_much("on r2t restart for 1s", " lun 1 absent", 17, "16 LUNs at most");
    too_much("on r2t", " note", 128, "128 words");
    too_much("# ", "too long ", 600, "4095 bytes");
    too_much("", "on r2t note\n", SCRIPT_RULES_MAX + 1, "1024 rules at most");
    too_much("", "# words\n", SCRIPT_TEXT_MAX / 8 + 1, "1 MiB at most");
    too_much("on r2t initiator ", "long-name", 30, "1 to 223 bytes");
}

static void a_fault_has_no_line(void **state)
{
    (void)state;
    const char *text = "on nothing drop";
    script_free(&script);
    assert_false(script_read(&script, "--fault 2", false, text, strlen(text), why, sizeof why));
    assert_ptr_equal(strstr(why, "--fault 2: 'nothing'"), why);
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    script_free(&script);
    assert_false(script_read(&script, "x", true, "on r2t\0 drop", 12, why, sizeof why));
    assert_non_null(strstr(why, "NUL"));
}

/* A sentence that does not fit is cut off. */
static void short_of_room(void **state)
{
    char small[16];
    (void)state;
    script_free(&script);
    assert_false(script_read(&script, "a-name-that-is-long", true, "bogus", 5, small, sizeof small));
    assert_int_equal(strlen(small), sizeof small - 1);
}

static int set_up(void **state)
{
    (void)state;
    script_init(&script);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    script_free(&script);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_can_be_said), cmocka_unit_test(what_a_rule_says_is_kept),
        cmocka_unit_test(actions_are_kept),       cmocka_unit_test(many_lines),
        cmocka_unit_test(mistakes_are_told),      cmocka_unit_test(everything_has_a_limit),
        cmocka_unit_test(a_fault_has_no_line),    cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(short_of_room),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
