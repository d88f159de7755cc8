/* SPDX-License-Identifier: MIT */
/* The SCSI status and sense of a failed I/O, in words. */
#ifndef CLI_SENSE_H
#define CLI_SENSE_H

#include <berth/berth.h>

struct sense_text {
    char s[80];
};

/* " (sense: illegal request, 21h/00h)", " (SCSI status 28h)", or nothing if the target gave no SCSI reason.
 */
struct sense_text sense_words(const struct berth_done *done);

#endif
