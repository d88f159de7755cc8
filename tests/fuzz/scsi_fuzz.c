/* SPDX-License-Identifier: MIT */
/* Answers of a LUN: no reader looks past what arrived, and every text ends inside its array. The first byte
 * chooses the reader. */
#include "fuzz.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/reservation.h"
#include "scsi/sense.h"

static void sense(const uint8_t *data, size_t len)
{
    struct scsi_sense s;
    scsi_get_sense(data, len, &s);
    fuzz_check(scsi_sense_key_text(s.key) && scsi_asc_text(s.asc));
}

static void inquiry(const uint8_t *data, size_t len)
{
    struct scsi_inquiry q;
    if (scsi_get_inquiry_data(data, len, &q))
        fuzz_check(strlen(q.vendor) <= 8 && strlen(q.product) <= 16 && strlen(q.revision) <= 4);
}

static void designator(const uint8_t *data, size_t len)
{
    struct scsi_designator d;
    char text[64];
    if (!scsi_get_vpd_designator(data, len, &d))
        return;
    scsi_designator_text(&d, text, sizeof text);
    fuzz_check(memchr(text, 0, sizeof text));
}

static void pages(const uint8_t *data, size_t len)
{
    char serial[32];
    struct scsi_limits l;
    struct scsi_characteristics c;
    struct scsi_provisioning p;
    struct scsi_mode m;
    if (scsi_get_vpd_serial(data, len, serial, sizeof serial))
        fuzz_check(memchr(serial, 0, sizeof serial));
    (void)scsi_get_vpd_supported(data, len, 0xb0);
    (void)scsi_get_vpd_limits(data, len, &l);
    (void)scsi_get_vpd_characteristics(data, len, &c);
    (void)scsi_get_vpd_provisioning(data, len, &p);
    (void)scsi_get_mode_6(data, len, &m);
}

static void capacity(const uint8_t *data, size_t len)
{
    struct scsi_capacity c;
    struct scsi_lba_status s;
    if (scsi_get_capacity_10(data, len, &c) || scsi_get_capacity_16(data, len, &c))
        fuzz_check(c.block_bytes > 0);
    for (uint32_t i = 0; scsi_get_lba_status(data, len, i, &s); i++)
        fuzz_check(i < len);
}

static void luns(const uint8_t *data, size_t len)
{
    uint32_t number, count = scsi_get_luns_count(data, len);
    fuzz_check(count <= len / 8);
    for (uint32_t i = 0; i < count; i++)
        if (scsi_lun_decode(scsi_get_lun(data, i), &number))
            fuzz_check(number < 16384);
}

static void unmap(const uint8_t *data, size_t len)
{
    struct scsi_range range;
    for (uint32_t i = 0; scsi_get_unmap_range(data, (uint32_t)len, i, &range); i++)
        fuzz_check(i < len / SCSI_UNMAP_RANGE + 1);
}

/* What is brought into form is in form, and so names the same port. */
static void transport_id(const uint8_t *data, size_t len)
{
    struct scsi_pr_move m;
    uint8_t id[252], again[252];
    uint32_t told = scsi_get_transport_id(data, len, id, sizeof id);
    fuzz_check(told <= sizeof id);
    fuzz_check(told == 0 || (scsi_get_transport_id(id, told, again, sizeof again) == told &&
                             memcmp(id, again, told) == 0));
    if (scsi_get_pr_move(data, len, &m))
        transport_id(m.id, m.id_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const uint8_t *, size_t) = {sense,    inquiry, designator, pages,
                                                               capacity, luns,    unmap,      transport_id};
    if (size < 1)
        return 0;
    uint8_t *copy = fuzz_copy(data + 1, size - 1);
    readers[data[0] % (sizeof readers / sizeof readers[0])](copy, size - 1);
    free(copy);
    return 0;
}
