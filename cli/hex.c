/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "cli/hex.h"

#define LINE 16u

static int digit(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    if (!at)
        return -1;
    return (int)(at - digits) < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

static bool separates(char c)
{
    return c == ' ' || c == ':' || c == '\t';
}

static bool ends(char c)
{
    return c == '\0' || separates(c);
}

/* The digits from `text` to the next separator: pairs, or one alone. */
static bool read_word(const char *text, size_t word, uint8_t *out, size_t *len, size_t size)
{
    size_t step = word == 1 ? 1 : 2;
    if (word % step || word / step > size - *len)
        return false;
    for (size_t i = 0; i < word; i += step) {
        int high = step == 2 ? digit(text[i]) : 0, low = digit(text[i + step - 1]);
        if (high < 0 || low < 0)
            return false;
        out[(*len)++] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool hex_read(const char *text, uint8_t *out, size_t *len, size_t size)
{
    while (*text) {
        size_t word = 0;
        while (!ends(text[word]))
            word++;
        if (!read_word(text, word, out, len, size))
            return false;
        text += word + (text[word] != '\0');
    }
    return true;
}

char *hex_text(char *out, size_t size, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;
    size_t most = size > 4 ? (size - 4) / 2 : 0, n = 0;
    for (size_t i = 0; i < len && i < most; i++) {
        out[n++] = digits[at[i] >> 4];
        out[n++] = digits[at[i] & 15];
    }
    if (size > 0)
        snprintf(out + n, size - n, "%s", len > most ? "..." : "");
    return out;
}

static void dump_line(FILE *out, size_t offset, const uint8_t *bytes, size_t len)
{
    fprintf(out, "%08zx ", offset);
    for (size_t i = 0; i < LINE; i++)
        fprintf(out, i < len ? "%s%02x" : "%s  ", i == LINE / 2 ? "  " : " ", i < len ? bytes[i] : 0u);
    fputs("  |", out);
    for (size_t i = 0; i < len; i++)
        fputc(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.', out);
    fputs("|\n", out);
}

void hex_dump(FILE *out, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += LINE)
        dump_line(out, at, (const uint8_t *)bytes + at, len - at < LINE ? len - at : LINE);
}
