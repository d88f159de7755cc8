/* SPDX-License-Identifier: MIT */
#include "script/parse.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "script/field.h"

bool parse_refuse(struct parse *p, const char *format, ...)
{
    va_list args;
    int len = snprintf(p->why, p->why_size, "%s: ", p->source);
    size_t used = len < 0 ? 0 : (size_t)len < p->why_size ? (size_t)len : p->why_size;
    va_start(args, format);
    vsnprintf(p->why + used, p->why_size - used, format, args);
    va_end(args);
    return false;
}

bool parse_fail(struct parse *p, const char *wanted)
{
    const char *word = *p->at, *before = p->at > p->begin ? p->at[-1] : NULL;
    if (!before)
        return parse_refuse(p, "'%s' begins no rule; write %s there", word ? word : "", wanted);
    if (!word)
        return parse_refuse(p, "something is missing behind '%s'; write %s there", before, wanted);
    return parse_refuse(p, "'%s' is not understood behind '%s'; write %s there", word, before, wanted);
}

bool parse_accept(struct parse *p, const char *word)
{
    if (!*p->at || strcmp(*p->at, word) != 0)
        return false;
    p->at++;
    return true;
}

const char *parse_word(struct parse *p, const char *wanted)
{
    if (!*p->at) {
        parse_fail(p, wanted);
        return NULL;
    }
    return *p->at++;
}

bool parse_number(struct parse *p, uint64_t least, uint64_t most, uint64_t *value)
{
    char wanted[96];
    if (*p->at && units_number(*p->at, value) && *value >= least && *value <= most) {
        p->at++;
        return true;
    }
    if (most == UINT64_MAX)
        return parse_fail(p, "a number such as 5 or 0x1f");
    snprintf(wanted, sizeof wanted, "a number from %llu to %llu", (unsigned long long)least,
             (unsigned long long)most);
    return parse_fail(p, wanted);
}

bool parse_size(struct parse *p, uint64_t most, uint64_t *bytes)
{
    char wanted[96];
    if (*p->at && units_size(*p->at, bytes) && *bytes <= most) {
        p->at++;
        return true;
    }
    snprintf(wanted, sizeof wanted, "a size such as 512 or 64K, at most %llu bytes",
             (unsigned long long)most);
    return parse_fail(p, wanted);
}

bool parse_time(struct parse *p, struct range *ns)
{
    if (!*p->at || !units_time_range(*p->at, ns))
        return parse_fail(p, "a time such as 200ms, 5s or 1ms..20ms, at most a day");
    p->at++;
    return true;
}

bool parse_range(struct parse *p, struct range *r)
{
    if (!*p->at || !units_range(*p->at, r))
        return parse_fail(p, "a number or a range such as 3..5 or 3..");
    p->at++;
    return true;
}

bool parse_maybe_number(struct parse *p, uint64_t *value)
{
    uint64_t found;
    if (!*p->at || !units_number(*p->at, &found))
        return false;
    *value = found;
    p->at++;
    return true;
}

bool parse_maybe_range(struct parse *p, struct range *r)
{
    struct range found;
    if (!*p->at || !units_range(*p->at, &found))
        return false;
    *r = found;
    p->at++;
    return true;
}

bool parse_what(struct parse *p, struct what *what)
{
    char list[PARSE_LIST_MAX];
    if (*p->at && what_find(*p->at, what)) {
        p->at++;
        return true;
    }
    what_list(list, sizeof list);
    return parse_fail(p, list);
}

bool parse_kind(struct parse *p, int *kind)
{
    char list[PARSE_LIST_MAX];
    *kind = *p->at ? what_kind(*p->at) : -1;
    if (*kind >= 0) {
        p->at++;
        return true;
    }
    what_list_kinds(list, sizeof list);
    return parse_fail(p, list);
}

bool parse_pair(struct parse *p, const char **pair)
{
    if (!*p->at || !strchr(*p->at, '=') || **p->at == '=')
        return parse_fail(p, "KEY=VALUE");
    *pair = *p->at++;
    return true;
}

bool parse_field(struct parse *p, uint64_t opcodes, const char **field, uint8_t *at)
{
    char list[PARSE_LIST_MAX];
    uint64_t byte;
    *field = NULL;
    if (parse_accept(p, "byte")) {
        if (!parse_number(p, 0, WIRE_BHS_LEN - 1, &byte))
            return false;
        *at = (uint8_t)byte;
        return true;
    }
    *field = *p->at ? field_name(*p->at, opcodes) : NULL;
    if (*field) {
        p->at++;
        return true;
    }
    field_list(opcodes, list, sizeof list);
    return parse_fail(p, list);
}
