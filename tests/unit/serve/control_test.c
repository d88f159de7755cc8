/* SPDX-License-Identifier: MIT */
/* The control socket: its lines, who may hold what up, and what its verbs do to sessions. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "client.h"
#include "serve/control.h"

#define HEARD_MAX (1u << 20)

static char folder[] = "control_test.XXXXXX", path[64], heard[HEARD_MAX];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/socket", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int open_control(char words[256])
{
    const struct reason why = {words, 256};
    config.control = path;
    return control_open(target, &why);
}

static int start_controlled(void **state)
{
    char words[256];
    return start_target(state) || open_control(words) ? -1 : 0;
}

/* --- talking --- */

static int dial(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(to.sun_path, path, strlen(path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* What comes until it stays quiet or ends; false: it has ended. */
static bool listen_to(int fd)
{
    size_t have = 0;
    for (uint32_t quiet = 0; quiet < QUIET && have < HEARD_MAX - 1;) {
        ssize_t n = recv(fd, heard + have, HEARD_MAX - 1 - have, MSG_DONTWAIT);
        have += n > 0 ? (size_t)n : 0;
        heard[have] = '\0';
        if (n == 0)
            return false;
        quiet = n > 0 ? 0 : quiet + 1;
        turn();
    }
    return true;
}

static int dialled(void)
{
    int fd = dial();
    assert_true(listen_to(fd));
    assert_string_equal(heard, CONTROL_GREETING "\n");
    return fd;
}

static void put(int fd, const char *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static const char *ask(int fd, const char *line)
{
    put(fd, line, strlen(line));
    assert_true(listen_to(fd));
    return heard;
}

/* One request and the whole answer, on a connection of its own. */
static const char *asked(const char *line)
{
    char with_end[CONTROL_LINE_MAX];
    int fd = dialled();
    snprintf(with_end, sizeof with_end, "%s\n", line);
    ask(fd, with_end);
    close(fd);
    return heard;
}

static void refused(const char *line, int error, const char *sentence)
{
    char expected[512];
    snprintf(expected, sizeof expected, "fail %d %s\n", error, sentence);
    assert_string_equal(asked(line), expected);
}

static void done(const char *line)
{
    asked(line);
    size_t len = strlen(heard);
    assert_true(len >= 3);
    assert_string_equal(heard + len - 3, "ok\n");
}

static void tells(const char *line, const char *record)
{
    done(line);
    if (!strstr(heard, record))
        fail_msg("'%s' is not in: %s", record, heard);
}

/* --- lines --- */

static void test_lines(void **state)
{
    (void)state;
    int fd = dialled();
    assert_string_equal(ask(fd, "log-level\n"), "t log normal\nok\n");
    assert_string_equal(ask(fd, "  log-level   debug \r\n"), "t log debug\nok\n");
    assert_string_equal(ask(fd, "log-level quiet\nlog-level\n"), "t log quiet\nok\nt log quiet\nok\n");
    assert_string_equal(ask(fd, "log-lev"), "");
    assert_string_equal(ask(fd, "el%20x\n"), "fail -404 'log-level x' is no verb: 'help' lists them\n");
    assert_string_equal(ask(fd, "%6cog-level\n"), "t log quiet\nok\n");
    assert_string_equal(ask(fd, "\n"), "fail -404 '' is no verb: 'help' lists them\n");
    assert_string_equal(ask(fd, "a%25%0Ab\n"), "fail -404 'a%25%0Ab' is no verb: 'help' lists them\n");
    close(fd);
}

#define NO_REQUEST "fail -404 this is no request: write at most 16 words, and %2525 for a percent sign\n"

static void test_no_requests(void **state)
{
    (void)state;
    int fd = dialled();
    assert_string_equal(ask(fd, "log-level 100%\n"), NO_REQUEST);
    assert_string_equal(ask(fd, "log-level %4\n"), NO_REQUEST);
    assert_string_equal(ask(fd, "log-level %g0\n"), NO_REQUEST);
    assert_string_equal(ask(fd, "log-level %00\n"), NO_REQUEST);
    assert_string_equal(ask(fd, "a b c d e f g h i j k l m n o p q\n"), NO_REQUEST);
    put(fd, "log-level\0x\n", 12);
    assert_true(listen_to(fd));
    assert_string_equal(heard, NO_REQUEST);
    assert_string_equal(ask(fd, "log-level\n"), "t log normal\nok\n");
    close(fd);
}

/* A line that never ends is the last one. */
static void test_long_lines(void **state)
{
    static char line[CONTROL_LINE_MAX + 1];
    (void)state;
    int fd = dialled();
    memset(line, ' ', sizeof line);
    memcpy(line, "log-level", 9);
    line[CONTROL_LINE_MAX - 1] = '\n';
    put(fd, line, CONTROL_LINE_MAX);
    assert_true(listen_to(fd));
    assert_string_equal(heard, "t log normal\nok\n");
    line[CONTROL_LINE_MAX - 1] = ' ';
    put(fd, line, CONTROL_LINE_MAX);
    assert_false(listen_to(fd));
    assert_string_equal(heard, "fail -404 the request is longer than 8191 bytes: shorten it\n");
    close(fd);
}

static void test_verbs_want_their_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < control_verb_count; i++) {
        const struct control_verb *v = &control_verbs[i];
        char line[256], usage[256];
        snprintf(usage, sizeof usage, "write it as: %s%s%s", v->name, v->words[0] ? " " : "", v->words);
        snprintf(line, sizeof line, "%s", v->name);
        if (v->least > 1)
            refused(line, BERTH_E_ARGUMENT, usage);
        for (uint32_t word = 0; word < v->most; word++)
            strcat(line, " x");
        refused(line, BERTH_E_ARGUMENT, usage);
    }
}

/* The verbs are told with what they take. */
static void test_help(void **state)
{
    (void)state;
    tells("help", "t add-lun [IQN] LUN STORE: serve one LUN more");
    for (size_t i = 0; i < control_verb_count; i++)
        assert_non_null(strstr(heard, control_verbs[i].name));
}

/* --- connections --- */

static void test_several_at_once(void **state)
{
    int fds[CONTROL_CLIENTS_MAX];
    (void)state;
    for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        fds[i] = dialled();
    int late = dial();
    assert_false(listen_to(late));
    assert_string_equal(heard, CONTROL_GREETING "\nfail -503 too many are connected: try again later\n");
    close(late);
    put(fds[3], "log-le", 6);
    assert_string_equal(ask(fds[7], "log-level\n"), "t log normal\nok\n");
    assert_string_equal(ask(fds[3], "vel\n"), "t log normal\nok\n");
    for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close(fds[i]);
    turns(QUIET);
    close(dialled());
}

/* Whoever has said all may hang up its half, and hears the answers. */
static void test_half_closed(void **state)
{
    (void)state;
    int fd = dialled();
    put(fd, "log-level\nlog-level\nhal", 23);
    shutdown(fd, SHUT_WR);
    assert_false(listen_to(fd));
    assert_string_equal(heard, "t log normal\nok\nt log normal\nok\n");
    close(fd);
}

/* How many end in this piece of what is heard. `*matched`: bytes of an end that came with the piece before.
 */
static uint32_t answers_in(const char *piece, size_t *matched)
{
    static const char end[] = "\nok\n";
    uint32_t count = 0;
    for (; *piece; piece++) {
        *matched = *piece == end[*matched] ? *matched + 1 : *piece == end[0];
        if (*matched == sizeof end - 1) {
            *matched = 1;
            count++;
        }
    }
    return count;
}

/* Who asks and does not listen is not read from, holds nobody up, and hears all of it in the end. */
static void test_slow_listener(void **state)
{
    (void)state;
    uint32_t asked_for = 0;
    int fd = dialled();
    for (uint32_t i = 0; i < 100000; i++) {
        if (send(fd, "help\n", 5, MSG_NOSIGNAL | MSG_DONTWAIT) != 5)
            break;
        asked_for++;
        if (i % 100 == 0)
            turn();
    }
    assert_in_range(asked_for, 10, 99999);
    done("status");
    uint32_t answers = 0;
    for (size_t matched = 0; answers < asked_for;) {
        assert_true(listen_to(fd));
        assert_true(heard[0]);
        answers += answers_in(heard, &matched);
    }
    assert_int_equal(answers, asked_for);
    close(fd);
}

/* ...but not for ever. */
static void test_no_listener(void **state)
{
    (void)state;
    int fd = dialled();
    while (send(fd, "help\n", 5, MSG_NOSIGNAL | MSG_DONTWAIT) == 5)
        ;
    turns(QUIET);
    control_tick(target, engine_now(target->engine) + CONTROL_PATIENCE_NS / 2);
    assert_int_equal(send(fd, "", 0, MSG_NOSIGNAL), 0);
    control_tick(target, engine_now(target->engine) + CONTROL_PATIENCE_NS + 1);
    while (recv(fd, heard, sizeof heard, 0) > 0)
        ;
    assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
    close(fd);
}

/* Whoever calls when there is no descriptor left for them does not keep the target busy, and is heard later.
 */
static void test_no_descriptors(void **state)
{
    struct rlimit before, none;
    (void)state;
    int late = dial();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)late + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    turns(3);
    uint64_t calls = target->engine->syscalls;
    turns(QUIET);
    assert_int_equal(target->engine->syscalls - calls, QUIET); /* each turn waits its time */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    control_tick(target, engine_now(target->engine));
    assert_true(listen_to(late));
    assert_string_equal(heard, CONTROL_GREETING "\n");
    close(late);
}

/* --- the socket --- */

static void test_only_its_owner_may(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0600);
    control_close(target);
    assert_int_equal(stat(path, &st), -1);
}

