/* SPDX-License-Identifier: MIT */
#include "scsi/ascii.h"
#include "scsi/identity.h"

/* Device-specific parameter of disks (SBC-3 6.4.1). */
#define WP     0x80
#define DPOFUA 0x10

enum { PAGE_CACHING = 0x08, PAGE_CONTROL = 0x0a, PAGE_ALL = 0x3f };
#define CACHING_BODY 0x12
#define CONTROL_BODY 0x0a
#define WCE          0x04
#define RCD          0x01
#define SUB_PAGE     0x40 /* SPF: the page header has a subpage and a wide length */
#define REORDER      0x10 /* QUEUE ALGORITHM MODIFIER 1: commands may be reordered */

static uint8_t device_specific(const struct scsi_mode *m)
{
    return (uint8_t)((m->write_protected ? WP : 0) | (m->dpo_fua ? DPOFUA : 0));
}

/* Caching page (SBC-3 6.4.5). */
static void write_caching(struct writer *w, const struct scsi_mode *m)
{
    uint8_t bits = (uint8_t)((m->write_cache ? WCE : 0) | (m->read_cache_disabled ? RCD : 0));
    write8(w, PAGE_CACHING);
    write8(w, CACHING_BODY);
    write8(w, m->changeable ? 0 : bits);
    write_zeros(w, CACHING_BODY - 1);
}

/* Control page (SPC-4 7.5.8). */
static void write_control(struct writer *w, const struct scsi_mode *m)
{
    write8(w, PAGE_CONTROL);
    write8(w, CONTROL_BODY);
    write8(w, 0);
    write8(w, m->changeable ? 0 : REORDER);
    write_zeros(w, CONTROL_BODY - 2);
}

static bool write_pages(struct writer *w, const struct scsi_mode *m, uint8_t page)
{
    if (page == PAGE_CACHING || page == PAGE_ALL)
        write_caching(w, m);
    if (page == PAGE_CONTROL || page == PAGE_ALL)
        write_control(w, m);
    return page == PAGE_CACHING || page == PAGE_CONTROL || page == PAGE_ALL;
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

static void get_caching(struct reader *body, struct scsi_mode *m)
{
    uint8_t bits = read8(body);
    m->write_cache = bits & WCE;
    m->read_cache_disabled = bits & RCD;
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
            get_caching(&body, m);
    }
    return true;
}
