/* SPDX-License-Identifier: MIT */
#include "cli/findings.h"
#include <stdarg.h>
#include <stdio.h>
#include "attach/utf8.h"

__attribute__((format(printf, 4, 0))) static void set(struct finding *f, enum finding_result result,
                                                      const char *next, const char *format, va_list args)
{
    f->result = result;
    f->next = next;
    vsnprintf(f->text, sizeof f->text, format, args);
}

void finding_ok(struct finding *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(f, FINDING_OK, NULL, format, args);
    va_end(args);
}

void finding_warning(struct finding *f, const char *next, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(f, FINDING_WARNING, next, format, args);
    va_end(args);
}

void finding_failed(struct finding *f, int status, const char *next, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(f, FINDING_FAILED, next, format, args);
    va_end(args);
    f->status = status;
}

void finding_untried(struct finding *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(f, FINDING_UNTRIED, NULL, format, args);
    va_end(args);
}

void finding_figure(struct finding *f, const char *name, double value)
{
    if (f->figure_count < FIGURES_MAX)
        f->figures[f->figure_count++] = (struct figure){name, value};
}

void finding_error(struct finding *f, int error, const struct berth_detail *detail)
{
    const struct exit_row *row = exit_find(error);
    finding_failed(f, row->status, row->next, "%s",
                   detail && detail->text[0] ? detail->text : berth_error_text(error));
}

const char *finding_word(enum finding_result result)
{
    static const char *const words[] = {"ok", "warning", "failed", "untried"};
    return words[result];
}

void finding_line(const struct finding *f)
{
    char plain[sizeof f->text];
    printf("%-8s %-17s %s", finding_word(f->result), f->name, utf8_plain(plain, sizeof plain, f->text));
    if (f->next)
        printf("; %s", f->next);
    putchar('\n');
    fflush(stdout);
}

void finding_json(struct json *j, const struct finding *f)
{
    json_put_object(j, NULL);
    json_put_text(j, "name", f->name);
    json_put_text(j, "result", finding_word(f->result));
    json_put_text(j, "text", f->text);
    json_put_text(j, "next", f->next ? f->next : "");
    for (int i = 0; i < f->figure_count; i++)
        json_put_real(j, f->figures[i].name, f->figures[i].value);
    json_put_object_end(j);
}
