/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "portrait.h"

struct portrait {
    struct session session;
    uint32_t count;
    uint16_t *generations;
    struct task *tasks;
    struct conn conn;
    uint8_t *buffers; /* staging leftovers, control data */
    size_t buffers_len;
};

#define BLANK(field) memset(&(field), 0, sizeof(field))

/* Everything behind the first `used` bytes of an array. */
static void trim(void *bytes, size_t size, size_t used)
{
    memset((uint8_t *)bytes + used, 0, size - used);
}

/* Turns a ring so that its first entry is entry 0, and blanks what is not in use. */
static void turn(void *ring, size_t entry, uint32_t places, uint32_t first, uint32_t count)
{
    uint8_t *copy = malloc(places * entry);
    memcpy(copy, ring, places * entry);
    memset(ring, 0, places * entry);
    for (uint32_t i = 0; i < count; i++)
        memcpy((uint8_t *)ring + i * entry, copy + (first + i) % places * entry, entry);
    free(copy);
}

/* A pointer to a task as the task's number. */
static void number(struct task **task)
{
    *task = *task ? (struct task *)(uintptr_t)((*task)->slot + 1u) : NULL;
}

/* Only whether it is linked; the order of the queues is in the record, which is compared as well. */
static void mark(struct list *link, const struct list *original)
{
    BLANK(*link);
    link->next = list_empty(original) ? NULL : (struct list *)1;
}

static void paint_task(struct task *to, const struct task *from)
{
    *to = *from;
    mark(&to->link, &from->link);
    mark(&to->member, &from->member);
    to->conn = from->conn ? (struct conn *)1 : NULL;
    to->data.segs = NULL;
    to->data.count = 0;
    to->data.skip = 0;
    to->owner = NULL;
    turn(to->bursts, sizeof to->bursts[0], TASK_BURSTS, to->burst_first, to->burst_count);
    to->burst_first = 0;
    trim(to, sizeof *to, offsetof(struct task, sense) + to->sense_len); /* the structure's padding, too */
}

static void paint_session(struct portrait *p, const struct session *s)
{
    p->session = *s;
    BLANK(p->session.slots.next);
    BLANK(p->session.slots.generation);
    BLANK(p->session.slots.free);
    BLANK(p->session.tasks);
    BLANK(p->session.moves_seen);
    BLANK(p->session.conns);
    mark(&p->session.queued, &s->queued);
    mark(&p->session.ready, &s->ready);
    mark(&p->session.detached, &s->detached);
    mark(&p->session.done, &s->done);
    p->count = s->slots.count;
    p->generations = malloc(p->count * sizeof p->generations[0]);
    memcpy(p->generations, s->slots.generation, p->count * sizeof p->generations[0]);
    p->tasks = calloc(p->count, sizeof p->tasks[0]);
    for (uint32_t i = 0; i < p->count; i++)
        if (p->generations[i] & 1)
            paint_task(&p->tasks[i], &s->tasks[i]);
}

/* Between PDUs the rest of the frame is what the last one left behind. */
static void paint_frame(struct portrait *p, const struct conn *c)
{
    struct frame *f = &p->conn.rx;
    bool head = f->state == FRAME_HEAD;
    uint32_t room = c->config.control_bytes - c->control_have;
    uint32_t more = head || f->sink != SINK_CONTROL ? 0 : f->data_have < room ? f->data_have : room;
    f->stage_end -= f->stage_begin;
    p->buffers_len = f->stage_end + c->control_have + more;
    p->buffers = malloc(p->buffers_len + 1);
    memcpy(p->buffers, c->stage + f->stage_begin, f->stage_end);
    memcpy(p->buffers + f->stage_end, c->control, c->control_have + more);
    f->stage_begin = f->stage_limit = 0;
    f->want_direct = 0;
    f->news = false;
    number(&f->task);
    trim(f->head, sizeof f->head, f->head_have);
    trim(f->tail, sizeof f->tail, head ? 0 : f->tail_have);
    if (!head)
        return;
    f->sink = 0;
    f->data_have = f->data_len = f->tail_have = f->tail_need = f->crc = f->task_offset = 0;
}

static void paint_sending(struct conn *c)
{
    struct transmit *t = &c->tx;
    struct outbox *o = &c->out;
    uint32_t len = 0;
    turn(t->slots, sizeof t->slots[0], CONN_TX_SLOTS, t->first, t->count);
    turn(o->entries, sizeof o->entries[0], CONN_OUTBOX, o->first, o->count);
    t->first = o->first = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        struct tx_slot *slot = &t->slots[i];
        number(&slot->task);
        trim(slot->head, sizeof slot->head, slot->head_len);
        trim(slot->tail, sizeof slot->tail, slot->tail_len);
        len += slot->control ? slot->data_len : 0;
    }
    for (uint32_t i = 0; i < o->count; i++)
        len += o->entries[i].data_len;
    trim(o->data, sizeof o->data, len);
}

static void paint_string(char *text, size_t size)
{
    trim(text, size, strlen(text));
}

static void paint_login(struct login *l)
{
    paint_string(l->target_alias, sizeof l->target_alias);
    paint_string(l->chap_name, sizeof l->chap_name);
    paint_string(l->redirect.host, sizeof l->redirect.host);
}

static void paint_conn(struct portrait *p, const struct conn *from)
{
    struct conn *c = &p->conn;
    *c = *from;
    c->moves_seen = 0;
#ifdef BERTH_MOVES
    c->login_moves_seen = 0;
#endif
    c->answers_at = 0; /* a connection that is thawed answers at once */
    paint_frame(p, from);
    paint_sending(c);
    paint_login(&c->login);
    turn(c->events, sizeof c->events[0], CONN_EVENTS, c->event_first, c->event_count);
    c->event_first = 0;
    for (uint32_t i = 0; i < c->event_count; i++)
        c->events[i].rule = NULL;
    c->session = NULL;
    BLANK(c->node);
    mark(&c->tasks, &from->tasks);
    mark(&c->sending, &from->sending);
    mark(&c->answering, &from->answering);
    c->owner = NULL;
    c->stage = c->control = NULL;
}

struct portrait *portrait_of(const struct session *s, const struct conn *c)
{
    struct portrait *p = calloc(1, sizeof *p);
    paint_session(p, s);
    if (c)
        paint_conn(p, c);
    return p;
}

void portraits_equal(const struct portrait *a, const struct portrait *b)
{
    assert_memory_equal(&a->session, &b->session, sizeof a->session);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->generations, b->generations, a->count * sizeof a->generations[0]);
    for (uint32_t i = 0; i < a->count; i++)
        assert_memory_equal(&a->tasks[i], &b->tasks[i], sizeof a->tasks[i]);
    assert_memory_equal(&a->conn, &b->conn, sizeof a->conn);
    assert_int_equal(a->buffers_len, b->buffers_len);
    assert_memory_equal(a->buffers, b->buffers, a->buffers_len);
}

void portrait_free(struct portrait *p)
{
    free(p->generations);
    free(p->tasks);
    free(p->buffers);
    free(p);
}
