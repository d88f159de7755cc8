/* SPDX-License-Identifier: MIT */
/* What a LUN says of itself: identity, size, limits, caches. Optional pages that are missing leave their
 * defaults. */
#include <stdio.h>
#include <string.h>
#include "block/lun.h"

#define VPD_MAX     1024u
#define READY_TRIES 10

/* No answer, or one that the LUN may give to a question it does not understand? */
static bool fatal(int64_t got)
{
    return got == BERTH_E_ABORTED || (got < 0 && berth_error_scope((int)got) != BERTH_SCOPE_TASK);
}

static int64_t ask_vpd(struct berth_lun *lun, uint8_t page, uint8_t *reply)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0};
    struct berth_done done;
    return lun_ask(lun, cdb, scsi_put_inquiry_vpd(cdb, page, VPD_MAX), reply, VPD_MAX, &done);
}

/* 3: there is none; 1 with no type, as some targets say it. 1 with a type: not on this path now, and what is
 * asked next will be told why (SPC-4 6.6.2). */
bool probe_absent(const struct scsi_inquiry *q)
{
    return q->qualifier == 3 || q->device_type == 0x1f;
}

static int inquiry(struct berth_lun *lun)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0}, reply[SCSI_INQUIRY_LEN];
    struct berth_done done;
    int64_t got = lun_ask(lun, cdb, scsi_put_inquiry(cdb, sizeof reply), reply, sizeof reply, &done);
    if (got < 0)
        return (int)got;
    if (!scsi_get_inquiry_data(reply, (size_t)got, &lun->inquiry))
        return lun_say(&lun->detail, BERTH_E_PROTOCOL, "the LUN's INQUIRY data is too short");
    if (probe_absent(&lun->inquiry))
        return lun_say(&lun->detail, BERTH_E_NO_LUN, NULL);
    snprintf(lun->vendor, sizeof lun->vendor, "%s", lun->inquiry.vendor);
    snprintf(lun->product, sizeof lun->product, "%s", lun->inquiry.product);
    snprintf(lun->revision, sizeof lun->revision, "%s", lun->inquiry.revision);
    return BERTH_OK;
}

/* Unit attentions are sat out by the commands' own policy; a LUN that is getting ready is given a little
 * time. */
static int wait_until_ready(struct berth_lun *lun)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0};
    struct berth_done done = {0};
    int64_t got = BERTH_OK;
    for (int n = 0; n < READY_TRIES; n++) {
        got = lun_ask(lun, cdb, scsi_put_test_unit_ready(cdb), NULL, 0, &done);
        if (got >= 0 || done.sense_key != SENSE_NOT_READY)
            break;
        uint64_t until = initiator_now(lun->initiator) + LUN_PAUSE_MAX_NS / 5;
        while (initiator_now(lun->initiator) < until) {
            int error = queue_wait(lun, until);
            if (error)
                return error;
        }
    }
    return got < 0 ? (int)got : BERTH_OK;
}

static int64_t ask_capacity_16(struct berth_lun *lun, struct scsi_capacity *c)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0}, reply[SCSI_CAPACITY_16_LEN];
    struct berth_done done;
    int64_t got = lun_ask(lun, cdb, scsi_put_read_capacity_16(cdb, sizeof reply), reply, sizeof reply, &done);
    return got < 0 ? got : scsi_get_capacity_16(reply, (size_t)got, c) ? BERTH_OK : BERTH_E_PROTOCOL;
}

static int64_t ask_capacity_10(struct berth_lun *lun, struct scsi_capacity *c)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0}, reply[SCSI_CAPACITY_10_LEN];
    struct berth_done done;
    int64_t got = lun_ask(lun, cdb, scsi_put_read_capacity_10(cdb), reply, sizeof reply, &done);
    return got < 0 ? got : scsi_get_capacity_10(reply, (size_t)got, c) ? BERTH_OK : BERTH_E_PROTOCOL;
}

static bool sane(const struct scsi_capacity *c)
{
    uint32_t b = c->block_bytes;
    return b >= 512 && b <= 65536 && (b & (b - 1)) == 0 && c->last_lba < UINT64_MAX / b - 1;
}

bool probe_take_capacity(struct berth_lun *lun, const struct scsi_capacity *c)
{
    if (!sane(c))
        return false;
    lun->info.block_bytes = c->block_bytes;
    lun->info.size_bytes = (c->last_lba + 1) * c->block_bytes;
    lun->info.physical_block_bytes = c->block_bytes << c->physical_exponent; /* 64 KiB << 15 at most */
    lun->info.thin = c->thin;
    lun->info.trim_reads_zeros = c->read_zeros;
    return true;
}

static int capacity(struct berth_lun *lun)
{
    struct scsi_capacity c = {0};
    int64_t error = ask_capacity_16(lun, &c);
    lun->short_capacity = error && !fatal(error);
    if (lun->short_capacity)
        error = ask_capacity_10(lun, &c);
    if (error)
        return (int)error;
    if (!probe_take_capacity(lun, &c))
        return lun_say(&lun->detail, BERTH_E_PROTOCOL, "the LUN reports an impossible size");
    return BERTH_OK;
}

