/* SPDX-License-Identifier: MIT */
/* berth events: what happens to attachments, as it happens, until they have ended. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli/attachment.h"
#include "cli/attachment_text.h"
#include "cli/commands.h"
#include "cli/say.h"

#define LISTEN_MAX 1024u

struct listener {
    const char *name;
    struct peer *peer; /* NULL: it has ended */
};

struct listeners {
    struct listener at[LISTEN_MAX];
    struct pollfd polls[LISTEN_MAX];
    unsigned count, live;
    bool json;
};

static int listen_to(struct listeners *l, const char *name, const struct options *o)
{
    char why[PEER_WHY_MAX];
    struct listener *one = &l->at[l->count];
    int status = attachment_check_name(name);
    if (status != STATUS_OK)
        return status;
    if (l->count == LISTEN_MAX)
        return fail(STATUS_USAGE, "only %u attachments can be listened to at once: name fewer", LISTEN_MAX);
    *one = (struct listener){.name = name};
    status = attachment_status(peer_open(&one->peer, name, o->timeout_ms, why));
    json_t *begun =
        status == STATUS_OK ? peer_ask(one->peer, json_pack("{s:s}", "verb", "events"), &status, why) : NULL;
    json_decref(begun);
    if (status != STATUS_OK) {
        peer_close(one->peer);
        return fail(status, "%s", why);
    }
    l->polls[l->count++] = (struct pollfd){.fd = peer_fd(one->peer), .events = POLLIN};
    l->live++;
    return STATUS_OK;
}

/* `event` is taken over. */
static void show(const struct listeners *l, const char *name, json_t *event)
{
    if (!l->json) {
        text_event(name, event);
        json_decref(event);
    } else {
        json_t *named = json_pack("{s:s, s:s}", "schema", "berth-event/1", "name", name);
        json_object_update(named, event);
        json_decref(event);
        attachment_print(named);
    }
    fflush(stdout);
}

static int hear(struct listeners *l, unsigned i)
{
    struct listener *one = &l->at[i];
    json_t *event;
    enum peer_line got;
    while ((got = peer_next(one->peer, &event, 0)) == PEER_LINE)
        show(l, one->name, event);
    if (got == PEER_LATE) /* there is no more for now */
        return STATUS_OK;
    peer_close(one->peer);
    one->peer = NULL;
    l->polls[i].fd = -1;
    l->live--;
    if (got == PEER_BROKEN)
        return fail(STATUS_PROTOCOL, "%s tells what is no event; use the berth that it was started with",
                    one->name);
    show(l, one->name, json_pack("{s:s, s:s}", "event", "closed", "text", "it has ended"));
    return STATUS_OK;
}

static int hear_all(struct listeners *l)
{
    int status = STATUS_OK;
    while (l->live > 0 && !ferror(stdout) && poll(l->polls, l->count, -1) >= 0)
        for (unsigned i = 0; i < l->count; i++)
            if (l->at[i].peer && l->polls[i].revents) {
                int one = hear(l, i);
                status = status ? status : one;
            }
    return status;
}

static int listen_to_all(struct listeners *l, const struct options *o, const struct attachment_names *all)
{
    int status = STATUS_OK;
    for (int i = 0; i < o->operand_count && status == STATUS_OK; i++)
        status = listen_to(l, o->operands[i], o);
    /* One that has died is told of, and passed over. */
    for (size_t i = 0; i < all->count && l->count < LISTEN_MAX; i++)
        listen_to(l, all->names[i], o);
    return status;
}

int cmd_events(const struct options *o)
{
    static struct listeners l; /* large */
    struct attachment_names all = {.count = 0};
    l.json = o->json;
    int status = o->operand_count > 0 ? STATUS_OK : attachment_names(&all);
    if (status == STATUS_OK)
        status = listen_to_all(&l, o, &all);
    if (status == STATUS_OK && l.live == 0)
        say("nothing is attached");
    if (status == STATUS_OK)
        status = hear_all(&l);
    for (unsigned i = 0; i < l.count; i++)
        peer_close(l.at[i].peer);
    attachment_names_free(&all);
    return status;
}
