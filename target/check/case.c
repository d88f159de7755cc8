/* SPDX-License-Identifier: MIT */
#include "check/case.h"
#include <string.h>
#include "check/scripts.h"

static const struct case_group *const groups[] = {
    &cases_plain,   &cases_login,   &cases_negotiation, &cases_numbers,   &cases_data,
    &cases_digests, &cases_session, &cases_recovery,    &cases_discovery, &cases_chap,
};

static const char *const topics[TOPIC_COUNT] = {
    [TOPIC_NAMES] = "names",
    [TOPIC_LOGIN] = "login",
    [TOPIC_NEGOTIATION] = "negotiation",
    [TOPIC_COMMAND_NUMBERS] = "command-numbers",
    [TOPIC_STATUS_NUMBERS] = "status-numbers",
    [TOPIC_DATA] = "data",
    [TOPIC_DIGESTS] = "digests",
    [TOPIC_PINGS] = "pings",
    [TOPIC_MANAGEMENT] = "management",
    [TOPIC_ASYNC] = "async",
    [TOPIC_REJECT] = "reject",
    [TOPIC_RECOVERY] = "recovery",
    [TOPIC_LOGOUT] = "logout",
    [TOPIC_DISCOVERY] = "discovery",
    [TOPIC_CHAP] = "chap",
};

const struct check_case *case_at(size_t index)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (index < groups[i]->count)
            return &groups[i]->cases[index];
        index -= groups[i]->count;
    }
    return NULL;
}

const char *topic_name(enum check_topic topic)
{
    return topics[topic];
}

const char *case_script(const char *name)
{
    for (const struct embedded_script *s = embedded_scripts; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s->rules;
    return NULL;
}
