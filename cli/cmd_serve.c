/* SPDX-License-Identifier: MIT */
/* berth serve: the built-in target in the foreground, until a signal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/say.h"
#include "cli/secret.h"
#include "cli/signals.h"
#include "cli/utf8.h"

struct service {
    const struct options *o;
    struct serve_config config;
    struct secret secret, mutual;
};

static void ready_json(const struct serve_config *c, const char *const *portals, uint32_t count)
{
    struct json j = {.out = stdout};
    json_object(&j, NULL);
    json_text(&j, "schema", "berth-serve/1");
    json_text(&j, "target", c->targets[0].iqn);
    json_array(&j, "portals");
    for (uint32_t i = 0; i < count; i++)
        json_text(&j, NULL, portals[i]);
    json_array_end(&j);
    json_array(&j, "luns");
    for (uint32_t i = 0; i < c->lun_count; i++) {
        json_object(&j, NULL);
        json_u64(&j, "lun", i);
        json_text(&j, "store", c->luns[i].spec);
        json_object_end(&j);
    }
    json_array_end(&j);
    json_object_end(&j);
    putchar('\n');
}

static void ready_text(const struct serve_config *c, const char *const *portals, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        printf("berth: serving %s on %s\n", c->targets[0].iqn, portals[i]);
    for (uint32_t i = 0; i < c->lun_count && count; i++) {
        char store[512];
        printf("berth: LUN %" PRIu32 " %s iscsi://%s/%s/%" PRIu32 "\n", i,
               utf8_plain(store, sizeof store, c->luns[i].spec), portals[0], c->targets[0].iqn, i);
    }
}

/* Scripts wait for these lines, so they leave at once. */
static void ready(void *arg, const char *const *portals, uint32_t count)
{
    const struct service *s = arg;
    if (s->o->json)
        ready_json(&s->config, portals, count);
    else
        ready_text(&s->config, portals, count);
    fflush(stdout);
}

static int check(const struct options *o)
{
    if (o->store_count == 0)
        return fail(STATUS_USAGE, "there is nothing to serve; give --lun ram:SIZE or --lun file:PATH");
    if (o->secret_file && !o->user)
        return fail(STATUS_USAGE, "--secret-file belongs to a user; give --user NAME as well");
    if (o->mutual_user && !o->user)
        return fail(STATUS_USAGE, "--mutual-user needs a user who logs in; give --user NAME as well");
    if (o->mutual_secret_file && !o->mutual_user)
        return fail(STATUS_USAGE, "--mutual-secret-file belongs to a name; give --mutual-user NAME as well");
    if (o->no_auth && o->user)
        return fail(STATUS_USAGE, "--no-auth and --user contradict each other; leave one out");
    if (o->mutual_user && o->secret_file && o->mutual_secret_file && strcmp(o->secret_file, "-") == 0 &&
        strcmp(o->mutual_secret_file, "-") == 0)
        return fail(STATUS_USAGE, "standard input can carry only one secret; put the other in a file");
    return STATUS_OK;
}

static int load_secrets(struct service *s)
{
    const struct options *o = s->o;
    int status = STATUS_OK;
    if (o->user)
        status = secret_load(&s->secret, o->secret_file, o->user, false);
    if (status == STATUS_OK && o->mutual_user)
        status = secret_load(&s->mutual, o->mutual_secret_file, o->mutual_user, false);
    return status;
}

/* LUN 0, 1, ... of the one target that options can describe. */
static void configure_target(struct serve_config *c, const struct options *o)
{
    c->targets[0] = (struct serve_target){.iqn = o->iqn ? o->iqn : SERVE_IQN};
    c->target_count = 1;
    for (uint32_t i = 0; i < o->store_count; i++)
        c->luns[i] = (struct serve_lun){.spec = o->stores[i], .number = (uint16_t)i};
    c->lun_count = o->store_count;
    for (uint32_t i = 0; i < o->allowed_count; i++)
        c->allowed[i] = (struct serve_allowed){.name = o->allowed[i]};
    c->allowed_count = o->allowed_count;
}

static void configure_logins(struct serve_config *c, const struct service *s)
{
    const struct options *o = s->o;
    c->account_count = o->user != NULL;
    c->accounts[0] = (struct serve_account){o->user, s->secret.bytes, s->secret.len};
    c->mutual = (struct serve_account){o->mutual_user, s->mutual.bytes, s->mutual.len};
    c->no_auth = o->no_auth;
}

static void log_sentence(void *arg, const char *sentence)
{
    (void)arg;
    say("%s", sentence);
}

static void configure(struct service *s)
{
    const struct options *o = s->o;
    struct serve_config *c = &s->config;
    configure_target(c, o);
    configure_logins(c, s);
    memcpy(c->portals, o->portals, sizeof c->portals);
    c->portal_count = o->portal_count;
    memcpy(c->keys, o->keys, sizeof c->keys);
    c->key_count = o->key_count;
    c->busy_poll = o->busy_poll;
    c->state_dir = o->state_dir;
    c->ready = ready;
    c->ready_arg = s;
    c->log = log_sentence;
}

/* Here it is our own user, not a peer, who must choose between a login and none. */
static int status_of(int error)
{
    return error == BERTH_E_AUTH_REQUIRED ? STATUS_USAGE : exit_find(error)->status;
}

static int serve(struct service *s)
{
    struct berth_detail detail = {0};
    configure(s);
    s->config.stop_fd = signals_fd();
    if (s->config.stop_fd < 0)
        return fail_errno("watch for", "signals");
    detail.error = serve_run(&s->config, detail.text, sizeof detail.text);
    close(s->config.stop_fd);
    if (detail.error && detail.text[0]) /* the target's reasons say themselves what to do next */
        return fail(status_of(detail.error), "%s", detail.text);
    if (detail.error)
        return fail_error(detail.error, NULL, s->config.targets[0].iqn);
    say("stopped serving %s", s->config.targets[0].iqn);
    return STATUS_OK;
}

int cmd_serve(const struct options *o)
{
    static struct service s; /* its tables are too large for comfort on the stack */
    int status = check(o);
    s.o = o;
    if (status == STATUS_OK)
        status = load_secrets(&s);
    if (status == STATUS_OK)
        status = serve(&s);
    secret_wipe(&s.secret);
    secret_wipe(&s.mutual);
    return status;
}
