/* SPDX-License-Identifier: MIT */
/* The ceiling: TCP that moves the bytes of an iSCSI load, and nothing else. A request has 48 bytes, and
 * behind it the data if it writes; an answer is 48 bytes, and behind them the data if it reads, in segments
 * with a header each. The sender answers as `berth serve` does with a LUN in memory: everything that waits
 * leaves in one sendmsg() that gathers headers and data, the data from where it lies in the LUN. */
#ifndef BENCH_CEILING_H
#define BENCH_CEILING_H

#include <stdbool.h>
#include <stdint.h>

/* What precedes data, both ways. In the order of the machine's bytes: both ends are this program. */
struct pdu {
    uint32_t tag;
    uint32_t len;     /* of the request: bytes to read or write; of an answer: bytes behind this header */
    uint32_t segment; /* at most so many bytes behind a header of an answer */
    uint32_t write;
    uint64_t offset;
    uint8_t rest[24];
};
_Static_assert(sizeof(struct pdu) == 48, "like a basic header segment");

static inline uint64_t answer_bytes(uint32_t data, uint32_t segment)
{
    uint32_t pdus = data ? (data - 1) / segment + 1 : 1;
    return data + (uint64_t)pdus * sizeof(struct pdu);
}

/* Serves for ever. */
_Noreturn void ceiling_serve(const char *address, bool busy, uint64_t lun_bytes);

/* Loads it for a while and prints what that cost. */
int ceiling_run(char **argv);

#endif
