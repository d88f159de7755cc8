/* SPDX-License-Identifier: MIT */
/* A proxy between any initiator and any target that misbehaves by a script (berth-script(5)): what `berth
 * proxy` runs. All of its configuration is plain data here.
 *
 *   proxy.c   scripts, the loop, its end        pair.c   one connection and the one behind it
 *   gate.c    where it listens
 *
 * It moves bytes with sockets of its own, not with an engine: what it does to connections no engine offers,
 * and what is tested with it shall not be what it is made of. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_PORTALS_MAX 8u
#define PROXY_PAIRS_MAX   1024u /* connections at once; more are refused */

/* A rule of a script, and how it went. */
struct proxy_rule {
    const char *source, *text; /* "FILE:LINE", and what stands there */
    uint64_t matched, fired;   /* how often its conditions were met, and how often it acted */
};

struct proxy_config {
    const char *portals[PROXY_PORTALS_MAX]; /* "ADDR:PORT", port 0: any free one; none: 127.0.0.1:3260 */
    uint32_t portal_count;
    const char *to; /* "HOST:PORT" */
    const char *const *scripts, *const *faults;
    uint32_t script_count, fault_count;
    const uint64_t *seed; /* NULL: the scripts say it */
    /* Tells each bound portal once all are up. */
    void (*ready)(void *arg, const char *const *portals, uint32_t count);
    /* Tells of each rule, in their order, when the proxy has stopped. */
    void (*rule)(void *arg, const struct proxy_rule *rule);
    /* What went wrong behind it, one sentence without a full stop. */
    void (*say)(void *arg, const char *sentence);
    void *arg;
    int stop_fd; /* readable: stop */
};

/* Works until stopped. Returns 0 after a stop, or an enum berth_error with one sentence in `why`. */
int proxy_run(const struct proxy_config *config, char *why, size_t why_size);

#endif
