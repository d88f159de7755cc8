/* SPDX-License-Identifier: MIT */
/* What a process that was killed leaves behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "attach/runtime.h"
#include "attach/unmount.h"
#include "cli/attachment_end.h"

#define FILE_SYSTEM "fuse.berth"

/* Blanks and the like are written as \040 there (proc(5)). In place: it only gets shorter. */
static void unescape(char *text)
{
    char *out = text;
    for (; *text; text++) {
        if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
            *out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 3;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

struct mount {
    char *where, *kind, *source, *options;
};

/* A line of mountinfo: the fifth word is where, and behind " - " come kind, source and options (proc(5)). */
static bool read_mount(char *line, struct mount *m)
{
    char *rest = strstr(line, " - "), *save, *at = line;
    if (!rest)
        return false;
    *rest = '\0';
    for (int i = 0; i < 4 && at; i++)
        at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
    m->where = at;
    m->kind = strtok_r(rest + 3, " \n", &save);
    m->source = strtok_r(NULL, " \n", &save);
    m->options = strtok_r(NULL, " \n", &save);
    if (!at || !m->options)
        return false;
    at[strcspn(at, " ")] = '\0';
    unescape(m->where);
    unescape(m->source);
    return true;
}

/* Another user, or another runtime folder, may have a disk of this name, and one that lives. If the process
 * is dying just now, our question is cut off in its midst. */
static bool is_dead(const struct mount *m)
{
    char ours[40];
    struct statvfs st; /* which, unlike attributes, nobody remembers for a while */
    snprintf(ours, sizeof ours, ",user_id=%u,", (unsigned)geteuid());
    return strstr(m->options, ours) && statvfs(m->where, &st) < 0 &&
           (errno == ENOTCONN || errno == ECONNABORTED);
}

/* Our own file system under this name, wherever it was mounted. */
static void unmount_all(const char *name, const char *folder)
{
    char *line = NULL;
    size_t size = 0;
    struct mount m;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    while (mounts && getline(&line, &size, mounts) > 0)
        if (read_mount(line, &m) && strcmp(m.kind, FILE_SYSTEM) == 0 &&
            (strcmp(m.where, folder) == 0 || (strcmp(m.source, name) == 0 && is_dead(&m))))
            unmount(m.where, true);
    free(line);
    if (mounts)
        fclose(mounts);
}

void attachment_tidy(const char *name)
{
    static const char *const files[] = {".sock", ".nbd"};
    char path[RUNTIME_PATH_MAX];
    if (runtime_path(name, "", path)) {
        unmount_all(name, path);
        rmdir(path); /* only if it is empty, and there */
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (runtime_path(name, files[i], path))
            unlink(path);
}
