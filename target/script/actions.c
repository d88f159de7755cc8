/* SPDX-License-Identifier: MIT */
/* Reading what a rule does. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/field.h"
#include "script/parse.h"

#define DATA_MAX 0xffffffu /* bytes of a data segment, 11.2.1.6 */
#define TEXTS                                                                                                \
    (OPCODE(WIRE_LOGIN_REQUEST) | OPCODE(WIRE_LOGIN_RESPONSE) | OPCODE(WIRE_TEXT_REQUEST) |                  \
     OPCODE(WIRE_TEXT_RESPONSE))
#define SPLITTABLE (OPCODE(WIRE_DATA_IN) | OPCODE(WIRE_LOGIN_RESPONSE) | OPCODE(WIRE_TEXT_RESPONSE))
#define ANYTIME    0 /* an action that needs no PDU */
#define EVERY      (FROM_INITIATOR | FROM_TARGET)

/* --- waiting --- */

static bool event(struct parse *p, struct event *e)
{
    e->of = -1;
    e->count = 1;
    if (!parse_what(p, &e->what) || (parse_accept(p, "of") && !parse_kind(p, &e->of)))
        return false;
    if (e->what.moment == MOMENT_CONNECT)
        return parse_refuse(p, "a PDU cannot wait for connect; take login");
    if (!parse_maybe_number(p, &e->count) || e->count > 0)
        return true;
    p->at--;
    return parse_fail(p, "a number from 1 on");
}

/* "for TIME" or "until EVENT"; false if neither is there. */
static bool wait_begins(const struct parse *p)
{
    return *p->at && (strcmp(*p->at, "for") == 0 || strcmp(*p->at, "until") == 0);
}

static bool wait(struct parse *p, struct wait *w)
{
    if (parse_accept(p, "for")) {
        w->kind = WAIT_FOR;
        return parse_time(p, &w->time);
    }
    if (parse_accept(p, "until")) {
        w->kind = WAIT_UNTIL;
        return event(p, &w->event);
    }
    return parse_fail(p, "for TIME or until EVENT");
}

static bool for_time(struct parse *p, struct action *a, bool needed)
{
    if (!parse_accept(p, "for"))
        return needed ? parse_fail(p, "for TIME") : true;
    a->wait.kind = WAIT_FOR;
    return parse_time(p, &a->wait.time);
}

static bool maybe_raw(struct parse *p, struct action *a)
{
    a->raw = parse_accept(p, "raw");
    return true;
}

/* --- loss, order, time --- */

static bool drop(struct parse *p, struct action *a)
{
    return maybe_raw(p, a);
}

static bool duplicate(struct parse *p, struct action *a)
{
    a->number = 1;
    if (parse_maybe_number(p, &a->number) && (a->number == 0 || a->number > 1000)) {
        p->at--;
        return parse_fail(p, "a number from 1 to 1000");
    }
    return wait_begins(p) ? wait(p, &a->wait) : true;
}

static bool delay(struct parse *p, struct action *a)
{
    a->wait.kind = WAIT_FOR;
    return parse_time(p, &a->wait.time);
}

static bool hold(struct parse *p, struct action *a)
{
    return wait(p, &a->wait) && maybe_raw(p, a);
}

/* --- content --- */

static bool edit_value(struct parse *p, struct edit *e)
{
    const char *word = *p->at;
    e->how = EDIT_SET;
    if (parse_accept(p, "none")) {
        e->how = EDIT_NONE;
        return true;
    }
    if (parse_accept(p, "random")) {
        e->how = EDIT_RANDOM;
        return true;
    }
    if (word && (word[0] == '+' || word[0] == '-')) {
        e->how = word[0] == '+' ? EDIT_ADD : EDIT_LESS;
        word++;
    }
    if (!word || !units_number(word, &e->value))
        return parse_fail(p, "a number such as 5, 0x1f or +1, none or random");
    p->at++;
    return true;
}

static bool edits_begin(const struct parse *p, uint64_t opcodes)
{
    return *p->at && (strcmp(*p->at, "byte") == 0 || field_name(*p->at, opcodes));
}

