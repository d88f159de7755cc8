/* SPDX-License-Identifier: MIT */
/* Portal groups as target port groups: how well LUNs are reached through them (ALUA), for all targets alike.
 */
#include <string.h>
#include "serve/target.h"

static const char *const words[] = {[PORT_OPTIMIZED] = "optimized",
                                    [PORT_NON_OPTIMIZED] = "non-optimized",
                                    [PORT_STANDBY] = "standby",
                                    [PORT_UNAVAILABLE] = "unavailable"};
#define WORD_COUNT (sizeof words / sizeof words[0])

const char *group_access(const struct target *t, uint16_t tag)
{
    uint32_t count;
    const struct port_group *groups = lu_set_groups(&t->nodes[0].set, &count);
    for (uint32_t i = 0; i < count; i++)
        if (groups[i].tag == tag)
            return words[groups[i].state];
    return words[PORT_OPTIMIZED];
}

int group_set_access(struct target *t, uint16_t tag, const char *access, const struct reason *why)
{
    size_t state = 0;
    while (state < WORD_COUNT && strcmp(words[state], access) != 0)
        state++;
    if (state == WORD_COUNT)
        return serve_refuse(why, BERTH_E_ARGUMENT,
                            "'%s' is no access: use optimized, non-optimized, standby or unavailable",
                            access);
    if (!lu_set_has_group(&t->nodes[0].set, tag))
        return serve_refuse(why, BERTH_E_ARGUMENT, "there is no portal in group %u: listen at ADDR:PORT,%u",
                            tag, tag);
    for (uint32_t i = 0; i < t->node_count; i++)
        lu_set_access(&t->nodes[i].set, tag, (enum port_state)state);
    return BERTH_OK;
}

int groups_open(struct target *t, const struct reason *why)
{
    const struct serve_config *c = t->config;
    int error = BERTH_OK;
    for (uint32_t i = 0; i < c->group_count && !error; i++)
        error = serve_blame(c, c->groups[i].access,
                            group_set_access(t, c->groups[i].tag, c->groups[i].access, why), why);
    return error;
}
