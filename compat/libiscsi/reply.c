/* SPDX-License-Identifier: MIT */
/* What a LUN answered, as structures (SPC-4, SBC-3, MMC-6). A LUN may say less than it promises: what is not
 * there is zero, and lists end where the bytes do. */
#include "reply.h"

#include <string.h>

#define LISTED(len, size) ((len) / (size))

static uint8_t op_of_task(const struct scsi_task *task)
{
    return task->cdb[0];
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many entries of `size` bytes there are from `offset` on, of which the LUN says that they take `len`. */
static size_t entries(const struct reply *r, size_t offset, size_t len, size_t size)
{
    size_t there = r->len > offset ? r->len - offset : 0;
    return LISTED(least(len, there), size);
}

/* --- INQUIRY --- */

static void copy_text(char *to, const struct reply *r, size_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (char)u8(r, offset + i);
    to[len] = 0;
}

static void *inquiry_standard(struct scsi_task *task, const struct reply *r)
{
    struct scsi_inquiry_standard *q = scsi_malloc(task, sizeof *q);
    if (!q)
        return NULL;
    q->qualifier = (enum scsi_inquiry_peripheral_qualifier)bits(r, 0, 5, 3);
    q->device_type = (enum scsi_inquiry_peripheral_device_type)bits(r, 0, 0, 5);
    q->rmb = bits(r, 1, 7, 1);
    q->version = u8(r, 2);
    q->normaca = bits(r, 3, 5, 1);
    q->hisup = bits(r, 3, 4, 1);
    q->response_data_format = bits(r, 3, 0, 4);
    q->additional_length = u8(r, 4);
    q->sccs = bits(r, 5, 7, 1);
    q->acc = bits(r, 5, 6, 1);
    q->tpgs = bits(r, 5, 4, 2);
    q->threepc = bits(r, 5, 3, 1);
    q->protect = bits(r, 5, 0, 1);
    q->encserv = bits(r, 6, 6, 1);
    q->multip = bits(r, 6, 4, 1);
    q->addr16 = bits(r, 6, 0, 1);
    q->wbus16 = bits(r, 7, 5, 1);
    q->sync = bits(r, 7, 4, 1);
    q->cmdque = bits(r, 7, 1, 1);
    q->clocking = bits(r, 56, 2, 2);
    q->qas = bits(r, 56, 1, 1);
    q->ius = bits(r, 56, 0, 1);
    copy_text(q->vendor_identification, r, 8, 8);
    copy_text(q->product_identification, r, 16, 16);
    copy_text(q->product_revision_level, r, 32, 4);
    for (size_t i = 0; i < 8; i++)
        q->version_descriptor[i] = u16(r, 58 + 2 * i);
    return q;
}

/* All pages begin alike. */
#define PAGE_HEAD(p, r)                                                                                      \
    (p)->qualifier = (enum scsi_inquiry_peripheral_qualifier)bits(r, 0, 5, 3);                               \
    (p)->device_type = (enum scsi_inquiry_peripheral_device_type)bits(r, 0, 0, 5);                           \
    (p)->pagecode = (enum scsi_inquiry_pagecode)u8(r, 1)

static void *page_supported(struct scsi_task *task, const struct reply *r)
{
    struct scsi_inquiry_supported_pages *p = scsi_malloc(task, sizeof *p);
    if (!p)
        return NULL;
    PAGE_HEAD(p, r);
    size_t count = entries(r, 4, u16(r, 2), 1);
    p->pages = scsi_malloc(task, count + 1);
    if (!p->pages)
        return NULL;
    p->num_pages = (int)count;
    memcpy(p->pages, r->at + (count ? 4 : 0), count);
    return p;
}

static void *page_serial(struct scsi_task *task, const struct reply *r)
{
    struct scsi_inquiry_unit_serial_number *p = scsi_malloc(task, sizeof *p);
    if (!p)
        return NULL;
    PAGE_HEAD(p, r);
    size_t len = entries(r, 4, u16(r, 2), 1);
    p->usn = scsi_malloc(task, len + 1);
    if (p->usn)
        copy_text(p->usn, r, 4, len);
    return p->usn ? p : NULL;
}

static struct scsi_inquiry_device_designator *designator(struct scsi_task *task, const struct reply *r,
                                                         size_t at)
{
    struct scsi_inquiry_device_designator *d = scsi_malloc(task, sizeof *d);
    size_t len = u8(r, at + 3);
    if (!d || !has(r, at + 4, len))
        return NULL;
    d->piv = bits(r, at + 1, 7, 1);
    if (d->piv)
        d->protocol_identifier = (enum scsi_protocol_identifier)bits(r, at, 4, 4);
    d->code_set = (enum scsi_codeset)bits(r, at, 0, 4);
    d->association = (enum scsi_association)bits(r, at + 1, 4, 2);
    d->designator_type = (enum scsi_designator_type)bits(r, at + 1, 0, 4);
    d->designator_length = (int)len;
    d->designator = scsi_malloc(task, len + 1);
    if (d->designator)
        copy_text(d->designator, r, at + 4, len);
    return d->designator ? d : NULL;
}

static void *page_identification(struct scsi_task *task, const struct reply *r)
{
    struct scsi_inquiry_device_identification *p = scsi_malloc(task, sizeof *p);
    if (!p)
        return NULL;
    PAGE_HEAD(p, r);
    const struct reply page = {r->at, least(r->len, 4u + u16(r, 2))};
    struct scsi_inquiry_device_designator **last = &p->designators;
    for (size_t at = 4; has(&page, at, 4); at += 4u + u8(&page, at + 3)) {
        *last = designator(task, &page, at);
        if (!*last)
            break;
        last = &(*last)->next;
    }
    return p;
}

static void *page_limits(struct scsi_task *task, const struct reply *r)
{
    struct scsi_inquiry_block_limits *p = scsi_malloc(task, sizeof *p);
    if (!p)
        return NULL;
    PAGE_HEAD(p, r);
    p->wsnz = bits(r, 4, 0, 1);
    p->max_cmp = u8(r, 5);
    p->opt_gran = u16(r, 6);
    p->max_xfer_len = u32(r, 8);
    p->opt_xfer_len = u32(r, 12);
    p->max_prefetch = u32(r, 16);
    p->max_unmap = u32(r, 20);
    p->max_unmap_bdc = u32(r, 24);
    p->opt_unmap_gran = u32(r, 28);
    p->ugavalid = bits(r, 32, 7, 1);
    p->unmap_gran_align = u32(r, 32) & 0x7fffffff;
    p->max_ws_len = u64(r, 36);
    p->max_atomic_xfer_len = u32(r, 44);
    p->atomic_align = u32(r, 48);
    p->atomic_gran = u32(r, 52);
    p->max_atomic_tl_with_atomic_boundary = u32(r, 56);
    p->max_atomic_boundary_size = u32(r, 60);
    return p;
}

static void *page_characteristics(struct scsi_task *task, const struct reply *r)
{
    struct scsi_inquiry_block_device_characteristics *p = scsi_malloc(task, sizeof *p);
    if (!p)
        return NULL;
    PAGE_HEAD(p, r);
    p->medium_rotation_rate = u16(r, 4);
    p->product_type = u8(r, 6);
    p->wabereq = bits(r, 7, 6, 2);
    p->wacereq = bits(r, 7, 4, 2);
    p->nominal_form_factor = bits(r, 7, 0, 4);
    p->fuab = bits(r, 8, 1, 1);
    p->vbuls = bits(r, 8, 0, 1);
    return p;
}

static void *page_provisioning(struct scsi_task *task, const struct reply *r)
{
    struct scsi_inquiry_logical_block_provisioning *p = scsi_malloc(task, sizeof *p);
    if (!p)
        return NULL;
    PAGE_HEAD(p, r);
    p->threshold_exponent = u8(r, 4);
    p->lbpu = bits(r, 5, 7, 1);
    p->lbpws = bits(r, 5, 6, 1);
    p->lbpws10 = bits(r, 5, 5, 1);
    p->lbprz = bits(r, 5, 2, 1);
    p->anc_sup = bits(r, 5, 1, 1);
    p->dp = bits(r, 5, 0, 1);
    p->provisioning_type = (enum scsi_inquiry_provisioning_type)bits(r, 6, 0, 3);
    return p;
}

static const struct {
    uint8_t code;
    void *(*unmarshall)(struct scsi_task *task, const struct reply *r);
} pages[] = {
    {SCSI_INQUIRY_PAGECODE_SUPPORTED_VPD_PAGES, page_supported},
    {SCSI_INQUIRY_PAGECODE_UNIT_SERIAL_NUMBER, page_serial},
    {SCSI_INQUIRY_PAGECODE_DEVICE_IDENTIFICATION, page_identification},
    {SCSI_INQUIRY_PAGECODE_BLOCK_LIMITS, page_limits},
    {SCSI_INQUIRY_PAGECODE_BLOCK_DEVICE_CHARACTERISTICS, page_characteristics},
    {SCSI_INQUIRY_PAGECODE_LOGICAL_BLOCK_PROVISIONING, page_provisioning},
};

static void *inquiry(struct scsi_task *task, const struct reply *r)
{
    if (!(task->cdb[1] & 1))
        return inquiry_standard(task, r);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (pages[i].code == task->cdb[2])
            return pages[i].unmarshall(task, r);
    return NULL;
}

static size_t inquiry_size(const struct scsi_task *task, const struct reply *r)
{
    return task->cdb[1] & 1 ? 4u + u16(r, 2) : 5u + u8(r, 4);
}

/* --- capacities --- */

static void *capacity_10(struct scsi_task *task, const struct reply *r)
{
    struct scsi_readcapacity10 *c = r->len >= 8 ? scsi_malloc(task, sizeof *c) : NULL;
    if (c)
        *c = (struct scsi_readcapacity10){.lba = u32(r, 0), .block_size = u32(r, 4)};
    return c;
}

static void *capacity_16(struct scsi_task *task, const struct reply *r)
{
    struct scsi_readcapacity16 *c = r->len >= 12 ? scsi_malloc(task, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->returned_lba = u64(r, 0);
    c->block_length = u32(r, 8);
    c->p_type = (uint8_t)bits(r, 12, 1, 3);
    c->prot_en = (uint8_t)bits(r, 12, 0, 1);
    c->p_i_exp = (uint8_t)bits(r, 13, 4, 4);
    c->lbppbe = (uint8_t)bits(r, 13, 0, 4);
    c->lbpme = (uint8_t)bits(r, 14, 7, 1);
    c->lbprz = (uint8_t)bits(r, 14, 6, 1);
    c->lalba = u16(r, 14) & 0x3fff;
    return c;
}

static void *lba_status(struct scsi_task *task, const struct reply *r)
{
    struct scsi_get_lba_status *s = scsi_malloc(task, sizeof *s);
    size_t len = u32(r, 0), count = entries(r, 8, len > 4 ? len - 4 : 0, 16);
    if (!s || !(s->descriptors = scsi_malloc(task, (count + 1) * sizeof *s->descriptors)))
        return NULL;
    s->num_descriptors = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        s->descriptors[i].lba = u64(r, 8 + 16 * i);
        s->descriptors[i].num_blocks = u32(r, 16 + 16 * i);
        s->descriptors[i].provisioning = (enum scsi_provisioning_type)bits(r, 20 + 16 * i, 0, 4);
    }
    return s;
}

static void *service_action(struct scsi_task *task, const struct reply *r)
{
    switch (task->cdb[1] & 0x1f) {
    case SCSI_READCAPACITY16:
        return capacity_16(task, r);
    case SCSI_GET_LBA_STATUS:
        return lba_status(task, r);
    default:
        return NULL;
    }
}

static size_t service_action_size(const struct scsi_task *task, const struct reply *r)
{
    switch (task->cdb[1] & 0x1f) {
    case SCSI_READCAPACITY16:
        return 32;
    case SCSI_GET_LBA_STATUS:
        return 4u + (size_t)u32(r, 0);
    default:
        return r->len;
    }
}

static size_t capacity_10_size(const struct scsi_task *task, const struct reply *r)
{
    (void)task, (void)r;
    return 8;
}

static void *luns(struct scsi_task *task, const struct reply *r)
{
    size_t count = entries(r, 8, u32(r, 0), 8);
    struct scsi_reportluns_list *list = scsi_malloc(task, sizeof *list + count * sizeof list->luns[0]);
    if (!list)
        return NULL;
    list->num = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        list->luns[i] = u16(r, 8 + 8 * i);
    return list;
}

static size_t luns_size(const struct scsi_task *task, const struct reply *r)
{
    (void)task;
    return 8u + (size_t)u32(r, 0);
}

/* --- reservations --- */

static void *keys(struct scsi_task *task, const struct reply *r)
{
    size_t count = entries(r, 8, u32(r, 4), 8);
    struct scsi_persistent_reserve_in_read_keys *k = scsi_malloc(task, sizeof *k + count * sizeof k->keys[0]);
    if (!k)
        return NULL;
    k->prgeneration = u32(r, 0);
    k->additional_length = u32(r, 4);
    k->num_keys = (int)count;
    for (size_t i = 0; i < count; i++)
        k->keys[i] = u64(r, 8 + 8 * i);
    return k;
}

static void *reservation(struct scsi_task *task, const struct reply *r)
{
    struct scsi_persistent_reserve_in_read_reservation *v = scsi_malloc(task, sizeof *v);
    if (!v)
        return NULL;
    v->prgeneration = u32(r, 0);
    v->additional_length = u32(r, 4);
    v->reserved = v->additional_length > 0;
    if (!v->reserved)
        return v;
    v->reservation_key = u64(r, 8);
    v->pr_scope = (unsigned char)bits(r, 21, 4, 4);
    v->pr_type = (unsigned char)bits(r, 21, 0, 4);
    return v;
}

static void *capabilities(struct scsi_task *task, const struct reply *r)
{
    struct scsi_persistent_reserve_in_report_capabilities *c = scsi_malloc(task, sizeof *c);
    if (!c)
        return NULL;
    c->length = u16(r, 0);
    c->crh = (uint8_t)bits(r, 2, 4, 1);
    c->sip_c = (uint8_t)bits(r, 2, 3, 1);
    c->atp_c = (uint8_t)bits(r, 2, 2, 1);
    c->ptpl_c = (uint8_t)bits(r, 2, 0, 1);
    c->tmv = (uint8_t)bits(r, 3, 7, 1);
    c->allow_commands = (uint8_t)bits(r, 3, 4, 3);
    c->ptpl_a = (uint8_t)bits(r, 3, 0, 1);
    c->persistent_reservation_type_mask = u16(r, 4);
    return c;
}

static void *reserve_in(struct scsi_task *task, const struct reply *r)
{
    switch (task->cdb[1] & 0x1f) {
    case SCSI_PERSISTENT_RESERVE_READ_KEYS:
        return keys(task, r);
    case SCSI_PERSISTENT_RESERVE_READ_RESERVATION:
        return reservation(task, r);
    case SCSI_PERSISTENT_RESERVE_REPORT_CAPABILITIES:
        return capabilities(task, r);
    default:
        return NULL;
    }
}

static size_t reserve_in_size(const struct scsi_task *task, const struct reply *r)
{
    bool list = (task->cdb[1] & 0x1f) != SCSI_PERSISTENT_RESERVE_REPORT_CAPABILITIES;
    return list ? 8u + (size_t)u32(r, 4) : 8;
}

/* --- operation codes --- */

static void timeouts(struct scsi_op_timeout_descriptor *to, const struct reply *r, size_t at)
{
    to->descriptor_length = u16(r, at);
    to->command_specific = u8(r, at + 3);
    to->nominal_processing_timeout = u32(r, at + 4);
    to->recommended_timeout = u32(r, at + 8);
}

static size_t opcode_at(const struct reply *r, size_t at, struct scsi_command_descriptor *d)
{
    bool timed = bits(r, at + 5, 1, 1);
    if (!d)
        return timed ? 20 : 8;
    d->opcode = u8(r, at);
    d->sa = u16(r, at + 2);
    d->ctdp = timed;
    d->servactv = (uint8_t)bits(r, at + 5, 0, 1);
    d->cdb_len = u16(r, at + 6);
    if (timed)
        timeouts(&d->to, r, at + 8);
    return timed ? 20 : 8;
}

static void *all_opcodes(struct scsi_task *task, const struct reply *r)
{
    const struct reply list = {r->at, least(r->len, 4u + (size_t)u32(r, 0))};
    size_t count = 0, n = 0;
    for (size_t at = 4; has(&list, at, opcode_at(&list, at, NULL)); at += opcode_at(&list, at, NULL))
        count++;
    struct scsi_report_supported_op_codes *o =
        scsi_malloc(task, sizeof *o + count * sizeof o->descriptors[0]);
    if (!o)
        return NULL;
    o->num_descriptors = (int)count;
    for (size_t at = 4; n < count; n++)
        at += opcode_at(&list, at, &o->descriptors[n]);
    return o;
}

static void *one_opcode(struct scsi_task *task, const struct reply *r)
{
    struct scsi_report_supported_op_codes_one_command *o = scsi_malloc(task, sizeof *o);
    if (!o)
        return NULL;
    o->ctdp = (uint8_t)bits(r, 1, 7, 1);
    o->support = (uint8_t)bits(r, 1, 0, 3);
    o->cdb_length = (uint8_t)least(u16(r, 2), sizeof o->cdb_usage_data);
    for (size_t i = 0; i < o->cdb_length; i++)
        o->cdb_usage_data[i] = u8(r, 4 + i);
    if (o->ctdp)
        timeouts(&o->to, r, 4u + o->cdb_length);
    return o;
}

static void *maintenance_in(struct scsi_task *task, const struct reply *r)
{
    if ((task->cdb[1] & 0x1f) != SCSI_REPORT_SUPPORTED_OP_CODES)
        return NULL;
    return (task->cdb[2] & 7) == SCSI_REPORT_SUPPORTING_OPS_ALL ? all_opcodes(task, r) : one_opcode(task, r);
}

static size_t maintenance_in_size(const struct scsi_task *task, const struct reply *r)
{
    if ((task->cdb[1] & 0x1f) != SCSI_REPORT_SUPPORTED_OP_CODES)
        return r->len;
    if ((task->cdb[2] & 7) == SCSI_REPORT_SUPPORTING_OPS_ALL)
        return 4u + (size_t)u32(r, 0);
    return 4u + u16(r, 2) + (bits(r, 1, 7, 1) ? 12u : 0u);
}

/* --- copies --- */

static void *copy_status(struct scsi_task *task, const struct reply *r)
{
    struct scsi_copy_results_copy_status *c = scsi_malloc(task, sizeof *c);
    if (!c)
        return NULL;
    c->available_data = u32(r, 0);
    c->copy_manager_status = (uint8_t)bits(r, 4, 0, 7);
    c->hdd = (uint8_t)bits(r, 4, 7, 1);
    c->segments_processed = u16(r, 5);
    c->transfer_count_units = u8(r, 7);
    c->transfer_count = u32(r, 8);
    return c;
}

static void *copy_parameters(struct scsi_task *task, const struct reply *r)
{
    size_t codes = entries(r, 44, u8(r, 43), 1);
    struct scsi_copy_results_op_params *c = scsi_malloc(task, sizeof *c + codes);
    if (!c)
        return NULL;
    c->available_data = u32(r, 0);
    c->max_target_desc_count = u16(r, 8);
    c->max_segment_desc_count = u16(r, 10);
    c->max_desc_list_length = u32(r, 12);
    c->max_segment_length = u32(r, 16);
    c->max_inline_data_length = u32(r, 20);
    c->held_data_limit = u32(r, 24);
    c->max_stream_device_transfer_size = u32(r, 28);
    c->total_concurrent_copies = u16(r, 34);
    c->max_concurrent_copies = u8(r, 36);
    c->data_segment_granularity = u8(r, 37);
    c->inline_data_granularity = u8(r, 38);
    c->held_data_granularity = u8(r, 39);
    c->impl_desc_list_length = (uint8_t)codes;
    for (size_t i = 0; i < codes; i++)
        c->imp_desc_type_codes[i] = u8(r, 44 + i);
    return c;
}

static void *copy_results(struct scsi_task *task, const struct reply *r)
{
    switch (task->cdb[1] & 0x1f) {
    case SCSI_COPY_RESULTS_COPY_STATUS:
        return copy_status(task, r);
    case SCSI_COPY_RESULTS_OP_PARAMS:
        return copy_parameters(task, r);
    default:
        return NULL;
    }
}

static size_t copy_results_size(const struct scsi_task *task, const struct reply *r)
{
    (void)task;
    return 4u + (size_t)u32(r, 0);
}

/* --- tables of contents --- */

static void toc_entry(struct scsi_readtoc_desc *d, const struct reply *r, size_t at)
{
    d->desc.toc.adr = bits(r, at + 1, 4, 4);
    d->desc.toc.control = bits(r, at + 1, 0, 4);
    d->desc.toc.track = u8(r, at + 2);
    d->desc.toc.lba = u32(r, at + 4);
}

static void full_toc_entry(struct scsi_readtoc_desc *d, const struct reply *r, size_t at)
{
    d->desc.full.session = u8(r, at);
    d->desc.full.adr = bits(r, at + 1, 4, 4);
    d->desc.full.control = bits(r, at + 1, 0, 4);
    d->desc.full.tno = u8(r, at + 2);
    d->desc.full.point = u8(r, at + 3);
    d->desc.full.min = u8(r, at + 4);
    d->desc.full.sec = u8(r, at + 5);
    d->desc.full.frame = u8(r, at + 6);
    d->desc.full.zero = u8(r, at + 7);
    d->desc.full.pmin = u8(r, at + 8);
    d->desc.full.psec = u8(r, at + 9);
    d->desc.full.pframe = u8(r, at + 10);
}

static void *toc(struct scsi_task *task, const struct reply *r)
{
    int format = task->cdb[2] & 0x0f;
    if (format != SCSI_READ_TOC && format != SCSI_READ_SESSION_INFO && format != SCSI_READ_FULL_TOC)
        return NULL;
    bool full = format == SCSI_READ_FULL_TOC;
    size_t size = full ? 11 : 8, len = u16(r, 0), count = entries(r, 4, len > 2 ? len - 2 : 0, size);
    struct scsi_readtoc_list *list = scsi_malloc(task, sizeof *list + count * sizeof list->desc[0]);
    if (!list)
        return NULL;
    list->num = (int)count;
    list->first = u8(r, 2);
    list->last = u8(r, 3);
    for (size_t i = 0; i < count; i++)
        (full ? full_toc_entry : toc_entry)(&list->desc[i], r, 4 + size * i);
    return list;
}

static size_t toc_size(const struct scsi_task *task, const struct reply *r)
{
    (void)task;
    return 2u + u16(r, 0);
}

/* --- modes --- */

static size_t mode_6_size(const struct scsi_task *task, const struct reply *r)
{
    (void)task;
    return 1u + u8(r, 0);
}

static size_t mode_10_size(const struct scsi_task *task, const struct reply *r)
{
    (void)task;
    return 2u + u16(r, 0);
}

/* --- all of them --- */

static const struct row {
    uint8_t op;
    size_t (*size)(const struct scsi_task *task, const struct reply *r);
    void *(*unmarshall)(struct scsi_task *task, const struct reply *r);
} rows[] = {
    {SCSI_OPCODE_INQUIRY, inquiry_size, inquiry},
    {SCSI_OPCODE_MODESENSE6, mode_6_size, mode_unmarshall},
    {SCSI_OPCODE_MODESENSE10, mode_10_size, mode_unmarshall},
    {SCSI_OPCODE_READCAPACITY10, capacity_10_size, capacity_10},
    {SCSI_OPCODE_READTOC, toc_size, toc},
    {SCSI_OPCODE_PERSISTENT_RESERVE_IN, reserve_in_size, reserve_in},
    {SCSI_OPCODE_RECEIVE_COPY_RESULTS, copy_results_size, copy_results},
    {SCSI_OPCODE_SERVICE_ACTION_IN, service_action_size, service_action},
    {SCSI_OPCODE_REPORTLUNS, luns_size, luns},
    {SCSI_OPCODE_MAINTENANCE_IN, maintenance_in_size, maintenance_in},
};

static const struct row *row_of(const struct scsi_task *task)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].op == op_of_task(task))
            return &rows[i];
    return NULL;
}

