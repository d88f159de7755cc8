/* SPDX-License-Identifier: MIT */
/* The file that `berth attach --persist` has written, and what others do to it. */
#ifndef CLI_ATTACHMENT_FILE_H
#define CLI_ATTACHMENT_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include "attach/store.h"

struct attachment_file {
    char path[STORE_PATH_MAX];
    struct settings *s;
};

/* Where it is, or would be. Returns enum exit_status after it said what is wrong, like the next three. */
int attachment_file_find(struct attachment_file *f, const char *folder, const char *name);
/* Reads it, and is quiet about what it does not know, for that stays. */
int attachment_file_read(struct attachment_file *f, const char *name);
/* Takes KEY=VALUE words of an object of texts, "" for the default. */
int attachment_file_take(struct attachment_file *f, const json_t *wanted);
int attachment_file_write(const struct attachment_file *f);
void attachment_file_free(struct attachment_file *f);

/* It is there, and an attachment's: not one of a target, which may have this name, too. */
bool attachment_file_is_ours(const struct attachment_file *f);

#endif
