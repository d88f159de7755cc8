/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 31
#include "receive.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <unistd.h>

#include "reply.h"
#include "transfer.h"

#ifndef FOPEN_PARALLEL_DIRECT_WRITES /* of 6.2; who does not know it passes over it */
#define FOPEN_PARALLEL_DIRECT_WRITES (1 << 6)
#endif

static_assert(sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in) == HEAD_BYTES, "the kernel's");

/* A message in a slot. */
struct request {
    const struct fuse_in_header *head;
    const void *body;
    size_t body_bytes;
    struct slot *slot;
};

/* Each returns 0 if the request keeps its slot, or has been answered and has given it back; else the errno it
 * is to be answered with. */
typedef int receive_request(struct disk *disk, const struct request *r);

static void begin(struct disk *disk, const struct request *r, uint32_t op, uint32_t flags, uint64_t offset,
                  uint64_t len)
{
    struct slot *s = r->slot;
    s->op = op;
    s->flags = flags;
    s->unique = r->head->unique;
    s->offset_bytes = offset;
    s->len_bytes = len;
    transfer_begin(disk, s);
}

static void give_back(struct disk *disk, const struct request *r)
{
    pool_give(&disk->pool, r->slot);
}

/* How much of a range is on the disk. */
static uint64_t within(const struct disk *disk, uint64_t offset, uint64_t len)
{
    uint64_t size = disk->size_bytes;
    if (offset >= size)
        return 0;
    return len < size - offset ? len : size - offset;
}

static int on_read(struct disk *disk, const struct request *r)
{
    const struct fuse_read_in *in = r->body;
    uint64_t offset = in->offset, len = within(disk, offset, in->size);
    if (in->size > DATA_BYTES_MAX)
        return EINVAL;
    if (len) {
        begin(disk, r, BERTH_READ, 0, offset, len);
        return 0;
    }
    reply_number(disk->fd, r->head->unique, 0); /* no byte: the end */
    give_back(disk, r);
    return 0;
}

/* Behind its end a disk has no space, as the kernel says of its own. */
static int on_write(struct disk *disk, const struct request *r)
{
    const struct fuse_write_in *in = r->body;
    uint64_t len = within(disk, in->offset, in->size);
    if (r->body_bytes - sizeof *in < in->size)
        return EINVAL;
    if (disk->read_only)
        return EROFS;
    if (!len)
        return in->size ? ENOSPC : EINVAL;
    begin(disk, r, BERTH_WRITE, in->flags & O_DSYNC ? BERTH_FUA : 0, in->offset, len);
    return 0;
}

static int on_fsync(struct disk *disk, const struct request *r)
{
    begin(disk, r, BERTH_FLUSH, 0, 0, 0);
    return 0;
}

/* What a hole was punched in reads as zeros, whatever the LUN does with blocks that it may forget. Room for
 * what is to come cannot be had on a thin LUN, and is there on any other. */
