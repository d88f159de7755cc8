/* SPDX-License-Identifier: MIT */
/* What a session and its connection are, without where they are: the structures themselves, with pointers
 * replaced by what they stand for and unused places blank. Two of them can be compared byte by byte, so that
 * a field that a freeze forgets, today's or tomorrow's, is seen. */
#ifndef SIM_PORTRAIT_H
#define SIM_PORTRAIT_H

#include "proto/core.h"

struct portrait;

struct portrait *portrait_of(const struct session *s, const struct conn *c); /* c may be NULL */
/* Fails the test where they differ. */
void portraits_equal(const struct portrait *a, const struct portrait *b);
void portrait_free(struct portrait *p);

#endif
