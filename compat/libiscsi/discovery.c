/* SPDX-License-Identifier: MIT */
/* What targets there are. The library asks as soon as it has logged in, so that the answer is there already.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "parts.h"

static bool same_target(const struct iscsi_discovery_address *a, const struct berth_target *t)
{
    return strcmp(a->target_name, t->name) == 0;
}

static char *portal_text(const struct berth_target *t)
{
    char text[sizeof t->portal + 16];
    if (t->group >= 0)
        snprintf(text, sizeof text, "%s,%d", t->portal, (int)t->group);
    else
        snprintf(text, sizeof text, "%s", t->portal);
    return strdup(text);
}

static bool add_portal(struct iscsi_discovery_address *a, const struct berth_target *t)
{
    struct iscsi_target_portal **at = &a->portals;
    struct iscsi_target_portal *p = calloc(1, sizeof *p);
    while (*at)
        at = &(*at)->next;
    if (p)
        *at = p;
    if (p)
        p->portal = portal_text(t);
    return p && p->portal;
}

static bool add(struct iscsi_discovery_address **list, const struct berth_target *t)
{
    struct iscsi_discovery_address **at = list;
    while (*at && !same_target(*at, t))
        at = &(*at)->next;
    if (!*at) {
        *at = calloc(1, sizeof **at);
        if (*at)
            (*at)->target_name = strdup(t->name);
    }
    return *at && (*at)->target_name && add_portal(*at, t);
}

API void iscsi_free_discovery_data(struct iscsi_context *iscsi, struct iscsi_discovery_address *da)
{
    (void)iscsi;
    while (da) {
        struct iscsi_discovery_address *next = da->next;
        while (da->portals) {
            struct iscsi_target_portal *p = da->portals;
            da->portals = p->next;
            free((char *)(uintptr_t)p->portal);
            free(p);
        }
        free((char *)(uintptr_t)da->target_name);
        free(da);
        da = next;
    }
}

static int list_targets(struct iscsi_context *iscsi, struct iscsi_discovery_address **list)
{
    *list = NULL;
    for (int i = 0; i < iscsi->target_count; i++)
        if (!add(list, &iscsi->targets[i])) {
            iscsi_free_discovery_data(iscsi, *list);
            *list = NULL;
            return say(iscsi, "out of memory");
        }
    return 0;
}

static int may_discover(struct iscsi_context *iscsi)
{
    if (iscsi->phase == PHASE_UP && iscsi->set.type == ISCSI_SESSION_DISCOVERY && iscsi->target_count >= 0)
        return 0;
    return say(iscsi, "Trying to do discovery, but no discovery session is logged in.");
}

API int iscsi_discovery_async(struct iscsi_context *iscsi, iscsi_command_cb cb, void *private_data)
{
    struct iscsi_discovery_address *found;
    if (may_discover(iscsi) != 0 || list_targets(iscsi, &found) != 0)
        return -1;
    struct op *op = op_new(iscsi, cb, private_data);
    if (!op) {
        iscsi_free_discovery_data(iscsi, found);
        return -1;
    }
    op->found = found;
    op_ready(op, SCSI_STATUS_GOOD);
    io_ring(iscsi);
    return 0;
}

API struct iscsi_discovery_address *iscsi_discovery_sync(struct iscsi_context *iscsi)
{
    struct iscsi_discovery_address *found = NULL;
    if (may_discover(iscsi) == 0 && list_targets(iscsi, &found) == 0 && !found)
        say(iscsi, "the portal has no targets for this initiator");
    return found;
}
