/* SPDX-License-Identifier: MIT */
/* The mount in other mount namespaces. One that was made while it was there has a mount of its own if mounts
 * do not propagate between the two, and the kernel goes on asking us until the last of them is gone. */
#ifndef FUSE_ELSEWHERE_H
#define FUSE_ELSEWHERE_H

#include <stdbool.h>
#include <stdint.h>

#define ELSEWHERE_DEVICE_MAX 32u

/* What /proc calls the device of what is mounted there; asks nobody. */
bool elsewhere_device(const char *mountpoint, char device[ELSEWHERE_DEVICE_MAX]);

/* Calls `tell` with a process of each namespace that has it, or with 0 and what else is known if none can be
 * seen. */
void elsewhere_list(const char *device, void (*tell)(void *to, int64_t pid, const char *name), void *to);

#endif
