/* SPDX-License-Identifier: MIT */
/* Commands that ask what is there. */
#include "base/bytes.h"
#include "lu/cmd.h"

#define VENDOR        "BERTH"
#define PRODUCT       "VIRTUAL DISK"
#define REVISION      "0001"
#define VERSION_SPC_4 6
#define SOLID_STATE   1
#define THIN          2
#define IMPLICIT      1

/* PERIPHERAL QUALIFIER (SPC-4 table 174): not now (SPC-4 5.11.2.7), and never. */
enum { NOT_CONNECTED = 1, NO_DEVICE = 3 };

/* --- INQUIRY (SPC-4 6.6) --- */

static size_t put_standard(struct command *c, const struct lu *lu)
{
    uint32_t ports;
    lu_set_groups(c->nexus->set, &ports);
    struct scsi_inquiry q = {.version = VERSION_SPC_4,
                             .qualifier = nexus_path(c->nexus) == PORT_UNAVAILABLE ? NOT_CONNECTED : 0,
                             .multi_port = ports > 1,
                             .command_queue = true,
                             .port_groups = IMPLICIT,
                             .vendor = VENDOR,
                             .product = PRODUCT,
                             .revision = REVISION};
    if (!lu) {
        q.qualifier = NO_DEVICE;
        q.device_type = 0x1f;
    }
    return scsi_put_inquiry_data(c->reply, &q);
}

static size_t put_supported(const struct command *c, const struct lu *lu, uint8_t *out, size_t size);

static size_t put_serial(const struct command *c, const struct lu *lu, uint8_t *out, size_t size)
{
    (void)c;
    return scsi_put_vpd_serial(out, size, lu->serial);
}

static size_t put_identification(const struct command *c, const struct lu *lu, uint8_t *out, size_t size)
{
    uint16_t port = c->nexus->id.port; /* alone in its group */
    const struct scsi_identification id = {lu->naa, VENDOR, lu->serial,
                                           port,    port,   c->nexus->set->target_name};
    return scsi_put_vpd_identification(out, size, &id);
}

static size_t put_extended(const struct command *c, const struct lu *lu, uint8_t *out, size_t size)
{
    (void)c;
    const struct scsi_extended x = {
        .simple = true, .ordered = true, .head_of_queue = true, .volatile_cache = lu->write_cache};
    return scsi_put_vpd_extended(out, size, &x);
}

static size_t put_limits(const struct command *c, const struct lu *lu, uint8_t *out, size_t size)
{
    (void)c;
    const struct scsi_limits l = {
        .wsnz = true,
        .max_compare_and_write = CMD_COMPARE_MAX,
        .optimal_granularity = (uint16_t)(CMD_PHYSICAL_BLOCK / lu->block),
        .max_transfer = COMMAND_XFER_MAX / lu->block,
        .max_unmap_blocks = lu->read_only ? 0 : CMD_UNMAP_BLOCKS_MAX,
        .max_unmap_ranges = lu->read_only ? 0 : CMD_UNMAP_RANGES_MAX,
        .unmap_granularity = CMD_PHYSICAL_BLOCK / lu->block,
        .unmap_alignment_valid = true,
        .max_write_same = CMD_SAME_BLOCKS_MAX,
    };
    return scsi_put_vpd_limits(out, size, &l);
}

static size_t put_characteristics(const struct command *c, const struct lu *lu, uint8_t *out, size_t size)
{
    (void)c, (void)lu;
    return scsi_put_vpd_characteristics(out, size, &(struct scsi_characteristics){SOLID_STATE});
}

static size_t put_provisioning(const struct command *c, const struct lu *lu, uint8_t *out, size_t size)
{
    (void)c;
    bool can = !lu->read_only;
    const struct scsi_provisioning p = {
        .unmap = can, .write_same_16 = can, .write_same_10 = can, .read_zeros = true, .type = THIN};
    return scsi_put_vpd_provisioning(out, size, &p);
}

