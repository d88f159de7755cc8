/* SPDX-License-Identifier: MIT */
/* Portals that close for a while, and a target that ends all sessions and comes back as another. */
#include <stdlib.h>
#include "lu/workers.h"
#include "serve/stage.h"

static void close_portals(struct stage *s, uint64_t until)
{
    portals_pause(s->target);
    if (s->closed_until == UINT64_MAX || s->closed_until < until)
        s->closed_until = until;
}

void stage_refuse(void *stage, uint64_t time_ns)
{
    struct stage *s = stage;
    close_portals(s, s->play.now + time_ns);
    engine_wake(s->target->engine);
}

/* It is called amid the doings of a session: the end of all has to wait for the turn's. */
void stage_restart(void *stage, const struct action *how, uint64_t time_ns)
{
    struct stage *s = stage;
    if (s->restart)
        return;
    s->restart = how;
    s->restart_ns = time_ns;
    s->away = false;
    engine_wake(s->target->engine);
}

/* Due at once, or when the portals open. */
uint64_t stage_back_at(const struct stage *s)
{
    return s->restart && !s->away ? 0 : s->closed_until;
}

/* --- away --- */

static void end_sessions(struct target *t)
{
    while (!list_empty(&t->sessions))
        target_session_drop(list_entry(t->sessions.next, struct target_session, link), false);
    while (workers_busy(t->workers) > 0)
        workers_wait(t->workers);
}

static void go_away(struct stage *s, uint64_t now)
{
    s->away = true;
    close_portals(s, now + s->restart_ns);
    end_sessions(s->target);
}

/* --- coming back --- */

static void hide(struct stage *s, struct node *n, struct lu *lu)
{
    struct hidden_lu *h = calloc(1, sizeof *h);
    if (!h)
        return;
    *h = (struct hidden_lu){s->hidden, n, lu};
    s->hidden = h;
    lu_set_remove(&n->set, lu);
}

static uint64_t *size_of(struct stage *s, const struct node *n, const struct lu *lu)
{
    const struct serve_config *c = s->target->config;
    for (uint32_t i = 0; i < c->lun_count; i++)
        if (c->luns[i].target == n->number && c->luns[i].number == lu->number)
            return &s->sizes[i];
    return NULL;
}

/* Only ever smaller than what is behind it: nobody is at work on it. */
static void shrink(struct stage *s, const struct node *n, struct lu *lu, uint64_t size)
{
    uint64_t *original = size_of(s, n, lu);
    size -= size % lu->block;
    if (!original || size == 0 || size >= lu->size)
        return;
    *original = lu->size;
    lu->size = size;
}

static void restore_size(struct stage *s, const struct node *n, struct lu *lu)
{
    uint64_t *original = size_of(s, n, lu);
    if (!original || *original == 0)
        return;
    lu->size = *original;
    *original = 0;
}

void stage_put_back(struct stage *s)
{
    const struct target *t = s->target;
    while (s->hidden) {
        struct hidden_lu *h = s->hidden;
        s->hidden = h->next;
        if (!lu_set_add(&h->node->set, h->lu)) { /* another has its number by now */
            lu_close(h->lu);
            free(h->lu);
        }
        free(h);
    }
    for (uint32_t i = 0; s->sizes && i < t->node_count; i++)
        for (uint32_t lun = 0; lun < COMMAND_LU_MAX; lun++)
            if (t->nodes[i].set.lus[lun])
                restore_size(s, &t->nodes[i], t->nodes[i].set.lus[lun]);
}

static void change_luns(struct stage *s, const struct action *how)
{
    const struct target *t = s->target;
    for (uint32_t i = 0; i < how->lun_count; i++)
        for (uint32_t node = 0; node < t->node_count; node++) {
            struct node *n = &t->nodes[node];
            uint64_t number = how->luns[i].number;
            struct lu *lu = number < COMMAND_LU_MAX ? n->set.lus[number] : NULL;
            if (lu && how->luns[i].size_bytes == 0)
                hide(s, n, lu);
            else if (lu)
                shrink(s, n, lu, how->luns[i].size_bytes);
        }
}

/* As it was configured, but for what this restart wants; a key that cannot be set stays as it was. */
static void become(struct stage *s, const struct action *how)
{
    struct target *t = s->target;
    char text[256];
    const struct reason why = {text, sizeof text};
    if (!s->sizes)
        s->sizes = calloc(t->config->lun_count, sizeof *s->sizes);
    stage_put_back(s);
    if (s->sizes)
        change_luns(s, how);
    if (target_keys_besides(&t->wishes, t->config, how->texts, how->text_count, &why) != BERTH_OK)
        log_say(t->log, s->play.now, LOG_FAULT, "%s", text);
    portals_renew(t);
}

static void open_portals(struct stage *s, uint64_t now)
{
    s->closed_until = UINT64_MAX;
    if (portals_resume(s->target))
        return;
    log_say(s->target->log, now, LOG_FAULT, "cannot listen again; trying on");
    s->closed_until = now + STAGE_RETRY_NS;
}

void stage_come_back(struct stage *s, uint64_t now)
{
    if (s->restart && !s->away)
        go_away(s, now);
    if (now < s->closed_until)
        return;
    if (s->restart)
        become(s, s->restart);
    s->restart = NULL;
    open_portals(s, now);
}
