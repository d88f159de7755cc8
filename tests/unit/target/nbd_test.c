/* SPDX-License-Identifier: MIT */
/* Logical units behind an NBD server: nbdkit, which can be slow, wrong, and gone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lu/command.h"
#include "lu/lu.h"
#include "lu/workers.h"
#include "nbd_fake.h"

#define IQN      "iqn.2026-11.io.berth:test"
#define KIB      UINT64_C(1024)
#define MIB      (1024 * KIB)
#define ARGS_MAX 16
#define MANY     100u
#define MANY_LEN (64 * KIB)

static char folder[96], socket_path[128], why[512];
static pid_t server;
static struct lu lu;
static struct workers *workers;

/* --- the server --- */

static bool have_nbdkit(void)
{
    return system("nbdkit --version >/dev/null 2>&1") == 0;
}

static bool answers(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool up = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return up;
}

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* It ends with this program. */
static void serve(const char *words)
{
    char copy[512], *rest = copy, *argv[ARGS_MAX] = {0};
    snprintf(copy, sizeof copy, "nbdkit -f -U %s %s", socket_path, words);
    for (int i = 0; i < ARGS_MAX - 1 && rest; i++)
        argv[i] = strsep(&rest, " ");
    unlink(socket_path);
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        execvp("nbdkit", argv);
        _exit(127);
    }
    for (int i = 0; i < 6000 && !answers(); i++)
        pause_ms(10);
    assert_true(answers());
}

static void end_server(void)
{
    if (server <= 0)
        return;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    server = 0;
}

/* --- logical units on it --- */

static const char *spec(const char *options)
{
    static char text[256];
    snprintf(text, sizeof text, "nbd:nbd+unix:///?socket=%s%s", socket_path, options);
    return text;
}

static void open_good(const char *options)
{
    if (lu_open(&lu, spec(options), 0, IQN, why, sizeof why))
        fail_msg("%s", why);
    lu.workers = workers;
}

static void open_refused(const char *options, const char *words)
{
    assert_int_equal(lu_open(&lu, spec(options), 0, IQN, why, sizeof why), -1);
    if (!strstr(why, words))
        fail_msg("'%s' is not in '%s'", words, why);
    assert_null(lu.store);
}

static int set_up(void **state)
{
    (void)state;
    const char *temporary = getenv("TMPDIR");
    if (!have_nbdkit()) {
        print_message("skipped: nbdkit is missing; 'scripts/install-deps test' installs it\n");
        skip();
    }
    snprintf(folder, sizeof folder, "%s/berth-nbd-XXXXXX", temporary ? temporary : P_tmpdir);
    assert_non_null(mkdtemp(folder));
    snprintf(socket_path, sizeof socket_path, "%s/socket", folder);
    workers = workers_new();
    lu.store = NULL;
    return workers ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[160];
    if (lu.store)
        lu_close(&lu);
    workers_free(workers);
    end_server();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void fill(uint8_t *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)((i * 7 + i / 251 + seed) | 1);
}

static int write_at(uint64_t offset, const void *bytes, uint64_t len)
{
    struct berth_seg seg = seg_memory(bytes, len);
    return lu.backend->write(&lu, offset, &(struct extent){&seg, 1, 0, len});
}

static int read_at(uint64_t offset, void *bytes, uint64_t len)
{
    struct berth_seg seg = seg_memory(bytes, len);
    return lu.backend->read(&lu, offset, &(struct extent){&seg, 1, 0, len});
}

static void expect_map(uint64_t offset, uint64_t len, bool allocated)
{
    uint64_t got = lu.size - offset;
    bool is = !allocated;
    assert_int_equal(lu.backend->map(&lu, offset, &got, &is), 0);
    assert_int_equal(is, allocated);
    assert_int_equal(got, len);
}

/* --- I/O that is not waited for --- */

struct errand {
    struct lu_io io;
    struct berth_seg seg;
    bool done;
};

static struct errand errands[MANY];
static uint8_t many[MANY][MANY_LEN];

static void note_done(struct lu_io *io)
{
    struct errand *e = list_entry(io, struct errand, io);
    assert_false(e->done);
    e->done = true;
}

