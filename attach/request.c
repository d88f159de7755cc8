/* SPDX-License-Identifier: MIT */
#include "attach/request.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "attach/exit.h"
#include "attach/utf8.h"

#define TEXT_MAX 4096u

int refuse(struct refusal *r, const char *name, int exit, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    r->name = name;
    r->exit = exit;
    vsnprintf(r->text, sizeof r->text, format, args);
    va_end(args);
    return -1;
}

/* jansson goes down into what is nested by calling itself, so this is looked at first. */
static bool too_deep(const char *line, size_t len)
{
    bool quoted = false;
    uint32_t depth = 0;
    for (size_t i = 0; i < len; i++) {
        if (quoted && line[i] == '\\')
            i++;
        else if (line[i] == '"')
            quoted = !quoted;
        else if (!quoted && (line[i] == '{' || line[i] == '[') && ++depth > REQUEST_DEPTH_MAX)
            return true;
        else if (!quoted && (line[i] == '}' || line[i] == ']') && depth > 0)
            depth--;
    }
    return false;
}

static json_t *refused(json_t *request, struct refusal *why, const char *sentence)
{
    json_decref(request);
    refuse(why, "REQUEST", STATUS_USAGE, "%s", sentence);
    return NULL;
}

static json_t *check_version(json_t *request, struct refusal *why)
{
    const json_t *version = json_object_get(request, "version");
    if (!version || (json_is_integer(version) && json_integer_value(version) == REQUEST_VERSION))
        return request;
    json_decref(request);
    refuse(why, "VERSION", STATUS_PROTOCOL,
           "this attachment speaks version %d of the protocol only; use the berth that it was started with",
           REQUEST_VERSION);
    return NULL;
}

json_t *request_parse(const char *line, size_t len, struct refusal *why)
{
    if (len > REQUEST_LINE_MAX)
        return refused(NULL, why, "the request is longer than 8192 bytes; shorten it");
    if (too_deep(line, len))
        return refused(NULL, why, "the request is nested more than 8 deep; write it flat");
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(request))
        return refused(request, why,
                       "the request is no JSON object; write one a line, as {\"verb\":\"status\"}");
    if (!json_is_string(json_object_get(request, "verb")))
        return refused(request, why, "the request has no verb; write it as {\"verb\":\"status\"}");
    return check_version(request, why);
}

json_t *request_text(const char *text)
{
    char plain[TEXT_MAX];
    return json_string(utf8_plain(plain, sizeof plain, text));
}