static bool one_edit(struct parse *p, struct action *a, uint64_t opcodes)
{
    struct edit *e = &a->edits[a->edit_count];
    if (a->edit_count == RULE_EDITS_MAX)
        return parse_refuse(p, "an action sets 16 fields at most; use a second one");
    if (!parse_field(p, opcodes, &e->field, &e->at) || !edit_value(p, e))
        return false;
    if (e->field && strcmp(e->field, "lun") == 0 && e->how == EDIT_SET)
        e->value = field_lun(e->value);
    a->edit_count++;
    return true;
}

static bool set(struct parse *p, struct action *a)
{
    uint64_t opcodes = p->rule->what.opcodes;
    do
        if (!one_edit(p, a, opcodes))
            return false;
    while (edits_begin(p, opcodes));
    return maybe_raw(p, a);
}

static bool resize(struct parse *p, struct action *a)
{
    const char *word = *p->at;
    a->verb = EDIT_SET;
    if (word && (word[0] == '+' || word[0] == '-')) {
        a->verb = word[0] == '+' ? EDIT_ADD : EDIT_LESS;
        word++;
    }
    if (!word || !units_size(word, &a->number) || a->number > DATA_MAX)
        return parse_fail(p, "a size such as 512, +4 or -1K, at most 16777215 bytes");
    p->at++;
    return true;
}

static bool poke(struct parse *p, struct action *a)
{
    if (!parse_size(p, DATA_MAX, &a->number))
        return false;
    a->value = *p->at;
    size_t len = a->value ? strspn(a->value, "0123456789abcdefABCDEF") : 0;
    if (len == 0 || len % 2 != 0 || a->value[len] != 0)
        return parse_fail(p, "bytes as hexadecimal digits, two each");
    p->at++;
    return true;
}

static int hex_byte(const char **at, char end)
{
    int value = 0, n = 0;
    for (; **at && **at != end; ++*at, n++) {
        const char *digits = "0123456789abcdef", *digit = strchr(digits, tolower((unsigned char)**at));
        if (!digit || n == 2)
            return -1;
        value = value << 4 | (int)(digit - digits);
    }
    if (n == 0 || **at != end)
        return -1;
    *at += end != 0;
    return value;
}

static bool sense_codes(struct parse *p, struct sense_model *s)
{
    const char *at = *p->at ? *p->at : "";
    int key = hex_byte(&at, '/'), asc = key < 0 ? -1 : hex_byte(&at, '/');
    int ascq = asc < 0 ? -1 : hex_byte(&at, 0);
    if (ascq < 0 || key > 15)
        return parse_fail(p, "sense data such as 3/11/00 (key/ASC/ASCQ, hexadecimal), or none");
    p->at++;
    s->key = (uint8_t)key;
    s->asc = (uint8_t)asc;
    s->ascq = (uint8_t)ascq;
    return true;
}

static bool sense(struct parse *p, struct action *a)
{
    struct sense_model *s = &a->sense;
    *s = (struct sense_model){.on = true, .length = UINT64_MAX, .claim = UINT64_MAX};
    s->none = parse_accept(p, "none");
    if (s->none)
        return true;
    if (!sense_codes(p, s) || (parse_accept(p, "length") && !parse_size(p, 252, &s->length)))
        return false;
    return parse_accept(p, "claim") ? parse_number(p, 0, UINT16_MAX, &s->claim) : true;
}

static bool text_pair(struct parse *p, struct action *a, uint8_t verb)
{
    const char *pair;
    if (!parse_pair(p, &pair))
        return false;
    a->verb = verb;
    a->key = pair;
    a->value = strchr(pair, '=') + 1;
    return true;
}

static bool text_remove(struct parse *p, struct action *a)
{
    a->verb = TEXT_REMOVE;
    a->key = parse_word(p, "KEY");
    return a->key != NULL;
}

static bool text_fill(struct parse *p, struct action *a)
{
    a->verb = TEXT_FILL;
    return parse_number(p, 1, 2704, &a->number); /* 52 * 52 keys of two letters */
}

