/* SPDX-License-Identifier: MIT */
/* berth get, set, refresh: the settings of an attachment, and having it look at its LUN anew. */
#include <stdio.h>
#include <string.h>
#include "cli/attachment.h"
#include "cli/attachment_file.h"
#include "cli/attachment_text.h"
#include "cli/commands.h"
#include "cli/say.h"

/* Those of one key, or all. Of negotiation keys there may be several, or none. NULL: there is no such
 * setting. */
static json_t *rows_of(json_t *settings, const char *key)
{
    size_t i;
    json_t *row, *rows = json_array();
    json_array_foreach(settings, i, row)
    {
        if (!key || strcmp(key, attachment_text(row, "key")) == 0)
            json_array_append(rows, row);
    }
    if (json_array_size(rows) > 0 || (key && strcmp(key, settings_rows[SETTING_KEY].key) == 0))
        return rows;
    json_decref(rows);
    return NULL;
}

static void print_values(const json_t *rows)
{
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *value = json_string_value(json_object_get(row, "value"));
        if (value)
            printf("%s\n", value);
    }
}

static int show(const struct options *o, const json_t *result, const char *key)
{
    const char *name = o->operands[0];
    json_t *rows = rows_of(json_object_get(result, "settings"), key);
    if (!rows)
        return fail(STATUS_USAGE, "'%s' is no setting; 'berth get NAME' lists them", key ? key : "");
    if (o->json)
        attachment_print(
            json_pack("{s:s, s:s, s:O}", "schema", "berth-get/1", "name", name, "settings", rows));
    else if (key)
        print_values(rows);
    else
        text_settings(rows);
    json_decref(rows);
    return STATUS_OK;
}

int cmd_get(const struct options *o)
{
    json_t *result;
    int status = attachment_ask(o->operands[0], json_pack("{s:s}", "verb", "get"), o->timeout_ms, &result);
    if (status != STATUS_OK)
        return status;
    status = show(o, result, o->operand_count > 1 ? o->operands[1] : NULL);
    json_decref(result);
    return status;
}

/* KEY=VALUE words as one object; the last of a key counts. NULL: one is none. */
static json_t *wishes(char *const *words, int count)
{
    json_t *wanted = json_object();
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(words[i], '=');
        char key[64];
        if (!equals || equals == words[i] || (size_t)(equals - words[i]) >= sizeof key) {
            json_decref(wanted);
            fail(STATUS_USAGE, "'%s' is not KEY=VALUE; 'berth get NAME' lists the keys", words[i]);
            return NULL;
        }
        snprintf(key, sizeof key, "%.*s", (int)(equals - words[i]), words[i]);
        json_object_set_new(wanted, key, json_string(equals + 1));
    }
    return wanted;
}

/* A name may have a file that is about another LUN than the one attached under it. */
static int check_lun(const struct options *o, const struct attachment_file *f)
{
    const char *name = o->operands[0], *url = settings_text(f->s, SETTING_URL);
    json_t *result;
    int status = attachment_ask(name, json_pack("{s:s}", "verb", "status"), o->timeout_ms, &result);
    if (status != STATUS_OK)
        return status;
    const char *held = json_string_value(json_object_get(result, "url"));
    if (!url || !held || strcmp(url, held) != 0)
        status =
            fail(STATUS_USAGE, "%s holds %s, and %s is about %s; attach it with --persist to keep the former",
                 name, held ? held : "nothing", f->path, url ? url : "nothing");
    json_decref(result);
    return status;
}

/* All that could keep it from being kept is asked before anything is changed. */
static int check_keeping(const struct options *o, struct attachment_file *f, const json_t *wanted)
{
    int status = attachment_file_read(f, o->operands[0]);
    status = status == STATUS_OK ? check_lun(o, f) : status;
    return status == STATUS_OK ? attachment_file_take(f, wanted) : status;
}

static int ask_to_set(const struct options *o, json_t *wanted, json_t **result)
{
    return attachment_ask(o->operands[0], json_pack("{s:s, s:O}", "verb", "set", "settings", wanted),
                          o->timeout_ms, result);
}

/* Which file has it now; NULL: it is gone with the attachment. */
static void tell_set(const struct options *o, const struct attachment_file *f, json_t *result)
{
    bool kept = o->persist;
    if (o->json)
        attachment_print(json_pack("{s:s, s:s, s:s?, s:O}", "schema", "berth-get/1", "name", o->operands[0],
                                   "kept", kept ? f->path : NULL, "settings",
                                   json_object_get(result, "settings")));
    else if (!kept && attachment_file_is_ours(f))
        say("%s is changed until it ends, and %s is not; --persist changes both", o->operands[0], f->path);
}

static int set(const struct options *o, struct attachment_file *f, json_t *wanted)
{
    json_t *result;
    int status = attachment_file_find(f, o->config_dir, o->operands[0]);
    if (status == STATUS_OK && o->persist)
        status = check_keeping(o, f, wanted);
    status = status == STATUS_OK ? ask_to_set(o, wanted, &result) : status;
    if (status != STATUS_OK)
        return status;
    if (o->persist)
        status = attachment_file_write(f);
    if (status == STATUS_OK)
        tell_set(o, f, result);
    json_decref(result);
    return status;
}

int cmd_set(const struct options *o)
{
    struct attachment_file f = {.s = NULL};
    json_t *wanted = wishes(o->operands + 1, o->operand_count - 1);
    int status = wanted ? attachment_check_name(o->operands[0]) : STATUS_USAGE;
    if (status == STATUS_OK)
        status = set(o, &f, wanted);
    attachment_file_free(&f);
    json_decref(wanted);
    return status;
}

/* It is to say why there is no answer before we would give up. */
static json_t *refresh_request(const struct options *o)
{
    uint32_t ms = o->timeout_ms ? o->timeout_ms : ATTACHMENT_TIMEOUT_MS;
    return json_pack("{s:s, s:I}", "verb", "refresh", "timeout_ms", (json_int_t)(ms - ms / 10));
}

int cmd_refresh(const struct options *o)
{
    json_t *result;
    int status = attachment_ask(o->operands[0], refresh_request(o), o->timeout_ms, &result);
    if (status != STATUS_OK)
        return status;
    json_object_set_new(result, "schema", json_string("berth-refresh/1"));
    if (o->json)
        attachment_print(json_incref(result));
    else
        text_refreshed(o->operands[0], result);
    json_decref(result);
    return STATUS_OK;
}