static void start(uint32_t i, enum lu_io_kind kind, uint64_t offset, uint64_t len, bool fua)
{
    struct errand *e = &errands[i];
    e->seg = seg_memory(many[i], len);
    e->done = false;
    e->io =
        (struct lu_io){.kind = (uint8_t)kind, .offset = offset, .len = len, .fua = fua, .done = note_done};
    e->io.data = (struct extent){&e->seg, 1, 0, kind == LU_READ || kind == LU_WRITE ? len : 0};
    lu_start(&lu, &e->io);
}

static void reap_all(void)
{
    while (workers_busy(workers) > 0)
        workers_wait(workers);
}

static int run(enum lu_io_kind kind, uint64_t offset, uint64_t len, bool fua)
{
    start(0, kind, offset, len, fua);
    reap_all();
    assert_true(errands[0].done);
    return errands[0].io.error;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- opening --- */

static void what_cannot_be_served_gets_a_sentence(void **state)
{
    (void)state;
    open_refused("",
                 "cannot be had (connect: No such file or directory): start the server, or correct the URI");
    assert_int_equal(lu_open(&lu, "nbd:nonsense", 0, IQN, why, sizeof why), -1);
    assert_non_null(strstr(why, "does not have a scheme"));
    assert_int_equal(lu_open(&lu, "nbd://127.0.0.1:1", 0, IQN, why, sizeof why), -1);
    assert_non_null(strstr(why, "nbd:nbd://127.0.0.1:1 cannot be had"));
    assert_non_null(strstr(why, "Connection refused"));
    static const char *const wrong[] = {",timeout=", ",timeout=0", ",timeout=601", ",timeout=1s",
                                        ",timeout=-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        open_refused(wrong[i], "use ro, block=512 or block=4096, or timeout= with 1 to 600 seconds");
    assert_int_equal(lu_open(&lu, "ram:1M,timeout=5", 0, IQN, why, sizeof why), -1);
    assert_non_null(
        strstr(why, "'timeout=5' is no option of a logical unit: use ro, block=512 or block=4096"));
}

static void what_does_not_fit_gets_a_sentence(void **state)
{
    (void)state;
    serve("-r memory 1M");
    open_refused("", "may not be written: append ,ro to serve it read-only");
    open_good(",ro");
    assert_true(lu.read_only);
    assert_false(lu.write_cache);
    lu_close(&lu);
    end_server();
    serve("--filter=blocksize-policy memory 1M blocksize-minimum=4096 blocksize-preferred=4096");
    open_refused("", "takes no blocks under 4096 bytes: append ,block=4096");
    open_good(",block=4096");
    assert_int_equal(lu.size, MIB);
    lu_close(&lu);
    end_server();
    serve("--filter=blocksize-policy memory 1M blocksize-minimum=8192 blocksize-preferred=8192");
    open_refused(",block=4096", "takes no blocks under 8192 bytes: have it served in smaller ones");
    end_server();
    serve("memory 1000");
    open_refused("", "its size of 1000 bytes is no multiple of the block of 512: make it 1024");
}

static void an_export_is_known_by_its_uri(void **state)
{
    (void)state;
    char serial[17];
    serve("memory 1M");
    open_good("");
    assert_int_equal(lu.size, MIB);
    assert_true(lu.write_cache);
    strcpy(serial, lu.serial);
    lu_close(&lu);
    assert_int_equal(lu_open(&lu, spec(",block=4096"), 7, IQN, why, sizeof why), 0);
    assert_string_equal(lu.serial, serial);
}

/* --- data --- */

static void data_come_back(void **state)
{
    (void)state;
    static uint8_t out[5 * MIB], back[5 * MIB];
    serve("--filter=blocksize-policy memory 8M blocksize-minimum=1 blocksize-preferred=4096 "
          "blocksize-maximum=1M");
    open_good("");
    fill(out, sizeof out, 1);
    assert_int_equal(write_at(512, out, sizeof out), 0); /* in parts that the server takes */
    assert_int_equal(read_at(512, back, sizeof back), 0);
    assert_memory_equal(out, back, sizeof out);
    assert_int_equal(write_at(0, out, 0), 0);
    assert_int_equal(lu.backend->flush(&lu), 0);
    assert_int_equal(read_at(0, back, 512), 0);
    for (size_t i = 0; i < 512; i++)
        assert_int_equal(back[i], 0);
}

static void scattered_data_come_back(void **state)
{
    (void)state;
    static uint8_t memory[300 * 100], flat[8192], back[8192];
    struct berth_seg segs[300];
    serve("memory 1M");
    open_good("");
    fill(memory, sizeof memory, 3);
    for (uint32_t i = 0; i < 300; i++)
        segs[i] = seg_memory(memory + i * 100, i % 10 == 3 ? 0 : i % 97 + 1);
    const struct extent all = {segs, 300, 333, sizeof flat};
    extent_read(&all, 0, flat, sizeof flat);
    assert_int_equal(lu.backend->write(&lu, 4096, &all), 0);
    assert_int_equal(read_at(4096, back, sizeof back), 0);
    assert_memory_equal(flat, back, sizeof flat);
    memset(memory, 0, sizeof memory);
    assert_int_equal(lu.backend->read(&lu, 4096, &all), 0);
    extent_read(&all, 0, back, sizeof back);
    assert_memory_equal(flat, back, sizeof flat);
    segs[0].kind = BERTH_SEG_FILE;
    assert_int_equal(lu.backend->write(&lu, 4096, &all), -EINVAL);
    assert_int_equal(lu.backend->read(&lu, 4096, &all), -EINVAL);
}

static void check_punch(void)
{
    static uint8_t out[MIB], now[MIB];
    fill(out, sizeof out, 4);
    assert_int_equal(write_at(0, out, sizeof out), 0);
    assert_int_equal(lu.backend->punch(&lu, 4096, 0), 0);
    assert_int_equal(lu.backend->punch(&lu, 64 * KIB + 512, 600 * KIB), 0);
    assert_int_equal(run(LU_PUNCH, 1000 * KIB, 512, false), 0);
    assert_int_equal(read_at(0, now, sizeof now), 0);
    for (uint64_t i = 0; i < sizeof now; i++) {
        bool hole = (i >= 64 * KIB + 512 && i < 664 * KIB + 512) || (i >= 1000 * KIB && i < 1000 * KIB + 512);
        if (now[i] != (hole ? 0 : out[i]))
            fail_msg("byte %llu", (unsigned long long)i);
    }
}

static void punched_ranges_read_as_zeros(void **state)
{
    (void)state;
    serve("memory 1M");
    open_good("");
    check_punch();
    lu_close(&lu);
    end_server();
    serve("--filter=nozero memory 1M zeromode=none"); /* zeros are written */
    open_good("");
    check_punch();
}

static void the_map_is_the_servers(void **state)
{
    (void)state;
    static uint8_t out[64 * KIB];
    serve("memory 4G");
    open_good("");
    fill(out, sizeof out, 2);
    assert_int_equal(write_at(64 * KIB, out, sizeof out), 0);
    expect_map(0, 64 * KIB, false);
    expect_map(64 * KIB, 64 * KIB, true);
    expect_map(96 * KIB + 512, 32 * KIB - 512, true);
    uint64_t len = lu.size - 128 * KIB;
    bool allocated;
    assert_int_equal(lu.backend->map(&lu, 128 * KIB, &len, &allocated), 0);
    assert_true(!allocated && len >= 512 * MIB && len <= lu.size - 128 * KIB);
    expect_map(lu.size - 512, 512, false);
    assert_int_equal(lu.backend->punch(&lu, 64 * KIB, 32 * KIB), 0);
    expect_map(64 * KIB, 32 * KIB, false);
    lu_close(&lu);
    end_server();
    serve("--filter=noextents memory 1M");
    open_good("");
    expect_map(512, MIB - 512, true);
}

static int several_steps(struct lu_io *io)
{
    uint8_t bytes[512];
    int error = write_at(0, many[1], 512);
    error = error ? error : read_at(0, bytes, 512);
    return error ? error : io->lu->backend->flush(io->lu) + (memcmp(bytes, many[1], 512) == 0 ? 7 : 0);
}

static void many_are_under_way_at_once(void **state)
{
    (void)state;
    static uint8_t back[MANY_LEN];
    serve("--filter=delay memory 16M wdelay=200ms rdelay=20ms");
    open_good("");
    uint64_t begin = now_ms();
    for (uint32_t i = 0; i < MANY; i++) {
        fill(many[i], MANY_LEN, i);
        start(i, LU_WRITE, i * MANY_LEN, MANY_LEN, i % 7 == 0);
        assert_false(errands[i].done); /* not in this call, however quick the server is */
    }
    reap_all();
    assert_true(now_ms() - begin < MANY * 200); /* not one after the other */
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(errands[i].io.error, 0);
    for (uint32_t i = 0; i < MANY; i++) {
        memset(many[i], 0, MANY_LEN);
        start(i, LU_READ, i * MANY_LEN, MANY_LEN, false);
    }
    reap_all();
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(errands[i].done);
        assert_int_equal(errands[i].io.error, 0);
        fill(back, MANY_LEN, i);
        assert_memory_equal(many[i], back, MANY_LEN);
    }
    assert_int_equal(run(LU_FLUSH, 0, 0, false), 0);
    fill(many[1], 512, 9);
    start(0, LU_FLUSH, 0, 0, false);
    reap_all();
    errands[0].io = (struct lu_io){.kind = LU_WORK, .work = several_steps, .done = note_done};
    errands[0].done = false;
    lu_start(&lu, &errands[0].io);
    assert_false(errands[0].done);
    reap_all();
    assert_int_equal(errands[0].io.error, 7);
}

static void scattered_data_need_not_be_waited_for(void **state)
{
    (void)state;
    uint8_t back[1024];
    serve("memory 1M");
    open_good("");
    fill(many[0], 1024, 1);
    const struct berth_seg segs[] = {seg_memory(many[0], 100), seg_memory(many[0] + 100, 924)};
    errands[0].done = false;
    errands[0].io =
        (struct lu_io){.kind = LU_WRITE, .len = 1024, .data = {segs, 2, 0, 1024}, .done = note_done};
    lu_start(&lu, &errands[0].io);
    reap_all();
    assert_int_equal(errands[0].io.error, 0);
    memcpy(back, many[0], 1024);
    memset(many[0], 0, 1024);
    errands[0].done = false;
    errands[0].io =
        (struct lu_io){.kind = LU_READ, .len = 1024, .data = {segs, 2, 0, 1024}, .done = note_done};
    lu_start(&lu, &errands[0].io);
    reap_all();
    assert_memory_equal(many[0], back, 1024);
    lu.workers = NULL; /* everything in the call */
    start(0, LU_READ, 0, 1024, false);
    assert_true(errands[0].done);
}

/* --- errors --- */

static void errors_of_the_server_are_passed_on(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        int error;
    } rows[] = {
        {"EIO", -EIO}, {"ENOSPC", -ENOSPC}, {"EPERM", -EROFS}, {"EINVAL", -EINVAL}, {"ENOMEM", -ENOMEM}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char words[128];
        snprintf(words, sizeof words, "--filter=error memory 1M error=%s error-rate=100%%", rows[i].word);
        serve(words);
        open_good("");
        assert_int_equal(read_at(0, many[0], 512), rows[i].error);
        assert_int_equal(run(LU_WRITE, 0, 512, false), rows[i].error);
        assert_int_equal(lu.backend->punch(&lu, 0, 512), rows[i].error);
        lu_close(&lu);
        end_server();
    }
}

