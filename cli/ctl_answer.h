/* SPDX-License-Identifier: MIT */
/* The answer of a control socket (target/serve/control.h has its form), for people or as JSON. */
#ifndef CLI_CTL_ANSWER_H
#define CLI_CTL_ANSWER_H

#include <stdbool.h>
#include <stdio.h>

/* Reads one answer and prints it to `out` when it is whole. Returns enum exit_status after it said what is
 * wrong. */
int ctl_answer(FILE *ctl, FILE *out, bool json);

#endif
