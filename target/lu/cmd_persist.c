/* SPDX-License-Identifier: MIT */
/* PERSISTENT RESERVE IN and OUT (SPC-4 5.12, 6.15, 6.16). */
#include <string.h>
#include "base/bytes.h"
#include "scsi/reservation.h"
#include "lu/cmd.h"

/* --- PERSISTENT RESERVE IN --- */

static uint32_t allocation(const struct command *c)
{
    return get16(c->cdb + 7);
}

void cmd_read_keys(struct command *c, struct lu *lu)
{
    const struct reservation *r = &lu->reservation;
    uint8_t *at = c->reply + SCSI_PR_HEADER;
    _Static_assert(SCSI_PR_HEADER + 8 * REGISTRATIONS_MAX <= COMMAND_INLINE_MAX, "all keys fit");

    scsi_put_pr_header(c->reply, r->generation, 8 * r->count);
    for (const struct registration *g = r->first; g; g = g->next, at += 8)
        put64(at, g->key);
    cmd_reply(c, (size_t)(at - c->reply), allocation(c));
}

void cmd_read_reservation(struct command *c, struct lu *lu)
{
    const struct reservation *r = &lu->reservation;
    uint64_t key = r->holder ? r->holder->key : 0; /* 0 where all registrants hold it */
    cmd_reply(c, scsi_put_pr_reservation(c->reply, r->generation, r->type, key), allocation(c));
}

void cmd_report_capabilities(struct command *c, struct lu *lu)
{
    scsi_put_pr_capabilities(c->reply, lu->reservation.path, lu->reservation.kept);
    cmd_reply(c, SCSI_PR_CAPABILITIES_LEN, allocation(c));
}

uint32_t cmd_full_status_bytes(const struct command *c, struct lu *lu)
{
    (void)lu;
    return allocation(c);
}

static size_t put_status(uint8_t *out, size_t size, const struct reservation *r, const struct registration *g)
{
    const struct scsi_pr_status s = {.key = g->key,
                                     .type = reservation_held_by(r, g) ? r->type : PR_NONE,
                                     .port = g->id.port,
                                     .id = g->id.bytes,
                                     .id_len = g->id.len};
    return scsi_put_pr_status(out, size, &s);
}

/* Longer than `reply`, so it takes the memory of reads. */
void cmd_read_full_status(struct command *c, struct lu *lu)
{
    const struct reservation *r = &lu->reservation;
    uint8_t status[SCSI_PR_STATUS_LEN + NEXUS_ID_MAX];
    struct cmd_long_reply reply = {.command = c, .allocation = allocation(c), .len = SCSI_PR_HEADER};

    for (const struct registration *g = r->first; g; g = g->next)
        cmd_long_put(&reply, status, put_status(status, sizeof status, r, g));
    uint32_t len = (uint32_t)(reply.len - SCSI_PR_HEADER);
    reply.len = 0;
    scsi_put_pr_header(status, r->generation, len);
    cmd_long_put(&reply, status, SCSI_PR_HEADER);
    reply.len += len;
    cmd_long_reply(&reply);
}

/* --- PERSISTENT RESERVE OUT: what its service actions share --- */

uint32_t cmd_persist_bytes(const struct command *c, struct lu *lu)
{
    (void)lu;
    uint32_t len = get32(c->cdb + 5);
    return len == SCSI_PR_OUT_LEN ? len : 0;
}

/* false: the command has ended. */
static bool take_list(struct command *c, struct scsi_pr_out *p)
{
    uint32_t told = get32(c->cdb + 5);
    if (told != SCSI_PR_OUT_LEN || cmd_take_parameters(c, told) < told) {
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
        return false;
    }
    scsi_get_pr_out(c->reply, p);
    return true;
}

/* The list, and the nexus' own registration, whose key it must name. NULL: the command has ended. */
static struct registration *take_claim(struct command *c, struct lu *lu, struct scsi_pr_out *p)
{
    struct registration *mine = reservation_find(&lu->reservation, &c->nexus->id);
    if (!take_list(c, p))
        return NULL;
    if (mine && mine->key == p->key)
        return mine;
    cmd_conflict(c);
    return NULL;
}

