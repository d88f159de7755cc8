/* SPDX-License-Identifier: MIT */
/* The answer to SendTargets (RFC 7143 appendix C): this one target and its portals. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "serve/target.h"

static bool wildcard(const struct sockaddr_storage *sa)
{
    static const uint8_t zero[16];
    if (sa->ss_family == AF_INET)
        return memcmp((const uint8_t *)sa + 4, zero, 4) == 0;
    return memcmp((const uint8_t *)sa + 8, zero, 16) == 0;
}

/* A portal that listens everywhere is named by the address the asker reached it at. */
static void put_portal(struct target_session *ts, const struct portal_entry *p, struct writer *answer)
{
    char text[ADDRESS_MAX + 24], host[ADDRESS_MAX + 16];
    struct sockaddr_storage sa = p->addr.sa;
    socklen_t len = sizeof sa;
    if (wildcard(&sa) && getsockname(ts->wire.fd, (struct sockaddr *)&sa, &len) != 0)
        return;
    addr_text(&sa, host, sizeof host);
    snprintf(text, sizeof text, "%s,%u", host, TARGET_GROUP);
    text_put(answer, "TargetAddress", text);
}

static void put_target(struct target_session *ts, struct writer *answer)
{
    const struct target *t = ts->target;
    text_put(answer, "TargetName", t->iqn);
    for (uint32_t i = 0; i < t->portal_count; i++)
        put_portal(ts, &t->portals[i], answer);
}

/* "All" is for discovery sessions; a name, or nothing for "where I am", is for every session. */
static void answer_one(struct target_session *ts, struct span value, struct writer *answer)
{
    bool all = span_is(value, "All"), here = value.len == 0;
    if (all && !ts->session->discovery)
        text_put(answer, "SendTargets", "Reject");
    else if (all || (here && !ts->session->discovery) || span_is(value, ts->target->iqn))
        put_target(ts, answer);
}

bool send_targets(void *owner, struct conn *c, struct span request, struct writer *answer, uint32_t *cursor)
{
    struct reader r = reader_over(request.at, request.len);
    struct span key, value;
    (void)c;
    *cursor = 0; /* one target and eight portals always fit */
    while (text_next(&r, &key, &value) == TEXT_PAIR)
        if (span_is(key, "SendTargets"))
            answer_one(owner, value, answer);
        else
            text_put_span(answer, key, "NotUnderstood");
    return false;
}
