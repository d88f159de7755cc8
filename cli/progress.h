/* SPDX-License-Identifier: MIT */
/* How far a long job is: a bar on a terminal, a plain line every few seconds elsewhere. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *verb; /* "copied" */
    uint64_t total;   /* bytes; UINT64_MAX unknown */
    uint64_t last_done, last_ns, shown_ns;
    double rate; /* bytes per second, smoothed over some seconds */
    bool tty;
};

void progress_begin(struct progress *p, const char *verb, uint64_t total);
void progress_update(struct progress *p, uint64_t done); /* cheap: call as often as you like */
void progress_end(struct progress *p);

/* The bar for a terminal of `width` columns; returns `out`. For tests. */
char *progress_bar(char *out, unsigned size, const struct progress *p, uint64_t done, unsigned width);

#endif
