/* SPDX-License-Identifier: MIT */
/* scarce URL [SESSIONS]: a LUN where memory, descriptors and patience are short. Every allocation fails in
 * turn, while the LUN is opened, a queue is made, a session comes back; descriptors run out; many sessions
 * are lost at once. An error must be a clean one, with words, and leave nothing behind. */
#include <berth/berth.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "scanty.h"

#define ALLOCATIONS_MAX 20000u
#define LEFT_OVER       32 /* allocations that libraries keep after an error of theirs */
#define SESSIONS        1000u
#define BLOCK           4096u

static const char *url;
static uint32_t wrong;

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    wrong++;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Descriptors that are open; the folder's own is not among them. */
static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 8192; fd++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof sa;
        count += getsockname(fd, (struct sockaddr *)&sa, &len) == 0 || errno != EBADF;
    }
    return count;
}

/* The connections of this process break, as if the network had. */
static int break_connections(void)
{
    int count = 0;
    for (int fd = 3; fd < 8192; fd++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof sa;
        if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0 && sa.ss_family != AF_UNIX)
            count += shutdown(fd, SHUT_RDWR) == 0;
    }
    return count;
}

static void set_options(struct berth_options *o)
{
    berth_options_init(o);
    o->depth = 4;
    o->recovery_timeout_ms = 3000;
}

static struct berth_lun *open_lun(void)
{
    struct berth_options o;
    struct berth_detail why;
    struct berth_lun *lun;
    set_options(&o);
    if (berth_lun_open(&lun, url, &o, &why) == 0)
        return lun;
    complain("the LUN does not open: %s", why.text);
    exit(1);
}

/* --- memory --- */

/* What may be said of it: where a library's allocation failed, it may be that library's error. */
static bool clean(int error)
{
    return error == BERTH_E_MEMORY || error == BERTH_E_SYSTEM || error == BERTH_E_RESOLVE;
}

static void try_open(void)
{
    struct berth_options o;
    struct berth_detail why = {0};
    struct berth_lun *lun;
    set_options(&o);
    int error = berth_lun_open(&lun, url, &o, &why);
    uint64_t refused = scanty_refused();
    scanty_arm(0, false);
    if (error && (lun || !clean(error) || why.error != error || !why.text[0]))
        complain("opening ended with %s, '%s'%s", berth_error_name(error), why.text,
                 lun ? ", and a LUN" : "");
    if (error && !refused)
        complain("opening failed with memory there: %s", why.text);
    berth_lun_close(lun);
}

static struct berth_lun *queue_lun;

static void try_queue(void)
{
    struct berth_queue *q;
    int error = berth_queue_new(&q, queue_lun, 64);
    bool refused = scanty_refused() > 0;
    scanty_arm(0, false);
    if (error ? (q || error != BERTH_E_MEMORY || !refused) : !q)
        complain("making a queue ended with %s", berth_error_name(error));
    berth_queue_free(q);
}

static struct berth_lun *lost_lun;

/* The session is lost and comes back meanwhile: the read may fail for want of memory, or work. */
static void try_recovery(void)
{
    static uint8_t buf[BLOCK];
    int error = berth_read(lost_lun, buf, sizeof buf, 0);
    scanty_arm(0, false);
    if (error && !clean(error) && error != BERTH_E_LOST)
        complain("coming back ended with %s: %s", berth_error_name(error), berth_lun_detail(lost_lun)->text);
    if (!error)
        return;
    berth_lun_close(lost_lun);
    lost_lun = open_lun();
}

/* Each allocation of `what` fails, then what is left succeeds. Returns how many there are. */
static uint64_t starve(const char *name, void (*prepare)(void), void (*what)(void), bool ever)
{
    uint64_t nth = 1;
    int fds = descriptors();
    int64_t live = scanty_live();
    for (; nth < ALLOCATIONS_MAX; nth++) {
        if (prepare)
            prepare();
        scanty_arm(nth, ever);
        uint64_t before = wrong;
        what();
        if (wrong > before)
            complain("  as allocation %llu of '%s' failed", (unsigned long long)nth, name);
        if (scanty_refused() == 0 || wrong > 5)
            break;
    }
    if (descriptors() != fds)
        complain("%s: %d descriptors before, %d afterwards", name, fds, descriptors());
    if (scanty_live() > live + LEFT_OVER)
        complain("%s: %lld allocations are left", name, (long long)(scanty_live() - live));
    return nth - 1;
}

static void break_it(void)
{
    break_connections();
}

