/* SPDX-License-Identifier: MIT */
#include "scsi/ascii.h"
#include "scsi/identity.h"

/* Standard INQUIRY data (SPC-4 6.6.2). */
#define RESPONSE_FORMAT 2
#define TPGS_SHIFT      4    /* byte 5 */
#define THIRD_PARTY     0x08 /* byte 5 */
#define PROTECT         0x01 /* byte 5 */
#define MULTI_PORT      0x10 /* byte 6 */
#define COMMAND_QUEUE   0x02 /* byte 7 */
#define ADDITIONAL_AT   4u
#define NO_DEVICE       3 /* PERIPHERAL QUALIFIER: nor could there be one */

/* What a disk of ours claims to follow (SPC-4 table 142, no version claimed). */
static const uint16_t standards[] = {
    0x00a0, /* SAM-5 */
    0x0960, /* iSCSI */
    0x0460, /* SPC-4 */
    0x04c0, /* SBC-3 */
};

static void put_standards(uint8_t *at)
{
    for (size_t i = 0; i < sizeof standards / sizeof standards[0]; i++)
        put16(at + 2 * i, standards[i]);
}

size_t scsi_put_inquiry_data(uint8_t out[SCSI_INQUIRY_LEN], const struct scsi_inquiry *q)
{
    struct writer w = writer_over(out, SCSI_INQUIRY_LEN);

    memset(out, 0, SCSI_INQUIRY_LEN);
    write8(&w, (uint8_t)(q->qualifier << 5 | (q->device_type & 0x1f)));
    write8(&w, 0);
    write8(&w, q->version);
    write8(&w, RESPONSE_FORMAT);
    write8(&w, SCSI_INQUIRY_LEN - ADDITIONAL_AT - 1);
    write8(&w, (uint8_t)((q->port_groups & 3) << TPGS_SHIFT | (q->third_party_copy ? THIRD_PARTY : 0) |
                         (q->protect ? PROTECT : 0)));
    write8(&w, q->multi_port ? MULTI_PORT : 0);
    write8(&w, q->command_queue ? COMMAND_QUEUE : 0);
    write_ascii(&w, q->vendor, 8);
    write_ascii(&w, q->product, 16);
    write_ascii(&w, q->revision, 4);
    if (q->qualifier != NO_DEVICE)
        put_standards(out + 58);
    return SCSI_INQUIRY_LEN;
}

static void get_flags(struct reader *r, struct scsi_inquiry *q)
{
    uint8_t byte_5 = read8(r), byte_6 = read8(r), byte_7 = read8(r);

    q->port_groups = byte_5 >> TPGS_SHIFT & 3;
    q->third_party_copy = byte_5 & THIRD_PARTY;
    q->protect = byte_5 & PROTECT;
    q->multi_port = byte_6 & MULTI_PORT;
    q->command_queue = byte_7 & COMMAND_QUEUE;
}

bool scsi_get_inquiry_data(const uint8_t *data, size_t len, struct scsi_inquiry *q)
{
    *q = (struct scsi_inquiry){0};
    if (len <= ADDITIONAL_AT)
        return false;
    size_t told = data[ADDITIONAL_AT] + ADDITIONAL_AT + 1;
    struct reader r = reader_over(data + ADDITIONAL_AT + 1, (told < len ? told : len) - ADDITIONAL_AT - 1);

    q->qualifier = data[0] >> 5;
    q->device_type = data[0] & 0x1f;
    q->version = data[2];
    get_flags(&r, q);
    if (!r.ok) /* it ends before the names */
        return true;
    read_ascii(&r, 8, q->vendor, sizeof q->vendor);
    read_ascii(&r, 16, q->product, sizeof q->product);
    read_ascii(&r, 4, q->revision, sizeof q->revision);
    return true;
}
