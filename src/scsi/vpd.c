/* SPDX-License-Identifier: MIT */
#include "scsi/ascii.h"
#include "scsi/identity.h"

#define PAGE_HEADER 4u

/* --- the frame of every page --- */

static struct writer page_begin(uint8_t *out, size_t size, uint8_t page)
{
    struct writer w = writer_over(out, size);
    write8(&w, 0); /* connected disk */
    write8(&w, page);
    write16(&w, 0);
    return w;
}

static size_t page_end(struct writer *w)
{
    if (w->ok)
        put16(w->start + 2, (uint16_t)(writer_len(w) - PAGE_HEADER));
    return writer_result(w);
}

/* A reader over what is there of the page's body; false if this is another page. */
static bool page_open(const uint8_t *data, size_t len, uint8_t page, struct reader *r)
{
    *r = reader_over("", 0);
    if (len < PAGE_HEADER || data[1] != page)
        return false;
    size_t told = get16(data + 2), there = len - PAGE_HEADER;
    *r = reader_over(data + PAGE_HEADER, told < there ? told : there);
    return true;
}

/* --- 00h --- */

size_t scsi_put_vpd_supported(uint8_t *out, size_t size, const uint8_t *pages, size_t count)
{
    struct writer w = page_begin(out, size, VPD_SUPPORTED);
    write_bytes(&w, pages, count);
    return page_end(&w);
}

bool scsi_get_vpd_supported(const uint8_t *data, size_t len, uint8_t page)
{
    struct reader r;
    if (!page_open(data, len, VPD_SUPPORTED, &r))
        return false;
    while (reader_left(&r) > 0)
        if (read8(&r) == page)
            return true;
    return false;
}

/* --- 80h --- */

size_t scsi_put_vpd_serial(uint8_t *out, size_t size, const char *serial)
{
    struct writer w = page_begin(out, size, VPD_SERIAL);
    write_str(&w, serial);
    return page_end(&w);
}

bool scsi_get_vpd_serial(const uint8_t *data, size_t len, char *serial, size_t size)
{
    struct reader r;
    bool found = page_open(data, len, VPD_SERIAL, &r);
    read_ascii(&r, reader_left(&r), serial, size);
    return found;
}

/* --- 83h --- */

enum { CODE_BINARY = 1, CODE_ASCII = 2, CODE_UTF8 = 3 };
enum {
    TYPE_T10 = 1,
    TYPE_EUI64 = 2,
    TYPE_NAA = 3,
    TYPE_RELATIVE_PORT = 4,
    TYPE_PORT_GROUP = 5,
    TYPE_SCSI_NAME = 8
};

static bool binary_len_fits(uint8_t type, uint8_t len)
{
    if (type == TYPE_NAA)
        return len == 8 || len == 16;
    if (type == TYPE_EUI64)
        return len == 8 || len == 12 || len == 16;
    return len > 0;
}

/* How well a designator names the LU; 0 for one that does not. */
static int rank(uint8_t type, uint8_t len)
{
    static const struct {
        uint8_t type, rank;
    } rows[] = {{TYPE_NAA, 4}, {TYPE_EUI64, 3}, {TYPE_T10, 2}, {TYPE_SCSI_NAME, 1}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].type == type && binary_len_fits(type, len))
            return rows[i].rank;
    return 0;
}

/* One designation descriptor (SPC-4 7.8.6.1); NULL when it does not end inside the page. */
static const uint8_t *read_designator(struct reader *r, struct scsi_designator *d, uint8_t *association)
{
    d->code_set = read8(r) & 0x0f;
    uint8_t kind = read8(r);
    read8(r);
    d->len = read8(r);
    d->type = kind & 0x0f;
    *association = kind >> 4 & 3;
    return read_bytes(r, d->len);
}

/* The next one of the LU itself, not of a port; NULL after the last. */
static const uint8_t *next_of_lu(struct reader *r, struct scsi_designator *d)
{
    const uint8_t *bytes = NULL;
    uint8_t association = 0;
    while (reader_left(r) > 0 && (bytes = read_designator(r, d, &association)) && association != 0)
        bytes = NULL;
    return bytes;
}

bool scsi_get_vpd_designator(const uint8_t *data, size_t len, struct scsi_designator *best)
{
    struct reader r;
    struct scsi_designator d = {0};
    const uint8_t *bytes;
    *best = (struct scsi_designator){0};
    if (!page_open(data, len, VPD_IDENTIFICATION, &r))
        return false;
    while ((bytes = next_of_lu(&r, &d)) != NULL) {
        if (rank(d.type, d.len) <= rank(best->type, best->len))
            continue;
        best->type = d.type;
        best->code_set = d.code_set;
        best->len = d.len;
        memcpy(best->bytes, bytes, d.len);
    }
    return true;
}

