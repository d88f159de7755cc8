/* SPDX-License-Identifier: MIT */
/* The initiator name that the command goes by where --initiator-name gives none: kept in a file, or made from
 * the machine. The library never looks into files for it. */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include <berth/berth.h>
#include <limits.h>

enum identity_source {
    IDENTITY_OPTION,  /* --initiator-name */
    IDENTITY_USER,    /* the user's file */
    IDENTITY_SYSTEM,  /* the system's */
    IDENTITY_MACHINE, /* neither is there: the library's default */
};

struct identity {
    char name[BERTH_NAME_SIZE];
    enum identity_source source;
    char file[PATH_MAX]; /* where the name stands; "" for the other sources */
};

/* Finds it. `option` goes before all, and is judged by whom it is for; may be NULL. Returns enum exit_status
 * after it said what is wrong with a file. */
int identity_find(struct identity *id, const char *option);

/* Writes the name, which must be one as it is sent, into the file of who runs us; NULL takes the file away,
 * whether it is there or not. `file` receives its path. Returns enum exit_status after it said what is wrong.
 */
int identity_keep(const char *name, char file[PATH_MAX]);

#endif
