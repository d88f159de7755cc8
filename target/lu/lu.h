/* SPDX-License-Identifier: MIT */
/* Logical units of the built-in target: one small table of functions per backing store. */
#ifndef TARGET_LU_H
#define TARGET_LU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "base/seg.h"
#include "lu/reservation.h"
#include "lu/task_set.h"

struct lu;
struct workers;

/* Where a failed open leaves its sentence. */
struct lu_reason {
    char *text;
    size_t size;
};

enum lu_io_kind { LU_READ, LU_WRITE, LU_FLUSH, LU_PUNCH, LU_WORK };

/* An I/O that may take its time. All of it, and the memory of `data`, stays where it is until `done`. */
struct lu_io {
    struct list link; /* the backend's, like `run`, until done */
    void (*run)(struct lu_io *io);
    struct lu *lu;
    uint8_t kind;                  /* enum lu_io_kind */
    bool fua;                      /* WRITE: durable when it is done */
    uint64_t offset, len;          /* bytes; nothing of them in a FLUSH and in WORK */
    struct extent data;            /* READ: to be filled. WRITE: to be stored. `len` bytes each */
    int (*work)(struct lu_io *io); /* WORK: several calls of the backend, where they may wait */
    int error;                     /* once done: 0 or a negative errno; of WORK what it returned */
    void (*done)(struct lu_io *io);
};

/* What a backing store does. All offsets and lengths in bytes, multiples of the block, inside the LU (the
 * command floor checks). Each returns 0 or a negative errno. */
struct lu_backend {
    const char *name; /* "ram", "file": the word before the colon */
    /* Opens what `where` (the words behind the colon, without options) names and sets size, write_cache and
     * store; block, number and read_only are set. Returns -1 with lu_refuse(). */
    int (*open)(struct lu *lu, const char *where, const struct lu_reason *why);
    int (*read)(struct lu *lu, uint64_t offset, const struct extent *to);
    int (*write)(struct lu *lu, uint64_t offset, const struct extent *from);
    int (*flush)(struct lu *lu);                                /* durable when it returns */
    int (*punch)(struct lu *lu, uint64_t offset, uint64_t len); /* deallocate; reads as zeros after */
    /* The run of equal state from `offset` on, or a part of it, of no more than the *len that is given. */
    int (*map)(struct lu *lu, uint64_t offset, uint64_t *len, bool *allocated);
    /* Memory of this range if the store has it in memory (sent without a copy), else NULL. */
    const void *(*peek)(struct lu *lu, uint64_t offset, uint64_t len);
    /* Optional: this range as a segment of a descriptor, where it can be sent from there without waiting for
     * a disk and that is cheaper than to read it. */
    bool (*segment)(struct lu *lu, uint64_t offset, uint64_t len, struct berth_seg *seg);
    /* Optional: begins an I/O and calls io->done(io) once, in this call or later, but always on the target's
     * thread, which never waits here. Several may be under way at once, in any order. Whoever needs a thread
     * of its own to wait hands the I/O to lu->workers, or back through them (workers.h); without workers
     * (NULL) it is done in this call. */
    void (*start)(struct lu *lu, struct lu_io *io);
    /* Sets lu->size anew: to `size`, where the size is the LU's own, or with 0 to what the store has now. I/O
     * may be under way; what it moves of blocks that are no more need not make sense. Returns -1 with
     * lu_refuse(). */
    int (*resize)(struct lu *lu, uint64_t size, const struct lu_reason *why);
    /* No I/O is under way. */
    void (*close)(struct lu *lu);
    /* Optional: loads what a later open() needs. */
    void (*prepare)(void);
};

/* What MODE SELECT has changed, for all initiators alike. All off: as the LU begins. */
struct lu_mode {
    bool cache_off; /* a write is durable before it is answered */
    bool descriptor_sense, write_protected;
};

struct lu {
    const struct lu_backend *backend;
    uint64_t size;  /* bytes */
    uint32_t block; /* 512 or 4096 */
    uint16_t number;
    bool read_only;
    bool others_wait; /* while it is opened: that must not take long */
    bool direct;      /* option of files: past the page cache */
    bool write_cache; /* a written block is durable only after flush or with FUA */
    bool stopped;     /* by START STOP UNIT */
    struct lu_mode mode;
    struct reservation reservation;
    struct task_set tasks;
    uint8_t naa[8];          /* designator of VPD 83h, stable for the same target name and backing path */
    char serial[17];         /* VPD 80h */
    void *store;             /* the backend's own */
    uint32_t patience_s;     /* how long a store behind a network may take */
    struct workers *workers; /* of the target; NULL: none, everything is done in the call */
    uint32_t on_threads;     /* the workers' own, under their lock: I/Os that they are at */
};

/* Opens the LU that `spec` describes: "ram:SIZE", "null:SIZE" (SIZE takes K, M, G, T), "file:PATH" or
 * "nbd:URI", then options, each behind a comma: ro, block=512, block=4096, of files direct, of nbd
 * timeout=SECONDS. The target name `iqn` flavours the identity. A file is locked, shared when read-only, so
 * that no two targets write it. On failure returns -1 and writes one sentence to `why`. */
int lu_open(struct lu *lu, const char *spec, uint16_t number, const char *iqn, char *why, size_t why_size);
/* The same while other LUs are served, whose sessions wait meanwhile: a server is given up sooner. */
int lu_open_serving(struct lu *lu, const char *spec, uint16_t number, const char *iqn, char *why,
                    size_t why_size);
void lu_close(struct lu *lu);
/* Logical units may be opened later, when no library can be loaded any more: loads them now. */
void lu_prepare(void);

/* Begins an I/O as the backend's start() does. A backend that has none does it in this call. */
void lu_start(struct lu *lu, struct lu_io *io);
/* Does an I/O by the backend's other functions, and waits for them: sets io->error. */
void lu_run(struct lu_io *io);

/* For backends: writes the sentence, returns -1. */
int lu_refuse(const struct lu_reason *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Can a LU with blocks of this one's length be that large? 0, or -1 with a sentence that begins with `what`.
 */
int lu_check_size(const struct lu *lu, uint64_t size, const char *what, const struct lu_reason *why);
/* Reads "1G"; 0, or -1 with a sentence: size.c. */
int lu_read_size(const char *text, uint64_t *size, const struct lu_reason *why);

extern const struct lu_backend lu_ram;
extern const struct lu_backend lu_null;
extern const struct lu_backend lu_file;
extern const struct lu_backend lu_nbd;

#endif
