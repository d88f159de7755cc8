/* SPDX-License-Identifier: MIT */
/* Scripts that are in files. */
#include <berth/error.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/script.h"

static int read_text(struct script *s, const char *file, char *text, FILE *from, char *why, size_t why_size)
{
    size_t len = fread(text, 1, SCRIPT_TEXT_MAX + 1, from);
    if (!ferror(from))
        return script_read(s, file, true, text, len, why, why_size) ? BERTH_OK : BERTH_E_ARGUMENT;
    snprintf(why, why_size, "cannot read the script %s: %s; choose another", file, strerror(errno));
    return BERTH_E_SYSTEM;
}

int script_load(struct script *s, const char *file, char *why, size_t why_size)
{
    FILE *from = fopen(file, "re");
    if (!from) {
        snprintf(why, why_size, "cannot open the script %s: %s; choose another", file, strerror(errno));
        return BERTH_E_SYSTEM;
    }
    char *text = malloc(SCRIPT_TEXT_MAX + 1);
    int error = BERTH_E_MEMORY;
    if (text)
        error = read_text(s, file, text, from, why, why_size);
    else
        snprintf(why, why_size, "%s", berth_error_text(error));
    free(text);
    fclose(from);
    return error;
}

int script_add_fault(struct script *s, uint32_t number, const char *rule, char *why, size_t why_size)
{
    char name[32];
    snprintf(name, sizeof name, "--fault %u", number);
    return script_read(s, name, false, rule, strlen(rule), why, why_size) ? BERTH_OK : BERTH_E_ARGUMENT;
}
