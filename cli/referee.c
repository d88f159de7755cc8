/* SPDX-License-Identifier: MIT */
#include "cli/referee.h"
#include <stdio.h>
#include "cli/json.h"
#include "cli/say.h"

#define SCHEMA     "berth-referee/1"
#define HEX_MAX    256u
#define NS_PER_MS  1000000u
#define ISID_BYTES 6u

static void json_hex(struct json *j, const char *key, const uint8_t *bytes, uint32_t len)
{
    char text[HEX_MAX + 1] = "";
    for (uint32_t i = 0; i < len && 2 * i < HEX_MAX; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", bytes[i]);
    json_put_text(j, key, text);
}

static struct json begin(const char *event)
{
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", SCHEMA);
    json_put_text(&j, "event", event);
    return j;
}

/* Whoever reads them wants to know at once. */
static void end(struct json *j)
{
    json_put_object_end(j);
    putchar('\n');
    fflush(stdout);
}

static void violation_json(const struct serve_violation *v)
{
    struct json j = begin("violation");
    json_put_text(&j, "rule", v->rule);
    json_put_text(&j, "section", v->section);
    json_put_text(&j, "statement", v->statement);
    json_put_text(&j, "detail", v->detail);
    json_put_text(&j, "pdu", v->pdu);
    json_hex(&j, "header", v->header, v->header_len);
    json_put_u64(&j, "offset", v->offset);
    json_put_u64(&j, "time_ms", v->time_ns / NS_PER_MS);
    json_put_u64(&j, "connection", v->connection);
    json_put_text(&j, "peer", v->peer);
    json_put_text(&j, "initiator", v->initiator);
    json_hex(&j, "isid", v->isid, ISID_BYTES);
    json_put_u64(&j, "tsih", v->tsih);
    json_put_u64(&j, "cid", v->cid);
    end(&j);
}

static void on_violation(void *arg, const struct serve_violation *v)
{
    const struct referee_report *r = arg;
    if (r->json)
        violation_json(v);
    else
        say("referee: %s", v->line);
}

static void verdict_json(const struct serve_verdict *v)
{
    struct json j = begin("verdict");
    json_put_u64(&j, "pdus", v->pdus);
    json_put_u64(&j, "connections", v->connections);
    json_put_u64(&j, "violations", v->violations);
    json_put_object(&j, "rules");
    for (uint32_t i = 0; i < v->count; i++)
        json_put_u64(&j, v->counts[i].rule, v->counts[i].violations);
    json_put_object_end(&j);
    end(&j);
}

static void on_verdict(void *arg, const struct serve_verdict *v)
{
    struct referee_report *r = arg;
    r->violations = v->violations;
    if (r->json)
        verdict_json(v);
    else
        say("referee: %s", v->line);
}

void referee_report_begin(struct referee_report *r, bool json, struct serve_config *config)
{
    r->json = json;
    config->violation = on_violation;
    config->verdict = on_verdict;
    config->referee_arg = r;
}
