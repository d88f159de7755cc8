/* SPDX-License-Identifier: MIT */
/* ARMv8: the CRC extension has the CRC32C of 8 bytes, the cryptographic one the carry-less product. Written
 * as assembly, so that any compiler takes it without being told that the CPU has them. For crc32c_cpu.c
 * alone. */
#ifndef HOST_CRC32C_ARMV8_H
#define HOST_CRC32C_ARMV8_H

#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>

#define ON_CPU

/* Bits of AT_HWCAP, the kernel's interface. */
#define HAS_PMULL (1ul << 4)
#define HAS_CRC32 (1ul << 7)

static inline bool has_step(void)
{
    return getauxval(AT_HWCAP) & HAS_CRC32;
}

static inline bool has_product(void)
{
    return getauxval(AT_HWCAP) & HAS_PMULL;
}

static inline uint64_t step_word(uint64_t crc, uint64_t word)
{
    uint32_t next;
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w1, %x2" : "=r"(next) : "r"((uint32_t)crc), "r"(word));
    return next;
}

static inline uint64_t step_byte(uint64_t crc, uint8_t byte)
{
    uint32_t next;
    __asm__(".arch_extension crc\n\tcrc32cb %w0, %w1, %w2"
            : "=r"(next)
            : "r"((uint32_t)crc), "r"((uint32_t)byte));
    return next;
}

static inline uint64_t product(uint64_t a, uint64_t b)
{
    uint64x2_t p;
    __asm__(".arch_extension aes\n\tpmull %0.1q, %1.1d, %2.1d"
            : "=w"(p)
            : "w"(vcreate_u64(a)), "w"(vcreate_u64(b)));
    return vgetq_lane_u64(p, 0);
}

#endif

#endif
