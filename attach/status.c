/* SPDX-License-Identifier: MIT */
/* What an attachment is and how it stands, as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "attach/negotiated.h"
#include "attach/parts.h"
#include "attach/size.h"
#include "attach/standing.h"
#include "attach/verbs.h"

const char *status_time(uint64_t ms, char out[32])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, 32 - len, ".%03uZ", (unsigned)(ms % 1000));
    return out;
}

/* --- settings --- */

static json_t *setting_json(const struct settings *s, enum setting_id id)
{
    const char *text = settings_text(s, id);
    return json_pack("{s:s, s:o, s:s, s:b}", "key", settings_rows[id].key, "value",
                     text ? request_text(text) : json_null(), "source",
                     settings_source_word(settings_source(s, id)), "live",
                     (settings_rows[id].flags & SETTING_LIVE) != 0);
}

static void put_keys(json_t *list, const struct settings *s)
{
    uint32_t count;
    const char *const *keys = settings_keys(s, &count);
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:s, s:b}", "key", "key", "value", request_text(keys[i]), "source",
                            settings_source_word(settings_source(s, SETTING_KEY)), "live", 0));
}

json_t *settings_of(struct attachment *a)
{
    json_t *list = json_array();
    for (int id = 0; id < SETTINGS_COUNT; id++)
        if (settings_rows[id].kind == SETTING_LIST)
            put_keys(list, a->live);
        else if (!(settings_rows[id].flags & SETTING_INTERNAL))
            json_array_append_new(list, setting_json(a->live, (enum setting_id)id));
    return list;
}

/* --- users --- */

static void add_user(void *to, int64_t pid, const char *name)
{
    json_array_append_new(to, json_pack("{s:I, s:o}", "pid", (json_int_t)pid, "name", request_text(name)));
}

json_t *users_of(struct attachment *a)
{
    json_t *list = json_array();
    pthread_mutex_lock(&a->users_lock);
    if (a->list_users && list)
        a->list_users(a->users_arg, add_user, list);
    pthread_mutex_unlock(&a->users_lock);
    return list;
}

/* --- the LUN and its session --- */

static json_t *lun_json(const struct berth_lun_info *i)
{
    return json_pack("{s:o, s:o, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b}",
                     "target", request_text(i->target_name), "portal", request_text(i->portal), "group",
                     (int)i->portal_group, "lun", (json_int_t)i->lun, "size_bytes", (json_int_t)i->size_bytes,
                     "block_bytes", (json_int_t)i->block_bytes, "physical_block_bytes",
                     (json_int_t)i->physical_block_bytes, "vendor", request_text(i->vendor), "product",
                     request_text(i->product), "revision", request_text(i->revision), "serial",
                     request_text(i->serial), "identity", request_text(i->identity), "read_only",
                     i->read_only, "thin", i->thin, "write_cache", i->write_cache, "fua", i->fua);
}

static json_t *negotiated_json(const struct berth_lun_info *i)
{
    json_t *list = json_array();
    for (uint32_t k = 0; k < i->negotiated_count; k++) {
        const struct berth_negotiated *n = &i->negotiated[k];
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:o, s:s}", "key", n->key, "agreed",
                                        request_text(n->agreed), "ours", request_text(n->mine), "theirs",
                                        request_text(n->theirs), "asked_by", negotiated_asked_by(n)));
    }
    return list;
}

static json_t *session_json(const struct berth_lun_info *i)
{
    return json_pack("{s:b, s:b, s:b, s:b, s:s, s:I, s:o}", "authenticated", i->authenticated, "mutual",
                     i->mutual, "header_digest", i->header_digest, "data_digest", i->data_digest, "engine",
                     i->engine, "reconnects", (json_int_t)i->reconnects, "negotiated", negotiated_json(i));
}

/* --- how it stands --- */

static json_t *time_json(uint64_t ms)
{
    char at[32];
    return ms ? json_string(status_time(ms, at)) : json_null();
}

static json_t *error_json(const struct standing *s)
{
    if (!s->error)
        return json_null();
    return json_pack("{s:i, s:o, s:o}", "error", s->error, "text", request_text(s->error_text), "at",
                     time_json(s->error_ms));
}

static void put_standing(json_t *to, struct attachment *a)
{
    char words[STANDING_TEXT_MAX];
    struct standing s;
    standing_find(&s, a);
    standing_words(&s, STANDING_NEXT_IN, words);
    json_object_update_new(
        to, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:i, s:i, s:i, s:i}", "state", s.state, "text",
                      request_text(words), "since", time_json(s.since_ms), "last_error", error_json(&s),
                      "next_attempt", time_json(s.next_ms), "gives_up", time_json(s.gives_up_ms), "attempts",
                      (json_int_t)s.attempts, "in_flight", (int)s.in_flight, "waiting", (int)s.waiting,
                      "sessions", (int)s.sessions, "sessions_up", (int)s.sessions_up));
}

static json_t *protections_json(const struct protections *p)
{
    json_t *list = json_array();
    for (int id = 0; id < PROTECTIONS_COUNT; id++)
        json_array_append_new(list,
                              json_pack("{s:s, s:b, s:o}", "name", protections_word((enum protection_id)id),
                                        "holds", p->rows[id].holds, "why", request_text(p->rows[id].why)));
    return list;
}

static json_t *path_json(struct facts *f)
{
    pthread_mutex_lock(&f->lock);
    json_t *path = f->path ? request_text(f->path) : json_null();
    pthread_mutex_unlock(&f->lock);
    return path;
}

json_t *status_of(struct attachment *a)
{
    struct berth_lun_info info = {.target_name = ""};
    bool open = a->lun != NULL;
    json_t *to = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:I, s:s, s:o}", "schema", "berth-status/1", "name", a->name, "kind",
        a->kind, "url", request_text(settings_text(a->settings, SETTING_URL)), "path", path_json(&a->facts),
        "pid", (json_int_t)getpid(), "release", berth_version(), "started", time_json(a->facts.begun_ms));
    if (open)
        info = attachment_info(a);
    put_standing(to, a);
    json_object_set_new(to, "lun", open ? lun_json(&info) : json_null());
    json_object_set_new(to, "session", open ? session_json(&info) : json_null());
    json_object_set_new(to, "users", users_of(a));
    json_object_set_new(to, "settings", settings_of(a));
    json_object_set_new(to, "protections", protections_json(&a->protections));
    json_object_set_new(to, "counters", stat_of(a));
    return to;
}
