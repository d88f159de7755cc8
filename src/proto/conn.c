/* SPDX-License-Identifier: MIT */
/* A connection's life: joining a session, events, failure, full feature phase, leaving. */
#include "proto/core.h"

#define ALIGN 16u

static size_t aligned(size_t n)
{
    return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

size_t conn_size(const struct session *s, const struct conn_config *config)
{
    (void)s;
    return aligned(sizeof(struct conn)) + aligned(config->stage_bytes) + aligned(config->control_bytes);
}

static void lower(uint32_t *value, uint32_t limit)
{
    if (*value > limit)
        *value = limit;
}

/* What the core's own sizes set limits to must not be agreed to beyond them. In a discovery session every
 * data segment is text, which goes to the control buffer. */
static void bound_wishes(struct conn *c)
{
    uint32_t *mine = c->login.keys.mine;
    lower(&mine[KEY_MAX_OUTSTANDING_R2T], TASK_R2T_MAX);
    if (c->login.config->discovery)
        lower(&mine[KEY_MAX_RECV_DATA_SEGMENT_LENGTH], c->config.control_bytes);
}

struct conn *conn_blank(void *memory, struct session *s, const struct conn_config *config)
{
    struct conn *c = memory;
    memset(c, 0, offsetof(struct conn, tx));
    c->tx.first = c->tx.count = c->out.first = c->out.count = 0;
    c->tx.sent = 0;
    c->out.data_busy = false;
    c->session = s;
    c->config = *config;
    c->role = s->config.role;
    c->stage = (uint8_t *)memory + aligned(sizeof *c);
    c->control = c->stage + aligned(config->stage_bytes);
    c->phase = CONN_LOGIN;
    c->max_send = c->max_recv = CONN_CONTROL_MIN; /* 13.12: the default holds during login */
    list_init(&c->tasks);
    list_init(&c->sending);
    list_init(&c->answering);
    list_push(&s->conns, &c->node);
    frame_init(c);
    c->login.config = config->login;
    c->login.keys = config->login->want;
    c->login.portal_group = -1;
    bound_wishes(c);
    return c;
}

struct conn *conn_init(void *memory, struct session *s, const struct conn_config *config, uint64_t now)
{
    uint32_t epoch = ((struct conn *)memory)->epoch; /* memory that is used again goes on counting */
    struct conn *c = conn_blank(memory, s, config);

    c->epoch = epoch + 1;
    c->last_rx = now;
    c->login_deadline = now + config->login_timeout_ns;
    if (c->role == ROLE_INITIATOR)
        login_begin(c);
    return c;
}

struct conn_event *conn_raise(struct conn *c, enum conn_event_kind kind)
{
    /* The frame machine pauses at half a ring, so only a defect could fill it; the newest then replaces the
     * last. */
    if (c->event_count == CONN_EVENTS)
        c->event_count--;
    struct conn_event *ev = &c->events[(c->event_first + c->event_count++) % CONN_EVENTS];
    memset(ev, 0, sizeof *ev);
    ev->kind = (uint8_t)kind;
    return ev;
}

bool conn_event(struct conn *c, struct conn_event *event)
{
    if (c->event_count == 0)
        return false;
    *event = c->events[c->event_first];
    c->event_first = (c->event_first + 1) % CONN_EVENTS;
    c->event_count--;
    frame_resume(c);
    return true;
}

void conn_fail(struct conn *c, int error, const char *rule)
{
    if (c->failed)
        return;
    c->failed = true;
    struct conn_event *ev = conn_raise(c, CONN_EV_ERROR);
    ev->error = error;
    ev->rule = rule;
}

void conn_apply_keys(struct conn *c, const struct negotiation *keys)
{
    uint64_t declared = 1ull << KEY_MAX_RECV_DATA_SEGMENT_LENGTH;
    c->header_digest = keys->agreed[KEY_HEADER_DIGEST] == DIGEST_CRC32C;
    c->data_digest = keys->agreed[KEY_DATA_DIGEST] == DIGEST_CRC32C;
    if (keys->received & declared)
        c->max_send = keys->theirs[KEY_MAX_RECV_DATA_SEGMENT_LENGTH];
    if (keys->sent & declared)
        c->max_recv = keys->mine[KEY_MAX_RECV_DATA_SEGMENT_LENGTH];
}

void conn_enter_full_feature(struct conn *c)
{
    conn_apply_keys(c, &c->login.keys);
    c->session->keys = c->login.keys;
    c->login.done = true;
    c->login_deadline = UINT64_MAX;
    conn_become(c, CONN_FULL);
    conn_raise(c, CONN_EV_LOGGED_IN);
}

/* Target: whatever the peer still owed or was owed is gone with the connection. */
static void end_all(struct conn *c)
{
    struct list *node;
    while ((node = list_pop(&c->tasks)) != NULL)
        session_end(c->session, list_entry(node, struct task, member));
}

/* What a login has heard and said may help to guess secrets. */
static void wipe(struct conn *c)
{
    explicit_bzero(c->login.challenge, sizeof c->login.challenge);
    if (c->login.done)
        return;
    explicit_bzero(c->stage, c->rx.stage_end);
    explicit_bzero(c->control, c->control_have);
    explicit_bzero(c->out.data, sizeof c->out.data);
}

void conn_drop(struct conn *c)
{
    if (c->phase == CONN_CLOSED)
        return;
    conn_become(c, CONN_CLOSED);
    c->epoch++;
    c->rx.task = NULL;
    c->rx.sink = SINK_NONE;
    frame_unlend(c);
    if (c->role == ROLE_INITIATOR) {
        transmit_mark_unsent(c);
        session_detach(c->session, c);
    }
    transmit_forget(c);
    if (c->role == ROLE_TARGET)
        end_all(c);
    list_remove(&c->node);
    wipe(c);
}

uint32_t conn_epoch(const struct conn *c)
{
    return c->epoch;
}

enum conn_phase conn_phase(const struct conn *c)
{
    return (enum conn_phase)c->phase;
}

uint64_t conn_deadline(const struct conn *c)
{
    bool login = c->phase == CONN_LOGIN || login_refused(c); /* a refused one must take its answer and go */
    if (login && !c->failed)
        return c->login_deadline;
    return c->answers_at && !c->failed ? c->answers_at : UINT64_MAX;
}

void conn_tick(struct conn *c, uint64_t now)
{
    bool babble = !c->login.started && (c->rx.head_have > 0 || c->rx.stage_end > c->rx.stage_begin);
    if (now < conn_deadline(c))
        return;
    if (c->answers_at) {
        conn_hurry(c);
        return;
    }
    conn_fail(c, babble ? BERTH_E_NOT_ISCSI : BERTH_E_NO_ANSWER,
              babble ? "bytes came, but no whole login PDU in time" : "the login did not finish in time");
}

void conn_hurry(struct conn *c)
{
    c->answers_at = 0;
}

uint64_t conn_last_rx(const struct conn *c)
{
    return c->last_rx;
}

bool conn_ping_out(const struct conn *c)
{
    return c->ping_out;
}

void conn_facts(const struct conn *c, struct conn_facts *facts)
{
    *facts = (struct conn_facts){.header_digest = c->header_digest,
                                 .data_digest = c->data_digest,
                                 .max_send_segment = c->max_send,
                                 .max_recv_segment = c->max_recv};
}

struct session *conn_session(struct conn *c)
{
    return c->session;
}

struct login *conn_login(struct conn *c)
{
    return &c->login;
}

const struct negotiation *conn_keys(const struct conn *c)
{
    return &c->login.keys;
}

void conn_set_owner(struct conn *c, void *owner)
{
    c->owner = owner;
}

void *conn_owner(struct conn *c)
{
    return c->owner;
}
