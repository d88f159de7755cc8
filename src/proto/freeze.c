/* SPDX-License-Identifier: MIT */
/* The record as a whole, the session and its tasks. */
#include "proto/archive.h"
#include "proto/freeze.h"

#define MAGIC       0x6265727468667a31ull /* "berthfz1" */
#define HEAD_LEN    17u                   /* magic, version, length, depth, number of connections */
#define LENGTH_AT   10u
#define CRC_LEN     4u
#define NO_TASK     0xffffu
#define GENERATIONS (1u << GENERATION_BITS)

/* --- tasks by slot --- */

static struct task *task_at(const struct archive *a, uint16_t slot)
{
    const struct session *s = a->session;
    return slot < s->slots.count && slots_taken(&s->slots, slot) ? &s->tasks[slot] : NULL;
}

void field_task(struct archive *a, struct task **task)
{
    uint16_t slot = *task ? (*task)->slot : (uint16_t)NO_TASK;
    field16(a, &slot);
    if (!thawing(a))
        return;
    *task = task_at(a, slot);
    require(a, *task || slot == NO_TASK);
}

static struct list *node_of(struct task *task, bool member)
{
    return member ? &task->member : &task->link;
}

static struct task *task_of(struct list *node, bool member)
{
    return member ? list_entry(node, struct task, member) : list_entry(node, struct task, link);
}

static void queue_in(struct archive *a, struct list *head, bool member, bool (*fits)(const struct task *task))
{
    uint32_t count = 0;
    field_upto32(a, &count, a->session->slots.count);
    for (uint32_t i = 0; i < count && a->ok; i++) {
        struct task *task = NULL;
        field_task(a, &task);
        require(a, task && fits(task) && list_empty(node_of(task, member)));
        if (a->ok)
            list_push(head, node_of(task, member));
    }
}

static void queue_out(struct archive *a, const struct list *head, bool member)
{
    uint32_t count = 0;
    list_each (node, head)
        count++;
    field32(a, &count);
    list_each (node, head) {
        struct task *task = task_of(node, member);
        field_task(a, &task);
    }
}

void field_queue(struct archive *a, struct list *head, bool member, bool (*fits)(const struct task *task))
{
    if (thawing(a))
        queue_in(a, head, member, fits);
    else
        queue_out(a, head, member);
}

/* --- negotiation --- */

/* Nothing agreed yet (all zero), or values that the table of keys allows. */
static bool agreed_sound(const struct negotiation *n)
{
    static const struct negotiation none;
    if (memcmp(n, &none, sizeof none) == 0)
        return true;
    for (int key = 0; key < KEY_COUNT; key++) {
        const struct key_row *row = &key_rows[key];
        if (row->max > 0 && (n->agreed[key] < row->min || n->agreed[key] > row->max))
            return false;
    }
    return n->agreed[KEY_MAX_OUTSTANDING_R2T] <= TASK_R2T_MAX;
}

void field_negotiation(struct archive *a, struct negotiation *n)
{
    uint32_t keys = KEY_COUNT;
    field32(a, &keys);
    require(a, keys == KEY_COUNT);
    field_upto8(a, &n->role, ROLE_TARGET);
    field_upto8(a, &n->transport, KEY_TCP_ONLY);
    field_bool(a, &n->leading);
    field_bool(a, &n->discovery);
    field16(a, &n->pairs);
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        field32(a, &n->mine[i]);
        field32(a, &n->theirs[i]);
        field32(a, &n->agreed[i]);
    }
    field64(a, &n->sent);
    field64(a, &n->received);
    field64(a, &n->open);
    field64(a, &n->wanted);
    require(a, agreed_sound(n));
}

/* --- tasks --- */

static void field_burst(struct archive *a, struct burst *b, uint32_t edtl)
{
    field32(a, &b->ttt);
    field_upto32(a, &b->offset, edtl);
    field32(a, &b->len);
    field32(a, &b->moved);
    field32(a, &b->data_sn);
    require(a, b->len <= edtl - b->offset && b->moved <= b->len);
}

/* The ring of bursts, from its first on. */
static void field_bursts(struct archive *a, struct task *t)
{
    struct burst ring[TASK_BURSTS];
    memcpy(ring, t->bursts, sizeof ring);
    uint8_t first = t->burst_first;
    field_upto8(a, &t->burst_count, TASK_BURSTS);
    for (uint32_t i = 0; i < t->burst_count && a->ok; i++)
        field_burst(a, thawing(a) ? &t->bursts[i] : &ring[(first + i) % TASK_BURSTS], t->edtl);
}

