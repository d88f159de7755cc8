/* SPDX-License-Identifier: MIT */
/* Portals and names: what is taken is printed and taken again; what is valid keeps the rules that can be
 * seen. */
#include "fuzz.h"
#include "wire/name.h"

static void check_portal(struct span text)
{
    struct portal p, again;
    char printed[ADDRESS_MAX + 16];
    if (!portal_parse(text, &p))
        return;
    fuzz_check(p.host[0] != '\0' && strlen(p.host) <= ADDRESS_MAX && strlen(p.host) <= text.len);
    fuzz_check(p.port != 0 && p.group >= -1 && p.group <= UINT16_MAX);
    fuzz_check(strpbrk(p.host, "[], /@\n") == NULL);
    portal_print(&p, printed, sizeof printed);
    fuzz_check(portal_parse((struct span){printed, strlen(printed)}, &again));
    fuzz_check(strcmp(again.host, p.host) == 0 && again.port == p.port && again.group == -1);
}

static void check_name(struct span text)
{
    if (name_valid(text))
        fuzz_check(name_usable(text));
    if (!name_usable(text))
        return;
    fuzz_check(text.len > 4 && text.len <= NAME_MAX_LEN);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.at[i];
        fuzz_check(c > ' ' && c != 0x7f);
        fuzz_check(!name_valid(text) || c < 'A' || c > 'Z');
    }
}

static void check_typed(const char *text)
{
    char out[NAME_MAX_LEN + 1], again[NAME_MAX_LEN + 1];
    enum name_flaw flaw = name_typed(text, out);
    fuzz_check((flaw == NAME_OK) == (out[0] != '\0'));
    if (flaw != NAME_OK)
        return;
    fuzz_check(name_valid((struct span){out, strlen(out)}) && strlen(out) == strlen(text));
    fuzz_check(name_typed(out, again) == NAME_OK && strcmp(out, again) == 0);
}

static void check_isid(struct span text)
{
    uint8_t isid[ISID_LEN];
    if (isid_parse(text, isid))
        fuzz_check(text.len == 2 * ISID_LEN && isid[0] >> 6 != 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    check_portal(text);
    check_name(text);
    check_isid(text);
    char *typed = calloc(1, size + 1);
    fuzz_check(typed);
    if (size > 0)
        memcpy(typed, data, size);
    check_typed(typed);
    free(typed);
    return 0;
}
