/* SPDX-License-Identifier: MIT */
/* Serial number arithmetic of RFC 1982 on 32 bits, as RFC 7143 4.2.2 asks for all sequence numbers. */
#ifndef WIRE_SERIAL_H
#define WIRE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

static inline bool serial_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool serial_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

#endif