static uint8_t type_of(const struct command *c)
{
    return c->cdb[2] & 0x0f;
}

/* The scope is the LU, there is no other. false: the command has ended. */
static bool check_type(struct command *c)
{
    bool known = c->cdb[2] >> 4 == 0 && scsi_pr_known(type_of(c));
    if (!known)
        cmd_invalid_field(c);
    return known;
}

static void tell_registrants(struct command *c, const struct lu *lu, uint16_t asc)
{
    for (struct nexus *n = c->nexus->set->nexuses; n; n = n->next)
        if (n != c->nexus && reservation_find(&lu->reservation, &n->id))
            lu_tell(lu, n, asc);
}

/* What cannot be kept must not look as if it were. */
static void save(struct command *c, struct lu *lu)
{
    if (reservation_save(&lu->reservation))
        cmd_fail(c, SENSE_HARDWARE_ERROR, ASC_INTERNAL_FAILURE);
}

static void changed(struct command *c, struct lu *lu)
{
    lu->reservation.generation++;
    save(c, lu);
}

/* --- REGISTER (SPC-4 5.12.7) --- */

/* The others learn that what they shared is gone; who held it alone leaves nothing that they had. */
static void unregister(struct command *c, struct lu *lu, struct registration *mine)
{
    struct reservation *r = &lu->reservation;
    bool shared = scsi_pr_registrants(r->type);
    bool had = r->type != PR_NONE;
    reservation_remove(r, mine);
    if (had && r->type == PR_NONE && shared)
        tell_registrants(c, lu, ASC_RESERVATIONS_RELEASED);
}

/* The target ports through which the initiator registers: the one that this command came through, or all. */
static uint32_t list_ports(const struct command *c, bool all, uint16_t ports[COMMAND_GROUPS_MAX])
{
    uint32_t count;
    const struct port_group *groups = lu_set_groups(c->nexus->set, &count);
    ports[0] = c->nexus->id.port;
    if (!all)
        return 1;
    for (uint32_t i = 0; i < count; i++)
        ports[i] = groups[i].tag;
    return count;
}

static struct nexus_id through(const struct command *c, uint16_t port)
{
    struct nexus_id id = c->nexus->id;
    id.port = port;
    return id;
}

/* false: that makes no change, or the command has ended. */
static bool do_register(struct command *c, struct lu *lu, const struct scsi_pr_out *p, uint16_t port)
{
    const struct nexus_id id = through(c, port);
    struct registration *g = reservation_find(&lu->reservation, &id);
    if (!g && p->action_key == 0)
        return false;
    if (!g && !reservation_add(&lu->reservation, &id, p->action_key)) {
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_NO_REGISTRATION_RESOURCES);
        return false;
    }
    if (g && p->action_key == 0)
        unregister(c, lu, g);
    else if (g)
        g->key = p->action_key;
    return true;
}

static void register_all(struct command *c, struct lu *lu, const struct scsi_pr_out *p, const uint16_t *ports,
                         uint32_t count)
{
    bool any = false;
    for (uint32_t i = 0; i < count && c->status == SCSI_GOOD; i++)
        any |= do_register(c, lu, p, ports[i]);
    if (!any)
        return;
    lu->reservation.kept = p->aptpl;
    changed(c, lu);
}

/* Is the key the right one on each port? Counts those where there is no registration yet. */
static bool keys_fit(const struct command *c, const struct lu *lu, uint64_t key, const uint16_t *ports,
                     uint32_t count, uint32_t *fresh)
{
    bool fit = true;
    *fresh = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct nexus_id id = through(c, ports[i]);
        const struct registration *g = reservation_find(&lu->reservation, &id);
        fit &= key == (g ? g->key : 0);
        *fresh += !g;
    }
    return fit;
}

/* Registrations for other initiator ports (SPEC_I_PT) are not known, and ones that last need a place. */
static bool register_refused(const struct lu *lu, const struct scsi_pr_out *p)
{
    return p->spec_i_pt || (p->aptpl && !lu->reservation.path);
}

