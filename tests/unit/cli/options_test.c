/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "cli/options.h"

static const int all[] = {OPT_USER,  OPT_SECRET_FILE, OPT_DIGEST, OPT_TIMEOUT, OPT_JSON, OPT_RW,  OPT_BS,
                          OPT_DEPTH, OPT_TIME,        OPT_LUN,    OPT_LISTEN,  OPT_IQN,  OPT_NONE};
static struct options o;

/* Parses up to five words behind the command's name. */
static int parse(const char *a, const char *b, const char *c, const char *d, const char *e)
{
    static char copies[6][128];
    const char *words[] = {"cmd", a, b, c, d, e};
    static char *argv[7]; /* the options keep pointing at their operands */
    int argc = 0;
    memset(argv, 0, sizeof argv);
    for (; argc < 6 && words[argc]; argc++) {
        snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
        argv[argc] = copies[argc];
    }

    optind = 0; /* getopt starts anew */
    return options_parse(&o, "cmd", all, argc, argv);
}

static int value(const char *option, const char *word)
{
    return parse(option, word, NULL, NULL, NULL);
}

static void defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(NULL, NULL, NULL, NULL, NULL), 0);
    assert_string_equal(o.rw, "randread");
    assert_int_equal(o.mode, BENCH_READ | BENCH_RANDOM);
    assert_int_equal(o.block_bytes, 4096);
    assert_int_equal(o.depth, 32);
    assert_int_equal(o.time_ms, 10000);
    assert_int_equal(o.timeout_ms, 0);
    assert_int_equal(o.operand_count, 0);
    assert_null(o.user);
}

static void operands_and_options_mix(void **state)
{
    (void)state;
    assert_int_equal(parse("src", "--json", "-", "--bs=64k", "dst"), 0);
    assert_true(o.json);
    assert_int_equal(o.block_bytes, 65536);
    assert_int_equal(o.operand_count, 3);
    assert_string_equal(o.operands[0], "src");
    assert_string_equal(o.operands[1], "-");
    assert_string_equal(o.operands[2], "dst");
}

static void digests(void **state)
{
    (void)state;
    assert_int_equal(value("--digest", "none"), 0);
    assert_true(!o.header_digest && !o.data_digest);
    assert_int_equal(value("--digest", "header"), 0);
    assert_true(o.header_digest && !o.data_digest);
    assert_int_equal(value("--digest", "data"), 0);
    assert_true(!o.header_digest && o.data_digest);
    assert_int_equal(value("--digest", "both"), 0);
    assert_true(o.header_digest && o.data_digest);
    assert_int_equal(value("--digest", "crc32c"), -1);
}

static void modes(void **state)
{
    (void)state;
    assert_int_equal(value("--rw", "read"), 0);
    assert_int_equal(o.mode, BENCH_READ);
    assert_int_equal(value("--rw", "write"), 0);
    assert_int_equal(o.mode, BENCH_WRITE);
    assert_int_equal(value("--rw", "randwrite"), 0);
    assert_int_equal(o.mode, BENCH_WRITE | BENCH_RANDOM);
    assert_int_equal(value("--rw", "randrw"), 0);
    assert_int_equal(o.mode, BENCH_READ | BENCH_WRITE | BENCH_RANDOM);
    assert_int_equal(value("--rw", "rw"), -1);
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(value("--depth", "1024"), 0);
    assert_int_equal(value("--depth", "1025"), -1);
    assert_int_equal(value("--depth", "0"), -1);
    assert_int_equal(value("--bs", "0"), -1);
    assert_int_equal(value("--time", "0"), -1);
    assert_int_equal(value("--timeout", "0.5"), 0);
    assert_int_equal(o.timeout_ms, 500);
    assert_int_equal(value("--timeout", "soon"), -1);
    assert_int_equal(value("--user", ""), -1);
}

static void repeated_options_keep_their_order(void **state)
{
    (void)state;
    assert_int_equal(parse("--lun=ram:1M", "--lun", "file:a", "--listen", "[::1]:0"), 0);
    assert_int_equal(o.store_count, 2);
    assert_string_equal(o.stores[0], "ram:1M");
    assert_string_equal(o.stores[1], "file:a");
    assert_int_equal(o.portal_count, 1);
}

static void too_many_are_refused(void **state)
{
    char *argv[SERVE_LUNS_MAX + 3];
    char name[] = "cmd", word[] = "--lun=ram:1M";

    (void)state;
    argv[0] = name;
    for (unsigned i = 1; i < SERVE_LUNS_MAX + 2; i++)
        argv[i] = word;
    argv[SERVE_LUNS_MAX + 2] = NULL;
    optind = 0;
    assert_int_equal(options_parse(&o, "cmd", all, SERVE_LUNS_MAX + 1, argv), 0);
    optind = 0;
    assert_int_equal(options_parse(&o, "cmd", all, SERVE_LUNS_MAX + 2, argv), -1);
}

static void strangers_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse("--frobnicate", NULL, NULL, NULL, NULL), -1);
    assert_int_equal(parse("--force", NULL, NULL, NULL, NULL), -1); /* an option, but not of this command */
    assert_int_equal(parse("-x", NULL, NULL, NULL, NULL), -1);
    assert_int_equal(parse("--bs", NULL, NULL, NULL, NULL), -1);
    assert_int_equal(parse("--json=1", NULL, NULL, NULL, NULL), -1);
}

static void help(void **state)
{
    (void)state;
    assert_int_equal(parse("--help", NULL, NULL, NULL, NULL), OPT_HELP);
    assert_int_equal(parse("url", "-h", NULL, NULL, NULL), OPT_HELP);
}

/* Each identifier has its row, with a setter and words for the help. */
static void the_table_is_whole(void **state)
{
    (void)state;
    for (int id = OPT_HELP + 1; id <= OPT_NO_AUTH; id++) {
        const struct option_row *row = options_row(id);
        assert_non_null(row);
        assert_non_null(row->set);
        assert_true(row->help[0] != '\0');
        assert_true(strlen(row->name) + (row->value ? strlen(row->value) : 0) < 27);
    }
    assert_null(options_row('x'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(operands_and_options_mix),
        cmocka_unit_test(digests),
        cmocka_unit_test(modes),
        cmocka_unit_test(limits),
        cmocka_unit_test(repeated_options_keep_their_order),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(help),
        cmocka_unit_test(the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
