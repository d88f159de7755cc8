/* SPDX-License-Identifier: MIT */
#include "script/parcel.h"
#include <stdlib.h>
#include <string.h>

struct parcel *parcel_new(uint8_t opcode, uint8_t to)
{
    struct parcel *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    list_init(&p->link);
    p->head[0] = opcode;
    p->to = to;
    p->cut = ENDLESS;
    return p;
}

void parcel_free(struct parcel *p)
{
    if (!p)
        return;
    free(p->data);
    free(p);
}

void parcels_free(struct list *parcels)
{
    struct list *node;
    while ((node = list_pop(parcels)) != NULL)
        parcel_free(list_entry(node, struct parcel, link));
}

bool parcel_reserve(struct parcel *p, uint32_t len)
{
    if (len <= p->data_size)
        return true;
    uint8_t *data = realloc(p->data, len);
    if (!data)
        return false;
    p->data = data;
    p->data_size = len;
    return true;
}

bool parcel_resize(struct parcel *p, uint32_t len)
{
    if (!parcel_reserve(p, len))
        return false;
    if (len != p->data_len)
        memset(p->pad, 0, sizeof p->pad);
    if (len > p->data_len)
        memset(p->data + p->data_len, 0, len - p->data_len);
    p->data_len = len;
    wire_set_lengths(p->head, p->ahs_len, len);
    return true;
}

/* The orders are not copied: they are for one departure. */
struct parcel *parcel_slice(const struct parcel *p, uint32_t at, uint32_t len)
{
    struct parcel *copy = parcel_new(0, p->to);
    if (!copy || !parcel_reserve(copy, len)) {
        parcel_free(copy);
        return NULL;
    }
    memcpy(copy->head, p->head, WIRE_BHS_LEN + p->ahs_len);
    copy->bare = p->bare;
    copy->fresh = p->fresh;
    copy->generation = p->generation;
    copy->ahs_len = p->ahs_len;
    copy->data_len = len;
    if (len)
        memcpy(copy->data, p->data + at, len);
    if (len < p->data_len)
        wire_set_lengths(copy->head, p->ahs_len, len);
    else
        memcpy(copy->pad, p->pad, sizeof copy->pad);
    return copy;
}

struct parcel *parcel_copy(const struct parcel *p)
{
    return parcel_slice(p, 0, p->data_len);
}

struct parcel *parcel_bare(const uint8_t *bytes, uint64_t len, uint8_t to)
{
    struct parcel *p = parcel_new(0, to);
    if (!p || !parcel_reserve(p, (uint32_t)len)) {
        parcel_free(p);
        return NULL;
    }
    p->bare = true;
    p->data_len = (uint32_t)len;
    memcpy(p->data, bytes, len);
    return p;
}