static bool reply_of(const struct scsi_task *task, struct reply *r)
{
    *r = (struct reply){task->datain.data, task->datain.size > 0 ? (size_t)task->datain.size : 0};
    return task->datain.data && r->len > 0;
}

/* How long the answer would have been, had there been room for all of it. */
API int scsi_datain_getfullsize(struct scsi_task *task)
{
    const struct row *row = row_of(task);
    struct reply r;
    bool there = reply_of(task, &r);
    if (!row || !there)
        return there ? (int)r.len : row ? -1 : 0;
    size_t size = row->size(task, &r);
    return size <= INT32_MAX ? (int)size : INT32_MAX;
}

API void *scsi_datain_unmarshall(struct scsi_task *task)
{
    const struct row *row = row_of(task);
    struct reply r;
    return row && reply_of(task, &r) ? row->unmarshall(task, &r) : NULL;
}

/* --- sense (SPC-4 4.5) --- */

static void parse_specific(struct scsi_sense *sense, const uint8_t *bytes)
{
    sense->sense_specific = 1;
    sense->ill_param_in_cdb = (bytes[0] & 0x40) != 0;
    sense->bit_pointer_valid = (bytes[0] & 0x08) != 0;
    sense->bit_pointer = bytes[0] & 7;
    sense->field_pointer = get16(bytes + 1);
}

