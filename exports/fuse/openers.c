/* SPDX-License-Identifier: MIT */
#include "openers.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UNSEEN UINT32_MAX /* of a process that is not in our pid namespace */

void openers_init(struct openers *openers)
{
    memset(openers, 0, sizeof *openers);
    pthread_mutex_init(&openers->lock, NULL);
}

void openers_done(struct openers *openers)
{
    pthread_mutex_destroy(&openers->lock);
}

uint64_t openers_enter(struct openers *openers, uint32_t pid)
{
    pthread_mutex_lock(&openers->lock);
    uint32_t i = 0;
    while (i < OPENERS_MAX && openers->pid[i])
        i++;
    if (i < OPENERS_MAX)
        openers->pid[i] = pid ? pid : UNSEEN;
    openers->count++;
    pthread_mutex_unlock(&openers->lock);
    return i;
}

void openers_leave(struct openers *openers, uint64_t number)
{
    pthread_mutex_lock(&openers->lock);
    if (number < OPENERS_MAX)
        openers->pid[number] = 0;
    openers->count--;
    pthread_mutex_unlock(&openers->lock);
}

uint32_t openers_count(struct openers *openers)
{
    pthread_mutex_lock(&openers->lock);
    uint32_t count = openers->count;
    pthread_mutex_unlock(&openers->lock);
    return count;
}

/* The first line of a small file; false if there is none. */
static bool line_of(const char *path, char *line, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return true;
}

struct telling {
    void (*tell)(void *to, int64_t pid, const char *name);
    void *to;
    uint32_t told;
};

/* A loop device keeps the file after losetup has gone. */
static void tell_loops(const char *file, struct telling *t)
{
    char path[PATH_MAX], line[PATH_MAX];
    DIR *blocks = opendir("/sys/block");
    for (struct dirent *d; blocks && (d = readdir(blocks));) {
        if (strncmp(d->d_name, "loop", 4) != 0)
            continue;
        snprintf(path, sizeof path, "/sys/block/%s/loop/backing_file", d->d_name);
        if (!line_of(path, line, sizeof line) || strcmp(line, file) != 0)
            continue;
        snprintf(path, sizeof path, "/dev/%s", d->d_name);
        t->tell(t->to, 0, path);
        t->told++;
    }
    if (blocks)
        closedir(blocks);
}

/* Who opened it may have gone, and what it opened be held by another. */
static void tell_process(uint32_t pid, struct telling *t)
{
    char path[64], name[64];
    snprintf(path, sizeof path, "/proc/%u/comm", pid);
    if (pid == UNSEEN || !line_of(path, name, sizeof name))
        return;
    t->tell(t->to, pid, name);
    t->told++;
}

void openers_list(struct openers *openers, const char *path,
                  void (*tell)(void *to, int64_t pid, const char *name), void *to)
{
    struct telling t = {.tell = tell, .to = to};
    pthread_mutex_lock(&openers->lock);
    uint32_t count = openers->count, pid[OPENERS_MAX];
    memcpy(pid, openers->pid, sizeof pid);
    pthread_mutex_unlock(&openers->lock);
    if (!count)
        return;
    for (uint32_t i = 0; i < OPENERS_MAX; i++)
        if (pid[i])
            tell_process(pid[i], &t);
    tell_loops(path, &t);
    if (!t.told)
        tell(to, 0, "a process that cannot be seen from here");
}
