/* SPDX-License-Identifier: MIT */
/* The tasks of a session by their InitiatorTaskTags. One that the target has answered stays until the answer
 * is acknowledged: until then the initiator may not know of it, and what it still sends is no offence. */
#include <stdlib.h>
#include "referee/court.h"

static struct list *bucket(struct session_seen *s, uint32_t itt)
{
    return &s->buckets[(itt ^ itt >> 8 ^ itt >> 16) & (REFEREE_BUCKETS - 1)];
}

struct task_seen *task_find(struct session_seen *s, uint32_t itt)
{
    struct list *head = bucket(s, itt);
    list_each (at, head) {
        struct task_seen *t = list_entry(at, struct task_seen, bucket);
        if (t->itt == itt)
            return t;
    }
    return NULL;
}

static void forget(struct session_seen *s, struct task_seen *t)
{
    t->live = false;
    list_remove(&t->bucket);
    list_remove(&t->queue);
    list_push(&s->spare, &t->bucket);
}

struct task_seen *task_at(const struct session_seen *s, uint32_t at)
{
    return &s->chunks[at / REFEREE_TASKS_CHUNK][at % REFEREE_TASKS_CHUNK];
}

uint32_t tasks_count(const struct session_seen *s)
{
    return s->chunk_count * REFEREE_TASKS_CHUNK;
}

void tasks_free(struct session_seen *s)
{
    for (uint32_t i = 0; i < s->chunk_count; i++)
        free(s->chunks[i]);
}

static void more_tasks(struct session_seen *s)
{
    if (tasks_count(s) == REFEREE_TASKS_MAX)
        return;
    struct task_seen *chunk = calloc(REFEREE_TASKS_CHUNK, sizeof *chunk);
    if (!chunk)
        return;
    s->chunks[s->chunk_count++] = chunk;
    for (uint32_t i = 0; i < REFEREE_TASKS_CHUNK; i++) {
        list_init(&chunk[i].queue);
        list_push(&s->spare, &chunk[i].bucket);
    }
}

static struct task_seen *spare_task(struct session_seen *s)
{
    if (list_empty(&s->spare))
        more_tasks(s);
    struct list *node = list_pop(&s->spare);
    return node ? list_entry(node, struct task_seen, bucket) : NULL;
}

static void describe(struct referee *r, struct task_seen *t, const uint8_t *bhs)
{
    memset(t, 0, sizeof *t);
    list_init(&t->bucket);
    list_init(&t->queue);
    memcpy(t->bhs, bhs, WIRE_BHS_LEN);
    t->live = true;
    t->owner = r;
    t->itt = wire_itt(bhs);
    t->cmd_sn = get32(bhs + 24);
    t->lun = get64(bhs + 8);
    t->immediate = wire_immediate(bhs);
    t->born = r->court->totals.pdus;
}

/* A request that makes a task. NULL: it could not be remembered. */
struct task_seen *task_begin(struct referee *r, const uint8_t *bhs)
{
    struct session_seen *s = r->session;
    uint32_t itt = wire_itt(bhs);
    struct task_seen *t = task_find(s, itt);
    if (itt == WIRE_TAG_NONE) {
        foul(r, RULE_C7, "a task has the reserved InitiatorTaskTag");
        return NULL;
    }
    if (t && !t->ended)
        foul(r, RULE_C7, "the InitiatorTaskTag belongs to a %s that is not over",
             wire_opcode_name(task_opcode(t)));
    if (t)
        forget(s, t);
    t = spare_task(s);
    if (!t) {
        s->crowded = true;
        return NULL;
    }
    describe(r, t, bhs);
    list_push(bucket(s, itt), &t->bucket);
    return t;
}

void task_end(struct task_seen *t, uint32_t stat_sn)
{
    if (t->ended || !t->owner)
        return;
    t->ended = true;
    t->end_sn = stat_sn;
    t->unsolicited_due = false;
    list_remove(&t->queue);
    list_push(&t->owner->ended, &t->queue);
}

void tasks_acknowledged(struct referee *r, uint32_t exp_stat_sn)
{
    while (!list_empty(&r->ended)) {
        struct task_seen *t = list_entry(r->ended.next, struct task_seen, queue);
        if (!serial_lt(t->end_sn, exp_stat_sn))
            return;
        forget(r->session, t);
    }
}

/* The connection is gone, and its tasks with it, unless they may be reassigned (7.2.2). */
void tasks_orphan(struct referee *r)
{
    struct session_seen *s = r->session;
    bool kept = s->agreed[KEY_ERROR_RECOVERY_LEVEL] >= 2;
    for (uint32_t i = 0; i < tasks_count(s); i++) {
        struct task_seen *t = task_at(s, i);
        if (!t->live || t->owner != r)
            continue;
        t->owner = NULL;
        list_remove(&t->queue);
        if (!kept || t->ended)
            forget(s, t);
    }
}
