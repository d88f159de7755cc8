/* SPDX-License-Identifier: MIT */
/* How one PDU family is held against headers written down by hand from the RFC's diagrams. */
#ifndef HEADER_CHECK_H
#define HEADER_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "wire/pdu.h"

/* A target's counters in bytes 24..35 of every header below. */
#define WINDOW                                                                                               \
    {                                                                                                        \
        0xa1a2a3a4, 0xb1b2b3b4, 0xc1c2c3c4                                                                   \
    }
#define WINDOW_BYTES 0xa1, 0xa2, 0xa3, 0xa4, 0xb1, 0xb2, 0xb3, 0xb4, 0xc1, 0xc2, 0xc3, 0xc4
#define LUN          0x0102030405060708u
#define LUN_BYTES    1, 2, 3, 4, 5, 6, 7, 8
#define NO_LUN_BYTES 0, 0, 0, 0, 0, 0, 0, 0
#define ZERO4        0, 0, 0, 0
#define ITT          0x11121314
#define ITT_BYTES    0x11, 0x12, 0x13, 0x14
#define TTT          0x21222324
#define TTT_BYTES    0x21, 0x22, 0x23, 0x24
#define ONES4        0xff, 0xff, 0xff, 0xff

/* 1. put writes `bytes` exactly, over any garbage; 2. what get reads from them is put back as them, so get
 * has read each field; 3. get looks at no reserved bit: with all of them set it reads the same. Bits are
 * reserved if put does not write them for a header of ones. */
#define CHECK_FAMILY(family, bytes, value)                                                                   \
    do {                                                                                                     \
        uint8_t bhs_[WIRE_BHS_LEN], ones_[WIRE_BHS_LEN], used_[WIRE_BHS_LEN];                                \
        struct wire_##family got_;                                                                           \
        memset(bhs_, 0xee, sizeof bhs_);                                                                     \
        put_##family(bhs_, value);                                                                           \
        assert_memory_equal(bhs_, bytes, WIRE_BHS_LEN);                                                      \
        memset(&got_, 0, sizeof got_);                                                                       \
        get_##family(bytes, &got_);                                                                          \
        put_##family(bhs_, &got_);                                                                           \
        assert_memory_equal(bhs_, bytes, WIRE_BHS_LEN);                                                      \
        memset(ones_, 0xff, sizeof ones_);                                                                   \
        get_##family(ones_, &got_);                                                                          \
        put_##family(used_, &got_);                                                                          \
        for (size_t i_ = 0; i_ < WIRE_BHS_LEN; i_++)                                                         \
            ones_[i_] = (uint8_t)((bytes)[i_] | (uint8_t)~used_[i_]);                                        \
        get_##family(ones_, &got_);                                                                          \
        put_##family(bhs_, &got_);                                                                           \
        assert_memory_equal(bhs_, bytes, WIRE_BHS_LEN);                                                      \
    } while (0)

#endif