static void field_request(struct archive *a, struct task *t)
{
    field_upto8(a, &t->kind, TASK_LOGOUT);
    field_upto8(a, &t->state, TASK_DONE);
    field_bool(a, &t->read);
    field_bool(a, &t->write);
    field_bool(a, &t->immediate);
    field_bool(a, &t->ahead);
    field8(a, &t->attr);
    field8(a, &t->function);
    field_upto8(a, &t->cdb_len, WIRE_CDB_MAX);
    field_bytes(a, t->cdb, sizeof t->cdb);
    field64(a, &t->lun);
    field32(a, &t->cmd_sn);
    field32(a, &t->referenced_tag);
    field32(a, &t->ref_cmd_sn);
    field32(a, &t->edtl);
    field64(a, &t->data.len);
    field64(a, &t->deadline_ns);
    field64(a, &t->owner_tag);
}

static void field_progress(struct archive *a, struct task *t)
{
    field32(a, &t->moved);
    field32(a, &t->data_sn);
    field32(a, &t->r2t_sn);
    field32(a, &t->asked);
    field_bool(a, &t->data_pending);
    field_bool(a, &t->unsolicited);
    field_bool(a, &t->unsent);
    field_bursts(a, t);
}

static void field_outcome(struct archive *a, struct task *t)
{
    field_int(a, &t->error);
    field8(a, &t->response);
    field8(a, &t->reject_reason);
    field8(a, &t->status);
    field8(a, &t->residual_kind);
    field_bool(a, &t->aborted);
    field32(a, &t->residual);
    field_upto32(a, &t->sense_len, TASK_SENSE_MAX);
    if (a->ok)
        field_bytes(a, t->sense, t->sense_len);
}

/* Sums that the core subtracts without asking again. */
static bool sums_sound(const struct task *t)
{
    bool data = t->kind == TASK_TEXT || (t->kind == TASK_SCSI && (t->read || t->write));
    uint64_t limit = t->kind == TASK_TEXT ? t->data.len : t->edtl;
    return !data || (t->edtl <= t->data.len && t->moved <= limit);
}

static void field_one_task(struct archive *a, struct task *t)
{
    field_request(a, t);
    field_progress(a, t);
    field_outcome(a, t);
    require(a, sums_sound(t));
    require(a, t->state != TASK_READY && t->state != TASK_ANSWER);
}

/* --- slots --- */

/* All generations; then the slots are taken and given back until they agree with them. */
static void field_slots(struct archive *a)
{
    struct slots *slots = &a->session->slots;
    for (uint32_t i = 0; i < slots->count; i++) {
        uint16_t generation = slots->generation[i];
        field16(a, &generation);
        require(a, generation < GENERATIONS);
        if (!thawing(a))
            continue;
        slots_take(slots); /* the i-th, for a fresh pool is given out in order */
        slots->generation[i] = generation;
    }
    for (uint32_t i = slots->count; i-- > 0 && thawing(a);) {
        if (slots->generation[i] & 1)
            continue;
        slots->generation[i] = (uint16_t)((slots->generation[i] - 1u) & (GENERATIONS - 1));
        slots_give(slots, (uint16_t)i);
    }
}

static void field_tasks(struct archive *a)
{
    struct session *s = a->session;
    for (uint16_t i = 0; i < s->slots.count && a->ok; i++) {
        struct task *task = task_at(a, i);
        if (!task)
            continue;
        if (thawing(a)) {
            memset(task, 0, sizeof *task);
            task->slot = i;
            task->itt = session_tag(s, task);
            list_init(&task->link);
            list_init(&task->member);
        }
        field_one_task(a, task);
    }
}

/* --- session --- */

static void field_identity(struct archive *a)
{
    struct session *s = a->session;
    field_bytes(a, s->config.isid, sizeof s->config.isid);
    field8(a, &s->config.itt_engine_bits);
    field16(a, &s->tsih);
    field_bool(a, &s->discovery);
    field_bool(a, &s->held);
    field32(a, &s->cmd_sn);
    field32(a, &s->exp_cmd_sn);
    field32(a, &s->max_cmd_sn);
    field_negotiation(a, &s->keys);
}

static bool is_queued(const struct task *t)
{
    return t->state == TASK_QUEUED;
}

static bool is_detached(const struct task *t)
{
    return t->state == TASK_DETACHED;
}

static bool is_done(const struct task *t)
{
    return t->state == TASK_DONE;
}

static void field_session(struct archive *a)
{
    struct session *s = a->session;
    field_identity(a);
    if (!a->ok)
        return;
    field_slots(a);
    field_tasks(a);
    field_queue(a, &s->queued, false, is_queued);
    field_queue(a, &s->detached, false, is_detached);
    field_queue(a, &s->done, false, is_done);
}

static struct conn *only_conn(const struct session *s)
{
    return list_empty(&s->conns) ? NULL : list_entry(s->conns.next, struct conn, node);
}

static void field_all(struct archive *a, struct conn *c)
{
    field_session(a);
    if (a->ok && c)
        field_conn(a, c);
}

/* --- the record's head --- */

static void put_head(struct writer *w, const struct session *s)
{
    write64(w, MAGIC);
    write16(w, FREEZE_VERSION);
    write32(w, 0); /* the length, later */
    write16(w, s->config.depth);
    write8(w, only_conn(s) != NULL);
}

