/* SPDX-License-Identifier: MIT */
/* Which program makes a disk of the LUN, and what it is told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/attach.h"
#include "cli/say.h"

#define WORDS_MAX (SETTINGS_WORDS_MAX + 16u)
#define PLUGIN    "nbdkit-iscsi-plugin.so"

/* The folder that this program is in, with a slash behind it. */
static bool own_folder(char out[RUNTIME_PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, RUNTIME_PATH_MAX - 1);
    if (len <= 0)
        return false;
    out[len] = '\0';
    strrchr(out, '/')[1] = '\0';
    return true;
}

/* Beside this program, where it is built; where it is installed; or NAME, and who runs it looks for it. */
static char *find(const char *beside, const char *installed, const char *name)
{
    char folder[RUNTIME_PATH_MAX], *path;
    const char *const places[] = {beside, installed};
    for (int i = 0; own_folder(folder) && i < 2; i++) {
        if (asprintf(&path, "%s%s", folder, places[i]) < 0)
            return NULL;
        if (access(path, R_OK) == 0)
            return path;
        free(path);
    }
    return strdup(name);
}

static void add(char **argv, uint32_t *count, char *word)
{
    argv[(*count)++] = word;
}

static void add_nbdkit(char **argv, uint32_t *count, const struct attach *a)
{
    add(argv, count, strdup("nbdkit"));
    add(argv, count, strdup("--foreground"));
    if (settings_number(a->s, SETTING_READ_ONLY))
        add(argv, count, strdup("--readonly"));
    add(argv, count, strdup("--unix"));
    add(argv, count, strdup(settings_text(a->s, SETTING_AT)));
    add(argv, count, find(PLUGIN, "../" BERTH_LIBDIR "/nbdkit/plugins/" PLUGIN, "iscsi"));
}

static bool whole(char *const *argv, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!argv[i])
            return false;
    return true;
}

char **attach_program(const struct attach *a)
{
    enum { NBD, FUSE };
    uint32_t count = 0;
    char **argv = calloc(WORDS_MAX, sizeof *argv);
    if (!argv)
        return fail_errno("begin", "the export"), NULL;
    if (settings_number(a->s, SETTING_AS) == NBD)
        add_nbdkit(argv, &count, a);
    else
        add(argv, &count, find("berth-fuse", "../bin/berth-fuse", "berth-fuse"));
    count += settings_words(a->s, argv + count);
    if (whole(argv, count))
        return argv;
    attach_program_free(argv);
    return fail_errno("begin", "the export"), NULL;
}

void attach_program_free(char **argv)
{
    for (uint32_t i = 0; argv && i < WORDS_MAX; i++)
        free(argv[i]);
    free(argv);
}
