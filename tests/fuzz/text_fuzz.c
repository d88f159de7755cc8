/* SPDX-License-Identifier: MIT */
/* Text segments: whatever text_next() calls a pair lies inside, is put back byte for byte, and its value
 * survives every reading of it. */
#include "fuzz.h"
#include "wire/keys.h"

#define BINARY_MAX 64u

static void check_number(struct span value)
{
    char text[64];
    uint64_t number, again;
    if (!span_number(value, &number))
        return;
    struct writer w = writer_over(text, sizeof text);
    write_number(&w, number);
    fuzz_check(w.ok && span_number((struct span){text, writer_len(&w)}, &again) && again == number);
}

static void check_binary(struct span value)
{
    uint8_t bytes[BINARY_MAX + 1], again[BINARY_MAX];
    char text[2 * BINARY_MAX + 16];
    bytes[BINARY_MAX] = 0x5a;
    long len = span_binary(value, bytes, BINARY_MAX);
    fuzz_check(len >= -1 && len <= (long)BINARY_MAX && len != 0 && bytes[BINARY_MAX] == 0x5a);
    if (len < 0)
        return;
    struct writer w = writer_over(text, sizeof text);
    text_put_hex(&w, "K", bytes, (size_t)len);
    fuzz_check(w.ok && span_binary((struct span){text + 2, writer_len(&w) - 3}, again, sizeof again) == len);
    fuzz_check(memcmp(bytes, again, (size_t)len) == 0);
}

static void check_known(struct span name, struct span value)
{
    enum wire_key key = key_find(name);
    char text[64];
    uint32_t number, again;
    if (key == KEY_UNKNOWN || !key_value_read(key, value, &number))
        return;
    fuzz_check(number >= key_rows[key].min && number <= key_rows[key].max);
    key_value_text(key, number, text, sizeof text);
    fuzz_check(key_value_read(key, (struct span){text, strlen(text)}, &again) && again == number);
}

static void check_choices(struct span value)
{
    char text[64];
    uint32_t choices = key_choices_read(KEY_TASK_REPORTING, value);
    key_choices_text(KEY_TASK_REPORTING, choices, text, sizeof text);
    fuzz_check(key_choices_read(KEY_TASK_REPORTING, (struct span){text, strlen(text)}) == choices);
}

static void check_copy(struct span value)
{
    char copy[32];
    if (span_copy(value, copy, sizeof copy))
        fuzz_check(strlen(copy) == value.len && span_is(value, copy));
    else
        fuzz_check(copy[0] == '\0');
}

/* Puts the pair into `w` and compares with where it came from. */
static void check_put(struct writer *w, struct span key, struct span value)
{
    size_t at = writer_len(w);
    text_put_span(w, key, value.at); /* the pair's own NUL ends the value */
    fuzz_check(w->ok && writer_len(w) - at == key.len + value.len + 2);
    fuzz_check(memcmp(w->start + at, key.at, writer_len(w) - at) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_over(data, size);
    uint8_t *out = malloc(size + 1);
    struct writer w = writer_over(out, size);
    struct span key, value;
    enum text_next next;
    while ((next = text_next(&r, &key, &value)) == TEXT_PAIR) {
        const char *end = (const char *)data + size;
        fuzz_check(key.at >= (const char *)data && key.len >= 1 && key.len <= TEXT_KEY_MAX);
        fuzz_check(value.at == key.at + key.len + 1 && value.len < (size_t)(end - value.at));
        check_put(&w, key, value);
        check_number(value);
        check_binary(value);
        check_known(key, value);
        check_choices(value);
        check_copy(value);
    }
    fuzz_check(next == TEXT_BAD ? !r.ok : r.ok && r.at == r.end);
    free(out);
    return 0;
}
