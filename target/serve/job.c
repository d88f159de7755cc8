/* SPDX-License-Identifier: MIT */
/* One command of one session: memory for its data, execution on the logical unit, the answer. */
#include <stdlib.h>
#include <string.h>
#include "scsi/cdb.h"
#include "serve/target.h"

static struct job *job_take(struct target *t)
{
    struct list *node = list_pop(&t->jobs);
    struct job *job = node ? list_entry(node, struct job, link) : malloc(sizeof *job);
    if (!job)
        return NULL;
    list_init(&job->link);
    job->target = t;
    job->memory = NULL;
    job->memory_len = 0;
    return job;
}

static bool job_memory(struct job *job, uint32_t len)
{
    job->memory = pool_take(&job->target->pool, len);
    job->memory_len = len;
    return job->memory != NULL;
}

static void command_done(struct command *c);

static struct job *describe(struct target_session *ts, struct task *task)
{
    struct job *job = job_take(ts->target);
    struct conn_facts facts;
    if (!job)
        return NULL;
    task->owner = job;
    job->task = task;
    job->session = ts->session;
    conn_facts(ts->conn, &facts);
    struct command *c = &job->command;
    memset(c, 0, offsetof(struct command, reply));
    c->nexus = &ts->nexus;
    c->lun = task->lun;
    c->cdb = task->cdb;
    c->cdb_len = task->cdb_len;
    c->edtl_in = task->read ? task->edtl : 0;
    c->edtl_out = task->write ? task->edtl : 0;
    c->may_peek = !facts.data_digest; /* what a digest was computed over must not change on its way out */
    c->done = command_done;
    c->user = job;
    return job;
}

/* Data is about to come. A command that takes none, or one there is no memory for, gets none: the core
 * swallows what was sent unasked and asks for nothing. */
void job_begin(void *owner, struct task *task)
{
    struct job *job = describe(owner, task);
    if (!job || command_data_out(&job->command) == 0 || !job_memory(job, task->edtl))
        return;
    job->seg = seg_memory(job->memory, task->edtl);
    task->data = (struct extent){.segs = &job->seg, .count = 1, .len = task->edtl};
}

void job_end(void *owner, struct task *task)
{
    struct target_session *ts = owner;
    struct job *job = task->owner;
    if (!job)
        return;
    task->owner = NULL;
    pool_give(&ts->target->pool, job->memory, job->memory_len);
    list_push(&ts->target->jobs, &job->link);
}

/* What the CDB takes against what the initiator expected to send (11.4.5). */
static void write_residual(struct task *task, uint32_t wanted)
{
    if (wanted == task->edtl)
        return;
    task->residual_kind = wanted > task->edtl ? WIRE_RESIDUAL_OVERFLOW : WIRE_RESIDUAL_UNDERFLOW;
    task->residual = wanted > task->edtl ? wanted - task->edtl : task->edtl - wanted;
}

static void command_done(struct command *c)
{
    struct job *job = c->user;
    struct task *task = job->task;
    task->status = c->status;
    task->sense_len = c->sense_len;
    memcpy(task->sense, c->sense, c->sense_len);
    if (task->write)
        write_residual(task, job->takes);
    if (task->read)
        task->data = c->data_in;
    session_respond(job->session, task);
}

static void refuse(struct target_session *ts, struct task *task)
{
    task->status = SCSI_BUSY;
    task->data.len = 0;
    session_respond(ts->session, task);
}

void job_execute(struct target_session *ts, struct task *task)
{
    struct job *job = task->owner ? task->owner : describe(ts, task);
    if (!job) {
        refuse(ts, task);
        return;
    }
    struct command *c = &job->command;
    uint32_t in = command_data_in(c), out = command_data_out(c);
    bool starved = (out > 0 && task->edtl > 0 && task->write && !job->memory) ||
                   (in > 0 && !job->memory && !job_memory(job, in));
    if (starved) {
        refuse(ts, task);
        return;
    }
    job->takes = out; /* before the LU's state may change again */
    if (task->write && job->memory)
        c->data_out = (struct extent){.segs = &job->seg, .count = 1, .len = task->moved};
    c->memory = job->memory;
    command_execute(c);
}

void jobs_free(struct target *t)
{
    struct list *node;
    while ((node = list_pop(&t->jobs)) != NULL)
        free(list_entry(node, struct job, link));
}
