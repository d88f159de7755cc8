/* SPDX-License-Identifier: MIT */
/* Who has the name: we, from now on; or an attachment that is what was asked for, or is something else. */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>
#include "attach/store.h"
#include "cli/attach.h"
#include "cli/attachment.h"
#include "cli/clock.h"
#include "cli/say.h"
#include "cli/signals.h"

#define PATIENCE_MS 30000u /* with one that is beginning, or does not answer */
#define ANSWER_MS   5000u
#define PAUSE_US    20000u

/* --- comparing --- */

static enum settings_source source_of(const char *word)
{
    enum settings_source source = SETTINGS_DEFAULT;
    while (source < SETTINGS_SET && word && strcmp(settings_source_word(source), word) != 0)
        source++;
    return source;
}

/* What the other one says of its settings; NULL: no memory, or it says nothing that makes sense. */
static struct settings *settings_from(const json_t *list)
{
    char why[SETTINGS_WHY_MAX];
    struct settings *s = json_is_array(list) ? settings_new() : NULL;
    size_t i;
    const json_t *row;
    json_array_foreach(list, i, row)
    {
        const char *key = json_string_value(json_object_get(row, "key"));
        const char *value = json_string_value(json_object_get(row, "value"));
        const char *source = json_string_value(json_object_get(row, "source"));
        if (s && key && value)
            settings_take(s, key, value, source_of(source), why);
    }
    return s;
}

static const char *shown(const struct settings *s, enum setting_id id)
{
    const char *text = settings_text(s, id);
    return text ? text : "none";
}

static int compare(const struct attach *a, const json_t *list, const char *path, int64_t pid)
{
    struct settings *theirs = settings_from(list);
    if (!theirs)
        return fail(STATUS_PROTOCOL, "what holds %s gives answers that make no sense; detach it first",
                    a->name);
    enum setting_id id = settings_differ(a->s, theirs);
    int status = STATUS_OK;
    if (id == SETTING_KEY)
        status =
            fail(STATUS_FAILED,
                 "%s is attached already, with other keys; detach it first, or give another --name", a->name);
    else if (id < SETTINGS_COUNT)
        status =
            fail(STATUS_FAILED,
                 "%s is attached already, with %s %s instead of %s; detach it first, or give another --name",
                 a->name, settings_rows[id].key, shown(theirs, id), shown(a->s, id));
    else if (a->o->foreground)
        status = fail(STATUS_FAILED,
                      "%s is attached already, by process %lld; detach it first, or leave out --foreground",
                      a->name, (long long)pid);
    else
        attach_print(a, path, pid);
    settings_free(theirs);
    return status;
}

/* -1: it cannot be used yet, or not any more. */
static int look(const struct attach *a)
{
    char why[PEER_WHY_MAX];
    struct peer *p = NULL;
    int status = -1, unused;
    json_t *state = peer_open(&p, a->name, ANSWER_MS, why) == ATTACHMENT_ALIVE
                        ? peer_ask(p, json_pack("{s:s}", "verb", "status"), &unused, why)
                        : NULL;
    const char *path = json_string_value(json_object_get(state, "path"));
    const char *word = json_string_value(json_object_get(state, "state"));
    if (path && word && strcmp(word, "ending") != 0)
        status = compare(a, json_object_get(state, "settings"), path,
                         json_integer_value(json_object_get(state, "pid")));
    json_decref(state);
    peer_close(p);
    return status;
}

/* --- the name --- */

static int silent(const struct attach *a, int64_t holder)
{
    if (holder > 0)
        return fail(STATUS_UNREACHABLE,
                    "%s is held by process %lld, which has not been ready for 30 s; see 'berth status %s'",
                    a->name, (long long)holder, a->name);
    return fail(STATUS_UNREACHABLE,
                "%s is held by a process that has not been ready for 30 s; see 'berth status %s'", a->name,
                a->name);
}

int attach_take_name(struct attach *a)
{
    char folder[RUNTIME_PATH_MAX], why[STORE_WHY_MAX];
    uint64_t deadline = clock_ns() + PATIENCE_MS * 1000000ull;
    int64_t holder;
    int status = -1;
    if (!runtime_folder(true, folder, why, sizeof why))
        return fail(STATUS_SYSTEM, "%s", why);
    while ((a->lock_fd = runtime_lock(a->name, &holder)) < 0) {
        if (errno != EBUSY)
            return fail_errno("lock the name", a->name);
        status = look(a);
        if (status >= 0)
            return status;
        if (clock_ns() > deadline)
            return silent(a, holder);
        usleep(PAUSE_US);
    }
    return STATUS_OK;
}
