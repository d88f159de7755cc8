/* SPDX-License-Identifier: MIT */
/* fio's ioengine=external on libberth. A job has a session and a queue of its own; fio makes its jobs
 * processes or threads, and either opens here what it uses. queue() hands an I/O to the library, which sends
 * nothing yet; commit() has all of them sent; what has been reaped waits in `reaped` until fio asks for it.
 */
#include <berth/berth.h>
#include <stdlib.h>
#include <string.h>

#include "fio.h"
#include "opening.h"
#include "optgroup.h"

struct job_options {
    void *pad; /* fio takes an option at offset 0 for one that has no place */
    struct opening opening;
};

struct job {
    struct berth_lun *lun;
    struct berth_queue *queue;
    struct berth_done *reaped; /* as many as may be in flight */
    uint32_t reaped_count;
    uint32_t shown; /* so many of them are with fio since the last getevents() */
    uint32_t outstanding;
    struct io_u **queued; /* since the last commit() */
    uint32_t queued_count;
    uint32_t depth;
    bool complained;
};

#define TEXT(word, member, what)                                                                             \
    {                                                                                                        \
        .name = word, .lname = "berth " word, .type = FIO_OPT_STR_STORE,                                     \
        .off1 = offsetof(struct job_options, opening.member), .help = what, .category = FIO_OPT_C_ENGINE,    \
        .group = FIO_OPT_G_INVALID,                                                                          \
    }

static struct fio_option options[] = {
    TEXT("url", url, "iscsi://[user@]host[:port]/target-name/lun"),
    TEXT("user", user, "log in with CHAP under this name"),
    TEXT("secret_file", secret_file, "the user's secret"),
    TEXT("mutual_user", mutual_user, "name under which the target must prove itself"),
    TEXT("mutual_secret_file", mutual_secret_file, "the target's own secret"),
    TEXT("initiator_name", initiator_name, "our iSCSI name"),
    TEXT("digest", digest, "checksum none, header, data or both"),
    {.name = NULL},
};

static struct berth_lun *open_lun(struct thread_data *td)
{
    struct job_options *o = td->eo;
    struct berth_detail detail = {.text =
                                      "the option url is missing; say --url=iscsi://host/target-name/lun"};
    struct berth_lun *lun = NULL;
    o->opening.depth = td->o.iodepth < 1024 ? td->o.iodepth : 1024;
    if (!o->opening.url || opening_lun(&lun, &o->opening, &detail))
        log_err("berth: %s: %s\n", td->o.name, detail.text);
    return lun;
}

/* Before the jobs are started: their LUN's size. The session does not outlive this, for a job may become a
 * process. */
static int job_setup(struct thread_data *td)
{
    struct berth_lun *lun = open_lun(td);
    struct job *job = calloc(1, sizeof *job);
    if (!lun || !job) {
        berth_lun_close(lun);
        free(job);
        return 1;
    }
    td->io_ops_data = job;
    if (!td->files_index) {
        add_file(td, "berth", 0, 0);
        td->o.nr_files = td->o.nr_files ? td->o.nr_files : 1;
        td->o.open_files++;
    }
    td->files[0]->real_file_size = berth_lun_info(lun)->size_bytes;
    berth_lun_close(lun);
    return 0;
}

static bool blocks_fit(const struct thread_data *td, uint32_t block_bytes)
{
    for (int ddir = 0; ddir < DDIR_RWDIR_CNT; ddir++)
        if (td->o.min_bs[ddir] % block_bytes) {
            log_err("berth: %s: the LUN has blocks of %u bytes; bs and the like must be multiples of that\n",
                    td->o.name, block_bytes);
            return false;
        }
    return true;
}

static int job_init(struct thread_data *td)
{
    struct job *job = td->io_ops_data;
    job->depth = td->o.iodepth;
    job->lun = open_lun(td);
    if (!job->lun || !blocks_fit(td, berth_lun_info(job->lun)->block_bytes))
        return 1;
    job->reaped = calloc(job->depth, sizeof *job->reaped);
    job->queued = calloc(job->depth, sizeof *job->queued);
    int error =
        job->reaped && job->queued ? berth_queue_new(&job->queue, job->lun, job->depth) : BERTH_E_MEMORY;
    if (error)
        log_err("berth: %s: no queue for iodepth=%u: %s\n", td->o.name, job->depth, berth_error_text(error));
    return error != BERTH_OK;
}

static void job_cleanup(struct thread_data *td)
{
    struct job *job = td->io_ops_data;
    if (!job)
        return;
    berth_lun_close(job->lun);
    free(job->reaped);
    free(job->queued);
    free(job);
    td->io_ops_data = NULL;
}

/* The segment has to stay as it is while the I/O is under way. */
static int io_init(struct thread_data *td, struct io_u *io)
{
    (void)td;
    io->engine_data = calloc(1, sizeof(struct berth_seg));
    return io->engine_data ? 0 : ENOMEM;
}

static void io_free(struct thread_data *td, struct io_u *io)
{
    (void)td;
    free(io->engine_data);
    io->engine_data = NULL;
}

