/* SPDX-License-Identifier: MIT */
/* Mode pages (SPC-4 7.5, SBC-3 6.5): of MODE SENSE to structures, and of these to MODE SELECT. A page is a
 * table of fields, which serves both ways. */
#include <string.h>
#include "reply.h"

/* `bits` of them from bit `low` on in a byte, or 16 or 32 bits from that byte on. */
struct field {
    uint8_t byte, low, bits;
    uint16_t offset; /* in struct scsi_mode_page */
    uint8_t size;    /* of the member */
};

struct page_row {
    uint8_t code, len; /* len: behind the two bytes of its head */
    const struct field *fields;
    size_t count;
};

#define MEMBER(page, name)                                                                                   \
    offsetof(struct scsi_mode_page, page.name), sizeof(((struct scsi_mode_page *)NULL)->page.name)

static const struct field caching[] = {
    {2, 7, 1, MEMBER(caching, ic)},
    {2, 6, 1, MEMBER(caching, abpf)},
    {2, 5, 1, MEMBER(caching, cap)},
    {2, 4, 1, MEMBER(caching, disc)},
    {2, 3, 1, MEMBER(caching, size)},
    {2, 2, 1, MEMBER(caching, wce)},
    {2, 1, 1, MEMBER(caching, mf)},
    {2, 0, 1, MEMBER(caching, rcd)},
    {3, 4, 4, MEMBER(caching, demand_read_retention_priority)},
    {3, 0, 4, MEMBER(caching, write_retention_priority)},
    {4, 0, 16, MEMBER(caching, disable_prefetch_transfer_length)},
    {6, 0, 16, MEMBER(caching, minimum_prefetch)},
    {8, 0, 16, MEMBER(caching, maximum_prefetch)},
    {10, 0, 16, MEMBER(caching, maximum_prefetch_ceiling)},
    {12, 7, 1, MEMBER(caching, fsw)},
    {12, 6, 1, MEMBER(caching, lbcss)},
    {12, 5, 1, MEMBER(caching, dra)},
    {12, 0, 1, MEMBER(caching, nv_dis)},
    {13, 0, 8, MEMBER(caching, number_of_cache_segments)},
    {14, 0, 16, MEMBER(caching, cache_segment_size)},
};

static const struct field control[] = {
    {2, 5, 3, MEMBER(control, tst)},
    {2, 4, 1, MEMBER(control, tmf_only)},
    {2, 3, 1, MEMBER(control, dpicz)},
    {2, 2, 1, MEMBER(control, d_sense)},
    {2, 1, 1, MEMBER(control, gltsd)},
    {2, 0, 1, MEMBER(control, rlec)},
    {3, 4, 4, MEMBER(control, queue_algorithm_modifier)},
    {3, 3, 1, MEMBER(control, nuar)},
    {3, 1, 2, MEMBER(control, qerr)},
    {4, 7, 1, MEMBER(control, vs)},
    {4, 6, 1, MEMBER(control, rac)},
    {4, 4, 2, MEMBER(control, ua_intlck_ctrl)},
    {4, 3, 1, MEMBER(control, swp)},
    {5, 7, 1, MEMBER(control, ato)},
    {5, 6, 1, MEMBER(control, tas)},
    {5, 5, 1, MEMBER(control, atmpe)},
    {5, 4, 1, MEMBER(control, rwwp)},
    {5, 0, 3, MEMBER(control, autoload_mode)},
    {8, 0, 16, MEMBER(control, busy_timeout_period)},
    {10, 0, 16, MEMBER(control, extended_selftest_completion_time)},
};

