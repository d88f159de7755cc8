/* SPDX-License-Identifier: MIT */
#include "cli/check_report.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cli/check_junit.h"
#include "cli/say.h"
#include "attach/utf8.h"

#define SCHEMA   "berth-check-initiator/1"
#define ID_WIDTH 34

static const char *const result_words[CHECK_RESULTS] = {
    [CHECK_PASSED] = "passed",
    [CHECK_FAILED] = "failed",
    [CHECK_NOT_EXERCISED] = "not exercised",
    [CHECK_BROKEN] = "broken",
};

/* What stands out in a column. */
static const char *const result_marks[CHECK_RESULTS] = {
    [CHECK_PASSED] = "ok",
    [CHECK_FAILED] = "FAILED",
    [CHECK_NOT_EXERCISED] = "-",
    [CHECK_BROKEN] = "BROKEN",
};

static const char *const fault_words[] = {CHECK_FAULT_WORDS};
#define FAULT_COUNT (sizeof fault_words / sizeof fault_words[0])

/* --- counts --- */

static struct check_topic_count *topic_of(struct check_report *r, const char *topic)
{
    for (uint32_t i = 0; i < r->topic_count; i++)
        if (strcmp(r->topics[i].topic, topic) == 0)
            return &r->topics[i];
    if (r->topic_count == CHECK_TOPICS_MAX)
        return &r->topics[CHECK_TOPICS_MAX - 1];
    r->topics[r->topic_count].topic = topic;
    return &r->topics[r->topic_count++];
}

static uint32_t all_of(const struct check_totals *t)
{
    uint32_t sum = 0;
    for (int i = 0; i < CHECK_RESULTS; i++)
        sum += t->results[i];
    return sum;
}

/* --- text --- */

/* Output of a program: lines of it, each set in, without what moves a cursor. */
static void text_output(const char *text)
{
    char line[400], plain[400];
    while (*text) {
        size_t len = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len : sizeof line - 1), text);
        if (line[0])
            printf("          | %s\n", utf8_plain(plain, sizeof plain, line));
        text += len + (text[len] == '\n');
    }
}

static void text_violations(const struct check_outcome *o)
{
    for (uint32_t i = 0; i < o->violation_count; i++) {
        const struct check_violation *v = &o->violations[i];
        printf("          %s (RFC 7143 %s)%s, %" PRIu64 " times: %s; seen: %s\n", v->rule, v->section,
               v->known    ? ", as is known"
               : v->should ? " (SHOULD)"
                           : "",
               v->count, v->statement, v->detail);
    }
}

static void text_details(const struct check_about *about, const struct check_outcome *o)
{
    char plain[CHECK_COMMAND_MAX];
    printf("          %s (RFC 7143 %s)\n", about->sentence, about->section);
    if (o->why[0])
        printf("          %s\n", o->why);
    text_violations(o);
    if (o->command[0])
        printf("          $ %s\n", utf8_plain(plain, sizeof plain, o->command));
    text_output(o->output);
}

static void text_case(const struct check_report *r, const struct check_about *about,
                      const struct check_outcome *o)
{
    const bool wrong = o->result == CHECK_FAILED || o->result == CHECK_BROKEN;
    printf("%-8s  %-*s %6.2f s%s%s%s\n", result_marks[o->result], ID_WIDTH, about->id, o->ms / 1000.0,
           o->gave_up ? "  gave up" : "", o->result == CHECK_NOT_EXERCISED ? "  " : "",
           o->result == CHECK_NOT_EXERCISED ? o->why : "");
    if (wrong || r->verbose)
        text_details(about, o);
    fflush(stdout);
}

static void text_topics(const struct check_report *r)
{
    printf("\n%-18s %7s %7s %14s %7s\n", "topic", "passed", "failed", "not exercised", "broken");
    for (uint32_t i = 0; i < r->topic_count; i++) {
        const uint32_t *n = r->topics[i].results;
        printf("%-18s %7" PRIu32 " %7" PRIu32 " %14" PRIu32 " %7" PRIu32 "\n", r->topics[i].topic,
               n[CHECK_PASSED], n[CHECK_FAILED], n[CHECK_NOT_EXERCISED], n[CHECK_BROKEN]);
    }
}

static void text_end(const struct check_report *r, const struct check_totals *t)
{
    text_topics(r);
    printf("\n%" PRIu32 " case%s: %" PRIu32 " passed, %" PRIu32 " failed, %" PRIu32 " not exercised",
           all_of(t), all_of(t) == 1 ? "" : "s", t->results[CHECK_PASSED], t->results[CHECK_FAILED],
           t->results[CHECK_NOT_EXERCISED]);
    if (t->results[CHECK_BROKEN] > 0)
        printf(", %" PRIu32 " broken", t->results[CHECK_BROKEN]);
    printf("\n");
    if (r->broken_count > 0)
        printf("rules of RFC 7143 that were broken:");
    for (uint32_t i = 0; i < r->broken_count; i++)
        printf(" %s", r->broken_rules[i]);
    printf("%s", r->broken_count > 0 ? "\n" : "");
}

