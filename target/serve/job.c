/* SPDX-License-Identifier: MIT */
/* One command of one session: memory for its data, execution on the logical unit, the answer. */
#include <stdlib.h>
#include <string.h>
#include "scsi/cdb.h"
#include "serve/target.h"

struct job *job_take(struct target_session *ts, struct task *task)
{
    struct target *t = ts->target;
    struct list *node = list_pop(&t->jobs);
    struct job *job = node ? list_entry(node, struct job, link) : malloc(sizeof *job);
    if (!job)
        return NULL;
    list_init(&job->link);
    job->target = t;
    job->ts = ts;
    job->task = task;
    job->memory = NULL;
    job->memory_len = job->unread = 0;
    task->owner = job;
    return job;
}

void job_give(struct job *job)
{
    list_remove(&job->link);
    list_push(&job->target->jobs, &job->link);
}

static bool job_memory(struct job *job, uint32_t len)
{
    struct pool *pool = &job->target->pool;
    job->memory = pool_fair(pool, job->ts->memory, len) ? pool_take(pool, len) : NULL;
    job->memory_len = job->memory ? len : 0;
    job->ts->memory += job->memory_len;
    return job->memory != NULL;
}

static enum attribute attribute_of(const struct task *task)
{
    static const uint8_t attributes[] = {[WIRE_ATTR_UNTAGGED] = ATTRIBUTE_SIMPLE,
                                         [WIRE_ATTR_SIMPLE] = ATTRIBUTE_SIMPLE,
                                         [WIRE_ATTR_ORDERED] = ATTRIBUTE_ORDERED,
                                         [WIRE_ATTR_HEAD] = ATTRIBUTE_HEAD};
    return task->attr < sizeof attributes ? (enum attribute)attributes[task->attr] : ATTRIBUTE_UNKNOWN;
}

static void command_done(struct command *c);

static void describe(struct job *job, const struct task *task)
{
    struct conn_facts facts;
    struct command *c = &job->command;
    conn_facts(job->ts->conn, &facts);
    memset(c, 0, offsetof(struct command, reply));
    c->nexus = &job->ts->nexus;
    c->lun = task->lun;
    c->cdb = task->cdb;
    c->cdb_len = task->cdb_len;
    c->attribute = (uint8_t)attribute_of(task);
    c->edtl_in = task->read ? task->edtl : 0;
    c->edtl_out = task->write ? task->edtl : 0;
    c->may_peek = !facts.data_digest; /* what a digest was computed over must not change on its way out */
    c->may_refer =
        c->may_peek && job->target->sends_files && !job->ts->wire.filter; /* filters look at bytes */
    c->done = command_done;
    c->user = job;
}

/* Without memory for a job the command is refused when its time has come. */
void job_arrive(void *owner, struct task *task)
{
    struct job *job = job_take(owner, task);
    if (!job)
        return;
    describe(job, task);
    command_arrive(&job->command);
}

/* Data is about to come. A command that takes none, or one there is no memory for, gets none: the core
 * swallows what was sent unasked and asks for nothing. */
void job_begin(void *owner, struct task *task)
{
    struct target_session *ts = owner;
    struct job *job = task->owner;
    if (job)
        list_push(&ts->receiving, &job->link);
    if (!job || command_data_out(&job->command) == 0 || !job_memory(job, task->edtl))
        return;
    job->seg = seg_memory(job->memory, task->edtl);
    task->data = (struct extent){.segs = &job->seg, .count = 1, .len = task->edtl};
}

/* Nobody waits for it any more. */
void job_abort(void *owner, struct task *task)
{
    struct target_session *ts = owner;
    struct job *job = task->owner;
    if (task->kind == TASK_SCSI)
        command_abort(&job->command);
    else
        session_respond(ts->session, task);
}

void job_end(void *owner, struct task *task)
{
    struct target_session *ts = owner;
    struct job *job = task->owner;
    if (!job)
        return;
    task->owner = NULL;
    if (task->kind == TASK_SCSI)
        command_abort(&job->command); /* it may still have its place on the LU */
    pool_give(&ts->target->pool, job->memory, job->memory_len);
    ts->memory -= job->memory_len;
    ts->unread -= job->unread;
    job_give(job);
}

/* What the CDB takes against what the initiator expected to send (11.4.5). */
static void write_residual(struct task *task, uint32_t wanted)
{
    if (wanted == task->edtl)
        return;
    task->residual_kind = wanted > task->edtl ? WIRE_RESIDUAL_OVERFLOW : WIRE_RESIDUAL_UNDERFLOW;
    task->residual = wanted > task->edtl ? wanted - task->edtl : task->edtl - wanted;
}

/* The session, or a request to end commands, may have waited for this one. */
static void let_go(struct target_session *ts, bool aborted)
{
    ts->running--;
    if (!ts->ended)
        link_kick(&ts->wire);
    if (aborted)
        manage_settle(ts->target);
    if (ts->ended)
        target_session_settle(ts);
}

static void command_done(struct command *c)
{
    struct job *job = c->user;
    struct task *task = job->task;
    struct target_session *ts = job->ts;
    bool aborted = c->aborted;
    task->status = c->status;
    task->sense_len = c->sense_len;
    memcpy(task->sense, c->sense, c->sense_len);
    if (task->write)
        write_residual(task, job->takes);
    if (task->read)
        task->data = c->data_in;
    traffic_note(job);
    session_respond(ts->session, task);
    let_go(ts, aborted);
}

/* It leaves its place on the LU to those behind it. */
static void refuse(struct target_session *ts, struct task *task)
{
    struct job *job = task->owner;
    struct lu *lu = job ? job->command.lu : NULL;
    if (lu) {
        command_abort(&job->command);
        lu_wake(lu);
    }
    task->status = SCSI_BUSY;
    task->data.len = 0;
    session_respond(ts->session, task);
}

/* Is there no memory for what the command moves? */
static bool starved(struct job *job)
{
    struct command *c = &job->command;
    uint32_t in = command_data_in(c), out = command_data_out(c);
    if (out > 0 && c->edtl_out > 0 && !job->memory)
        return true;
    if (in == 0 || job->memory)
        return false;
    if (!job_memory(job, in))
        return true;
    job->ts->unread += job->unread = in;
    return false;
}

void job_execute(struct target_session *ts, struct task *task)
{
    struct job *job = task->owner;
    if (job)
        list_remove(&job->link);
    if (!job || starved(job)) {
        refuse(ts, task);
        return;
    }
    struct command *c = &job->command;
    job->takes = command_data_out(c); /* before the LU's state may change again */
    if (task->write && job->memory)
        c->data_out = (struct extent){.segs = &job->seg, .count = 1, .len = task->moved};
    c->memory = job->memory;
    ts->running++;
    command_execute(c);
}

void jobs_free(struct target *t)
{
    struct list *node;
    while ((node = list_pop(&t->jobs)) != NULL)
        free(list_entry(node, struct job, link));
}