/* How often the server's log speaks of it. */
static int logged(const char *word)
{
    char path[128], line[256];
    int count = 0;
    snprintf(path, sizeof path, "%s/log", folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        count += strstr(line, word) != NULL;
    fclose(f);
    return count;
}

static void serve_logged(const char *filters)
{
    char all[256];
    snprintf(all, sizeof all, "--filter=log%s memory 1M logfile=%s/log", filters, folder);
    serve(all);
}

static void fua_goes_along(void **state)
{
    (void)state;
    serve_logged("");
    open_good("");
    assert_int_equal(run(LU_WRITE, 0, 512, true), 0);
    assert_int_equal(logged(" Flush "), 0);
    assert_int_equal(logged("fua=1"), 1);
    assert_int_equal(run(LU_WRITE, 0, 512, false), 0);
    assert_int_equal(logged("fua=1"), 1);
}

static void without_fua_it_is_flushed(void **state)
{
    (void)state;
    serve_logged(" --filter=fua");
    open_good("");
    assert_int_equal(run(LU_WRITE, 0, 512, false), 0);
    assert_int_equal(logged(" Flush "), 0);
    assert_int_equal(run(LU_WRITE, 0, 512, true), 0);
    assert_int_equal(logged(" Flush "), 1);
}

/* --- a server that is away --- */

static void a_silent_server_is_not_waited_for_long(void **state)
{
    (void)state;
    serve("memory 1M");
    open_good(",timeout=5");
    fill(many[0], 512, 1);
    assert_int_equal(run(LU_WRITE, 0, 512, false), 0);
    kill(server, SIGSTOP);
    waitpid(server, NULL, WUNTRACED); /* all of it */
    uint64_t begin = now_ms();
    start(0, LU_WRITE, 0, 512, false);
    start(1, LU_READ, 512, 512, false);
    assert_true(now_ms() - begin < 4900); /* the target goes on meanwhile */
    reap_all();
    assert_int_equal(errands[0].io.error, -ETIMEDOUT);
    assert_true(errands[1].io.error == -ETIMEDOUT || errands[1].io.error == -ENOTCONN);
    end_server(); /* nbdkit does not always outlive to be woken up here */
    serve("memory 1M");
    assert_int_equal(run(LU_READ, 0, 512, false), 0);
}

static void a_server_that_is_gone_is_missed(void **state)
{
    (void)state;
    serve("memory 1M");
    open_good(",timeout=5");
    assert_int_equal(run(LU_READ, 0, 512, false), 0);
    end_server();
    assert_int_equal(run(LU_READ, 0, 512, false), -ENOTCONN);
    pause_ms(1000);
    uint64_t begin = now_ms();
    assert_int_equal(run(LU_WRITE, 0, 512, false), -ENOTCONN);
    uint64_t len = MIB;
    bool allocated;
    assert_int_equal(lu.backend->map(&lu, 0, &len, &allocated), -ENOTCONN);
    assert_true(now_ms() - begin < 9900); /* it has been away for long: not two times the five seconds */
    serve("memory 1M");
    fill(many[0], 512, 1);
    assert_int_equal(run(LU_WRITE, 0, 512, false), 0);
    assert_int_equal(run(LU_READ, 0, 512, false), 0);
}

static void a_server_that_comes_back_is_waited_for(void **state)
{
    (void)state;
    serve("memory 1M");
    open_good(",timeout=60");
    assert_int_equal(run(LU_READ, 0, 512, false), 0);
    end_server();
    start(0, LU_READ, 0, 512, false);
    start(1, LU_FLUSH, 0, 0, false);
    pause_ms(300);
    serve("memory 1M");
    reap_all();
    assert_int_equal(errands[0].io.error, 0);
    assert_int_equal(errands[1].io.error, 0); /* there was nothing to be flushed */
}

static void what_was_asked_is_asked_again(void **state)
{
    char words[256];
    (void)state;
    snprintf(words, sizeof words, "--filter=log --filter=delay memory 1M rdelay=60 wdelay=60 logfile=%s/log",
             folder);
    serve(words);
    open_good(",timeout=90");
    int before = logged(" Read ") + logged(" Write "), arrived = 0;
    for (uint32_t i = 0; i < 8; i++)
        start(i, i % 2 ? LU_WRITE : LU_READ, i * 512, 512, false);
    for (int n = 0; n < 3000 && arrived < 8; n++) {
        pause_ms(10);
        arrived = logged(" Read ") + logged(" Write ") - before;
    }
    assert_int_equal(arrived, 8);
    end_server();
    serve("memory 1M");
    reap_all();
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(errands[i].io.error, i % 2 ? -ENOTCONN : 0); /* was it written? nobody knows */
}

static void a_flush_does_not_hide_a_loss(void **state)
{
    (void)state;
    serve("memory 1M");
    open_good(",timeout=60");
    assert_int_equal(run(LU_WRITE, 0, 512, false), 0);
    end_server();
    serve("memory 1M");
    assert_int_equal(run(LU_READ, 0, 512, false), 0);
    assert_int_equal(run(LU_FLUSH, 0, 0, false), -EIO); /* what was written there is not here */
    assert_int_equal(run(LU_FLUSH, 0, 0, false), 0);
    assert_int_equal(run(LU_WRITE, 0, 512, true), 0); /* durable when it is done */
    end_server();
    serve("memory 1M");
    assert_int_equal(run(LU_READ, 0, 512, false), 0);
    assert_int_equal(run(LU_FLUSH, 0, 0, false), 0);
}

static void a_server_that_hangs_up_is_not_asked_for_ever(void **state)
{
    (void)state;
    uint64_t len = FAKE_SIZE, begin = now_ms();
    bool allocated;
    assert_true(fake_begin(socket_path, FAKE_HANGS_UP));
    open_good(",timeout=100");
    assert_int_equal(run(LU_READ, 0, 512, false), -ENOTCONN);
    assert_in_range(atomic_load(&fake.connections), 2, 3); /* it was asked once more */
    assert_int_equal(run(LU_WRITE, 0, 512, false), -ENOTCONN);
    assert_int_equal(run(LU_FLUSH, 0, 0, false), -EIO); /* the write may have been made, and forgotten */
    assert_int_equal(run(LU_FLUSH, 0, 0, false), -ENOTCONN);
    assert_int_equal(lu.backend->map(&lu, 0, &len, &allocated), 0); /* it knows none */
    assert_true(now_ms() - begin < 100000);
    assert_true(atomic_load(&fake.connections) <= 2 + (now_ms() - begin) / 500);
    lu_close(&lu);
    fake_end();
}

/* Its connections do not go at one moment. */
static void a_server_that_goes_bit_by_bit_is_asked_again(void **state)
{
    (void)state;
    assert_true(fake_begin(socket_path, FAKE_SERVES));
    open_good(",timeout=100");
    for (int n = 0; n < 3000 && atomic_load(&fake.connections) < 3; n++) {
        assert_int_equal(run(LU_READ, 0, 512, false), 0);
        pause_ms(10);
    }
    atomic_store(&fake.doomed, atomic_load(&fake.connections));
    assert_in_range(atomic_load(&fake.doomed), 3, FAKE_MAX);
    assert_int_equal(run(LU_READ, 0, 512, false), 0);
    lu_close(&lu);
    fake_end();
}

/* Writes something, which the server does not answer in time. */
static void lose_a_write(void)
{
    open_good(",timeout=5");
    fill(many[0], 512, 1);
    assert_int_equal(run(LU_WRITE, 0, 512, false), -ETIMEDOUT);
    assert_int_equal(run(LU_READ, 0, 512, false), 0); /* which may be done meanwhile */
    assert_int_equal(many[0][0], 0);
}

static void nothing_is_written_while_a_lost_write_may_be_made(void **state)
{
    (void)state;
    assert_true(fake_begin(socket_path, FAKE_HOLDS_FIRST_WRITE));
    lose_a_write();
    start(1, LU_READ, 512, 512, false);
    start(0, LU_WRITE, 0, 512, false);
    reap_all();
    assert_int_equal(errands[0].io.error, -ETIMEDOUT);
    assert_int_equal(errands[1].io.error, 0);
    uint64_t begin = now_ms();
    assert_int_equal(run(LU_WRITE, 0, 512, true), -ETIMEDOUT);
    assert_true(now_ms() - begin < 4900); /* the server has had its time */
    assert_int_equal(atomic_load(&fake.writes), 1);
    atomic_store(&fake.released, true);
    for (int i = 0; i < 6000 && run(LU_WRITE, 1024, 512, false); i++)
        pause_ms(10);
    assert_int_equal(atomic_load(&fake.writes), 2);
    lu_close(&lu);
    fake_end();
}

static void a_write_waits_for_the_end_of_a_lost_one(void **state)
{
    (void)state;
    assert_true(fake_begin(socket_path, FAKE_HOLDS_FIRST_WRITE));
    lose_a_write();
    fill(many[0], 512, 2);
    start(0, LU_WRITE, 0, 512, false);
    pause_ms(200);
    assert_int_equal(atomic_load(&fake.writes), 1);
    atomic_store(&fake.released, true);
    reap_all();
    assert_int_equal(errands[0].io.error, 0);
    fill(many[1], 512, 2);
    assert_memory_equal(fake.memory, many[1], 512); /* the newer one is what stays */
    lu_close(&lu);
    fake_end();
}

static void others_are_not_kept_waiting_for_a_server(void **state)
{
    (void)state;
    assert_true(fake_listen(socket_path)); /* and accepts nobody */
    uint64_t begin = now_ms();
    assert_int_equal(lu_open_serving(&lu, spec(""), 0, IQN, why, sizeof why), -1);
    assert_true(now_ms() - begin >= 900);
    assert_non_null(strstr(why, "(no answer within 1 s, the most while others wait for it): start the"));
    close(fake.listener);
}

static void a_smaller_server_is_another_one(void **state)
{
    (void)state;
    serve("memory 1M");
    open_good(",timeout=2");
    end_server();
    serve("memory 512K");
    assert_int_equal(run(LU_READ, 0, 512, false), -ENOTCONN);
    end_server();
    serve("memory 2M");
    assert_int_equal(run(LU_READ, 0, 512, false), 0);
}

static void it_is_measured_again(void **state)
{
    (void)state;
    static struct lu_set set;
    char words[160], path[128];
    const struct lu_reason reason = {why, sizeof why};
    snprintf(path, sizeof path, "%s/disk", folder);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, MIB), 0);
    snprintf(words, sizeof words, "file %s", path);
    serve(words);
    open_good("");
    assert_int_equal(run(LU_READ, MIB - 512, 512, false), 0);
    assert_int_equal(lu_resize(&lu, &set, 2 * MIB, &reason), -1);
    assert_non_null(strstr(why, "LUN 0 is as large as its export: change that"));
    assert_int_equal(ftruncate(fd, 2 * MIB), 0);
    assert_int_equal(lu_resize(&lu, &set, 0, &reason), 0);
    assert_int_equal(lu.size, 2 * MIB);
    for (int i = 0; i < 20; i++)
        assert_int_equal(run(LU_READ, 2 * MIB - 512, 512, false), 0);
    assert_int_equal(ftruncate(fd, MIB), 0);
    assert_int_equal(lu_resize(&lu, &set, 0, &reason), 0);
    assert_int_equal(lu.size, MIB);
    assert_int_equal(run(LU_READ, MIB - 512, 512, false), 0);
    end_server();
    assert_int_equal(lu_resize(&lu, &set, 0, &reason), -1);
    assert_non_null(strstr(why, "LUN 0: its server cannot be asked (connect: "));
    close(fd);
}