static int on_fallocate(struct disk *disk, const struct request *r)
{
    const struct fuse_fallocate_in *in = r->body;
    bool punch = in->mode & FALLOC_FL_PUNCH_HOLE, zero = in->mode & FALLOC_FL_ZERO_RANGE;
    uint64_t len = within(disk, in->offset, in->length);
    if (in->mode & ~(uint32_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        return EOPNOTSUPP;
    if (disk->read_only)
        return EROFS;
    if (!(in->mode & FALLOC_FL_KEEP_SIZE) && len < in->length)
        return ENOSPC;
    if (!punch && !zero && disk->thin)
        return EOPNOTSUPP;
    if (len && (punch || zero)) {
        begin(disk, r, BERTH_ZERO, punch ? BERTH_MAY_TRIM : 0, in->offset, len);
        return 0;
    }
    reply_number(disk->fd, r->head->unique, 0);
    give_back(disk, r);
    return 0;
}

static int on_lseek(struct disk *disk, const struct request *r)
{
    const struct fuse_lseek_in *in = r->body;
    struct seek seek = {
        .unique = r->head->unique, .offset_bytes = in->offset, .hole = in->whence == SEEK_HOLE};
    if (in->whence != SEEK_HOLE && in->whence != SEEK_DATA)
        return EINVAL;
    if (!errands_seek(disk, &seek))
        return EBUSY;
    give_back(disk, r);
    return 0;
}

static int on_open(struct disk *disk, const struct request *r)
{
    const struct fuse_open_in *in = r->body;
    struct fuse_open_out out = {.open_flags = FOPEN_PARALLEL_DIRECT_WRITES | FOPEN_NOFLUSH};
    if (disk->read_only && (in->flags & O_ACCMODE) != O_RDONLY)
        return EROFS;
    if (disk->direct)
        out.open_flags |= FOPEN_DIRECT_IO;
    out.fh = openers_enter(&disk->openers, r->head->pid);
    reply_body(disk->fd, r->head->unique, &out, sizeof out);
    give_back(disk, r);
    return 0;
}

static int on_release(struct disk *disk, const struct request *r)
{
    const struct fuse_release_in *in = r->body;
    openers_leave(&disk->openers, in->fh);
    reply_number(disk->fd, r->head->unique, 0);
    give_back(disk, r);
    return 0;
}

/* Not answered itself. */
static int on_interrupt(struct disk *disk, const struct request *r)
{
    const struct fuse_interrupt_in *in = r->body;
    transfer_want_back(disk, in->unique);
    give_back(disk, r);
    return 0;
}

/* There is one file, and it stays. */
static int on_other_names(struct disk *disk, const struct request *r)
{
    (void)disk;
    (void)r;
    return EPERM;
}

/* What has no row here, and none in libfuse's table, ends as "not implemented". For extended attributes,
 * locks, ioctls and ranges to be copied that is what the kernel wants to hear: it does not ask again, and
 * tells programs that there is no such thing, or does it by itself. */
static const struct row {
    uint32_t opcode;
    size_t body_bytes;
    receive_request *receive;
} rows[] = {
    {FUSE_READ, sizeof(struct fuse_read_in), on_read},
    {FUSE_WRITE, sizeof(struct fuse_write_in), on_write},
    {FUSE_FSYNC, sizeof(struct fuse_fsync_in), on_fsync},
    {FUSE_FALLOCATE, sizeof(struct fuse_fallocate_in), on_fallocate},
    {FUSE_LSEEK, sizeof(struct fuse_lseek_in), on_lseek},
    {FUSE_OPEN, sizeof(struct fuse_open_in), on_open},
    {FUSE_RELEASE, sizeof(struct fuse_release_in), on_release},
    {FUSE_INTERRUPT, sizeof(struct fuse_interrupt_in), on_interrupt},
    {FUSE_CREATE, 0, on_other_names},
    {FUSE_MKNOD, 0, on_other_names},
    {FUSE_MKDIR, 0, on_other_names},
    {FUSE_SYMLINK, 0, on_other_names},
    {FUSE_LINK, 0, on_other_names},
    {FUSE_UNLINK, 0, on_other_names},
    {FUSE_RMDIR, 0, on_other_names},
    {FUSE_RENAME, 0, on_other_names},
    {FUSE_RENAME2, 0, on_other_names},
};

static const struct row *row_of(uint32_t opcode)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].opcode == opcode)
            return &rows[i];
    return NULL;
}

static void to_libfuse(struct disk *disk, struct slot *s, size_t len)
{
    struct fuse_buf buf = {.mem = s->data - HEAD_BYTES, .size = len};
    fuse_session_process_buf(disk->session, &buf);
    pool_give(&disk->pool, s);
}

static void dispatch(struct disk *disk, struct slot *s, size_t len)
{
    const struct fuse_in_header *head = (const void *)(s->data - HEAD_BYTES);
    struct request r = {.head = head, .body = head + 1, .body_bytes = len - sizeof *head, .slot = s};
    const struct row *row = row_of(head->opcode);
    if (!row) {
        to_libfuse(disk, s, len);
        return;
    }
    int number = r.body_bytes < row->body_bytes ? EIO : row->receive(disk, &r);
    if (number) {
        reply_number(disk->fd, head->unique, number);
        pool_give(&disk->pool, s);
    }
}

bool receive_turn(struct disk *disk)
{
    for (struct slot *s; (s = pool_take(&disk->pool));) {
        ssize_t n = read(disk->fd, s->data - HEAD_BYTES, RECEIVE_BYTES);
        if (n >= (ssize_t)sizeof(struct fuse_in_header)) {
            dispatch(disk, s, (size_t)n);
            if (disk->pool.used <= 1) /* who asks for one thing after the other has asked for no more */
                return true;
            continue;
        }
        int number = n < 0 ? errno : EIO;
        pool_give(&disk->pool, s);
        if (number == ENOENT || number == EINTR) /* it was taken back while we took it */
            continue;
        return number == EAGAIN;
    }
    return true;
}
