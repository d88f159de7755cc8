/* SPDX-License-Identifier: MIT */
#include "serve/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PERIOD_NS (LOG_SECONDS * 1000000000ull)

/* Priorities as syslog(3) counts. */
enum { WARNING = 4, NOTICE = 5, INFO = 6, DEBUG = 7 };

static const struct {
    const char *name, *plural;
    int8_t level, priority;
    bool rationed;
} kinds[LOG_KINDS] = {
    [LOG_SESSION] = {"session", "sessions", SERVE_LOG_NORMAL, INFO, true},
    [LOG_REFUSAL] = {"refusal", "refusals", SERVE_LOG_QUIET, WARNING, true},
    [LOG_FAULT] = {"fault", "faults", SERVE_LOG_QUIET, WARNING, true},
    [LOG_CHANGE] = {"change", "changes", SERVE_LOG_NORMAL, NOTICE, false},
    [LOG_COMMAND] = {"command", "commands", SERVE_LOG_DEBUG, DEBUG, false},
};

static const char *const level_words[] = {SERVE_LOG_WORDS};

/* How much of one kind was told in the present period. */
struct allowance {
    uint64_t until;
    uint32_t told, withheld;
};

struct log {
    void (*say)(void *arg, int priority, const char *sentence);
    void *arg;
    enum serve_log_level level;
    struct allowance kinds[LOG_KINDS];
    uint64_t written; /* of all that were kept, ever; the next goes into this one's place */
    struct log_line lines[LOG_KEPT];
};

struct log *log_new(const struct serve_config *config)
{
    struct log *l = calloc(1, sizeof *l);
    if (l) {
        l->say = config->log;
        l->arg = config->log_arg;
        l->level = (enum serve_log_level)config->log_level;
    }
    return l;
}

void log_free(struct log *l)
{
    free(l);
}

/* --- levels and kinds --- */

enum serve_log_level log_level(const struct log *l)
{
    return l->level;
}

void log_set_level(struct log *l, enum serve_log_level level)
{
    l->level = level;
}

const char *log_level_name(enum serve_log_level level)
{
    return level_words[level - SERVE_LOG_QUIET];
}

bool log_level_find(const char *name, enum serve_log_level *level)
{
    for (int i = 0; i < (int)(sizeof level_words / sizeof level_words[0]); i++) {
        if (strcmp(level_words[i], name) != 0)
            continue;
        *level = (enum serve_log_level)(SERVE_LOG_QUIET + i);
        return true;
    }
    return false;
}

const char *log_kind_name(enum log_kind kind)
{
    return kinds[kind].name;
}

/* To be quiet is for who listens; what is normal is kept all the same. */
bool log_wants(const struct log *l, enum log_kind kind)
{
    return kinds[kind].level <= SERVE_LOG_NORMAL || kinds[kind].level <= (int)l->level;
}

/* --- keeping --- */

uint32_t log_count(const struct log *l)
{
    return l->written < LOG_KEPT ? (uint32_t)l->written : LOG_KEPT;
}

const struct log_line *log_line(const struct log *l, uint32_t i)
{
    return &l->lines[(l->written - log_count(l) + i) % LOG_KEPT];
}

uint64_t log_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct log_line *next_line(struct log *l, enum log_kind kind)
{
    struct log_line *line = &l->lines[l->written++ % LOG_KEPT];
    line->at_ms = log_clock_ms();
    line->kind = (uint8_t)kind;
    return line;
}

/* --- telling --- */

static void tell(struct log *l, const struct log_line *line)
{
    if (l->say && kinds[line->kind].level <= (int)l->level)
        l->say(l->arg, kinds[line->kind].priority, line->text);
}

static void close_period(struct log *l, enum log_kind kind)
{
    struct allowance *a = &l->kinds[kind];
    if (a->withheld > 0) {
        struct log_line *line = next_line(l, kind);
        snprintf(line->text, sizeof line->text, "%u more %s like these in %u seconds", a->withheld,
                 kinds[kind].plural, LOG_SECONDS);
        tell(l, line);
    }
    a->told = a->withheld = 0;
}

void log_tick(struct log *l, uint64_t now)
{
    for (int kind = 0; kind < LOG_KINDS; kind++)
        if (now >= l->kinds[kind].until)
            close_period(l, (enum log_kind)kind);
}

static bool allowed(struct log *l, uint64_t now, enum log_kind kind)
{
    struct allowance *a = &l->kinds[kind];
    if (!kinds[kind].rationed)
        return true;
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
    va_list args;
    if (!log_wants(l, kind) || !allowed(l, now, kind))
        return;
    struct log_line *line = next_line(l, kind);
    va_start(args, format);
    vsnprintf(line->text, sizeof line->text, format, args);
    va_end(args);
    tell(l, line);
}
