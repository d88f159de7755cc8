/* SPDX-License-Identifier: MIT */
#include "scsi/ascii.h"
#include "scsi/identity.h"
#include "scsi/sense.h"

/* Device-specific parameter of disks (SBC-3 6.4.1). */
#define WP     0x80
#define DPOFUA 0x10

enum { PAGE_CACHING = 0x08, PAGE_CONTROL = 0x0a, PAGE_ALL = 0x3f };
#define CACHING_BODY 0x12
#define CONTROL_BODY 0x0a
#define BODY_MAX     CACHING_BODY
#define WCE          0x04
#define RCD          0x01
#define D_SENSE      0x04
#define REORDER      0x10 /* QUEUE ALGORITHM MODIFIER 1: commands may be reordered */
#define SWP          0x08
#define SUB_PAGE     0x40 /* SPF: the page header has a subpage and a wide length */
#define PS           0x80 /* in the page code: could be saved; says nothing on the way in */

static uint8_t device_specific(const struct scsi_mode *m)
{
    return (uint8_t)((m->write_protected || m->software_write_protect ? WP : 0) | (m->dpo_fua ? DPOFUA : 0));
}

/* Caching page (SBC-3 6.4.5). */
static void put_caching(uint8_t *body, const struct scsi_mode *m)
{
    body[0] = (uint8_t)((m->write_cache ? WCE : 0) | (m->read_cache_disabled ? RCD : 0));
}

static void get_caching(const uint8_t *body, struct scsi_mode *m)
{
    m->write_cache = body[0] & WCE;
    m->read_cache_disabled = body[0] & RCD;
}

/* Control page (SPC-4 7.5.8). */
static void put_control(uint8_t *body, const struct scsi_mode *m)
{
    body[0] = m->descriptor_sense ? D_SENSE : 0;
    body[1] = m->changeable ? 0 : REORDER;
    body[2] = m->software_write_protect ? SWP : 0;
}

static void get_control(const uint8_t *body, struct scsi_mode *m)
{
    m->descriptor_sense = body[0] & D_SENSE;
    m->software_write_protect = body[2] & SWP;
}

static const struct page {
    uint8_t code, len; /* of the body, which is zeros where put() writes nothing */
    void (*put)(uint8_t *body, const struct scsi_mode *m);
    void (*get)(const uint8_t *body, struct scsi_mode *m);
} pages[] = {
    {PAGE_CACHING, CACHING_BODY, put_caching, get_caching},
    {PAGE_CONTROL, CONTROL_BODY, put_control, get_control},
};
#define PAGE_COUNT (sizeof pages / sizeof pages[0])

static bool write_pages(struct writer *w, const struct scsi_mode *m, uint8_t page)
{
    bool any = false;
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        uint8_t body[BODY_MAX] = {0};
        if (page != pages[i].code && page != PAGE_ALL)
            continue;
        any = true;
        pages[i].put(body, m);
        write8(w, pages[i].code);
        write8(w, pages[i].len);
        write_bytes(w, body, pages[i].len);
    }
    return any;
}

size_t scsi_put_mode_6(uint8_t *out, size_t size, const struct scsi_mode *m, uint8_t page)
{
    struct writer w = writer_over(out, size);
    write_zeros(&w, 2);
    write8(&w, device_specific(m));
    write8(&w, 0); /* no block descriptor */
    if (!write_pages(&w, m, page) || !w.ok)
        return 0;
    out[0] = (uint8_t)(writer_len(&w) - 1);
    return writer_len(&w);
}

size_t scsi_put_mode_10(uint8_t *out, size_t size, const struct scsi_mode *m, uint8_t page)
{
    struct writer w = writer_over(out, size);
    write_zeros(&w, 3);
    write8(&w, device_specific(m));
    write_zeros(&w, 4);
    if (!write_pages(&w, m, page) || !w.ok)
        return 0;
    put16(out, (uint16_t)(writer_len(&w) - 2));
    return writer_len(&w);
}

