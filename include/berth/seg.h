/* SPDX-License-Identifier: MIT */
/**
 * @file seg.h
 * Typed segments: where the bytes of an I/O are.
 */
#ifndef BERTH_SEG_H
#define BERTH_SEG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a segment points at. Of I/Os only memory is moved in this version; berth_queue_submit() answers
 *  BERTH_E_UNSUPPORTED to the others, which are defined so that structures keep their shape. */
enum berth_seg_kind {
    BERTH_SEG_MEMORY = 0, /**< @c base points at @c len bytes */
    BERTH_SEG_FIXED = 1,  /**< memory at @c base inside the buffer registered under @c index */
    BERTH_SEG_FILE = 2,   /**< @c len bytes of the descriptor @c index from @c offset on */
};

/** One run of bytes. The memory stays the caller's and must stay valid until the I/O completes. */
struct berth_seg {
    uint32_t kind;  /**< enum berth_seg_kind */
    uint32_t index; /**< buffer index or descriptor; 0 for plain memory */
    union {
        void *base;      /**< MEMORY, FIXED */
        uint64_t offset; /**< FILE: byte offset */
    };
    uint64_t len; /**< bytes */
};

/** Most segments one I/O may have. */
#define BERTH_SEGS_MAX 1024

#ifdef __cplusplus
}
#endif
#endif
