/* SPDX-License-Identifier: MIT */
#include "lu/reservation.h"
#include <stdlib.h>
#include <string.h>
#include "scsi/reservation.h"
#include "lu/command.h"

/* --- who may do what (SPC-4 table 62, SBC-3 table 13, SPC-2 table 10) --- */

static bool old_forbids(const struct reservation *r, const struct nexus *n, enum access access)
{
    if (!r->old)
        return false;
    return access == ACCESS_PERSISTS || (r->old != n && access != ACCESS_FREE && access != ACCESS_RESERVES);
}

static bool persistent_forbids(const struct reservation *r, const struct nexus *n, enum access access)
{
    struct registration *g = reservation_find(r, &n->id);
    if (r->type == PR_NONE || reservation_held_by(r, g) || (g && scsi_pr_registrants(r->type)))
        return false;
    return access == ACCESS_CHANGES || (access == ACCESS_READS && scsi_pr_exclusive(r->type));
}

bool reservation_forbids(const struct reservation *r, const struct nexus *n, enum access access)
{
    if (access == ACCESS_RESERVES && r->first)
        return true;
    return old_forbids(r, n, access) || persistent_forbids(r, n, access);
}

/* --- registrations --- */

bool nexus_id_equal(const struct nexus_id *a, const struct nexus_id *b)
{
    return a->port == b->port && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

struct registration *reservation_find(const struct reservation *r, const struct nexus_id *id)
{
    for (struct registration *g = r->first; g; g = g->next)
        if (nexus_id_equal(&g->id, id))
            return g;
    return NULL;
}

bool reservation_held_by(const struct reservation *r, const struct registration *g)
{
    return g && r->type != PR_NONE && (scsi_pr_all(r->type) || r->holder == g);
}

struct registration *reservation_add(struct reservation *r, const struct nexus_id *id, uint64_t key)
{
    struct registration **at = &r->first, *g = r->count < REGISTRATIONS_MAX ? calloc(1, sizeof *g) : NULL;
    if (!g)
        return NULL;
    g->key = key;
    g->id = *id;
    while (*at)
        at = &(*at)->next;
    *at = g;
    r->count++;
    return g;
}

void reservation_remove(struct reservation *r, struct registration *g)
{
    struct registration **at = &r->first;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    r->count--;
    if (r->holder == g || !r->first)
        reservation_set(r, NULL, PR_NONE);
    free(g);
}

void reservation_set(struct reservation *r, struct registration *holder, uint8_t type)
{
    r->type = type;
    r->holder = scsi_pr_all(type) ? NULL : holder;
}

void reservation_free(struct reservation *r)
{
    while (r->first)
        reservation_remove(r, r->first);
    free(r->path);
    *r = (struct reservation){0};
}
