/* SPDX-License-Identifier: MIT */
/* A conformance suite's outcome as JUnit's XML, which continuous integration collects. */
#ifndef CLI_CHECK_JUNIT_H
#define CLI_CHECK_JUNIT_H

#include "cli/check_report.h"

/* False with errno: the file cannot be written. */
bool check_junit_begin(struct check_report *r, const char *name);
void check_junit_case(struct check_report *r, const struct check_about *about,
                      const struct check_outcome *outcome);
bool check_junit_end(struct check_report *r, const struct check_totals *totals);

/* Text as XML has it; what XML cannot have becomes '?'. */
void check_junit_text(FILE *out, const char *text);

#endif