static bool text(struct parse *p, struct action *a)
{
    if (parse_accept(p, "add"))
        return text_pair(p, a, TEXT_ADD);
    if (parse_accept(p, "replace"))
        return text_pair(p, a, TEXT_REPLACE);
    if (parse_accept(p, "remove"))
        return text_remove(p, a);
    if (parse_accept(p, "fill"))
        return text_fill(p, a);
    a->verb = TEXT_CLEAR;
    return parse_accept(p, "clear") || parse_fail(p, "add, replace, remove, clear or fill");
}

static bool save(struct parse *p, struct action *a)
{
    a->key = parse_word(p, "KEY");
    return a->key != NULL;
}

static bool split(struct parse *p, struct action *a)
{
    if (parse_accept(p, "every")) {
        a->all = true;
        return parse_size(p, DATA_MAX, &a->number) &&
               (a->number > 0 || parse_refuse(p, "pieces of 0 bytes have no end; take 1 or more"));
    }
    if (!parse_accept(p, "at"))
        return parse_fail(p, "at SIZE, at end or every SIZE");
    a->number = ENDLESS;
    return parse_accept(p, "end") || parse_size(p, DATA_MAX, &a->number);
}

static bool number_or_endless(struct parse *p, struct action *a)
{
    a->number = ENDLESS;
    return parse_accept(p, "endless") || parse_number(p, 1, 1000000, &a->number);
}

static bool bit(struct parse *p, struct place *where)
{
    where->random = parse_accept(p, "random");
    if (where->random)
        return true;
    if (!parse_accept(p, "bit"))
        return parse_fail(p, "bit NUMBER or random");
    return parse_number(p, 0, 8ull * DATA_MAX - 1, &where->bit);
}

static bool alter(struct parse *p, struct action *a)
{
    if (parse_accept(p, "header"))
        a->place.part = PART_HEADER;
    else if (parse_accept(p, "data"))
        a->place.part = PART_DATA;
    else
        return parse_fail(p, "header bit N, header random, data bit N or data random");
    return bit(p, &a->place);
}

static bool corrupt(struct parse *p, struct action *a)
{
    static const struct {
        const char *name;
        uint8_t part;
        bool has_bit;
    } parts[] = {
        {"header", PART_HEADER, true},
        {"data", PART_DATA, true},
        {"header-digest", PART_HEADER_DIGEST, false},
        {"data-digest", PART_DATA_DIGEST, false},
        {"anywhere", PART_ANYWHERE, false},
    };
    int i = *p->at ? names_find(NAMES_OF(parts), *p->at) : -1;
    if (i < 0)
        return parse_fail(p, "header, data, header-digest, data-digest or anywhere");
    p->at++;
    a->place.part = parts[i].part;
    a->place.random = parts[i].part == PART_ANYWHERE;
    return parts[i].has_bit ? bit(p, &a->place) : true;
}

/* --- PDUs of its own --- */

static bool more_of_it(struct parse *p, struct action *a, bool *more)
{
    *more = true;
    if (parse_accept(p, "data")) {
        a->has_data = true;
        return parse_size(p, DATA_MAX, &a->number);
    }
    if (parse_accept(p, "sense"))
        return sense(p, a);
    if (parse_accept(p, "text")) {
        if (a->text_count == RULE_TEXTS_MAX)
            return parse_refuse(p, "a PDU gets 16 texts at most; leave some out");
        return parse_pair(p, &a->texts[a->text_count++]);
    }
    *more = edits_begin(p, OPCODE(a->opcode));
    return *more ? one_edit(p, a, OPCODE(a->opcode)) : true;
}

/* What stands here is a field of the PDU, the next action, or a mistake. */
static bool send_end(struct parse *p, const struct action *a)
{
    char list[PARSE_LIST_MAX];
    if (!*p->at || strcmp(*p->at, "and") == 0 || strcmp(*p->at, "raw") == 0)
        return true;
    size_t len = (size_t)snprintf(list, sizeof list, "data, text, sense, and, raw or a field: ");
    field_list(OPCODE(a->opcode), list + len, sizeof list - len);
    return parse_fail(p, list);
}

