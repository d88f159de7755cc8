/* SPDX-License-Identifier: MIT */
/* berth bench: measures a LUN and prints, or draws, the result. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli/bench.h"
#include "cli/blank.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/login.h"
#include "cli/plot.h"
#include "cli/say.h"
#include "cli/sense.h"
#include "cli/signals.h"
#include "attach/size.h"

#define LIBRARY_DEPTH_MIN 128u
#define LIBRARY_DEPTH_MAX 1024u

static double us_at(const struct bench *b, double fraction)
{
    return (double)histogram_at(&b->latency, fraction) / 1e3;
}

static double iops(const struct bench *b)
{
    return b->seconds > 0 ? (double)bench_ios(b) / b->seconds : 0;
}

static void print_count(const char *what, uint32_t count, uint32_t usual)
{
    if (count != usual)
        printf("%s %" PRIu32 ", ", what, count);
}

/* What was asked for, beyond the usual too. */
static void print_run(const struct bench *b, const struct options *o)
{
    printf("%s, %" PRIu64 " bytes, depth %" PRIu32 ", ", o->rw, o->block_bytes, o->depth);
    print_count("threads", o->threads, 1);
    print_count("sessions", o->sessions, 1);
    print_count("reactors", o->reactors, 0);
    if (o->engine)
        printf("%s, ", berth_lun_info(b->lun)->engine);
    printf("%.1f s, %s\n", b->seconds, o->operands[0]);
}

static void print_text(const struct bench *b, const struct options *o)
{
    double rate = iops(b);
    print_run(b, o);
    printf("  I/Os per second      %.0f\n", rate);
    printf("  throughput           %s\n", size_rate(rate * (double)o->block_bytes).s);
    printf("  latency              p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us\n", us_at(b, 0.5),
           us_at(b, 0.99), us_at(b, 0.999), us_at(b, 1));
    printf("  CPU per I/O          %.2f us\n", b->cpu_us_per_io);
    printf("  system calls per I/O %.3f\n", b->syscalls_per_io);
    printf("  errors               %" PRIu64 "\n", b->errors);
}

static void json_run(struct json *j, const struct bench *b, const struct options *o)
{
    json_put_text(j, "schema", "berth-bench/1");
    json_put_text(j, "url", o->operands[0]);
    json_put_u64(j, "lun", berth_lun_info(b->lun)->lun);
    json_put_text(j, "rw", o->rw);
    json_put_u64(j, "bs", o->block_bytes);
    json_put_u64(j, "depth", o->depth);
    json_put_u64(j, "threads", o->threads);
    json_put_u64(j, "sessions", o->sessions);
    json_put_u64(j, "reactors", o->reactors);
    json_put_text(j, "engine", berth_lun_info(b->lun)->engine);
    json_put_text(j, "crc32c", berth_crc32c_name());
    json_put_real(j, "duration_s", b->seconds);
}

static void json_results(struct json *j, const struct bench *b, const struct options *o)
{
    json_put_u64(j, "ios", bench_ios(b));
    json_put_u64(j, "reads", b->reads);
    json_put_u64(j, "writes", b->writes);
    json_put_u64(j, "errors", b->errors);
    json_put_real(j, "iops", iops(b));
    json_put_real(j, "bytes_per_s", iops(b) * (double)o->block_bytes);
    json_put_real(j, "cpu_us_per_io", b->cpu_us_per_io);
    json_put_real(j, "syscalls_per_io", b->syscalls_per_io);
    json_put_real(j, "mean_us", histogram_mean(&b->latency) / 1e3);
    json_put_real(j, "p50_us", us_at(b, 0.5));
    json_put_real(j, "p99_us", us_at(b, 0.99));
    json_put_real(j, "p999_us", us_at(b, 0.999));
    json_put_real(j, "max_us", us_at(b, 1));
}

/* Of the whole session, login and all. */
static void json_wire(struct json *j, const struct bench *b)
{
    struct berth_stats stats;
    berth_lun_stats(b->lun, &stats);
    json_put_u64(j, "tx_bytes", stats.tx_bytes);
    json_put_u64(j, "rx_bytes", stats.rx_bytes);
    json_put_u64(j, "reconnects", berth_lun_info(b->lun)->reconnects);
}

static void print_json(const struct bench *b, const struct options *o)
{
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_run(&j, b, o);
    json_results(&j, b, o);
    json_wire(&j, b);
    json_put_object_end(&j);
    putchar('\n');
}

static int draw(const struct bench *b, const struct options *o, FILE *plot)
{
    char title[160], subtitle[256];
    snprintf(title, sizeof title, "%s of %" PRIu64 " bytes, %" PRIu32 " in flight: %.0f I/Os per second",
             o->rw, o->block_bytes, o->depth, iops(b));
    snprintf(subtitle, sizeof subtitle, "%.200s, %.1f s", o->operands[0], b->seconds);
    plot_write(plot, &b->latency, title, subtitle);
    return fflush(plot) == 0 ? STATUS_OK : fail_errno("write", o->plot);
}