#define NTEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NTEST(what_cannot_be_served_gets_a_sentence),
        NTEST(what_does_not_fit_gets_a_sentence),
        NTEST(an_export_is_known_by_its_uri),
        NTEST(data_come_back),
        NTEST(scattered_data_come_back),
        NTEST(punched_ranges_read_as_zeros),
        NTEST(the_map_is_the_servers),
        NTEST(many_are_under_way_at_once),
        NTEST(scattered_data_need_not_be_waited_for),
        NTEST(errors_of_the_server_are_passed_on),
        NTEST(fua_goes_along),
        NTEST(without_fua_it_is_flushed),
        NTEST(a_silent_server_is_not_waited_for_long),
        NTEST(a_server_that_is_gone_is_missed),
        NTEST(a_server_that_comes_back_is_waited_for),
        NTEST(what_was_asked_is_asked_again),
        NTEST(a_flush_does_not_hide_a_loss),
        NTEST(a_server_that_hangs_up_is_not_asked_for_ever),
        NTEST(a_server_that_goes_bit_by_bit_is_asked_again),
        NTEST(nothing_is_written_while_a_lost_write_may_be_made),
        NTEST(a_write_waits_for_the_end_of_a_lost_one),
        NTEST(others_are_not_kept_waiting_for_a_server),
        NTEST(a_smaller_server_is_another_one),
        NTEST(it_is_measured_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