static const struct field disconnect[] = {
    {2, 0, 8, MEMBER(disconnect_reconnect, buffer_full_ratio)},
    {3, 0, 8, MEMBER(disconnect_reconnect, buffer_empty_ratio)},
    {4, 0, 16, MEMBER(disconnect_reconnect, bus_inactivity_limit)},
    {6, 0, 16, MEMBER(disconnect_reconnect, disconnect_time_limit)},
    {8, 0, 16, MEMBER(disconnect_reconnect, connect_time_limit)},
    {10, 0, 16, MEMBER(disconnect_reconnect, maximum_burst_size)},
    {12, 7, 1, MEMBER(disconnect_reconnect, emdp)},
    {12, 4, 3, MEMBER(disconnect_reconnect, fair_arbitration)},
    {12, 3, 1, MEMBER(disconnect_reconnect, dimm)},
    {12, 0, 3, MEMBER(disconnect_reconnect, dtdc)},
    {14, 0, 16, MEMBER(disconnect_reconnect, first_burst_size)},
};

static const struct field exceptions[] = {
    {2, 7, 1, MEMBER(iec, perf)},
    {2, 5, 1, MEMBER(iec, ebf)},
    {2, 4, 1, MEMBER(iec, ewasc)},
    {2, 3, 1, MEMBER(iec, dexcpt)},
    {2, 2, 1, MEMBER(iec, test)},
    {2, 1, 1, MEMBER(iec, ebackerr)},
    {2, 0, 1, MEMBER(iec, logerr)},
    {3, 0, 4, MEMBER(iec, mrie)},
    {4, 0, 32, MEMBER(iec, interval_timer)},
    {8, 0, 32, MEMBER(iec, report_count)},
};

static const struct field power[] = {
    {2, 6, 2, MEMBER(power_condition, pm_bg_precedence)},
    {2, 0, 1, MEMBER(power_condition, standby_y)},
    {3, 3, 1, MEMBER(power_condition, idle_c)},
    {3, 2, 1, MEMBER(power_condition, idle_b)},
    {3, 1, 1, MEMBER(power_condition, idle_a)},
    {3, 0, 1, MEMBER(power_condition, standby_z)},
    {4, 0, 32, MEMBER(power_condition, idle_a_condition_timer)},
    {8, 0, 32, MEMBER(power_condition, standby_z_condition_timer)},
    {12, 0, 32, MEMBER(power_condition, idle_b_condition_timer)},
    {16, 0, 32, MEMBER(power_condition, idle_c_condition_timer)},
    {20, 0, 32, MEMBER(power_condition, standby_y_condition_timer)},
    {39, 6, 2, MEMBER(power_condition, ccf_idle)},
    {39, 4, 2, MEMBER(power_condition, ccf_standby)},
    {39, 2, 2, MEMBER(power_condition, ccf_stopped)},
};

#define ROW(code, len, fields)                                                                               \
    {                                                                                                        \
        code, len, fields, sizeof(fields) / sizeof((fields)[0])                                              \
    }
static const struct page_row rows[] = {
    ROW(SCSI_MODEPAGE_DISCONNECT_RECONNECT, 0x0e, disconnect),
    ROW(SCSI_MODEPAGE_CACHING, 0x12, caching),
    ROW(SCSI_MODEPAGE_CONTROL, 0x0a, control),
    ROW(SCSI_MODEPAGE_POWER_CONDITION, 0x26, power),
    ROW(SCSI_MODEPAGE_INFORMATIONAL_EXCEPTIONS_CONTROL, 0x0a, exceptions),
};

