/* SPDX-License-Identifier: MIT */
/* What the drivers of the harness share: the words of their command line, which I/O comes next, what the I/Os
 * cost, and the same JSON as `berth bench --json` with the same meaning of every name. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "cli/histogram.h"

/* --- words: --name VALUE, and flags --- */

enum word_kind { WORD_TEXT, WORD_NUMBER, WORD_REAL, WORD_FLAG };

struct word {
    const char *name;
    enum word_kind kind;
    void *into; /* const char *, uint32_t, double, bool */
};

/* Takes all words of `argv` that `words` names, and returns what remains: the operand. Ends the program if
 * one is unknown, or if there is no operand. */
const char *words_take(char **argv, const struct word *words, const char *usage);

_Noreturn void die(const char *what); /* and why: errno */

/* --- the load --- */

struct load_slot {
    uint64_t started_ns, offset;
    uint8_t *place; /* `block` bytes, of its own */
    bool write;
};

struct load {
    /* what is asked for */
    const char *rw;
    uint32_t block, depth; /* depth: of one connection */
    uint32_t sessions;
    double seconds;
    uint64_t lun_bytes;

    /* the driver's */
    struct load_slot *slots; /* depth times sessions */
    uint8_t *memory;
    uint64_t syscalls; /* the driver counts them */

    /* load.c's */
    bool random, reads, writes;
    uint64_t state, cursor, begin_ns, end_ns;
    uint64_t calls_before, done_reads, done_writes;
    double cpu_before_us, cpu_us, elapsed_s;
    long switches_before[2], switches[2];
    struct histogram latency;
};

/* The words of every driver: to be named in its own table. */
#define LOAD_WORDS(l)                                                                                        \
    {"rw", WORD_TEXT, &(l)->rw}, {"bs", WORD_NUMBER, &(l)->block}, {"depth", WORD_NUMBER, &(l)->depth},      \
    {                                                                                                        \
        "time", WORD_REAL, &(l)->seconds                                                                     \
    }

#define LOAD_DEFAULTS                                                                                        \
    {                                                                                                        \
        .rw = "randread", .block = 4096, .depth = 32, .sessions = 1, .seconds = 1, .lun_bytes = 64u << 20    \
    }

void load_prepare(struct load *l); /* gets memory; ends the program if the wishes make no sense */
void load_begin(struct load *l);   /* from here on it is measured */
void load_next(struct load *l, uint32_t slot, uint64_t now_ns); /* what the slot does next */
void load_done(struct load *l, uint32_t slot, uint64_t now_ns);
bool load_more(const struct load *l, uint64_t now_ns); /* shall done ones be followed by others? */
void load_end(struct load *l);

/* `driver` names the schema; `how` says which of its ways was gone. */
void load_print(const struct load *l, const char *driver, const char *how);

#endif
