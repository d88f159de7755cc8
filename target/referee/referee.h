/* SPDX-License-Identifier: MIT */
/* The referee: checks every PDU that an initiator sends against RFC 7143.
 *
 * It is independent of the protocol core. All it knows it has from the bytes that passed in both directions
 * (stream/scan.h), read with floor wire's decoders: what was negotiated from the texts, tasks and transfers
 * from the headers. What may be on its way counts for the accused: a response that the target has sent may
 * not have arrived yet.
 *
 * One `struct referee` watches one connection; the court is common to all connections of a target, knows the
 * sessions they belong to, and keeps the count. Memory is bounded by the limits in referee/court.h, whatever
 * the peer does. Nothing here blocks, writes or looks at a clock of its own. */
#ifndef REFEREE_REFEREE_H
#define REFEREE_REFEREE_H

#include "referee/rules.h"
#include "stream/scan.h"
#include "wire/name.h"

#define REFEREE_SHOWN_PER_RULE 4u    /* violations of one rule on one connection that are told one by one */
#define REFEREE_SHOWN_MAX      1000u /* in all: nobody fills a disk by misbehaving */
#define REFEREE_LINE_MAX       1024u /* bytes of a violation as text */

struct referee_violation {
    const struct rule_row *rule;
    const char *detail;  /* what was seen, and what should have been */
    const uint8_t *bhs;  /* the header of the PDU; of the last one, where the offence is that nothing came */
    uint64_t offset;     /* of this PDU in what the initiator sent on this connection */
    uint64_t time_ns;    /* of config.now */
    uint32_t connection; /* 1 for the first that the court has seen */
    const char *peer;
    const char *initiator; /* InitiatorName; "" until it is known */
    uint8_t isid[6];
    uint16_t tsih, cid;
};

struct referee_config {
    const struct wire_crypto *crypto;
    uint64_t (*now)(void *arg); /* ns of any steady clock */
    void (*violation)(void *arg, const struct referee_violation *v);
    void *arg;
};

struct referee_totals {
    uint64_t pdus;        /* of initiators */
    uint32_t connections; /* seen so far */
    uint32_t shown;       /* violations told one by one */
    uint64_t violations;
    uint64_t by_rule[RULE_COUNT];
};

struct referee;
struct referee_court;

/* NULL when memory is out. The configuration is copied. Free the referees before the court. */
struct referee_court *court_new(const struct referee_config *config);
void court_free(struct referee_court *court);
const struct referee_totals *court_totals(const struct referee_court *court);

/* A connection begins; `peer` says in words who is there. NULL when memory is out. */
struct referee *referee_new(struct referee_court *court, const char *peer);
/* It is over. */
void referee_free(struct referee *r);

/* What the target received and what it sent, to be shown every byte of the two streams, in the order in which
 * they were received and handed to the transport. */
struct scan *referee_received(struct referee *r);
struct scan *referee_sent(struct referee *r);

/* The violation in one line: "D7 (RFC 7143 4.2.2.4): ...". */
void referee_line(const struct referee_violation *v, char out[REFEREE_LINE_MAX]);

/* The verdict in one line: "120 PDUs of 3 connections checked, no violation". */
void referee_verdict(const struct referee_totals *totals, char out[REFEREE_LINE_MAX]);

#endif
