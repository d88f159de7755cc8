/* SPDX-License-Identifier: MIT */
/* The handle: making it, opening and closing the session, tasks in, one round of work. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "host/crypto.h"
#include "host/identity.h"
#include "host/pages.h"
#include "host/vault.h"
#include "initiator/parts.h"
#include "wire/serial.h"

#define STAGE_BYTES  (256u * 1024)
#define DIRECT_BYTES (8u * 1024)
#define FLUSHES_MAX  16u
#define NS_PER_MS    1000000ull

uint64_t initiator_now(const struct initiator *i)
{
    return engine_now(i->engine);
}

uint64_t initiator_gives_up(const struct initiator *i)
{
    return recovery_deadline(i);
}

uint64_t initiator_served(const struct initiator *i)
{
    bool up = i->state == INITIATOR_UP || i->state == INITIATOR_LEAVING || !i->kept;
    return (up ? initiator_now(i) : i->down_at) - i->idle_ns;
}

uint64_t initiator_heard(const struct initiator *i)
{
    return conn_last_rx(i->conn);
}

bool initiator_shut_out(const struct initiator *i)
{
    const struct session *s = i->session;
    return i->state == INITIATOR_UP && !s->held && !list_empty(&s->queued) &&
           serial_lt(s->max_cmd_sn, s->cmd_sn);
}

const char *initiator_detail(const struct initiator *i)
{
    return i->detail;
}

/* --- tasks --- */

struct task *initiator_task(struct initiator *i, enum task_kind kind)
{
    return i->state == INITIATOR_FAILED ? NULL : session_task(i->session, kind);
}

struct task *initiator_task_ahead(struct initiator *i)
{
    return i->state == INITIATOR_FAILED ? NULL : session_task_ahead(i->session);
}

void initiator_hold(struct initiator *i, bool held)
{
    reactor_touch(i);
    session_hold(i->session, held);
    if (!held)
        initiator_kick(i);
}

void initiator_kick(struct initiator *i)
{
    if (i->attached)
        link_kick(i->link);
}

void initiator_submit(struct initiator *i, struct task *task, uint32_t timeout_ms, uint64_t now)
{
    i->watches[task->slot] = (struct watch){.timeout_ms = timeout_ms};
    list_init(&i->watches[task->slot].link);
    reactor_touch(i);
    deadlines_begin(i, task, now);
    session_submit(i->session, task);
    initiator_kick(i);
}

/* A session that has failed takes nothing more: what comes then has its answer at once. */
void initiator_resubmit(struct initiator *i, struct task *task)
{
    reactor_touch(i);
    deadlines_begin(i, task, initiator_now(i));
    session_requeue(i->session, task);
    if (i->state == INITIATOR_FAILED) {
        session_revoke(i->session, task, i->error);
        return;
    }
    i->replays++;
    initiator_kick(i);
}

void initiator_cut(struct initiator *i)
{
    reactor_touch(i);
    connection_lost(i, BERTH_E_ABORTED, "commands that were taken back did not end in time");
}

int initiator_renew(struct initiator *i)
{
    reactor_touch(i);
    if (i->state == INITIATOR_FAILED)
        return BERTH_E_STATE;
    if (i->state == INITIATOR_UP)
        connection_lost(i, BERTH_E_ABORTED, "the session is to begin anew");
    return BERTH_OK;
}

void initiator_task_free(struct initiator *i, struct task *task)
{
    session_task_free(i->session, task);
}

void initiator_settle(struct initiator *i)
{
    reactor_touch(i);
    connection_drain(i);
}

static void hurry(struct initiator *i)
{
    conn_hurry(i->conn);
    if (conn_tx_pending(i->conn))
        link_kick(i->link);
}

void initiator_flush(struct initiator *i)
{
    if (i->attached)
        hurry(i);
    for (uint32_t n = 0; n < FLUSHES_MAX && i->attached && !list_empty(&i->link->dirty); n++)
        link_flush(i->link);
}

