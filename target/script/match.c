/* SPDX-License-Identifier: MIT */
/* When a rule acts. */
#include <string.h>
#include "script/random.h"
#include "script/scene.h"

static bool what_fits(const struct scene *s, const struct what *w)
{
    if (w->moment != s->moment)
        return false;
    if (s->moment != MOMENT_PDU)
        return true;
    return parcel_bit(s->parcel) & w->opcodes && (!w->status || brings_status(s->parcel->head)) &&
           (!w->last_data || s->completes);
}

static bool name_fits(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);
    if (len > 0 && pattern[len - 1] == '*')
        return strncmp(pattern, name, len - 1) == 0;
    return strcmp(pattern, name) == 0;
}

static bool session_fits(const struct rule *r, const struct bender *b)
{
    return r->session == SESSION_ANY || b->discovery == (r->session == SESSION_DISCOVERY_ONLY);
}

static bool connection_fits(const struct rule *r, const struct bender *b)
{
    return range_has(r->connection, b->number) && range_has(r->portal, b->portal) && session_fits(r, b) &&
           (!r->initiator[0] || name_fits(r->initiator, b->initiator_name));
}

static bool kind_fits(const struct rule *r, const struct entry *e)
{
    if (r->of < 0)
        return true;
    if (!e || (r->of != KIND_ANY && e->kind != r->of))
        return false;
    return range_has(r->of_nth, r->of == KIND_ANY ? e->number : e->number_of_kind);
}

/* Has the command a block of the range? Written so that nothing can wrap. */
static bool blocks_fit(const struct rule *r, const struct entry *e)
{
    if (!r->has_lba)
        return true;
    if (!e || !e->has_blocks || e->blocks == 0 || e->lba > r->lba.last)
        return false;
    return e->lba >= r->lba.first || r->lba.first - e->lba < e->blocks;
}

static bool command_fits(const struct rule *r, const struct entry *e)
{
    return kind_fits(r, e) && (!r->has_lun || (e && range_has(r->lun, e->lun))) && blocks_fit(r, e);
}

static bool test_holds(const struct field_test *t, const struct parcel *p)
{
    const struct field *f = t->field ? field_find(t->field, parcel_opcode(p)) : NULL;
    if (t->field && !f)
        return false;
    uint64_t value = f ? field_get(f, p->head) : p->head[t->at];
    return t->none ? value == (f ? field_max(f) : 0xff) : range_has(t->values, value);
}

static bool text_fits(const struct rule *r, const struct parcel *p)
{
    struct span key = {r->text_key, r->text_value ? (size_t)(r->text_value - r->text_key) : 0}, value;
    if (!r->text_key)
        return true;
    if (!r->text_value)
        key.len = strlen(r->text_key);
    return parcel_has_text(p) && parcel_text_find(p, key, &value) &&
           (!r->text_value || span_is(value, r->text_value + 1));
}

static bool pdu_fits(const struct rule *r, const struct scene *s)
{
    if (s->moment != MOMENT_PDU)
        return true;
    for (uint32_t i = 0; i < r->test_count; i++)
        if (!test_holds(&r->tests[i], s->parcel))
            return false;
    return command_fits(r, s->entry) && text_fits(r, s->parcel);
}

/* The place of this PDU among those that meet the conditions. */
static bool turn_has_come(struct rule *r, uint64_t count)
{
    if (!range_has(r->nth, count))
        return false;
    uint64_t first = r->nth.first ? r->nth.first : 1;
    if ((count - first + 1) % r->every != 0)
        return false;
    return r->chance == r->chances || random_between(&r->random, 1, r->chances) <= r->chance;
}

bool scene_matches(const struct scene *s, struct rule *r)
{
    if (s->parcel && s->parcel->maker == r)
        return false; /* it is its own work */
    if (!what_fits(s, &r->what) || !connection_fits(r, s->bender) || !pdu_fits(r, s))
        return false;
    r->matched++;
    uint64_t mine = ++s->bender->counts[r->index];
    if (!turn_has_come(r, r->per_connection ? mine : r->matched))
        return false;
    r->fired++;
    return true;
}