static bool send(struct parse *p, struct action *a)
{
    char list[PARSE_LIST_MAX];
    int opcode = *p->at ? what_pdu(*p->at) : -1;
    bool more = true;
    if (opcode < 0) {
        what_list_pdus(list, sizeof list);
        return parse_fail(p, list);
    }
    p->at++;
    a->opcode = (uint8_t)opcode;
    while (more)
        if (!more_of_it(p, a, &more))
            return false;
    return send_end(p, a) && maybe_raw(p, a);
}

static bool answer(struct parse *p, struct action *a)
{
    static const struct {
        const char *name;
        uint8_t status;
    } statuses[] = {
        {"good", 0x00},         {"check-condition", 0x02}, {"condition-met", 0x04},
        {"busy", 0x08},         {"aca-active", 0x30},      {"reservation-conflict", 0x18},
        {"task-aborted", 0x40}, {"task-set-full", 0x28},
    };
    char list[PARSE_LIST_MAX];
    int i = *p->at ? names_find(NAMES_OF(statuses), *p->at) : -1;
    if (i < 0) {
        names_list(NAMES_OF(statuses), list, sizeof list);
        return parse_fail(p, list);
    }
    p->at++;
    a->opcode = WIRE_SCSI_RESPONSE;
    a->status = statuses[i].status;
    return parse_accept(p, "sense") ? sense(p, a) : true;
}

/* --- connections --- */

static bool maybe_closing(struct parse *p, struct action *a)
{
    bool rst = parse_accept(p, "rst");
    if (!rst)
        parse_accept(p, "fin");
    a->closing = rst ? CLOSING_RST : CLOSING_FIN;
    return true;
}

static bool disconnect(struct parse *p, struct action *a)
{
    maybe_closing(p, a);
    a->all = parse_accept(p, "all");
    return true;
}

static bool strand(struct parse *p, struct action *a)
{
    a->closing = CLOSING_FIN;
    return wait(p, &a->wait) && maybe_raw(p, a);
}

static bool cut(struct parse *p, struct action *a)
{
    a->place.random = parse_accept(p, "anywhere");
    bool range = *p->at && strstr(*p->at, "..");
    if (a->place.random || (range && parse_range(p, &a->sizes)))
        return maybe_closing(p, a);
    if (range || !parse_size(p, DATA_MAX, &a->sizes.first))
        return false;
    a->sizes.last = a->sizes.first;
    return maybe_closing(p, a);
}

static bool silence(struct parse *p, struct action *a)
{
    if (!for_time(p, a, false))
        return false;
    a->all = parse_accept(p, "all");
    return true;
}

static bool slice(struct parse *p, struct action *a)
{
    if (!parse_range(p, &a->sizes))
        return false;
    if (a->sizes.first == 0)
        return parse_refuse(p, "pieces of 0 bytes never arrive; take 1 or more");
    if (parse_accept(p, "every") && !parse_time(p, &a->wait.time))
        return false;
    a->where = TO_INITIATOR;
    if (parse_accept(p, "both"))
        a->where = TO_INITIATOR | TO_TARGET;
    else if (parse_accept(p, "in"))
        a->where = TO_TARGET;
    else
        parse_accept(p, "out");
    return true;
}

static bool window(struct parse *p, struct action *a)
{
    return parse_number(p, 0, UINT16_MAX, &a->number) && for_time(p, a, false) && maybe_raw(p, a);
}

static bool refuse(struct parse *p, struct action *a)
{
    return for_time(p, a, true);
}

static bool lun_change(struct parse *p, struct action *a)
{
    struct lun_change *l = &a->luns[a->lun_count];
    if (a->lun_count == RULE_LUNS_MAX)
        return parse_refuse(p, "a restart changes 16 LUNs at most; leave some out");
    if (!parse_number(p, 0, 16383, &l->number))
        return false;
    a->lun_count++;
    if (parse_accept(p, "absent"))
        return true;
    if (!parse_accept(p, "size"))
        return parse_fail(p, "size SIZE or absent");
    return parse_size(p, 1ull << 62, &l->size_bytes) &&
           (l->size_bytes > 0 || parse_refuse(p, "a LUN of 0 bytes is none; write absent"));
}

