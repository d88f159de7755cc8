/* SPDX-License-Identifier: MIT */
#include "check/judge.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void blame(struct check_outcome *o, uint32_t fault,
                                                        const char *format, ...)
{
    size_t used = strlen(o->why);
    va_list args;
    if (used > 0 && used + 2 < sizeof o->why) {
        memcpy(o->why + used, "; ", 3);
        used += 2;
    }
    va_start(args, format);
    vsnprintf(o->why + used, sizeof o->why - used, format, args);
    va_end(args);
    o->faults |= fault;
}

/* --- how the commands ended --- */

static void judge_ends(const struct evidence *e, struct check_outcome *o)
{
    switch (e->bad.end) {
    case CHILD_KILLED:
        blame(o, CHECK_CRASH, "the command was ended by signal %d (%s)", e->bad.status,
              strsignal(e->bad.status));
        break;
    case CHILD_LATE:
        blame(o, CHECK_TIME, "the command did not end within %" PRIu32 " s", (e->time_ms + 999) / 1000);
        break;
    default:
        if (child_crashed(&e->bad))
            blame(o, CHECK_CRASH, "the command crashed: exit status %d", e->bad.status);
    }
}

static void judge_status(const struct evidence *e, struct check_outcome *o)
{
    if (e->c->end == END_SUCCESS && e->failed > 0)
        blame(o, CHECK_STATUS, "the command failed where it must succeed");
    if (e->c->end == END_FAILURE && e->succeeded > 0)
        blame(o, CHECK_STATUS, "the command succeeded where it must fail");
}

static void judge_bytes(const struct evidence *e, struct check_outcome *o)
{
    if (e->bytes[0])
        blame(o, CHECK_BYTES, "%s", e->bytes);
}

/* --- what passed --- */

static bool is_known(const struct evidence *e, const char *rule)
{
    if (e->c->pardon && strcmp(e->c->pardon, rule) == 0)
        return true;
    for (uint32_t i = 0; i < e->known_count; i++)
        if (strcmp(e->known[i], rule) == 0)
            return true;
    return false;
}

static void judge_wire(const struct evidence *e, struct check_outcome *o)
{
    for (uint32_t i = 0; i < o->violation_count; i++) {
        struct check_violation *v = &o->violations[i];
        v->known = is_known(e, v->rule);
        if (!v->known && !v->should)
            blame(o, CHECK_WIRE, "rule %s (RFC 7143 %s) was broken: %s", v->rule, v->section, v->statement);
    }
}

static void judge_watches(const struct evidence *e, struct check_outcome *o)
{
    for (uint32_t i = 0; i < CASE_WATCHES_MAX && e->c->watches[i].rule; i++) {
        const struct case_watch *w = &e->c->watches[i];
        uint64_t n = e->fired[e->script_rules + i];
        if (n < w->least || n > w->most)
            blame(o, CHECK_CONDUCT, "%s (%" PRIu64 " times)", w->words, n);
    }
}

static void judge_must(const struct evidence *e, struct check_outcome *o)
{
    for (uint32_t i = 0; i < e->script_rules; i++)
        if (e->c->must >> i & 1 && e->fired[i] > 0)
            return;
    if (e->c->must)
        blame(o, CHECK_CONDUCT, "%s", e->c->must_words);
}

static bool exercised(const struct evidence *e)
{
    const uint64_t wanted = e->c->fired ? e->c->fired : ~e->c->must;
    for (uint32_t i = 0; i < e->script_rules; i++)
        if (wanted >> i & 1 && e->fired[i] == 0)
            return false;
    return e->runs > 0;
}

/* What was seen to be wrong counts, whether or not it is what the case is about. */
void judge(const struct evidence *e, struct check_outcome *o)
{
    o->gave_up = e->failed > 0;
    judge_ends(e, o);
    judge_bytes(e, o);
    if (exercised(e) || e->c->end == END_SUCCESS)
        judge_status(e, o);
    judge_wire(e, o);
    if (exercised(e)) {
        judge_watches(e, o);
        judge_must(e, o);
    }
    o->result = o->faults ? CHECK_FAILED : CHECK_PASSED;
    if (o->faults || exercised(e))
        return;
    o->result = CHECK_NOT_EXERCISED;
    snprintf(o->why, sizeof o->why, "the initiator did nothing that the target could answer so");
}
