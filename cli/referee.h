/* SPDX-License-Identifier: MIT */
/* What `berth serve --referee` tells of violations: sentences on standard error, or JSON on standard output,
 * one object to a line. */
#ifndef CLI_REFEREE_H
#define CLI_REFEREE_H

#include <stdbool.h>
#include "serve/serve.h"

struct referee_report {
    bool json;
    uint64_t violations; /* once the verdict is known */
};

/* Has the configuration's violations and its verdict told. */
void referee_report_begin(struct referee_report *r, bool json, struct serve_config *config);

#endif
