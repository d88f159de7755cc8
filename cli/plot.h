/* SPDX-License-Identifier: MIT */
/* Draws a latency histogram as SVG. */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include <stdio.h>
#include "cli/histogram.h"

/* Values are nanoseconds; both axes are logarithmic. */
void plot_write(FILE *out, const struct histogram *h, const char *title, const char *subtitle);

#endif
