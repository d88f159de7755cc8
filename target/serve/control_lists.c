/* SPDX-License-Identifier: MIT */
/* What the control socket tells of the target: its targets, LUNs, portals, sessions and log. */
#include <stdio.h>
#include <string.h>
#include "referee/referee.h"
#include "serve/confine.h"
#include "serve/control_verbs.h"

/* --- targets and LUNs --- */

static uint32_t count_luns(const struct node *n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++)
        count += n->set.lus[i] != NULL;
    return count;
}

static uint32_t count_sessions(const struct target *t, const struct node *n)
{
    uint32_t count = 0;
    list_each (at, &t->sessions) {
        const struct target_session *ts = list_entry(at, struct target_session, link);
        count += ts->logged_in && ts->node == n;
    }
    return count;
}

static void tell_allowed(struct answer *a, const struct serve_config *c, const struct node *n)
{
    answer_list(a, "allow");
    for (uint32_t i = 0; i < c->allowed_count; i++)
        if (c->allowed[i].target == n->number)
            answer_text(a, NULL, c->allowed[i].name);
    answer_list_end(a);
}

static void tell_target(struct answer *a, const struct target *t, const struct node *n)
{
    const char *alias = n->config->alias;
    answer_object(a, NULL);
    answer_text(a, "target", n->config->iqn);
    answer_text(a, "alias", alias ? alias : "");
    answer_text(a, "redirect", n->redirect.address ? n->redirect.address : "");
    answer_bool(a, "permanent", n->redirect.permanent);
    answer_number(a, "luns", count_luns(n));
    answer_number(a, "sessions", count_sessions(t, n));
    tell_allowed(a, t->config, n);
    answer_object_end(a);
}

int verb_targets(struct control_request *r)
{
    answer_list(r->answer, "targets");
    for (uint32_t i = 0; i < r->target->node_count; i++)
        tell_target(r->answer, r->target, &r->target->nodes[i]);
    answer_list_end(r->answer);
    return BERTH_OK;
}

void tell_lun(struct answer *a, const struct node *n, uint32_t number)
{
    const struct lu *lu = n->set.lus[number];
    answer_row(a, NULL);
    answer_text(a, "target", n->config->iqn);
    answer_number(a, "lun", number);
    answer_number(a, "size_bytes", lu->size);
    answer_number(a, "block_bytes", lu->block);
    answer_text(a, "access", lu->read_only ? "read-only" : "read-write");
    answer_text(a, "serial", lu->serial);
    answer_text(a, "store", n->specs[number]);
    answer_row_end(a);
}

static void tell_luns(struct answer *a, const struct node *n)
{
    for (uint32_t i = 0; i < COMMAND_LU_MAX; i++)
        if (n->set.lus[i])
            tell_lun(a, n, i);
}

int verb_luns(struct control_request *r)
{
    const struct target *t = r->target;
    struct node *only = NULL;
    uint32_t next = 1;
    if (r->count > 1 && (only = request_node(r, &next)) == NULL)
        return BERTH_E_NO_TARGET;
    answer_list(r->answer, "luns");
    for (uint32_t i = 0; i < t->node_count; i++)
        if (!only || only == &t->nodes[i])
            tell_luns(r->answer, &t->nodes[i]);
    answer_list_end(r->answer);
    return BERTH_OK;
}

int verb_portals(struct control_request *r)
{
    const struct target *t = r->target;
    answer_list(r->answer, "portals");
    for (uint32_t i = 0; i < t->portal_count; i++) {
        answer_row(r->answer, NULL);
        answer_text(r->answer, "portal", t->portals[i].text);
        answer_number(r->answer, "group", t->portals[i].group);
        answer_text(r->answer, "access", group_access(t, t->portals[i].group));
        answer_row_end(r->answer);
    }
    answer_list_end(r->answer);
    return BERTH_OK;
}

/* --- sessions --- */

static void tell_keys(struct answer *a, const struct target_session *ts)
{
    static const enum wire_key keys[] = {
        KEY_INITIAL_R2T,         KEY_IMMEDIATE_DATA,    KEY_MAX_BURST_LENGTH,    KEY_FIRST_BURST_LENGTH,
        KEY_MAX_OUTSTANDING_R2T, KEY_DEFAULT_TIME2WAIT, KEY_DEFAULT_TIME2RETAIN, KEY_MAX_CONNECTIONS,
    };
    struct conn_facts facts;
    char text[64];
    conn_facts(ts->conn, &facts);
    answer_object(a, "negotiated");
    answer_text(a, "HeaderDigest", facts.header_digest ? "CRC32C" : "None");
    answer_text(a, "DataDigest", facts.data_digest ? "CRC32C" : "None");
    answer_number(a, "max_send_segment", facts.max_send_segment);
    answer_number(a, "max_recv_segment", facts.max_recv_segment);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        key_value_text(keys[i], conn_keys(ts->conn)->agreed[keys[i]], text, sizeof text);
        answer_text(a, key_rows[keys[i]].name, text);
    }
    answer_object_end(a);
}

static void tell_traffic(struct answer *a, const struct target_session *ts)
{
    const struct traffic *t = &ts->traffic;
    answer_number(a, "commands", t->commands);
    answer_number(a, "failed", t->failed);
    answer_number(a, "read_bytes", t->read_bytes);
    answer_number(a, "written_bytes", t->written_bytes);
    answer_number(a, "received_bytes", ts->wire.rx_bytes);
    answer_number(a, "sent_bytes", ts->wire.tx_bytes);
    answer_number(a, "in_flight", ts->running);
}

