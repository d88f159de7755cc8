/* SPDX-License-Identifier: MIT */
/* Reading the script, keeping its time, telling how it went. */
#include "serve/stage.h"
#include <stdlib.h>
#include "host/crypto.h"

/* --- reading --- */

static int read_all(struct stage *s, const struct serve_config *c, const struct reason *why)
{
    int error = BERTH_OK;
    for (uint32_t i = 0; i < c->script_count && !error; i++)
        error =
            serve_blame(c, c->scripts[i], script_load(&s->script, c->scripts[i], why->text, why->size), why);
    for (uint32_t i = 0; i < c->fault_count && !error; i++)
        error = serve_blame(c, c->faults[i],
                            script_add_fault(&s->script, i + 1, c->faults[i], why->text, why->size), why);
    return error;
}

/* --- life --- */

static const char *portal_text(void *owner, uint32_t number)
{
    const struct stage *s = owner;
    const struct target *t = s->target;
    return number >= 1 && number <= t->portal_count ? t->portals[number - 1].text : NULL;
}

int stage_open(struct target *t, const struct reason *why)
{
    const struct serve_config *c = t->config;
    if (c->script_count == 0 && c->fault_count == 0)
        return BERTH_OK;
    struct stage *s = calloc(1, sizeof *s);
    if (!s)
        return serve_refuse(why, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
    const struct play_hooks hooks = {.refuse = stage_refuse,
                                     .restart = stage_restart,
                                     .portal = portal_text,
                                     .owner = s,
                                     .tells_logins = true};
    t->stage = s;
    s->target = t;
    s->closed_until = UINT64_MAX;
    script_init(&s->script);
    int error = read_all(s, c, why);
    play_init(&s->play, &s->script, host_crypto(), &hooks);
    return error;
}

void stage_each_rule(const struct target *t, void (*tell)(void *arg, const struct serve_rule *rule),
                     void *arg)
{
    const struct stage *s = t->stage;
    for (uint32_t i = 0; s && i < s->script.count; i++) {
        const struct rule *r = s->script.rules[i];
        const struct serve_rule told = {r->source, r->text, r->matched, r->fired};
        tell(arg, &told);
    }
}

void stage_report(const struct target *t)
{
    if (t->config->rule)
        stage_each_rule(t, t->config->rule, t->config->rule_arg);
}

/* The sessions are over, the LUNs are still there. */
void stage_close(struct target *t)
{
    struct stage *s = t->stage;
    if (!s)
        return;
    stage_put_back(s);
    script_free(&s->script);
    free(s->sizes);
    free(s);
    t->stage = NULL;
}

/* --- time --- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t stage_deadline(const struct target *t)
{
    const struct stage *s = t->stage;
    if (!s)
        return UINT64_MAX;
    return s->again ? 0 : earlier(play_deadline(&s->play), stage_back_at(s));
}

/* A session that this turn has not seen yet; NULL: it has seen all. One may end another. */
static struct target_session *unseen(const struct stage *s)
{
    list_each (at, &s->target->sessions) {
        struct target_session *ts = list_entry(at, struct target_session, link);
        if (ts->bend && ts->bend->turn != s->turn)
            return ts;
    }
    return NULL;
}

void stage_turn(struct target *t, uint64_t now)
{
    struct stage *s = t->stage;
    struct target_session *ts;
    if (!s)
        return;
    s->again = false;
    play_tick(&s->play, now);
    s->turn++;
    while ((ts = unseen(s)) != NULL) {
        ts->bend->turn = s->turn;
        bend_turn(ts, now);
    }
    stage_come_back(s, now);
}

static struct target_session *stranded(const struct stage *s)
{
    list_each (at, &s->target->sessions) {
        struct target_session *ts = list_entry(at, struct target_session, link);
        if (ts->bend && ts->bend->bender->stranded && ts->bend->login != s->login)
            return ts;
    }
    return NULL;
}

/* What is stranded until this login goes on now, as the last thing that its session does. */
void stage_login(struct target_session *ts)
{
    struct stage *s = ts->target->stage;
    struct target_session *other;
    if (!s || !ts->bend)
        return;
    play_login(&s->play, ts->bend->bender, conn_login(ts->conn)->initiator_name);
    s->login++;
    while ((other = stranded(s)) != NULL) {
        other->bend->login = s->login;
        bend_turn(other, s->play.now);
    }
}
