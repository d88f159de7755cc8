/* SPDX-License-Identifier: MIT */
/* Connections, the sessions they belong to, and the count. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "referee/court.h"

struct referee_court *court_new(const struct referee_config *config)
{
    struct referee_court *court = calloc(1, sizeof *court);
    if (!court)
        return NULL;
    court->config = *config;
    list_init(&court->connections);
    list_init(&court->sessions);
    return court;
}

void court_free(struct referee_court *court)
{
    free(court);
}

const struct referee_totals *court_totals(const struct referee_court *court)
{
    return &court->totals;
}

uint64_t court_now(const struct referee *r)
{
    const struct referee_config *c = &r->court->config;
    return c->now(c->arg);
}

/* --- violations --- */

static void show(struct referee *r, enum rule_id rule, const char *detail)
{
    const struct referee_config *c = &r->court->config;
    const struct session_seen *s = r->session;
    struct referee_violation v = {.rule = &rule_rows[rule],
                                  .detail = detail,
                                  .bhs = r->bhs,
                                  .offset = r->offset,
                                  .time_ns = court_now(r),
                                  .connection = r->number,
                                  .peer = r->peer,
                                  .initiator = s->initiator,
                                  .tsih = s->tsih,
                                  .cid = r->login.first.cid};
    memcpy(v.isid, s->isid, sizeof v.isid);
    r->shown[rule]++;
    r->court->totals.shown++;
    c->violation(c->arg, &v);
}

void foul(struct referee *r, enum rule_id rule, const char *format, ...)
{
    struct referee_totals *t = &r->court->totals;
    char detail[REFEREE_DETAIL_MAX];
    va_list args;
    t->violations++;
    t->by_rule[rule]++;
    if (r->shown[rule] >= REFEREE_SHOWN_PER_RULE || t->shown >= REFEREE_SHOWN_MAX)
        return;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    show(r, rule, detail);
}

/* --- sessions --- */

static struct session_seen *session_new(struct referee_court *court)
{
    struct session_seen *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->group = -1;
    s->connections = 1;
    list_init(&s->spare);
    for (uint32_t i = 0; i < REFEREE_BUCKETS; i++)
        list_init(&s->buckets[i]);
    list_push(&court->sessions, &s->link);
    return s;
}

static void session_leave(struct session_seen *s)
{
    if (--s->connections > 0)
        return;
    list_remove(&s->link);
    tasks_free(s);
    free(s);
}

/* The live session with this TSIH, or NULL. */
struct session_seen *court_session(struct referee_court *court, uint16_t tsih)
{
    list_each (at, &court->sessions) {
        struct session_seen *s = list_entry(at, struct session_seen, link);
        if (s->tsih == tsih)
            return tsih ? s : NULL;
    }
    return NULL;
}

bool court_gave_tsih(const struct referee_court *court, uint16_t tsih)
{
    return court->tsih_given[tsih / 64] >> tsih % 64 & 1;
}

/* The login is over: the connection begins a session, or joins the one that it asked for. */
void court_join(struct referee *r, uint16_t tsih)
{
    struct session_seen *old = r->bargain.leading ? NULL : court_session(r->court, tsih);
    r->court->tsih_given[tsih / 64] |= 1ull << tsih % 64;
    if (!old) {
        r->session->tsih = tsih;
        memcpy(r->session->agreed, r->bargain.agreed, sizeof r->session->agreed);
        return;
    }
    session_leave(r->session);
    r->session = old;
    old->connections++;
    old->wide = true;
}

static bool same_port(const struct session_seen *a, const struct session_seen *b)
{
    return memcmp(a->isid, b->isid, sizeof a->isid) == 0 && a->group == b->group &&
           strcmp(a->initiator, b->initiator) == 0 && strcmp(a->target, b->target) == 0;
}

/* A login for a port that has a session already reinstates it (6.3.5), which is right if the initiator has
 * given the old one up. Whether it has shows later: an acknowledgement, on the old connection, of something
 * that is sent from now on proves that it was still in use. */
void court_find_rival(struct referee *r)
{
    if (r->session->discovery || !r->bargain.leading)
        return;
    list_each (at, &r->court->connections) {
        struct referee *old = list_entry(at, struct referee, link);
        if (old == r || old->phase != SEEN_FULL || old->leaving || old->session->discovery ||
            !same_port(old->session, r->session))
            continue;
        old->rival = true;
        old->rival_stat_sn = old->next_stat_sn;
    }
}

/* --- connections --- */

struct referee *referee_new(struct referee_court *court, const char *peer)
{
    struct referee *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->session = session_new(court);
    if (!r->session) {
        free(r);
        return NULL;
    }
    r->court = court;
    r->number = ++court->totals.connections;
    snprintf(r->peer, sizeof r->peer, "%s", peer);
    scan_init(&r->received, court->config.crypto, hear, r);
    scan_init(&r->sent, court->config.crypto, heed, r);
    bargain_init(&r->bargain);
    list_init(&r->unsolicited);
    list_init(&r->ended);
    list_push(&court->connections, &r->link);
    return r;
}

void referee_free(struct referee *r)
{
    scan_end(&r->received);
    tasks_orphan(r);
    list_remove(&r->link);
    session_leave(r->session);
    text_done(&r->mine);
    text_done(&r->theirs);
    free(r);
}

struct scan *referee_received(struct referee *r)
{
    return &r->received;
}

struct scan *referee_sent(struct referee *r)
{
    return &r->sent;
}
