/* SPDX-License-Identifier: MIT */
/* Logical units that come, go and change their size while they are served. */
#include <stdio.h>
#include "lu/command.h"
#include "scsi/sense.h"

/* On every LU but this one, whose initiators are told something else. */
static void tell_list_changed(struct lu_set *set, const struct lu *lu)
{
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++)
        if (set->lus[i] && set->lus[i] != lu)
            lu_tell_others(set->lus[i], NULL, set, ASC_LUNS_CHANGED);
}

bool lu_set_add(struct lu_set *set, struct lu *lu)
{
    if (lu->number >= COMMAND_LU_MAX || set->lus[lu->number])
        return false;
    set->lus[lu->number] = lu;
    lu_tell_others(lu, NULL, set, ASC_POWER_ON); /* whatever was there before, this is another one */
    tell_list_changed(set, lu);
    return true;
}

void lu_set_remove(struct lu_set *set, struct lu *lu)
{
    set->lus[lu->number] = NULL;
    tell_list_changed(set, lu);
    lu_wake(lu);
}

bool lu_idle(const struct lu *lu)
{
    return !lu->tasks.commands.next || list_empty(&lu->tasks.commands);
}

int lu_resize(struct lu *lu, struct lu_set *set, uint64_t size, const struct lu_reason *why)
{
    uint64_t before = lu->size;
    char name[16];
    snprintf(name, sizeof name, "LUN %u", lu->number);
    if (size > 0 && lu_check_size(lu, size, name, why))
        return -1;
    if (lu->backend->resize(lu, size, why))
        return -1;
    if (lu_check_size(lu, lu->size, name, why)) { /* what was measured cannot be served */
        lu->size = before;
        return -1;
    }
    if (lu->size != before)
        lu_tell_others(lu, NULL, set, ASC_CAPACITY_CHANGED);
    return 0;
}
