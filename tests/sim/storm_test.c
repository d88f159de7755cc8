/* SPDX-License-Identifier: MIT */
/* Many storms, or one again: storm_test FIRST COUNT, storm_test SEED (which tells what happens). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "storm.h"

static char replay[256];

/* The referee, and whatever else finds a fault of ours, ends the process. */
static void on_abort(int signal)
{
    (void)signal;
    ssize_t ignored = write(STDERR_FILENO, replay, strlen(replay));
    (void)ignored;
}

static void add(struct storm_report *sum, const struct storm_report *r)
{
    sum->ios += r->ios;
    sum->errors += r->errors;
    sum->faults += r->faults;
    sum->swaps += r->swaps;
    sum->reconnects += r->reconnects;
    sum->late += r->late;
    sum->lasted_ms += r->lasted_ms;
    for (uint32_t f = 0; f < STORM_FAULTS; f++)
        sum->by_kind[f] += r->by_kind[f];
    for (uint32_t e = 0; e < STORM_ERRORS; e++)
        sum->by_error[e] += r->by_error[e];
    if (r->longest_io_ms > sum->longest_io_ms)
        sum->longest_io_ms = r->longest_io_ms;
    if (r->back_ms > sum->back_ms)
        sum->back_ms = r->back_ms;
}

static void print(const struct storm_report *r)
{
    printf("%u I/Os, %u faults, %llu reconnects, %llu commands executed late, %.1f s of the fake clock\n",
           r->ios, r->faults, (unsigned long long)r->reconnects, (unsigned long long)r->late,
           (double)r->lasted_ms / 1000);
    printf("%u changes of engine, ", r->swaps);
    printf("longest I/O %.1f s, back after at most %.1f s; faults:", (double)r->longest_io_ms / 1000,
           (double)r->back_ms / 1000);
    for (uint32_t f = 0; f < STORM_FAULTS; f++)
        printf(" %s %u", storm_fault_names[f], r->by_kind[f]);
    printf("\n%u errors:", r->errors);
    for (uint32_t e = 0; e < STORM_ERRORS; e++)
        if (r->by_error[e])
            printf(" %s %u", berth_error_name(-(int)e), r->by_error[e]);
    putchar('\n');
}

/* A fault of each kind, a late command and a failed I/O: else they are not the storms they claim to be. */
static bool varied(const struct storm_report *sum)
{
    for (uint32_t f = 0; f < STORM_FAULTS; f++)
        if (sum->by_kind[f] == 0)
            return false;
    return sum->late && sum->errors && sum->reconnects && sum->swaps > 1000;
}

static bool one(const char *program, uint64_t seed, bool loud, struct storm_report *r)
{
    snprintf(replay, sizeof replay, "in the storm of seed %llu; again: %s %llu\n", (unsigned long long)seed,
             program, (unsigned long long)seed);
    if (storm_run(seed, loud, r))
        return true;
    fprintf(stderr, "%s\n%s", r->wrong, replay);
    return false;
}

int main(int argc, char **argv)
{
    struct storm_report sum = {0}, r;
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint32_t wrong = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGABRT, on_abort);
    for (uint64_t seed = first; seed < first + count && wrong < 5; seed++) {
        wrong += !one(argv[0], seed, argc == 2, &r);
        add(&sum, &r);
    }
    print(&sum);
    if (!wrong && count >= 100 && !varied(&sum)) {
        fprintf(stderr, "something did not happen in any of these storms\n");
        wrong++;
    }
    return wrong > 0;
}
