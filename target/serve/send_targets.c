/* SPDX-License-Identifier: MIT */
/* The answer to SendTargets (RFC 7143 appendix C): the targets that this initiator may see, and their
 * portals. The cursor counts the lines of the list: as many as fit go into a PDU, the rest into the next
 * ones. */
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
static void put_portal(const struct target_session *ts, const struct portal_entry *p, struct writer *answer)
{
    char text[ADDRESS_MAX + 24], host[ADDRESS_MAX + 16];
    struct sockaddr_storage sa = p->addr.sa;
    socklen_t len = sizeof sa;
    if (wildcard(&sa) && getsockname(ts->wire.fd, (struct sockaddr *)&sa, &len) != 0)
        return;
    addr_text(&sa, host, sizeof host);
    snprintf(text, sizeof text, "%s,%u", host, p->group);
    text_put(answer, "TargetAddress", text);
}

static bool listed(const struct target_session *ts, const struct node *n)
{
    if (!node_allows(ts->target, n, conn_login(ts->conn)->initiator_name))
        return false;
    return strcmp(ts->send_targets, "All") == 0 || strcmp(ts->send_targets, n->config->iqn) == 0;
}

/* Line number `line` of the list: of each target its name, then its portals. */
static void put_line(const struct target_session *ts, uint32_t line, struct writer *answer)
{
    const struct target *t = ts->target;
    uint32_t lines = 1 + t->portal_count;
    const struct node *n = &t->nodes[line / lines];
    if (!listed(ts, n))
        return;
    if (line % lines == 0)
        text_put(answer, "TargetName", n->config->iqn);
    else
        put_portal(ts, &t->portals[line % lines - 1], answer);
}

/* Lines from the cursor on, as far as they fit; it counts from 1. true: there are more. */
static bool put_lines(const struct target_session *ts, struct writer *answer, uint32_t *cursor)
{
    uint32_t end = ts->target->node_count * (1 + ts->target->portal_count);
    for (; *cursor <= end; ++*cursor) {
        struct writer before = *answer;
        put_line(ts, *cursor - 1, answer);
        if (answer->ok)
            continue;
        *answer = before;
        return true;
    }
    return false;
}

/* What is asked for: "All" is for discovery sessions; a name, or nothing for "where I am", for every session.
 */
static bool understand(struct target_session *ts, struct span value)
{
    bool all = span_is(value, "All");
    if (value.len == 0 && ts->node)
        value = (struct span){ts->node->config->iqn, strlen(ts->node->config->iqn)};
    return !(all && ts->node) && value.len > 0 && span_copy(value, ts->send_targets, sizeof ts->send_targets);
}

static void take(struct target_session *ts, struct span key, struct span value, struct writer *answer)
{
    if (!span_is(key, "SendTargets"))
        conn_take_key(ts->conn, key, value, answer);
    else if (!understand(ts, value))
        text_put(answer, "SendTargets", "Reject");
}

bool send_targets(void *owner, struct conn *c, struct span request, struct writer *answer, uint32_t *cursor)
{
    struct target_session *ts = owner;
    struct reader r = reader_over(request.at, request.len);
    struct span key, value;
    (void)c;
    if (*cursor == 0) {
        ts->send_targets[0] = '\0';
        while (text_next(&r, &key, &value) == TEXT_PAIR)
            take(ts, key, value, answer);
        *cursor = 1;
    }
    return ts->send_targets[0] && put_lines(ts, answer, cursor);
}
