/* SPDX-License-Identifier: MIT */
/* An NBD server, talked to with libnbd on a thread of its own, over one connection or over several where the
 * server lets them see the same (doc/decisions/0003-libnbd.md).
 *
 * A lost connection is made anew when there is something to ask, which waits for it. What only asks and was
 * under way is asked once more; a change that was under way fails, for nobody knows whether it was made; and
 * the next flush fails if something might have been forgotten. All that ends when the patience with the ask,
 * which begins with remote_submit() and anew with each part that is done, is over.
 *
 * A change that failed so may still be made, on top of what is written later. So nothing is changed over any
 * connection until the server has closed the one it was asked for over. */
#ifndef TARGET_REMOTE_H
#define TARGET_REMOTE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

struct nbd_handle;
struct remote;
struct remote_link;

struct remote_facts {
    uint64_t size;
    uint32_t block_min, transfer_max;            /* bytes; 1 and 32 MiB where the server says nothing */
    bool read_only, flush, fua, zero, map, many; /* what it can do; `many`: several connections */
};

enum remote_kind { REMOTE_READ, REMOTE_WRITE, REMOTE_FLUSH, REMOTE_ZERO, REMOTE_MAP };

/* Something the server is asked for. It and its memory stay where they are until `done`. */
struct remote_ask {
    struct list link;               /* until done the remote's, like the next five lines */
    struct remote_link *on;         /* where it is under way */
    uint64_t moved, part, deadline; /* bytes that are done, and that are under way */
    uint64_t lost_at;               /* when its connection was, for the first time; 0: never */
    void *waiter;
    bool needed;  /* FLUSH: there was something to be flushed */
    uint8_t kind; /* enum remote_kind */
    bool fua;     /* WRITE: durable when it is done */
    uint64_t offset, len;
    uint8_t *memory;                      /* READ, WRITE */
    uint64_t run;                         /* MAP: how far what it found goes */
    bool hole;                            /* MAP: not allocated, and zeros */
    int error;                            /* once done: 0 or a negative errno */
    void (*done)(struct remote_ask *ask); /* on the remote's thread, which must not be kept */
};

/* How long a server has to be reached, and words for why it is no longer, or "". */
struct remote_patience {
    uint32_t ms;
    const char *because;
};

/* Connects and looks around, on the caller's thread. NULL with a sentence. */
struct nbd_handle *remote_dial(const char *uri, const struct remote_patience *patience,
                               struct remote_facts *facts, char *why, size_t why_size);

void remote_hang_up(struct nbd_handle *h); /* NULL does nothing */

/* Takes over `first`, a connection made with remote_dial(). `patience_ms`: how long an answer may take. NULL:
 * no memory or no thread, and `first` is the caller's still. */
struct remote *remote_new(struct nbd_handle *first, const char *uri, const struct remote_facts *facts,
                          uint32_t patience_ms);
/* From any thread. */
void remote_submit(struct remote *r, struct remote_ask *ask);
/* The same, and waits for it; `done` is not used. Returns its error. */
int remote_wait(struct remote *r, struct remote_ask *ask);
/* Takes over `next`, on which the server has told another size; connections that it told the old one are not
 * used any more. */
void remote_renew(struct remote *r, struct nbd_handle *next, uint64_t size);
/* Nothing is under way. */
void remote_free(struct remote *r);

#endif
