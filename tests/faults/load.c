/* SPDX-License-Identifier: MIT */
#include "load.h"
#include <dirent.h>
#include <getopt.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_MS   1000000ull
#define KIB_MORE    256u /* of heap that may be left: tables of the C library's and of OpenSSL's */
#define THREADS_LAG 100  /* looks at a thread that has ended but is still listed, 10 ms apart */

uint64_t load_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 * NS_PER_MS + (uint64_t)t.tv_nsec;
}

void load_wrong(struct load *l, const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&l->lock);
    va_start(args, format);
    if (l->wrong_count < LOAD_WRONGS)
        vsnprintf(l->wrongs[l->wrong_count], sizeof l->wrongs[0], format, args);
    va_end(args);
    l->wrong_count++;
    pthread_mutex_unlock(&l->lock);
}

/* --- what a process holds --- */

struct holdings {
    uint32_t fds, threads;
    uint64_t heap_bytes;
};

static uint32_t entries(const char *folder)
{
    uint32_t count = 0;
    DIR *d = opendir(folder);
    while (d && readdir(d))
        count++;
    if (d)
        closedir(d);
    return count - 2; /* . and .. */
}

static struct holdings holdings(void)
{
    struct mallinfo2 m = mallinfo2();
    return (struct holdings){entries("/proc/self/fd") - 1, entries("/proc/self/task"), m.uordblks + m.hblkhd};
}

static void check_holdings(struct load *l, const struct holdings *before)
{
    struct holdings after = holdings();
    const struct timespec wait = {0, 10000000};
    for (int i = 0; i < THREADS_LAG && after.threads > before->threads; i++) {
        nanosleep(&wait, NULL);
        after = holdings();
    }
    if (after.fds != before->fds)
        load_wrong(l, "O5: %u descriptors before, %u afterwards", before->fds, after.fds);
    if (after.threads != before->threads)
        load_wrong(l, "O5: %u threads before, %u afterwards", before->threads, after.threads);
    if (after.heap_bytes > before->heap_bytes + KIB_MORE * 1024)
        load_wrong(l, "O5: %llu bytes of heap before, %llu afterwards",
                   (unsigned long long)before->heap_bytes, (unsigned long long)after.heap_bytes);
}

/* --- jobs --- */

static void *run_job(void *job)
{
    job_run(job);
    return NULL;
}

static void set_up(struct load *l, uint32_t number)
{
    struct job *j = &l->jobs[number];
    uint64_t blocks = l->chart.ledger.count / l->options.jobs;
    memset(j, 0, sizeof *j);
    j->load = l;
    j->number = number;
    j->blocks = blocks;
    j->first = blocks * number;
    j->dice.state = l->options.seed * 1000 + l->chart.run * 100 + number;
}

static void run_jobs(struct load *l, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        set_up(l, i);
        if (pthread_create(&l->jobs[i].thread, NULL, run_job, &l->jobs[i]) != 0)
            abort();
    }
    for (uint32_t i = 0; i < count; i++)
        pthread_join(l->jobs[i].thread, NULL);
}

/* What is allocated once, by anybody, is there afterwards. */
static void warm_up(struct load *l)
{
    uint32_t time_ms = l->options.time_ms;
    FILE *events = l->events;
    l->options.time_ms = 0;
    l->events = NULL;
    run_jobs(l, 1);
    l->options.time_ms = time_ms;
    l->events = events;
}

/* --- the report --- */

static void report_errors(const struct load *l)
{
    const char *comma = "";
    printf("\"by_error\":{");
    for (int e = 0; e < (int)LOAD_ERRORS; e++) {
        uint64_t count = 0;
        for (uint32_t i = 0; i < l->options.jobs; i++)
            count += l->jobs[i].by_error[e];
        if (count == 0)
            continue;
        printf("%s\"%s\":%llu", comma, berth_error_name(-e), (unsigned long long)count);
        comma = ",";
    }
    printf("},");
}

