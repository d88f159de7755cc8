/* SPDX-License-Identifier: MIT */
/* berth serve: the built-in target in the foreground, until a signal. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/referee.h"
#include "cli/rules.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "cli/signals.h"
#include "attach/notify.h"
#include "attach/trust.h"
#include "cli/supervisor.h"
#include "attach/utf8.h"

struct service {
    const struct options *o;
    struct setup setup;
    struct rules_report rules;
    enum say_log log;
    struct referee_report report;
};

static void json_luns(struct json *j, const struct serve_config *c, uint32_t target)
{
    json_put_array(j, "luns");
    for (uint32_t i = 0; i < c->lun_count; i++) {
        if (c->luns[i].target != target)
            continue;
        json_put_object(j, NULL);
        json_put_u64(j, "lun", c->luns[i].number);
        json_put_text(j, "store", c->luns[i].spec);
        json_put_object_end(j);
    }
    json_put_array_end(j);
}

static void json_targets(struct json *j, const struct serve_config *c)
{
    json_put_array(j, "targets");
    for (uint32_t i = 0; i < c->target_count; i++) {
        json_put_object(j, NULL);
        json_put_text(j, "target", c->targets[i].iqn);
        json_luns(j, c, i);
        json_put_object_end(j);
    }
    json_put_array_end(j);
}

/* `target` and `luns` are the first target's. */
static void ready_json(const struct serve_config *c, const char *const *portals, uint32_t count)
{
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", "berth-serve/1");
    json_put_text(&j, "target", c->targets[0].iqn);
    json_put_array(&j, "portals");
    for (uint32_t i = 0; i < count; i++)
        json_put_text(&j, NULL, portals[i]);
    json_put_array_end(&j);
    json_luns(&j, c, 0);
    json_targets(&j, c);
    json_put_object_end(&j);
    putchar('\n');
}

static void ready_text(const struct serve_config *c, const char *const *portals, uint32_t count)
{
    for (uint32_t t = 0; t < c->target_count; t++)
        for (uint32_t i = 0; i < count; i++)
            printf("berth: serving %s on %s\n", c->targets[t].iqn, portals[i]);
    for (uint32_t i = 0; i < c->lun_count && count; i++) {
        const struct serve_lun *l = &c->luns[i];
        char store[512];
        printf("berth: LUN %u %s iscsi://%s/%s/%u\n", l->number, utf8_plain(store, sizeof store, l->spec),
               portals[0], c->targets[l->target].iqn, l->number);
    }
}

/* Scripts wait for these lines, so they leave at once. */
static void ready(void *arg, const char *const *portals, uint32_t count)
{
    const struct service *s = arg;
    if (s->o->json)
        ready_json(&s->setup.config, portals, count);
    else
        ready_text(&s->setup.config, portals, count);
    fflush(stdout);
    notify_tell("READY=1");
}

static void tell_rule(void *arg, const struct serve_rule *r)
{
    struct service *s = arg;
    rules_tell(&s->rules, r->source, r->text, r->matched, r->fired);
}

/* What is wrong with the options by themselves. */
static int check_options(const struct options *o)
{
    if (o->secret_file && !o->user)
        return fail(STATUS_USAGE, "--secret-file belongs to a user; give --user NAME as well");
    if (o->mutual_secret_file && !o->mutual_user)
        return fail(STATUS_USAGE, "--mutual-secret-file belongs to a name; give --mutual-user NAME as well");
    if (o->mutual_user && o->secret_file && o->mutual_secret_file && strcmp(o->secret_file, "-") == 0 &&
        strcmp(o->mutual_secret_file, "-") == 0)
        return fail(STATUS_USAGE, "standard input can carry only one secret; put the other in a file");
    return STATUS_OK;
}

/* What is wrong with file and options together. */
static int check(const struct serve_config *c)
{
    if (c->lun_count == 0 && !c->control)
        return fail(STATUS_USAGE,
                    "there is nothing to serve; give --lun ram:SIZE or --lun file:PATH, or a file that does");
    if (c->mutual.name && c->account_count == 0)
        return fail(STATUS_USAGE, "--mutual-user needs a user who logs in; give --user NAME as well");
    if (c->no_auth && c->account_count > 0)
        return fail(STATUS_USAGE, "--no-auth and --user contradict each other; leave one out");
    return STATUS_OK;
}

static int read_file(struct setup *s, const char *name)
{
    char why[SETUP_WHY_MAX];
    FILE *file = fopen(name, "re");
    if (!file)
        return fail_errno("open the configuration", name);
    if (!trust_file(fileno(file), name, why, sizeof why)) {
        fclose(file);
        return fail(STATUS_USAGE, "%s", why);
    }
    int error = setup_read(s, file, name, why);
    fclose(file);
    return error ? fail(STATUS_USAGE, "%s", why) : STATUS_OK;
}

static int gather(struct setup *s, const struct options *o)
{
    int status = check_options(o);
    if (status == STATUS_OK && o->operand_count > 0)
        status = read_file(s, o->operands[0]);
    if (status == STATUS_OK)
        status = setup_take_options(s, o);
    if (status == STATUS_OK)
        status = check(&s->config);
    return status == STATUS_OK ? setup_load_secrets(s) : status;
}

static void log_sentence(void *arg, int priority, const char *sentence)
{
    const struct service *s = arg;
    say_log(s->log, priority, sentence);
}

/* A terminal is read while it happens, the journal has its own clock, and a file needs times. */
static enum say_log log_form(void)
{
    if (supervisor_journal())
        return SAY_LOG_JOURNAL;
    return isatty(STDERR_FILENO) == 1 ? SAY_LOG_PLAIN : SAY_LOG_TIMED;
}

static void configure(struct service *s)
{
    struct serve_config *c = &s->setup.config;
    s->log = log_form();
    s->rules.schema = s->o->json ? "berth-serve-rules/1" : NULL;
    c->ready = ready;
    c->ready_arg = s;
    c->log = log_sentence;
    c->rule = tell_rule;
    c->rule_arg = s;
    c->log_arg = s;
    if (s->setup.referee)
        referee_report_begin(&s->report, s->o->json, c);
    c->place = setup_place;
    c->place_arg = &s->setup;
}

/* Here it is our own user, not a peer, who must choose between a login and none. */
static int status_of(int error)
{
    return error == BERTH_E_AUTH_REQUIRED ? STATUS_USAGE : exit_find(error)->status;
}

static const char *subject(const struct service *s)
{
    return s->o->operand_count > 0 ? s->o->operands[0] : s->setup.config.targets[0].iqn;
}

static int serve(struct service *s)
{
    struct serve_config *c = &s->setup.config;
    struct berth_detail detail = {0};
    configure(s);
    c->stop_fd = signals_fd();
    if (c->stop_fd < 0)
        return fail_errno("watch for", "signals");
    detail.error = serve_run(c, detail.text, sizeof detail.text);
    rules_end(&s->rules);
    notify_tell("STOPPING=1");
    close(c->stop_fd);
    if (detail.error && detail.text[0]) /* the target's reasons say themselves what to do next */
        return fail(status_of(detail.error), "%s", detail.text);
    if (detail.error)
        return fail_error(detail.error, NULL, subject(s));
    say("stopped serving %s", subject(s));
    return s->report.violations > 0 ? STATUS_RULES : STATUS_OK;
}

int cmd_serve(const struct options *o)
{
    static struct service s; /* its tables are too large for comfort on the stack */
    s.o = o;
    int status = gather(&s.setup, o);
    if (status == STATUS_OK)
        status = serve(&s);
    setup_free(&s.setup);
    return status;
}
