/* SPDX-License-Identifier: MIT */
/* Which attachments there are: what the runtime folder has locks or sockets of. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "attach/exit.h"
#include "attach/runtime.h"
#include "cli/attachment.h"
#include "cli/say.h"

#define NAMES_MAX 4096u /* in one folder */

/* Cuts the suffix off; false: the file is no lock and no socket of a name. */
static bool take_name(const char *file, char name[SETTINGS_NAME_MAX + 1])
{
    const char *dot = strrchr(file, '.');
    if (!dot || (strcmp(dot, ".lock") != 0 && strcmp(dot, ".sock") != 0) ||
        (size_t)(dot - file) > SETTINGS_NAME_MAX)
        return false;
    memcpy(name, file, (size_t)(dot - file));
    name[dot - file] = '\0';
    return settings_is_name(name);
}

static bool has(const struct attachment_names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->names[i], name) == 0)
            return true;
    return false;
}

/* Its process wrote its number into the lock when it began. */
static int64_t begun_ns(int folder, const char *name)
{
    char file[SETTINGS_NAME_MAX + 8];
    struct stat st;
    for (int i = 0; i < 2; i++) {
        snprintf(file, sizeof file, "%s%s", name, i ? ".sock" : ".lock");
        if (fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
            return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    return 0;
}

/* Keeps them in order. */
static void insert(struct attachment_names *n, const char *name, int64_t begun)
{
    size_t at = n->count++;
    for (; at > 0 && n->begun_ns[at - 1] > begun; at--) {
        memcpy(n->names[at], n->names[at - 1], sizeof n->names[0]);
        n->begun_ns[at] = n->begun_ns[at - 1];
    }
    memcpy(n->names[at], name, sizeof n->names[0]);
    n->begun_ns[at] = begun;
}

static void read_names(DIR *folder, struct attachment_names *out)
{
    char name[SETTINGS_NAME_MAX + 1];
    for (const struct dirent *e = readdir(folder); e && out->count < NAMES_MAX; e = readdir(folder))
        if (take_name(e->d_name, name) && !has(out, name))
            insert(out, name, begun_ns(dirfd(folder), name));
}

int attachment_names(struct attachment_names *out)
{
    char path[RUNTIME_PATH_MAX], why[SETTINGS_WHY_MAX];
    *out = (struct attachment_names){.count = 0};
    if (!runtime_folder(false, path, why, sizeof why))
        return fail(STATUS_SYSTEM, "%s", why);
    DIR *folder = opendir(path);
    if (!folder && errno == EACCES)
        return fail(STATUS_SYSTEM, "the folder %s is somebody else's; set XDG_RUNTIME_DIR to one of yours",
                    path);
    if (!folder)
        return errno == ENOENT ? STATUS_OK : fail_errno("read the folder", path);
    out->names = calloc(NAMES_MAX, sizeof *out->names);
    out->begun_ns = calloc(NAMES_MAX, sizeof *out->begun_ns);
    if (out->names && out->begun_ns)
        read_names(folder, out);
    closedir(folder);
    return out->names && out->begun_ns ? STATUS_OK : fail_errno("list", path);
}

void attachment_names_free(struct attachment_names *names)
{
    free(names->names);
    free(names->begun_ns);
}