/* What a target left behind that was killed is no obstacle; a living one, or a file, is. */
static void test_what_is_there(void **state)
{
    char words[256];
    (void)state;
    struct control *other = target->control;
    target->control = NULL;
    assert_int_equal(open_control(words), BERTH_E_ARGUMENT);
    assert_non_null(strstr(words, "another target listens at "));
    control_close(target);
    target->control = other;
    control_close(target);

    struct sockaddr_un where = {.sun_family = AF_UNIX};
    int left = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(where.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(left, (struct sockaddr *)&where, sizeof where), 0);
    close(left);
    assert_int_equal(open_control(words), 0);
    close(dialled());
    control_close(target);

    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(open_control(words), BERTH_E_ARGUMENT);
    assert_non_null(strstr(words, "is there and no socket: choose another path"));
    control_close(target);
    assert_int_equal(unlink(path), 0);
}

static void test_paths_that_cannot_be(void **state)
{
    char words[256], name[200];
    const struct reason why = {words, sizeof words};
    (void)state;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    config.control = name;
    assert_int_equal(control_open(target, &why), BERTH_E_ARGUMENT);
    assert_non_null(strstr(words, "a socket's path has at most 107 bytes"));
    control_close(target);
    config.control = "no/such/folder";
    assert_int_equal(control_open(target, &why), BERTH_E_SYSTEM);
    assert_non_null(strstr(words, "cannot have the control socket no/such/folder: No such file"));
}