/* The numbers have been printed; what is left to say is why they may be incomplete. */
static int verdict(const struct bench *b, const char *url)
{
    const struct exit_row *row = exit_find(b->first_error.error);
    if (signals_caught())
        return fail(STATUS_SIGNAL + signals_caught(), "interrupted after %.1f s; the numbers cover that time",
                    b->seconds);
    if (b->errors == 0)
        return STATUS_OK;
    return fail(row->status, "%" PRIu64 " of the I/Os to %s failed, the first because %s%s; %s", b->errors,
                url, berth_error_text(b->first_error.error), sense_words(&b->first_error).s, row->next);
}

static int run(struct bench *b, const struct options *o, FILE *plot)
{
    int drawn = STATUS_OK, status = STATUS_OK;
    for (uint32_t n = 0; n < b->threads && status == STATUS_OK; n++) {
        b[n].lun = b->lun;
        status = bench_prepare(&b[n]);
    }
    if (status != STATUS_OK)
        return status;
    signals_defer(true);
    bench_run(b);
    if (o->json)
        print_json(b, o);
    else
        print_text(b, o);
    if (plot)
        drawn = draw(b, o, plot);
    status = verdict(b, o->operands[0]);
    return status ? status : drawn;
}

/* Writing is for LUNs that hold nothing, or what an earlier bench left there. */
static int check_write(const struct bench *b, const struct options *o)
{
    char doing[32];
    if (!(b->mode & BENCH_WRITE))
        return STATUS_OK;
    if (berth_lun_info(b->lun)->read_only)
        return fail_error(BERTH_E_READ_ONLY, NULL, o->operands[0]);
    if (o->force)
        return STATUS_OK;
    snprintf(doing, sizeof doing, "--rw %s", o->rw);
    return blank_check(b->lun, o->operands[0], doing);
}

/* So that each session gets as many. */
static uint32_t queue_depth(const struct options *o)
{
    return o->sessions > o->threads ? o->depth * o->sessions / o->threads : o->depth;
}

/* In each session as many at once as all threads could want of it. */
static uint32_t library_depth(const struct options *o)
{
    uint32_t least = o->sessions > 1 ? o->depth : LIBRARY_DEPTH_MIN;
    uint32_t all = o->depth * o->threads;
    if (all > LIBRARY_DEPTH_MAX)
        return LIBRARY_DEPTH_MAX;
    return all > least ? all : least;
}

static int open_lun(struct bench *b, const struct options *o, struct berth_reactors *reactors)
{
    struct login l;
    int status = login_prepare(&l, o, o->operands, 1);
    if (status == STATUS_OK) {
        l.options.depth = library_depth(o);
        l.options.sessions = o->sessions;
        l.options.reactors = reactors;
        status = login_open(&b->lun, o->operands[0], &l);
    }
    login_wipe(&l);
    return status;
}

static int bench(struct bench *b, const struct options *o, struct berth_reactors *reactors, FILE *plot)
{
    int status = open_lun(b, o, reactors);
    if (status == STATUS_OK)
        status = check_write(b, o);
    if (status == STATUS_OK)
        status = run(b, o, plot);
    berth_lun_close(b->lun);
    for (uint32_t n = 0; n < b->threads; n++)
        bench_free(&b[n]); /* after the LUN, whose I/Os may still name its memory */
    return status;
}

static int bench_with_reactors(struct bench *b, const struct options *o, FILE *plot)
{
    struct berth_reactors *reactors = NULL;
    uint32_t flags = o->wait == BERTH_WAIT_POLL ? BERTH_REACTORS_POLL : 0;
    int error = o->reactors ? berth_reactors_new(&reactors, o->reactors, NULL, flags) : BERTH_OK;
    if (error)
        return fail_error(error, NULL, "the reactors");
    int status = bench(b, o, reactors, plot);
    berth_reactors_free(reactors);
    return status;
}

static struct bench *make_parts(const struct options *o)
{
    struct bench *parts = calloc(o->threads, sizeof *parts);
    for (uint32_t n = 0; parts && n < o->threads; n++) {
        parts[n].mode = o->mode;
        parts[n].depth = queue_depth(o);
        parts[n].threads = o->threads;
        parts[n].block_bytes = o->block_bytes;
        parts[n].duration_ns = o->time_ms * 1000000ull;
    }
    return parts;
}

int cmd_bench(const struct options *o)
{
    FILE *plot = NULL;
    if (o->threads > 1 && !o->reactors)
        return fail(STATUS_USAGE, "several --threads need --reactors; add --reactors 1 or more");
    if (o->reactors && o->wait == BERTH_WAIT_SLEEP)
        return fail(STATUS_USAGE, "--sleep is not to be had with --reactors; leave one of them out");
    if (queue_depth(o) > LIBRARY_DEPTH_MAX)
        return fail(
            STATUS_USAGE,
            "--depth for so many --sessions is more than 1024 for a thread; make one of them smaller");
    /* Before the run: finding out afterwards that it cannot be written would waste the run. */
    if (o->plot && !(plot = fopen(o->plot, "we")))
        return fail_errno("write", o->plot);
    struct bench *parts = make_parts(o);
    int status = parts ? bench_with_reactors(parts, o, plot) : fail(STATUS_SYSTEM, "out of memory");
    free(parts);
    if (plot)
        fclose(plot);
    return status;
}
