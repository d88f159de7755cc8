/* SPDX-License-Identifier: MIT */
/* Target nodes: names, the LUNs behind them, and who may see them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serve/target.h"

/* --- opening --- */

static int check_name(const struct serve_config *c, uint32_t number, const struct reason *why)
{
    const char *iqn = c->targets[number].iqn;
    if (!name_valid((struct span){iqn, strlen(iqn)}))
        return serve_refuse(why, BERTH_E_NAME,
                            "'%s' is not an iSCSI name; take iqn.YYYY-MM.domain:name in lower case", iqn);
    for (uint32_t i = 0; i < number; i++)
        if (strcmp(c->targets[i].iqn, iqn) == 0)
            return serve_refuse(why, BERTH_E_NAME, "%s is there twice: give each target a name of its own",
                                iqn);
    return BERTH_OK;
}

static int check_redirect(const char *address, const struct reason *why)
{
    struct portal p;
    if (!address || portal_parse((struct span){address, strlen(address)}, &p))
        return BERTH_OK;
    return serve_refuse(why, BERTH_E_ADDRESS,
                        "'%s' is no address to send logins to; take ADDR:PORT or [V6ADDR]:PORT", address);
}

static int check_allowed(const struct serve_config *c, const struct reason *why)
{
    int error = BERTH_OK;
    for (uint32_t i = 0; i < c->allowed_count && !error; i++) {
        const char *name = c->allowed[i].name, *star = strchr(name, '*');
        if (star && star[1])
            error = serve_refuse(why, BERTH_E_ARGUMENT,
                                 "'%s' would let nobody in: a '*' may only stand at the end of a name", name);
        error = serve_blame(c, name, error, why);
    }
    return error;
}

static int check_targets(const struct serve_config *c, const struct reason *why)
{
    int error = BERTH_OK;
    for (uint32_t i = 0; i < c->target_count && !error; i++) {
        const char *redirect = c->targets[i].redirect.address;
        error = serve_blame(c, c->targets[i].iqn, check_name(c, i, why), why);
        if (!error)
            error = serve_blame(c, redirect, check_redirect(redirect, why), why);
    }
    return error;
}

int nodes_open(struct target *t, const struct reason *why)
{
    const struct serve_config *c = t->config;
    int error = check_targets(c, why);
    if (!error)
        error = check_allowed(c, why);
    if (error)
        return error;
    t->nodes = calloc(c->target_count, sizeof *t->nodes);
    if (!t->nodes)
        return serve_refuse(why, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
    t->node_count = c->target_count;
    for (uint32_t i = 0; i < c->target_count; i++) {
        t->nodes[i].config = &c->targets[i];
        t->nodes[i].number = (uint16_t)i;
        t->nodes[i].set.target_name = c->targets[i].iqn;
        t->nodes[i].redirect = c->targets[i].redirect;
    }
    for (uint32_t i = 0; i < c->lun_count && !error; i++) {
        const struct serve_lun *l = &c->luns[i];
        error = serve_blame(c, l->spec, luns_add(t, &t->nodes[l->target], l->number, l->spec, why), why);
    }
    return error;
}

void nodes_add_group(struct target *t, uint16_t tag)
{
    _Static_assert(SERVE_PORTALS_MAX <= COMMAND_GROUPS_MAX, "there is room for a group each");
    for (uint32_t i = 0; i < t->node_count; i++)
        lu_set_add_group(&t->nodes[i].set, tag);
}

void nodes_close(struct target *t)
{
    luns_close(t);
    free(t->nodes);
}

int node_redirect(struct node *n, const char *address, bool permanent, const struct reason *why)
{
    int error = check_redirect(address, why);
    if (error)
        return error;
    snprintf(n->redirect_text, sizeof n->redirect_text, "%s", address ? address : "");
    n->redirect = (struct serve_redirect){address ? n->redirect_text : NULL, permanent};
    return BERTH_OK;
}

/* --- finding --- */

struct node *node_find(struct target *t, const char *iqn)
{
    for (uint32_t i = 0; i < t->node_count; i++)
        if (strcmp(t->nodes[i].config->iqn, iqn) == 0)
            return &t->nodes[i];
    return NULL;
}

static bool matches(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);
    if (len > 0 && pattern[len - 1] == '*')
        return strncmp(pattern, name, len - 1) == 0;
    return strcmp(pattern, name) == 0;
}

bool node_allows(const struct target *t, const struct node *n, const char *initiator)
{
    const struct serve_config *c = t->config;
    bool listed = false;
    for (uint32_t i = 0; i < c->allowed_count; i++) {
        if (c->allowed[i].target != n->number)
            continue;
        listed = true;
        if (matches(c->allowed[i].name, initiator))
            return true;
    }
    return !listed;
}