/* All of it is checked before any of it is done. */
static void check_and_register(struct command *c, struct lu *lu, bool ignore)
{
    struct scsi_pr_out p;
    uint16_t ports[COMMAND_GROUPS_MAX];
    uint32_t fresh;
    if (!take_list(c, &p))
        return;
    uint32_t count = list_ports(c, p.all_tg_pt, ports);
    if (!keys_fit(c, lu, p.key, ports, count, &fresh) && !ignore)
        cmd_conflict(c);
    else if (register_refused(lu, &p))
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    else if (p.action_key != 0 && fresh > REGISTRATIONS_MAX - lu->reservation.count)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_NO_REGISTRATION_RESOURCES);
    else
        register_all(c, lu, &p, ports, count);
}

void cmd_register(struct command *c, struct lu *lu)
{
    check_and_register(c, lu, false);
}

void cmd_register_and_ignore(struct command *c, struct lu *lu)
{
    check_and_register(c, lu, true);
}

/* --- REGISTER AND MOVE (SPC-4 5.12.8) --- */

uint32_t cmd_move_bytes(const struct command *c, struct lu *lu)
{
    (void)lu;
    uint32_t len = get32(c->cdb + 5);
    return len > SCSI_PR_MOVE_LEN && len <= sizeof c->reply ? len : 0;
}

static bool take_move(struct command *c, struct scsi_pr_move *m)
{
    uint32_t told = cmd_move_bytes(c, NULL);
    bool whole = told > 0 && cmd_take_parameters(c, told) == told && scsi_get_pr_move(c->reply, told, m);
    if (!whole)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
    return whole;
}

static bool may_move(struct command *c, const struct reservation *r, const struct registration *mine,
                     uint64_t key)
{
    if (!mine || mine->key != key)
        cmd_conflict(c);
    else if (r->type == PR_NONE) /* nothing to be moved */
        cmd_invalid_field(c);
    else if (r->holder != mine) /* another's, or everybody's */
        cmd_conflict(c);
    return c->status == SCSI_GOOD;
}

/* Who gets it: an initiator port that is not this one, through a target port that is there. It need not be
 * logged in. */
static bool find_heir(const struct command *c, const struct scsi_pr_move *m, struct nexus_id *heir)
{
    const struct nexus_id *me = &c->nexus->id;
    heir->port = m->port;
    heir->len = scsi_get_transport_id(m->id, m->id_len, heir->bytes, sizeof heir->bytes);
    bool self = heir->len == me->len && memcmp(heir->bytes, me->bytes, me->len) == 0;
    return heir->len > 0 && !self && lu_set_has_group(c->nexus->set, m->port);
}

static void move(struct command *c, struct lu *lu, const struct scsi_pr_move *m, const struct nexus_id *to)
{
    struct reservation *r = &lu->reservation;
    struct registration *heir = reservation_find(r, to), *mine = r->holder;
    if (!heir)
        heir = reservation_add(r, to, m->action_key);
    if (!heir) {
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_NO_REGISTRATION_RESOURCES);
        return;
    }
    heir->key = m->action_key;
    reservation_set(r, heir, r->type);
    if (m->unregister)
        reservation_remove(r, mine);
    r->kept = m->aptpl;
    changed(c, lu);
}

void cmd_register_and_move(struct command *c, struct lu *lu)
{
    struct reservation *r = &lu->reservation;
    struct scsi_pr_move m;
    struct nexus_id heir;
    if (!take_move(c, &m) || !may_move(c, r, reservation_find(r, &c->nexus->id), m.key))
        return;
    if (m.action_key == 0 || !find_heir(c, &m, &heir) || (m.aptpl && !r->path))
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    else
        move(c, lu, &m, &heir);
}

/* --- RESERVE, RELEASE, CLEAR (5.12.9, 5.12.11.2, 5.12.11.5) --- */

void cmd_persistent_reserve(struct command *c, struct lu *lu)
{
    struct reservation *r = &lu->reservation;
    struct scsi_pr_out p;
    struct registration *mine = take_claim(c, lu, &p);
    if (!mine || !check_type(c))
        return;
    if (r->type != PR_NONE && (!reservation_held_by(r, mine) || r->type != type_of(c))) {
        cmd_conflict(c);
        return;
    }
    reservation_set(r, mine, type_of(c));
    save(c, lu);
}