void initiator_set_times(struct initiator *i, const struct initiator_policy *policy)
{
    const struct initiator_policy before = i->policy;
    i->policy.connect_timeout_ms = policy->connect_timeout_ms;
    i->policy.command_timeout_ms = policy->command_timeout_ms;
    i->policy.abort_timeout_ms = policy->abort_timeout_ms;
    i->policy.recovery_timeout_ms = policy->recovery_timeout_ms;
    i->policy.ping_interval_ms = policy->ping_interval_ms;
    i->policy.ping_timeout_ms = policy->ping_timeout_ms;
    i->conn_config.login_timeout_ns = policy->connect_timeout_ms * NS_PER_MS;
    deadlines_renew(i, &before);
    reactor_touch(i);
}

static bool cancelled(struct initiator *i)
{
    return i->owner.cancelled && i->owner.cancelled(i->owner.owner);
}

/* Never longer than the caller's patience, where there is somebody to ask for it. */
static uint64_t wait_until(const struct initiator *i, uint64_t until_ns)
{
    if (!i->owner.cancelled || until_ns == 0)
        return until_ns;
    uint64_t look = initiator_now(i) + INITIATOR_PATIENCE;
    return look < until_ns ? look : until_ns;
}

int initiator_wait(struct initiator *i, uint64_t until_ns)
{
    if (i->state == INITIATOR_FAILED)
        connection_deliver(i);
    else
        reactor_poll(i->reactor, wait_until(i, until_ns));
    if (cancelled(i))
        return BERTH_E_ABORTED;
    return i->state == INITIATOR_FAILED ? i->error : BERTH_OK;
}

/* The ISID is the same for as long as this initiator lives: logging in again with it tells the target to end
 * the old session first. One that others have, too, must be asked for, for they would end each other's. */
static bool choose_isid(const struct initiator *i, const struct initiator_config *config,
                        uint8_t isid[ISID_LEN])
{
    bool ok = true;
    isid[0] = 0x80; /* of the random kind (11.12.5) */
    if (config->isid_kind == ISID_GIVEN)
        memcpy(isid, config->isid, ISID_LEN);
    else if (config->isid_kind == ISID_OF_NAME)
        host_isid(i->initiator_name, isid);
    else
        ok = host_crypto()->random(isid + 1, ISID_LEN - 1);
    put16(isid + 4, (uint16_t)(get16(isid + 4) + config->isid_offset));
    return ok;
}

static int make_session(struct initiator *i, const struct initiator_config *config)
{
    struct session_config sc = {
        .role = ROLE_INITIATOR, .depth = i->policy.depth, .first_cmd_sn = 1, .crypto = host_crypto()};
    if (!choose_isid(i, config, sc.isid))
        return BERTH_E_SYSTEM;
    i->conn_config = (struct conn_config){.cid = 1,
                                          .stage_bytes = STAGE_BYTES,
                                          .control_bytes = CONN_CONTROL_MAX,
                                          .direct_bytes = DIRECT_BYTES,
                                          .login_timeout_ns = i->policy.connect_timeout_ms * NS_PER_MS,
                                          .login = &i->login};
    void *memory = pages_new(session_size(&sc));
    if (!memory)
        return BERTH_E_MEMORY;
    i->session = session_init(memory, &sc);
    i->watches = calloc(i->session->slots.count, sizeof *i->watches);
    if (!i->watches)
        return BERTH_E_MEMORY;
    for (uint32_t n = 0; n < i->session->slots.count; n++)
        list_init(&i->watches[n].link);
    list_init(&i->late);
    i->conn = pages_new(conn_size(i->session, &i->conn_config));
    return i->conn ? BERTH_OK : BERTH_E_MEMORY;
}

static void set_racers(struct initiator *i)
{
    for (uint32_t n = 0; n < RESOLVE_MAX; n++) {
        i->race.racers[n].link.owner = &connection_callbacks;
        i->race.racers[n].initiator = i;
    }
    i->link = &i->race.racers[0].link;
}

static int find_reactor(struct initiator *i, const struct initiator_config *config)
{
    struct reactor *r = config->reactor;
    int error = r ? BERTH_OK : reactor_new(&r, config->engine);
    if (error)
        return error;
    error = reactor_join(r, i);
    i->owns_reactor = !config->reactor && !error;
    if (i->owns_reactor)
        i->engine->wait = i->policy.wait;
    if (error && !config->reactor)
        reactor_free(r);
    return error;
}