static int64_t ask_mode(struct berth_lun *lun, uint8_t page, void *reply, uint8_t size)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0};
    struct berth_done done;
    return lun_ask(lun, cdb, scsi_put_mode_sense_6(cdb, page, size), reply, size, &done);
}

/* A LUN that does not say whether it has a write cache is taken to have one: at worst it is flushed in vain.
 */
void probe_take_mode(struct berth_lun *lun, const uint8_t *reply, int64_t got)
{
    struct scsi_mode m = {0};
    lun->cache_known = got >= 0 && scsi_get_mode_6(reply, (size_t)got, &m);
    lun->info.read_only = m.write_protected;
    lun->info.fua = m.dpo_fua;
    lun->info.write_cache = m.write_cache || !lun->cache_known;
}

#define MODE_CACHING 0x08
#define MODE_ALL     0x3f

static int mode(struct berth_lun *lun)
{
    uint8_t reply[255];
    int64_t got = ask_mode(lun, lun->mode_page = MODE_CACHING, reply, sizeof reply);
    if (got < 0 && !fatal(got))
        got = ask_mode(lun, lun->mode_page = MODE_ALL, reply, sizeof reply);
    if (fatal(got))
        return (int)got;
    if (got < 0)
        lun->mode_page = 0;
    probe_take_mode(lun, reply, got);
    return BERTH_OK;
}

/* --- vital product data --- */

/* Blocks as bytes, at most `most`; 0 blocks: the LUN names no limit. */
static uint64_t blocks_to_bytes(const struct berth_lun *lun, uint64_t blocks, uint64_t most)
{
    uint64_t limit = most / lun->info.block_bytes;
    return (blocks && blocks < limit ? blocks : limit) * lun->info.block_bytes;
}

/* What 32 bits of a CDB can name. */
static uint64_t addressable(const struct berth_lun *lun)
{
    return (uint64_t)UINT32_MAX * lun->info.block_bytes;
}

static void limits(struct berth_lun *lun, const uint8_t *reply, int64_t got)
{
    struct scsi_limits l = {0};
    struct berth_lun_info *info = &lun->info;
    if (got > 0)
        scsi_get_vpd_limits(reply, (size_t)got, &l);
    info->max_transfer_bytes = blocks_to_bytes(lun, l.max_transfer, LUN_TRANSFER_MAX);
    info->optimal_transfer_bytes = (uint64_t)l.optimal_transfer * info->block_bytes;
    lun->max_unmap_bytes = 0;
    if (l.max_unmap_ranges && l.max_unmap_blocks) /* either 0: there is no UNMAP (SBC-3 6.6.4) */
        lun->max_unmap_bytes = blocks_to_bytes(lun, l.max_unmap_blocks, addressable(lun));
    if (l.unmap_granularity <= UINT32_MAX / info->block_bytes)
        info->trim_granularity_bytes = l.unmap_granularity * info->block_bytes;
    info->max_zero_bytes =
        blocks_to_bytes(lun, l.max_write_same, l.max_write_same ? addressable(lun) : LUN_SAME_MAX);
    lun->max_same_bytes = info->max_zero_bytes;
}

/* UNMAP if it is there, else WRITE SAME with its UNMAP bit, else none. */
static void provisioning(struct berth_lun *lun, const uint8_t *reply, int64_t got)
{
    struct scsi_provisioning p = {0};
    if (got > 0)
        scsi_get_vpd_provisioning(reply, (size_t)got, &p);
    bool unmaps = p.unmap && lun->max_unmap_bytes > 0;
    lun->write_same_unmaps = !unmaps && p.write_same_16;
    lun->info.max_trim_bytes = unmaps ? lun->max_unmap_bytes : p.write_same_16 ? lun->max_same_bytes : 0;
    lun->info.trim_reads_zeros |= p.read_zeros;
}

static void serial(struct berth_lun *lun, const uint8_t *reply, int64_t got)
{
    if (got > 0)
        scsi_get_vpd_serial(reply, (size_t)got, lun->serial, sizeof lun->serial);
}

static void identification(struct berth_lun *lun, const uint8_t *reply, int64_t got)
{
    struct scsi_designator *d = &lun->designator;
    if (got > 0 && scsi_get_vpd_designator(reply, (size_t)got, d))
        scsi_designator_text(d, lun->identity, sizeof lun->identity);
}

static void characteristics(struct berth_lun *lun, const uint8_t *reply, int64_t got)
{
    struct scsi_characteristics ch = {0};
    if (got > 0 && scsi_get_vpd_characteristics(reply, (size_t)got, &ch))
        lun->info.rotational = ch.rotation_rate > 1;
}

