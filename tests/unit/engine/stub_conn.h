/* SPDX-License-Identifier: MIT */
/* A stand-in for the protocol core, linked instead of floor proto: the engines see only conn_*(). It sends a
 * pattern that depends on the position, checks the same pattern on arrival, or echoes; and it fails the test
 * when an engine breaks the contract of conn.h. */
#ifndef TEST_STUB_CONN_H
#define TEST_STUB_CONN_H

#include "proto/conn.h"

#define STUB_RING 50000u

#define STUB_LENS 8u

struct conn {
    uint32_t epoch;
    bool quiet;      /* nothing is to be done once something was sent */
    bool background; /* the engine receives between calls */

    /* sending: tx_end bytes of pattern tx_seed, in segments of tx_seg bytes, or of tx_lens over and over */
    uint32_t tx_seed, tx_seg;
    const uint32_t *tx_lens; /* STUB_LENS of them; NULL: none */
    uint64_t tx_at, tx_end;
    uint64_t tx_offered; /* by the last peek */
    uint32_t tx_kind;    /* enum berth_seg_kind */
    bool gathers;        /* what is to be sent may wait */
    uint64_t rx_due;     /* bytes that are owed */
    uint64_t rx_dull;    /* up to there nothing that comes is news */
    int tx_file;         /* not 0: every other tx_seg bytes are this file's, which begins with the pattern */

    /* receiving: pattern rx_seed, into rx_segs segments of rx_seg bytes; stops at rx_gate until tx_at reaches
     * it */
    uint32_t rx_seed, rx_seg, rx_segs;
    uint64_t rx_at;
    uint64_t rx_gate;   /* UINT64_MAX: none */
    uint64_t rx_wanted; /* by the last want; 0 when it was used up */
    bool mismatch;
    uint64_t last_now;
    uint8_t *staging; /* rx_seg * rx_segs bytes */

    /* echo: what is received is sent back; a full ring receives nothing until something was sent */
    bool echo;
    uint32_t ring_head, ring_len;
    uint8_t ring[STUB_RING];
};

/* A conn that sends nothing yet and receives pattern 0. */
void stub_init(struct conn *c);
void stub_echo(struct conn *c);
void stub_free(struct conn *c);

/* `n` more bytes of the pattern are to be sent. */
void stub_push(struct conn *c, uint64_t n);

/* The pattern, for peers made by hand. */
void stub_pattern(uint32_t seed, uint64_t at, void *out, size_t n);

#endif
