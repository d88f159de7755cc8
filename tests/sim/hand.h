/* SPDX-License-Identifier: MIT */
/* A target whose side of the login is made by hand, against a real initiator. */
#ifndef SIM_HAND_H
#define SIM_HAND_H

#include "puppet.h"
#include "wire/chap.h"

#define USER   "user"
#define SECRET "a secret of some length"
#define PEER   "the target itself"
#define PROOF  "another secret, of the target's"

#define CHALLENGE "CHAP_A=5\nCHAP_I=77\nCHAP_C=0x000102030405060708090a0b0c0d0e0f\n"

/* A Login Response. */
struct hand {
    uint8_t csg, nsg; /* nsg != csg: transit */
    bool more;
    uint16_t status;
    uint32_t itt;
    uint8_t version;
    const char *text; /* pairs end with '\n' */
};

/* An initiator that demands CHAP. */
struct pair_config hand_chap(bool mutual);
/* The initiator's first request has been heard. `config` may be NULL. */
struct puppet *hand_new(const struct pair_config *config);
/* The same on a new connection of the same session. */
void hand_again(struct puppet *u);

void hand_say(struct puppet *u, const struct hand *a);
void hand_bytes(struct puppet *u, const struct hand *a, const void *text, uint32_t len);

/* From the first request to the list of algorithms, to the answer to a challenge, and all of it. */
void hand_listed(struct puppet *u);
void hand_challenge(struct puppet *u, const char *text);
struct puppet *hand_challenged(bool mutual);
/* From the operational stage's request to full feature phase. */
void hand_operational(struct puppet *u);

/* The value of a key in the text last heard; "" if it is not there. */
struct span hand_heard(const struct puppet *u, const char *name);
/* "CHAP_N=…", "CHAP_R=…" of the target, for the challenge last heard. */
void hand_prove(const struct puppet *u, const char *name, const char *secret, char *text, size_t size);
/* The login has failed with this error and these words, and the initiator has not said another one. */
void hand_refused(struct puppet *u, int error, const char *words);

#endif
