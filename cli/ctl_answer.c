/* SPDX-License-Identifier: MIT */
#include "cli/ctl_answer.h"
#include <berth/error.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "cli/json.h"
#include "cli/say.h"
#include "attach/utf8.h"

#define SCHEMA     "berth-serve-ctl/1"
#define DEPTH_MAX  8
#define KEY_SIZE   64
#define KEY_WIDTH  18
#define VALUE_MAX  8192
#define HEX_DIGITS "0123456789ABCDEF"

/* What the line at hand stands in: the whole answer, an object, a list or a row. */
struct frame {
    char kind; /* its opening bracket */
    char key[KEY_SIZE];
    int count; /* of what has been printed in it */
};

struct printer {
    FILE *out;
    bool as_json;
    struct json json;
    struct frame frames[DEPTH_MAX];
    int depth;
};

static struct frame *top(struct printer *p)
{
    return &p->frames[p->depth - 1];
}

/* --- lines --- */

static int digit(char c)
{
    const char *at = c ? strchr(HEX_DIGITS, c) : NULL;
    return at ? (int)(at - HEX_DIGITS) : -1;
}

/* In place: it only gets shorter. */
static void decode(char *text)
{
    char *out = text;
    for (; *text; text++) {
        int high = *text == '%' ? digit(text[1]) : -1, low = high < 0 ? -1 : digit(text[2]);
        char byte = *text;
        if (low >= 0)
            byte = (char)(high << 4 | low);
        text += low >= 0 ? 2 : 0;
        *out++ = byte;
    }
    *out = '\0';
}

/* --- as text: rows are lines of values, all else is lines of a key and a value --- */

/* An object in an object stands further to the right than what is around it. */
static void indent(const struct printer *p)
{
    for (int i = 1; i < p->depth; i++)
        if (p->frames[i].kind == '{' && p->frames[i].key[0])
            fputs("  ", p->out);
}

static void text_open(struct printer *p, char kind, const char *key)
{
    if (kind == '{' && !key && top(p)->count > 0)
        putc('\n', p->out);
    if (kind != '{' || !key)
        return;
    indent(p);
    fprintf(p->out, "%s\n", key);
}

static void text_value(struct printer *p, const char *key, const char *value)
{
    char plain[VALUE_MAX];
    const char *shown = *value ? utf8_plain(plain, sizeof plain, value) : "-";
    if (top(p)->kind == '(') {
        fprintf(p->out, "%s%s", top(p)->count > 0 ? " " : "", shown);
        return;
    }
    indent(p);
    fprintf(p->out, "%-*s %s\n", KEY_WIDTH, key ? key : top(p)->key, shown);
}

static const char *yes_no(const char *value)
{
    return strcmp(value, "true") == 0 ? "yes" : "no";
}

/* --- as JSON --- */

static void json_open(struct json *j, char kind, const char *key)
{
    if (kind == '[')
        json_put_array(j, key);
    else
        json_put_object(j, key);
}

static void json_close(struct json *j, char kind)
{
    if (kind == '[')
        json_put_array_end(j);
    else
        json_put_object_end(j);
}

static void json_value(struct json *j, char kind, const char *key, const char *value)
{
    if (kind == 'n')
        json_put_u64(j, key, strtoull(value, NULL, 10));
    else if (kind == 'b')
        json_put_bool(j, key, strcmp(value, "true") == 0);
    else
        json_put_text(j, key, value);
}

/* --- both --- */

static bool open_frame(struct printer *p, char kind, const char *key)
{
    if (p->depth == DEPTH_MAX || (key && strlen(key) >= KEY_SIZE))
        return false;
    if (p->as_json)
        json_open(&p->json, kind, key);
    else
        text_open(p, kind, key);
    top(p)->count++;
    p->frames[p->depth] = (struct frame){.kind = kind};
    strcpy(p->frames[p->depth++].key, key ? key : "");
    return true;
}

static bool close_frame(struct printer *p, char bracket)
{
    static const char pairs[] = "{}()[]";
    if (p->depth < 2 || strchr(pairs, top(p)->kind)[1] != bracket)
        return false;
    if (p->as_json)
        json_close(&p->json, top(p)->kind);
    else if (bracket == ')')
        putc('\n', p->out);
    p->depth--;
    return true;
}

static bool take_value(struct printer *p, char kind, const char *key, char *value)
{
    if (!value || strlen(value) >= VALUE_MAX)
        return false;
    decode(value);
    if (p->as_json)
        json_value(&p->json, kind, key, value);
    else
        text_value(p, key, kind == 'b' ? yes_no(value) : value);
    top(p)->count++;
    return true;
}

/* A line of records; false: it is none. */
static bool take_record(struct printer *p, char *line)
{
    char kind = line[0];
    if (strchr("}])", kind) && line[1] == '\0')
        return close_frame(p, kind);
    if (line[1] != ' ')
        return false;
    char *key = line + 2, *value = strchr(key, ' ');
    if (value)
        *value++ = '\0';
    if (strcmp(key, "-") == 0)
        key = NULL;
    if (strchr("{[(", kind))
        return open_frame(p, kind, key);
    return strchr("tnb", kind) && take_value(p, kind, key, value);
}

/* "fail ERROR SENTENCE" */
static int take_failure(char *words)
{
    char *sentence;
    int error = (int)strtol(words, &sentence, 10);
    decode(sentence);
    while (*sentence == ' ')
        sentence++;
    return fail(error == BERTH_E_BUSY ? STATUS_UNREACHABLE : exit_find(error)->status, "%s", sentence);
}

/* Returns -1 as long as the answer goes on. */
static int take_line(struct printer *p, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "ok") == 0 && p->depth == 1)
        return STATUS_OK;
    if (strncmp(line, "fail ", 5) == 0)
        return take_failure(line + 5);
    if (line[0] && take_record(p, line))
        return -1;
    return fail(STATUS_PROTOCOL, "the target answers with '%s'; use the berth that it was started with",
                line);
}

static int read_answer(struct printer *p, FILE *ctl)
{
    char *line = NULL;
    size_t size = 0;
    int status = -1;
    errno = 0;
    while (status < 0 && getline(&line, &size, ctl) >= 0)
        status = take_line(p, line);
    free(line);
    if (status >= 0)
        return status;
    if (errno == EAGAIN)
        return fail(STATUS_UNREACHABLE,
                    "the target does not answer; wait longer with --timeout, or see whether it hangs");
    return fail(STATUS_UNREACHABLE,
                "the target closed its control socket in mid-answer; see whether it still runs");
}

/* Nothing of an answer is shown before it has ended well. */
int ctl_answer(FILE *ctl, FILE *out, bool json)
{
    char *text = NULL;
    size_t len = 0;
    struct printer p = {.as_json = json, .depth = 1, .frames = {{.kind = '{'}}};
    p.out = p.json.out = open_memstream(&text, &len);
    if (!p.out)
        return fail_errno("hold", "the answer");
    if (json) {
        json_put_object(&p.json, NULL);
        json_put_text(&p.json, "schema", SCHEMA);
    }
    int status = read_answer(&p, ctl);
    if (json) {
        json_put_object_end(&p.json);
        putc('\n', p.out);
    }
    fclose(p.out);
    if (status == STATUS_OK)
        fwrite(text, 1, len, out);
    free(text);
    return status;
}
