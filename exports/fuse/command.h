/* SPDX-License-Identifier: MIT */
/* The command line of berth-fuse. */
#ifndef FUSE_COMMAND_H
#define FUSE_COMMAND_H

#include <limits.h>
#include <stdbool.h>

#include "attach/settings.h"

#define COMMAND_GO (-1)

struct command {
    struct settings *settings;
    char at[PATH_MAX];        /* where to mount */
    char mount_options[1024]; /* of -o, what is not ours; "" */
    bool direct;              /* -o direct_io */
};

/* Returns COMMAND_GO, or the status to exit with after it has said why. */
int command_take(struct command *c, int argc, char **argv);
void command_done(struct command *c);

#endif
