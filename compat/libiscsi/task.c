/* SPDX-License-Identifier: MIT */
/* struct scsi_task, which callers allocate too: whatever is one was made by malloc() and may be freed. Tasks
 * that were given back wait for their next use on the thread that did so. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "parts.h"

#define SPARE_MAX  256u
#define SPARE_SIZE (-1) /* of a spare one's CDB */

struct scsi_allocated_memory {
    struct scsi_allocated_memory *next;
    max_align_t bytes[];
};

/* --- spare ones --- */

struct spare {
    struct scsi_task *first; /* linked by `ptr` */
    uint32_t count;
};

static _Thread_local struct spare spare;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void drop_spare(void *arg)
{
    struct spare *s = arg;
    while (s->first) {
        struct scsi_task *task = s->first;
        s->first = task->ptr;
        free(task);
    }
    s->count = 0;
}

static void make_key(void)
{
    pthread_key_create(&key, drop_spare);
}

static void keep(struct scsi_task *task)
{
    if (spare.count == SPARE_MAX) {
        free(task);
        return;
    }
    if (spare.count == 0) { /* for when the thread ends */
        pthread_once(&once, make_key);
        pthread_setspecific(key, &spare);
    }
    task->cdb_size = SPARE_SIZE;
    task->ptr = spare.first;
    spare.first = task;
    spare.count++;
}

/* Freed by its caller before: were it kept once more, two commands would have the same task. */
static bool is_spare(const struct scsi_task *task)
{
    const struct scsi_task *s = task->cdb_size == SPARE_SIZE ? spare.first : NULL;
    while (s && s != task)
        s = s->ptr;
    return s != NULL;
}

static struct scsi_task *take(void)
{
    struct scsi_task *task = spare.first;
    if (!task)
        return malloc(sizeof *task);
    spare.first = task->ptr;
    spare.count--;
    return task;
}

/* --- tasks --- */

API struct scsi_task *scsi_create_task(int cdb_size, unsigned char *cdb, int xfer_dir, int expxferlen)
{
    struct scsi_task *task = cdb_size > 0 && cdb_size <= SCSI_CDB_MAX_SIZE ? take() : NULL;
    if (!task)
        return NULL;
    memset(task, 0, sizeof *task);
    memcpy(task->cdb, cdb, (size_t)cdb_size);
    task->cdb_size = cdb_size;
    task->xfer_dir = xfer_dir;
    task->expxferlen = expxferlen;
    return task;
}

struct scsi_task *task_new(const uint8_t *cdb, int size, int direction, uint32_t length)
{
    uint8_t copy[SCSI_CDB_MAX_SIZE];
    memcpy(copy, cdb, (size_t)size);
    return scsi_create_task(size, copy, direction, (int)length);
}

API void scsi_free_scsi_task(struct scsi_task *task)
{
    if (!task || is_spare(task))
        return;
    while (task->mem) {
        struct scsi_allocated_memory *m = task->mem;
        task->mem = m->next;
        free(m);
    }
    free(task->datain.data);
    keep(task);
}

API void *scsi_malloc(struct scsi_task *task, size_t size)
{
    struct scsi_allocated_memory *m = size <= SIZE_MAX - sizeof *m ? calloc(1, sizeof *m + size) : NULL;
    if (!m)
        return NULL;
    m->next = task->mem;
    task->mem = m;
    return m->bytes;
}

API void scsi_set_task_private_ptr(struct scsi_task *task, void *ptr)
{
    task->ptr = ptr;
}

API void *scsi_get_task_private_ptr(struct scsi_task *task)
{
    return task->ptr;
}

API int scsi_task_get_status(struct scsi_task *task, struct scsi_sense *sense)
{
    if (sense)
        *sense = task->sense;
    return task->status;
}

/* --- the caller's memory --- */

static void use(struct scsi_task *task, struct scsi_iovec *iov, int count, bool in)
{
    struct scsi_iovector *v = in ? &task->iovector_in : &task->iovector_out;
    *v = (struct scsi_iovector){.iov = iov, .niov = count};
}

API void scsi_task_set_iov_in(struct scsi_task *task, struct scsi_iovec *iov, int niov)
{
    use(task, iov, niov, true);
}

API void scsi_task_set_iov_out(struct scsi_task *task, struct scsi_iovec *iov, int niov)
{
    use(task, iov, niov, false);
}

/* Only lists that were made here grow: `nalloc` of those that callers have set is 0. */
static int add_buffer(struct scsi_task *task, struct scsi_iovector *v, int len, unsigned char *buf)
{
    if (len < 0)
        return -1;
    if (v->niov == v->nalloc || !v->nalloc) {
        int room = v->niov < 4 ? 8 : 2 * v->niov;
        struct scsi_iovec *more = scsi_malloc(task, (size_t)room * sizeof *more);
        if (!more)
            return -1;
        if (v->niov)
            memcpy(more, v->iov, (size_t)v->niov * sizeof *more);
        v->iov = more;
        v->nalloc = room;
    }
    v->iov[v->niov++] = (struct scsi_iovec){buf, (size_t)len};
    return 0;
}

API int scsi_task_add_data_in_buffer(struct scsi_task *task, int len, unsigned char *buf)
{
    return add_buffer(task, &task->iovector_in, len, buf);
}

API int scsi_task_add_data_out_buffer(struct scsi_task *task, int len, unsigned char *buf)
{
    return add_buffer(task, &task->iovector_out, len, buf);
}