static void tell_names(struct answer *a, const struct target_session *ts)
{
    const struct login *login = conn_login(ts->conn);
    const uint8_t *isid = ts->session->config.isid;
    char text[16];
    snprintf(text, sizeof text, "%02x%02x%02x%02x%02x%02x", isid[0], isid[1], isid[2], isid[3], isid[4],
             isid[5]);
    answer_text(a, "initiator", login->initiator_name);
    answer_text(a, "alias", login->initiator_alias);
    answer_text(a, "isid", text);
    answer_text(a, "user", login->chap_name);
    answer_text(a, "from", ts->from);
    answer_text(a, "target", ts->node ? ts->node->config->iqn : "");
    answer_text(a, "portal", ts->portal->text);
    answer_number(a, "group", ts->portal->group);
}

static void tell_session(struct answer *a, const struct target_session *ts)
{
    answer_object(a, NULL);
    answer_number(a, "session", ts->session->tsih);
    tell_names(a, ts);
    answer_time(a, "since", ts->since_ms);
    tell_traffic(a, ts);
    tell_keys(a, ts);
    answer_object_end(a);
}

int verb_sessions(struct control_request *r)
{
    answer_list(r->answer, "sessions");
    list_each (at, &r->target->sessions) {
        const struct target_session *ts = list_entry(at, struct target_session, link);
        if (ts->logged_in)
            tell_session(r->answer, ts);
    }
    answer_list_end(r->answer);
    return BERTH_OK;
}

/* --- the target as a whole, and its log --- */

int verb_status(struct control_request *r)
{
    const struct target *t = r->target;
    answer_time(r->answer, "since", t->since_ms);
    answer_number(r->answer, "targets", t->node_count);
    answer_number(r->answer, "luns", t->lun_count);
    answer_number(r->answer, "portals", t->portal_count);
    answer_number(r->answer, "sessions", t->session_count);
    answer_number(r->answer, "logins", t->login_count);
    answer_number(r->answer, "memory_bytes", t->pool.taken);
    answer_text(r->answer, "log", log_level_name(log_level(t->log)));
    answer_bool(r->answer, "seccomp", confine_filters && !t->config->no_seccomp);
    return BERTH_OK;
}

static void tell_rule(void *answer, const struct serve_rule *rule)
{
    answer_row(answer, NULL);
    answer_text(answer, "source", rule->source);
    answer_number(answer, "matched", rule->matched);
    answer_number(answer, "fired", rule->fired);
    answer_text(answer, "rule", rule->text);
    answer_row_end(answer);
}

int verb_rules(struct control_request *r)
{
    answer_list(r->answer, "rules");
    stage_each_rule(r->target, tell_rule, r->answer);
    answer_list_end(r->answer);
    return BERTH_OK;
}

int verb_referee(struct control_request *r)
{
    if (!r->target->court)
        return serve_refuse(r->why, BERTH_E_ARGUMENT, "there is no referee: start the target with --referee");
    const struct referee_totals *totals = court_totals(r->target->court);
    answer_number(r->answer, "pdus", totals->pdus);
    answer_number(r->answer, "connections", totals->connections);
    answer_number(r->answer, "violations", totals->violations);
    answer_list(r->answer, "rules");
    for (uint32_t i = 0; i < RULE_COUNT; i++) {
        if (totals->by_rule[i] == 0)
            continue;
        answer_row(r->answer, NULL);
        answer_text(r->answer, "rule", rule_rows[i].id);
        answer_number(r->answer, "violations", totals->by_rule[i]);
        answer_text(r->answer, "section", rule_rows[i].section);
        answer_text(r->answer, "statement", rule_rows[i].statement);
        answer_row_end(r->answer);
    }
    answer_list_end(r->answer);
    return BERTH_OK;
}

static void tell_line(struct answer *a, const struct log_line *line)
{
    answer_row(a, NULL);
    answer_time(a, "at", line->at_ms);
    answer_text(a, "kind", log_kind_name((enum log_kind)line->kind));
    answer_text(a, "text", line->text);
    answer_row_end(a);
}

int verb_log(struct control_request *r)
{
    uint32_t count = log_count(r->target->log), most = count;
    if (r->count > 1 && !request_number(r, 1, "a number of lines", 1, LOG_KEPT, &most))
        return BERTH_E_ARGUMENT;
    answer_list(r->answer, "lines");
    for (uint32_t i = most < count ? count - most : 0; i < count; i++)
        tell_line(r->answer, log_line(r->target->log, i));
    answer_list_end(r->answer);
    return BERTH_OK;
}

int verb_log_level(struct control_request *r)
{
    enum serve_log_level level;
    struct log *log = r->target->log;
    if (r->count > 1 && !log_level_find(r->words[1], &level))
        return serve_refuse(r->why, BERTH_E_ARGUMENT, "the level must be quiet, normal or debug, not '%s'",
                            r->words[1]);
    if (r->count > 1)
        log_set_level(log, level);
    answer_text(r->answer, "log", log_level_name(log_level(log)));
    return BERTH_OK;
}
