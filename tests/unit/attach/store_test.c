/* SPDX-License-Identifier: MIT */
/* Files of attachments: what is written is read again, what is not known stays, and what is wrong names its
 * line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "attach/store.h"

static char folder[] = "/var/tmp/berth-store.XXXXXX", path[STORE_PATH_MAX], why[STORE_WHY_MAX];
static unsigned warnings;

static int begin(void **state)
{
    (void)state;
    umask(022); /* or others might write to what is made here */
    return mkdtemp(folder) && store_path(folder, "x", path) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void count_warning(void *arg, const char *sentence)
{
    (void)arg;
    assert_non_null(strstr(sentence, "is not known here, and is kept as it is"));
    warnings++;
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    fclose(f);
}

static char *get(void)
{
    static char text[8192];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static struct settings *said(const char *const *words)
{
    struct settings *s = settings_new();
    char key[64], clause[SETTINGS_WHY_MAX];
    for (; *words; words++) {
        size_t len = strcspn(*words, "=");
        snprintf(key, sizeof key, "%.*s", (int)len, *words);
        assert_int_equal(settings_take(s, key, *words + len + 1, SETTINGS_GIVEN, clause), 0);
    }
    return s;
}

static void test_round_trip(void **state)
{
    static const char *const words[] = {"url=iscsi://u@h:3260/iqn.2026-11.test:a=b;c/0",
                                        "secret-file=/some/where else/s",
                                        "key=MaxBurstLength=65536",
                                        "key=InitialR2T=No",
                                        "wait=forever",
                                        "read-only=yes",
                                        "name=x",
                                        "lock-fd=3",
                                        NULL};
    struct settings *s = said(words), *again = settings_new();
    (void)state;
    assert_int_equal(store_write(s, path, why), 0);
    assert_null(strstr(get(), "lock-fd"));
    assert_null(strstr(get(), "name ="));
    warnings = 0;
    assert_int_equal(store_read(again, path, count_warning, NULL, why), 0);
    assert_int_equal(warnings, 0);
    assert_int_equal(settings_source(again, SETTING_URL), SETTINGS_FILE);
    assert_int_equal(settings_differ(s, again), SETTING_NAME);
    assert_string_equal(settings_text(again, SETTING_URL), words[0] + 4);
    settings_free(again);
    settings_free(s);
}

static void test_kept(void **state)
{
    static const char *const words[] = {"url=iscsi://h/t/0", "depth=9", NULL};
    struct settings *s = said(words);
    char once[512];
    (void)state;
    put("# head\n\n[before]\ndepth = 1\n [attachment] ; mine\nurl=old\n\tcolour = blue\n  depth: 7\n; depth "
        "= 3\n[after]\nurl = x");
    assert_int_equal(store_write(s, path, why), 0);
    assert_string_equal(
        get(), "# head\n\n[before]\ndepth = 1\n [attachment] ; mine\nurl = iscsi://h/t/0\ndepth = 9\n"
               "\tcolour = blue\n; depth = 3\n[after]\nurl = x\n");
    snprintf(once, sizeof once, "%s", get());
    assert_int_equal(store_write(s, path, why), 0);
    assert_string_equal(get(), once);
    put("\xef\xbb\xbf[attachment]\nurl = x\n");
    assert_int_equal(store_write(s, path, why), 0);
    assert_string_equal(get(), "\xef\xbb\xbf[attachment]\nurl = iscsi://h/t/0\ndepth = 9\n");
    put("# only a remark\n\n  ; and another\n");
    assert_int_equal(store_check(path, why), 0);
    assert_int_equal(store_write(s, path, why), 0);
    assert_string_equal(get(),
                        "# only a remark\n\n  ; and another\n[attachment]\nurl = iscsi://h/t/0\ndepth = 9\n");
    settings_free(s);
}

/* The file of a target, or anything else that says something and nothing of an attachment. */
static void test_foreign(void **state)
{
    static const char *const texts[] = {"[serve]\nlisten = 127.0.0.1\n", "[attachments]\nurl = x\n",
                                        "colour = blue\n", "a letter\n", "[target iqn.2026-11.test:x]"};
    static const char *const words[] = {"url=iscsi://h/t/0", NULL};
    struct settings *s = said(words);
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put(texts[i]);
        assert_int_equal(store_check(path, why), BERTH_E_ARGUMENT);
        assert_non_null(strstr(why, "x.conf is no file of an attachment"));
        why[0] = '\0';
        assert_int_equal(store_write(s, path, why), BERTH_E_ARGUMENT);
        assert_non_null(strstr(why, "x.conf is no file of an attachment"));
        assert_string_equal(get(), texts[i]);
    }
    unlink(path);
    assert_int_equal(store_check(path, why), 0);
    settings_free(s);
}

