/* SPDX-License-Identifier: MIT */
/* Names to addresses. host_resolve() blocks: host/lookup.h calls it where nobody may wait. */
#ifndef HOST_RESOLVE_H
#define HOST_RESOLVE_H

#include <sys/socket.h>
#include "wire/name.h"

#define RESOLVE_MAX   16u
#define RESOLVE_LATER 1 /* no error: the answer is not there yet, ask again */

struct resolved {
    struct sockaddr_storage sa[RESOLVE_MAX];
    socklen_t len[RESOLVE_MAX];
    uint32_t count;
};

/* The one address that `text` spells, with %scope where it needs one; nobody is asked. False if it is none.
 */
bool host_address(const char *text, struct sockaddr_storage *sa, socklen_t *len);

/* The portal's address if its host is spelt as one, in a list of one; false if it is a name. */
bool host_numeric(const struct portal *p, struct resolved *out);

/* All addresses of the portal's host, in the resolver's order. BERTH_E_RESOLVE with getaddrinfo's words in
 * `why`. */
int host_resolve(const struct portal *p, struct resolved *out, const char **why);

#endif
