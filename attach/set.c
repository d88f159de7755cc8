/* SPDX-License-Identifier: MIT */
/* Changing what can be changed of an open LUN: all that was asked for, or nothing. */
#include <berth/berth.h>
#include <stdio.h>
#include <string.h>
#include "attach/exit.h"
#include "attach/parts.h"
#include "attach/verbs.h"

static const struct {
    enum setting_id id;
    size_t offset;
} policy_rows[] = {
    {SETTING_CONNECT_TIMEOUT, offsetof(struct berth_policy, connect_timeout_ms)},
    {SETTING_COMMAND_TIMEOUT, offsetof(struct berth_policy, command_timeout_ms)},
    {SETTING_ABORT_TIMEOUT, offsetof(struct berth_policy, abort_timeout_ms)},
    {SETTING_RECOVERY_TIMEOUT, offsetof(struct berth_policy, recovery_timeout_ms)},
    {SETTING_PING_INTERVAL, offsetof(struct berth_policy, ping_interval_ms)},
    {SETTING_PING_TIMEOUT, offsetof(struct berth_policy, ping_timeout_ms)},
    {SETTING_DEPTH, offsetof(struct berth_policy, depth)},
};

/* Texts, numbers and null: people and programs write each as they like. */
static const char *as_text(const json_t *value, char out[64])
{
    out[0] = '\0';
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_integer(value))
        snprintf(out, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(out, 64, "%.3f", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(out, 64, "%s", json_is_true(value) ? "yes" : "no");
    else if (!json_is_null(value))
        return NULL;
    return out;
}

static int take_one(struct refusal *r, struct settings *s, const char *key, const json_t *value)
{
    char text[64], why[SETTINGS_WHY_MAX];
    int id = settings_find(key);
    const char *word = as_text(value, text);
    if (id < 0 || (settings_rows[id].flags & SETTING_INTERNAL))
        return refuse(r, "VALUE", STATUS_USAGE, "'%.64s' is no setting; 'berth attach --help' lists them",
                      key);
    if (!(settings_rows[id].flags & SETTING_LIVE))
        return refuse(r, "FIXED", STATUS_USAGE,
                      "%s stays as it is while attached; detach, then attach with the other value", key);
    if (!word)
        return refuse(r, "VALUE", STATUS_USAGE, "%s must be %s", key, settings_rows[id].expected);
    /* The default is written out: it was told to this attachment, and is not what this was begun with. */
    if (settings_take(s, key, word[0] ? word : settings_rows[id].fallback, SETTINGS_SET, why))
        return refuse(r, "VALUE", STATUS_USAGE, "%s", why);
    return 0;
}

static int put_policy(struct berth_lun *lun, const struct settings *s, const json_t *wanted)
{
    struct berth_policy policy = {.size = sizeof policy};
    int error = berth_lun_policy(lun, &policy);
    for (size_t i = 0; i < sizeof policy_rows / sizeof policy_rows[0]; i++)
        if (json_object_get(wanted, settings_rows[policy_rows[i].id].key))
            *(uint32_t *)((char *)&policy + policy_rows[i].offset) = settings_number(s, policy_rows[i].id);
    return error ? error : berth_lun_set_policy(lun, &policy);
}

/* The engine first: it is what may not be to be had. */
static int put_in_force(struct call *c, const struct settings *s, const json_t *wanted)
{
    struct berth_lun *lun = c->a->lun;
    bool changes = json_object_get(wanted, settings_rows[SETTING_ENGINE].key);
    int error = changes ? berth_lun_set_engine(lun, settings_text(s, SETTING_ENGINE)) : 0;
    if (error)
        return refuse(&c->refusal, "ENGINE", exit_find(error)->status,
                      "%s; see 'berth status' for what moves the bytes", berth_lun_detail(lun)->text);
    error = put_policy(lun, s, wanted);
    if (!error)
        return 0;
    if (changes)
        berth_lun_set_engine(lun, settings_text(c->a->live, SETTING_ENGINE));
    return refuse(&c->refusal, "VALUE", exit_find(error)->status, "%s; see 'berth get' for what is in force",
                  berth_lun_detail(lun)->text);
}

static void announce(struct attachment *a, const json_t *wanted)
{
    char text[EVENTS_TEXT_MAX];
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
    {
        const char *word = settings_text(a->live, (enum setting_id)settings_find(key));
        snprintf(text, sizeof text, "%s is %s from now on", key, word ? word : "the default");
        attachment_event(a, "set", 0, text);
    }
}

int set_all(struct call *c, const json_t *wanted)
{
    struct settings *s = c->a->lun ? settings_copy(c->a->live) : NULL;
    const char *key;
    json_t *value;
    int error = 0;
    if (!s)
        return refuse(&c->refusal, "STATE", STATUS_UNREACHABLE,
                      "the target has not been reached yet; try again later");
    json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
    {
        error = error ? error : take_one(&c->refusal, s, key, value);
    }
    error = error ? error : put_in_force(c, s, wanted);
    if (error) {
        settings_free(s);
        return error;
    }
    settings_free(c->a->live);
    c->a->live = s;
    announce(c->a, wanted);
    return 0;
}