void cmd_persistent_release(struct command *c, struct lu *lu)
{
    struct reservation *r = &lu->reservation;
    struct scsi_pr_out p;
    struct registration *mine = take_claim(c, lu, &p);
    uint8_t was = r->type;
    if (!mine || !reservation_held_by(r, mine)) /* not one's own to release: no error (5.12.11.2.2) */
        return;
    if (c->cdb[2] != was) {
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_INVALID_RELEASE);
        return;
    }
    reservation_set(r, NULL, PR_NONE);
    if (scsi_pr_registrants(was))
        tell_registrants(c, lu, ASC_RESERVATIONS_RELEASED);
    save(c, lu);
}

void cmd_clear(struct command *c, struct lu *lu)
{
    struct scsi_pr_out p;
    if (!take_claim(c, lu, &p))
        return;
    tell_registrants(c, lu, ASC_RESERVATIONS_PREEMPTED);
    while (lu->reservation.first)
        reservation_remove(&lu->reservation, lu->reservation.first);
    changed(c, lu);
}

/* --- PREEMPT, PREEMPT AND ABORT (5.12.11.3, 5.12.11.4) --- */

struct preemption {
    struct registration *keep; /* the preempter's, where it takes the reservation over */
    uint64_t key;              /* whose registrations end; 0: everybody's */
    bool abort;
};

static bool ends(const struct preemption *p, const struct registration *g)
{
    return g != p->keep && (p->key == 0 || g->key == p->key);
}

/* Told, and rid of their commands, while it is still known who they are. */
static void expel(struct command *c, struct lu *lu, const struct preemption *p)
{
    for (struct nexus *n = c->nexus->set->nexuses; n; n = n->next) {
        const struct registration *g = reservation_find(&lu->reservation, &n->id);
        if (n == c->nexus || !g || !ends(p, g))
            continue;
        lu_tell(lu, n, ASC_REGISTRATIONS_PREEMPTED);
        if (p->abort && n->abort && n->abort(n, c->lun) > 0)
            lu_tell(lu, n, ASC_COMMANDS_CLEARED); /* TAS is 0: they end unanswered */
    }
}

static void remove_ended(struct reservation *r, const struct preemption *p)
{
    for (struct registration *g = r->first, *next; g; g = next) {
        next = g->next;
        if (ends(p, g))
            reservation_remove(r, g);
    }
}

static void end_registrations(struct command *c, struct lu *lu, const struct preemption *p)
{
    uint8_t before = lu->reservation.type;
    expel(c, lu, p);
    remove_ended(&lu->reservation, p);
    if (p->keep) {
        reservation_set(&lu->reservation, p->keep, type_of(c));
        if (before != type_of(c))
            tell_registrants(c, lu, ASC_RESERVATIONS_RELEASED);
    }
    changed(c, lu);
}

static bool key_registered(const struct reservation *r, uint64_t key)
{
    for (const struct registration *g = r->first; g; g = g->next)
        if (g->key == key)
            return true;
    return false;
}

/* Does a PREEMPT with this key take the reservation? One that all hold is named by 0. */
static bool takes_over(const struct reservation *r, uint64_t key)
{
    return r->type != PR_NONE && key == (r->holder ? r->holder->key : 0);
}

static void preempt(struct command *c, struct lu *lu, bool abort)
{
    struct reservation *r = &lu->reservation;
    struct scsi_pr_out p;
    struct registration *mine = take_claim(c, lu, &p);
    if (!mine || !check_type(c))
        return;
    bool takes = takes_over(r, p.action_key);
    if (!takes && p.action_key == 0)
        cmd_fail(c, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    else if (!takes && !key_registered(r, p.action_key))
        cmd_conflict(c);
    else
        end_registrations(c, lu, &(struct preemption){takes ? mine : NULL, p.action_key, abort});
}

void cmd_preempt(struct command *c, struct lu *lu)
{
    preempt(c, lu, false);
}

void cmd_preempt_and_abort(struct command *c, struct lu *lu)
{
    preempt(c, lu, true);
}