/* --- LUNs --- */

static void no_lun(struct client *cl, uint32_t lun)
{
    assert_int_equal(status(cl, test_unit_ready(cl, lun)), SCSI_CHECK_CONDITION);
    assert_int_equal(get16(cl->data + 2 + 12), ASC_LUN_NOT_SUPPORTED);
}

static void test_add_lun(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    no_lun(&cl, 5);
    tells("add-lun 5 ram:2M,ro", "( -\nt target iqn.2026-11.test:t\nn lun 5\nn size_bytes 2097152\nn "
                                 "block_bytes 512\nt access read-only\n");
    attention(&cl, 0, ASC_LUNS_CHANGED);
    attention(&cl, 5, ASC_POWER_ON);
    good(&cl, test_unit_ready(&cl, 5));
    tells("add-lun iqn.2026-11.test:t next ram:3M", "n lun 2\n");
    tells("luns", "t store ram:3M\n");
    hang_up(&cl);
}

static void test_add_lun_refusals(void **state)
{
    (void)state;
    refused("add-lun 0 ram:1M", BERTH_E_ARGUMENT,
            "LUN 0 of iqn.2026-11.test:t is there already: give this one another number");
    refused("add-lun 1024 ram:1M", BERTH_E_ARGUMENT, "'1024' is not a LUN: use 0 to 1023");
    refused("add-lun x ram:1M", BERTH_E_ARGUMENT, "'x' is not a LUN: use 0 to 1023");
    refused("add-lun -1 ram:1M", BERTH_E_ARGUMENT, "'-1' is not a LUN: use 0 to 1023");
    refused("add-lun 2 ram:1M x", BERTH_E_ARGUMENT, "write it as: add-lun [IQN] LUN STORE");
    refused("add-lun iqn.2026-11.test:x 2 ram:1M", BERTH_E_NO_TARGET,
            "there is no target iqn.2026-11.test:x: list them with targets");
    asked("add-lun 2 disk:1M");
    assert_non_null(strstr(heard, "'disk' is no kind of logical unit"));
    asked("add-lun 2 file:/no/such/file");
    assert_non_null(strstr(heard, "does not exist"));
    assert_null(target->nodes[0].set.lus[2]);
    assert_int_equal(target->lun_count, 2);
}