/* --- JSON --- */

static void json_about(struct json *j, const struct check_about *about)
{
    json_put_text(j, "id", about->id);
    json_put_text(j, "topic", about->topic);
    json_put_text(j, "section", about->section);
    json_put_text(j, "sentence", about->sentence);
}

static void json_violations(struct json *j, const struct check_outcome *o)
{
    json_put_array(j, "violations");
    for (uint32_t i = 0; i < o->violation_count; i++) {
        const struct check_violation *v = &o->violations[i];
        json_put_object(j, NULL);
        json_put_text(j, "rule", v->rule);
        json_put_text(j, "section", v->section);
        json_put_text(j, "statement", v->statement);
        json_put_text(j, "detail", v->detail);
        json_put_u64(j, "count", v->count);
        json_put_bool(j, "should", v->should);
        json_put_bool(j, "known", v->known);
        json_put_object_end(j);
    }
    json_put_array_end(j);
}

static void json_faults(struct json *j, uint32_t faults)
{
    json_put_array(j, "faults");
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        if (faults >> i & 1)
            json_put_text(j, NULL, fault_words[i]);
    json_put_array_end(j);
}

static void json_case(struct json *j, const struct check_about *about, const struct check_outcome *o)
{
    json_put_object(j, NULL);
    json_about(j, about);
    json_put_text(j, "result", result_words[o->result]);
    json_faults(j, o->faults);
    json_put_bool(j, "gave_up", o->gave_up);
    json_put_real(j, "seconds", o->ms / 1000.0);
    json_put_text(j, "why", o->why);
    json_violations(j, o);
    json_put_text(j, "command", o->command);
    json_put_text(j, "output", o->output);
    json_put_object_end(j);
    fflush(j->out); /* whoever waits for it sees how far it is */
}

static void json_totals(struct json *j, const struct check_totals *t)
{
    json_put_object(j, "totals");
    json_put_u64(j, "passed", t->results[CHECK_PASSED]);
    json_put_u64(j, "failed", t->results[CHECK_FAILED]);
    json_put_u64(j, "not_exercised", t->results[CHECK_NOT_EXERCISED]);
    json_put_u64(j, "broken", t->results[CHECK_BROKEN]);
    json_put_object_end(j);
}

/* With the first case: there may be none because of what is wrong with the options. */
static void json_begin(struct check_report *r)
{
    if (r->json.out)
        return;
    r->json.out = stdout;
    json_put_object(&r->json, NULL);
    json_put_text(&r->json, "schema", SCHEMA);
    json_put_text(&r->json, "berth", r->version);
    json_put_array(&r->json, "cases");
}

static void json_end(struct check_report *r, const struct check_totals *t)
{
    json_begin(r);
    json_put_array_end(&r->json);
    if (t)
        json_totals(&r->json, t);
    json_put_object_end(&r->json);
    putchar('\n');
}

/* --- all forms --- */

int check_report_begin(struct check_report *r, const char *junit)
{
    if (junit && !check_junit_begin(r, junit))
        return fail_errno("write", junit);
    return STATUS_OK;
}

static void note_rule(struct check_report *r, const char *rule)
{
    for (uint32_t i = 0; i < r->broken_count; i++)
        if (strcmp(r->broken_rules[i], rule) == 0)
            return;
    if (r->broken_count < sizeof r->broken_rules / sizeof r->broken_rules[0])
        snprintf(r->broken_rules[r->broken_count++], sizeof r->broken_rules[0], "%s", rule);
}

void check_report_case(void *report, const struct check_about *about, const struct check_outcome *outcome)
{
    struct check_report *r = report;
    if (r->as_json)
        json_begin(r);
    topic_of(r, about->topic)->results[outcome->result]++;
    r->ms += outcome->ms;
    for (uint32_t i = 0; i < outcome->violation_count; i++)
        note_rule(r, outcome->violations[i].rule);
    if (r->junit)
        check_junit_case(r, about, outcome);
    if (r->as_json)
        json_case(&r->json, about, outcome);
    else
        text_case(r, about, outcome);
}

int check_report_end(struct check_report *r, const struct check_totals *totals)
{
    if (r->as_json)
        json_end(r, totals);
    else
        text_end(r, totals);
    if (r->junit && !check_junit_end(r, totals))
        return fail_errno("write", "the file of --junit");
    return STATUS_OK;
}

void check_report_listed(void *report, const struct check_about *about)
{
    struct check_report *r = report;
    if (!r->as_json) {
        printf("%-*s %-16s %-10s %s\n", ID_WIDTH, about->id, about->topic, about->section, about->sentence);
        return;
    }
    json_begin(r);
    json_put_object(&r->json, NULL);
    json_about(&r->json, about);
    json_put_object_end(&r->json);
}
