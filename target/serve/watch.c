/* SPDX-License-Identifier: MIT */
/* The referee at the links of the target, where one is wanted. */
#include <stdlib.h>
#include "host/crypto.h"
#include "referee/referee.h"
#include "serve/target.h"
#include "stream/tap.h"

/* At one link. The tap is outermost: what it shows is what is on the wire. */
struct watch {
    struct referee *referee;
    struct tap tap;
};

static uint64_t now(void *target)
{
    struct target *t = target;
    return engine_now(t->engine) - t->court_since;
}

static void on_violation(void *target, const struct referee_violation *v)
{
    const struct target *t = target;
    char line[REFEREE_LINE_MAX];
    referee_line(v, line);
    const struct serve_violation told = {.rule = v->rule->id,
                                         .section = v->rule->section,
                                         .should = v->rule->level == RULE_SHOULD,
                                         .statement = v->rule->statement,
                                         .detail = v->detail,
                                         .line = line,
                                         .pdu = wire_opcode_name(wire_opcode(v->bhs)),
                                         .header = v->bhs,
                                         .header_len = WIRE_BHS_LEN,
                                         .offset = v->offset,
                                         .time_ns = v->time_ns,
                                         .connection = v->connection,
                                         .peer = v->peer,
                                         .initiator = v->initiator,
                                         .isid = v->isid,
                                         .tsih = v->tsih,
                                         .cid = v->cid};
    t->config->violation(t->config->referee_arg, &told);
}

int watch_open(struct target *t)
{
    const struct referee_config config = {host_crypto(), now, on_violation, t};
    if (!t->config->violation)
        return BERTH_OK;
    t->court_since = engine_now(t->engine);
    t->court = court_new(&config);
    return t->court ? BERTH_OK : BERTH_E_MEMORY;
}

void watch_close(struct target *t)
{
    if (t->court)
        court_free(t->court);
    t->court = NULL;
}

/* Puts the referee in front of the filters that are there. false: no memory. */
bool watch_begin(struct target_session *ts)
{
    struct watch *w;
    if (!ts->target->court)
        return true;
    w = calloc(1, sizeof *w);
    if (!w)
        return false;
    w->referee = referee_new(ts->target->court, ts->from);
    if (!w->referee) {
        free(w);
        return false;
    }
    tap_init(&w->tap, ts->conn, ts->wire.filter, referee_received(w->referee), referee_sent(w->referee));
    link_attach_filter(&ts->wire, &w->tap.filter);
    ts->watch = w;
    return true;
}

void watch_end(struct target_session *ts)
{
    if (!ts->watch)
        return;
    link_attach_filter(&ts->wire, ts->watch->tap.filter.next);
    referee_free(ts->watch->referee);
    free(ts->watch);
    ts->watch = NULL;
}

void watch_verdict(const struct target *t)
{
    struct serve_count counts[RULE_COUNT];
    char line[REFEREE_LINE_MAX];
    if (!t->court)
        return;
    const struct referee_totals *totals = court_totals(t->court);
    struct serve_verdict verdict = {.line = line,
                                    .pdus = totals->pdus,
                                    .violations = totals->violations,
                                    .connections = totals->connections,
                                    .counts = counts};
    referee_verdict(totals, line);
    for (uint32_t i = 0; i < RULE_COUNT; i++)
        if (totals->by_rule[i] > 0)
            counts[verdict.count++] = (struct serve_count){rule_rows[i].id, totals->by_rule[i]};
    t->config->verdict(t->config->referee_arg, &verdict);
}
