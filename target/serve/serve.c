/* SPDX-License-Identifier: MIT */
/* Start, loop and stop of the built-in target. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/resolve.h"
#include "serve/target.h"

#define DEFAULT_IQN  "iqn.2026-11.io.berth:serve"
#define DEFAULT_HOST "127.0.0.1:3260"
#define TICK_NS      1000000000ull

struct reason {
    char *text;
    size_t size;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct reason *why, int error,
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, why->size, format, args);
    va_end(args);
    return error;
}

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

/* --- what is allowed --- */

static bool loopback(const struct sockaddr_storage *sa)
{
    if (sa->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

static bool secret_fits(size_t len)
{
    return len >= CHAP_SECRET_MIN && len <= CHAP_SECRET_MAX;
}

/* One secret for both directions would let anybody reflect our challenge to us (RFC 7143 9.2.1). */
static bool same_secret(const struct serve_config *c)
{
    return c->user && c->mutual_user && c->secret_len == c->mutual_secret_len &&
           memcmp(c->secret, c->mutual_secret, c->secret_len) == 0;
}

static int check(const struct serve_config *c, const struct reason *why)
{
    struct span iqn = {c->iqn ? c->iqn : DEFAULT_IQN, strlen(c->iqn ? c->iqn : DEFAULT_IQN)};
    if (!name_valid(iqn))
        return refuse(why, BERTH_E_NAME,
                      "'%s' is not an iSCSI name; take iqn.YYYY-MM.domain:name in lower case", iqn.at);
    if (c->lun_count == 0)
        return refuse(why, BERTH_E_ARGUMENT, "there is nothing to serve: give at least one --lun");
    if (c->user && !secret_fits(c->secret_len))
        return refuse(why, BERTH_E_SECRET, "the CHAP secret must have 12 to 255 bytes (96 bits and more)");
    if (c->mutual_user && !secret_fits(c->mutual_secret_len))
        return refuse(why, BERTH_E_SECRET, "the mutual CHAP secret must have 12 to 255 bytes");
    if (same_secret(c))
        return refuse(why, BERTH_E_SECRET,
                      "the secrets of the two directions must differ: use another for %s", c->mutual_user);
    return BERTH_OK;
}

/* --- portals --- */

/* Port 0, "any free one", is no portal, for nobody can connect to it; but one may listen there. */
static bool parse_listen(const char *text, struct portal *p)
{
    char stand_in[ADDRESS_MAX + 8];
    size_t len = strlen(text);
    if (len < 2 || len >= sizeof stand_in || strcmp(text + len - 2, ":0") != 0)
        return portal_parse((struct span){text, len}, p) && p->group < 0;
    memcpy(stand_in, text, len);
    stand_in[len - 1] = '1';
    if (!portal_parse((struct span){stand_in, len}, p) || p->port != 1 || p->group >= 0)
        return false;
    p->port = 0;
    return true;
}

static int listen_at(struct target *t, const char *text, const struct reason *why)
{
    struct portal_entry *entry = &t->portals[t->portal_count];
    const struct serve_config *c = t->config;
    struct portal p;
    struct resolved found;
    const char *words;

    if (!parse_listen(text, &p))
        return refuse(why, BERTH_E_ADDRESS,
                      "'%s' is no address to listen at; take ADDR:PORT or [V6ADDR]:PORT", text);
    if (host_resolve(&p, &found, &words) != BERTH_OK)
        return refuse(why, BERTH_E_RESOLVE, "cannot listen at '%s': the name does not resolve", text);
    memcpy(&entry->addr.sa, &found.sa[0], sizeof entry->addr.sa);
    entry->addr.len = found.len[0];
    if (!loopback(&entry->addr.sa) && !c->user && !c->no_auth)
        return refuse(
            why, BERTH_E_ARGUMENT,
            "%s is not a loopback address: give --user and --secret-file, or --no-auth to let everybody in",
            text);
    if (t->engine->ops->listen(t->engine, &entry->addr, target_accept, t, &entry->listener) != 0)
        return refuse(why, BERTH_E_SYSTEM, "cannot listen at %s: %s; choose another address or port", text,
                      strerror(errno));
    addr_text(&entry->addr.sa, entry->text, sizeof entry->text);
    t->portal_count++;
    return BERTH_OK;
}

static int open_portals(struct target *t, const struct reason *why)
{
    const struct serve_config *c = t->config;
    if (c->listen_count == 0)
        return listen_at(t, DEFAULT_HOST, why);
    for (uint32_t i = 0; i < c->listen_count; i++) {
        int error = listen_at(t, c->listen[i], why);
        if (error)
            return error;
    }
    return BERTH_OK;
}

static int open_luns(struct target *t, const struct reason *why)
{
    const struct lu_reason reason = {why->text, why->size};
    for (uint32_t i = 0; i < t->config->lun_count; i++) {
        if (lu_open(&t->lus[i], t->config->luns[i], (uint16_t)i, t->iqn, why->text, why->size) != 0)
            return BERTH_E_ARGUMENT;
        t->set.lus[i] = &t->lus[i];
        if (t->config->state_dir && reservation_keep(&t->lus[i], t->config->state_dir, &reason) != 0)
            return BERTH_E_ARGUMENT;
    }
    return BERTH_OK;
}

/* --- login --- */

static void set_login(struct target *t)
{
    static const uint8_t algorithms[] = {WIRE_CHAP_SHA3_256, WIRE_CHAP_SHA256, WIRE_CHAP_SHA1, WIRE_CHAP_MD5};
    const struct serve_config *c = t->config;
    struct login_config *l = &t->login;
    struct negotiation *n = &l->want;

    memcpy(l->algorithms, algorithms, sizeof algorithms);
    l->algorithm_count = sizeof algorithms;
    l->portal_group = TARGET_GROUP;
    l->required = c->user != NULL;
    l->peer = (struct login_credentials){c->user, c->secret, c->secret_len};
    l->mine = (struct login_credentials){c->mutual_user, c->mutual_secret, c->mutual_secret_len};
    negotiation_init(n, ROLE_TARGET);
    negotiation_want(n, KEY_AUTH_METHOD, CHOICES1(c->user ? AUTH_CHAP : AUTH_NONE));
    negotiation_want(n, KEY_HEADER_DIGEST, CHOICES2(DIGEST_CRC32C, DIGEST_NONE));
    negotiation_want(n, KEY_DATA_DIGEST, CHOICES2(DIGEST_CRC32C, DIGEST_NONE));
    negotiation_want(n, KEY_INITIAL_R2T, 0);
    negotiation_want(n, KEY_IMMEDIATE_DATA, 1);
    negotiation_want(n, KEY_MAX_BURST_LENGTH, TARGET_BURST);
    negotiation_want(n, KEY_FIRST_BURST_LENGTH, TARGET_FIRST_BURST);
    negotiation_want(n, KEY_MAX_OUTSTANDING_R2T, TARGET_R2T);
    negotiation_want(n, KEY_DATA_PDU_IN_ORDER, 1);
    negotiation_want(n, KEY_DATA_SEQUENCE_IN_ORDER, 1);
    negotiation_want(n, KEY_DEFAULT_TIME2WAIT, 0);
    negotiation_want(n, KEY_DEFAULT_TIME2RETAIN, 0);
    n->wanted = 0; /* answers only, but for the one thing that is declared */
    negotiation_want(n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, TARGET_SEGMENT);
}

/* --- life --- */

static void stop(void *owner)
{
    struct target *t = owner;
    t->stopped = true;
    engine_wake(t->engine);
}

static void announce(const struct target *t)
{
    const char *portals[SERVE_PORTALS_MAX];
    for (uint32_t i = 0; i < t->portal_count; i++)
        portals[i] = t->portals[i].text;
    if (t->config->ready)
        t->config->ready(t->config->ready_arg, portals, t->portal_count);
}

static int loop(struct target *t)
{
    int error = BERTH_OK;
    uint64_t next = 0;
    while (!t->stopped && !error) {
        uint64_t now = engine_now(t->engine);
        error = engine_poll(t->engine, t->config->busy_poll ? 0 : now + TICK_NS);
        if (now < next)
            continue;
        target_tick(t, now);
        next = now + TICK_NS;
    }
    return error;
}

static int run(struct target *t, const struct reason *why)
{
    int error = open_luns(t, why);
    if (!error)
        error = open_portals(t, why);
    if (error)
        return error;
    set_login(t);
    if (t->config->stop_fd >= 0)
        t->engine->ops->watch(t->engine, t->config->stop_fd, stop, t);
    announce(t);
    error = loop(t);
    return error ? refuse(why, error, "%s", berth_error_text(error)) : BERTH_OK;
}

static void close_all(struct target *t)
{
    while (!list_empty(&t->sessions))
        target_session_end(list_entry(t->sessions.next, struct target_session, link));
    for (uint32_t i = 0; i < t->portal_count; i++)
        t->engine->ops->unlisten(t->engine, t->portals[i].listener);
    for (uint32_t i = 0; i < t->config->lun_count; i++)
        if (t->set.lus[i])
            lu_close(t->set.lus[i]);
    if (t->config->stop_fd >= 0)
        t->engine->ops->watch(t->engine, t->config->stop_fd, NULL, NULL);
    jobs_free(t);
    pool_free(&t->pool);
    engine_free(t->engine);
}

int serve_run(const struct serve_config *config, char *why_text, size_t why_size)
{
    struct reason why = {why_text, why_size};
    int error = check(config, &why);
    struct target *t = error ? NULL : calloc(1, sizeof *t);
    if (error)
        return error;
    if (!t || (t->engine = engine_new("sockets")) == NULL) {
        free(t);
        return refuse(&why, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
    }
    t->config = config;
    t->iqn = config->iqn ? config->iqn : DEFAULT_IQN;
    list_init(&t->sessions);
    list_init(&t->jobs);
    pool_init(&t->pool, TARGET_MEMORY);
    error = run(t, &why);
    close_all(t);
    free(t);
    return error;
}
