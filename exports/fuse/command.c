/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <berth/version.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "attach/attachment.h"
#include "attach/exit.h"
#include "attach/opening.h"
#include "attach/runtime.h"

static const char usage[] =
    "usage: berth-fuse [-o OPTIONS] URL [MOUNTPOINT] [KEY=VALUE...]\n"
    "\n"
    "Makes the file MOUNTPOINT/disk of a LUN, iscsi://[user@]host[:port]/target-name/lun, until it is "
    "unmounted.\n"
    "\n"
    "  -o OPTIONS   of mount.fuse3(8), such as allow_other; and direct_io: without the kernel's page cache\n"
    "  -h, --help   prints this\n"
    "  --version    prints the version\n"
    "\n"
    "KEY=VALUE is any setting of an attachment:\n";

static int print_help(void)
{
    fputs(usage, stdout);
    for (int i = 0; i < SETTINGS_COUNT; i++)
        if (!(settings_rows[i].flags & SETTING_INTERNAL) && i != SETTING_AS)
            printf("  %s=%s\n        %s\n", settings_rows[i].key, settings_rows[i].value,
                   settings_rows[i].help);
    return STATUS_OK;
}

static int refuse(const char *why)
{
    fprintf(stderr, "berth: %s; see berth-fuse --help\n", why);
    return STATUS_USAGE;
}

static void add_option(struct command *c, const char *word)
{
    size_t used = strlen(c->mount_options);
    snprintf(c->mount_options + used, sizeof c->mount_options - used, "%s%s", used ? "," : "", word);
}

/* What is ours of a list "direct_io,allow_other"; the rest is libfuse's. */
static void take_options(struct command *c, char *list)
{
    char *save = NULL;
    for (char *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save))
        if (strcmp(word, "direct_io") == 0)
            c->direct = true;
        else
            add_option(c, word);
}

/* -o is the one option with a value. */
static int take_switches(struct command *c, int argc, char **argv)
{
    static const struct option longs[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    for (int o; (o = getopt_long(argc, argv, "o:h", longs, NULL)) != -1;) {
        if (o == 'h')
            return print_help();
        if (o == 'V')
            return printf("berth-fuse %s\n", BERTH_VERSION) < 0 ? STATUS_FAILED : STATUS_OK;
        if (o != 'o')
            return refuse("options are -o, -h, --help and --version"); /* getopt has said which is none */
        if (strlen(optarg) + strlen(c->mount_options) + sizeof ",,allow_other" > sizeof c->mount_options)
            return refuse("-o takes at most 1000 bytes");
        take_options(c, optarg);
    }
    return COMMAND_GO;
}

static int take_word(struct settings *s, const char *word, char why[SETTINGS_WHY_MAX])
{
    if (strncmp(word, "iscsi://", 8) == 0)
        return settings_take(s, "url", word, SETTINGS_GIVEN, why);
    if (strchr(word, '=') && word[0] != '/' && word[0] != '.')
        return attachment_take_word(s, word, why);
    if (settings_said(s, SETTING_AT))
        return snprintf(why, SETTINGS_WHY_MAX, "'%.64s' would be a second mountpoint", word),
               BERTH_E_ARGUMENT;
    return settings_take(s, "at", word, SETTINGS_GIVEN, why);
}

/* In the runtime folder there is a place for each name. */
static bool find_place(struct command *c)
{
    char made[SETTINGS_NAME_MAX + 1];
    const char *at = settings_text(c->settings, SETTING_AT), *name = settings_text(c->settings, SETTING_NAME);
    if (at && *at)
        return snprintf(c->at, sizeof c->at, "%s", at) < (int)sizeof c->at;
    if (!name || !*name) {
        opening_name(settings_text(c->settings, SETTING_URL), made);
        name = made;
    }
    return runtime_path(name, "", c->at);
}

int command_take(struct command *c, int argc, char **argv)
{
    char why[SETTINGS_WHY_MAX];
    *c = (struct command){.settings = settings_new()};
    if (!c->settings)
        return refuse("there is no memory for settings");
    int status = take_switches(c, argc, argv);
    if (status != COMMAND_GO)
        return status;
    for (int i = optind; i < argc; i++)
        if (take_word(c->settings, argv[i], why))
            return refuse(why);
    if (settings_check(c->settings, SETTINGS_AS_WORDS, why))
        return refuse(why);
    if (settings_number(c->settings, SETTING_ALLOW_OTHER))
        add_option(c, "allow_other");
    return find_place(c) ? COMMAND_GO : refuse("the path of the mountpoint is too long");
}

void command_done(struct command *c)
{
    settings_free(c->settings);
}
