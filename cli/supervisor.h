/* SPDX-License-Identifier: MIT */
/* What a supervisor such as systemd tells a service, and wants to be told: sd_listen_fds(3), sd_notify(3) and
 * sd-daemon(3) describe it, and it is little enough to do without their library. */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include "serve/serve.h"

/* The listening sockets that were handed over, as portals: "fd:3", or "fd:4,2" for one that is named group-2.
 * Returns how many; SERVE_PORTALS_MAX + 1 if there are more than fit. Asked once: what this process starts
 * shall not take them for its own. */
uint32_t supervisor_sockets(const char *portals[SERVE_PORTALS_MAX]);

/* Is standard error a stream of the journal? */
bool supervisor_journal(void);

#endif
