/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 31
#include "errands.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include "attach/unmount.h"
#include "disk.h"
#include "reply.h"

/* The first byte from `offset` on that is in a hole, or is not; the end counts as a hole. */
static int find(struct disk *disk, bool hole, uint64_t *offset)
{
    uint64_t size = disk->size_bytes, at = *offset - *offset % disk->block_bytes, len;
    while (at < size) {
        bool is_hole;
        uint64_t begun = disk_now_ns();
        int error = berth_extent(disk->lun, at, &len, &is_hole);
        if (disk->count)
            disk->count(disk->arg, DISK_EXTENT, 0, disk_now_ns() - begun, error);
        if (error)
            return reply_errno(error);
        if (is_hole == hole) {
            *offset = at > *offset ? at : *offset;
            return 0;
        }
        at += len && len < size - at ? len : size - at;
    }
    *offset = size;
    return hole ? 0 : ENXIO;
}

static void do_seek(struct disk *disk, const struct seek *seek)
{
    struct fuse_lseek_out out = {.offset = seek->offset_bytes};
    int number = seek->offset_bytes < disk->size_bytes ? find(disk, seek->hole, &out.offset) : ENXIO;
    if (number)
        reply_number(disk->fd, seek->unique, number);
    else
        reply_body(disk->fd, seek->unique, &out, sizeof out);
}

static void tell_user(void *to, int64_t pid, const char *name)
{
    char *text = to;
    size_t used = strlen(text);
    const char *comma = used ? ", " : "";
    if (pid)
        snprintf(text + used, 256 - used, "%s%s (pid %lld)", comma, name, (long long)pid);
    else
        snprintf(text + used, 256 - used, "%s%s", comma, name);
}

void errands_users(struct disk *disk, void (*tell)(void *to, int64_t pid, const char *name), void *to)
{
    char file[4096];
    snprintf(file, sizeof file, "%s/" FILE_NAME, disk->mountpoint);
    openers_list(&disk->openers, file, tell, to);
    if (atomic_load(&disk->errands.unmounted))
        elsewhere_list(disk->errands.device, tell, to);
}

static void say_busy(struct disk *disk, const char *then)
{
    char users[256] = "";
    errands_users(disk, tell_user, users);
    fprintf(stderr, "berth: %s is in use%s%s; %s\n", disk->mountpoint, *users ? " by " : "", users, then);
}

/* Unmounted, and asked a second later to do it again: mount namespaces that were made meanwhile have it
 * still. */
static void wait_for_others(struct disk *disk)
{
    bool known = atomic_exchange(&disk->errands.unmounted, true);
    if (!known)
        say_busy(disk, "it is unmounted here, and ends when it is there, too");
}

/* Whoever wants us to end does so every second until it works: that it is in use is said once. */
static void do_unmount(struct disk *disk)
{
    struct errands *e = &disk->errands;
    int number = e->gone ? 0 : unmount(disk->mountpoint, false);
    if (e->gone && e->device[0])
        wait_for_others(disk);
    e->gone = e->gone || number == 0 || number == EINVAL;
    if (number == EBUSY && !e->said_busy)
        say_busy(disk, "it is unmounted when it no longer is");
    else if (number && number != EBUSY && number != EINVAL && !e->said_busy)
        fprintf(stderr, "berth: cannot unmount %s: %s\n", disk->mountpoint, strerror(number));
    e->said_busy = number != 0;
}

/* The kernel asks for the attributes again, and drops what it has of the file's pages. */
static void do_resized(struct disk *disk)
{
    fuse_lowlevel_notify_inval_inode(disk->session, FILE_NODE, 0, 0);
}

/* Does one, without the lock. */
static bool do_next(struct disk *disk)
{
    struct errands *e = &disk->errands;
    if (e->seek_count) {
        struct seek seek = e->seek[0];
        memmove(e->seek, e->seek + 1, --e->seek_count * sizeof seek);
        pthread_mutex_unlock(&e->lock);
        do_seek(disk, &seek);
    } else if (e->resized) {
        e->resized = false;
        pthread_mutex_unlock(&e->lock);
        do_resized(disk);
    } else if (e->unmount) {
        e->unmount = false;
        pthread_mutex_unlock(&e->lock);
        do_unmount(disk);
    } else {
        return false;
    }
    pthread_mutex_lock(&e->lock);
    return true;
}

static void *run(void *arg)
{
    struct disk *disk = arg;
    struct errands *e = &disk->errands;
    pthread_mutex_lock(&e->lock);
    for (;;) {
        if (do_next(disk))
            continue;
        if (e->end)
            break;
        pthread_cond_wait(&e->wanted, &e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

int errands_begin(struct disk *disk)
{
    struct errands *e = &disk->errands;
    *e = (struct errands){.running = false};
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wanted, NULL);
    int number = pthread_create(&e->thread, NULL, run, disk);
    e->running = number == 0;
    return number;
}

/* The lock stays: the library may have a size to tell until the LUN is closed. */
void errands_end(struct disk *disk)
{
    struct errands *e = &disk->errands;
    if (!e->running)
        return;
    pthread_mutex_lock(&e->lock);
    e->end = true;
    pthread_cond_signal(&e->wanted);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
}

bool errands_seek(struct disk *disk, const struct seek *seek)
{
    struct errands *e = &disk->errands;
    pthread_mutex_lock(&e->lock);
    bool room = e->seek_count < SEEKS_MAX;
    if (room)
        e->seek[e->seek_count++] = *seek;
    pthread_cond_signal(&e->wanted);
    pthread_mutex_unlock(&e->lock);
    return room;
}

void errands_resized(struct disk *disk)
{
    pthread_mutex_lock(&disk->errands.lock);
    disk->errands.resized = true;
    pthread_cond_signal(&disk->errands.wanted);
    pthread_mutex_unlock(&disk->errands.lock);
}

void errands_unmount(struct disk *disk)
{
    pthread_mutex_lock(&disk->errands.lock);
    disk->errands.unmount = true;
    pthread_cond_signal(&disk->errands.wanted);
    pthread_mutex_unlock(&disk->errands.lock);
}