static void report_wrongs(const struct load *l)
{
    printf("\"wrong\":[");
    for (uint32_t i = 0; i < l->wrong_count && i < LOAD_WRONGS; i++) {
        printf("%s\"", i ? "," : "");
        for (const char *at = l->wrongs[i]; *at; at++)
            putchar(*at == '"' || *at == '\\' || *at < ' ' ? '\'' : *at);
        putchar('"');
    }
    printf("],\"wrong_count\":%u", l->wrong_count);
}

static void report(const struct load *l)
{
    uint64_t ios = 0, bytes = 0, errors = 0, reconnects = 0, retries = 0, opens = 0, longest = 0, stuck = 0;
    struct rusage usage;
    for (uint32_t i = 0; i < l->options.jobs; i++) {
        const struct job *j = &l->jobs[i];
        ios += j->ios;
        bytes += j->bytes;
        errors += j->errors;
        reconnects += j->reconnects;
        retries += j->retries;
        opens += j->opens;
        stuck += j->stuck;
        longest = j->longest_ns > longest ? j->longest_ns : longest;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"ios\":%llu,\"bytes\":%llu,\"errors\":%llu,\"reconnects\":%llu,\"retries\":%llu,\"opens\":%llu,"
           "\"stuck\":%llu,\"torn\":%llu,\"longest_ms\":%llu,\"rss_kib\":%ld,",
           (unsigned long long)ios, (unsigned long long)bytes, (unsigned long long)errors,
           (unsigned long long)reconnects, (unsigned long long)retries, (unsigned long long)opens,
           (unsigned long long)stuck, (unsigned long long)l->torn, (unsigned long long)(longest / NS_PER_MS),
           usage.ru_maxrss);
    report_errors(l);
    report_wrongs(l);
    printf("}\n");
}

/* --- options --- */

enum { OPT_FIRST = 256 };

static const char usage_text[] =
    "usage: load --ledger FILE --span BYTES [options] URL...\n"
    "  --verify               read the whole LUN and judge it by the ledger\n"
    "  --jobs N --depth N --time MS --longest BLOCKS --writes PERCENT --fua\n"
    "  --seed N --events FILE --digest none|both --drain MS\n"
    "  --reopen               open the LUN again when its session was given up\n"
    "  --isid                 every job has the ISID that its seed gives it\n"
    "  --command MS --abort MS --recovery MS --connect MS --ping MS --ping-timeout MS\n";

static bool take_number(struct load_options *o, const char *name, uint64_t value)
{
    const struct {
        const char *name;
        uint32_t *to;
    } rows[] = {
        {"jobs", &o->jobs},
        {"depth", &o->depth},
        {"time", &o->time_ms},
        {"longest", &o->longest_blocks},
        {"writes", &o->write_percent},
        {"drain", &o->drain_ms},
        {"command", &o->lun.command_timeout_ms},
        {"recovery", &o->lun.recovery_timeout_ms},
        {"connect", &o->lun.connect_timeout_ms},
        {"abort", &o->lun.abort_timeout_ms},
        {"ping", &o->lun.ping_interval_ms},
        {"ping-timeout", &o->lun.ping_timeout_ms},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(name, rows[i].name) == 0) {
            *rows[i].to = (uint32_t)value;
            return true;
        }
    return false;
}

static void take(struct load_options *o, const char *name, const char *value)
{
    uint64_t number = value ? strtoull(value, NULL, 0) : 0;
    if (take_number(o, name, number))
        return;
    if (strcmp(name, "ledger") == 0)
        o->ledger = value;
    else if (strcmp(name, "events") == 0)
        o->events = value;
    else if (strcmp(name, "span") == 0)
        o->span_bytes = number;
    else if (strcmp(name, "seed") == 0)
        o->seed = number;
    else if (strcmp(name, "verify") == 0)
        o->verify = true;
    else if (strcmp(name, "reopen") == 0)
        o->reopen = true;
    else if (strcmp(name, "isid") == 0)
        o->keep_isid = true;
    else if (strcmp(name, "fua") == 0)
        o->fua = true;
    else if (strcmp(name, "digest") == 0)
        o->lun.header_digest = o->lun.data_digest =
            strcmp(value, "both") == 0 ? BERTH_DIGEST_CRC32C : BERTH_DIGEST_NONE;
}

