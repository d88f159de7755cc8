/* SPDX-License-Identifier: MIT */
#include "attach/report.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "attach/exit.h"

static int fd_of(const struct settings *s)
{
    return settings_said(s, SETTING_TELL_FD) ? (int)settings_number(s, SETTING_TELL_FD) : -1;
}

static bool as_path(const struct settings *s)
{
    return settings_said(s, SETTING_TELL_AS) && settings_number(s, SETTING_TELL_AS) == 0;
}

/* Whoever waits may be gone; nothing can be done about that. */
static void tell(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n <= 0)
            break;
        text += n;
        len -= (size_t)n;
    }
    if (fd > STDERR_FILENO)
        close(fd);
}

static void tell_json(int fd, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    if (text)
        text[len++] = '\n'; /* in place of the byte 0: only `len` bytes are looked at from here on */
    tell(fd, text, len);
    free(text);
    json_decref(object);
}

void report_ready(const struct settings *s, const char *name, const char *kind, const char *path)
{
    char line[REPORT_MAX];
    int fd = fd_of(s), len = snprintf(line, sizeof line, "%s\n", path);
    if (fd < 0)
        return;
    if (as_path(s))
        tell(fd, line, len < (int)sizeof line ? (size_t)len : 0);
    else
        tell_json(fd, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "schema", "berth-attach/1", "name", name,
                                "kind", kind, "path", path, "url", settings_text(s, SETTING_URL), "pid",
                                (json_int_t)getpid()));
}

void report_failed(const struct settings *s, const char *name, int error, const char *sentence)
{
    int fd = fd_of(s);
    if (fd >= 0 && !settings_said(s, SETTING_TELL_AS))
        tell_json(fd, json_pack("{s:s, s:s, s:{s:i, s:i, s:s}}", "schema", "berth-attach/1", "name", name,
                                "error", "code", error, "exit", exit_find(error)->status, "text", sentence));
}
