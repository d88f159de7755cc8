/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "cli/clock.h"
#include "cli/json.h"
#include "cli/pattern.h"

#define PAGE       4096u
#define MEMORY_MAX (1ull << 30)

_Noreturn void die(const char *what)
{
    if (errno)
        fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    else
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(2);
}

/* --- words --- */

static _Noreturn void explain(const char *usage)
{
    fprintf(stderr, "usage: %s\n", usage);
    exit(2);
}

static const struct word *find_word(const struct word *words, const char *said)
{
    if (strncmp(said, "--", 2) != 0)
        return NULL;
    for (; words->name; words++)
        if (strcmp(words->name, said + 2) == 0)
            return words;
    return NULL;
}

static bool take_value(const struct word *w, const char *value)
{
    char *end = NULL;
    if (w->kind == WORD_TEXT)
        *(const char **)w->into = value;
    else if (w->kind == WORD_NUMBER)
        *(uint32_t *)w->into = (uint32_t)strtoul(value, &end, 10);
    else
        *(double *)w->into = strtod(value, &end);
    return !end || (end != value && *end == '\0');
}

const char *words_take(char **argv, const struct word *words, const char *usage)
{
    const char *operand = NULL;
    for (; *argv; argv++) {
        const struct word *w = find_word(words, *argv);
        if (w && w->kind == WORD_FLAG)
            *(bool *)w->into = true;
        else if (w && argv[1] && take_value(w, argv[1]))
            argv++;
        else if (w || operand || **argv == '-')
            explain(usage);
        else
            operand = *argv;
    }
    if (!operand)
        explain(usage);
    return operand;
}

/* --- the load --- */

static void understand(struct load *l)
{
    l->random = strncmp(l->rw, "rand", 4) == 0;
    l->reads = strstr(l->rw, "read") || strstr(l->rw, "rw");
    l->writes = strstr(l->rw, "write") || strstr(l->rw, "rw");
    errno = 0;
    if (!l->reads && !l->writes)
        die("--rw is one of read, write, rw, randread, randwrite, randrw");
    if (l->block == 0 || l->block % 8 != 0 || l->block > l->lun_bytes || l->depth == 0 || l->sessions == 0)
        die("--bs, --depth and the sessions are too small, or too large");
    if ((uint64_t)l->block * l->depth * l->sessions > MEMORY_MAX)
        die("--bs times --depth times the sessions is more than 1 GiB");
}

void load_prepare(struct load *l)
{
    uint32_t count = l->depth * l->sessions;
    understand(l);
    size_t size = ((size_t)l->block * count + PAGE - 1) / PAGE * PAGE;
    l->slots = calloc(count, sizeof *l->slots);
    l->memory = aligned_alloc(PAGE, size);
    if (!l->slots || !l->memory)
        die("memory");
    l->state = clock_ns() | 1;
    for (size_t i = 0; i < size / 8; i++)
        ((uint64_t *)(void *)l->memory)[i] = pattern_next(&l->state);
    for (uint32_t i = 0; i < count; i++)
        l->slots[i].place = l->memory + (size_t)i * l->block;
    histogram_clear(&l->latency);
}

static double cpu_us(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e6 +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

void load_begin(struct load *l)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    l->cpu_before_us = cpu_us(&u);
    l->switches_before[0] = u.ru_nvcsw;
    l->switches_before[1] = u.ru_nivcsw;
    l->calls_before = l->syscalls;
    l->begin_ns = clock_ns();
    l->end_ns = l->begin_ns + (uint64_t)(l->seconds * 1e9);
}

void load_end(struct load *l)
{
    struct rusage u;
    l->elapsed_s = (double)(clock_ns() - l->begin_ns) / 1e9;
    getrusage(RUSAGE_SELF, &u);
    l->cpu_us = cpu_us(&u) - l->cpu_before_us;
    l->switches[0] = u.ru_nvcsw - l->switches_before[0];
    l->switches[1] = u.ru_nivcsw - l->switches_before[1];
}

static uint64_t next_place(struct load *l)
{
    uint64_t places = l->lun_bytes / l->block;
    if (l->random)
        return pattern_next(&l->state) % places;
    if (l->cursor == places)
        l->cursor = 0;
    return l->cursor++;
}

void load_next(struct load *l, uint32_t slot, uint64_t now_ns)
{
    struct load_slot *s = &l->slots[slot];
    s->started_ns = now_ns;
    s->offset = next_place(l) * l->block;
    s->write = l->writes && (!l->reads || pattern_next(&l->state) >> 63);
}

void load_done(struct load *l, uint32_t slot, uint64_t now_ns)
{
    const struct load_slot *s = &l->slots[slot];
    histogram_add(&l->latency, now_ns - s->started_ns);
    if (s->write)
        l->done_writes++;
    else
        l->done_reads++;
}

bool load_more(const struct load *l, uint64_t now_ns)
{
    return now_ns < l->end_ns;
}

/* --- telling --- */

static void print_latency(struct json *j, const struct histogram *h)
{
    json_put_real(j, "mean_us", histogram_mean(h) / 1e3);
    json_put_real(j, "p50_us", (double)histogram_at(h, 0.5) / 1e3);
    json_put_real(j, "p99_us", (double)histogram_at(h, 0.99) / 1e3);
    json_put_real(j, "p999_us", (double)histogram_at(h, 0.999) / 1e3);
    json_put_real(j, "max_us", (double)histogram_at(h, 1) / 1e3);
}

static void print_costs(struct json *j, const struct load *l)
{
    double ios = (double)(l->done_reads + l->done_writes);
    double rate = l->elapsed_s > 0 ? ios / l->elapsed_s : 0, per = ios > 0 ? ios : 1;
    json_put_u64(j, "ios", l->done_reads + l->done_writes);
    json_put_u64(j, "reads", l->done_reads);
    json_put_u64(j, "writes", l->done_writes);
    json_put_u64(j, "errors", 0);
    json_put_real(j, "iops", rate);
    json_put_real(j, "bytes_per_s", rate * l->block);
    json_put_real(j, "cpu_us_per_io", l->cpu_us / per);
    json_put_real(j, "syscalls_per_io", (double)(l->syscalls - l->calls_before) / per);
    json_put_real(j, "switches_per_io", (double)(l->switches[0] + l->switches[1]) / per);
}

void load_print(const struct load *l, const char *driver, const char *how)
{
    char schema[64];
    struct json j = {.out = stdout};
    snprintf(schema, sizeof schema, "berth-%s/1", driver);
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", schema);
    json_put_text(&j, "how", how);
    json_put_text(&j, "rw", l->rw);
    json_put_u64(&j, "bs", l->block);
    json_put_u64(&j, "depth", l->depth);
    json_put_u64(&j, "sessions", l->sessions);
    json_put_real(&j, "duration_s", l->elapsed_s);
    print_costs(&j, l);
    print_latency(&j, &l->latency);
    json_put_object_end(&j);
    putchar('\n');
}
