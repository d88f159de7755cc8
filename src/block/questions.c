/* SPDX-License-Identifier: MIT */
#include "block/questions.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "block/lun.h"

#define MODE_MAX 255u

/* --- who it is --- */

static uint32_t ask_ready(const struct berth_lun *lun, uint8_t *cdb)
{
    (void)lun;
    return scsi_put_test_unit_ready(cdb);
}

static enum finding hear_ready(struct berth_lun *lun, const uint8_t *reply, size_t len)
{
    (void)lun, (void)reply, (void)len;
    return SAME;
}

static uint32_t ask_inquiry(const struct berth_lun *lun, uint8_t *cdb)
{
    (void)lun;
    return scsi_put_inquiry(cdb, SCSI_INQUIRY_LEN);
}

static bool anonymous(const struct berth_lun *lun)
{
    return lun->designator.type == 0 && !lun->serial[0];
}

/* Maker and product are the device's name only where it has no better one. */
static enum finding hear_inquiry(struct berth_lun *lun, const uint8_t *reply, size_t len)
{
    struct scsi_inquiry q;
    if (!scsi_get_inquiry_data(reply, len, &q))
        return UNSURE;
    if (probe_absent(&q))
        return GONE;
    bool named = strcmp(q.vendor, lun->vendor) == 0 && strcmp(q.product, lun->product) == 0;
    bool other = q.device_type != lun->inquiry.device_type || (anonymous(lun) && !named);
    return other ? OTHER : SAME;
}

static uint32_t ask_identity(const struct berth_lun *lun, uint8_t *cdb)
{
    if (anonymous(lun))
        return 0;
    uint8_t page = lun->designator.type ? VPD_IDENTIFICATION : VPD_SERIAL;
    return scsi_put_inquiry_vpd(cdb, page, CHECK_REPLY_MAX);
}

static enum finding hear_identity(struct berth_lun *lun, const uint8_t *reply, size_t len)
{
    char serial[sizeof lun->serial] = "";
    if (lun->designator.type)
        return scsi_has_vpd_designator(reply, len, &lun->designator) ? SAME : OTHER;
    scsi_get_vpd_serial(reply, len, serial, sizeof serial);
    return strcmp(serial, lun->serial) == 0 ? SAME : OTHER;
}

/* --- size --- */

static void tell_size(struct berth_lun *lun, uint64_t before)
{
    char text[96];
    uint64_t now = lun->info.size_bytes;
    snprintf(text, sizeof text, "the LUN has %s from %" PRIu64 " to %" PRIu64 " bytes",
             now > before ? "grown" : "shrunk", before, now);
    lanes_publish(lun);
    lanes_notice(lun, &(struct berth_notice){BERTH_NOTICE_SIZE, BERTH_OK, text, now});
    lanes_recheck(lun);
}

static enum finding take_capacity(struct berth_lun *lun, const struct scsi_capacity *c)
{
    uint64_t before = lun->info.size_bytes;
    if (c->block_bytes != lun->info.block_bytes)
        return OTHER;
    if (!probe_take_capacity(lun, c))
        return UNSURE;
    if (lun->info.size_bytes != before)
        tell_size(lun, before);
    return SAME;
}

static uint32_t ask_capacity_16(const struct berth_lun *lun, uint8_t *cdb)
{
    bool disk = !lun->options.commands_only && !lun->short_capacity;
    return disk ? scsi_put_read_capacity_16(cdb, SCSI_CAPACITY_16_LEN) : 0;
}

static enum finding hear_capacity_16(struct berth_lun *lun, const uint8_t *reply, size_t len)
{
    struct scsi_capacity c = {0};
    return scsi_get_capacity_16(reply, len, &c) ? take_capacity(lun, &c) : UNSURE;
}

static uint32_t ask_capacity_10(const struct berth_lun *lun, uint8_t *cdb)
{
    bool disk = !lun->options.commands_only && lun->short_capacity;
    return disk ? scsi_put_read_capacity_10(cdb) : 0;
}

static enum finding hear_capacity_10(struct berth_lun *lun, const uint8_t *reply, size_t len)
{
    struct scsi_capacity c = {0};
    return scsi_get_capacity_10(reply, len, &c) ? take_capacity(lun, &c) : UNSURE;
}

/* --- caches and limits --- */

static uint32_t ask_mode(const struct berth_lun *lun, uint8_t *cdb)
{
    return lun->mode_page ? scsi_put_mode_sense_6(cdb, lun->mode_page, MODE_MAX) : 0;
}

static enum finding hear_mode(struct berth_lun *lun, const uint8_t *reply, size_t len)
{
    probe_take_mode(lun, reply, (int64_t)len);
    return SAME;
}

static uint32_t ask_page(const struct berth_lun *lun, uint8_t *cdb, uint8_t page)
{
    return probe_has_page(lun, page) ? scsi_put_inquiry_vpd(cdb, page, CHECK_REPLY_MAX) : 0;
}

static uint32_t ask_limits(const struct berth_lun *lun, uint8_t *cdb)
{
    return ask_page(lun, cdb, VPD_LIMITS);
}

static enum finding hear_limits(struct berth_lun *lun, const uint8_t *reply, size_t len)
{
    probe_take_page(lun, VPD_LIMITS, reply, (int64_t)len);
    return SAME;
}

static uint32_t ask_provisioning(const struct berth_lun *lun, uint8_t *cdb)
{
    return ask_page(lun, cdb, VPD_PROVISIONING);
}

static enum finding hear_provisioning(struct berth_lun *lun, const uint8_t *reply, size_t len)
{
    probe_take_page(lun, VPD_PROVISIONING, reply, (int64_t)len);
    return SAME;
}

/* In this order: first the one that hears of the reset, then who it is, then how it is. No reservation
 * forbids an INQUIRY (SPC-4 5.13.1, SPC-2 5.5.1): who answers so has not said who he is. The rest is the
 * reservation's, which will keep I/Os out as well. */
const struct question questions[] = {
    {ask_ready, hear_ready, 0, SAME, SAME},
    {ask_inquiry, hear_inquiry, SCSI_INQUIRY_LEN, UNSURE, UNSURE},
    {ask_identity, hear_identity, CHECK_REPLY_MAX, OTHER, UNSURE},
    {ask_capacity_16, hear_capacity_16, SCSI_CAPACITY_16_LEN, OTHER, SAME},
    {ask_capacity_10, hear_capacity_10, SCSI_CAPACITY_10_LEN, OTHER, SAME},
    {ask_mode, hear_mode, MODE_MAX, SAME, SAME},
    {ask_limits, hear_limits, CHECK_REPLY_MAX, SAME, SAME},
    {ask_provisioning, hear_provisioning, CHECK_REPLY_MAX, SAME, SAME},
};
_Static_assert(sizeof questions / sizeof questions[0] == QUESTIONS, "all of them");
