/* SPDX-License-Identifier: MIT */
/* The login phase (RFC 7143 6.3, 11.12, 11.13, 12.1) of both roles: what each side is told before it begins
 * and what it knows afterwards. */
#ifndef PROTO_LOGIN_H
#define PROTO_LOGIN_H

#include "wire/chap.h"
#include "wire/keys.h"
#include "wire/name.h"
#include "wire/pdu.h"

#define LOGIN_ROUNDS_MAX 32u /* requests of one login: a peer cannot keep us negotiating for ever */

struct login_credentials {
    const char *name; /* CHAP_N; NULL: none */
    const uint8_t *secret;
    size_t secret_len;
};

#define CHAP_REMEMBERED 16u

/* The latest challenges of an initiator's logins, whose answers may have been recorded: neither may come back
 * as a challenge to us. It is the caller's, and outlives the connections. */
struct chap_memory {
    uint8_t ours[CHAP_REMEMBERED][WIRE_HASH_MAX];   /* as they were */
    uint8_t theirs[CHAP_REMEMBERED][WIRE_HASH_MAX]; /* their digests */
    uint32_t our_count, their_count;                /* ever */
};

/* Initiator: with `mine.name` set it authenticates and insists on it (no fallback to None); with `peer.name`
 * set it demands the target's proof. Target: `accounts` may come in and `required` makes CHAP mandatory;
 * `mine` is what it proves itself with when the initiator asks. */
struct login_config {
    const char *initiator_name; /* initiator's own; on the target: NULL */
    const char *initiator_alias;
    const char *target_name; /* initiator: wanted, NULL in a discovery session */
    bool discovery;
    struct login_credentials mine, peer;
    const struct login_credentials *accounts; /* target */
    uint32_t account_count;
    bool required;                     /* target: no login without CHAP */
    uint16_t portal_group;             /* target: TargetPortalGroupTag */
    uint8_t algorithms[CHAP_LIST_MAX]; /* CHAP algorithms in order of preference */
    uint8_t algorithm_count;
    uint16_t challenge_min;     /* bytes of a challenge to us; 0: CHAP_CHALLENGE_MIN */
    struct chap_memory *memory; /* initiator; NULL: each login is the first */
    struct negotiation want;    /* what we want of each key */
};

enum login_chap_step { CHAP_IDLE, CHAP_SENT_LIST, CHAP_SENT_CHALLENGE, CHAP_SENT_RESPONSE, CHAP_PASSED };

/* One login in progress, and its result. */
struct login {
    const struct login_config *config;
    struct negotiation keys;
    uint8_t csg, nsg; /* stage we are in, once it has started */
    uint8_t rounds;
    bool started, done;
    bool chap_on;      /* AuthMethod=CHAP agreed */
    bool peer_proved;  /* the peer answered our challenge rightly */
    uint8_t chap_step; /* enum login_chap_step */
    uint8_t algorithm, chap_id;
    uint16_t status; /* last login status */
    uint16_t tsih;   /* target: as the first request asked for */
    uint8_t isid[6]; /* target: of the peer */
    uint32_t itt;
    uint8_t challenge[CHAP_CHALLENGE_LEN]; /* ours, if we sent one */
    char initiator_name[NAME_MAX_LEN + 1]; /* target: declared by the peer */
    char initiator_alias[TEXT_VALUE_MAX + 1];
    char target_name[NAME_MAX_LEN + 1];
    char target_alias[TEXT_VALUE_MAX + 1]; /* of the target. On the target login_check() may set it */
    char chap_name[CHAP_NAME_MAX + 1];     /* target: who proved themselves */
    int32_t portal_group;                  /* initiator: declared by the target, -1 unknown */
    struct portal redirect; /* with status 01xx: where to. On the target login_check() sets it */
};

#endif
