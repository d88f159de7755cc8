/* SPDX-License-Identifier: MIT */
/* Target port groups and their asymmetric access states (SPC-4 5.11), which only the target changes
 * (implicitly). */
#include "lu/command.h"
#include "scsi/sense.h"

const struct port_group *lu_set_groups(const struct lu_set *set, uint32_t *count)
{
    static const struct port_group only = {.tag = 1};
    *count = set->group_count ? set->group_count : 1;
    return set->group_count ? set->groups : &only;
}

static const struct port_group *find(const struct lu_set *set, uint16_t tag)
{
    uint32_t count;
    const struct port_group *groups = lu_set_groups(set, &count);
    for (uint32_t i = 0; i < count; i++)
        if (groups[i].tag == tag)
            return &groups[i];
    return NULL;
}

bool lu_set_has_group(const struct lu_set *set, uint16_t tag)
{
    return find(set, tag) != NULL;
}

/* The first to be added takes the place of the one that was assumed. */
bool lu_set_add_group(struct lu_set *set, uint16_t tag)
{
    if (tag == 0)
        return false;
    if (set->group_count > 0 && find(set, tag))
        return true;
    if (set->group_count == COMMAND_GROUPS_MAX)
        return false;
    set->groups[set->group_count++] = (struct port_group){.tag = tag};
    return true;
}

bool lu_set_access(struct lu_set *set, uint16_t tag, enum port_state state)
{
    if (!find(set, tag) || !lu_set_add_group(set, tag)) /* the assumed one becomes a real one */
        return false;
    struct port_group *group = &set->groups[find(set, tag) - set->groups];
    if (group->state == state)
        return true;
    group->state = (uint8_t)state;
    group->changed = true;
    for (struct nexus *n = set->nexuses; n; n = n->next)
        nexus_attention(n, ASC_ACCESS_CHANGED);
    return true;
}

enum port_state nexus_path(const struct nexus *n)
{
    const struct port_group *group = find(n->set, n->id.port);
    return group ? (enum port_state)group->state : PORT_OPTIMIZED;
}
