/* SPDX-License-Identifier: MIT */
/* "file:PATH": a file or block device through the page cache, which is the LU's volatile write cache.
 *
 * What the page cache holds is read in the target's own loop, or sent from there; all that may have to wait
 * for a disk is done by the workers (doc/decisions/0004-file-backend.md). With the option direct there is no
 * page cache in between, and everything waits for the disk. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>
#include "lu/lu.h"
#include "lu/page_cache.h"
#include "lu/workers.h"

struct file {
    int fd;
    bool direct;      /* O_DIRECT: memory must be aligned */
    bool in_memory;   /* no disk behind it: nothing waits */
    bool can_send;    /* pieces of it can be sent without being read */
    bool may_wait[2]; /* reads, writes: the file system cannot be asked not to */
    struct page_cache cache;
};

/* From this length on sendfile() of a piece costs less than to read it, and send it together with what else
 * is to be sent. */
#define SEND_MIN (128u * 1024)

#define SEGS_AT_ONCE 64
#define ZEROS_LEN    (64u * 1024)
#define DIRECT_ALIGN 4096u         /* no file system asks for more; the target's buffers are so, too */
#define BOUNCE_LEN   (256u * 1024) /* of what is not, at once */

static int fd_of(const struct lu *lu)
{
    const struct file *file = lu->store;
    return file->fd;
}

/* --- open and close --- */

/* Why a path did not open, with what to do about it. */
static int refuse_open(const struct lu *lu, const char *path, const struct lu_reason *why)
{
    if (errno == EINVAL && lu->direct)
        return lu_refuse(why, "file:%s is on a file system without direct I/O: leave ,direct out", path);
    switch (errno) {
    case ENOENT:
        return lu_refuse(why, "file:%s does not exist: create it with truncate -s 1G '%s'", path, path);
    case ENOTDIR:
        return lu_refuse(why, "file:%s leads through something that is no directory: check the path", path);
    case EISDIR:
        return lu_refuse(why, "file:%s is a directory: name a file in it", path);
    case EACCES:
    case EPERM:
        return lu_refuse(why, "file:%s may not be %s by this user: change its permissions%s", path,
                         lu->read_only ? "read" : "written", lu->read_only ? "" : " or append ,ro");
    case EROFS:
        return lu_refuse(why, "file:%s is on a read-only file system: append ,ro to serve it read-only",
                         path);
    default:
        return lu_refuse(why, "file:%s cannot be opened (%s): check the path", path, strerror(errno));
    }
}

