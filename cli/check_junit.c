/* SPDX-License-Identifier: MIT */
#include "cli/check_junit.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "attach/utf8.h"

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\n':
        return "&#10;";
    default:
        return NULL;
    }
}

void check_junit_text(FILE *out, const char *text)
{
    while (*text) {
        const char *entity = entity_of(*text);
        size_t len = utf8_len(text);
        bool bad = len == 0 || (unsigned char)*text < ' ' || *text == 0x7f;
        if (entity)
            fputs(entity, out);
        else if (bad)
            fputc('?', out);
        else
            fwrite(text, 1, len, out);
        text += len ? len : 1;
    }
}

static void attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    check_junit_text(out, value);
    fputc('"', out);
}

static void element(FILE *out, const char *name, const struct check_outcome *o)
{
    fprintf(out, "<%s", name);
    attribute(out, "message", o->why);
    fputc('>', out);
    check_junit_text(out, o->command);
    fputs("&#10;", out);
    check_junit_text(out, o->output);
    fprintf(out, "</%s>", name);
}

/* The numbers of the head are known in the end only, so the body waits in memory. */
bool check_junit_begin(struct check_report *r, const char *name)
{
    r->junit = fopen(name, "we");
    r->junit_body = r->junit ? open_memstream(&r->junit_text, &r->junit_len) : NULL;
    return r->junit_body != NULL;
}

void check_junit_case(struct check_report *r, const struct check_about *about, const struct check_outcome *o)
{
    FILE *out = r->junit_body;
    fputs("  <testcase", out);
    attribute(out, "classname", about->topic);
    attribute(out, "name", about->id);
    fprintf(out, " time=\"%.3f\">", o->ms / 1000.0);
    if (o->result == CHECK_FAILED)
        element(out, "failure", o);
    else if (o->result == CHECK_BROKEN)
        element(out, "error", o);
    else if (o->result == CHECK_NOT_EXERCISED)
        element(out, "skipped", o);
    fputs("</testcase>\n", out);
}

bool check_junit_end(struct check_report *r, const struct check_totals *t)
{
    uint32_t all = 0;
    for (int i = 0; i < CHECK_RESULTS; i++)
        all += t->results[i];
    fclose(r->junit_body);
    fprintf(r->junit,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"berth check-initiator\" tests=\"%" PRIu32 "\" failures=\"%" PRIu32
            "\" errors=\"%" PRIu32 "\" skipped=\"%" PRIu32 "\" time=\"%.3f\">\n",
            all, t->results[CHECK_FAILED], t->results[CHECK_BROKEN], t->results[CHECK_NOT_EXERCISED],
            (double)r->ms / 1000.0);
    fwrite(r->junit_text ? r->junit_text : "", 1, r->junit_text ? r->junit_len : 0, r->junit);
    fputs("</testsuite>\n", r->junit);
    free(r->junit_text);
    r->junit_text = NULL;
    return fclose(r->junit) == 0;
}
