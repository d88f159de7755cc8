/* SPDX-License-Identifier: MIT */
/* Which commands may be carried out twice: what an initiator has to know when the connection dies between a
 * command and its answer. */
#ifndef SCSI_REPLAY_H
#define SCSI_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does doing it a second time leave everything as the first time did, and answer the same question? Codes
 * that nobody knows, and the vendors' own, do not. `device_type` as INQUIRY tells it: what may be repeated on
 * a disk moves a tape on. */
bool scsi_may_repeat(const uint8_t *cdb, size_t len, uint8_t device_type);

#endif
