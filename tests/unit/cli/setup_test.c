/* SPDX-License-Identifier: MIT */
/* The file of `berth serve`, right and wrong line by line, and the options on top of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "attach/exit.h"
#include "cli/setup.h"

static struct setup s;
static char why[SETUP_WHY_MAX];

static int start(void **state)
{
    (void)state;
    memset(&s, 0, sizeof s);
    why[0] = '\0';
    return 0;
}

static int drop(void **state)
{
    (void)state;
    setup_free(&s);
    return 0;
}

static int read_bytes(const void *text, size_t len)
{
    FILE *f = fmemopen((void *)(uintptr_t)text, len, "r");
    assert_non_null(f);
    int error = setup_read(&s, f, "t.conf", why);
    fclose(f);
    return error;
}

static int read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

/* --- what is right --- */

static const char whole[] = "\xef\xbb\xbf# a comment\n"
                            "; another\n"
                            "\n"
                            "[serve]\r\n"
                            "listen = 192.0.2.1:3260\n"
                            "  listen=[2001:db8::1]:3260,2 ; behind a value\n"
                            "\tno-auth = no\n"
                            "log = debug\n"
                            "control = /run/c\n"
                            "run-as = root\n"
                            "seccomp = no\n"
                            "script = faults.txt\n"
                            "fault = on data-in 3 drop\n"
                            "busy-poll = yes\n"
                            "referee = yes\n"
                            "state-dir = a folder\n"
                            "[user joe]\n"
                            "secret-file = joe's\n"
                            "[user jane doe]\n"
                            "secret-file = jane's\n"
                            "[mutual]\n"
                            "user = disk\n"
                            "secret-file = ours\n"
                            "[group 2]\n"
                            "access = standby\n"
                            "[negotiation] # a comment\n"
                            "MaxBurstLength = 65536\n"
                            "HeaderDigest = CRC32C,None\n"
                            "[target  iqn.2026-11.a:one ]\n"
                            "alias = one of two\n"
                            "allow = iqn.2026-11.b:*\n"
                            "allow = iqn.2026-11.c:x\n"
                            "lun = ram:1M\n"
                            "lun 7 = ram:2M\n"
                            "lun = file:/a b,ro\n"
                            "[ target iqn.2026-11.a:two ]\n"
                            "redirect = 192.0.2.2:3260\n"
                            "redirect-permanent = yes\n"
                            "lun\t3 = null:1G"; /* without a line end */

static void everything_is_taken(void **state)
{
    (void)state;
    const struct serve_config *c = &s.config;
    assert_int_equal(read_text(whole), 0);
    assert_int_equal(c->portal_count, 2);
    assert_string_equal(c->portals[0], "192.0.2.1:3260");
    assert_string_equal(c->portals[1], "[2001:db8::1]:3260,2");
    assert_false(c->no_auth);
    assert_true(c->busy_poll && s.referee);
    assert_int_equal(c->log_level, SERVE_LOG_DEBUG);
    assert_string_equal(c->state_dir, "a folder");
    assert_int_equal(c->account_count, 2);
    assert_string_equal(c->accounts[1].name, "jane doe");
    assert_string_equal(s.secret_files[1], "jane's");
    assert_string_equal(c->mutual.name, "disk");
    assert_string_equal(s.mutual_file, "ours");
    assert_string_equal(s.control, "/run/c");
    assert_string_equal(c->run_as.name, "root");
    assert_true(c->no_seccomp);
    assert_int_equal(c->group_count, 1);
    assert_int_equal(c->groups[0].tag, 2);
    assert_string_equal(c->groups[0].access, "standby");
    assert_string_equal(c->scripts[0], "faults.txt");
    assert_string_equal(c->faults[0], "on data-in 3 drop");
    assert_int_equal(c->key_count, 2);
    assert_string_equal(c->keys[0], "MaxBurstLength=65536");
    assert_string_equal(c->keys[1], "HeaderDigest=CRC32C,None");
}

static void lun_is(uint32_t i, uint32_t target, uint32_t number, const char *spec)
{
    assert_int_equal(s.config.luns[i].target, target);
    assert_int_equal(s.config.luns[i].number, number);
    assert_string_equal(s.config.luns[i].spec, spec);
}

