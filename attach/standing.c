/* SPDX-License-Identifier: MIT */
#include "attach/standing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach/exit.h"
#include "attach/verbs.h"

#define CLOCK_STEP_NS 1000000000 /* a change that no two readings one after the other explain */

/* From the library's clock to the one that people read. It is kept, so that one moment has one time however
 * often it is asked for; only where the clock was set, or the host slept, it is found anew. */
static int64_t offset_ns(struct attachment *a, uint64_t now_ns)
{
    int64_t kept = atomic_load(&a->offset_ns);
    int64_t found = (int64_t)(attachment_now_ms() * 1000000 - now_ns);
    if (kept && llabs(found - kept) < CLOCK_STEP_NS)
        return kept;
    atomic_store(&a->offset_ns, found);
    return found;
}

static uint64_t wall_ms(int64_t offset, uint64_t at_ns)
{
    return at_ns ? (at_ns + (uint64_t)offset) / 1000000 : 0;
}

static void stand_by_library(struct standing *to, struct attachment *a)
{
    static const char *const words[][3] = {
        {"connected", "connected", ""},
        {"checking", "logged in, asking whether it is the same LUN", ""},
        {"seeking", "the session is lost and being sought", "; I/Os wait"},
        {"gone", "logged in, but the LUN is not there", "; I/Os fail"},
        {"failed", "given up for good", "; I/Os fail: detach it, and attach it again"},
    };
    struct berth_status st = {.size = sizeof st};
    if (berth_lun_status(a->lun, &st) != 0)
        return;
    int64_t offset = offset_ns(a, st.now_ns);
    uint32_t row = st.state <= BERTH_STATE_FAILED ? st.state : BERTH_STATE_FAILED;
    *to = (struct standing){.state = words[row][0],
                            .words = words[row][1],
                            .then = words[row][2],
                            .since_ms = wall_ms(offset, st.since_ns),
                            .next_ms = wall_ms(offset, st.next_attempt_ns),
                            .gives_up_ms = wall_ms(offset, st.gives_up_ns),
                            .attempts = st.attempts,
                            .error_ms = wall_ms(offset, st.trouble.at_ns),
                            .in_flight = st.in_flight,
                            .waiting = st.waiting,
                            .sessions = st.sessions,
                            .sessions_up = st.sessions_up,
                            .error = st.trouble.error};
    snprintf(to->error_text, sizeof to->error_text, "%s", st.trouble.text);
}

/* As long as the library has nothing to tell. */
static void stand_by_facts(struct standing *to, const struct facts *f)
{
    *to = (struct standing){.state = f->phase == PHASE_ENDING ? "ending" : "opening",
                            .words = f->phase == PHASE_ENDING ? "ending" : "logging in for the first time",
                            .then = "",
                            .since_ms = f->since_ms,
                            .next_ms = f->next_ms,
                            .attempts = f->attempts,
                            .error = f->error,
                            .error_ms = f->error_ms};
    snprintf(to->error_text, sizeof to->error_text, "%s", f->error_text);
}

void standing_find(struct standing *to, struct attachment *a)
{
    pthread_mutex_lock(&a->facts.lock);
    bool open = a->facts.phase == PHASE_OPEN;
    stand_by_facts(to, &a->facts);
    pthread_mutex_unlock(&a->facts.lock);
    if (open)
        stand_by_library(to, a);
    if (attachment_ending(a))
        to->state = "ending";
}

static bool is(const struct standing *s, const char *state)
{
    return strcmp(s->state, state) == 0;
}

bool standing_is_well(const struct standing *s)
{
    return is(s, "connected");
}

bool standing_is_asking(const struct standing *s)
{
    return is(s, "checking");
}

bool standing_is_away(const struct standing *s)
{
    return is(s, "opening") || is(s, "seeking");
}

bool standing_is_over(const struct standing *s)
{
    return is(s, "failed");
}

/* --- in words --- */

static void next_words(const struct standing *s, enum standing_next next, char out[64])
{
    char at[32];
    uint64_t now = attachment_now_ms();
    out[0] = '\0';
    if (s->next_ms > now && next == STANDING_NEXT_IN)
        snprintf(out, 64, "; next attempt in %.1f s", (double)(s->next_ms - now) / 1000);
    else if (s->next_ms > now)
        snprintf(out, 64, "; next attempt at %s", status_time(s->next_ms, at));
    else if (is(s, "seeking"))
        snprintf(out, 64, "; an attempt is under way");
}

void standing_words(const struct standing *s, enum standing_next next, char out[STANDING_TEXT_MAX])
{
    char since[32], then[64];
    bool error = s->error && !standing_is_well(s) && !standing_is_asking(s);
    if (is(s, "ending")) {
        snprintf(out, STANDING_TEXT_MAX, "ending: somebody has asked for it");
        return;
    }
    next_words(s, next, then);
    snprintf(out, STANDING_TEXT_MAX, "%s since %s%s%s%s%s", s->words, status_time(s->since_ms, since),
             error ? ": " : "", error ? s->error_text : "", s->then, then);
}

int standing_refuse(struct refusal *r, const char *name, struct attachment *a, uint64_t asked_ms)
{
    char words[STANDING_TEXT_MAX], since[32];
    struct standing s;
    standing_find(&s, a);
    standing_words(&s, STANDING_NEXT_IN, words);
    if (standing_is_well(&s) || standing_is_asking(&s))
        return refuse(
            r, name, STATUS_UNREACHABLE,
            "the target of %s has not answered since %s, though its session stands; it is pinged, and "
            "sought if it does not answer that; check that the target runs, then ask again",
            a->name, status_time(asked_ms, since));
    if (standing_is_over(&s)) /* the words end with the next step */
        return refuse(r, name, STATUS_UNREACHABLE, "the target of %s does not answer: %s", a->name, words);
    return refuse(r, name, STATUS_UNREACHABLE,
                  "the target of %s does not answer: %s; check that the target runs, then ask again", a->name,
                  words);
}
