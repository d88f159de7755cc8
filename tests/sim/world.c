/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world *current;

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- the near engine: sim, with a turn for everybody else --- */

static int (*sim_poll)(struct engine *e, uint64_t until_ns);
static struct engine_ops near_ops;

static uint64_t far_turn(struct world *w)
{
    uint64_t due = UINT64_MAX;
    engine_poll(w->far, 0);
    for (uint32_t i = 0; i < w->target_count; i++)
        due = earlier(due, mini_work(w->targets[i]));
    return due;
}

static void stuck(const struct world *w, uint64_t until_ns)
{
    fprintf(stderr, "stuck after %u turns at %llu ms, waiting until %llu ms\n", w->turns,
            (unsigned long long)world_ms(w), (unsigned long long)(until_ns / 1000000));
    abort();
}

static int near_poll(struct engine *e, uint64_t until_ns)
{
    struct world *w = current;
    uint64_t due = UINT64_MAX;
    if (++w->turns > WORLD_TURNS)
        stuck(w, until_ns);
    if (w->each_turn)
        w->each_turn(w->arg);
    if (w->poll_error)
        return w->poll_error;
    if (!w->silent)
        due = far_turn(w);
    if (w->beside)
        engine_poll(w->beside, 0);
    if (w->wake_at > sim_world_now(w->sim))
        due = earlier(due, w->wake_at);
    return sim_poll(e, earlier(until_ns, due));
}

/* --- names --- */

/* A question has been put when it is asked first, and is open until it has been answered. */
static bool is_slow(void)
{
    uint64_t now = world_ms(current);
    if (current->slow_ms == 0)
        return false;
    if (current->asked_ms == 0)
        current->asked_ms = now;
    if (now - current->asked_ms < current->slow_ms)
        return true;
    current->asked_ms = 0;
    return false;
}

static int resolve(const struct portal *p, struct resolved *out, const char **why)
{
    int many = 1;
    if (is_slow())
        return RESOLVE_LATER;
    current->resolves++;
    if (strcmp(p->host, "nowhere") == 0 || current->unresolved > 0) {
        current->unresolved -= current->unresolved > 0;
        *why = "no such host here";
        return BERTH_E_RESOLVE;
    }
    sscanf(p->host, "many-%d", &many);
    out->count = (uint32_t)many;
    for (uint32_t i = 0; i < out->count; i++) {
        struct engine_addr a = sim_addr((uint16_t)(p->port + i + current->moved));
        memcpy(&out->sa[i], &a.sa, sizeof a.sa);
        out->len[i] = a.len;
    }
    return BERTH_OK;
}

/* --- the world --- */

struct world *world_new(uint64_t seed, const struct sim_faults *faults)
{
    struct world *w = calloc(1, sizeof *w);
    current = w;
    w->sim = sim_world_new(seed, faults);
    w->near = sim_engine_new(w->sim);
    w->far = sim_engine_new(w->sim);
    sim_poll = w->far->ops->poll;
    near_ops = *w->far->ops;
    near_ops.poll = near_poll;
    w->near->ops = &near_ops;
    w->reach = (struct lun_world){w->near, resolve, seed + 1};
    return w;
}

void world_free(struct world *w)
{
    for (uint32_t i = 0; i < w->target_count; i++)
        mini_free(w->targets[i]);
    engine_free(w->near);
    engine_free(w->far);
    if (w->beside)
        engine_free(w->beside);
    if (w->dead)
        engine_free(w->dead);
    sim_world_free(w->sim);
    free(w);
    current = NULL;
}

static uint32_t any(void *arg)
{
    (void)arg;
    return sim_world_random(current->sim);
}

struct mini_target *world_target(struct world *w, const struct mini_config *config)
{
    struct mini_target *t = mini_new(w->far, config);
    mini_config(t)->random = any;
    if (!config->port)
        mini_config(t)->port = WORLD_PORT;
    w->targets[w->target_count++] = t;
    mini_start(t);
    return t;
}

bool world_swap(struct world *w, struct link *l)
{
    if (!w->beside)
        w->beside = sim_engine_new(w->sim);
    return link_move(l, l->engine == w->near ? w->beside : w->near) == BERTH_OK;
}

void world_cut_off(struct world *w, bool on)
{
    sim_engine_cut_off(w->near, on);
    if (w->beside)
        sim_engine_cut_off(w->beside, on);
}

void world_reset(struct world *w)
{
    sim_engine_reset(w->near);
    if (w->beside)
        sim_engine_reset(w->beside);
}

static struct link *nobody(void *owner, const struct engine_addr *from)
{
    (void)owner;
    (void)from;
    return NULL;
}

void world_dead(struct world *w, uint16_t port)
{
    struct engine_addr where = sim_addr(port);
    struct listener *listener;
    if (!w->dead)
        w->dead = sim_engine_new(w->sim); /* which nobody polls */
    w->dead->ops->listen(w->dead, &where, nobody, NULL, &listener);
}

void world_settle(struct world *w)
{
    for (int i = 0; i < 100; i++)
        far_turn(w);
}

uint64_t world_ms(const struct world *w)
{
    return sim_world_now(w->sim) / 1000000;
}

uint32_t world_random(struct world *w, uint32_t below)
{
    return below ? sim_world_random(w->sim) % below : 0;
}