static void memory(void)
{
    for (int ever = 0; ever < 2; ever++) {
        const char *how = ever ? "each and all behind it" : "each";
        try_open();
        uint64_t opening = starve("open", NULL, try_open, ever);
        queue_lun = open_lun();
        uint64_t queue = starve("queue", NULL, try_queue, ever);
        berth_lun_close(queue_lun);
        lost_lun = open_lun();
        uint64_t back = starve("recovery", break_it, try_recovery, ever);
        berth_lun_close(lost_lun);
        printf("allocations that failed, %s: %llu of opening, %llu of a queue, %llu of a recovery\n", how,
               (unsigned long long)opening, (unsigned long long)queue, (unsigned long long)back);
    }
}

/* --- descriptors --- */

static void limit_descriptors(rlim_t most)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void try_without_descriptors(void)
{
    struct berth_options o;
    struct berth_detail why = {0};
    struct berth_lun *lun;
    int fds = descriptors(), free_one = dup(STDIN_FILENO), more = 0, error;
    set_options(&o);
    close(free_one); /* the first that there would be */
    do {
        limit_descriptors((rlim_t)(free_one + more));
        error = berth_lun_open(&lun, url, &o, &why);
        limit_descriptors(8192);
        if (error && (lun || !clean(error) || !why.text[0]))
            complain("without descriptors opening ended with %s, '%s'", berth_error_name(error), why.text);
        berth_lun_close(lun);
        if (descriptors() != fds)
            complain("%d descriptors before, %d afterwards", fds, descriptors());
    } while (error && ++more < 32);
    printf("descriptors that a LUN needs: %d\n", more);
}

/* They are back when half of the time is over. */
static bool give_back(void *arg)
{
    const uint64_t *when = arg;
    if (*when && now_ms() >= *when)
        limit_descriptors(8192);
    return false;
}

static void lose_without_descriptors(bool come_back)
{
    static uint8_t buf[BLOCK];
    uint64_t when = 0, begin;
    struct berth_options o;
    struct berth_lun *lun;
    set_options(&o);
    o.cancelled = give_back;
    o.cancelled_arg = &when;
    if (berth_lun_open(&lun, url, &o, NULL) < 0)
        exit(1);
    begin = now_ms();
    when = come_back ? begin + 1500 : 0;
    limit_descriptors(0);
    break_connections();
    int error = berth_read(lun, buf, sizeof buf, 0);
    uint64_t took = now_ms() - begin;
    limit_descriptors(8192);
    if (error != (come_back ? 0 : BERTH_E_LOST) || took > 10000)
        complain("a session lost without descriptors ended with %s after %llu ms", berth_error_name(error),
                 (unsigned long long)took);
    printf("lost without descriptors: %s after %llu ms\n", error ? berth_error_name(error) : "back",
           (unsigned long long)took);
    berth_lun_close(lun);
}

static void descriptors_run_out(void)
{
    int fds = descriptors();
    int64_t live = scanty_live();
    try_without_descriptors();
    lose_without_descriptors(false);
    lose_without_descriptors(true);
    if (descriptors() != fds || scanty_live() > live + LEFT_OVER)
        complain("%d descriptors and %lld allocations are left", descriptors() - fds,
                 (long long)(scanty_live() - live));
}

/* --- many --- */

static void read_all(struct berth_lun **luns, uint32_t count, const char *when)
{
    static uint8_t buf[BLOCK];
    uint64_t begin = now_ms();
    for (uint32_t i = 0; i < count; i++) {
        int error = berth_read(luns[i], buf, sizeof buf, 0);
        if (error) {
            complain("%s: session %u: %s", when, i, berth_lun_detail(luns[i])->text);
            return;
        }
    }
    printf("%u sessions, %s: all read after %llu ms\n", count, when, (unsigned long long)(now_ms() - begin));
}

static void many(uint32_t count)
{
    struct berth_lun **luns = calloc(count, sizeof *luns);
    int fds = descriptors();
    int64_t live = scanty_live();
    uint64_t back = 0;
    for (uint32_t i = 0; i < count; i++)
        luns[i] = open_lun();
    read_all(luns, count, "fresh");
    int broken = break_connections();
    read_all(luns, count, "all lost at once");
    for (uint32_t i = 0; i < count; i++) {
        back += berth_lun_info(luns[i])->reconnects;
        berth_lun_close(luns[i]);
    }
    if ((uint32_t)broken != count || back != count)
        complain("%d of %u connections broken, %llu came back", broken, count, (unsigned long long)back);
    if (descriptors() != fds || scanty_live() > live + LEFT_OVER)
        complain("%d descriptors and %lld allocations are left of many", descriptors() - fds,
                 (long long)(scanty_live() - live));
    free(luns);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: scarce URL [SESSIONS]\n");
        return 2;
    }
    url = argv[1];
    limit_descriptors(8192);
    memory();
    descriptors_run_out();
    many(argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : SESSIONS);
    return wrong > 0;
}