bool scsi_has_vpd_designator(const uint8_t *data, size_t len, const struct scsi_designator *wanted)
{
    struct reader r;
    struct scsi_designator d = {0};
    const uint8_t *bytes;
    if (!page_open(data, len, VPD_IDENTIFICATION, &r))
        return false;
    while ((bytes = next_of_lu(&r, &d)) != NULL)
        if (d.type == wanted->type && d.code_set == wanted->code_set && d.len == wanted->len &&
            memcmp(bytes, wanted->bytes, d.len) == 0)
            return true;
    return false;
}

enum { OF_LU = 0x00, OF_PORT = 0x10 }; /* ASSOCIATION */
#define PIV            0x80            /* in byte 1: the protocol identifier of byte 0 holds */
#define PROTOCOL_ISCSI 0x50

static void write_designator_head(struct writer *w, uint8_t code_set, uint8_t type, size_t len)
{
    if (len > SCSI_DESIGNATOR_MAX)
        w->ok = false;
    write8(w, code_set);
    write8(w, type);
    write8(w, 0);
    write8(w, (uint8_t)len);
}

static void write_port_designator(struct writer *w, uint8_t type, uint16_t number)
{
    if (number == 0)
        return;
    write_designator_head(w, CODE_BINARY, OF_PORT | type, 4);
    write32(w, number);
}

static void write_hex(struct writer *w, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        write8(w, (uint8_t)digits[bytes[i] >> 4]);
        write8(w, (uint8_t)digits[bytes[i] & 15]);
    }
}

/* SPC-4 7.8.6.11 and RFC 7143 4.2.1: "name,t,0x" and four digits, filled up to words with at least one NUL.
 */
static void write_port_name(struct writer *w, const char *target_name, uint16_t group)
{
    static const char infix[] = ",t,0x";
    size_t len = strlen(target_name) + sizeof infix - 1 + 4, padded = (len + 1 + 3) / 4 * 4;
    uint8_t tag[2];
    put16(tag, group);
    write_designator_head(w, PROTOCOL_ISCSI | CODE_UTF8, PIV | OF_PORT | TYPE_SCSI_NAME, padded);
    write_str(w, target_name);
    write_str(w, infix);
    write_hex(w, tag, sizeof tag);
    write_zeros(w, padded - len);
}

size_t scsi_put_vpd_identification(uint8_t *out, size_t size, const struct scsi_identification *id)
{
    struct writer w = page_begin(out, size, VPD_IDENTIFICATION);
    write_designator_head(&w, CODE_BINARY, OF_LU | TYPE_NAA, 8);
    write_bytes(&w, id->naa, 8);
    write_designator_head(&w, CODE_ASCII, OF_LU | TYPE_T10, 8 + strlen(id->serial));
    write_ascii(&w, id->vendor, 8);
    write_str(&w, id->serial);
    write_port_designator(&w, TYPE_RELATIVE_PORT, id->port);
    write_port_designator(&w, TYPE_PORT_GROUP, id->port_group);
    if (id->target_name)
        write_port_name(&w, id->target_name, id->port);
    return page_end(&w);
}