static void targets_have_what_is_theirs(void **state)
{
    (void)state;
    const struct serve_config *c = &s.config;
    assert_int_equal(read_text(whole), 0);
    assert_int_equal(c->target_count, 2);
    assert_string_equal(c->targets[0].iqn, "iqn.2026-11.a:one");
    assert_string_equal(c->targets[0].alias, "one of two");
    assert_null(c->targets[0].redirect.address);
    assert_null(c->targets[1].alias);
    assert_string_equal(c->targets[1].redirect.address, "192.0.2.2:3260");
    assert_true(c->targets[1].redirect.permanent);
    assert_int_equal(c->allowed_count, 2);
    assert_int_equal(c->allowed[1].target, 0);
    assert_int_equal(c->lun_count, 4);
    lun_is(0, 0, 0, "ram:1M");
    lun_is(1, 0, 7, "ram:2M");
    lun_is(2, 0, 8, "file:/a b,ro");
    lun_is(3, 1, 3, "null:1G");
}

static void texts_know_their_lines(void **state)
{
    (void)state;
    assert_int_equal(read_text(whole), 0);
    assert_string_equal(setup_place(&s, s.config.portals[0]), "t.conf:5: ");
    assert_string_equal(setup_place(&s, s.config.luns[3].spec), "t.conf:39: ");
    assert_string_equal(setup_place(&s, "ram:1M"), "");
}

static void long_names_are_whole(void **state)
{
    char text[600], name[224] = "iqn.2026-11.a:";
    (void)state;
    memset(name + strlen(name), 'x', sizeof name - 1 - strlen(name));
    snprintf(text, sizeof text, "[target %s]\nallow = %s\n", name, name);
    assert_int_equal(read_text(text), 0);
    assert_string_equal(s.config.targets[0].iqn, name);
    assert_string_equal(s.config.allowed[0].name, name);
}

static void nothing_is_enough(void **state)
{
    (void)state;
    assert_int_equal(read_text("\n"), 0);
    assert_int_equal(s.config.target_count, 0);
}

/* --- what is wrong --- */

