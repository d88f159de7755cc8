/* SPDX-License-Identifier: MIT */
/* iSCSI names and portal addresses. */
#ifndef WIRE_NAME_H
#define WIRE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "wire/text.h"

#define NAME_MAX_LEN 223u /* RFC 7143 4.2.7.1 */
#define ADDRESS_MAX  255u
#define ISCSI_PORT   3260u

/* iqn.yyyy-mm.domain[:string], eui.16hex, naa.16or32hex (4.2.7.4-6), in normalised form: lower case, no space
 * or control characters, UTF-8 for the rest. */
bool name_valid(struct span name);

/* Will do as the name of somebody else's target: like name_valid(), but any printable ASCII goes behind the
 * type, since upper case and underscores are in use although 4.2.7.2 rules them out. Never changed, compared
 * by byte. */
bool name_usable(struct span name);

enum name_flaw { NAME_OK, NAME_MALFORMED, NAME_BEYOND_ASCII };

/* A name that somebody has typed, as it is sent and compared (4.2.7.2): letters in lower case. What lies
 * beyond ASCII would need more than that, and is refused: doc/decisions/0008-typed-names.md. `out` is ""
 * then. */
enum name_flaw name_typed(const char *text, char out[NAME_MAX_LEN + 1]);

#define ISID_LEN 6u

/* 12 hexadecimal digits: the initiator's part of a session's identity. false if they are none, or their
 * format is a reserved one (11.12.5). */
bool isid_parse(struct span text, uint8_t isid[ISID_LEN]);

/* host[:port][,group-tag] as in TargetAddress (13.8) and in a portal on the command line: IPv4, host name or
 * [IPv6], %scope allowed inside the brackets. `host` receives the bare host without brackets. */
struct portal {
    char host[ADDRESS_MAX + 1];
    uint16_t port; /* ISCSI_PORT when absent */
    int32_t group; /* -1 when absent */
};

bool portal_parse(struct span text, struct portal *p);
/* Spelt alike; the group does not count. */
bool portal_same(const struct portal *a, const struct portal *b);

/* What an address that came over a connection to `via` leaves out: one without a host of its own (0.0.0.0,
 * ::) means that one's; a link-local one is on the same link. */
void portal_complete(struct portal *p, const struct portal *via);

/* "host:port", IPv6 in brackets; "" if it does not fit in `size` with its NUL. */
void portal_print(const struct portal *p, char *out, size_t size);

#endif