static void write_printable(struct writer *w, const uint8_t *bytes, size_t len)
{
    while (len > 0 && ascii_blank(bytes[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++)
        write8(w, (uint8_t)ascii_printable(bytes[i]));
}

static const char *designator_prefix(uint8_t type)
{
    static const char *const prefixes[] = {"", "t10.", "eui.", "naa."};
    return type < sizeof prefixes / sizeof prefixes[0] ? prefixes[type] : ""; /* SCSI names bring their own */
}

void scsi_designator_text(const struct scsi_designator *d, char *out, size_t size)
{
    if (size == 0)
        return;
    struct writer w = writer_over(out, size - 1);
    write_str(&w, designator_prefix(d->type));
    if (d->code_set == CODE_BINARY || d->type == TYPE_EUI64 || d->type == TYPE_NAA)
        write_hex(&w, d->bytes, d->len);
    else
        write_printable(&w, d->bytes, d->len);
    out[writer_len(&w)] = '\0';
}

/* --- 86h (SPC-4 7.8.7) --- */

#define EXTENDED_BODY 60u
#define SIMPSUP       0x01 /* byte 5 */
#define ORDSUP        0x02
#define HEADSUP       0x04
#define V_SUP         0x01 /* byte 6 */

size_t scsi_put_vpd_extended(uint8_t *out, size_t size, const struct scsi_extended *x)
{
    struct writer w = page_begin(out, size, VPD_EXTENDED);
    write8(&w, 0); /* no protection information */
    write8(&w, (uint8_t)((x->simple ? SIMPSUP : 0) | (x->ordered ? ORDSUP : 0) |
                         (x->head_of_queue ? HEADSUP : 0)));
    write8(&w, x->volatile_cache ? V_SUP : 0);
    write_zeros(&w, EXTENDED_BODY - 3);
    return page_end(&w);
}

/* --- B0h (SBC-3 6.6.4) --- */

#define LIMITS_BODY     60u
#define UGAVALID        0x80000000u
#define WSNZ            0x01
#define CHARACTER_BODY  60u
#define ALIGNMENT_FIELD (UGAVALID - 1)

size_t scsi_put_vpd_limits(uint8_t *out, size_t size, const struct scsi_limits *l)
{
    struct writer w = page_begin(out, size, VPD_LIMITS);
    write8(&w, l->wsnz ? WSNZ : 0);
    write8(&w, l->max_compare_and_write);
    write16(&w, l->optimal_granularity);
    write32(&w, l->max_transfer);
    write32(&w, l->optimal_transfer);
    write32(&w, 0); /* no PREFETCH */
    write32(&w, l->max_unmap_blocks);
    write32(&w, l->max_unmap_ranges);
    write32(&w, l->unmap_granularity);
    write32(&w, (l->unmap_alignment & ALIGNMENT_FIELD) | (l->unmap_alignment_valid ? UGAVALID : 0));
    write64(&w, l->max_write_same);
    write_zeros(&w, PAGE_HEADER + LIMITS_BODY - writer_len(&w));
    return page_end(&w);
}

bool scsi_get_vpd_limits(const uint8_t *data, size_t len, struct scsi_limits *l)
{
    struct reader r;
    bool found = page_open(data, len, VPD_LIMITS, &r);

    *l = (struct scsi_limits){0};
    l->wsnz = read8(&r) & WSNZ;
    l->max_compare_and_write = read8(&r);
    l->optimal_granularity = read16(&r);
    l->max_transfer = read32(&r);
    l->optimal_transfer = read32(&r);
    read32(&r);
    l->max_unmap_blocks = read32(&r);
    l->max_unmap_ranges = read32(&r);
    l->unmap_granularity = read32(&r);
    uint32_t alignment = read32(&r);
    l->unmap_alignment = alignment & ALIGNMENT_FIELD;
    l->unmap_alignment_valid = alignment & UGAVALID;
    l->max_write_same = read64(&r);
    return found;
}

/* --- B1h (SBC-3 6.6.2) --- */

size_t scsi_put_vpd_characteristics(uint8_t *out, size_t size, const struct scsi_characteristics *c)
{
    struct writer w = page_begin(out, size, VPD_CHARACTERISTICS);
    write16(&w, c->rotation_rate);
    write_zeros(&w, CHARACTER_BODY - 2);
    return page_end(&w);
}

bool scsi_get_vpd_characteristics(const uint8_t *data, size_t len, struct scsi_characteristics *c)
{
    struct reader r;
    bool found = page_open(data, len, VPD_CHARACTERISTICS, &r);
    c->rotation_rate = read16(&r);
    return found;
}

/* --- B2h (SBC-3 6.6.6) --- */

#define LBPU    0x80
#define LBPWS   0x40
#define LBPWS10 0x20
#define LBPRZ   0x04
#define ANC_SUP 0x02

size_t scsi_put_vpd_provisioning(uint8_t *out, size_t size, const struct scsi_provisioning *p)
{
    struct writer w = page_begin(out, size, VPD_PROVISIONING);
    write8(&w, 0); /* no thresholds */
    write8(&w, (uint8_t)((p->unmap ? LBPU : 0) | (p->write_same_16 ? LBPWS : 0) |
                         (p->write_same_10 ? LBPWS10 : 0) | (p->read_zeros ? LBPRZ : 0) |
                         (p->anchor ? ANC_SUP : 0)));
    write8(&w, p->type & 7);
    write8(&w, 0);
    return page_end(&w);
}

bool scsi_get_vpd_provisioning(const uint8_t *data, size_t len, struct scsi_provisioning *p)
{
    struct reader r;
    bool found = page_open(data, len, VPD_PROVISIONING, &r);

    read8(&r);
    uint8_t bits = read8(&r);
    p->unmap = bits & LBPU;
    p->write_same_16 = bits & LBPWS;
    p->write_same_10 = bits & LBPWS10;
    p->read_zeros = bits & LBPRZ;
    p->anchor = bits & ANC_SUP;
    p->type = read8(&r) & 7;
    return found;
}
