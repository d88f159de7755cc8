/* SPDX-License-Identifier: MIT */
/* berth status and stat: how an attachment stands, and what it has done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/attachment.h"
#include "cli/attachment_text.h"
#include "cli/commands.h"
#include "cli/say.h"

int cmd_status(const struct options *o)
{
    json_t *result;
    int status = attachment_ask(o->operands[0], json_pack("{s:s}", "verb", "status"), o->timeout_ms, &result);
    if (status != STATUS_OK)
        return status;
    if (o->json)
        attachment_print(json_incref(result));
    else
        text_status(result);
    json_decref(result);
    return STATUS_OK;
}

/* --- stat --- */

/* Those that were named, or all. */
struct chosen {
    char *const *named;
    int count;
    struct attachment_names all;
};

static int choose(struct chosen *c, const struct options *o)
{
    *c = (struct chosen){.named = o->operands, .count = o->operand_count};
    if (c->count > 0)
        return STATUS_OK;
    int status = attachment_names(&c->all);
    c->count = (int)c->all.count;
    return status;
}

static const char *name_of(const struct chosen *c, int i)
{
    return c->all.names ? c->all.names[i] : c->named[i];
}

static json_t *stat_request(const struct options *o)
{
    return json_pack("{s:s, s:s}", "verb", "stat", "format", o->prometheus ? "prometheus" : "json");
}

/* What Prometheus reads has all of a metric in one place: of each attachment's text, the part from one "#
 * HELP" to the next. */
static size_t part_len(const char *text)
{
    const char *next = *text ? strstr(text + 1, "\n# HELP ") : NULL;
    return next ? (size_t)(next + 1 - text) : strlen(text);
}

/* Without the two lines that say what it is, which the first has. */
static const char *past_head(const char *text)
{
    for (int i = 0; i < 2 && text[0] == '#' && strchr(text, '\n'); i++)
        text = strchr(text, '\n') + 1;
    return text;
}

static void merge_texts(const char **texts, int count)
{
    while (count > 0 && *texts[0])
        for (int i = 0; i < count; i++) {
            size_t len = part_len(texts[i]);
            const char *from = i == 0 ? texts[i] : past_head(texts[i]), *end = texts[i] + len;
            if (end > from)
                fwrite(from, 1, (size_t)(end - from), stdout);
            texts[i] = end;
        }
}

static void print_prometheus(const json_t *list)
{
    size_t count = json_array_size(list), i;
    const char **texts = calloc(count + 1, sizeof *texts);
    const json_t *one;
    if (!texts)
        return;
    json_array_foreach(list, i, one)
    {
        const char *text = json_string_value(json_object_get(one, "text"));
        texts[i] = text ? text : "";
    }
    merge_texts(texts, (int)count);
    free(texts);
}

static void print_text(const json_t *list)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        if (i > 0)
            putchar('\n');
        text_counters(attachment_text(one, "name"), one);
    }
}

/* One that cannot be asked costs a sentence and the exit status, not the rest. */
static json_t *collect(const struct options *o, const struct chosen *c, int *status)
{
    json_t *list = json_array(), *result;
    for (int i = 0; i < c->count; i++) {
        int one = attachment_ask(name_of(c, i), stat_request(o), o->timeout_ms, &result);
        *status = *status ? *status : one;
        if (one != STATUS_OK)
            continue;
        json_t *named = json_pack("{s:s}", "name", name_of(c, i));
        json_object_update(named, result);
        json_decref(result);
        json_array_append_new(list, named);
    }
    return list;
}

int cmd_stat(const struct options *o)
{
    struct chosen c;
    if (o->json && o->prometheus)
        return fail(STATUS_USAGE, "--json and --prometheus contradict each other; leave one out");
    int status = choose(&c, o);
    json_t *list = status == STATUS_OK ? collect(o, &c, &status) : json_array();
    if (o->json && (json_array_size(list) > 0 || status == STATUS_OK))
        attachment_print(json_pack("{s:s, s:O}", "schema", "berth-stat/1", "attachments", list));
    else if (o->prometheus)
        print_prometheus(list);
    else
        print_text(list);
    json_decref(list);
    attachment_names_free(&c.all);
    return status;
}
