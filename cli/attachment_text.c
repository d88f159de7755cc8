/* SPDX-License-Identifier: MIT */
#include "cli/attachment_text.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach/size.h"
#include "attach/utf8.h"

#define TEXTS     8
#define TEXT_SIZE 1100

const char *attachment_text(const json_t *object, const char *key)
{
    static char plain[TEXTS][TEXT_SIZE];
    static unsigned next;
    const json_t *value = json_object_get(object, key);
    char *out = plain[next++ % TEXTS];
    if (json_is_string(value) && json_string_value(value)[0])
        return utf8_plain(out, TEXT_SIZE, json_string_value(value));
    if (json_is_integer(value))
        snprintf(out, TEXT_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_boolean(value))
        snprintf(out, TEXT_SIZE, "%s", json_is_true(value) ? "yes" : "no");
    else
        snprintf(out, TEXT_SIZE, "-");
    return out;
}

static void line(const char *name, const char *value)
{
    printf("%-13s %s\n", name, value);
}

static void line_of(const char *name, const json_t *object, const char *key)
{
    if (json_object_get(object, key))
        line(name, attachment_text(object, key));
}

/* Only if there is one just now. */
static void line_of_text(const char *name, const json_t *object, const char *key)
{
    if (json_is_string(json_object_get(object, key)))
        line(name, attachment_text(object, key));
}

/* --- settings --- */

/* Those that are their default are many, and tell little. */
static bool is_said(const json_t *row)
{
    return strcmp(attachment_text(row, "source"), "default") != 0 ||
           json_is_true(json_object_get(row, "live"));
}

static void setting_line(const json_t *row)
{
    printf("%-20s %-28s %s%s\n", attachment_text(row, "key"), attachment_text(row, "value"),
           attachment_text(row, "source"), json_is_true(json_object_get(row, "live")) ? ", can be set" : "");
}

void text_settings(const json_t *settings)
{
    size_t i;
    const json_t *row;
    json_array_foreach(settings, i, row) setting_line(row);
}

static void said_settings(const json_t *settings)
{
    size_t i;
    const json_t *row;
    if (!json_array_size(settings))
        return;
    printf("\n%-20s %-28s %s\n", "setting", "value", "from");
    json_array_foreach(settings, i, row) if (is_said(row)) setting_line(row);
}

/* --- status --- */

static void lun_lines(const json_t *lun)
{
    uint64_t size = (uint64_t)json_integer_value(json_object_get(lun, "size_bytes"));
    if (!json_is_object(lun))
        return;
    line_of("target", lun, "target");
    line_of("portal", lun, "portal");
    line_of("LUN", lun, "lun");
    printf("%-13s %s (%" PRIu64 " bytes), blocks of %s, %s\n", "size", size_human(size).s, size,
           attachment_text(lun, "block_bytes"),
           json_is_true(json_object_get(lun, "read_only")) ? "read-only" : "writable");
    printf("%-13s %s %s, %s\n", "device", attachment_text(lun, "vendor"), attachment_text(lun, "product"),
           attachment_text(lun, "identity"));
}

static void session_lines(const json_t *session)
{
    if (!json_is_object(session))
        return;
    bool mutual = json_is_true(json_object_get(session, "mutual"));
    bool authenticated = json_is_true(json_object_get(session, "authenticated"));
    line("login", mutual ? "CHAP, both ways" : authenticated ? "CHAP" : "without authentication");
    line_of("engine", session, "engine");
    line_of("reconnects", session, "reconnects");
}

static void negotiated_lines(const json_t *list)
{
    size_t i;
    const json_t *row;
    if (!json_array_size(list))
        return;
    printf("\n%-26s %-16s %-32s %-16s %s\n", "negotiated", "agreed", "ours", "theirs", "asked by");
    json_array_foreach(list, i, row) printf("%-26s %-16s %-32s %-16s %s\n", attachment_text(row, "key"),
                                            attachment_text(row, "agreed"), attachment_text(row, "ours"),
                                            attachment_text(row, "theirs"), attachment_text(row, "asked_by"));
}

static void user_lines(const json_t *users)
{
    size_t i;
    const json_t *user;
    json_array_foreach(users, i, user)
    {
        json_int_t pid = json_integer_value(json_object_get(user, "pid"));
        printf("%-13s %s", "used by", attachment_text(user, "name"));
        if (pid)
            printf(" (process %" JSON_INTEGER_FORMAT ")", pid);
        putchar('\n');
    }
}

static void protection_lines(const json_t *list)
{
    size_t i;
    const json_t *row;
    if (json_array_size(list))
        putchar('\n');
    json_array_foreach(list, i, row)
        printf("%-20s %-5s %s\n", attachment_text(row, "name"),
               json_is_true(json_object_get(row, "holds")) ? "holds" : "not", attachment_text(row, "why"));
}

static void state_lines(const json_t *status)
{
    const json_t *error = json_object_get(status, "last_error");
    line("name", attachment_text(status, "name"));
    line("state", attachment_text(status, json_object_get(status, "text") ? "text" : "state"));
    if (json_is_object(error))
        printf("%-13s %s (%s)\n", "last error", attachment_text(error, "text"), attachment_text(error, "at"));
    line_of_text("next attempt", status, "next_attempt");
    line_of_text("gives up", status, "gives_up");
    line_of("path", status, "path");
    line_of("as", status, "kind");
    line_of("url", status, "url");
    printf("%-13s %s, begun %s, berth %s\n", "process", attachment_text(status, "pid"),
           attachment_text(status, "started"), attachment_text(status, "release"));
}

void text_status(const json_t *status)
{
    const json_t *session = json_object_get(status, "session");
    state_lines(status);
    user_lines(json_object_get(status, "users"));
    lun_lines(json_object_get(status, "lun"));
    session_lines(session);
    negotiated_lines(json_object_get(session, "negotiated"));
    said_settings(json_object_get(status, "settings"));
    protection_lines(json_object_get(status, "protections"));
}

/* --- counters --- */

static void member_lines(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key,
                        value) if (!json_is_object(value) && !json_is_array(value))
        line(key, attachment_text(object, key));
}

void text_counters(const char *name, const json_t *counters)
{
    const char *op;
    json_t *row;
    line("name", name);
    line_of("uptime_ms", counters, "uptime_ms");
    member_lines(json_object_get(counters, "session"));
    printf("%-13s %12s %16s %8s %10s %10s %10s\n", "operation", "count", "bytes", "errors", "mean_us",
           "p50_us", "p99_us");
    json_object_foreach(json_object_get(counters, "operations"), op, row)
        printf("%-13s %12s %16s %8s %10s %10s %10s\n", op, attachment_text(row, "count"),
               attachment_text(row, "bytes"), attachment_text(row, "errors"), attachment_text(row, "mean_us"),
               attachment_text(row, "p50_us"), attachment_text(row, "p99_us"));
}

/* --- the rest --- */

void text_refreshed(const char *name, const json_t *result)
{
    const json_t *lun = json_object_get(result, "lun");
    const json_t *size = json_object_get(json_is_object(lun) ? lun : result, "size_bytes");
    if (size)
        printf("%s: %s\n", name, size_human((uint64_t)json_integer_value(size)).s);
}

void text_event(const char *name, const json_t *event)
{
    const char *kind = attachment_text(event, "event");
    if (strcmp(kind, "missed") == 0)
        printf("%-24s %s %s: %s events were not kept long enough\n", "-", name, kind,
               attachment_text(event, "count"));
    else
        printf("%-24s %s %s: %s\n", attachment_text(event, "at"), name, kind, attachment_text(event, "text"));
}

void attachment_print(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(object);
}