#define BYTES_200                                                                                            \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"   \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
    const char *text, *sentence;
} wrongs[] = {
    /* lines */
    {"lun = ram:1M\n", "t.conf:1: 'lun' stands in no section: begin with one, such as [serve]"},
    {"[serve]\nlisten\n", "t.conf:2: this is neither [SECTION] nor KEY = VALUE; begin comments with #"},
    {"[serve\n", "t.conf:1: this is neither [SECTION] nor KEY = VALUE; begin comments with #"},
    {"[serve]\nx\n[sarve]\n", "t.conf:2: this is neither [SECTION] nor KEY = VALUE; begin comments with #"},
    {"[serve] listen = a:1\n", "t.conf:1: something stands behind [serve]: begin a new line for it"},
    {"[" BYTES_200 BYTES_200 BYTES_200 "]\n",
     "t.conf:1: the section's name is longer than 511 bytes: use a shorter one"},
    /* sections */
    {"[sarve]\n", "t.conf:1: there is no section [sarve]: use [serve], [user NAME], [mutual], [group N], "
                  "[negotiation], [target IQN]"},
    {"[]\n", "t.conf:1: there is no section []: use [serve], [user NAME], [mutual], [group N], "
             "[negotiation], [target IQN]"},
    {"[serve all]\n", "t.conf:1: there is no section [serve all]: use [serve], [user NAME], [mutual], "
                      "[group N], [negotiation], [target IQN]"},
    {"[serve]\n\n[serve]\n", "t.conf:3: [serve] is there twice: put its lines into one section"},
    {"[user]\n", "t.conf:1: [user] lacks a name: write it as [user NAME]"},
    {"[target ]\n", "t.conf:1: [target] lacks a name: write it as [target IQN]"},
    {"[user joe]\nsecret-file = a\n[user joe]\n", "t.conf:3: joe is there twice: leave one out"},
    {"[target a]\n[target a]\n", "t.conf:2: a is there twice: leave one out"},
    {"\n[user joe]\n\n", "t.conf:2: [user joe] lacks a line: add secret-file = FILE"},
    {"[user joe]\n[serve]\n", "t.conf:1: [user joe] lacks a line: add secret-file = FILE"},
    {"[mutual]\n", "t.conf:1: [mutual] lacks a line: add user = NAME"},
    {"[mutual]\nuser = a\n", "t.conf:1: [mutual] lacks a line: add secret-file = FILE"},
    {"[mutual]\nsecret-file = a\n", "t.conf:1: [mutual] lacks a line: add user = NAME"},
    {"[group 0]\n", "t.conf:1: [group 0] must be numbered from 1 to 65535: take it out"},
    {"[group two]\n", "t.conf:1: [group two] must be numbered from 1 to 65535: take it out"},
    {"[group 2]\naccess = a\n[group 02]\n", "t.conf:3: 02 is there twice: leave one out"},
    {"[group 2]\n", "t.conf:1: [group 2] lacks a line: add access = optimized, non-optimized, standby or "
                    "unavailable"},
    {"[target a]\nredirect-permanent = yes\n",
     "t.conf:1: [target a] lacks a line: add redirect = ADDR:PORT beside redirect-permanent"},
    /* keys */
    {"[serve]\nlissen = a\n",
     "t.conf:2: 'lissen' is no key of [serve]: use listen, no-auth, chap-algorithms, state-dir, "
     "busy-poll, control, referee, log, run-as, seccomp, script, fault"},
    {"[user a]\nsecret = b\n", "t.conf:2: 'secret' is no key of [user]: use secret-file"},
    {"[mutual]\nname = b\n", "t.conf:2: 'name' is no key of [mutual]: use user, secret-file"},
    {"[target a]\nlun0 = b\n", "t.conf:2: 'lun0' is no key of [target]: use alias, allow, redirect, "
                               "redirect-permanent, lun N"},
    {"[serve]\nListen = a\n",
     "t.conf:2: 'Listen' is no key of [serve]: use listen, no-auth, chap-algorithms, state-dir, "
     "busy-poll, control, referee, log, run-as, seccomp, script, fault"},
    {"[serve]\nbusy-poll = yes\nbusy-poll = yes\n", "t.conf:3: busy-poll is there twice: leave one out"},
    {"[negotiation]\nX = 1\nY = 2\nX = 3\n", "t.conf:4: X is there twice: leave one out"},
    {"[target a]\nalias = b\nalias = c\n", "t.conf:3: alias is there twice: leave one out"},
    /* values */
    {"[serve]\nlisten =\n", "t.conf:2: listen has no value: write one behind the ="},
    {"[target a]\nlun = \n", "t.conf:2: lun has no value: write one behind the ="},
    {"[target a]\nlun = ; ram:1M\n", "t.conf:2: lun has no value: write one behind the ="},
    {"[serve]\nbusy-poll = true\n", "t.conf:2: busy-poll must be yes or no, not 'true'"},
    {"[serve]\nseccomp = maybe\n", "t.conf:2: seccomp must be yes or no, not 'maybe'"},
    {"[serve]\nlog = loud\n", "t.conf:2: log must be quiet, normal or debug, not 'loud'"},
    {"[serve]\nno-auth = Yes\n", "t.conf:2: no-auth must be yes or no, not 'Yes'"},
    {"[target a]\nredirect-permanent = 1\n", "t.conf:2: redirect-permanent must be yes or no, not '1'"},
    {"[target a]\nlun 1024 = ram:1M\n", "t.conf:2: '1024' is no LUN: use a number from 0 to 1023"},
    {"[target a]\nlun -1 = ram:1M\n", "t.conf:2: '-1' is no LUN: use a number from 0 to 1023"},
    {"[target a]\nlun one = ram:1M\n", "t.conf:2: 'one' is no LUN: use a number from 0 to 1023"},
    {"[target a]\nlun 00000000000000001 = b\n",
     "t.conf:2: '00000000000000001' is no LUN: use a number from 0 to 1023"},
    {"[target a]\nlun 1023 = b\nlun = c\n", "t.conf:3: lun must be one of at most 1024 LUNs, not 'c'"},
};

static void each_wrong_line_is_named(void **state)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        start(state);
        assert_int_equal(read_text(wrongs[i].text), -1);
        assert_string_equal(why, wrongs[i].sentence);
        drop(state);
    }
}

static void no_byte_is_zero(void **state)
{
    static const char text[] = "[serve]\nlisten = a\0b\n";
    (void)state;
    assert_int_equal(read_bytes(text, sizeof text - 1), -1);
    assert_string_equal(why, "t.conf:2: the line holds a byte 0; this is no text file");
}

/* A key and a value that make a line of `len` bytes. */
static int read_long_line(size_t len)
{
    static char text[SETUP_LINE_MAX + 64];
    size_t begin = (size_t)snprintf(text, sizeof text, "[target a]\nlun = ");
    size_t end = begin + len - strlen("lun = ");
    memset(text + begin, 'x', end - begin);
    text[end] = '\n';
    return read_bytes(text, end + 1);
}

static void lines_have_a_limit(void **state)
{
    (void)state;
#ifdef HAVE_INI_MAX_LINE
    const size_t most = SETUP_LINE_MAX;
#else
    const size_t most = 197;
#endif
    char sentence[80];
    assert_int_equal(read_long_line(most), 0);
    assert_int_equal(strlen(s.config.luns[0].spec), most - strlen("lun = "));
    drop(state);
    start(state);
    assert_int_equal(read_long_line(most + 1), -1);
    snprintf(sentence, sizeof sentence, "t.conf:2: the line is longer than %zu bytes; shorten it", most);
    assert_string_equal(why, sentence);
}

