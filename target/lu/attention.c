/* SPDX-License-Identifier: MIT */
/* Who is there, and what each has yet to be told (unit attentions, SAM-5 5.14). */
#include <string.h>
#include "scsi/sense.h"
#include "lu/command.h"

void nexus_init(struct nexus *n, struct lu_set *set)
{
    *n = (struct nexus){.set = set};
    nexus_attention(n, ASC_POWER_ON);
}

void nexus_join(struct nexus *n, const uint8_t *id, uint32_t id_len)
{
    nexus_leave(n);
    n->id_len = id_len < NEXUS_ID_MAX ? id_len : NEXUS_ID_MAX;
    memcpy(n->id, id, n->id_len);
    n->next = n->set->nexuses;
    n->set->nexuses = n;
}

static void release_all(struct nexus *n)
{
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++)
        if (n->set->lus[i] && n->set->lus[i]->reservation.old == n)
            n->set->lus[i]->reservation.old = NULL;
}

void nexus_leave(struct nexus *n)
{
    release_all(n);
    for (struct nexus **at = &n->set->nexuses; *at; at = &(*at)->next)
        if (*at == n) {
            *at = n->next;
            break;
        }
    n->next = NULL;
}

/* A reset (29h) tells the initiator to look at everything again: lesser news do not push it aside. */
static bool outranks(uint16_t pending, uint16_t news)
{
    return pending >> 8 == ASC_POWER_ON >> 8 && news >> 8 != ASC_POWER_ON >> 8;
}

static void tell(struct nexus *n, uint32_t number, uint16_t asc_ascq)
{
    if (!outranks(n->attention[number], asc_ascq))
        n->attention[number] = asc_ascq;
}

void nexus_attention(struct nexus *n, uint16_t asc_ascq)
{
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++)
        tell(n, i, asc_ascq);
}

void lu_tell(const struct lu *lu, struct nexus *n, uint16_t asc_ascq)
{
    tell(n, lu->number, asc_ascq);
}

void lu_tell_others(const struct lu *lu, const struct nexus *except, struct lu_set *set, uint16_t asc_ascq)
{
    for (struct nexus *n = set->nexuses; n; n = n->next)
        if (n != except)
            lu_tell(lu, n, asc_ascq);
}

void lu_reset(struct lu *lu, struct lu_set *set)
{
    lu->mode = (struct lu_mode){0};
    lu->stopped = false;
    lu->reservation.old = NULL; /* the persistent ones persist */
    lu_tell_others(lu, NULL, set, ASC_DEVICE_RESET);
}
