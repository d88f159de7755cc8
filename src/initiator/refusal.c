/* SPDX-License-Identifier: MIT */
/* What a refused login (RFC 7143 11.13.5) means for trying again. The class alone would do; but among what an
 * initiator has done wrong there is one thing that no time cures, and much that a target says which is being
 * started and does not know its own LUNs yet. */
#include "initiator/parts.h"

enum {
    OPENING = 1, /* tried again while a session is opened, as long as an attempt may take */
    SEEKING = 2, /* while a lost one is sought, which is as long as the caller allows */
};

struct refusal_row {
    uint16_t status, mask;
    uint8_t again;
};

/* First match wins. */
static const struct refusal_row rows[] = {
    {WIRE_LOGIN_AUTH_FAILURE, 0xffff, 0},
    {0x0200, 0xff00, SEEKING},           /* initiator error: not the same request again */
    {0x0300, 0xff00, OPENING | SEEKING}, /* target error: the same request, later */
    {0x0000, 0x0000, SEEKING},           /* classes nobody knows */
};

static bool passes(uint16_t status, uint8_t when)
{
    const struct refusal_row *row = rows;
    while ((status & row->mask) != row->status)
        row++;
    return row->again & when;
}

bool refusal_passes(const struct initiator *i)
{
    return i->refusal && passes(i->refusal, i->kept || i->policy.open_timeout_ms ? SEEKING : OPENING);
}