/* So many lines, each with its number between `before` and `behind`. */
struct many {
    const char *head, *before, *behind;
    uint32_t most;
};

static int read_many(const struct many *m, uint32_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    fputs(m->head, f);
    for (uint32_t i = 0; i < count; i++)
        fprintf(f, "%s%u%s\n", m->before, i, m->behind);
    fclose(f);
    int error = read_text(text);
    free(text);
    return error;
}

static const struct many portals = {"[serve]\n", "listen = 127.0.0.1:", "", SERVE_PORTALS_MAX};
static const struct many users = {"", "[user u", "]\nsecret-file = a", SERVE_ACCOUNTS_MAX};
static const struct many keys = {"[negotiation]\n", "K", " = 1", SERVE_KEYS_MAX};
static const struct many groups = {"", "[group 1", "]\naccess = a", SERVE_PORTALS_MAX};
static const struct many scripts = {"[serve]\n", "script = s", "", SERVE_SCRIPTS_MAX};
static const struct many faults = {"[serve]\n", "fault = f", "", SERVE_FAULTS_MAX};
static const struct many targets = {"", "[target t", "]", SERVE_TARGETS_MAX};
static const struct many allowed = {"[target a]\n", "allow = i", "", SERVE_ALLOWED_MAX};
static const struct many luns = {"[target a]\n", "lun ", " = ram:1M", SERVE_LUNS_MAX};

static void there_is_room_for_so_many(void **state)
{
    static const struct many *const lists[] = {&portals, &users,   &groups,  &keys, &scripts,
                                               &faults,  &targets, &allowed, &luns};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        start(state);
        assert_int_equal(read_many(lists[i], lists[i]->most), 0);
        drop(state);
        start(state);
        assert_int_equal(read_many(lists[i], lists[i]->most + 1), -1);
        drop(state);
    }
}

/* --- options on top --- */

static struct options o;

static void options_alone_make_one_target(void **state)
{
    (void)state;
    o = (struct options){.store_count = 2, .stores = {"ram:1M", "ram:2M"}};
    assert_int_equal(setup_take_options(&s, &o), STATUS_OK);
    assert_int_equal(s.config.target_count, 1);
    assert_string_equal(s.config.targets[0].iqn, SERVE_IQN);
    lun_is(0, 0, 0, "ram:1M");
    lun_is(1, 0, 1, "ram:2M");
}

static void options_add_to_a_file(void **state)
{
    (void)state;
    o = (struct options){.store_count = 1,
                         .stores = {"ram:9M"},
                         .allowed_count = 1,
                         .allowed = {"iqn.2026-11.d:y"},
                         .user = "jim",
                         .secret_file = "jim's"};
    assert_int_equal(read_text(whole), 0);
    assert_int_equal(setup_take_options(&s, &o), STATUS_OK);
    assert_int_equal(s.config.target_count, 2);
    lun_is(4, 0, 9, "ram:9M");
    assert_int_equal(s.config.allowed_count, 3);
    assert_int_equal(s.config.account_count, 3);
    assert_string_equal(s.secret_files[2], "jim's");
    assert_int_equal(s.config.portal_count, 2);
}

static void options_go_to_the_target_they_name(void **state)
{
    (void)state;
    o = (struct options){.store_count = 1, .stores = {"ram:9M"}, .iqn = "iqn.2026-11.a:two"};
    assert_int_equal(read_text(whole), 0);
    assert_int_equal(setup_take_options(&s, &o), STATUS_OK);
    lun_is(4, 1, 4, "ram:9M");
    o.iqn = "iqn.2026-11.a:three";
    assert_int_equal(setup_take_options(&s, &o), STATUS_OK);
    assert_int_equal(s.config.target_count, 3);
    lun_is(5, 2, 0, "ram:9M");
}