static void test_remove_lun(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    done("remove-lun 1");
    attention(&cl, 0, ASC_LUNS_CHANGED);
    no_lun(&cl, 1);
    assert_null(target->retired);
    refused("remove-lun 1", BERTH_E_NO_LUN, "iqn.2026-11.test:t has no LUN 1: list them with luns");
    refused("remove-lun 1 2", BERTH_E_ARGUMENT, "write it as: remove-lun [IQN] LUN");
    done("add-lun 1 ram:1M");
    hang_up(&cl);
}

/* What runs ends as ever; what waits finds nothing; the store is closed behind the last of them. */
static void test_remove_under_way(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    uint32_t running = write_block(&cl, 0, 0x11);
    await_held(1);
    done("remove-lun 0");
    assert_non_null(target->retired);
    no_lun(&cl, 0);
    done("add-lun 0 ram:2M");
    release();
    good(&cl, running);
    await((luns_settle(target), !target->retired));
    hang_up(&cl);
}

/* The session that has the command is gone, the command is not. */
static void test_remove_behind_a_session(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    write_block(&cl, 0, 0x11);
    await_held(1);
    done("remove-lun 0");
    hang_up(&cl);
    await(target->session_count == 0);
    turns(QUIET);
    luns_settle(target);
    assert_non_null(target->retired);
    release();
    await((luns_settle(target), !target->retired));
}