static const struct page {
    uint8_t code;
    size_t (*put)(const struct command *c, const struct lu *lu, uint8_t *out, size_t size);
} pages[] = {
    {VPD_SUPPORTED, put_supported},
    {VPD_SERIAL, put_serial},
    {VPD_IDENTIFICATION, put_identification},
    {VPD_EXTENDED, put_extended},
    {VPD_LIMITS, put_limits},
    {VPD_CHARACTERISTICS, put_characteristics},
    {VPD_PROVISIONING, put_provisioning},
};
#define PAGE_COUNT (sizeof pages / sizeof pages[0])

static size_t put_supported(const struct command *c, const struct lu *lu, uint8_t *out, size_t size)
{
    uint8_t codes[PAGE_COUNT];
    (void)c, (void)lu;
    for (size_t i = 0; i < PAGE_COUNT; i++)
        codes[i] = pages[i].code;
    return scsi_put_vpd_supported(out, size, codes, PAGE_COUNT);
}

static size_t put_page(struct command *c, const struct lu *lu, uint8_t code)
{
    for (size_t i = 0; lu && i < PAGE_COUNT; i++)
        if (pages[i].code == code)
            return pages[i].put(c, lu, c->reply, sizeof c->reply);
    return 0;
}

void cmd_inquiry(struct command *c, struct lu *lu)
{
    bool evpd = c->cdb[1] & 1;
    uint8_t code = c->cdb[2];
    size_t len = 0;

    if (evpd)
        len = put_page(c, lu, code);
    else if (code == 0)
        len = put_standard(c, lu);
    if (len == 0)
        cmd_invalid_field(c);
    else
        cmd_reply(c, len, get16(c->cdb + 3));
}

/* --- REPORT LUNS (SPC-4 6.33) --- */

#define LUNS_LEN_MAX (8 + 8 * COMMAND_LU_MAX)

/* Longer than `reply`, so it takes the memory of reads. */
uint32_t cmd_luns_bytes(const struct command *c, struct lu *lu)
{
    uint32_t allocation = get32(c->cdb + 6);
    (void)lu;
    return allocation < LUNS_LEN_MAX ? allocation : LUNS_LEN_MAX;
}

static uint32_t collect(const struct lu_set *set, uint64_t *luns)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++)
        if (set->lus[i])
            luns[count++] = scsi_lun_encode(i);
    return count;
}

void cmd_report_luns(struct command *c, struct lu *lu)
{
    enum { ADDRESSABLE = 0, WELL_KNOWN = 1, ALL = 2 };
    uint64_t luns[COMMAND_LU_MAX];
    uint8_t list[LUNS_LEN_MAX];
    struct cmd_long_reply reply = {.command = c, .allocation = get32(c->cdb + 6)};
    uint32_t count = 0;
    uint8_t select = c->cdb[2];

    (void)lu;
    if (select == ADDRESSABLE || select == ALL)
        count = collect(c->nexus->set, luns);
    else if (select != WELL_KNOWN) {
        cmd_invalid_field(c);
        return;
    }
    nexus_settle(c->nexus, ASC_LUNS_CHANGED); /* who reads the list has seen that it changed */
    cmd_long_put(&reply, list, scsi_put_luns(list, sizeof list, luns, count));
    cmd_long_reply(&reply);
}

/* --- READ CAPACITY (SBC-3 5.15, 5.16) --- */

static uint8_t physical_exponent(const struct lu *lu)
{
    uint8_t exponent = 0;
    for (uint32_t block = lu->block; block < CMD_PHYSICAL_BLOCK; block *= 2)
        exponent++;
    return exponent;
}

static struct scsi_capacity capacity(const struct lu *lu)
{
    return (struct scsi_capacity){
        .last_lba = lu->size / lu->block - 1,
        .block_bytes = lu->block,
        .thin = true,
        .read_zeros = true,
        .physical_exponent = physical_exponent(lu),
    };
}

void cmd_read_capacity_10(struct command *c, struct lu *lu)
{
    const struct scsi_capacity told = capacity(lu);
    scsi_put_capacity_10(c->reply, &told);
    cmd_reply(c, SCSI_CAPACITY_10_LEN, SCSI_CAPACITY_10_LEN);
}

void cmd_read_capacity_16(struct command *c, struct lu *lu)
{
    const struct scsi_capacity told = capacity(lu);
    scsi_put_capacity_16(c->reply, &told);
    cmd_reply(c, SCSI_CAPACITY_16_LEN, get32(c->cdb + 10));
}