static const struct page_row *row_of(int code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

/* --- to structures --- */

static uint32_t get_field(const struct reply *r, const struct field *f)
{
    if (f->bits > 8)
        return f->bits == 16 ? u16(r, f->byte) : u32(r, f->byte);
    return (uint32_t)bits(r, f->byte, f->low, f->bits);
}

/* All members are 32 bits wide, with a sign or without. */
static void set_member(struct scsi_mode_page *page, const struct field *f, uint32_t value)
{
    memcpy((char *)page + f->offset, &value, f->size);
}

static uint32_t member(const struct scsi_mode_page *page, const struct field *f)
{
    uint32_t value;
    memcpy(&value, (const char *)page + f->offset, sizeof value);
    return value;
}

static struct scsi_mode_page *read_page(struct scsi_task *task, const struct reply *r)
{
    struct scsi_mode_page *page = scsi_malloc(task, sizeof *page);
    if (!page)
        return NULL;
    page->ps = bits(r, 0, 7, 1);
    page->spf = bits(r, 0, 6, 1);
    page->page_code = (enum scsi_modesense_page_code)bits(r, 0, 0, 6);
    page->subpage_code = page->spf ? u8(r, 1) : 0;
    page->len = page->spf ? u16(r, 2) : u8(r, 1);
    const struct page_row *row = page->spf ? NULL : row_of((int)page->page_code);
    for (size_t i = 0; row && i < row->count; i++)
        set_member(page, &row->fields[i], get_field(r, &row->fields[i]));
    return page;
}

/* The latest page is the first in the list: whoever looks for one does not mind. */
static bool read_pages(struct scsi_task *task, struct scsi_mode_sense *ms, const struct reply *r, size_t at)
{
    while (has(r, at, 2)) {
        const struct reply rest = {r->at + at, r->len - at};
        size_t len = bits(&rest, 0, 6, 1) ? 4u + u16(&rest, 2) : 2u + u8(&rest, 1);
        const struct reply own = {rest.at, len < rest.len ? len : rest.len};
        struct scsi_mode_page *page = read_page(task, &own);
        if (!page)
            return false;
        page->next = ms->pages;
        ms->pages = page;
        at += len;
    }
    return true;
}

void *mode_unmarshall(struct scsi_task *task, const struct reply *r)
{
    bool six = task->cdb[0] == SCSI_OPCODE_MODESENSE6;
    struct scsi_mode_sense *ms = r->len >= (six ? 4u : 8u) ? scsi_malloc(task, sizeof *ms) : NULL;
    if (!ms)
        return NULL;
    ms->mode_data_length = six ? u8(r, 0) : u16(r, 0);
    ms->medium_type = u8(r, six ? 1 : 2);
    ms->device_specific_parameter = u8(r, six ? 2 : 3);
    ms->longlba = six ? 0 : u8(r, 4) & 1;
    size_t descriptors = six ? u8(r, 3) : u16(r, 6);
    ms->block_descriptor_length = (uint8_t)descriptors;
    size_t whole = ms->mode_data_length + (six ? 1u : 2u);
    const struct reply all = {r->at, whole < r->len ? whole : r->len};
    return read_pages(task, ms, &all, (six ? 4u : 8u) + descriptors) ? ms : NULL;
}

API struct scsi_mode_page *scsi_modesense_get_page(struct scsi_mode_sense *ms,
                                                   enum scsi_modesense_page_code page_code, int subpage_code)
{
    for (struct scsi_mode_page *page = ms->pages; page; page = page->next)
        if (page->page_code == page_code && page->subpage_code == subpage_code)
            return page;
    return NULL;
}

/* --- to bytes --- */

static void put_field(uint8_t *bytes, const struct field *f, uint32_t value)
{
    if (f->bits == 16)
        put16(bytes + f->byte, (uint16_t)value);
    else if (f->bits == 32)
        put32(bytes + f->byte, value);
    else
        bytes[f->byte] |= (uint8_t)((value & ((1u << f->bits) - 1)) << f->low);
}

/* Pages that are not in the table cannot be written: nobody knows what would be lost. PS is reserved here. */
API struct scsi_data *scsi_modesense_dataout_marshall(struct scsi_task *task, struct scsi_mode_page *mp,
                                                      int is_modeselect6)
{
    size_t head = is_modeselect6 ? 4 : 8;
    const struct page_row *row = mp->spf ? NULL : row_of((int)mp->page_code);
    struct scsi_data *data = row ? scsi_malloc(task, sizeof *data) : NULL;
    if (!data)
        return NULL;
    data->size = (int)(head + 2u + row->len);
    data->data = scsi_malloc(task, (size_t)data->size);
    if (!data->data)
        return NULL;
    uint8_t *page = data->data + head;
    page[0] = row->code;
    page[1] = row->len;
    for (size_t i = 0; i < row->count; i++)
        put_field(page, &row->fields[i], member(mp, &row->fields[i]));
    return data;
}
