/* SPDX-License-Identifier: MIT */
/* berth attach: a LUN held under a name, as a disk. What it is told comes from a file, from options, or both.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach/opening.h"
#include "attach/store.h"
#include "cli/attach.h"
#include "cli/commands.h"
#include "cli/identity.h"
#include "cli/login.h"
#include "cli/say.h"

/* --- from where --- */

static void warn(void *arg, const char *sentence)
{
    (void)arg;
    say("%s", sentence);
}

/* "x" and "/some/where/x.conf" are both about x. */
static void name_of(const char *config, char out[STORE_PATH_MAX])
{
    const char *slash = strrchr(config, '/');
    snprintf(out, STORE_PATH_MAX, "%s", slash ? slash + 1 : config);
    size_t len = strlen(out);
    if (len > 5 && strcmp(out + len - 5, ".conf") == 0)
        out[len - 5] = '\0';
}

static int read_file(struct settings *s, const struct options *o, const char *config)
{
    char path[STORE_PATH_MAX], why[STORE_WHY_MAX], name[STORE_PATH_MAX];
    name_of(config, name);
    if (!settings_is_name(name) || strstr(config, "://"))
        return fail(STATUS_USAGE,
                    "'%.64s' is neither a URL nor the name of a file in %s; a URL begins with iscsi://",
                    config, o->config_dir ? o->config_dir : STORE_FOLDER);
    if (strchr(config, '/'))
        snprintf(path, sizeof path, "%s", config);
    else if (!store_path(o->config_dir, config, path))
        return fail(STATUS_USAGE, "the path of --config-dir is too long; use a shorter one");
    int error = store_read(s, path, warn, NULL, why);
    if (error == BERTH_E_SYSTEM)
        return fail(errno == ENOENT ? STATUS_USAGE : STATUS_SYSTEM, "%s%s", why,
                    errno == ENOENT ? "; 'berth attach URL --persist' writes one" : say_errno_next(errno));
    if (!error && settings_take(s, "name", name, SETTINGS_FILE, why) == 0)
        return STATUS_OK;
    return fail(STATUS_USAGE, "%s", why);
}

static int choose(struct settings *s, const struct options *o, const char **config)
{
    char why[SETTINGS_WHY_MAX];
    const char *operand = o->operand_count ? o->operands[0] : NULL;
    *config = o->config;
    if (!operand && !o->config)
        return fail(STATUS_USAGE, "'berth attach' needs a URL, or a NAME; see 'berth attach --help'");
    if (!operand)
        return STATUS_OK;
    if (login_is_url(operand))
        return settings_take(s, "url", operand, SETTINGS_GIVEN, why) ? fail(STATUS_USAGE, "%s", why)
                                                                     : STATUS_OK;
    if (o->config)
        return fail(STATUS_USAGE, "'%s' and --config both name a file; leave one out", operand);
    *config = operand;
    return STATUS_OK;
}

/* --- what is told --- */

/* What holds the LUN lives in another folder. */
static int make_absolute(struct settings *s, enum setting_id id)
{
    char why[SETTINGS_WHY_MAX], *path, *here;
    const char *text = settings_text(s, id);
    if (!text || text[0] == '/')
        return STATUS_OK;
    if (strcmp(text, "-") == 0)
        return fail(STATUS_USAGE, "--%s must be a file that stays, for the secret may be needed again",
                    settings_rows[id].key);
    here = getcwd(NULL, 0);
    if (!here || asprintf(&path, "%s/%s", here, text) < 0)
        path = NULL;
    int error =
        path ? settings_take(s, settings_rows[id].key, path, settings_source(s, id), why) : BERTH_E_MEMORY;
    free(here);
    free(path);
    return error ? fail(STATUS_USAGE, "%s", path ? why : "there is no memory for a path") : STATUS_OK;
}

/* The name that `berth id` has kept, if any: what holds the LUN looks into no file of its own. */
static int name_ourselves(struct settings *s)
{
    char why[SETTINGS_WHY_MAX];
    struct identity id;
    if (settings_said(s, SETTING_INITIATOR_NAME))
        return STATUS_OK;
    int status = identity_find(&id, NULL);
    if (status != STATUS_OK || id.source == IDENTITY_MACHINE)
        return status;
    return settings_take(s, "initiator-name", id.name, SETTINGS_FILE, why) ? fail(STATUS_USAGE, "%s", why)
                                                                           : STATUS_OK;
}

static int complete(struct settings *s)
{
    char why[SETTINGS_WHY_MAX], name[SETTINGS_NAME_MAX + 1];
    int status = STATUS_OK;
    for (int id = 0; id < SETTINGS_COUNT && status == STATUS_OK; id++)
        if (settings_rows[id].flags & SETTING_PATH)
            status = make_absolute(s, (enum setting_id)id);
    if (status == STATUS_OK)
        status = name_ourselves(s);
    if (status != STATUS_OK)
        return status;
    if (settings_check(s, SETTINGS_AS_OPTIONS, why) != 0)
        return fail(STATUS_USAGE, "%s", why);
    opening_spread(s);
    opening_name(settings_text(s, SETTING_URL), name);
    if (!settings_text(s, SETTING_NAME) && settings_take(s, "name", name, SETTINGS_DEFAULT, why) != 0)
        return fail(STATUS_SYSTEM, "%s", why);
    return STATUS_OK;
}

static int gather(struct settings *s, const struct options *o)
{
    const char *config;
    struct settings *operand = settings_new();
    int status = operand ? choose(operand, o, &config) : fail_errno("find memory for", "settings");
    if (status == STATUS_OK && config)
        status = read_file(s, o, config);
    if (status == STATUS_OK &&
        (settings_overlay(s, operand) || (o->settings && settings_overlay(s, o->settings))))
        status = fail_errno("find memory for", "settings");
    settings_free(operand);
    return status == STATUS_OK ? complete(s) : status;
}

/* What failed leaves no lock behind; what did not has it now. */
static int begin(struct attach *a)
{
    int status = attach_start(a);
    if (status != STATUS_OK && !a->taken)
        runtime_unlock(a->name, a->lock_fd);
    else
        close(a->lock_fd);
    return status;
}

int cmd_attach(const struct options *o)
{
    struct attach a = {.o = o, .s = settings_new(), .lock_fd = -1};
    int status = a.s ? gather(a.s, o) : fail_errno("find memory for", "settings");
    if (status == STATUS_OK && o->foreground && o->persist)
        status = fail(STATUS_USAGE,
                      "--persist is for what goes on by itself, and --foreground is not; leave one out");
    if (status == STATUS_OK) {
        a.name = settings_text(a.s, SETTING_NAME);
        status = attach_set_place(&a);
        status = status == STATUS_OK ? attach_check_keeping(&a) : status;
        status = status == STATUS_OK ? attach_take_name(&a) : status;
    }
    if (status == STATUS_OK)
        status = a.lock_fd >= 0 ? begin(&a) : attach_keep(&a);
    settings_free(a.s);
    return status;
}