static bool operation(const struct io_u *io, uint32_t *op)
{
    switch (io->ddir) {
    case DDIR_READ:
        *op = BERTH_READ;
        return true;
    case DDIR_WRITE:
        *op = BERTH_WRITE;
        return true;
    case DDIR_TRIM:
        *op = BERTH_TRIM;
        return true;
    case DDIR_SYNC:
    case DDIR_DATASYNC:
    case DDIR_SYNC_FILE_RANGE:
        *op = BERTH_FLUSH;
        return true;
    default:
        return false;
    }
}

static void describe(struct io_u *io, struct berth_io *out, uint32_t op)
{
    struct berth_seg *seg = io->engine_data;
    *out = (struct berth_io){.op = op, .tag = (uint64_t)(uintptr_t)io};
    if (op == BERTH_FLUSH)
        return;
    out->offset_bytes = io->offset;
    out->len_bytes = io->xfer_buflen;
    if (op == BERTH_TRIM)
        return;
    *seg = (struct berth_seg){.base = io->xfer_buf, .len = io->xfer_buflen};
    out->segs = seg;
    out->seg_count = 1;
}

/* fio tells the number; the first of a job is told in words as well. */
static void failed(struct thread_data *td, struct io_u *io, int error)
{
    struct job *job = td->io_ops_data;
    io->error = berth_error_errno(error);
    if (!job->complained)
        log_err("berth: %s: %s\n", td->o.name, berth_error_text(error));
    job->complained = true;
}

static enum fio_q_status job_queue(struct thread_data *td, struct io_u *io)
{
    struct job *job = td->io_ops_data;
    struct berth_io out;
    uint32_t op;
    fio_ro_check(td, io);
    io->error = 0;
    if (!operation(io, &op)) {
        io->error = EOPNOTSUPP;
        return FIO_Q_COMPLETED;
    }
    describe(io, &out, op);
    int n = berth_queue_submit(job->queue, &out, 1);
    if (n == BERTH_E_QUEUE_FULL)
        return FIO_Q_BUSY;
    if (n != 1) {
        failed(td, io, n);
        return FIO_Q_COMPLETED;
    }
    job->outstanding++;
    job->queued[job->queued_count++] = io;
    return FIO_Q_QUEUED;
}

/* Works on the LUN until `min` are there. */
static int reap(struct job *job, uint32_t min, int timeout_ms)
{
    uint32_t room = job->depth - job->reaped_count;
    int n = berth_queue_reap(job->queue, job->reaped + job->reaped_count, min < room ? min : room, room,
                             timeout_ms);
    if (n > 0) {
        job->reaped_count += (uint32_t)n;
        job->outstanding -= (uint32_t)n;
    }
    return n;
}

/* Before that it is submission latency (slat), from here on completion latency (clat). */
static void note_issue(struct thread_data *td, struct job *job)
{
    struct timespec now;
    fio_gettime(&now, NULL);
    for (uint32_t i = 0; i < job->queued_count; i++) {
        job->queued[i]->issue_time = now;
        io_u_queued(td, job->queued[i]);
    }
    io_u_mark_submit(td, job->queued_count);
    job->queued_count = 0;
}

static int job_commit(struct thread_data *td)
{
    note_issue(td, td->io_ops_data);
    int n = reap(td->io_ops_data, 0, 0);
    return n < 0 ? -berth_error_errno(n) : 0;
}

static void drop_shown(struct job *job)
{
    job->reaped_count -= job->shown;
    memmove(job->reaped, job->reaped + job->shown, job->reaped_count * sizeof *job->reaped);
    job->shown = 0;
}

static int job_getevents(struct thread_data *td, unsigned min, unsigned max, const struct timespec *t)
{
    struct job *job = td->io_ops_data;
    int timeout_ms = t ? (int)(t->tv_sec * 1000 + (t->tv_nsec + 999999) / 1000000) : -1;
    int n;
    drop_shown(job);
    do { /* a signal ends a wait */
        uint32_t missing = job->reaped_count < min ? min - job->reaped_count : 0;
        n = reap(job, missing, timeout_ms);
        if (n < 0)
            return -berth_error_errno(n);
    } while (job->reaped_count < min && job->outstanding && !t);
    job->shown = job->reaped_count < max ? job->reaped_count : max;
    return (int)job->shown;
}

static struct io_u *job_event(struct thread_data *td, int event)
{
    struct job *job = td->io_ops_data;
    const struct berth_done *done = &job->reaped[event];
    struct io_u *io = (struct io_u *)(uintptr_t)done->tag;
    if (done->error) {
        failed(td, io, done->error);
        io->resid = done->residual_bytes;
    }
    return io;
}

static int nothing_to_open(struct thread_data *td, struct fio_file *file)
{
    (void)td;
    (void)file;
    return 0;
}

struct ioengine_ops ioengine = {
    .name = "berth",
    .version = FIO_IOOPS_VERSION,
    .flags = FIO_DISKLESSIO | FIO_NOEXTEND | FIO_RAWIO | FIO_NODISKUTIL | FIO_ASYNCIO_SETS_ISSUE_TIME,
    .options = options,
    .option_struct_size = sizeof(struct job_options),
    .setup = job_setup,
    .init = job_init,
    .cleanup = job_cleanup,
    .io_u_init = io_init,
    .io_u_free = io_free,
    .queue = job_queue,
    .commit = job_commit,
    .getevents = job_getevents,
    .event = job_event,
    .open_file = nothing_to_open,
    .close_file = nothing_to_open,
    .invalidate = nothing_to_open,
};
