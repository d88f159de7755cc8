/* SPDX-License-Identifier: MIT */
#include "serve/control_verbs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int verb_help(struct control_request *r);

const struct control_verb control_verbs[] = {
    {"status", "", 1, 1, verb_status, "how it goes"},
    {"targets", "", 1, 1, verb_targets, "the targets, who may see them and where they send logins"},
    {"luns", "[IQN]", 1, 2, verb_luns, "the LUNs"},
    {"portals", "", 1, 1, verb_portals, "the portals, and the access of their groups"},
    {"sessions", "", 1, 1, verb_sessions, "who is logged in, since when, on what terms, and what they did"},
    {"add-lun", "[IQN] LUN STORE", 3, 4, verb_add_lun, "serve one LUN more; 'next' is a LUN's number too"},
    {"remove-lun", "[IQN] LUN", 2, 3, verb_remove_lun, "take a LUN away"},
    {"resize-lun", "[IQN] LUN [SIZE]", 2, 4, verb_resize_lun,
     "give a LUN another size, or measure its file again"},
    {"redirect", "[IQN] ADDR:PORT [permanent] | off", 2, 4, verb_redirect, "send logins elsewhere"},
    {"access", "GROUP STATE", 3, 3, verb_access,
     "set how well LUNs are reached through a portal group (ALUA)"},
    {"logout", "SESSION|all [SECONDS]", 2, 3, verb_logout, "ask to log out, and drop who does not"},
    {"kick", "SESSION|all", 2, 2, verb_kick, "end a session now"},
    {"async", "SESSION|all EVENT [WORD=VALUE]...", 3, 9, verb_async, "send an asynchronous message"},
    {"rules", "", 1, 1, verb_rules, "the rules of its scripts, and how often each came true"},
    {"referee", "", 1, 1, verb_referee, "what its referee has seen so far"},
    {"log", "[LINES]", 1, 2, verb_log, "the last lines of the log"},
    {"log-level", "[quiet|normal|debug]", 1, 2, verb_log_level, "how much the log tells"},
    {"stop", "", 1, 1, verb_stop, "stop the target"},
    {"help", "", 1, 1, verb_help, "list these verbs"},
};
const size_t control_verb_count = sizeof control_verbs / sizeof control_verbs[0];

static int verb_help(struct control_request *r)
{
    char text[LOG_SENTENCE_MAX];
    answer_object(r->answer, "verbs");
    for (size_t i = 0; i < control_verb_count; i++) {
        const struct control_verb *v = &control_verbs[i];
        snprintf(text, sizeof text, "%s%s%s", v->words, v->words[0] ? ": " : "", v->help);
        answer_text(r->answer, v->name, text);
    }
    answer_object_end(r->answer);
    return BERTH_OK;
}

int control_run(struct control_request *r)
{
    const char *name = r->count > 0 ? r->words[0] : "";
    size_t i = 0;
    while (i < control_verb_count && strcmp(control_verbs[i].name, name) != 0)
        i++;
    if (i == control_verb_count)
        return serve_refuse(r->why, BERTH_E_ARGUMENT, "'%s' is no verb: 'help' lists them", name);
    const struct control_verb *v = &control_verbs[i];
    if (r->count < v->least || r->count > v->most)
        return serve_refuse(r->why, BERTH_E_ARGUMENT, "write it as: %s%s%s", v->name, v->words[0] ? " " : "",
                            v->words);
    return v->run(r);
}

/* --- words --- */

static bool looks_like_name(const char *word)
{
    static const char *const types[] = {"iqn.", "eui.", "naa."};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strncmp(word, types[i], strlen(types[i])) == 0)
            return true;
    return false;
}

struct node *request_node(struct control_request *r, uint32_t *next)
{
    struct target *t = r->target;
    struct node *n = NULL;
    if (!looks_like_name(r->words[*next]) && t->node_count == 1)
        return &t->nodes[0];
    if (!looks_like_name(r->words[*next]))
        serve_refuse(r->why, BERTH_E_NO_TARGET,
                     "'%s' is no target's name, and there are %u: begin with one of them", r->words[*next],
                     t->node_count);
    else if ((n = node_find(t, r->words[*next])) == NULL)
        serve_refuse(r->why, BERTH_E_NO_TARGET, "there is no target %s: list them with targets",
                     r->words[*next]);
    ++*next;
    return n;
}

bool request_number(struct control_request *r, uint32_t word, const char *what, uint32_t min, uint32_t max,
                    uint32_t *number)
{
    const char *text = r->words[word];
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *number = (uint32_t)value;
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && value >= min && value <= max)
        return true;
    serve_refuse(r->why, BERTH_E_ARGUMENT, "'%s' is not %s: use %u to %u", text, what, min, max);
    return false;
}

static struct target_session *find_session(const struct target *t, uint32_t tsih)
{
    list_each (at, &t->sessions) {
        struct target_session *ts = list_entry(at, struct target_session, link);
        if (ts->logged_in && ts->session->tsih == tsih)
            return ts;
    }
    return NULL;
}

bool request_session(struct control_request *r, uint32_t word, struct target_session **ts)
{
    uint32_t tsih;
    *ts = NULL;
    if (strcmp(r->words[word], "all") == 0)
        return true;
    if (!request_number(r, word, "a session's number, nor 'all'", 1, UINT16_MAX, &tsih))
        return false;
    *ts = find_session(r->target, tsih);
    if (!*ts)
        serve_refuse(r->why, BERTH_E_ARGUMENT, "there is no session %u: list them with sessions", tsih);
    return *ts != NULL;
}
