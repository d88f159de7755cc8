/* SPDX-License-Identifier: MIT */
/* What checks come to: one line each for people, or one JSON object for all. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include <stdbool.h>
#include <berth/berth.h>
#include "attach/exit.h"
#include "cli/json.h"

#define FIGURES_MAX 4

enum finding_result {
    FINDING_OK,
    FINDING_WARNING, /* it works, and could do so better or more safely */
    FINDING_FAILED,
    FINDING_UNTRIED, /* something before it failed, or it would tell nothing here */
};

struct finding {
    const char *name; /* of the check */
    enum finding_result result;
    int status;       /* enum exit_status, if it failed */
    char text[640];   /* one clause */
    const char *next; /* what to do about it, one clause, constant; NULL for nothing */
    struct figure {
        const char *name; /* with its unit last */
        double value;
    } figures[FIGURES_MAX];
    int figure_count;
};

__attribute__((format(printf, 2, 3))) void finding_ok(struct finding *f, const char *format, ...);
__attribute__((format(printf, 3, 4))) void finding_warning(struct finding *f, const char *next,
                                                           const char *format, ...);
__attribute__((format(printf, 4, 5))) void finding_failed(struct finding *f, int status, const char *next,
                                                          const char *format, ...);
__attribute__((format(printf, 2, 3))) void finding_untried(struct finding *f, const char *format, ...);
void finding_figure(struct finding *f, const char *name, double value);

/* Fails with the library's words for `error`, or those of `detail`. */
void finding_error(struct finding *f, int error, const struct berth_detail *detail);

void finding_line(const struct finding *f);
void finding_json(struct json *j, const struct finding *f);
const char *finding_word(enum finding_result result); /* "ok", "warning", "failed", "untried" */

#endif
