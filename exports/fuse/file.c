/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 31
#include "file.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <string.h>
#include <sys/stat.h>

#include "disk.h"

/* Attributes change only when we say so: see disk_resized(). */
#define VALID_S 86400.0

/* In flight at the kernel's own risk (asynchronous and read ahead); the rest of the slots is for those who
 * wait. */
#define BACKGROUND (SLOTS_MAX * 3 / 4)

static struct disk *disk_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

/* No writeback cache: a write has reached the LUN when it returns, and its error is that of who wrote. Dirty
 * pages that wait for a process to need memory for cleaning them are what a disk in user space can least
 * afford. No splice: answers with data do not come from libfuse. Truncating is refused, and so must be
 * opening for it. */
static void file_init(void *arg, struct fuse_conn_info *conn)
{
    struct disk *disk = arg;
    conn->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                              FUSE_CAP_SPLICE_MOVE | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_ATOMIC_O_TRUNC);
    conn->want |= conn->capable & (FUSE_CAP_ASYNC_DIO | FUSE_CAP_ASYNC_READ);
    conn->max_write = DATA_BYTES_MAX;
    conn->max_background = BACKGROUND;
    conn->congestion_threshold = BACKGROUND;
    disk->greeted = true;
}

static struct stat attributes(const struct disk *disk, fuse_ino_t node)
{
    struct stat st = {.st_ino = node, .st_uid = disk->uid, .st_gid = disk->gid, .st_blksize = disk->io_bytes};
    st.st_atim.tv_sec = st.st_mtim.tv_sec = st.st_ctim.tv_sec = disk->since_s;
    if (node == FUSE_ROOT_ID) {
        st.st_mode = S_IFDIR | 0500;
        st.st_nlink = 2;
        return st;
    }
    st.st_mode = S_IFREG | (disk->read_only ? 0400 : 0600);
    st.st_nlink = 1;
    st.st_size = (off_t)disk->size_bytes;
    st.st_blocks = st.st_size / 512;
    return st;
}

static void file_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    if (parent != FUSE_ROOT_ID || strcmp(name, FILE_NAME) != 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    struct fuse_entry_param e = {.ino = FILE_NODE,
                                 .attr = attributes(disk_of(req), FILE_NODE),
                                 .attr_timeout = VALID_S,
                                 .entry_timeout = VALID_S};
    fuse_reply_entry(req, &e);
}

static void reply_attributes(fuse_req_t req, fuse_ino_t node)
{
    struct stat st = attributes(disk_of(req), node);
    fuse_reply_attr(req, &st, VALID_S);
}

static void file_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *info)
{
    (void)info;
    reply_attributes(req, node);
}

/* A disk has the size, mode and owner that it has: who sets what is so already need not fail. Nor need who
 * sets times, which are of no interest, and stay. */
static bool would_change(const struct stat *now, const struct stat *st, int which)
{
    return (which & FUSE_SET_ATTR_SIZE && st->st_size != now->st_size) ||
           (which & FUSE_SET_ATTR_MODE && (st->st_mode ^ now->st_mode) & 07777) ||
           (which & FUSE_SET_ATTR_UID && st->st_uid != now->st_uid) ||
           (which & FUSE_SET_ATTR_GID && st->st_gid != now->st_gid);
}

static void file_setattr(fuse_req_t req, fuse_ino_t node, struct stat *st, int which,
                         struct fuse_file_info *info)
{
    (void)info;
    const struct stat now = attributes(disk_of(req), node);
    if (would_change(&now, st, which))
        fuse_reply_err(req, EPERM);
    else
        reply_attributes(req, node);
}

static void file_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t from,
                         struct fuse_file_info *info)
{
    static const struct {
        const char *name;
        fuse_ino_t node;
    } rows[] = {{".", FUSE_ROOT_ID}, {"..", FUSE_ROOT_ID}, {FILE_NAME, FILE_NODE}};
    char list[512];
    size_t used = 0, room = size < sizeof list ? size : sizeof list;
    (void)info;
    for (size_t i = (size_t)from; node == FUSE_ROOT_ID && i < sizeof rows / sizeof rows[0]; i++) {
        struct stat st = attributes(disk_of(req), rows[i].node);
        size_t need = fuse_add_direntry(req, list + used, room - used, rows[i].name, &st, (off_t)i + 1);
        if (need > room - used)
            break;
        used += need;
    }
    fuse_reply_buf(req, list, used);
}

static void file_statfs(fuse_req_t req, fuse_ino_t node)
{
    const struct disk *disk = disk_of(req);
    struct statvfs v = {
        .f_bsize = disk->io_bytes, .f_frsize = disk->block_bytes, .f_files = 1, .f_namemax = 255};
    (void)node;
    v.f_blocks = disk->size_bytes / disk->block_bytes;
    fuse_reply_statfs(req, &v);
}

const struct fuse_lowlevel_ops file_operations = {
    .init = file_init,
    .lookup = file_lookup,
    .getattr = file_getattr,
    .setattr = file_setattr,
    .readdir = file_readdir,
    .statfs = file_statfs,
};
