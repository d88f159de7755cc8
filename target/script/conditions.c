/* SPDX-License-Identifier: MIT */
/* Reading what narrows a rule down. */
#include <stdio.h>
#include <string.h>
#include "script/field.h"
#include "script/parse.h"

static bool on_every(struct parse *p)
{
    return parse_number(p, 1, UINT32_MAX, &p->rule->every);
}

static bool on_chance(struct parse *p)
{
    struct rule *r = p->rule;
    if (!*p->at || !units_ratio(*p->at, &r->chance, &r->chances))
        return parse_fail(p, "a chance such as 1/50");
    p->at++;
    return true;
}

static bool on_of(struct parse *p)
{
    struct rule *r = p->rule;
    if (!parse_kind(p, &r->of))
        return false;
    parse_maybe_range(p, &r->of_nth);
    return true;
}

static bool on_lun(struct parse *p)
{
    p->rule->has_lun = true;
    return parse_range(p, &p->rule->lun);
}

static bool on_lba(struct parse *p)
{
    p->rule->has_lba = true;
    return parse_range(p, &p->rule->lba);
}

static bool on_connection(struct parse *p)
{
    return parse_range(p, &p->rule->connection);
}

static bool on_portal(struct parse *p)
{
    return parse_range(p, &p->rule->portal);
}

static bool on_initiator(struct parse *p)
{
    const char *name = parse_word(p, "an initiator's name");
    if (!name)
        return false;
    if (strlen(name) >= RULE_NAME_MAX || !name[0])
        return parse_refuse(p, "an initiator's name has 1 to 223 bytes; shorten '%s'", name);
    strcpy(p->rule->initiator, name);
    return true;
}

static bool on_session(struct parse *p)
{
    if (parse_accept(p, "normal"))
        p->rule->session = SESSION_NORMAL_ONLY;
    else if (parse_accept(p, "discovery"))
        p->rule->session = SESSION_DISCOVERY_ONLY;
    else
        return parse_fail(p, "normal or discovery");
    return true;
}

static bool with_text(struct parse *p)
{
    struct rule *r = p->rule;
    const char *word = parse_word(p, "KEY or KEY=VALUE");
    if (!word)
        return false;
    r->text_key = word;
    r->text_value = strchr(word, '=');
    return true;
}

/* LUNs are compared as their eight bytes. */
static void encode_luns(struct field_test *t)
{
    if (!t->field || strcmp(t->field, "lun") != 0)
        return;
    t->values.first = field_lun(t->values.first);
    t->values.last = field_lun(t->values.last);
}

static bool on_with(struct parse *p)
{
    struct rule *r = p->rule;
    struct field_test *t = &r->tests[r->test_count];
    if (parse_accept(p, "text"))
        return with_text(p);
    if (r->test_count == RULE_TESTS_MAX)
        return parse_refuse(p, "a rule tests 8 fields at most; leave some out");
    if (!parse_field(p, r->what.opcodes, &t->field, &t->at))
        return false;
    t->none = parse_accept(p, "none");
    if (!t->none && !parse_range(p, &t->values))
        return false;
    encode_luns(t);
    r->test_count++;
    return true;
}

static bool on_per(struct parse *p)
{
    if (!parse_accept(p, "connection"))
        return parse_fail(p, "connection");
    p->rule->per_connection = true;
    return true;
}

static const struct {
    const char *name;
    bool needs_pdu;
    bool (*parse)(struct parse *p);
} rows[] = {
    {"every", false, on_every},
    {"chance", false, on_chance},
    {"of", true, on_of},
    {"lun", true, on_lun},
    {"lba", true, on_lba},
    {"connection", false, on_connection},
    {"portal", false, on_portal},
    {"initiator", false, on_initiator},
    {"session", false, on_session},
    {"with", true, on_with},
    {"per", false, on_per},
};

bool parse_conditions(struct parse *p)
{
    int i;
    while (*p->at && (i = names_find(NAMES_OF(rows), *p->at)) >= 0) {
        if (rows[i].needs_pdu && p->rule->what.moment != MOMENT_PDU)
            return parse_refuse(
                p, "'%s' is about a PDU, and here is none; leave it out, or begin with on PDU", rows[i].name);
        p->at++;
        if (!rows[i].parse(p))
            return false;
    }
    return true;
}
