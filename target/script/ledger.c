/* SPDX-License-Identifier: MIT */
#include "script/ledger.h"
#include <stdlib.h>
#include "base/bytes.h"

void ledger_init(struct ledger *l)
{
    list_init(&l->entries);
    l->count = 0;
}

void ledger_remove(struct ledger *l, struct entry *e)
{
    list_remove(&e->link);
    l->count--;
    free(e);
}

static struct entry *oldest(struct ledger *l)
{
    return list_entry(l->entries.next, struct entry, link);
}

void ledger_free(struct ledger *l)
{
    while (!list_empty(&l->entries))
        ledger_remove(l, oldest(l));
}

/* The newest first: tags come again. */
struct entry *ledger_find(struct ledger *l, uint32_t itt)
{
    for (struct list *at = l->entries.prev; at != &l->entries; at = at->prev) {
        struct entry *e = list_entry(at, struct entry, link);
        if (e->itt == itt)
            return e;
    }
    return NULL;
}

/* Peripheral and flat addresses (SAM-5 4.7). */
static uint64_t lun_number(uint64_t lun)
{
    uint64_t first = lun >> 48, method = first >> 14;
    return (lun << 16) == 0 && method <= 1 ? first & 0x3fff : UINT64_MAX;
}

struct entry *ledger_add(struct ledger *l, const uint8_t *bhs)
{
    const uint8_t *cdb = bhs + 32;
    struct entry *e = ledger_find(l, wire_itt(bhs));
    if (e)
        ledger_remove(l, e);
    if (l->count == LEDGER_MAX)
        ledger_remove(l, oldest(l));
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->itt = wire_itt(bhs);
    e->kind = kind_of(cdb);
    e->lun = lun_number(get64(bhs + 8));
    e->has_blocks = kind_blocks(cdb, &e->lba, &e->blocks);
    e->edtl = get32(bhs + 20);
    e->write = bhs[1] & 0x20;
    list_push(&l->entries, &e->link);
    l->count++;
    return e;
}

bool ledger_receives(struct entry *e, uint32_t data_len)
{
    e->received += data_len;
    return e->write && data_len > 0 && e->received >= e->edtl;
}
