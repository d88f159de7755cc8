/* SPDX-License-Identifier: MIT */
/* berth get, set, refresh: the settings of an attachment, and having it look at its LUN anew. */
#include <stdio.h>
#include <string.h>
#include "cli/attachment.h"
#include "cli/attachment_text.h"
#include "cli/commands.h"
#include "cli/say.h"

static int show_one(const json_t *settings, const char *key)
{
    size_t i;
    const json_t *row;
    bool known = false;
    json_array_foreach(settings, i, row)
    {
        const char *value = json_string_value(json_object_get(row, "value"));
        if (strcmp(key, attachment_text(row, "key")) != 0)
            continue;
        known = true;
        if (value)
            printf("%s\n", value);
    }
    return known ? STATUS_OK : fail(STATUS_USAGE, "'%s' is no setting; 'berth get NAME' lists them", key);
}

static int show(const struct options *o, json_t *result, const char *key)
{
    const char *name = o->operands[0];
    json_t *settings = json_object_get(result, "settings");
    int status = STATUS_OK;
    if (o->json)
        attachment_print(
            json_pack("{s:s, s:s, s:O}", "schema", "berth-get/1", "name", name, "settings", settings));
    else if (key)
        status = show_one(settings, key);
    else
        text_settings(settings);
    json_decref(result);
    return status;
}

int cmd_get(const struct options *o)
{
    json_t *result;
    int status = attachment_ask(o->operands[0], json_pack("{s:s}", "verb", "get"), o->timeout_ms, &result);
    return status == STATUS_OK ? show(o, result, o->operand_count > 1 ? o->operands[1] : NULL) : status;
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

int cmd_set(const struct options *o)
{
    json_t *wanted = wishes(o->operands + 1, o->operand_count - 1), *result;
    if (!wanted)
        return STATUS_USAGE;
    int status = attachment_ask(o->operands[0], json_pack("{s:s, s:o}", "verb", "set", "settings", wanted),
                                o->timeout_ms, &result);
    if (status != STATUS_OK)
        return status;
    if (o->json)
        return show(o, result, NULL);
    json_decref(result);
    return STATUS_OK;
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
