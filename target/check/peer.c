/* SPDX-License-Identifier: MIT */
#include "check/peer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TEXTS_MAX 16384u

static const uint32_t many_luns[PEER_LUNS_MAX] = {0, 1, 255, 256, 1023};

/* --- the script --- */

static const char *script_of(const struct check_case *c)
{
    if (c->rules)
        return c->rules;
    return c->script ? case_script(c->script) : "";
}

static bool is_rule(const char *line)
{
    return line[0] && line[0] != '#';
}

uint32_t peer_script_rules(const struct check_case *c)
{
    uint32_t count = 0;
    const char *text = script_of(c);
    while (text && *text) {
        count += is_rule(text) && *text != '\n';
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return count;
}

static bool add_fault(struct peer *p, const char *rule)
{
    if (p->config.fault_count == CASE_RULES_MAX)
        return false;
    p->config.faults[p->config.fault_count++] = rule;
    return true;
}

static bool add_lines(struct peer *p, char *text)
{
    char *rest = NULL;
    bool ok = true;
    for (char *line = strtok_r(text, "\n", &rest); line && ok; line = strtok_r(NULL, "\n", &rest))
        ok = !is_rule(line) || add_fault(p, line);
    return ok;
}

static bool add_rules(struct peer *p, const struct check_case *c, char *room)
{
    bool ok = true;
    snprintf(room, TEXTS_MAX, "%s", script_of(c));
    ok = add_lines(p, room);
    for (uint32_t i = 0; i < CASE_WATCHES_MAX && c->watches[i].rule && ok; i++)
        ok = add_fault(p, c->watches[i].rule);
    return ok;
}

static bool add_keys(struct peer *p, const struct check_case *c, char *room)
{
    char *rest = NULL;
    snprintf(room, TEXTS_MAX, "%s", c->keys ? c->keys : "");
    for (char *key = strtok_r(room, " ", &rest); key; key = strtok_r(NULL, " ", &rest)) {
        if (p->config.key_count == SERVE_KEYS_MAX)
            return false;
        p->config.keys[p->config.key_count++] = key;
    }
    return true;
}

/* --- what it serves, and to whom --- */

static bool add_lun(struct peer *p, const struct check_case *c, uint32_t number)
{
    struct disk *d = &p->disks[p->disk_count];
    char *store = p->stores[p->disk_count];
    if (!disk_open(d, number))
        return false;
    p->disk_count++;
    snprintf(store, sizeof p->stores[0], "file:/proc/self/fd/%d%s", d->fd,
             c->need & NEED_LARGE_BLOCKS ? ",block=4096" : "");
    p->config.luns[p->config.lun_count++] = (struct serve_lun){.spec = store, .number = (uint16_t)number};
    return true;
}

static bool add_luns(struct peer *p, const struct check_case *c)
{
    bool ok = true;
    for (uint32_t i = 0; i < (c->need & NEED_LUNS ? PEER_LUNS_MAX : 1) && ok; i++)
        ok = add_lun(p, c, many_luns[i]);
    return ok;
}

static void add_portals(struct peer *p, const struct check_case *c, const char *address)
{
    const bool six = strchr(address, ':') != NULL;
    snprintf(p->listen, sizeof p->listen, "%s%s%s:0", six ? "[" : "", address, six ? "]" : "");
    p->config.portal_count = c->need & NEED_TWO_PORTALS ? 2 : 1;
    p->config.portals[0] = p->config.portals[1] = p->listen;
}

static struct serve_account account(const char *name, const char *secret)
{
    return (struct serve_account){name, (const uint8_t *)secret, strlen(secret)};
}

static void add_logins(struct peer *p, const struct check_case *c)
{
    p->config.chap_algorithms = c->algorithms;
    if (c->need & (NEED_USER | NEED_MUTUAL | NEED_WRONG_SECRET) && !(c->need & NEED_STRANGER))
        p->config.accounts[p->config.account_count++] = account(PEER_USER, PEER_SECRET);
    else
        p->config.no_auth = true;
    if (c->need & NEED_MUTUAL && !(c->need & NEED_STRANGER))
        p->config.mutual = account(PEER_MUTUAL_USER, PEER_MUTUAL_SECRET);
    if (c->need & NEED_NAME)
        p->config.allowed[p->config.allowed_count++] = (struct serve_allowed){.name = PEER_INITIATOR};
}

/* --- what it tells --- */

static void on_ready(void *arg, const char *const *portals, uint32_t count)
{
    struct peer *p = arg;
    for (uint32_t i = 0; i < count && i < 2; i++)
        snprintf(p->portals[i], sizeof p->portals[i], "%s", portals[i]);
    p->up = true;
    sem_post(&p->ready);
}

static void on_rule(void *arg, const struct serve_rule *rule)
{
    struct peer *p = arg;
    if (p->rule_count < CASE_RULES_MAX)
        p->fired[p->rule_count++] = rule->fired;
}

static struct check_violation *violation_of(struct peer *p, const char *rule)
{
    for (uint32_t i = 0; i < p->violation_count; i++)
        if (strcmp(p->violations[i].rule, rule) == 0)
            return &p->violations[i];
    return NULL;
}

/* The first of each rule is kept. */
static void on_violation(void *arg, const struct serve_violation *v)
{
    struct peer *p = arg;
    if (violation_of(p, v->rule) || p->violation_count == CHECK_VIOLATIONS_MAX)
        return;
    struct check_violation *out = &p->violations[p->violation_count++];
    *out = (struct check_violation){.count = 1, .should = v->should};
    snprintf(out->rule, sizeof out->rule, "%s", v->rule);
    snprintf(out->section, sizeof out->section, "%s", v->section);
    snprintf(out->statement, sizeof out->statement, "%s", v->statement);
    snprintf(out->detail, sizeof out->detail, "%s", v->detail);
}

static void on_verdict(void *arg, const struct serve_verdict *v)
{
    struct peer *p = arg;
    for (uint32_t i = 0; i < v->count; i++) {
        struct check_violation *known = violation_of(p, v->counts[i].rule);
        if (known)
            known->count = v->counts[i].violations;
    }
}

/* --- life --- */

static void *run(void *arg)
{
    struct peer *p = arg;
    p->error = serve_run(&p->config, p->why, sizeof p->why);
    sem_post(&p->ready);
    return NULL;
}

static bool refuse(struct peer *p, const char *text)
{
    if (!p->why[0])
        snprintf(p->why, sizeof p->why, "%s", text);
    return false;
}

static void configure(struct peer *p)
{
    struct serve_config *c = &p->config;
    c->targets[0].iqn = PEER_IQN;
    c->target_count = 1;
    c->no_seccomp = true; /* the rest of this process has other things to do */
    c->ready = on_ready;
    c->ready_arg = p;
    c->rule = on_rule;
    c->rule_arg = p;
    c->violation = on_violation;
    c->verdict = on_verdict;
    c->referee_arg = p;
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static bool fill(struct peer *p, const struct check_case *c, const char *address)
{
    p->texts = calloc(2, TEXTS_MAX);
    if (!p->texts || p->config.stop_fd < 0 || !add_luns(p, c))
        return refuse(p, "there is no memory for the target");
    add_portals(p, c, address);
    add_logins(p, c);
    return (add_rules(p, c, p->texts) && add_keys(p, c, p->texts + TEXTS_MAX)) ||
           refuse(p, "the case has too many rules");
}

bool peer_start(struct peer *p, const struct check_case *c, const char *address)
{
    memset(p, 0, sizeof *p);
    sem_init(&p->ready, 0, 0);
    configure(p);
    if (!fill(p, c, address))
        return false;
    if (pthread_create(&p->thread, NULL, run, p) != 0)
        return refuse(p, "there is no thread for the target");
    while (sem_wait(&p->ready) != 0)
        continue;
    p->running = p->up;
    if (p->running)
        return true;
    pthread_join(p->thread, NULL);
    return refuse(p, "the target does not start");
}

bool peer_stop(struct peer *p)
{
    const uint64_t one = 1;
    if (!p->running)
        return false;
    if (write(p->config.stop_fd, &one, sizeof one) != sizeof one)
        return refuse(p, "the target cannot be stopped");
    pthread_join(p->thread, NULL);
    p->running = false;
    return p->error == 0 || refuse(p, "the target has failed");
}

void peer_free(struct peer *p)
{
    for (uint32_t i = 0; i < p->disk_count; i++)
        disk_close(&p->disks[i]);
    if (p->config.stop_fd >= 0)
        close(p->config.stop_fd);
    sem_destroy(&p->ready);
    free(p->texts);
}