/* In this order: trimming builds on the limits. A page that is missing is read as one without bytes. */
#define IDENTITY_PAGES 2u /* the first two are everybody's, the others those of disks */
static const struct {
    uint8_t page;
    void (*read)(struct berth_lun *lun, const uint8_t *reply, int64_t got);
} page_rows[] = {
    {VPD_SERIAL, serial},
    {VPD_IDENTIFICATION, identification},
    {VPD_LIMITS, limits},
    {VPD_PROVISIONING, provisioning},
    {VPD_CHARACTERISTICS, characteristics},
};
#define ALL_PAGES (sizeof page_rows / sizeof page_rows[0])

static int pages(struct berth_lun *lun, size_t wanted)
{
    uint8_t list[VPD_MAX] = {0}, reply[VPD_MAX] = {0};
    int64_t got, count = ask_vpd(lun, VPD_SUPPORTED, list);
    if (fatal(count))
        return (int)count;
    for (size_t i = 0; i < wanted; i++) {
        bool there = count > 0 && scsi_get_vpd_supported(list, (size_t)count, page_rows[i].page);
        got = there ? ask_vpd(lun, page_rows[i].page, reply) : 0;
        if (fatal(got))
            return (int)got;
        lun->pages |= (uint8_t)((got > 0) << i);
        page_rows[i].read(lun, reply, got);
    }
    return BERTH_OK;
}

bool probe_has_page(const struct berth_lun *lun, uint8_t page)
{
    for (size_t i = 0; i < ALL_PAGES; i++)
        if (page_rows[i].page == page)
            return lun->pages >> i & 1;
    return false;
}

void probe_take_page(struct berth_lun *lun, uint8_t page, const uint8_t *reply, int64_t got)
{
    for (size_t i = 0; i < ALL_PAGES; i++)
        if (page_rows[i].page == page)
            page_rows[i].read(lun, reply, got);
}

/* --- the session --- */

static void offer_text(enum wire_key key, uint32_t offer, char *out, size_t size)
{
    if (key_rows[key].type == KEY_LIST)
        key_choices_text(key, offer, out, size);
    else
        key_value_text(key, offer, out, size);
}

static void row(struct berth_lun *lun, const struct negotiation *n, enum wire_key key)
{
    struct berth_negotiated *out = &lun->negotiated[lun->info.negotiated_count++];
    uint64_t bit = 1ull << key;
    memset(out, 0, sizeof *out);
    out->key = key_rows[key].name;
    if (n->sent & bit)
        offer_text(key, n->mine[key], out->mine, sizeof out->mine);
    if (n->received & bit)
        offer_text(key, n->theirs[key], out->theirs, sizeof out->theirs);
    if (key_rows[key].type == KEY_DECLARED_NUMBER) /* one per direction: nothing is agreed */
        return;
    key_value_text(key, n->agreed[key], out->agreed, sizeof out->agreed);
}

void probe_session(struct berth_lun *lun)
{
    struct initiator *i = lun->initiator;
    const struct negotiation *n = conn_keys(i->conn);
    struct conn_facts facts;

    conn_facts(i->conn, &facts);
    lun->info.engine = initiator_carrier(i);
    lun->info.header_digest = facts.header_digest;
    lun->info.data_digest = facts.data_digest;
    lun->info.authenticated = i->login.mine.name != NULL;
    lun->info.mutual = i->login.peer.name != NULL;
    lun->info.target_alias = conn_login(i->conn)->target_alias;
    lun->info.negotiated_count = 0;
    for (int key = 0; key <= KEY_PROTOCOL_LEVEL; key++)
        row(lun, n, (enum wire_key)key);
    portal_print(&i->here->portal, lun->portal, sizeof lun->portal);
    lun->info.portal_group = i->group;
    lun->info.reconnects = i->reconnects;
}

/* A number has two forms of address (scsi_lun_encode_other()). Of what is not there under the usual one, the
 * target may report the other. */
static int find_lun(struct berth_lun *lun)
{
    int error = inquiry(lun);
    if (error != BERTH_E_NO_LUN)
        return error;
    struct berth_detail why = lun->detail;
    int asked = discovery_find_lun(lun);
    if (fatal(asked))
        return asked;
    if (asked == BERTH_OK && lun->lun_field == scsi_lun_encode_other(lun->info.lun))
        return inquiry(lun);
    lun->detail = why;
    return error;
}

/* What the session begins with, and who the LUN is; it need not be able to tell. */
int probe_identity(struct berth_lun *lun)
{
    uint8_t cdb[SCSI_CDB_MAX] = {0};
    struct berth_done done;
    int error = find_lun(lun);
    int64_t ready = error ? 0 : lun_ask(lun, cdb, scsi_put_test_unit_ready(cdb), NULL, 0, &done);
    if (!error && fatal(ready))
        error = (int)ready;
    return error ? error : pages(lun, IDENTITY_PAGES);
}

int probe(struct berth_lun *lun)
{
    int error = find_lun(lun);
    if (!error && lun->inquiry.device_type != 0)
        error = lun_say(&lun->detail, BERTH_E_UNSUPPORTED, "the LUN is not a disk");
    if (!error)
        error = wait_until_ready(lun);
    if (!error)
        error = capacity(lun);
    if (!error)
        error = pages(lun, ALL_PAGES);
    return error ? error : mode(lun);
}
