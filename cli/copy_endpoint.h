/* SPDX-License-Identifier: MIT */
/* The two ends of a copy. An endpoint is a LUN, a file or block device, or a pipe; whoever copies starts
 * transfers, pumps both ends, and finds its transfers done, in any order, without knowing which kind it talks
 * to. */
#ifndef CLI_COPY_ENDPOINT_H
#define CLI_COPY_ENDPOINT_H

#include <berth/berth.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COPY_CHUNK       (1024u * 1024)      /* bytes of one transfer with data */
#define COPY_DEPTH       16u                 /* transfers in flight, and buffers: 16 MiB in all */
#define COPY_ZERO_MAX    (64u * 1024 * 1024) /* bytes of one transfer of zeros: progress stays visible */
#define COPY_ALIGN       4096u /* runs begin and end on it, so that every block size up to it fits */
#define COPY_CHECKPOINT  (1024ull * 1024 * 1024) /* bytes copied again at most after a loss */
#define ENDPOINT_UNKNOWN UINT64_MAX              /* size of a pipe */

enum transfer_op {
    TRANSFER_READ,
    TRANSFER_WRITE,
    TRANSFER_ZERO, /* no buffer: the range reads as zeros afterwards, as a hole where that is possible */
};

/* The caller fills op, buf, offset and len; the rest is the endpoint's until `done`. */
struct transfer {
    enum transfer_op op;
    uint8_t *buf;
    uint64_t offset, len;
    uint64_t moved; /* less than `len` only for a READ of a pipe that ended */
    bool done;
    struct berth_seg seg;
    struct transfer *next;
};

struct endpoint;

struct endpoint_kind {
    const char *name;
    bool ordered; /* transfers must be started in the order of their offsets */
    /* Run of equal state from `offset` on, as far as the end lets itself be asked; 0 or the failure. */
    int (*extent)(struct endpoint *e, uint64_t offset, uint64_t *len, bool *hole);
    void (*start)(struct endpoint *e, struct transfer *t); /* may be done at once */
    void (*pump)(struct endpoint *e);                      /* gets on with what was started, never waits */
    int (*wait_fd)(const struct endpoint *e,
                   short *events); /* what to poll for when pump has nothing; -1 none */
    void (*finish)(struct endpoint *e,
                   uint64_t size); /* what was written, `size` bytes in all, is durable after it */
    /* How often the end was lost and came back, perhaps without what it had not made durable. NULL: never. */
    uint64_t (*losses)(const struct endpoint *e);
    void (*close)(struct endpoint *e);
};

struct endpoint {
    const struct endpoint_kind *kind;
    const char *name; /* as the user wrote it */
    uint64_t origin;  /* the byte that offset 0 of a transfer means */
    uint64_t size;    /* bytes from there on, or ENDPOINT_UNKNOWN */
    uint32_t block;   /* transfers are multiples of it, except a READ or WRITE of a file's end */
    int fd;           /* file, pipe */
    uint32_t gulp;    /* pipe: bytes that one write may have without blocking */
    bool fresh;       /* file: holes need no writing, nothing was there before */
    bool created;     /* file: it was not there before */
    struct berth_lun *lun;
    struct berth_queue *queue;
    struct transfer *head, **tail; /* pipe: started and waiting */
    int status;                    /* enum exit_status of the first failure; nothing is started after it */
    char why[400];                 /* and its sentence */
};

extern const struct endpoint_kind endpoint_lun, endpoint_file, endpoint_pipe;

/* Notes the first failure; `status` is never STATUS_OK. Returns the endpoint's status. */
__attribute__((format(printf, 3, 4))) int endpoint_fail(struct endpoint *e, int status, const char *format,
                                                        ...);

/* The same for errno: "cannot DOING NAME: words; next". */
int endpoint_fail_errno(struct endpoint *e, const char *doing);

/* Opening. Each returns enum exit_status after it said what is wrong. A destination is not changed yet; it is
 * by endpoint_begin(), once all checks have passed. `fd` < 0 opens `name`. */
int endpoint_open_lun(struct endpoint *e, const char *url, const struct berth_options *options);
int endpoint_open_source(struct endpoint *e, const char *name);
int endpoint_open_destination(struct endpoint *e, const char *name, bool force, bool read_back);
int endpoint_begin(struct endpoint *e);

/* Only these bytes of it, and `len` may be ENDPOINT_UNKNOWN for all from `origin` on. Returns enum
 * exit_status after it said what is wrong. */
int endpoint_narrow(struct endpoint *e, uint64_t origin, uint64_t len);

/* Makes e->fd ready for use as a pipe. */
void endpoint_pipe_prepare(struct endpoint *e, bool writing);

void endpoint_close(struct endpoint *e);

#endif
