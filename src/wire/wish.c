/* SPDX-License-Identifier: MIT */
#include "wire/wish.h"

static void quote(struct writer *w, struct span s)
{
    write8(w, '\'');
    write_bytes(w, s.at, s.len < WISH_QUOTED_MAX ? s.len : WISH_QUOTED_MAX);
    write8(w, '\'');
}

static const struct wish_bound *find(const struct wish_bound *bounds, size_t count, struct span name)
{
    enum wire_key key = key_find(name);
    for (size_t i = 0; i < count && key != KEY_UNKNOWN; i++)
        if (bounds[i].key == key)
            return &bounds[i];
    return NULL;
}

static void tell_names(struct writer *w, const struct wish_bound *bounds, size_t count, struct span name)
{
    quote(w, name);
    write_str(w, " is no key that can be set; these can: ");
    for (size_t i = 0; i < count; i++) {
        write_str(w, i ? ", " : "");
        write_str(w, key_rows[bounds[i].key].name);
    }
}

static void tell_choices(struct writer *w, const struct key_row *row)
{
    write_str(w, "a list of ");
    for (uint32_t i = row->max + 1; i-- > 0;) {
        write_str(w, row->choices[i]);
        write_str(w, i > 1 ? ", " : i ? " and " : "");
    }
}

static void tell_range(struct writer *w, const struct wish_bound *bound)
{
    if (bound->min < bound->max) {
        write_str(w, "a number from ");
        write_number(w, bound->min);
        write_str(w, " to ");
    }
    write_number(w, bound->max);
}

static bool is_bool(const struct key_row *row)
{
    return row->type == KEY_BOOL_AND || row->type == KEY_BOOL_OR;
}

static void tell_values(struct writer *w, const struct wish_bound *bound, struct span value)
{
    const struct key_row *row = &key_rows[bound->key];
    write_str(w, row->name);
    write_str(w, " must be ");
    if (row->type == KEY_LIST)
        tell_choices(w, row);
    else if (is_bool(row))
        write_str(w, "Yes or No");
    else
        tell_range(w, bound);
    write_str(w, ", not ");
    quote(w, value);
}

static bool read_list(enum wire_key key, struct span value, uint32_t *wanted)
{
    struct span left = value, item;
    uint32_t choice;
    while (span_item(&left, &item))
        if (!key_value_read(key, item, &choice))
            return false;
    *wanted = key_choices_read(key, value);
    return true;
}

static bool read_wanted(const struct wish_bound *bound, struct span value, uint32_t *wanted)
{
    if (key_rows[bound->key].type == KEY_LIST)
        return read_list(bound->key, value, wanted);
    return key_value_read(bound->key, value, wanted) && *wanted >= bound->min && *wanted <= bound->max;
}

static bool take_pair(struct negotiation *n, const struct wish_bound *bounds, size_t count, struct span name,
                      struct span value, struct writer *w)
{
    const struct wish_bound *bound = find(bounds, count, name);
    uint32_t wanted;
    if (!bound)
        tell_names(w, bounds, count, name);
    else if (!read_wanted(bound, value, &wanted))
        tell_values(w, bound, value);
    else
        negotiation_want(n, bound->key, wanted);
    return writer_len(w) == 0;
}

bool wish_take(struct negotiation *n, const struct wish_bound *bounds, size_t count, const char *word,
               char flaw[WISH_FLAW_MAX])
{
    struct writer w = writer_over(flaw, WISH_FLAW_MAX - 1);
    size_t len = strlen(word);
    const char *equals = memchr(word, '=', len);
    bool taken = false;
    if (equals) {
        struct span name = {word, (size_t)(equals - word)}, value = {equals + 1, len - name.len - 1};
        taken = take_pair(n, bounds, count, name, value, &w);
    } else {
        quote(&w, (struct span){word, len});
        write_str(&w, " is no key: write it as in MaxBurstLength=65536");
    }
    *w.at = '\0';
    return taken;
}
