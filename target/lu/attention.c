/* SPDX-License-Identifier: MIT */
/* Who is there, and what each has yet to be told (unit attentions, SAM-5 5.14). */
#include <string.h>
#include "scsi/sense.h"
#include "lu/command.h"

void nexus_init(struct nexus *n, struct lu_set *set, uint16_t group)
{
    *n = (struct nexus){.set = set, .id.port = group};
    nexus_attention(n, ASC_POWER_ON);
}

void nexus_join(struct nexus *n, const uint8_t *id, uint32_t id_len)
{
    nexus_leave(n);
    n->id.len = id_len < NEXUS_ID_MAX ? id_len : NEXUS_ID_MAX;
    memcpy(n->id.bytes, id, n->id.len);
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

/* --- unit attentions --- */

/* All that is ever told, in the order in which it is told: the bits of nexus->attention, from bit 0 on. */
static const uint16_t news[] = {
    ASC_POWER_ON,
    ASC_BUS_RESET,
    ASC_DEVICE_RESET,
    ASC_NEXUS_LOSS,
    ASC_LUNS_CHANGED,
    ASC_CAPACITY_CHANGED,
    ASC_ACCESS_CHANGED,
    ASC_MODE_CHANGED,
    ASC_RESERVATIONS_PREEMPTED,
    ASC_REGISTRATIONS_PREEMPTED,
    ASC_RESERVATIONS_RELEASED,
    ASC_COMMANDS_CLEARED,
};
#define NEWS_COUNT (sizeof news / sizeof news[0])
#define RESETS     0x000fu /* those of ASC 29h */
_Static_assert(NEWS_COUNT <= 16, "one bit each");

static uint16_t bit_of(uint16_t asc_ascq)
{
    for (uint32_t i = 0; i < NEWS_COUNT; i++)
        if (news[i] == asc_ascq)
            return (uint16_t)(1u << i);
    return 0;
}

/* A reset tells the initiator to look at everything again: it takes the place of whatever was pending, and
 * lesser news are not worth a mention beside it. */
static void tell(struct nexus *n, uint32_t number, uint16_t asc_ascq)
{
    uint16_t bit = bit_of(asc_ascq), *pending = &n->attention[number];
    if (bit & RESETS)
        *pending = bit;
    else if (!(*pending & RESETS))
        *pending |= bit;
}

uint16_t nexus_take_attention(struct nexus *n, uint32_t number)
{
    uint16_t pending = n->attention[number];
    n->attention[number] = pending & (uint16_t)(pending - 1);
    for (uint32_t i = 0; i < NEWS_COUNT; i++)
        if (pending & 1u << i)
            return news[i];
    return 0;
}

void nexus_settle(struct nexus *n, uint16_t asc_ascq)
{
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++)
        n->attention[i] &= (uint16_t)~bit_of(asc_ascq);
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
