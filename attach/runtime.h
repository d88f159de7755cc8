/* SPDX-License-Identifier: MIT */
/* The runtime folder: $XDG_RUNTIME_DIR/berth, or /run/berth. An attachment NAME has there
 *   NAME.lock  held as long as it lives, with its pid in it
 *   NAME.sock  its control socket
 * and exports what they need beside these (NAME.nbd, NAME/disk). Whoever holds the lock may take away what a
 * dead process has left of that name. */
#ifndef ATTACH_RUNTIME_H
#define ATTACH_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNTIME_PATH_MAX 4096u

/* The folder. With `make` it is there afterwards, and nobody else's; if that cannot be: NULL with a sentence.
 */
const char *runtime_folder(bool make, char out[RUNTIME_PATH_MAX], char *why, size_t why_size);

/* FOLDER/NAME.SUFFIX; false: too long. */
bool runtime_path(const char *name, const char *suffix, char out[RUNTIME_PATH_MAX]);

/* The lock of a name that nobody had: a descriptor that closes on exec. -1: `holder` has it (0: it does not
 * say who), or there is an errno. */
int runtime_lock(const char *name, int64_t *holder);
/* Is `fd`, which was handed over, the lock of this name? Then it is ours from now on. */
bool runtime_adopt(const char *name, int fd);
/* Writes who holds it. */
void runtime_sign(int fd);
/* Gives it up, and takes the file away. */
void runtime_unlock(const char *name, int fd);

/* Connects to a socket there, or says with errno why not. */
int runtime_connect(const char *path);

#endif
