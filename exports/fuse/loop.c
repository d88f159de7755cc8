/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "attach/unmount.h"
#include "disk.h"
#include "receive.h"
#include "transfer.h"

#define UNMOUNT_AGAIN_MS 1000

enum { WATCH_KERNEL, WATCH_LUN, WATCH_END, WATCHES };

uint64_t disk_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int take_all(struct disk *disk)
{
    if (disk->block_bytes > BLOCK_BYTES_MAX)
        return BERTH_E_LIMIT;
    int error = pool_init(&disk->pool, disk->block_bytes);
    if (!error)
        error = berth_queue_new(&disk->queue, disk->lun, SLOTS_MAX * IOS_OF_SLOT);
    return !error && errands_begin(disk) ? BERTH_E_SYSTEM : error;
}

int disk_begin(struct disk *disk, struct berth_detail *detail)
{
    openers_init(&disk->openers);
    int error = take_all(disk);
    detail->error = error;
    if (error)
        snprintf(detail->text, sizeof detail->text, "cannot begin to serve: %s", berth_error_text(error));
    return error;
}

void disk_end(struct disk *disk)
{
    errands_end(disk);
    berth_queue_free(disk->queue);
    pool_done(&disk->pool);
    openers_done(&disk->openers);
}

void disk_resized(struct disk *disk, uint64_t size_bytes)
{
    disk->size_bytes = size_bytes;
    errands_resized(disk);
}

/* Somebody wants us to end: what is in use stays until it no longer is. */
static void wind_up(struct disk *disk, struct pollfd *watch)
{
    if (watch[WATCH_END].revents) {
        watch[WATCH_END].fd = -1;
        disk->ending = true;
    }
    if (!disk->ending)
        return;
    uint64_t now = disk_now_ns();
    if (now < disk->unmount_next_ns)
        return;
    errands_unmount(disk);
    disk->unmount_next_ns = now + UNMOUNT_AGAIN_MS * 1000000ull;
}

static int patience_ms(struct disk *disk)
{
    int overdue = transfer_overdue(disk);
    if (disk->ending && (overdue < 0 || overdue > UNMOUNT_AGAIN_MS))
        return UNMOUNT_AGAIN_MS;
    return overdue;
}

static void tell_ready(struct disk *disk)
{
    if (!disk->greeted || disk->told_ready)
        return;
    disk->told_ready = true;
    disk->ready(disk->arg);
}

static bool turn(struct disk *disk, struct pollfd *watch)
{
    int wait_ms = patience_ms(disk);
    transfer_turn(disk);
    watch[WATCH_KERNEL].fd = disk->pool.free ? disk->fd : -1;
    if (poll(watch, WATCHES, wait_ms) < 0 && errno != EINTR)
        return false;
    if (disk->insisted(disk->arg)) {
        unmount(disk->mountpoint, true);
        transfer_abandon(disk);
        return false;
    }
    wind_up(disk, watch);
    if (watch[WATCH_KERNEL].revents && !receive_turn(disk))
        return false;
    tell_ready(disk);
    transfer_turn(disk);
    return true;
}

void disk_serve(struct disk *disk)
{
    struct pollfd watch[WATCHES] = {
        [WATCH_KERNEL] = {.fd = disk->fd, .events = POLLIN},
        [WATCH_LUN] = {.fd = berth_queue_fd(disk->queue), .events = POLLIN},
        [WATCH_END] = {.fd = disk->end_fd, .events = POLLIN},
    };
    while (turn(disk, watch))
        continue;
}
