/* SPDX-License-Identifier: MIT */
/* A heap that fails when it is told to: scanty.c stands in for malloc() and its family, for everything in the
 * process. For one thread. */
#ifndef FAULTS_SCANTY_H
#define FAULTS_SCANTY_H

#include <stdbool.h>
#include <stdint.h>

/* The `nth` allocation from now on fails, and if `ever` all behind it; 0: none any more. */
void scanty_arm(uint64_t nth, bool ever);
/* How many were refused since it was armed last. */
uint64_t scanty_refused(void);
/* Allocations that have not been given back. */
int64_t scanty_live(void);

#endif
