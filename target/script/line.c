/* SPDX-License-Identifier: MIT */
#include "script/line.h"
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/seg.h"
#include "script/random.h"
#include "wire/crc32c.h"

void line_init(struct line *l)
{
    memset(l, 0, sizeof *l);
    list_init(&l->stretches);
}

void line_free(struct line *l)
{
    struct list *node;
    while ((node = list_pop(&l->stretches)) != NULL)
        free(list_entry(node, struct stretch, link));
    l->waiting = 0;
}

void line_blind(struct line *l)
{
    line_free(l);
    l->blind = true;
}

static struct stretch *first(const struct line *l)
{
    return list_empty(&l->stretches) ? NULL : list_entry(l->stretches.next, struct stretch, link);
}

/* --- bytes of a PDU --- */

/* Where the parts of a PDU lie in its stretch. */
struct layout {
    uint32_t head, head_digest, data, pad, data_digest; /* lengths, in this order */
};

static bool is_login(const struct parcel *p)
{
    return parcel_bit(p) & (OPCODE(WIRE_LOGIN_REQUEST) | OPCODE(WIRE_LOGIN_RESPONSE));
}

static struct layout layout_of(const struct parcel *p, bool header_digest, bool data_digest)
{
    bool digests = !p->bare && !is_login(p);
    return (struct layout){
        .head = p->bare ? 0 : WIRE_BHS_LEN + p->ahs_len,
        .head_digest = digests && header_digest ? WIRE_DIGEST_LEN : 0,
        .data = p->data_len,
        .pad = p->bare ? 0 : wire_padding(p->data_len),
        .data_digest = digests && data_digest && p->data_len ? WIRE_DIGEST_LEN : 0,
    };
}

static uint32_t total(const struct layout *y)
{
    return y->head + y->head_digest + y->data + y->pad + y->data_digest;
}

static void write_pdu(uint8_t *at, const struct parcel *p, const struct layout *y,
                      const struct wire_crypto *crypto)
{
    uint8_t *head = at, *data = at + y->head + y->head_digest;
    memcpy(head, p->head, y->head);
    if (y->head_digest)
        put32_le(head + y->head, crc32c_final(crypto->crc32c(CRC32C_INIT, head, y->head)) ^ p->header_xor);
    if (y->data)
        memcpy(data, p->data, y->data);
    memcpy(data + y->data, p->pad, y->pad);
    if (y->data_digest)
        put32_le(data + y->data + y->pad,
                 crc32c_final(crypto->crc32c(CRC32C_INIT, data, y->data + y->pad)) ^ p->data_xor);
}

/* A place as a range of the stretch's bytes. */
struct stretch_part {
    uint32_t from, len;
};

static struct stretch_part part_of(const struct layout *y, uint8_t part)
{
    uint32_t data = y->head + y->head_digest;
    switch ((enum part)part) {
    case PART_HEADER:
        return (struct stretch_part){0, y->head};
    case PART_DATA:
        return (struct stretch_part){data, y->data};
    case PART_HEADER_DIGEST:
        return (struct stretch_part){y->head, y->head_digest};
    case PART_DATA_DIGEST:
        return (struct stretch_part){data + y->data + y->pad, y->data_digest};
    case PART_ANYWHERE:
        break;
    }
    return (struct stretch_part){0, total(y)};
}

/* Of a digest it is the first bit, unless chance says another. A place that the PDU does not have stays
 * sound. */