/* An answer on its way shows the store's own memory: LUN 1 peeks. */
static void test_remove_behind_an_answer(void **state)
{
    enum { BLOCKS = 1024, COUNT = 20 }; /* more than a socket holds */
    struct wire_scsi_command c = {.read = true,
                                  .attr = WIRE_ATTR_SIMPLE,
                                  .edtl = BLOCKS * 512,
                                  .lun = scsi_lun_encode(1),
                                  .cdb = {SCSI_READ_10, [7] = BLOCKS >> 8}};
    (void)state;
    struct client cl = ready_client(1);
    for (uint32_t i = 0; i < COUNT; i++)
        command(&cl, c, NULL, 0);
    await(recv(cl.fd, heard, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    turns(QUIET);
    done("remove-lun 1");
    luns_settle(target);
    assert_non_null(target->retired);
    uint64_t have = 0;
    for (uint32_t i = 0; target->retired && i < PATIENCE; i++) {
        ssize_t n = recv(cl.fd, heard, sizeof heard, MSG_DONTWAIT);
        have += n > 0 ? (uint64_t)n : 0;
        turn();
        luns_settle(target);
    }
    assert_null(target->retired);
    assert_true(have >= (uint64_t)BLOCKS * 512);
    hang_up(&cl);
}

static void test_resize_lun(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    tells("resize-lun 1 2M", "n size_bytes 2097152\n");
    attention(&cl, 1, ASC_CAPACITY_CHANGED);
    tells("resize-lun iqn.2026-11.test:t 1 512", "n size_bytes 512\n");
    asked("resize-lun 1 1000");
    assert_non_null(strstr(heard, "no multiple of the block"));
    asked("resize-lun 1 much");
    assert_int_equal(strncmp(heard, "fail -404 ", 10), 0);
    refused("resize-lun 9 1M", BERTH_E_NO_LUN, "iqn.2026-11.test:t has no LUN 9: list them with luns");
    refused("resize-lun 1 2 3", BERTH_E_ARGUMENT, "write it as: resize-lun [IQN] LUN [SIZE]");
    hang_up(&cl);
}

/* --- sessions --- */

static void hear_async(struct client *cl, struct wire_async *a)
{
    assert_true(hear_within(cl, PATIENCE));
    assert_int_equal(wire_opcode(cl->bhs), WIRE_ASYNC);
    get_async(cl->bhs, a);
}

static bool ended(struct client *cl, uint32_t patience)
{
    char byte;
    ssize_t n;
    while ((n = recv(cl->fd, &byte, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN && patience-- > 0)
        turn();
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void test_kick(void **state)
{
    struct wire_async a;
    (void)state;
    struct client one = ready_client(1), two = ready_client(2), three = ready_client(3);
    done("kick 2");
    hear_async(&two, &a);
    assert_int_equal(a.event, WIRE_ASYNC_DROP_ALL);
    assert_true(ended(&two, PATIENCE));
    assert_false(ended(&one, QUIET));
    refused("kick 2", BERTH_E_ARGUMENT, "there is no session 2: list them with sessions");
    refused("kick x", BERTH_E_ARGUMENT, "'x' is not a session's number, nor 'all': use 1 to 65535");
    done("kick all");
    hear_async(&one, &a);
    hear_async(&three, &a);
    assert_true(ended(&one, PATIENCE) && ended(&three, PATIENCE));
    assert_int_equal(target->session_count, 0);
    hang_up(&one);
    hang_up(&two);
    hang_up(&three);
}

/* With a command under way the session's memory waits for it. */
static void test_kick_under_way(void **state)
{
    struct wire_async a;
    (void)state;
    struct client cl = ready_client(1);
    write_block(&cl, 0, 0x11);
    await_held(1);
    done("kick all");
    hear_async(&cl, &a);
    assert_true(ended(&cl, PATIENCE));
    release();
    turns(QUIET);
    hang_up(&cl);
}

static void test_logout(void **state)
{
    struct wire_async a;
    (void)state;
    struct client one = ready_client(1), two = ready_client(2);
    refused("logout 1 3601", BERTH_E_ARGUMENT, "'3601' is not a number of seconds: use 0 to 3600");
    uint64_t before = engine_now(target->engine);
    done("logout all 7");
    uint64_t after = engine_now(target->engine);
    hear_async(&one, &a);
    assert_int_equal(a.event, WIRE_ASYNC_LOGOUT);
    assert_int_equal(a.parameter3, 7);
    hear_async(&two, &a);
    target_tick(target, before + 6000000000ull);
    assert_false(ended(&one, QUIET));
    uint8_t bhs[WIRE_BHS_LEN];
    put_logout_request(bhs, &(struct wire_logout_request){.immediate = true, .itt = 9, .cmd_sn = two.cmd_sn});
    say(&two, bhs, NULL, 0);
    hear(&two, WIRE_LOGOUT_RESPONSE, 9);
    target_tick(target, after + 8000000000ull);
    assert_true(ended(&one, PATIENCE));
    tells("log 1", "did not log out when it was asked to");
    hang_up(&one);
    hang_up(&two);
}

static void test_async(void **state)
{
    struct wire_async a;
    uint32_t number;
    (void)state;
    struct client cl = ready_client(1);
    done("async 1 255 vendor=7 parameter1=1 parameter2=0x200 parameter3=65535 lun=300");
    hear_async(&cl, &a);
    assert_int_equal(a.event, 255);
    assert_int_equal(a.vendor_code, 7);
    assert_int_equal(a.parameter1, 1);
    assert_int_equal(a.parameter2, 0x200);
    assert_int_equal(a.parameter3, 65535);
    assert_true(scsi_lun_decode(a.lun, &number) && number == 300);
    assert_int_equal(cl.data_len, 0);
    done("async all 0 sense=6/29/00");
    hear_async(&cl, &a);
    assert_int_equal(a.event, WIRE_ASYNC_SCSI);
    assert_int_equal(get16(cl.data) + 2, cl.data_len);
    assert_int_equal(cl.data[2 + 2] & 0x0f, SENSE_UNIT_ATTENTION);
    assert_int_equal(get16(cl.data + 2 + 12), ASC_POWER_ON);
    good(&cl, test_unit_ready(&cl, 0));
    hang_up(&cl);
}

static void test_async_refusals(void **state)
{
    static const char *const words[] = {"vendor=256",     "parameter1=65536",
                                        "parameter4=1",   "lun=1024",
                                        "lun=",           "lun=x",
                                        "sense=6/29",     "sense=10/29/0",
                                        "sense=6/29/0/0", "lun"};
    (void)state;
    struct client cl = ready_client(1);
    refused("async 1 256", BERTH_E_ARGUMENT, "'256' is not an event: use 0 to 255");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char line[64], sentence[256];
        snprintf(line, sizeof line, "async 1 255 %s", words[i]);
        snprintf(sentence, sizeof sentence,
                 "'%s' is nothing a message has: use parameter1=N (2, 3), vendor=N, lun=N or "
                 "sense=KEY/ASC/ASCQ in "
                 "hexadecimal",
                 words[i]);
        refused(line, BERTH_E_ARGUMENT, sentence);
    }
    hear_nothing(&cl);
    hang_up(&cl);
}

/* An outbox that is full of what nobody reads takes no more; sockets take some more before it is full. */
#define DEAF_ASKS (10 * CONN_OUTBOX)

static void test_deaf_session(void **state)
{
    struct wire_scsi_command c = {.read = true,
                                  .attr = WIRE_ATTR_SIMPLE,
                                  .edtl = 1u << 20,
                                  .lun = scsi_lun_encode(1),
                                  .cdb = {SCSI_READ_10, [7] = 0x08}};
    (void)state;
    struct client cl = ready_client(1);
    for (uint32_t i = 0; i < 20; i++)
        command(&cl, c, NULL, 0);
    await(recv(cl.fd, heard, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    for (uint32_t i = 0; i < DEAF_ASKS && strcmp(asked("async 1 255"), "ok\n") == 0; i++)
        ;
    assert_string_equal(heard, "fail -309 1 sessions cannot be told anything now: try again, or kick them\n");
    done("kick 1");
    assert_int_equal(target->session_count, 0);
    hang_up(&cl);
}

static void test_sessions(void **state)
{
    (void)state;
    tells("sessions", "[ sessions\n]\nok\n");
    struct client cl = ready_client(1);
    write_block(&cl, 1, 0x11);
    assert_true(hear_within(&cl, PATIENCE));
    good(&cl, test_unit_ready(&cl, 1));
    tells("sessions",
          "n session 1\nt initiator iqn.2026-11.test:i\nt alias \nt isid 800000000001\nt user \n");
    assert_non_null(strstr(heard, "n commands 4\nn failed 2\nn read_bytes 0\nn written_bytes 512\n"));
    assert_non_null(strstr(heard, "{ negotiated\nt HeaderDigest None\n"));
    assert_non_null(strstr(heard, "t MaxBurstLength 262144\n"));
    tells("targets", "n luns 2\nn sessions 1\n");
    tells("status", "n sessions 1\nn logins 0\n");
    hang_up(&cl);
}

/* --- paths --- */

static uint16_t login_status(char address[64])
{
    uint8_t bhs[WIRE_BHS_LEN], text[256];
    struct writer w = writer_over(text, sizeof text);
    struct wire_login_request l = {.transit = true, .csg = 1, .nsg = 3, .isid = {0x80, 0, 0, 0, 0, 9}};
    struct client cl = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    const struct engine_addr *to = &target->portals[0].addr;
    assert_int_equal(connect(cl.fd, (const struct sockaddr *)&to->sa, to->len), 0);
    text_put(&w, "InitiatorName", "iqn.2026-11.test:i");
    text_put(&w, "TargetName", IQN);
    text_put(&w, "SessionType", "Normal");
    put_login_request(bhs, &l);
    say(&cl, bhs, text, (uint32_t)writer_len(&w));
    hear(&cl, WIRE_LOGIN_RESPONSE, 0);
    snprintf(address, 64, "%.*s", (int)cl.data_len, (const char *)cl.data);
    hang_up(&cl);
    turns(QUIET);
    return get16(cl.bhs + 36);
}

static void test_redirect(void **state)
{
    struct wire_async a;
    char address[64];
    (void)state;
    struct client cl = ready_client(1);
    refused("redirect [::1", BERTH_E_ADDRESS,
            "'[::1' is no address to send logins to; take ADDR:PORT or [V6ADDR]:PORT");
    refused("redirect a:1 for-ever", BERTH_E_ARGUMENT,
            "write it as: redirect [IQN] ADDR:PORT [permanent] | off");
    refused("redirect off permanent", BERTH_E_ARGUMENT,
            "write it as: redirect [IQN] ADDR:PORT [permanent] | off");
    assert_int_equal(login_status(address), WIRE_LOGIN_SUCCESS);
    done("redirect 192.0.2.1:3260");
    hear_async(&cl, &a);
    assert_int_equal(a.event, WIRE_ASYNC_LOGOUT);
    assert_int_equal(login_status(address), WIRE_LOGIN_MOVED_TEMPORARILY);
    assert_string_equal(address, "TargetAddress=192.0.2.1:3260");
    done("redirect iqn.2026-11.test:t [2001:db8::1]:3260 permanent");
    assert_int_equal(login_status(address), WIRE_LOGIN_MOVED_PERMANENTLY);
    tells("targets", "t redirect [2001:db8::1]:3260\nb permanent true\n");
    done("redirect off");
    assert_int_equal(login_status(address), WIRE_LOGIN_SUCCESS);
    hang_up(&cl);
}

static void test_access(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    tells("portals", "n group 1\nt access optimized\n");
    refused("access 2 standby", BERTH_E_ARGUMENT, "there is no portal in group 2: listen at ADDR:PORT,2");
    refused("access 1 slow", BERTH_E_ARGUMENT,
            "'slow' is no access: use optimized, non-optimized, standby or unavailable");
    refused("access 0 standby", BERTH_E_ARGUMENT, "'0' is not a portal group: use 1 to 65535");
    done("access 1 non-optimized");
    attention(&cl, 0, ASC_ACCESS_CHANGED);
    tells("portals", "n group 1\nt access non-optimized\n");
    done("access 1 standby");
    attention(&cl, 1, ASC_ACCESS_CHANGED);
    assert_int_equal(status(&cl, read_block(&cl, 1)), SCSI_CHECK_CONDITION);
    hang_up(&cl);
}

/* --- the rest --- */

static void test_log(void **state)
{
    (void)state;
    struct client cl = ready_client(1);
    tells("log", " iqn.2026-11.test:i: logged in\n");
    done("add-lun 9 ram:1M");
    tells("log 1", "t kind change\nt text LUN 9 of iqn.2026-11.test:t added: ram:1M\n");
    assert_null(strstr(heard, "logged in"));
    refused("log 0", BERTH_E_ARGUMENT, "'0' is not a number of lines: use 1 to 256");
    refused("log-level loud", BERTH_E_ARGUMENT, "the level must be quiet, normal or debug, not 'loud'");
    attention(&cl, 1, ASC_LUNS_CHANGED);
    done("log-level debug");
    good(&cl, test_unit_ready(&cl, 1));
    tells("log 1", "t kind command\n");
    assert_non_null(strstr(heard, " LUN 1: TEST UNIT READY: GOOD\n"));
    hang_up(&cl);
}

static void test_stop(void **state)
{
    (void)state;
    assert_false(target->stopped);
    done("stop");
    assert_true(target->stopped);
}

static void test_rules(void **state)
{
    (void)state;
    tells("rules", "[ rules\n]\nok\n");
}

static void test_no_referee(void **state)
{
    (void)state;
    refused("referee", BERTH_E_ARGUMENT, "there is no referee: start the target with --referee");
}

#undef TEST
#define TEST(test) cmocka_unit_test_setup_teardown(test, start_controlled, end_target)
#define BARE(test) cmocka_unit_test_setup_teardown(test, start_target, end_target)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines),
        TEST(test_no_requests),
        TEST(test_long_lines),
        TEST(test_verbs_want_their_words),
        TEST(test_help),
        TEST(test_several_at_once),
        TEST(test_half_closed),
        TEST(test_slow_listener),
        TEST(test_no_listener),
        TEST(test_no_descriptors),
        TEST(test_only_its_owner_may),
        TEST(test_what_is_there),
        BARE(test_paths_that_cannot_be),
        TEST(test_add_lun),
        TEST(test_add_lun_refusals),
        TEST(test_remove_lun),
        TEST(test_remove_under_way),
        TEST(test_remove_behind_a_session),
        TEST(test_remove_behind_an_answer),
        TEST(test_resize_lun),
        TEST(test_kick),
        TEST(test_kick_under_way),
        TEST(test_logout),
        TEST(test_async),
        TEST(test_async_refusals),
        TEST(test_deaf_session),
        TEST(test_sessions),
        TEST(test_redirect),
        TEST(test_access),
        TEST(test_log),
        TEST(test_rules),
        TEST(test_no_referee),
        TEST(test_stop),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
