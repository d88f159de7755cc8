/* SPDX-License-Identifier: MIT */
/* handover URL SWITCHES DEPTH [digests] [forbid]: reads and writes of 4 KiB on a LUN whose engine changes
 * hands again and again, and a ledger of what each block must hold. Prints as JSON how long nothing completed
 * after a switch, beside the pauses between completions that there are anyhow. Fails if an I/O fails, is done
 * twice or never, or reads what was not written last. With "forbid" the process at last forbids itself to
 * enter the ring, and fails if the session does not go on by itself. The LUN's contents are lost. */
#include <berth/berth.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include "cli/histogram.h"

#define BLOCK      4096u
#define BLOCKS     1024u
#define DEPTH_MAX  128u
#define WORDS      (BLOCK / sizeof(uint64_t))
#define WAIT_MS    10000
#define PERIOD_IOS 50u /* between two switches */

struct slot {
    bool busy, write;
    uint32_t block;
    struct berth_seg seg;
    uint64_t words[WORDS];
};

static struct slot slots[DEPTH_MAX];
static bool taken[BLOCKS];
static uint64_t generations[BLOCKS], chance = 1;
static struct histogram stalls, pauses;
static uint32_t notices;
static uint64_t submitted;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t below(uint32_t n)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance >> 33) % n;
}

_Noreturn static void die(const char *what, uint64_t where)
{
    fprintf(stderr, "handover: %s (%" PRIu64 ")\n", what, where);
    exit(1);
}

static uint64_t stamp(uint32_t block, uint64_t generation, size_t word)
{
    return generation ? (uint64_t)block << 48 ^ generation << 16 ^ word : 0;
}

/* --- I/Os --- */

static struct berth_io prepare(struct slot *s)
{
    do
        s->block = below(BLOCKS);
    while (taken[s->block]);
    taken[s->block] = s->busy = true;
    s->write = below(2);
    for (size_t w = 0; w < WORDS; w++)
        s->words[w] = s->write ? stamp(s->block, generations[s->block] + 1, w) : UINT64_MAX;
    s->seg = (struct berth_seg){.base = s->words, .len = BLOCK};
    return (struct berth_io){.op = s->write ? BERTH_WRITE : BERTH_READ,
                             .offset_bytes = (uint64_t)s->block * BLOCK,
                             .len_bytes = BLOCK,
                             .segs = &s->seg,
                             .seg_count = 1,
                             .tag = (uint64_t)(s - slots)};
}

static uint32_t fill(struct berth_queue *q, uint32_t depth)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < depth; i++) {
        if (slots[i].busy)
            continue;
        struct berth_io io = prepare(&slots[i]);
        if (berth_queue_submit(q, &io, 1) != 1)
            die("an I/O was not taken", i);
        count++;
    }
    submitted += count;
    return count;
}

static void settle(const struct berth_done *done)
{
    struct slot *s = &slots[done->tag];
    if (done->error)
        die(berth_error_text(done->error), done->tag);
    if (!s->busy)
        die("an I/O was done twice", done->tag);
    if (s->write)
        generations[s->block]++;
    for (size_t w = 0; w < WORDS; w++)
        if (s->words[w] != stamp(s->block, generations[s->block], w))
            die("a block does not hold what was written last", s->block);
    s->busy = taken[s->block] = false;
}

static uint32_t reap(struct berth_queue *q, struct histogram *pause, uint64_t since)
{
    struct berth_done done[DEPTH_MAX];
    uint64_t until = now_ns() + WAIT_MS * 1000000ull;
    int n = 0;
    while (n == 0 && now_ns() < until) /* as a signal does, the end of a ring may end a wait */
        n = berth_queue_reap(q, done, 1, DEPTH_MAX, WAIT_MS);
    if (n <= 0)
        die("nothing completes any more", (uint64_t)-n);
    histogram_add(pause, now_ns() - since);
    for (int i = 0; i < n; i++)
        settle(&done[i]);
    return (uint32_t)n;
}

/* --- the run --- */

/* Falls somewhere into what is under way. */
static void change(struct berth_lun *lun, struct berth_queue *q, uint32_t depth)
{
    const char *other = strcmp(berth_lun_info(lun)->engine, "sockets") ? "sockets" : "io_uring";
    uint64_t since = now_ns();
    if (berth_lun_set_engine(lun, other) || strcmp(berth_lun_info(lun)->engine, other))
        die(berth_lun_detail(lun)->text, 0);
    reap(q, &stalls, since);
    fill(q, depth);
}

