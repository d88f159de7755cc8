/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include "cli/sense.h"

#define CHECK_CONDITION 2

/* SPC-4 table 43. */
static const char *const keys[16] = {
    "no sense",       "recovered error", "not ready",      "medium error",
    "hardware error", "illegal request", "unit attention", "data protect",
    "blank check",    "vendor specific", "copy aborted",   "aborted command",
    "reserved",       "volume overflow", "miscompare",     "completed",
};

struct sense_text sense_words(const struct berth_done *done)
{
    struct sense_text out = {""};
    if (done->scsi_status == CHECK_CONDITION)
        snprintf(out.s, sizeof out.s, " (sense: %s, %02Xh/%02Xh)", keys[done->sense_key & 15],
                 (unsigned)done->asc >> 8, (unsigned)done->asc & 0xff);
    else if (done->scsi_status)
        snprintf(out.s, sizeof out.s, " (SCSI status %02Xh)", done->scsi_status);
    return out;
}
