/* SPDX-License-Identifier: MIT */
/* Answers of the control socket, and the words of requests: control.h has their form. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "serve/control.h"

struct answer {
    FILE *out;
    char *text;
    size_t len;
};

struct answer *answer_new(void)
{
    struct answer *a = calloc(1, sizeof *a);
    if (a && (a->out = open_memstream(&a->text, &a->len)) != NULL)
        return a;
    free(a);
    return NULL;
}

const char *answer_text_of(struct answer *a, size_t *len)
{
    bool whole = a->out && fclose(a->out) == 0;
    a->out = NULL;
    *len = a->len;
    return whole && a->len <= CONTROL_ANSWER_MAX ? a->text : NULL;
}

void answer_free(struct answer *a)
{
    if (!a)
        return;
    if (a->out)
        fclose(a->out);
    free(a->text);
    free(a);
}

/* --- records --- */

static void put_text(FILE *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at == 0x7f || *at == '%')
            fprintf(out, "%%%02X", *at);
        else
            putc(*at, out);
}

static void put_line(struct answer *a, char kind, const char *key)
{
    fprintf(a->out, "%c %s\n", kind, key ? key : "-");
}

void answer_object(struct answer *a, const char *key)
{
    put_line(a, '{', key);
}

void answer_object_end(struct answer *a)
{
    fputs("}\n", a->out);
}

void answer_row(struct answer *a, const char *key)
{
    put_line(a, '(', key);
}

void answer_row_end(struct answer *a)
{
    fputs(")\n", a->out);
}

void answer_list(struct answer *a, const char *key)
{
    put_line(a, '[', key);
}

void answer_list_end(struct answer *a)
{
    fputs("]\n", a->out);
}

void answer_text(struct answer *a, const char *key, const char *text)
{
    fprintf(a->out, "t %s ", key ? key : "-");
    put_text(a->out, text);
    putc('\n', a->out);
}

void answer_number(struct answer *a, const char *key, uint64_t number)
{
    fprintf(a->out, "n %s %" PRIu64 "\n", key ? key : "-", number);
}

void answer_bool(struct answer *a, const char *key, bool value)
{
    fprintf(a->out, "b %s %s\n", key ? key : "-", value ? "true" : "false");
}

void answer_time(struct answer *a, const char *key, uint64_t at_ms)
{
    char date[32], text[48];
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%03uZ", date, (unsigned)(at_ms % 1000));
    answer_text(a, key, text);
}

void answer_end(struct answer *a, int error, const char *sentence)
{
    if (error == BERTH_OK) {
        fputs("ok\n", a->out);
        return;
    }
    fprintf(a->out, "fail %d ", error);
    put_text(a->out, sentence);
    putc('\n', a->out);
}

/* --- words --- */

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at && (c >= '0' && (c <= '9' || (c | 0x20) >= 'a')) ? (int)(at - digits) : -1;
}

/* In place: it only gets shorter. A byte 0 would end the word for who reads it. */
static bool decode(char *word)
{
    char *out = word;
    for (; *word; word++) {
        if (*word != '%') {
            *out++ = *word;
            continue;
        }
        int high = digit(word[1]), low = high < 0 ? -1 : digit(word[2]);
        if (low < 0 || high + low == 0)
            return false;
        *out++ = (char)(high << 4 | low);
        word += 2;
    }
    *out = '\0';
    return true;
}

bool control_split(char *line, struct control_request *r)
{
    char *word;
    r->count = 0;
    while ((word = strsep(&line, " ")) != NULL) {
        if (!*word)
            continue;
        if (r->count == CONTROL_WORDS_MAX || !decode(word))
            return false;
        r->words[r->count++] = word;
    }
    return true;
}