/* Magic, version, length and sum, then the facts; the reader ends up on the body. */
static bool get_head(struct reader *r, struct frozen_facts *facts)
{
    const uint8_t *start = r->at;
    size_t left = reader_left(r);
    bool known = read64(r) == MAGIC && read16(r) == FREEZE_VERSION;
    uint32_t len = read32(r);
    facts->depth = read16(r);
    uint8_t conns = read8(r);
    facts->has_conn = conns;
    if (!known || !r->ok || conns > 1 || len < HEAD_LEN + CRC_LEN || len > left)
        return false;
    r->end = start + len - CRC_LEN;
    return crc32c_final(crc32c_table(CRC32C_INIT, start, len - CRC_LEN)) == get32(r->end);
}

/* --- freeze --- */

size_t session_frozen_max(const struct session *s)
{
    const struct conn *c = only_conn(s);
    size_t conn = c ? conn_size(s, &c->config) : 0;
    return HEAD_LEN + CRC_LEN + session_size(&s->config) + conn;
}

static bool freezable(const struct session *s)
{
    const struct conn *c = only_conn(s);
    return s->config.role == ROLE_INITIATOR && (!c || (c->node.next == &s->conns && !c->rx.lent));
}

int session_freeze(const struct session *s, struct writer *w)
{
    size_t start = writer_len(w);
    struct archive a = {.out = w, .ok = true};
    if (!freezable(s))
        return BERTH_E_STATE;
    memcpy(&a.session, &s, sizeof s); /* the codec is one for both ways; this way it only reads */
    put_head(w, s);
    field_all(&a, only_conn(s));
    uint32_t len = (uint32_t)(writer_len(w) - start + CRC_LEN);
    if (w->ok)
        put32(w->start + start + LENGTH_AT, len);
    write32(w, w->ok ? crc32c_final(crc32c_table(CRC32C_INIT, w->start + start, len - CRC_LEN)) : 0);
    return w->ok ? BERTH_OK : BERTH_E_ARGUMENT;
}

/* --- thaw --- */

int session_frozen_facts(const struct reader *record, struct frozen_facts *facts)
{
    struct reader r = *record;
    return get_head(&r, facts) ? BERTH_OK : BERTH_E_RECORD;
}

static bool bound(const struct task *t)
{
    const struct extent *d = &t->data;
    return d->len == 0 || segs_len(d->segs, d->count) - d->skip >= d->len;
}

/* Owners and memory. */
static bool rebind_all(const struct thaw *t, struct session *s)
{
    for (uint32_t i = 0; i < s->slots.count; i++) {
        struct task *task = &s->tasks[i];
        if (!slots_taken(&s->slots, i))
            continue;
        uint64_t len = task->data.len;
        if (task->kind == TASK_NOP || task->kind == TASK_LOGOUT)
            continue;
        if (!t->rebind(t->owner, task) || task->data.len != len || !bound(task))
            return false;
    }
    return true;
}

/* Every task where its state says, and on the wire only what has a connection. */
static bool at_home(const struct task *t)
{
    bool linked = !list_empty(&t->link), own = t->kind == TASK_NOP || t->kind == TASK_LOGOUT;
    switch ((enum task_state)t->state) {
    case TASK_QUEUED:
        return linked && (!own || t->conn);
    case TASK_DETACHED:
        return linked && !own;
    case TASK_ACTIVE:
        return t->conn && linked == t->data_pending;
    case TASK_ENDING:
        return t->conn && !linked && t->tx_refs > 0;
    default:
        return !own && !t->data_pending;
    }
}

static bool all_at_home(const struct session *s)
{
    for (uint32_t i = 0; i < s->slots.count; i++)
        if (slots_taken(&s->slots, i) && !at_home(&s->tasks[i]))
            return false;
    return true;
}

/* What the record does not speak of is zeros here, unlike in a connection that begins. */
static struct conn *blank(const struct thaw *t, struct session *s)
{
    struct conn *c = conn_blank(t->conn_memory, s, t->conn);
    memset(&c->tx, 0, sizeof c->tx);
    memset(&c->out, 0, sizeof c->out);
    return c;
}

int session_thaw(const struct thaw *t, const struct reader *record, struct session **session,
                 struct conn **conn)
{
    struct archive a = {.in = *record, .ok = true};
    struct frozen_facts facts;
    bool fits =
        get_head(&a.in, &facts) && t->session->role == ROLE_INITIATOR && t->session->depth == facts.depth;
    if (!fits || (facts.has_conn && !t->conn_memory))
        return BERTH_E_RECORD;
    *session = a.session = session_init(t->session_memory, t->session);
    *conn = facts.has_conn ? blank(t, a.session) : NULL;
    field_all(&a, *conn);
    bool whole = a.ok && reader_left(&a.in) == 0;
    return whole && all_at_home(a.session) && rebind_all(t, a.session) ? BERTH_OK : BERTH_E_RECORD;
}
