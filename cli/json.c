/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "cli/json.h"
#include "attach/utf8.h"

static const char *escape_of(char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static void put_char(FILE *out, const char *s, size_t len)
{
    if (len == 0)
        fputs("\\ufffd", out);
    else if (escape_of(*s))
        fputs(escape_of(*s), out);
    else if (len == 1 && ((unsigned char)*s < 0x20 || *s == 0x7f))
        fprintf(out, "\\u%04x", (unsigned)*s);
    else
        fwrite(s, 1, len, out);
}

static void put_string(FILE *out, const char *s)
{
    fputc('"', out);
    while (*s) {
        size_t len = utf8_len(s);
        put_char(out, s, len);
        s += len ? len : 1;
    }
    fputc('"', out);
}

static void lead(struct json *j, const char *key)
{
    if (j->comma)
        fputc(',', j->out);
    if (key) {
        put_string(j->out, key);
        fputc(':', j->out);
    }
    j->comma = true;
}

static void open_with(struct json *j, const char *key, char bracket)
{
    lead(j, key);
    fputc(bracket, j->out);
    j->comma = false;
}

static void close_with(struct json *j, char bracket)
{
    fputc(bracket, j->out);
    j->comma = true;
}

void json_put_object(struct json *j, const char *key)
{
    open_with(j, key, '{');
}

void json_put_object_end(struct json *j)
{
    close_with(j, '}');
}

void json_put_array(struct json *j, const char *key)
{
    open_with(j, key, '[');
}

void json_put_array_end(struct json *j)
{
    close_with(j, ']');
}

void json_put_text(struct json *j, const char *key, const char *text)
{
    lead(j, key);
    put_string(j->out, text);
}

void json_put_u64(struct json *j, const char *key, uint64_t value)
{
    lead(j, key);
    fprintf(j->out, "%" PRIu64, value);
}

void json_put_int(struct json *j, const char *key, int value)
{
    lead(j, key);
    fprintf(j->out, "%d", value);
}

/* And small enough for a double to be exact about it. */
static bool is_whole(double value)
{
    return fabs(value) < 9007199254740992.0 && !(fabs(value - rint(value)) > 0);
}

void json_put_real(struct json *j, const char *key, double value)
{
    lead(j, key);
    if (is_whole(value)) /* sizes among them, of which nine digits are not enough */
        fprintf(j->out, "%" PRId64, (int64_t)value);
    else if (isfinite(value))
        fprintf(j->out, "%.9g", value);
    else
        fputs("null", j->out);
}

void json_put_bool(struct json *j, const char *key, bool value)
{
    lead(j, key);
    fputs(value ? "true" : "false", j->out);
}