static void run(struct berth_lun *lun, struct berth_queue *q, uint32_t switches, uint32_t depth)
{
    for (uint32_t i = 0; i < switches; i++) {
        uint32_t ios = below(PERIOD_IOS);
        for (uint32_t n = fill(q, depth); n < ios;) {
            n += reap(q, &pauses, now_ns());
            fill(q, depth);
        }
        change(lun, q, depth);
    }
}

/* --- an engine that cannot go on --- */

static void noticed(void *arg, const struct berth_notice *n)
{
    (void)arg;
    notices += n->kind == BERTH_NOTICE_ENGINE;
}

static void forbid_entering(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        die("system calls cannot be filtered here", 0);
}

static void go_on_without(struct berth_lun *lun, struct berth_queue *q, uint32_t depth)
{
    if (berth_lun_set_engine(lun, "io_uring"))
        die(berth_lun_detail(lun)->text, 0);
    fill(q, depth);
    reap(q, &pauses, now_ns());
    forbid_entering();
    for (uint32_t n = 0; n < 100 * depth;) {
        fill(q, depth);
        n += reap(q, &pauses, now_ns());
    }
    if (notices != 1 || strcmp(berth_lun_info(lun)->engine, "sockets"))
        die("nobody was told that another engine goes on", notices);
}

static void finish(struct berth_queue *q, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++)
        while (slots[i].busy)
            reap(q, &pauses, now_ns());
}

/* Each I/O is one command, and no command was sent again. */
static void count_commands(struct berth_lun *lun, const struct berth_stats *before)
{
    struct berth_stats after;
    berth_lun_stats(lun, &after);
    if (after.commands - before->commands != submitted || after.retries != before->retries)
        die("there were not as many commands as I/Os", after.commands - before->commands);
}

static void verify(struct berth_lun *lun)
{
    static uint64_t words[WORDS];
    for (uint32_t block = 0; block < BLOCKS; block++) {
        if (berth_read(lun, words, BLOCK, (uint64_t)block * BLOCK))
            die("the last look failed", block);
        for (size_t w = 0; w < WORDS; w++)
            if (words[w] != stamp(block, generations[block], w))
                die("at the end a block does not hold what was written last", block);
    }
}

static void print(const char *name, const struct histogram *h, const char *end)
{
    printf("\"%s\": {\"count\": %" PRIu64 ", \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}%s", name,
           h->count, (double)histogram_at(h, 0.5) / 1e3, (double)histogram_at(h, 0.99) / 1e3,
           (double)h->max / 1e3, end);
}

static bool given(int argc, char **argv, const char *word)
{
    for (int i = 4; i < argc; i++)
        if (strcmp(argv[i], word) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct berth_options o;
    struct berth_detail detail;
    struct berth_stats before;
    struct berth_lun *lun;
    struct berth_queue *q;
    if (argc < 4) {
        fprintf(stderr, "usage: bench_handover URL SWITCHES DEPTH [digests] [forbid]\n");
        return 2;
    }
    uint32_t switches = (uint32_t)atoi(argv[2]), depth = (uint32_t)atoi(argv[3]);
    if (depth == 0 || depth > DEPTH_MAX)
        die("the depth is from 1 to 128", depth);
    berth_options_init(&o);
    o.header_digest = o.data_digest = given(argc, argv, "digests") ? BERTH_DIGEST_CRC32C : BERTH_DIGEST_NONE;
    o.notice = noticed;
    if (berth_lun_open(&lun, argv[1], &o, &detail))
        die(detail.text, 0);
    if (berth_zero(lun, (uint64_t)BLOCKS * BLOCK, 0, 0) || berth_queue_new(&q, lun, depth))
        die("the LUN cannot be made ready", 0);
    berth_lun_stats(lun, &before);
    histogram_clear(&stalls);
    histogram_clear(&pauses);
    run(lun, q, switches, depth);
    if (given(argc, argv, "forbid"))
        go_on_without(lun, q, depth);
    finish(q, depth);
    count_commands(lun, &before);
    verify(lun);
    if (berth_lun_info(lun)->reconnects)
        die("the session was lost", berth_lun_info(lun)->reconnects);
    printf("{\"switches\": %u, \"depth\": %u, ", switches, depth);
    print("stall", &stalls, ", ");
    print("pause", &pauses, "}\n");
    berth_lun_close(lun);
    return 0;
}
