/* SPDX-License-Identifier: MIT */
#include "attach/supervision.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach/caller.h"
#include "attach/notify.h"
#include "attach/verbs.h"

#define LOOK_MS 1000u /* at least between two looks at a target that is sought */

void supervision_begin(struct supervision *s)
{
    const char *socket = getenv("NOTIFY_SOCKET");
    *s = (struct supervision){.wanted = socket && socket[0], .look_at_ms = UINT64_MAX};
}

static uint64_t next_look(const struct standing *now)
{
    uint64_t ms = attachment_now_ms(), left = now->next_ms > ms ? now->next_ms - ms : 0;
    return caller_now_ms() + (left > LOOK_MS ? left : LOOK_MS);
}

static void tell(struct supervision *s, const char *text)
{
    if (strcmp(s->told, text) == 0)
        return;
    snprintf(s->told, sizeof s->told, "%s", text);
    notify_status("%s", text);
}

/* What attachment_ready() has told holds until there is trouble. */
static void tell_well(struct supervision *s, const struct standing *now, const char *path)
{
    char text[STANDING_TEXT_MAX], since[32];
    snprintf(text, sizeof text, "attached: %s; connected again since %s", path,
             status_time(now->since_ms, since));
    if (s->troubled)
        tell(s, text);
    s->troubled = false;
}

static void tell_trouble(struct supervision *s, const struct standing *now)
{
    char text[STANDING_TEXT_MAX];
    standing_words(now, STANDING_NEXT_AT, text);
    tell(s, text);
    s->troubled = true;
}

void supervision_look(struct supervision *s, struct attachment *a)
{
    char path[CLAUSE_MAX];
    struct standing now;
    s->look_at_ms = UINT64_MAX;
    if (!s->wanted || !facts_path(a, path) || attachment_ending(a))
        return;
    standing_find(&now, a);
    if (standing_is_well(&now))
        tell_well(s, &now, path);
    else if (!standing_is_asking(&now))
        tell_trouble(s, &now);
    if (standing_is_away(&now) || standing_is_asking(&now))
        s->look_at_ms = next_look(&now);
}
