/* SPDX-License-Identifier: MIT */
#ifndef COMPAT_LIBISCSI_REPLY_H
#define COMPAT_LIBISCSI_REPLY_H

#include "bytes.h"
#include "parts.h"

/* modes.c: all pages of MODE SENSE(6) or (10) */
void *mode_unmarshall(struct scsi_task *task, const struct reply *r);

#endif