static void options_stand_in_for_a_file(void **state)
{
    (void)state;
    o = (struct options){.portal_count = 1,
                         .portals = {"127.0.0.1:0"},
                         .user = "joe",
                         .secret_file = "other",
                         .mutual_user = "tape",
                         .mutual_secret_file = "theirs",
                         .key_count = 2,
                         .keys = {"HeaderDigest=None", "InitialR2T=Yes"},
                         .state_dir = "elsewhere",
                         .log_given = true,
                         .log_level = SERVE_LOG_QUIET,
                         .no_auth = true};
    assert_int_equal(read_text(whole), 0);
    assert_int_equal(setup_take_options(&s, &o), STATUS_OK);
    assert_int_equal(s.config.portal_count, 1);
    assert_string_equal(s.config.portals[0], "127.0.0.1:0");
    assert_int_equal(s.config.account_count, 2);
    assert_string_equal(s.secret_files[0], "other");
    assert_string_equal(s.config.mutual.name, "tape");
    assert_string_equal(s.mutual_file, "theirs");
    assert_int_equal(s.config.key_count, 3);
    assert_string_equal(s.config.keys[1], "HeaderDigest=None");
    assert_string_equal(s.config.state_dir, "elsewhere");
    assert_true(s.config.no_auth && s.config.busy_poll);
    assert_int_equal(s.config.log_level, SERVE_LOG_QUIET);
}

/* A path is taken as it is, and keeps the line of what it was named by; a name is put into a folder. */
static void a_control_socket_has_a_path(void **state)
{
    char folder[] = "setup_test.XXXXXX", path[64];
    (void)state;
    o = (struct options){.store_count = 1, .stores = {"ram:1M"}};
    assert_int_equal(read_text(whole), 0);
    assert_int_equal(setup_take_options(&s, &o), STATUS_OK);
    assert_string_equal(s.config.control, "/run/c");
    assert_string_equal(setup_place(&s, s.config.control), "t.conf:9: ");
    assert_non_null(mkdtemp(folder));
    setenv("XDG_RUNTIME_DIR", folder, 1);
    o.control = "disks";
    assert_int_equal(setup_take_options(&s, &o), STATUS_OK);
    snprintf(path, sizeof path, "%s/berth/disks", folder);
    assert_string_equal(s.config.control, path);
    assert_string_equal(setup_place(&s, s.config.control), "");
    snprintf(path, sizeof path, "%s/berth", folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
    setenv("XDG_RUNTIME_DIR", "/dev/null", 1);
    assert_int_equal(setup_take_options(&s, &o), STATUS_SYSTEM);
}

static void users_are_found(void **state)
{
    static const struct {
        const char *name;
        int status;
        uint32_t uid, gid;
    } named[] = {
        {"root", STATUS_OK, 0, 0},          {"0", STATUS_OK, 0, 0},
        {"root:5", STATUS_OK, 0, 5},        {"4000000000:4000000001", STATUS_OK, 4000000000u, 4000000001u},
        {"4000000000", STATUS_USAGE, 0, 0}, {"4294967295:0", STATUS_USAGE, 0, 0},
        {"no such", STATUS_USAGE, 0, 0},    {"root:no such", STATUS_USAGE, 0, 0},
        {":0", STATUS_USAGE, 0, 0},         {"root:", STATUS_USAGE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        s.config.run_as.name = named[i].name;
        assert_int_equal(setup_find_user(&s), named[i].status);
        if (named[i].status != STATUS_OK)
            continue;
        assert_int_equal(s.config.run_as.uid, named[i].uid);
        assert_int_equal(s.config.run_as.gid, named[i].gid);
    }
}

static void options_find_no_room_in_a_full_file(void **state)
{
    static const struct {
        const struct many *what;
        struct options o;
    } full[] = {
        {&users, {.user = "joe"}},
        {&keys, {.key_count = 1, .keys = {"InitialR2T=No"}}},
        {&scripts, {.script_count = 1, .scripts = {"x"}}},
        {&faults, {.fault_count = 1, .faults = {"x"}}},
        {&targets, {.iqn = "iqn.2026-11.a:one"}},
        {&allowed, {.allowed_count = 1, .allowed = {"x"}}},
        {&luns, {.store_count = 1, .stores = {"ram:1M"}}},
    };
    for (size_t i = 0; i < sizeof full / sizeof full[0]; i++) {
        start(state);
        assert_int_equal(read_many(full[i].what, full[i].what->most), 0);
        assert_int_equal(setup_take_options(&s, &full[i].o), STATUS_USAGE);
        drop(state);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_taken),
        TEST(targets_have_what_is_theirs),
        TEST(texts_know_their_lines),
        TEST(long_names_are_whole),
        TEST(nothing_is_enough),
        TEST(each_wrong_line_is_named),
        TEST(no_byte_is_zero),
        TEST(lines_have_a_limit),
        TEST(there_is_room_for_so_many),
        TEST(options_alone_make_one_target),
        TEST(options_add_to_a_file),
        TEST(options_go_to_the_target_they_name),
        TEST(options_stand_in_for_a_file),
        TEST(a_control_socket_has_a_path),
        TEST(users_are_found),
        TEST(options_find_no_room_in_a_full_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
