/* SPDX-License-Identifier: MIT */
/* One core and a peer made by hand: hears the victim's PDUs one by one and says whatever a test makes up. */
#ifndef SIM_PUPPET_H
#define SIM_PUPPET_H

#include "pair.h"
#include "proto/core.h"

#define PUPPET_DATA 65536u

struct puppet {
    struct pair *pair;
    struct conn *victim;
    uint8_t *heard; /* bytes of the victim not looked at yet */
    size_t heard_len;
    /* The PDU that puppet_hear() found. */
    uint8_t bhs[WIRE_BHS_LEN];
    uint8_t ahs[WIRE_AHS_MAX];
    uint8_t data[PUPPET_DATA];
    uint32_t data_len;
    uint32_t header_flip, data_flip; /* the next PDU said is damaged in bit n - 1; 0: not */
    struct conn_event event;         /* the last one drained */
    uint32_t events;
};

/* The victim is one of the pair's two connections, as it is now; the other one is not heard any more. */
struct puppet *puppet_new(struct pair *p, struct conn *victim);
void puppet_free(struct puppet *u); /* and its pair */

/* The victim's next PDU, or false. */
bool puppet_hear(struct puppet *u);
/* The next PDU of this opcode; others are passed over. Fails the test if there is none. */
void puppet_expect(struct puppet *u, enum wire_opcode opcode);
/* Sends a PDU: lengths, padding and digests are made here. Returns the bytes the victim took. */
uint64_t puppet_say(struct puppet *u, const uint8_t *bhs, const void *data, uint32_t len);
uint64_t puppet_say_ahs(struct puppet *u, const uint8_t *bhs, const void *ahs, uint32_t ahs_len,
                        const void *data, uint32_t len);
/* The PDU that puppet_say() would send, for others to go along; at `pdu` there is room for PUPPET_PDU(len).
 * Returns its bytes. */
size_t puppet_write(struct puppet *u, uint8_t *pdu, const uint8_t *bhs, const void *data, uint32_t len);
#define PUPPET_PDU(len) (WIRE_BHS_LEN + (size_t)(len) + 16)
/* Bytes as they are. */
uint64_t puppet_babble(struct puppet *u, const void *bytes, size_t len);
/* Drains the victim's events into `event`; returns how many there were. */
uint32_t puppet_drain(struct puppet *u);
/* The victim must have raised exactly this as its last event. */
void puppet_fails(struct puppet *u, enum conn_event_kind kind, int error);

/* A victim initiator: the counters of what it will accept next. */
struct wire_window puppet_window(struct puppet *u);

#endif
