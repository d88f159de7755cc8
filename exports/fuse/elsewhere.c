/* SPDX-License-Identifier: MIT */
#include "elsewhere.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPACES_MAX 256u /* more are not named */
#define SPACE_MAX  32u  /* "mnt:[4026531841]" */

bool elsewhere_device(const char *mountpoint, char device[ELSEWHERE_DEVICE_MAX])
{
    struct statx st;
    if (statx(AT_FDCWD, mountpoint, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
        return false;
    snprintf(device, ELSEWHERE_DEVICE_MAX, " %u:%u ", st.stx_dev_major, st.stx_dev_minor);
    return true;
}

struct looking {
    const char *device;
    char space[SPACES_MAX][SPACE_MAX]; /* seen already; ours is the first */
    unsigned spaces;
};

/* A name in the folder of a process. */
static const char *of_process(const char *pid, const char *name, char path[64])
{
    snprintf(path, 64, "/proc/%.20s/%s", pid, name);
    return path;
}

static bool is_new_space(struct looking *l, const char *pid)
{
    char path[64], *space = l->space[l->spaces];
    ssize_t len =
        l->spaces < SPACES_MAX ? readlink(of_process(pid, "ns/mnt", path), space, SPACE_MAX - 1) : -1;
    if (len <= 0)
        return false;
    space[len] = '\0';
    for (unsigned i = 0; i < l->spaces; i++)
        if (strcmp(l->space[i], space) == 0)
            return false;
    l->spaces++;
    return true;
}

/* The third word of a line is the device (proc(5)); no word before it can look like that. */
static bool has_mount(const char *pid, const char *device)
{
    char path[64], *line = NULL;
    size_t size = 0;
    bool has = false;
    FILE *mounts = fopen(of_process(pid, "mountinfo", path), "re");
    while (mounts && !has && getline(&line, &size, mounts) > 0)
        has = strstr(line, device) != NULL;
    free(line);
    if (mounts)
        fclose(mounts);
    return has;
}

static void name_of(const char *pid, char name[64])
{
    char path[64];
    FILE *f = fopen(of_process(pid, "comm", path), "re");
    if (!f || !fgets(name, 64, f))
        strcpy(name, "?");
    name[strcspn(name, "\n")] = '\0';
    if (f)
        fclose(f);
}

void elsewhere_list(const char *device, void (*tell)(void *to, int64_t pid, const char *name), void *to)
{
    struct looking l = {.spaces = 0};
    bool told = false;
    char name[64];
    DIR *processes = opendir("/proc");
    is_new_space(&l, "self");
    for (struct dirent *d; processes && (d = readdir(processes));) {
        if (!isdigit((unsigned char)d->d_name[0]) || !is_new_space(&l, d->d_name) ||
            !has_mount(d->d_name, device))
            continue;
        name_of(d->d_name, name);
        tell(to, atoll(d->d_name), name);
        told = true;
    }
    if (processes)
        closedir(processes);
    if (!told)
        tell(to, 0, "a mount namespace that cannot be seen from here");
}
