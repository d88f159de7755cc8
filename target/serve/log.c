/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "serve/target.h"

#define SENTENCE_MAX 512u
#define PERIOD_NS    (LOG_SECONDS * 1000000000ull)

/* How much of one kind was told in the present period. */
struct allowance {
    uint64_t until;
    uint32_t told, withheld;
};

struct log {
    void (*say)(void *arg, const char *sentence);
    void *arg;
    struct allowance kinds[LOG_KINDS];
};

static const char *const kind_names[LOG_KINDS] = {"sessions", "refusals", "faults"};

struct log *log_new(void (*say)(void *arg, const char *sentence), void *arg)
{
    struct log *l = calloc(1, sizeof *l);
    if (l) {
        l->say = say;
        l->arg = arg;
    }
    return l;
}

void log_free(struct log *l)
{
    free(l);
}

static void close_period(struct log *l, enum log_kind kind)
{
    char sentence[SENTENCE_MAX];
    struct allowance *a = &l->kinds[kind];
    if (a->withheld > 0) {
        snprintf(sentence, sizeof sentence, "%u more %s like these in %u seconds", a->withheld,
                 kind_names[kind], LOG_SECONDS);
        l->say(l->arg, sentence);
    }
    a->told = a->withheld = 0;
}

void log_tick(struct log *l, uint64_t now)
{
    if (!l->say)
        return;
    for (int kind = 0; kind < LOG_KINDS; kind++)
        if (now >= l->kinds[kind].until)
            close_period(l, (enum log_kind)kind);
}

static bool allowed(struct log *l, uint64_t now, enum log_kind kind)
{
    struct allowance *a = &l->kinds[kind];
    if (now >= a->until) {
        close_period(l, kind);
        a->until = now + PERIOD_NS;
    }
    if (a->told < LOG_BURST) {
        a->told++;
        return true;
    }
    a->withheld++;
    return false;
}

void log_say(struct log *l, uint64_t now, enum log_kind kind, const char *format, ...)
{
    char sentence[SENTENCE_MAX];
    va_list args;
    if (!l->say || !allowed(l, now, kind))
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    l->say(l->arg, sentence);
}
