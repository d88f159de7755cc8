/* SPDX-License-Identifier: MIT */
/* Who has reserved a logical unit: persistent reservations (SPC-4 5.12) and the older kind (SPC-2 5.5.1). */
#ifndef TARGET_RESERVATION_H
#define TARGET_RESERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEXUS_ID_MAX      252u
#define REGISTRATIONS_MAX 128u /* of one LU */

struct lu;
struct lu_reason;
struct lu_set;
struct nexus;

/* What makes an I_T nexus the same one again: the initiator port, by its TransportID (SPC-4 7.6.4), and the
 * target port that it goes through, by its relative identifier. */
struct nexus_id {
    uint16_t port;
    uint32_t len;
    uint8_t bytes[NEXUS_ID_MAX];
};

bool nexus_id_equal(const struct nexus_id *a, const struct nexus_id *b);

struct registration {
    struct registration *next;
    uint64_t key;       /* never 0 */
    struct nexus_id id; /* it need not be logged in */
};

/* All zeros: nobody has. */
struct reservation {
    struct registration *first; /* the oldest */
    uint32_t count, generation;
    struct registration *holder; /* NULL without a reservation, and where all registrants hold it */
    uint8_t type;                /* enum scsi_pr_type */
    bool kept;                   /* APTPL: what changes is written to `path` */
    char *path;                  /* NULL: nothing can be kept */
    const struct nexus *old;     /* who has the LU by RESERVE */
};

/* What a command does that a reservation of another may forbid: a column of the command table. */
enum access {
    ACCESS_FREE,     /* nothing; allowed under either kind */
    ACCESS_STATUS,   /* allowed under every persistent reservation */
    ACCESS_READS,    /* what the exclusive access types forbid */
    ACCESS_CHANGES,  /* what all types forbid */
    ACCESS_RESERVES, /* RESERVE and RELEASE: not beside registrations */
    ACCESS_PERSISTS, /* PERSISTENT RESERVE IN and OUT: not beside a RESERVE */
};

bool reservation_forbids(const struct reservation *r, const struct nexus *n, enum access access);

/* The nexus' registration, or NULL. */
struct registration *reservation_find(const struct reservation *r, const struct nexus_id *id);
bool reservation_held_by(const struct reservation *r, const struct registration *g);

/* NULL: no room for one more. */
struct registration *reservation_add(struct reservation *r, const struct nexus_id *id, uint64_t key);
/* With what it holds; an all registrants reservation goes with the last of them. */
void reservation_remove(struct reservation *r, struct registration *g);
void reservation_set(struct reservation *r, struct registration *holder, uint8_t type); /* PR_NONE: release */
void reservation_free(struct reservation *r);

/* --- reservation_file.c --- */

/* Keeps the LU's registrations in a file of `folder` from now on, if an initiator asks for it (APTPL), and
 * takes over what is there. On failure returns -1 with lu_refuse(). */
int reservation_keep(struct lu *lu, const char *folder, const struct lu_reason *why);
/* Behind every change. Writes a new file beside the old one and puts it in its place; removes it when nothing
 * is to be kept. Returns 0 or a negative errno. */
int reservation_save(const struct reservation *r);

#endif
