/* SPDX-License-Identifier: MIT */
/* berth ls: what is attached, also what does not answer and what has died. */
#include <stdio.h>
#include "attach/size.h"
#include "cli/attachment.h"
#include "cli/attachment_text.h"
#include "cli/commands.h"
#include "cli/say.h"

#define LS_TIMEOUT_MS 1000u /* for each: a list is not to wait for one that hangs */

static const char *presence_word(enum attachment_presence presence)
{
    static const char *const words[] = {"alive", "absent", "dead", "silent", "foreign", "denied", "crowded"};
    return words[presence];
}

/* What `status` has of it, as far as it is there. */
static json_t *summary(const char *name, json_t *status)
{
    static const char *const keys[] = {"since", "text", "kind", "path", "url", "pid", "started"};
    const json_t *lun = json_object_get(status, "lun");
    json_t *to = json_pack("{s:s, s:O?}", "name", name, "state", json_object_get(status, "state"));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (json_object_get(status, keys[i]))
            json_object_set(to, keys[i], json_object_get(status, keys[i]));
    if (json_object_get(lun, "size_bytes"))
        json_object_set(to, "size_bytes", json_object_get(lun, "size_bytes"));
    json_decref(status);
    return to;
}

static json_t *look_at(const char *name, uint32_t timeout_ms)
{
    char why[PEER_WHY_MAX];
    struct peer *p;
    int status = STATUS_OK;
    enum attachment_presence presence = peer_open(&p, name, timeout_ms ? timeout_ms : LS_TIMEOUT_MS, why);
    json_t *answer = NULL;
    if (presence == ATTACHMENT_ALIVE)
        answer = peer_ask(p, json_pack("{s:s}", "verb", "status"), &status, why);
    if (presence == ATTACHMENT_ALIVE && !answer)
        presence = ATTACHMENT_SILENT;
    json_int_t pid = p ? peer_pid(p) : 0;
    peer_close(p);
    if (answer)
        return summary(name, answer);
    if (presence == ATTACHMENT_ABSENT) /* it has gone just now */
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:I}", "name", name, "state", presence_word(presence), "text", why,
                     "pid", pid);
}

static json_t *look_at_all(const struct attachment_names *n, uint32_t timeout_ms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->count; i++) {
        json_t *one = look_at(n->names[i], timeout_ms);
        if (one)
            json_array_append_new(list, one);
    }
    return list;
}

static const char *text_of(const json_t *one, const char *key)
{
    const char *text = json_string_value(json_object_get(one, key));
    return text && *text ? text : "-";
}

static void print_table(const json_t *list)
{
    size_t i;
    const json_t *one;
    if (json_array_size(list) > 0)
        printf("%-20s %-10s %-5s %10s  %-36s %s\n", "NAME", "STATE", "AS", "SIZE", "PATH", "LUN");
    json_array_foreach(list, i, one)
    {
        const json_t *size = json_object_get(one, "size_bytes");
        struct size_text human =
            size ? size_human((uint64_t)json_integer_value(size)) : (struct size_text){"-"};
        printf("%-20s %-10s %-5s %10s  %-36s %s\n", text_of(one, "name"), text_of(one, "state"),
               text_of(one, "kind"), human.s, text_of(one, "path"), text_of(one, "url"));
    }
}

static void print_names(const struct attachment_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        printf("%s\n", n->names[i]);
}

int cmd_ls(const struct options *o)
{
    struct attachment_names names;
    int status = attachment_names(&names);
    if (status == STATUS_OK && o->names) {
        print_names(&names);
    } else if (status == STATUS_OK) {
        json_t *list = look_at_all(&names, o->timeout_ms);
        if (o->json)
            attachment_print(json_pack("{s:s, s:O}", "schema", "berth-ls/1", "attachments", list));
        else
            print_table(list);
        json_decref(list);
    }
    attachment_names_free(&names);
    return status;
}
