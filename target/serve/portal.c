/* SPDX-License-Identifier: MIT */
/* Where the target listens. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "host/resolve.h"
#include "serve/target.h"

#define DEFAULT_PORTAL "127.0.0.1:3260"
#define DEFAULT_GROUP  1
#define HANDED_OVER    "fd" /* the host of a "port" that is the number of a descriptor */

void addr_text(const struct sockaddr_storage *sa, char *out, size_t size)
{
    struct portal p = {0};
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    bool six = sa->ss_family == AF_INET6;
    inet_ntop(sa->ss_family, six ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, p.host,
              sizeof p.host);
    p.port = ntohs(six ? v6->sin6_port : v4->sin_port);
    portal_print(&p, out, size);
}

static bool loopback(const struct sockaddr_storage *sa)
{
    if (sa->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

/* --- what the configuration says --- */

/* Port 0, "any free one", is no portal, for nobody can connect to it; but one may listen there. */
static bool parse(const char *text, struct portal *p)
{
    char stand_in[ADDRESS_MAX + 16];
    const char *comma = strrchr(text, ',');
    size_t len = strlen(text), end = comma ? (size_t)(comma - text) : len; /* of the address */
    if (len >= sizeof stand_in)
        return false;
    memcpy(stand_in, text, len);
    bool any = end >= 2 && memcmp(text + end - 2, ":0", 2) == 0;
    if (any)
        stand_in[end - 1] = '1';
    if (!portal_parse((struct span){stand_in, len}, p) || p->group == 0 || (any && p->port != 1))
        return false;
    if (any)
        p->port = 0;
    return true;
}

static int refuse_descriptor(const char *text, const struct reason *why)
{
    return serve_refuse(why, BERTH_E_ADDRESS,
                        "%s is no listening TCP socket: have one handed over, or give ADDR:PORT", text);
}

/* Where the socket listens that was handed over. */
static int ask_socket(struct portal_entry *entry, const char *text, const struct reason *why)
{
    struct engine_addr *addr = &entry->addr;
    addr->len = sizeof addr->sa;
    if (getsockname(entry->handed_over, (struct sockaddr *)&addr->sa, &addr->len) == 0 &&
        (addr->sa.ss_family == AF_INET || addr->sa.ss_family == AF_INET6))
        return BERTH_OK;
    return refuse_descriptor(text, why);
}

static int find_address(struct portal_entry *entry, const char *text, const struct reason *why)
{
    struct portal p;
    struct resolved found;
    const char *words;
    if (!parse(text, &p))
        return serve_refuse(
            why, BERTH_E_ADDRESS,
            "'%s' is no address to listen at; take ADDR:PORT or [V6ADDR]:PORT, with ,GROUP behind it "
            "if you like",
            text);
    entry->group = (uint16_t)(p.group < 0 ? DEFAULT_GROUP : p.group);
    entry->handed_over = strcmp(p.host, HANDED_OVER) == 0 ? p.port : -1;
    if (entry->handed_over >= 0)
        return ask_socket(entry, text, why);
    if (host_resolve(&p, &found, &words) != BERTH_OK)
        return serve_refuse(why, BERTH_E_RESOLVE, "cannot listen at '%s': the name does not resolve", text);
    memcpy(&entry->addr.sa, &found.sa[0], sizeof entry->addr.sa);
    entry->addr.len = found.len[0];
    return BERTH_OK;
}

/* --- login --- */

static void set_login(struct target *t, struct portal_entry *entry)
{
    const struct serve_config *c = t->config;
    struct login_config *l = &entry->login;

    memcpy(l->algorithms, t->algorithms, sizeof l->algorithms);
    l->algorithm_count = t->algorithm_count;
    l->portal_group = entry->group;
    l->required = c->account_count > 0;
    l->accounts = t->accounts;
    l->account_count = c->account_count;
    l->mine = (struct login_credentials){c->mutual.name, c->mutual.secret, c->mutual.secret_len};
    l->want = t->wishes;
}

/* --- listening --- */

static int start_listening(struct target *t, struct portal_entry *entry, const char *text,
                           const struct reason *why)
{
    const struct engine_ops *ops = t->engine->ops;
    if (entry->handed_over >= 0)
        return ops->listen_fd(t->engine, entry->handed_over, &entry->addr, target_accept, entry,
                              &entry->listener)
                   ? refuse_descriptor(text, why)
                   : BERTH_OK;
    if (ops->listen(t->engine, &entry->addr, target_accept, entry, &entry->listener) == 0)
        return BERTH_OK;
    return serve_refuse(why, BERTH_E_SYSTEM, "cannot listen at %s: %s; choose another address or port", text,
                        strerror(errno));
}

static int listen_at(struct target *t, const char *text, const struct reason *why)
{
    struct portal_entry *entry = &t->portals[t->portal_count];
    int error = find_address(entry, text, why);

    if (error)
        return error;
    if (!loopback(&entry->addr.sa) && t->config->account_count == 0 && !t->config->no_auth)
        return serve_refuse(
            why, BERTH_E_ARGUMENT,
            "%s is not a loopback address: give --user and --secret-file, or --no-auth to let everybody in",
            text);
    entry->target = t;
    set_login(t, entry);
    if ((error = start_listening(t, entry, text, why)) != BERTH_OK)
        return error;
    addr_text(&entry->addr.sa, entry->text, sizeof entry->text);
    nodes_add_group(t, entry->group);
    t->portal_count++;
    return BERTH_OK;
}

int portals_open(struct target *t, const struct reason *why)
{
    const struct serve_config *c = t->config;
    int error = c->portal_count == 0 ? listen_at(t, DEFAULT_PORTAL, why) : BERTH_OK;
    for (uint32_t i = 0; i < c->portal_count && !error; i++)
        error = serve_blame(c, c->portals[i], listen_at(t, c->portals[i], why), why);
    return error;
}

static void close_portal(struct target *t, struct portal_entry *p)
{
    if (p->listener)
        t->engine->ops->unlisten(t->engine, p->listener);
    p->listener = NULL;
}

/* A socket that was handed over stays: whoever has it still would go on listening, and it could not be had
 * again. */
void portals_pause(struct target *t)
{
    for (uint32_t i = 0; i < t->portal_count; i++)
        if (t->portals[i].handed_over < 0)
            close_portal(t, &t->portals[i]);
}

bool portals_resume(struct target *t)
{
    bool all = true;
    for (uint32_t i = 0; i < t->portal_count; i++) {
        struct portal_entry *p = &t->portals[i];
        if (!p->listener &&
            t->engine->ops->listen(t->engine, &p->addr, target_accept, p, &p->listener) != 0) {
            p->listener = NULL;
            all = false;
        }
    }
    return all;
}

void portals_renew(struct target *t)
{
    for (uint32_t i = 0; i < t->portal_count; i++)
        t->portals[i].login.want = t->wishes;
}

void portals_close(struct target *t)
{
    for (uint32_t i = 0; i < t->portal_count; i++)
        close_portal(t, &t->portals[i]);
    t->portal_count = 0;
}