static bool restart(struct parse *p, struct action *a)
{
    if (!for_time(p, a, true))
        return false;
    for (;;) {
        bool key = parse_accept(p, "key");
        if (!key && !parse_accept(p, "lun"))
            return true;
        if (key && a->text_count == RULE_TEXTS_MAX)
            return parse_refuse(p, "a restart changes 16 keys at most; leave some out");
        if (key ? !parse_pair(p, &a->texts[a->text_count++]) : !lun_change(p, a))
            return false;
    }
}

static bool note(struct parse *p, struct action *a)
{
    (void)p;
    (void)a;
    return true;
}

/* --- the table --- */

static const struct action_row {
    const char *name;
    bool (*parse)(struct parse *p, struct action *a);
    uint64_t only; /* the PDUs it can act on; ANYTIME: it needs none */
} rows[] = {
    [ACT_DROP] = {"drop", drop, EVERY},
    [ACT_DUPLICATE] = {"duplicate", duplicate, EVERY},
    [ACT_DELAY] = {"delay", delay, EVERY},
    [ACT_HOLD] = {"hold", hold, EVERY},
    [ACT_STRAND] = {"strand", strand, FROM_INITIATOR},
    [ACT_SET] = {"set", set, EVERY},
    [ACT_RESIZE] = {"resize", resize, EVERY},
    [ACT_POKE] = {"poke", poke, EVERY},
    [ACT_SENSE] = {"sense", sense, OPCODE(WIRE_SCSI_RESPONSE) | OPCODE(WIRE_ASYNC)},
    [ACT_TEXT] = {"text", text, TEXTS},
    [ACT_SAVE] = {"save", save, TEXTS},
    [ACT_SPLIT] = {"split", split, SPLITTABLE},
    [ACT_TARGETS] = {"targets", number_or_endless, OPCODE(WIRE_TEXT_RESPONSE)},
    [ACT_ALTER] = {"alter", alter, EVERY},
    [ACT_CORRUPT] = {"corrupt", corrupt, EVERY},
    [ACT_SEND] = {"send", send, ANYTIME},
    [ACT_SEND_FIRST] = {"send-first", send, ANYTIME},
    [ACT_ANSWER] = {"answer", answer, OPCODE(WIRE_SCSI_COMMAND)},
    [ACT_HOLD_LOGIN] = {"hold-login", number_or_endless, OPCODE(WIRE_LOGIN_RESPONSE)},
    [ACT_DISCONNECT] = {"disconnect", disconnect, ANYTIME},
    [ACT_CUT] = {"cut", cut, EVERY},
    [ACT_MUTE] = {"mute", silence, ANYTIME},
    [ACT_DEAF] = {"deaf", silence, ANYTIME},
    [ACT_SLICE] = {"slice", slice, ANYTIME},
    [ACT_WINDOW] = {"window", window, ANYTIME},
    [ACT_REFUSE] = {"refuse", refuse, ANYTIME},
    [ACT_RESTART] = {"restart", restart, ANYTIME},
    [ACT_NOTE] = {"note", note, ANYTIME},
};

static bool fits(struct parse *p, const struct action_row *row)
{
    char list[PARSE_LIST_MAX];
    if (row->only == ANYTIME || row->only & p->rule->what.opcodes)
        return true;
    what_list_for(row->only, list, sizeof list);
    return parse_refuse(p, "'%s' cannot be done here; it needs on and one of these: %s", row->name, list);
}

static bool one_action(struct parse *p)
{
    char list[PARSE_LIST_MAX];
    struct rule *r = p->rule;
    int kind = *p->at ? names_find(NAMES_OF(rows), *p->at) : -1;
    if (kind < 0) {
        names_list(NAMES_OF(rows), list, sizeof list);
        return parse_fail(p, list);
    }
    if (r->action_count == RULE_ACTIONS_MAX)
        return parse_refuse(p, "a rule has 16 actions at most; make two of it");
    if (!fits(p, &rows[kind]))
        return false;
    p->at++;
    struct action *a = &r->actions[r->action_count++];
    a->kind = (uint8_t)kind;
    return rows[kind].parse(p, a);
}

bool parse_actions(struct parse *p)
{
    do
        if (!one_action(p))
            return false;
    while (parse_accept(p, "and"));
    return !*p->at || parse_fail(p, "and with one more action, or nothing");
}
