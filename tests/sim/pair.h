/* SPDX-License-Identifier: MIT */
/* An initiator core and a target core in one process, joined by nothing but bytes. The target keeps a small
 * disk and understands three commands of its own making, so that no SCSI is needed: CDB byte 0 is 'R', 'W' or
 * 'E' (error with sense), bytes 4..8 the offset, bytes 8..12 the length. Everything follows from the seed. */
#ifndef SIM_PAIR_H
#define SIM_PAIR_H

#include "proto/conn.h"
#include "witness.h"

#define PAIR_DISK  (256u * 1024)
#define PAIR_DEPTH 16u

struct pair_config {
    uint64_t seed;
    uint32_t max_move; /* bytes moved at once: 1..max_move by the seed; 0 everything */
    bool header_digest, data_digest;
    bool initial_r2t, immediate_data;
    uint32_t max_burst, first_burst, max_r2t, segment_i, segment_t; /* 0: a default */
    uint32_t stage_bytes, direct_bytes;
    const char *user, *secret, *mutual_user, *mutual_secret; /* what the initiator gives and demands */
    const char *t_user, *t_secret, *t_mutual_user, *t_mutual_secret; /* what the target has */
    uint32_t first_cmd_sn;
    bool discovery;
    uint8_t algorithm;       /* CHAP: the only one of the initiator; 0: a list */
    const char *target_name; /* NULL: the one there is */
    bool refuse_memory;      /* the target's owner has none for data; he answers BUSY */
    bool digest_mismatch;    /* the target insists on no digests at all */
    uint16_t refuse;         /* login status the target's owner answers with */
    const char *redirect;    /* "host:port" that goes with a status 01xx */
    uint16_t depth, t_depth; /* of the initiator, of the target; 0: PAIR_DEPTH */
    uint32_t control_bytes;  /* 0: CONN_CONTROL_MIN */
    const char *breaks;      /* rules that the initiator breaks because the test makes it */
};

struct pair {
    struct pair_config config;
    uint64_t random, now;
    struct session *is, *ts;
    struct conn *ic, *tc;
    struct login_config il, tl;
    struct chap_memory remembered;        /* of the initiator */
    struct login_credentials accounts[3]; /* of the target; the second is t_user's */
    struct session_config isc, tsc;
    struct conn_config icc, tcc;
    uint8_t disk[PAIR_DISK];
    uint64_t i_to_t, t_to_i; /* bytes moved */
    uint32_t executed, begun, ended;
    struct conn_event last_i, last_t;
    bool up;
    void *memory[4];
    struct witness witness;  /* hears what is moved: */
    struct referee *referee; /* of the connection */
};

void pair_config_init(struct pair_config *config, uint64_t seed);
struct pair *pair_new(const struct pair_config *config);
void pair_free(struct pair *p);
uint32_t pair_random(struct pair *p, uint32_t below);

/* The connection dies and a new one is made: the initiator's session stays, the target's is replaced, as
 * session reinstatement does. */
void pair_drop(struct pair *p);
void pair_reconnect(struct pair *p);

/* Moves at most `limit` bytes one way; returns how many. */
uint64_t pair_move(struct pair *p, bool to_target, uint64_t limit);
/* Lets the referee hear what did not come through pair_move(). */
void pair_show(struct pair *p, bool to_target, const void *bytes, uint64_t len);
/* Lets both owners work: events, and commands at the target. */
bool pair_work(struct pair *p);

/* Moves some bytes each way and lets the target work; false when nothing at all could be done. */
bool pair_step(struct pair *p);
void pair_run(struct pair *p); /* until nothing can be done */

/* Submits a command; `buf` must stay. */
struct task *pair_submit(struct pair *p, char op, uint32_t offset, uint32_t len, void *buf);

#endif
