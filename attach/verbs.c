/* SPDX-License-Identifier: MIT */
#include "attach/verbs.h"
#include <string.h>
#include "attach/exit.h"
#include "attach/parts.h"
#include "attach/standing.h"

/* --- what each does --- */

static int made(struct call *c, json_t *result)
{
    c->result = result;
    return result
               ? 0
               : refuse(&c->refusal, "MEMORY", STATUS_SYSTEM, "there is no memory for the answer; free some");
}

static int run_ping(struct call *c)
{
    return made(c, json_pack("{s:s, s:I}", "name", c->a->name, "pid", (json_int_t)getpid()));
}

static int run_status(struct call *c)
{
    return made(c, status_of(c->a));
}

static int run_get(struct call *c)
{
    return made(c, json_pack("{s:o}", "settings", settings_of(c->a)));
}

static int run_set(struct call *c)
{
    const json_t *wanted = json_object_get(c->request, "settings");
    if (!json_is_object(wanted) || json_object_size(wanted) == 0)
        return refuse(&c->refusal, "REQUEST", STATUS_USAGE,
                      "set needs settings; write them as \"settings\":{\"command-timeout\":\"10\"}");
    return set_all(c, wanted) ? -1 : run_get(c);
}

/* Of a target that is late, or not there, the session knows more than the question has come to. One that is
 * another LUN now is there. */
static int refuse_refresh(struct call *c, int error)
{
    char sentence[1024];
    struct standing s;
    standing_find(&s, c->a);
    bool unreachable = exit_find(error)->status == STATUS_UNREACHABLE;
    if (error == BERTH_E_TIMEOUT || standing_is_away(&s) || (standing_is_over(&s) && unreachable))
        return standing_refuse(&c->refusal, "TARGET", c->a, c->asked_ms);
    exit_sentence(sentence, sizeof sentence, error, berth_lun_detail(c->a->lun), c->a->name);
    return refuse(&c->refusal, "TARGET", exit_find(error)->status, "%s", sentence);
}

static int run_refresh(struct call *c)
{
    if (!c->a->lun)
        return standing_refuse(&c->refusal, "STATE", c->a, c->asked_ms);
    int error = berth_lun_refresh(c->a->lun);
    if (error)
        return refuse_refresh(c, error);
    struct berth_lun_info i = attachment_info(c->a);
    return made(c,
                json_pack("{s:s, s:I, s:I, s:b}", "name", c->a->name, "size_bytes", (json_int_t)i.size_bytes,
                          "block_bytes", (json_int_t)i.block_bytes, "read_only", i.read_only));
}

static int run_stat(struct call *c)
{
    const json_t *wanted = json_object_get(c->request, "format");
    const char *format = json_string_value(wanted);
    if (!wanted || (format && strcmp(format, "json") == 0))
        return made(c, stat_of(c->a));
    if (format && strcmp(format, "prometheus") == 0)
        return made(c, stat_prometheus(c->a));
    return refuse(&c->refusal, "VALUE", STATUS_USAGE, "format must be json or prometheus");
}

static int run_users(struct call *c)
{
    return made(c, json_pack("{s:o}", "users", users_of(c->a)));
}

static int run_events(struct call *c)
{
    const json_t *since = json_object_get(c->request, "since");
    uint64_t last = events_last(&c->a->events);
    if (atomic_load(&c->a->listeners) >= LISTENERS_MAX)
        return refuse(&c->refusal, "LIMIT", STATUS_UNREACHABLE,
                      "%u listen to events already; end one of them first", LISTENERS_MAX);
    if (since && (!json_is_integer(since) || json_integer_value(since) < 0))
        return refuse(&c->refusal, "VALUE", STATUS_USAGE, "since must be the number of an event, 0 or more");
    c->stream = true;
    c->seq = last;
    if (since && (uint64_t)json_integer_value(since) < last)
        c->seq = (uint64_t)json_integer_value(since);
    return made(c, json_pack("{s:I}", "seq", (json_int_t)c->seq));
}

