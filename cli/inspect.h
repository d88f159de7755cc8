/* SPDX-License-Identifier: MIT */
/* The checks of `berth check`, in the order in which they build on each other. None of them changes anything
 * at the target. */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include <netdb.h>
#include "cli/findings.h"
#include "cli/login.h"

struct inspection {
    const struct options *o;
    const char *url;
    struct login login;
    char host[256], port[8];    /* of the URL */
    struct addrinfo *addresses; /* NULL before and without them */
    int socket;                 /* a plain connection to the portal; -1 before and without it */
    struct berth_lun *lun;      /* NULL before and without it */
};

/* Each fills in the finding. */
typedef void inspect(struct inspection *in, struct finding *f);

/* inspect_network.c */
inspect inspect_name, inspect_connect, inspect_path;
/* inspect_session.c */
inspect inspect_login, inspect_authentication, inspect_negotiation, inspect_round_trip, inspect_digests;
/* inspect_lun.c */
inspect inspect_identity, inspect_size, inspect_read, inspect_cache, inspect_trim, inspect_zero,
    inspect_compare, inspect_reservations;

#endif
