/* SPDX-License-Identifier: MIT */
/* The conformance suite for initiators: what `berth check-initiator` runs. Each case is a target in a process
 * of its own, an initiator that is started against it as a command, and a verdict on what passed between
 * them.
 *
 *   case.h      the table             template.h  the initiator's command      disk.h   what is on a LUN
 *   peer.h      the target            child.h     the command under way        judge.h  the verdict
 *   trial.h     one case from beginning to end                                 run.c    all of them */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_PATTERNS_MAX   32u
#define CHECK_KNOWN_MAX      16u
#define CHECK_VIOLATIONS_MAX 6u /* told of one case; the rest is counted */
#define CHECK_WHY_MAX        600u
#define CHECK_OUTPUT_MAX     1500u
#define CHECK_COMMAND_MAX    1000u
#define CHECK_JOBS_MAX       64u

enum check_result {
    CHECK_PASSED,
    CHECK_FAILED,
    CHECK_NOT_EXERCISED, /* the initiator did nothing that the case is about, or has no way to */
    CHECK_BROKEN,        /* the suite could not do its part */
    CHECK_RESULTS,
};

/* What was wrong, by bits. */
enum check_fault {
    CHECK_WIRE = 1 << 0,    /* a rule of the RFC was broken */
    CHECK_BYTES = 1 << 1,   /* not what was read or written, though the command said so */
    CHECK_STATUS = 1 << 2,  /* it failed or succeeded where it must not */
    CHECK_TIME = 1 << 3,    /* it did not end in time */
    CHECK_CRASH = 1 << 4,   /* it was ended by a signal */
    CHECK_CONDUCT = 1 << 5, /* what the case watches was not so */
};
#define CHECK_FAULT_WORDS "wire", "bytes", "status", "time", "crash", "conduct" /* by bit */

/* A case, for people. */
struct check_about {
    const char *id, *topic, *section, *sentence;
};

struct check_violation {
    char rule[8], section[16];
    char statement[160], detail[200];
    uint64_t count;
    bool should; /* the RFC has SHOULD there: told, but no failure */
    bool known;  /* the user knows of it: the same */
};

struct check_outcome {
    enum check_result result;
    uint32_t faults;
    bool gave_up; /* a command said that it failed */
    uint32_t ms;
    char why[CHECK_WHY_MAX]; /* sentences without a full stop, "; " between them */
    struct check_violation violations[CHECK_VIOLATIONS_MAX];
    uint32_t violation_count;        /* of those above */
    char command[CHECK_COMMAND_MAX]; /* the one that was not right, or the last */
    char output[CHECK_OUTPUT_MAX];   /* the end of what it said */
};

struct check_options {
    /* The initiator: words with places. NULL: it cannot do that. `command` does what has none of its own. */
    char *const *command;
    uint32_t command_words;
    const char *read, *write, *discover;
    const char *only[CHECK_PATTERNS_MAX], *skip[CHECK_PATTERNS_MAX]; /* as in a shell; of ids and topics */
    uint32_t only_count, skip_count;
    const char *known[CHECK_KNOWN_MAX]; /* rules of the referee */
    uint32_t known_count;
    const char *listen, *listen6; /* addresses */
    uint32_t jobs, time_ms;       /* time_ms: of one command */
    int stop_fd;                  /* readable: stop */
    /* One case has ended. They come in the order of the table. */
    void (*done)(void *arg, const struct check_about *about, const struct check_outcome *outcome);
    void *arg;
};

struct check_totals {
    uint32_t results[CHECK_RESULTS];
    bool stopped;
};

/* Runs the cases that are chosen. Returns 0, or an enum berth_error with one sentence in `why`. */
int check_run(const struct check_options *options, struct check_totals *totals, char *why, size_t why_size);

/* The cases that are chosen, without running them. Returns how many these are. */
uint32_t check_list(const struct check_options *options,
                    void (*tell)(void *arg, const struct check_about *about), void *arg);

#endif
