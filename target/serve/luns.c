/* SPDX-License-Identifier: MIT */
/* LUNs as they come, change and go: when the target begins, and later through its control socket. */
#include <stdlib.h>
#include <string.h>
#include "serve/target.h"

/* A LUN that has been taken away. Its store is closed when nobody needs it any more. */
struct retired {
    struct retired *next;
    struct lu *lu;
};

static int refuse_memory(const struct reason *why)
{
    return serve_refuse(why, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
}

static void close_lun(struct lu *lu)
{
    lu_close(lu);
    free(lu);
}

/* --- coming --- */

static int open_store(struct target *t, struct lu *lu, const struct node *n, uint32_t number,
                      const char *spec, const struct reason *why)
{
    const struct lu_reason reason = {why->text, why->size};
    bool serving = t->control; /* which is there from when all that was asked for at first is open */
    int (*open)(struct lu *, const char *, uint16_t, const char *, char *, size_t) =
        serving ? lu_open_serving : lu_open;
    if (open(lu, spec, (uint16_t)number, n->config->iqn, why->text, why->size) != 0)
        return BERTH_E_ARGUMENT;
    lu->workers = t->workers;
    if (t->config->state_dir && reservation_keep(lu, t->config->state_dir, &reason) != 0) {
        lu_close(lu);
        return BERTH_E_ARGUMENT;
    }
    return BERTH_OK;
}

static int open_lun(struct target *t, struct node *n, uint32_t number, const char *spec,
                    const struct reason *why)
{
    struct lu *lu = malloc(sizeof *lu);
    char *kept = strdup(spec);
    int error = lu && kept ? open_store(t, lu, n, number, spec, why) : refuse_memory(why);
    if (error) {
        free(lu);
        free(kept);
        return error;
    }
    lu_set_add(&n->set, lu);
    n->specs[number] = kept;
    t->lun_count++;
    return BERTH_OK;
}

int luns_add(struct target *t, struct node *n, uint32_t number, const char *spec, const struct reason *why)
{
    if (number >= COMMAND_LU_MAX)
        return serve_refuse(why, BERTH_E_ARGUMENT, "%u is no LUN: use a number from 0 to %u", number,
                            COMMAND_LU_MAX - 1);
    if (n->set.lus[number])
        return serve_refuse(why, BERTH_E_ARGUMENT,
                            "LUN %u of %s is there already: give this one another number", number,
                            n->config->iqn);
    if (t->lun_count == SERVE_LUNS_MAX)
        return serve_refuse(why, BERTH_E_LIMIT, "there are %u LUNs, and no more can be: take one away first",
                            SERVE_LUNS_MAX);
    return open_lun(t, n, number, spec, why);
}

/* --- going --- */

/* Is anything of this session's still on the LU, or an answer on its way that may show the store's memory, or
 * its file? */
static bool uses(const struct target_session *ts, const struct lu *lu)
{
    const struct session *s = ts->session;
    for (uint32_t i = 0; i < s->config.depth + SESSION_IMMEDIATE_MAX; i++) {
        const struct task *task = &s->tasks[i];
        if (!slots_taken(&s->slots, i) || task->kind != TASK_SCSI)
            continue;
        const struct job *job = task->owner;
        if (job && job->command.lu == lu)
            return true;
    }
    return false;
}

static bool used(const struct target *t, const struct lu *lu)
{
    list_each (at, &t->sessions)
        if (uses(list_entry(at, struct target_session, link), lu))
            return true;
    list_each (at, &t->ending)
        if (uses(list_entry(at, struct target_session, link), lu))
            return true;
    return !lu_idle(lu);
}

void luns_settle(struct target *t)
{
    for (struct retired **at = &t->retired, *r; (r = *at) != NULL;) {
        if (used(t, r->lu)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        close_lun(r->lu);
        free(r);
    }
}

int luns_remove(struct target *t, struct node *n, uint32_t number, const struct reason *why)
{
    struct lu *lu = number < COMMAND_LU_MAX ? n->set.lus[number] : NULL;
    struct retired *r = malloc(sizeof *r);
    if (!r)
        return refuse_memory(why);
    if (!lu) {
        free(r);
        return serve_refuse(why, BERTH_E_NO_LUN, "%s has no LUN %u: list them with luns", n->config->iqn,
                            number);
    }
    *r = (struct retired){t->retired, lu};
    t->retired = r;
    lu_set_remove(&n->set, lu);
    free(n->specs[number]);
    n->specs[number] = NULL;
    t->lun_count--;
    luns_settle(t);
    return BERTH_OK;
}

static void close_node(struct node *n)
{
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++) {
        if (n->set.lus[i])
            close_lun(n->set.lus[i]);
        free(n->specs[i]);
    }
}

void luns_close(struct target *t)
{
    struct retired *r;
    while ((r = t->retired) != NULL) {
        t->retired = r->next;
        close_lun(r->lu);
        free(r);
    }
    for (uint32_t i = 0; i < t->node_count; i++)
        close_node(&t->nodes[i]);
}

/* --- changing --- */

int luns_resize(struct node *n, uint32_t number, const char *size, const struct reason *why)
{
    const struct lu_reason reason = {why->text, why->size};
    struct lu *lu = number < COMMAND_LU_MAX ? n->set.lus[number] : NULL;
    uint64_t bytes = 0;
    if (!lu)
        return serve_refuse(why, BERTH_E_NO_LUN, "%s has no LUN %u: list them with luns", n->config->iqn,
                            number);
    if (size && lu_read_size(size, &bytes, &reason) != 0)
        return BERTH_E_ARGUMENT;
    return lu_resize(lu, &n->set, bytes, &reason) == 0 ? BERTH_OK : BERTH_E_ARGUMENT;
}
