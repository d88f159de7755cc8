/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include "parts.h"

enum { LEVEL_ERRORS = 1 };

API void iscsi_log_to_stderr(int level, const char *message)
{
    fprintf(stderr, "libiscsi:%d %s\n", level, message);
}

API void iscsi_set_log_level(struct iscsi_context *iscsi, int level)
{
    iscsi->log_level = level;
}

API void iscsi_set_log_fn(struct iscsi_context *iscsi, iscsi_log_fn fn)
{
    iscsi->log = fn;
}

void tell(struct iscsi_context *iscsi, int level, const char *format, ...)
{
    char text[ERROR_MAX];
    va_list args;
    if (!iscsi->log || level > iscsi->log_level)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    iscsi->log(level, text);
}

int say(struct iscsi_context *iscsi, const char *format, ...)
{
    va_list args;
    if (!iscsi)
        return -1;
    va_start(args, format);
    vsnprintf(iscsi->error, sizeof iscsi->error, format, args);
    va_end(args);
    tell(iscsi, LEVEL_ERRORS, "%s", iscsi->error);
    return -1;
}

API const char *iscsi_get_error(struct iscsi_context *iscsi)
{
    return iscsi ? iscsi->error : "";
}