/* What others may write to, root does not follow. An ordinary user reads what is there. */
static void test_trust(void **state)
{
    static const mode_t modes[] = {0600, 0644, 0620, 0602, 0666};
    static const char *const words[] = {"url=iscsi://h/t/0", NULL};
    (void)state;
    put("[attachment]\nurl = iscsi://h/t/1\n");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct settings *s = said(words);
        bool fine = geteuid() != 0 || !(modes[i] & 022);
        assert_int_equal(chmod(path, modes[i]), 0);
        why[0] = '\0';
        assert_int_equal(store_read(s, path, NULL, NULL, why), fine ? 0 : BERTH_E_ARGUMENT);
        assert_int_equal(store_check(path, why), fine ? 0 : BERTH_E_ARGUMENT);
        assert_true(fine || strstr(why, "run 'chmod go-w "));
        settings_free(s);
    }
    if (geteuid() == 0) {
        struct settings *s = settings_new();
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(chown(path, 65534, 0), 0);
        assert_int_equal(store_read(s, path, NULL, NULL, why), BERTH_E_ARGUMENT);
        assert_non_null(strstr(why, "belongs to another user (uid 65534)"));
        assert_non_null(strstr(why, "run 'chown root "));
        settings_free(s);
    }
    unlink(path);
}

static void test_broken(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"[attachment]\n\ndepth = x\n", "x.conf:3: depth must be a number"},
        {"[attachment]\nnonsense\n", "x.conf:2: this is neither"},
        {"[attachment\n", "x.conf:1: this is neither"},
        {"[attachment]\nkey = x\n", "x.conf:2: key must be KEY=VALUE"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct settings *s = settings_new();
        put(rows[i].text);
        assert_int_equal(store_read(s, path, count_warning, NULL, why), BERTH_E_ARGUMENT);
        assert_non_null(strstr(why, rows[i].why));
        settings_free(s);
    }
}

/* Nothing is written that would be read as something else, and what was there stays. */
static void test_not_kept(void **state)
{
    static const char *const rows[][3] = {
        {"url=iscsi://h/t/0", "secret-file= /blank", NULL},
        {"url=iscsi://h/t/0", "secret-file=/blank ", NULL},
        {"url=iscsi://h/t/0", "secret-file=/a ;b", NULL},
        {"url=iscsi://h/t/0", "secret-file=;b", NULL},
        {"url=iscsi://h/t/0", "key=X-a=1 ;b", NULL},
    };
    (void)state;
    put("# mine\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct settings *s = said(rows[i]);
        assert_int_equal(store_write(s, path, why), BERTH_E_ARGUMENT);
        assert_non_null(strstr(why, i < 4 ? "secret-file" : "this key"));
        assert_string_equal(get(), "# mine\n");
        settings_free(s);
    }
}

static void test_no_place(void **state)
{
    static const char *const words[] = {"url=iscsi://h/t/0", NULL};
    struct settings *s = said(words);
    (void)state;
    assert_int_equal(store_write(s, "/dev/null/x.conf", why), BERTH_E_SYSTEM);
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(store_read(s, "/dev/null/x.conf", NULL, NULL, why), BERTH_E_SYSTEM);
    settings_free(s);
}

/* A pipe that nobody writes into, a folder and too large a file are refused, and neither waited for nor
 * replaced. */
static void test_no_plain_file(void **state)
{
    static const char *const words[] = {"url=iscsi://h/t/0", NULL};
    struct settings *s = said(words);
    struct stat st;
    (void)state;
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(store_read(s, path, NULL, NULL, why), BERTH_E_ARGUMENT);
    assert_non_null(strstr(why, "is no plain file"));
    assert_int_equal(store_write(s, path, why), BERTH_E_ARGUMENT);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(store_read(s, folder, NULL, NULL, why), BERTH_E_ARGUMENT);
    unlink(path);
    put("# large\n");
    assert_int_equal(truncate(path, 1 << 30), 0);
    assert_int_equal(store_read(s, path, NULL, NULL, why), BERTH_E_ARGUMENT);
    assert_non_null(strstr(why, "shorten it"));
    assert_int_equal(store_write(s, path, why), BERTH_E_ARGUMENT);
    unlink(path);
    settings_free(s);
}

static void test_mode_stays(void **state)
{
    static const char *const words[] = {"url=iscsi://h/t/0", NULL};
    struct settings *s = said(words);
    struct stat st;
    (void)state;
    put("# hidden\n");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(store_write(s, path, why), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    settings_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_kept),
        cmocka_unit_test(test_broken),     cmocka_unit_test(test_not_kept),
        cmocka_unit_test(test_no_place),   cmocka_unit_test(test_no_plain_file),
        cmocka_unit_test(test_mode_stays), cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_trust),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