static const struct option long_options[] = {{"ledger", required_argument, NULL, OPT_FIRST},
                                             {"events", required_argument, NULL, OPT_FIRST},
                                             {"span", required_argument, NULL, OPT_FIRST},
                                             {"seed", required_argument, NULL, OPT_FIRST},
                                             {"jobs", required_argument, NULL, OPT_FIRST},
                                             {"depth", required_argument, NULL, OPT_FIRST},
                                             {"time", required_argument, NULL, OPT_FIRST},
                                             {"longest", required_argument, NULL, OPT_FIRST},
                                             {"writes", required_argument, NULL, OPT_FIRST},
                                             {"drain", required_argument, NULL, OPT_FIRST},
                                             {"command", required_argument, NULL, OPT_FIRST},
                                             {"recovery", required_argument, NULL, OPT_FIRST},
                                             {"connect", required_argument, NULL, OPT_FIRST},
                                             {"ping", required_argument, NULL, OPT_FIRST},
                                             {"abort", required_argument, NULL, OPT_FIRST},
                                             {"digest", required_argument, NULL, OPT_FIRST},
                                             {"ping-timeout", required_argument, NULL, OPT_FIRST},
                                             {"verify", no_argument, NULL, OPT_FIRST},
                                             {"reopen", no_argument, NULL, OPT_FIRST},
                                             {"isid", no_argument, NULL, OPT_FIRST},
                                             {"fua", no_argument, NULL, OPT_FIRST},
                                             {NULL, 0, NULL, 0}};

static bool sound(const struct load_options *o)
{
    return o->ledger && o->url_count > 0 && o->jobs >= 1 && o->jobs <= LOAD_JOBS_MAX && o->depth >= 1 &&
           o->depth <= LOAD_DEPTH && o->longest_blocks >= 1 && o->longest_blocks <= LOAD_LONG &&
           o->span_bytes / LOAD_UNIT >= (uint64_t)o->jobs * LOAD_LONG;
}

static bool parse(struct load_options *o, int argc, char **argv)
{
    int index, c;
    *o = (struct load_options){.jobs = 4,
                               .depth = 32,
                               .time_ms = 10000,
                               .longest_blocks = LOAD_LONG,
                               .write_percent = 50,
                               .drain_ms = 180000,
                               .seed = 1};
    berth_options_init(&o->lun);
    while ((c = getopt_long(argc, argv, "", long_options, &index)) == OPT_FIRST)
        take(o, long_options[index].name, optarg);
    for (; optind < argc && o->url_count < LOAD_JOBS_MAX; optind++)
        o->urls[o->url_count++] = argv[optind];
    return c < 0 && sound(o);
}

/* --- the two ways --- */

static void run(struct load *l)
{
    struct holdings before;
    warm_up(l);
    before = holdings();
    if (!l->wrong_count)
        run_jobs(l, l->options.jobs);
    check_holdings(l, &before);
    for (uint32_t i = 0; i < l->options.jobs; i++)
        if (l->jobs[i].stuck)
            load_wrong(l, "O4: %u I/Os of job %u never came back", l->jobs[i].stuck, i);
}

int main(int argc, char **argv)
{
    static struct load l;
    mallopt(M_ARENA_MAX, 1); /* one heap, which can be measured */
    pthread_mutex_init(&l.lock, NULL);
    if (!parse(&l.options, argc, argv)) {
        fputs(usage_text, stderr);
        return 2;
    }
    if (!chart_open(&l.chart, l.options.ledger, l.options.span_bytes / LOAD_UNIT))
        return 2;
    l.events = l.options.events ? fopen(l.options.events, "ae") : NULL;
    if (l.options.verify)
        verify(&l);
    else
        run(&l);
    report(&l);
    if (l.events)
        fclose(l.events);
    chart_close(&l.chart);
    return l.wrong_count > 0;
}