/* "pid 12 (qemu-img), pid 14 (nbdcopy)", as far as it fits. */
static void name_users(const json_t *users, char *out, size_t size)
{
    size_t len = 0, i;
    const json_t *user;
    out[0] = '\0';
    json_array_foreach(users, i, user)
    {
        json_int_t pid = json_integer_value(json_object_get(user, "pid"));
        const char *name = json_string_value(json_object_get(user, "name"));
        if (len < size && pid)
            len += (size_t)snprintf(out + len, size - len, "%s%s (pid %lld)", i ? ", " : "", name,
                                    (long long)pid);
        else if (len < size)
            len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ", " : "", name);
    }
}

static int run_detach(struct call *c)
{
    char names[512];
    const json_t *wanted = json_object_get(c->request, "force");
    bool force = json_is_true(wanted);
    if (wanted && !json_is_boolean(wanted))
        return refuse(&c->refusal, "VALUE", STATUS_USAGE, "force must be true or false");
    json_t *users = users_of(c->a);
    size_t count = json_array_size(users);
    name_users(users, names, sizeof names);
    json_decref(users);
    if (count > 0 && !force)
        return refuse(&c->refusal, "BUSY", STATUS_FAILED,
                      "%s is in use by %s; end them first, or detach with --force", c->a->name, names);
    attachment_event(c->a, "detach", 0, count ? "asked to end although it is in use" : "asked to end");
    if (force)
        attachment_insist(c->a);
    attachment_ask_end(c->a);
    return made(c, json_pack("{s:b, s:I}", "ending", 1, "pid", (json_int_t)getpid()));
}

static int run_help(struct call *c)
{
    json_t *list = json_object();
    for (const struct verb *v = verbs; v->name; v++)
        json_object_set_new(list, v->name, json_string(v->help));
    return made(c, json_pack("{s:o}", "verbs", list));
}

const struct verb verbs[] = {
    {"ping", 0, {NULL}, run_ping, "who answers"},
    {"status", 0, {NULL}, run_status, "all that is known, in words and numbers"},
    {"get", 0, {NULL}, run_get, "the settings, and where each came from"},
    {"set", 0, {"settings"}, run_set, "changes settings: all of them, or none"},
    {"refresh",
     VERB_SLOW,
     {"timeout_ms"},
     run_refresh,
     "asks the LUN anew who and how it is, and waits for that"},
    {"stat", 0, {"format"}, run_stat, "counters, as json or as text for prometheus"},
    {"users", 0, {NULL}, run_users, "who uses it"},
    {"events",
     0,
     {"since"},
     run_events,
     "what happens, a line each, from now on or after the event with that number"},
    {"detach", 0, {"force"}, run_detach, "ends it, unless it is in use"},
    {"help", 0, {NULL}, run_help, "lists the verbs"},
    {.name = NULL},
};

/* --- finding --- */

static bool has_key(const struct verb *v, const char *key)
{
    for (size_t i = 0; i < sizeof v->keys / sizeof v->keys[0] && v->keys[i]; i++)
        if (strcmp(v->keys[i], key) == 0)
            return true;
    return strcmp(key, "verb") == 0 || strcmp(key, "version") == 0;
}

const struct verb *verbs_find(const json_t *request, struct refusal *why)
{
    const char *name = json_string_value(json_object_get(request, "verb")), *key;
    const struct verb *v = verbs;
    json_t *value;
    while (v->name && strcmp(v->name, name) != 0)
        v++;
    if (!v->name) {
        refuse(why, "VERB", STATUS_USAGE, "'%.64s' is no verb; 'help' lists them", name);
        return NULL;
    }
    json_object_foreach((json_t *)(uintptr_t)request, key, value)
    {
        if (has_key(v, key))
            continue;
        refuse(why, "KEY", STATUS_USAGE, "%s has no '%.64s'; leave it out", v->name, key);
        return NULL;
    }
    return v;
}