static void damage(uint8_t *bytes, const struct parcel *p, const struct layout *y)
{
    for (uint32_t i = 0; i < p->damage_count; i++) {
        const struct place *d = &p->damages[i];
        struct stretch_part e = part_of(y, d->part);
        uint64_t bit = d->random && e.len ? random_between(p->random, 0, 8ull * e.len - 1) : d->bit;
        if (bit < 8ull * e.len)
            bytes[e.from + bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
    }
}

/* How much of it leaves. */
static uint32_t shown(const struct parcel *p, const struct layout *y)
{
    uint32_t all = total(y);
    if (p->cut_somewhere && all > 0)
        return (uint32_t)random_between(p->random, 0, all - 1);
    return p->cut < all ? (uint32_t)p->cut : all;
}

bool line_put(struct line *l, const struct parcel *p, bool header_digest, bool data_digest,
              const struct wire_crypto *crypto, uint64_t now)
{
    struct layout y = layout_of(p, header_digest, data_digest);
    struct stretch *s = l->blind ? NULL : malloc(sizeof *s + total(&y));
    if (l->blind || !s)
        return l->blind;
    write_pdu(s->bytes, p, &y, crypto);
    damage(s->bytes, p, &y);
    s->len = shown(p, &y);
    s->done = 0;
    s->strand = false;
    s->closing = p->closing;
    s->not_before = p->delay_ns ? now + p->delay_ns : 0;
    l->waiting += s->len;
    list_push(&l->stretches, &s->link);
    return true;
}

bool line_mark(struct line *l, uint8_t closing, bool strand)
{
    struct stretch *s = l->blind ? NULL : calloc(1, sizeof *s);
    if (!s)
        return l->blind;
    s->closing = closing;
    s->strand = strand;
    list_push(&l->stretches, &s->link);
    return true;
}

/* --- leaving --- */

void line_slice(struct line *l, struct range sizes, struct range pause, uint64_t *random)
{
    l->sizes = sizes;
    l->pause = pause;
    l->random = random;
    l->piece = 0;
}

/* When the first of it may leave; UINT64_MAX: nothing is there. */
static uint64_t due(const struct line *l)
{
    const struct stretch *s = first(l);
    uint64_t at = l->mute_until > l->resume_at ? l->mute_until : l->resume_at;
    if (!s)
        return UINT64_MAX;
    return s->not_before > at ? s->not_before : at;
}

bool line_ready(const struct line *l, uint64_t now)
{
    const struct stretch *s = first(l);
    return s && s->done < s->len && due(l) <= now;
}

uint64_t line_due(const struct line *l, uint64_t now)
{
    uint64_t at = due(l);
    return at > now ? at : UINT64_MAX;
}

const struct stretch *line_end(const struct line *l, uint64_t now)
{
    const struct stretch *s = first(l);
    return s && s->done == s->len && due(l) <= now ? s : NULL;
}

static uint64_t piece_left(struct line *l)
{
    if (l->sizes.first == 0)
        return UINT64_MAX;
    if (l->piece == 0)
        l->piece = random_between(l->random, l->sizes.first, l->sizes.last);
    return l->piece;
}

uint32_t line_peek(struct line *l, uint64_t now, struct berth_seg *segs, uint32_t max)
{
    uint32_t count = 0;
    uint64_t left = line_ready(l, now) ? piece_left(l) : 0;
    list_each (at, &l->stretches) {
        struct stretch *s = list_entry(at, struct stretch, link);
        if (count == max || left == 0 || s->not_before > now || s->done == s->len)
            break;
        uint64_t len = s->len - s->done < left ? s->len - s->done : left;
        segs[count++] = seg_memory(s->bytes + s->done, len);
        left -= len;
        if (s->closing)
            break;
    }
    return count;
}

static void consume(struct line *l, uint64_t n)
{
    struct stretch *s;
    while (n > 0 && (s = first(l)) != NULL) {
        uint32_t len = s->len - s->done < n ? s->len - s->done : (uint32_t)n;
        s->done += len;
        n -= len;
        if (s->done < s->len || s->closing)
            return; /* one that closes stays, as the mark of it */
        list_remove(&s->link);
        free(s);
    }
}

/* A piece ends where its bytes do, or with the last there are. */
void line_done(struct line *l, uint64_t n, uint64_t now)
{
    l->waiting -= n;
    consume(l, n);
    if (l->sizes.first == 0)
        return;
    l->piece = l->piece > n && !list_empty(&l->stretches) ? l->piece - n : 0;
    if (l->piece == 0 && l->pause.last > 0)
        l->resume_at = now + random_between(l->random, l->pause.first, l->pause.last);
}