/* The body of the next page, as much of it as is there; returns its page code. */
static uint8_t read_page(struct reader *r, struct reader *body)
{
    uint8_t code = read8(r);
    if (code & SUB_PAGE)
        read8(r);
    size_t told = code & SUB_PAGE ? read16(r) : read8(r), left = reader_left(r);
    size_t len = told < left ? told : left;
    *body = reader_over(read_bytes(r, len), len);
    return code & (SUB_PAGE | PAGE_ALL);
}

/* A page cut short leaves zeros. */
static void get_short_caching(struct reader *body, struct scsi_mode *m)
{
    uint8_t bits = read8(body);
    get_caching(&bits, m);
}

bool scsi_get_mode_6(const uint8_t *data, size_t len, struct scsi_mode *m)
{
    *m = (struct scsi_mode){0};
    if (len < 4)
        return false;
    size_t told = data[0] + (size_t)1;
    struct reader r = reader_over(data + 4, told <= 4 ? 0 : (told < len ? told : len) - 4);

    m->write_protected = data[2] & WP;
    m->dpo_fua = data[2] & DPOFUA;
    read_bytes(&r, data[3]); /* block descriptors */
    while (r.ok && reader_left(&r) > 0) {
        struct reader body;
        if (read_page(&r, &body) == PAGE_CACHING)
            get_short_caching(&body, m);
    }
    return true;
}

/* --- MODE SELECT (SPC-4 6.9, 6.10) --- */

static const struct page *find_page(uint8_t code)
{
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if (pages[i].code == code)
            return &pages[i];
    return NULL;
}

/* Every bit that differs from what is must be one that may be changed. */
static bool may_change(const struct page *page, const uint8_t *body, const struct scsi_mode *can,
                       const struct scsi_mode *mode)
{
    uint8_t is[BODY_MAX] = {0}, mask[BODY_MAX] = {0};
    struct scsi_mode changes = *can;
    changes.changeable = true;
    page->put(is, mode);
    page->put(mask, &changes);
    for (uint8_t i = 0; i < page->len; i++)
        if ((body[i] ^ is[i]) & ~mask[i])
            return false;
    return true;
}

static uint16_t select_page(struct reader *r, const struct scsi_mode *can, struct scsi_mode *mode)
{
    uint8_t code = read8(r) & (uint8_t)~PS, len = read8(r);
    const struct page *page = find_page(code);
    if (!r->ok)
        return ASC_PARAMETER_LIST_LENGTH;
    if (!page || page->len != len)
        return ASC_INVALID_FIELD_IN_PARAMETERS;
    const uint8_t *body = read_bytes(r, len);
    if (!body)
        return ASC_PARAMETER_LIST_LENGTH;
    if (!may_change(page, body, can, mode))
        return ASC_INVALID_FIELD_IN_PARAMETERS;
    page->get(body, mode);
    return ASC_NONE;
}

/* The header's other fields are reserved here, or only tell what cannot be changed. */
static uint16_t mode_select(struct reader r, bool headed, size_t descriptors, const struct scsi_mode *can,
                            struct scsi_mode *mode)
{
    struct scsi_mode wanted = *mode;
    uint16_t why = ASC_NONE;
    if (!headed)
        return ASC_PARAMETER_LIST_LENGTH;
    if (descriptors > 0) /* MODE SENSE shows none */
        return ASC_INVALID_FIELD_IN_PARAMETERS;
    while (!why && reader_left(&r) > 0)
        why = select_page(&r, can, &wanted);
    if (!why)
        *mode = wanted;
    return why;
}

uint16_t scsi_get_mode_select_6(const uint8_t *list, size_t len, const struct scsi_mode *can,
                                struct scsi_mode *mode)
{
    struct reader r = reader_over(list, len);
    read_bytes(&r, 3);
    size_t descriptors = read8(&r);
    return mode_select(r, r.ok, descriptors, can, mode);
}

uint16_t scsi_get_mode_select_10(const uint8_t *list, size_t len, const struct scsi_mode *can,
                                 struct scsi_mode *mode)
{
    struct reader r = reader_over(list, len);
    read_bytes(&r, 6);
    size_t descriptors = read16(&r);
    return mode_select(r, r.ok, descriptors, can, mode);
}