static int check_kind(int fd, const char *path, const struct lu_reason *why)
{
    struct stat st;
    if (fstat(fd, &st))
        return lu_refuse(why, "file:%s cannot be examined (%s): check the path", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return lu_refuse(why, "file:%s is a directory: name a file in it", path);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return lu_refuse(why, "file:%s is neither a file nor a block device: name one that is", path);
    return 0;
}

static int lock(const struct lu *lu, int fd, const char *path, const struct lu_reason *why)
{
    if (!flock(fd, (lu->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
        return 0;
    if (errno == EWOULDBLOCK)
        return lu_refuse(why, "file:%s is in use by another program: stop that one%s", path,
                         lu->read_only ? "" : ", or serve the file with ,ro from both");
    return lu_refuse(why, "file:%s cannot be locked (%s): put it on a file system that knows locks", path,
                     strerror(errno));
}

static int measure(struct lu *lu, int fd, const char *what, const struct lu_reason *why)
{
    off_t end = lseek(fd, 0, SEEK_END); /* fstat tells no size of a block device */
    if (end < 0)
        return lu_refuse(why, "%s tells no size (%s): name a file or a block device", what, strerror(errno));
    lu->size = (uint64_t)end;
    return 0;
}

/* Somebody has made the file longer or shorter. */
static int file_resize(struct lu *lu, uint64_t size, const struct lu_reason *why)
{
    struct file *file = lu->store;
    char name[16];
    snprintf(name, sizeof name, "LUN %u", lu->number);
    if (size > 0)
        return lu_refuse(why, "%s is as large as its file: change that with truncate, then ask for no size",
                         name);
    page_cache_forget(&file->cache);
    int error = measure(lu, file->fd, name, why);
    file->cache.size = lu->size;
    return error;
}

static bool is_memory(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* Few file systems know no splice(), which is what sendfile() does. */
static bool can_send(int fd)
{
    int ends[2];
    off_t from = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    bool can = splice(fd, &from, ends[1], NULL, 1, 0) >= 0;
    close(ends[0]);
    close(ends[1]);
    return can;
}

/* The block must be a unit that the disk can be asked for. */
static int try_direct(const struct lu *lu, int fd, const char *path, const struct lu_reason *why)
{
    void *block = aligned_alloc(DIRECT_ALIGN, DIRECT_ALIGN);
    ssize_t n = block ? pread(fd, block, lu->block, 0) : 0;
    bool fits = n >= 0 || errno != EINVAL;
    free(block);
    if (fits)
        return 0;
    return lu_refuse(why, "file:%s takes direct I/O only in larger blocks than %u bytes: %s", path, lu->block,
                     lu->block == 512 ? "append ,block=4096" : "leave ,direct out");
}

static int adopt(struct lu *lu, int fd, const char *path, const struct lu_reason *why)
{
    if (check_kind(fd, path, why) || lock(lu, fd, path, why) || measure(lu, fd, path, why))
        return -1;
    if (lu->direct && try_direct(lu, fd, path, why))
        return -1;
    struct file *file = malloc(sizeof *file);
    if (!file)
        return lu_refuse(why, "file:%s cannot be opened (out of memory): free some and start again", path);
    *file = (struct file){.fd = fd, .direct = lu->direct, .in_memory = is_memory(fd)};
    file->can_send = !lu->direct && can_send(fd);
    file->may_wait[0] = file->may_wait[1] = lu->direct;
    file->cache = (struct page_cache){.fd = fd, .size = lu->size};
    lu->store = file;
    lu->write_cache = !lu->read_only;
    return 0;
}

static int file_open(struct lu *lu, const char *where, const struct lu_reason *why)
{
    /* O_NONBLOCK: a FIFO would wait for its other end before it could be refused. */
    int flags = (lu->read_only ? O_RDONLY : O_RDWR) | (lu->direct ? O_DIRECT : 0);
    int fd = open(where, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse_open(lu, where, why);
    if (!adopt(lu, fd, where, why))
        return 0;
    close(fd);
    return -1;
}

static void file_close(struct lu *lu)
{
    struct file *file = lu->store;
    page_cache_forget(&file->cache);
    close(file->fd); /* gives the lock back too */
    free(lu->store);
}

/* --- data --- */

/* Vectors for what is left of `e` behind `done`; 0 when it holds something that is no memory. */
static int gather(const struct extent *e, uint64_t done, struct iovec *iov)
{
    struct berth_seg segs[SEGS_AT_ONCE];
    uint64_t covered;
    uint32_t count = extent_slice(e, done, e->len - done, segs, SEGS_AT_ONCE, &covered);

    for (uint32_t i = 0; i < count; i++) {
        if (segs[i].kind == BERTH_SEG_FILE)
            return 0;
        iov[i] = (struct iovec){segs[i].base, segs[i].len};
    }
    return (int)count;
}

typedef ssize_t mover(int fd, const struct iovec *iov, int count, off_t offset, int flags);

static int transfer(int fd, uint64_t offset, const struct extent *e, mover *move, int flags)
{
    for (uint64_t done = 0; done < e->len;) {
        struct iovec iov[SEGS_AT_ONCE];
        int count = gather(e, done, iov);
        if (count == 0)
            return -EINVAL;
        ssize_t n = move(fd, iov, count, (off_t)(offset + done), flags);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO; /* somebody made the file shorter */
        done += (uint64_t)n;
    }
    return 0;
}

static bool aligned(const struct extent *e)
{
    struct berth_seg seg;
    for (uint64_t done = 0, got; done < e->len; done += got)
        if (extent_slice(e, done, e->len - done, &seg, 1, &got) == 0 ||
            (uintptr_t)seg.base % DIRECT_ALIGN != 0 || seg.len % 512 != 0)
            return false;
    return true;
}

/* By way of memory that is aligned: for the parts of rare commands. */
static int bounce(int fd, uint64_t offset, const struct extent *e, bool write)
{
    uint8_t *buffer = aligned_alloc(DIRECT_ALIGN, BOUNCE_LEN);
    int error = buffer ? 0 : -ENOMEM;
    for (uint64_t done = 0; done < e->len && !error; done += BOUNCE_LEN) {
        struct berth_seg seg = seg_memory(buffer, e->len - done < BOUNCE_LEN ? e->len - done : BOUNCE_LEN);
        const struct extent part = {&seg, 1, 0, seg.len};
        if (write)
            extent_read(e, done, buffer, seg.len);
        error = transfer(fd, offset + done, &part, write ? pwritev2 : preadv2, 0);
        if (!write && !error)
            extent_write(e, done, buffer, seg.len);
    }
    free(buffer);
    return error;
}

static int file_read(struct lu *lu, uint64_t offset, const struct extent *to)
{
    const struct file *file = lu->store;
    if (file->direct && !aligned(to))
        return bounce(file->fd, offset, to, false);
    return transfer(file->fd, offset, to, preadv2, 0);
}

static int file_write(struct lu *lu, uint64_t offset, const struct extent *from)
{
    const struct file *file = lu->store;
    if (file->direct && !aligned(from))
        return bounce(file->fd, offset, from, true);
    return transfer(file->fd, offset, from, pwritev2, 0);
}

static int file_flush(struct lu *lu)
{
    if (lu->read_only)
        return 0;
    return fdatasync(fd_of(lu)) ? -errno : 0;
}

/* --- without waiting --- */

/* Moves it all if that is possible without waiting for a disk. What has been moved before that turned out not
 * to be so is moved again. */
static bool move_at_once(struct lu_io *io)
{
    struct file *file = io->lu->store;
    bool write = io->kind == LU_WRITE;
    if (file->may_wait[write] || io->fua)
        return false;
    io->error = transfer(file->fd, io->offset, &io->data, write ? pwritev2 : preadv2, RWF_NOWAIT);
    file->may_wait[write] = io->error == -EOPNOTSUPP;
    return io->error == 0;
}

static void file_start(struct lu *lu, struct lu_io *io)
{
    const struct file *file = lu->store;
    bool moves = io->kind == LU_READ || io->kind == LU_WRITE;
    if (!lu->workers || file->in_memory) {
        lu_run(io);
    } else if (!moves || !move_at_once(io)) {
        workers_run(lu->workers, io, lu_run);
        return;
    }
    io->done(io);
}

/* A file that somebody made shorter has nothing to send there, and that would take the link down; to read it
 * fails with a status. */
static bool reaches(const struct file *file, uint64_t end)
{
    struct stat st;
    return fstat(file->fd, &st) == 0 && (!S_ISREG(st.st_mode) || end <= (uint64_t)st.st_size);
}

static bool file_segment(struct lu *lu, uint64_t offset, uint64_t len, struct berth_seg *seg)
{
    struct file *file = lu->store;
    if (len < SEND_MIN || !file->can_send || !reaches(file, offset + len))
        return false;
    if (!file->in_memory && !page_cache_holds(&file->cache, offset, len))
        return false;
    *seg =
        (struct berth_seg){.kind = BERTH_SEG_FILE, .index = (uint32_t)file->fd, .offset = offset, .len = len};
    return true;
}

/* --- holes --- */

static int write_zeros(struct lu *lu, uint64_t offset, uint64_t len)
{
    static const uint8_t zeros[ZEROS_LEN] __attribute__((aligned(DIRECT_ALIGN)));
    int error = 0;
    for (uint64_t done = 0; done < len && !error; done += ZEROS_LEN) {
        uint64_t part = len - done < ZEROS_LEN ? len - done : ZEROS_LEN;
        struct berth_seg seg = seg_memory(zeros, part);
        error = file_write(lu, offset + done, &(struct extent){&seg, 1, 0, part});
    }
    return error;
}

static int file_punch(struct lu *lu, uint64_t offset, uint64_t len)
{
    if (len == 0)
        return 0;
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, result;
    do
        result = fallocate(fd_of(lu), mode, (off_t)offset, (off_t)len);
    while (result && errno == EINTR);
    if (result && (errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODEV))
        return write_zeros(lu, offset, len); /* no holes here: zeros are what it must read as */
    return result ? -errno : 0;
}

/* Where the next data or hole begins, `end` when there is none before it, `unknown` where nobody can tell. */
static uint64_t seek_next(const struct lu *lu, uint64_t offset, uint64_t end, int whence, uint64_t unknown)
{
    off_t found = lseek(fd_of(lu), (off_t)offset, whence);
    if (found < 0)
        return errno == ENXIO ? end : unknown;
    return (uint64_t)found < end ? (uint64_t)found : end;
}

/* Somebody made the file shorter. What is missing is no hole, which would read as zeros: it does not read at
 * all.
 */
static bool cut_short(const struct lu *lu)
{
    off_t end = lseek(fd_of(lu), 0, SEEK_END);
    return end >= 0 && (uint64_t)end < lu->size;
}

static int file_map(struct lu *lu, uint64_t offset, uint64_t *len, bool *allocated)
{
    if (cut_short(lu)) {
        *allocated = true;
        return 0;
    }
    uint64_t end = offset + *len;
    uint64_t data = seek_next(lu, offset, end, SEEK_DATA, offset); /* unknown: everything is there */
    uint64_t gap = (data - offset) / lu->block * lu->block; /* a block with any data in it is allocated */

    *allocated = gap == 0;
    *len = gap;
    if (gap > 0)
        return 0;
    uint64_t hole = seek_next(lu, data, end, SEEK_HOLE, end);
    *len = (hole - offset + lu->block - 1) / lu->block * lu->block;
    return 0;
}

const struct lu_backend lu_file = {
    .name = "file",
    .open = file_open,
    .read = file_read,
    .write = file_write,
    .flush = file_flush,
    .punch = file_punch,
    .map = file_map,
    .segment = file_segment,
    .start = file_start,
    .resize = file_resize,
    .close = file_close,
};
