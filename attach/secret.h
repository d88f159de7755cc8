/* SPDX-License-Identifier: MIT */
/* CHAP secrets, in memory of their own: core dumps leave it out and swap does not get it (within the host's
 * limits). */
#ifndef ATTACH_SECRET_H
#define ATTACH_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_MIN     12u  /* 96 bits, RFC 7143 9.2.1 */
#define SECRET_MAX     255u /* bytes */
#define SECRET_WHY_MAX 512u

struct secret {
    uint8_t *bytes; /* NULL: there is none */
    size_t len;
};

bool secret_room(struct secret *s); /* false: errno */

/* Reads until the end, a full buffer or, of a `line`, its end. `stop` is asked from time to time, and may be
 * NULL. -1: errno, or stopped. */
int secret_take(struct secret *s, int fd, bool line, bool (*stop)(void));

/* Reads it from `file`, which nobody else may be able to read unless it is an open descriptor (/dev/fd/N). 0;
 * BERTH_E_SECRET: `why` has a clause and the next step; BERTH_E_SYSTEM: `why` has what could not be done,
 * errno why. */
int secret_read(struct secret *s, const char *file, bool (*stop)(void), char why[SECRET_WHY_MAX]);

/* Without the line end behind it: long enough and not too long? 0 or BERTH_E_SECRET, as above. */
int secret_finish(struct secret *s, const char *whose, bool weak, char why[SECRET_WHY_MAX]);

/* Wipes it and gives its memory back. */
void secret_wipe(struct secret *s);

#endif
