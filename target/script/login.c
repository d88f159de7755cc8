/* SPDX-License-Identifier: MIT */
/* What the login phase tells of a connection: who it is for, which digests each side believes in, and when
 * full feature phase begins. */
#include <string.h>
#include "script/scene.h"

static bool is_login(const struct parcel *p)
{
    return parcel_bit(p) & (OPCODE(WIRE_LOGIN_REQUEST) | OPCODE(WIRE_LOGIN_RESPONSE));
}

/* A digest is on if the last word about it was the one choice; an offer alone is none. */
static void see_digest(const struct parcel *p, const char *key, bool *on)
{
    struct span value;
    if (parcel_text_find(p, (struct span){key, strlen(key)}, &value))
        *on = span_is(value, "CRC32C");
}

static bool completes_login(const struct parcel *p)
{
    struct wire_login_response r;
    get_login_response(p->head, &r);
    return parcel_opcode(p) == WIRE_LOGIN_RESPONSE && r.transit && !r.more &&
           r.nsg == WIRE_STAGE_FULL_FEATURE && r.status_class == 0;
}

bool side_sees(struct side *s, const struct parcel *p)
{
    if (s->full || !is_login(p))
        return false;
    see_digest(p, "HeaderDigest", &s->header_digest);
    see_digest(p, "DataDigest", &s->data_digest);
    s->full = completes_login(p);
    s->cutter.header_digest = s->full && s->header_digest;
    s->cutter.data_digest = s->full && s->data_digest;
    return s->full;
}

void bender_meets(struct bender *b, const struct parcel *request)
{
    struct span value;
    if (parcel_opcode(request) != WIRE_LOGIN_REQUEST)
        return;
    if (parcel_text_find(request, (struct span){"InitiatorName", 13}, &value))
        span_copy(value, b->initiator_name, sizeof b->initiator_name);
    if (parcel_text_find(request, (struct span){"SessionType", 11}, &value))
        b->discovery = span_is(value, "Discovery");
}
