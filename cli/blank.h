/* SPDX-License-Identifier: MIT */
/* Is there anything on a LUN that an overwrite would destroy? */
#ifndef CLI_BLANK_H
#define CLI_BLANK_H

#include <berth/berth.h>

/* Refuses (STATUS_FAILED) if the LUN holds anything but zeros and the leavings of berth bench, as far as
 * samples from all over it tell. `doing` completes "URL holds data, which DOING would destroy". Returns enum
 * exit_status after it said what is wrong. */
int blank_check(struct berth_lun *lun, const char *url, const char *doing);

/* berth_extent(), but holes are those that are sure to read as zeros, and a LUN that will not say has none.
 */
int blank_extent(struct berth_lun *lun, uint64_t offset, uint64_t *len, bool *hole);

#endif
