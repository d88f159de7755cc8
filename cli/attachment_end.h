/* SPDX-License-Identifier: MIT */
/* Ending an attachment, and tidying up after one whose process has died. */
#ifndef CLI_ATTACHMENT_END_H
#define CLI_ATTACHMENT_END_H

#include <stdbool.h>
#include <stdint.h>

#define ATTACHMENT_END_MS 30000u /* for one to end, where --timeout gives no other time */

enum attachment_end {
    END_ENDED,   /* it was asked to, and did */
    END_KILLED,  /* it did not answer, and was made to */
    END_TIDIED,  /* it had died: what it left is gone */
    END_NOTHING, /* it was not there */
};

/* Ends it within the time. `force`: also if it is in use, and with SIGKILL if it does not answer. Returns
 * enum exit_status after it said what is wrong; `how` is for 0. */
int attachment_end_name(const char *name, bool force, uint32_t timeout_ms, enum attachment_end *how);

/* What a dead process has left under a name: sockets, a mount, a lock. The caller holds the lock. */
void attachment_tidy(const char *name);

#endif
