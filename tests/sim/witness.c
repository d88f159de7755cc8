/* SPDX-License-Identifier: MIT */
#include "witness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/crypto.h"

static uint64_t now(void *arg)
{
    const struct witness *w = arg;
    return w->now(w->arg);
}

static bool is_named(const char *list, const char *id)
{
    size_t len = strlen(id);
    for (const char *at = list; at && (at = strstr(at, id)) != NULL; at += len)
        if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

static void on_violation(void *arg, const struct referee_violation *v)
{
    const struct witness *w = arg;
    char line[REFEREE_LINE_MAX];
    if (is_named(w->breaks, v->rule->id))
        return;
    referee_line(v, line);
    fprintf(stderr, "the initiator breaks %s\n", line);
    abort();
}

void witness_begin(struct witness *w, uint64_t (*clock)(void *arg), void *arg, const char *breaks)
{
    const struct referee_config config = {host_crypto(), now, on_violation, w};
    *w = (struct witness){.now = clock, .arg = arg, .breaks = breaks};
    w->court = court_new(&config);
}

void witness_end(struct witness *w)
{
    court_free(w->court);
    w->court = NULL;
}

struct referee *witness_connection(struct witness *w)
{
    return referee_new(w->court, "the simulation");
}
