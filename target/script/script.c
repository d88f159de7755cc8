/* SPDX-License-Identifier: MIT */
#include "script/script.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/parse.h"
#include "script/random.h"

#define SOURCE_MAX 320u

void script_init(struct script *s)
{
    memset(s, 0, sizeof *s);
    s->seed = 1;
}

static void rule_free(struct rule *r)
{
    if (!r)
        return;
    free(r->actions);
    free(r->memory);
    free(r);
}

void script_free(struct script *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        rule_free(s->rules[i]);
    script_init(s);
}

/* Each rule has chances of its own, so that none depends on how often another was asked. */
void script_rewind(struct script *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct rule *r = s->rules[i];
        r->index = i;
        r->matched = r->fired = 0;
        r->random = s->seed * 0x10001u + i;
        random_next(&r->random);
        r->due_ns = UINT64_MAX;
    }
}

/* --- one rule --- */

/* What a rule keeps of its line: where it stands, how it was written, and its words. */
struct keepsake {
    struct words words;
    char source[SOURCE_MAX];
    char text[WORDS_LINE_MAX];
};

static struct rule *rule_new(void)
{
    struct rule *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->nth = r->of_nth = r->connection = r->portal = RANGE_ALL;
    r->of = -1;
    r->every = r->chance = r->chances = 1;
    r->memory = calloc(1, sizeof(struct keepsake));
    r->actions = calloc(RULE_ACTIONS_MAX, sizeof *r->actions);
    if (r->memory && r->actions)
        return r;
    rule_free(r);
    return NULL;
}

static void shrink(struct rule *r)
{
    void *actions = realloc(r->actions, r->action_count * sizeof *r->actions);
    if (actions)
        r->actions = actions;
}

static bool on_what(struct parse *p)
{
    struct rule *r = p->rule;
    if (!parse_what(p, &r->what))
        return false;
    if (r->what.kind != KIND_ANY)
        r->of = r->what.kind;
    if (!parse_maybe_range(p, &r->nth) || r->nth.first > 0)
        return true;
    p->at--;
    return parse_fail(p, "a number from 1 on");
}

static bool at_time(struct parse *p)
{
    struct rule *r = p->rule;
    r->what.moment = MOMENT_TIME;
    if (!parse_time(p, &r->period))
        return false;
    return !r->repeats || r->period.first > 0 ||
           parse_refuse(p, "a pause of nothing leaves no time to work; take 1ms or more");
}

/* true: there is a rule to be kept. */
static bool parse_rule(struct parse *p)
{
    bool ok;
    if (parse_accept(p, "on"))
        ok = on_what(p);
    else if (parse_accept(p, "at") || (p->rule->repeats = parse_accept(p, "every")))
        ok = at_time(p);
    else
        return parse_fail(p, "on, at, every or seed");
    return ok && parse_conditions(p) && parse_actions(p);
}

static bool parse_seed(struct parse *p, uint64_t *seed)
{
    return parse_number(p, 0, UINT64_MAX, seed) && (!*p->at || parse_fail(p, "nothing"));
}

/* --- lines --- */

struct source {
    const char *name;
    uint32_t line; /* 0: not told */
    char *why;
    size_t why_size;
};

static void keep_line(struct keepsake *k, const struct source *from, const char *line, size_t len)
{
    if (from->line)
        snprintf(k->source, sizeof k->source, "%.300s:%u", from->name, from->line);
    else
        snprintf(k->source, sizeof k->source, "%.300s", from->name);
    size_t n = len < sizeof k->text ? len : sizeof k->text - 1;
    memcpy(k->text, line, n);
    k->text[n] = 0;
}

static bool read_words(struct script *s, struct rule *r, const struct source *from, const char *flaw)
{
    struct keepsake *k = r->memory;
    struct parse p = {.at = k->words.at,
                      .begin = k->words.at,
                      .source = k->source,
                      .rule = r,
                      .why = from->why,
                      .why_size = from->why_size};
    r->source = k->source;
    r->text = k->text;
    if (flaw)
        return parse_refuse(&p, "%s", flaw);
    if (k->words.count == 0)
        return true;
    if (parse_accept(&p, "seed"))
        return parse_seed(&p, &s->seed);
    if (s->count == SCRIPT_RULES_MAX)
        return parse_refuse(&p, "a script has 1024 rules at most; leave some out");
    return parse_rule(&p);
}

static bool read_line(struct script *s, const struct source *from, const char *line, size_t len)
{
    struct rule *r = rule_new();
    if (!r) {
        snprintf(from->why, from->why_size, "there is no memory for a script; free some");
        return false;
    }
    struct keepsake *k = r->memory;
    keep_line(k, from, line, len);
    bool ok = read_words(s, r, from, words_cut(&k->words, line, len));
    if (ok && r->action_count > 0) {
        shrink(r);
        s->rules[s->count++] = r;
    } else {
        rule_free(r);
    }
    return ok;
}

bool script_read(struct script *s, const char *name, bool lines, const char *text, size_t len, char *why,
                 size_t why_size)
{
    struct source from = {.name = name, .why = why, .why_size = why_size};
    const char *end = text + len;
    if (len > SCRIPT_TEXT_MAX) {
        snprintf(why, why_size, "%s: a script has 1 MiB at most; make two of it", name);
        return false;
    }
    for (const char *at = text; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        from.line += lines;
        if (!read_line(s, &from, at, (size_t)(stop - at)))
            return false;
        at = stop + (stop < end);
    }
    script_rewind(s);
    return true;
}