static void parse_descriptors(struct scsi_sense *sense, const uint8_t *sb)
{
    enum { SPECIFIC = 2 };
    for (size_t at = 8, end = 8u + sb[7]; at + 7 <= end && at + 7 <= BERTH_SENSE_MAX; at += 2u + sb[at + 1])
        if (sb[at] == SPECIFIC && sb[at + 4] & 0x80) {
            parse_specific(sense, sb + at + 4);
            return;
        }
}

API void scsi_parse_sense_data(struct scsi_sense *sense, const uint8_t *sb)
{
    sense->error_type = sb[0] & 0x7f;
    switch (sense->error_type) {
    case SCSI_SENSE_FIXED_CURRENT:
    case SCSI_SENSE_FIXED_DEFERRED_ERRORS:
        sense->key = (enum scsi_sense_key)(sb[2] & 0x0f);
        sense->ascq = get16(sb + 12);
        if (sb[15] & 0x80)
            parse_specific(sense, sb + 15);
        break;
    case SCSI_SENSE_DESCRIPTOR_CURRENT:
    case SCSI_SENSE_DESCRIPTOR_DEFERRED_ERRORS:
        sense->key = (enum scsi_sense_key)(sb[1] & 0x0f);
        sense->ascq = get16(sb + 2);
        parse_descriptors(sense, sb);
        break;
    default:
        break;
    }
}