static int set_up(struct initiator *i, const struct initiator_config *config, const char **why)
{
    i->policy = config->policy;
    i->bind = config->bind;
    allowance_copy(&i->allowance, &config->allowance);
    i->home.portal = config->portal;
    i->here = &i->home;
    if (config->initiator_name)
        name_typed(config->initiator_name, i->initiator_name);
    else
        host_initiator_name(i->initiator_name, sizeof i->initiator_name);
    if (config->target_name)
        snprintf(i->target_name, sizeof i->target_name, "%s", config->target_name);
    set_racers(i);
    i->resolve = config->resolve;
    i->random = config->seed;
    if (!i->random && !host_crypto()->random(&i->random, sizeof i->random))
        return BERTH_E_SYSTEM;
    int error = find_reactor(i, config);
    if (!error && config->carrier)
        error = initiator_carry(i, config->carrier, why);
    if (!error)
        error = wishes_set(i, config);
    return error ? error : make_session(i, config);
}

int initiator_new(struct initiator **out, const struct initiator_config *config,
                  const struct initiator_owner *owner, char *detail, size_t detail_size)
{
    struct initiator *i = pages_new(sizeof *i);
    *out = NULL;
    if (!i) {
        snprintf(detail, detail_size, "%s", berth_error_text(BERTH_E_MEMORY));
        return BERTH_E_MEMORY;
    }
    i->owner = *owner;
    const char *why = NULL;
    int error = set_up(i, config, &why);
    if (error) {
        const char *words = error == BERTH_E_SYSTEM && !why ? strerror(errno) : NULL;
        snprintf(detail, detail_size, "%s%s%s", why ? why : berth_error_text(error), words ? ": " : "",
                 words ? words : "");
        initiator_free(i);
        return error;
    }
    *out = i;
    return BERTH_OK;
}

/* Everything that is not done yet comes back. */
static void abort_all(struct initiator *i)
{
    for (uint32_t n = 0; n < i->session->slots.count; n++) {
        struct task *task = &i->session->tasks[n];
        if (!slots_taken(&i->session->slots, n))
            continue;
        if (task->state == TASK_QUEUED || task->state == TASK_DETACHED)
            session_revoke(i->session, task, BERTH_E_ABORTED);
    }
    connection_deliver(i);
}

void initiator_free(struct initiator *i)
{
    if (!i)
        return;
    struct reactor *r = i->reactor;
    if (r && i->link)
        connection_drop(i);
    if (i->session)
        abort_all(i);
    if (r) {
        hosts_end(i);
        reactor_leave(i);
    }
    if (i->owns_reactor)
        reactor_free(r);
    if (i->conn)
        pages_free(i->conn, conn_size(i->session, &i->conn_config));
    free(i->watches);
    if (i->session)
        pages_free(i->session, session_size(&i->session->config));
    vault_free(i->secrets, sizeof *i->secrets);
    explicit_bzero(i, sizeof *i);
    pages_free(i, sizeof *i);
}

static uint32_t later_ms(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

int initiator_open(struct initiator *i)
{
    int error = BERTH_OK;
    i->reactor->left_at = initiator_now(i);
    uint64_t given_ms = later_ms(i->policy.connect_timeout_ms, i->policy.open_timeout_ms);
    i->open_deadline =
        given_ms == INITIATOR_FOR_EVER ? UINT64_MAX : i->reactor->left_at + given_ms * NS_PER_MS;
    reactor_touch(i);
    seek_begin(i);
    while (i->state != INITIATOR_UP && error == BERTH_OK)
        error = initiator_wait(i, UINT64_MAX);
    return error;
}

void initiator_keep(struct initiator *i)
{
    i->kept = true;
    i->trouble_at = 0; /* what opening has come across does not matter any more */
}

void initiator_leave(struct initiator *i, uint32_t timeout_ms)
{
    if (i->state != INITIATOR_UP)
        return;
    i->relogin = false;
    initiator_become(i, INITIATOR_LEAVING);
    reactor_touch(i);
    i->attempt_deadline = initiator_now(i) + timeout_ms * NS_PER_MS;
    conn_logout(i->conn, WIRE_LOGOUT_SESSION);
    link_kick(i->link);
}

void initiator_close(struct initiator *i, uint32_t timeout_ms)
{
    initiator_leave(i, timeout_ms);
    while (i->state == INITIATOR_LEAVING && !i->relogin && initiator_wait(i, i->attempt_deadline) == BERTH_OK)
        ;
}
