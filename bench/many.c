/* SPDX-License-Identifier: MIT */
/* Many sessions in one process and one thread, through libberth: as many LUN handles as it takes, each with
 * as many sessions as one may have, in the event loop of somebody else. With --idle nothing is asked of them;
 * told is what memory they take. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <berth/berth.h>
#include "cli/clock.h"
#include "load.h"

#define USAGE                                                                                                \
    "bench_many URL [--sessions N] [--rw RW] [--bs BYTES] [--depth N, of each] [--time SECONDS] "            \
    "[--handles] [--idle]"
#define SESSIONS_MAX 512u /* of one handle; with --handles 1, so that each session has its own I/Os */
#define EVENTS       64

struct handle {
    struct berth_lun *lun;
    struct berth_queue *queue;
    uint32_t first, count; /* slots */
    uint32_t ready;        /* I/Os to submit */
};

struct many {
    struct load load;
    bool idle, own_handles;
    struct handle *handles;
    uint32_t handle_count, under_way;
    int epoll;
    struct berth_seg *segs; /* by slot */
    struct berth_io *ios;
    struct berth_done *done;
};

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "bench_many: %s: %s\n", what, why);
    exit(2);
}

/* --- sessions --- */

static void open_handle(struct many *m, struct handle *h, const char *url, uint32_t sessions)
{
    struct berth_options options;
    struct berth_detail why;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = h};
    uint32_t needed = m->load.depth > 16 ? m->load.depth : 16;
    berth_options_init(&options);
    options.sessions = sessions;
    options.depth = needed;
    if (berth_lun_open(&h->lun, url, &options, &why))
        give_up(url, why.text);
    h->count = sessions * m->load.depth;
    if (berth_queue_new(&h->queue, h->lun, h->count) ||
        epoll_ctl(m->epoll, EPOLL_CTL_ADD, berth_queue_fd(h->queue), &ev) < 0)
        give_up(url, "no queue");
    m->load.lun_bytes = berth_lun_info(h->lun)->size_bytes;
}

static void open_all(struct many *m, const char *url)
{
    uint32_t left = m->load.sessions, each = m->own_handles ? 1 : SESSIONS_MAX;
    m->handle_count = (left + each - 1) / each;
    m->handles = calloc(m->handle_count, sizeof *m->handles);
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!m->handles || m->epoll < 0)
        die("epoll");
    for (uint32_t i = 0; i < m->handle_count; i++) {
        uint32_t sessions = left < each ? left : each;
        open_handle(m, &m->handles[i], url, sessions);
        m->handles[i].first = i * each * m->load.depth;
        left -= sessions;
    }
}

static void close_all(struct many *m)
{
    for (uint32_t i = 0; i < m->handle_count; i++) {
        berth_queue_free(m->handles[i].queue);
        berth_lun_close(m->handles[i].lun);
    }
}

static uint64_t calls(const struct many *m, uint64_t own)
{
    struct berth_stats stats;
    for (uint32_t i = 0; i < m->handle_count; i++) {
        berth_lun_stats(m->handles[i].lun, &stats);
        own += stats.syscalls;
    }
    return own;
}

/* --- I/Os --- */

static void make_ready(struct many *m, struct handle *h, uint32_t slot, uint64_t now)
{
    const struct load_slot *s = &m->load.slots[slot];
    load_next(&m->load, slot, now);
    m->ios[h->first + h->ready++] = (struct berth_io){.op = s->write ? BERTH_WRITE : BERTH_READ,
                                                      .offset_bytes = s->offset,
                                                      .len_bytes = m->load.block,
                                                      .segs = &m->segs[slot],
                                                      .seg_count = 1,
                                                      .tag = slot};
}

static void submit(struct many *m, struct handle *h)
{
    for (uint32_t sent = 0; sent < h->ready;) {
        int taken = berth_queue_submit(h->queue, &m->ios[h->first + sent], h->ready - sent);
        if (taken < 1)
            give_up("submit", berth_error_text(taken));
        sent += (uint32_t)taken;
    }
    h->ready = 0;
}

/* Until nothing is there: what was submitted leaves with the next look. */
static void turn(struct many *m, struct handle *h)
{
    int count;
    while ((count = berth_queue_reap(h->queue, m->done, 0, h->count, 0)) > 0) {
        uint64_t now = clock_ns();
        bool more = load_more(&m->load, now);
        for (int i = 0; i < count; i++) {
            if (m->done[i].error)
                give_up("an I/O failed", berth_error_text(m->done[i].error));
            load_done(&m->load, (uint32_t)m->done[i].tag, now);
            if (more)
                make_ready(m, h, (uint32_t)m->done[i].tag, now);
            else
                m->under_way--;
        }
        submit(m, h);
    }
    if (count < 0)
        give_up("reap", berth_error_text(count));
}

static void loop(struct many *m)
{
    struct epoll_event events[EVENTS];
    while (m->under_way) {
        int count = epoll_wait(m->epoll, events, EVENTS, 1000);
        m->load.syscalls++;
        if (count < 0 && errno != EINTR)
            die("epoll");
        for (int i = 0; i < count; i++)
            turn(m, events[i].data.ptr);
    }
}

static void start(struct many *m)
{
    uint64_t now = clock_ns();
    m->under_way = m->load.depth * m->load.sessions;
    for (uint32_t i = 0; i < m->handle_count; i++) {
        struct handle *h = &m->handles[i];
        for (uint32_t slot = h->first; slot < h->first + h->count; slot++)
            make_ready(m, h, slot, now);
        submit(m, h);
        turn(m, h);
    }
}

static void get_memory(struct many *m)
{
    uint32_t slots = m->load.depth * m->load.sessions;
    load_prepare(&m->load);
    m->segs = calloc(slots, sizeof *m->segs);
    m->ios = calloc(slots, sizeof *m->ios);
    m->done = calloc(slots, sizeof *m->done);
    if (!m->segs || !m->ios || !m->done)
        die("memory");
    for (uint32_t i = 0; i < slots; i++)
        m->segs[i] = (struct berth_seg){.base = m->load.slots[i].place, .len = m->load.block};
}

/* --- memory of sessions that do nothing --- */

static int tell_memory(const struct many *m)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%*u %lu", &pages) != 1)
        die("/proc/self/statm");
    fclose(f);
    printf("{\"schema\":\"berth-idle/1\",\"sessions\":%u,\"rss_kib\":%lu}\n", m->load.sessions,
           pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
    return 0;
}

static int measure(struct many *m)
{
    uint64_t before;
    get_memory(m);
    before = calls(m, 0);
    load_begin(&m->load);
    start(m);
    loop(m);
    load_end(&m->load);
    m->load.syscalls += calls(m, 0) - before;
    load_print(&m->load, "many", "libberth");
    return 0;
}

int main(int argc, char **argv)
{
    static struct many m = {.load = LOAD_DEFAULTS};
    const struct word words[] = {LOAD_WORDS(&m.load),
                                 {"sessions", WORD_NUMBER, &m.load.sessions},
                                 {"handles", WORD_FLAG, &m.own_handles},
                                 {"idle", WORD_FLAG, &m.idle},
                                 {NULL, WORD_FLAG, NULL}};
    const char *url = words_take(argv + (argc > 0), words, USAGE);
    open_all(&m, url);
    int status = m.idle ? tell_memory(&m) : measure(&m);
    close_all(&m);
    return status;
}
