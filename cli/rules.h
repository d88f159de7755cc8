/* SPDX-License-Identifier: MIT */
/* How the rules of scripts went, told when all is over: sentences on standard error, or one JSON object on
 * standard output. */
#ifndef CLI_RULES_H
#define CLI_RULES_H

#include "cli/json.h"

struct rules_report {
    const char *schema; /* of the JSON object; NULL: sentences */
    struct json json;
    uint32_t count;
};

void rules_tell(struct rules_report *r, const char *source, const char *text, uint64_t matched,
                uint64_t fired);
void rules_end(struct rules_report *r);

#endif
