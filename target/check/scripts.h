/* SPDX-License-Identifier: MIT */
/* The scripts of target/scripts as they were when this was built (cmake/Scripts.cmake): the suite needs no
 * files. */
#ifndef CHECK_SCRIPTS_H
#define CHECK_SCRIPTS_H

struct embedded_script {
    const char *name;
    const char *rules; /* without comments, a line each */
};

extern const struct embedded_script embedded_scripts[]; /* the last one has no name */

#endif
