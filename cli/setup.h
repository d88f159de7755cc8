/* SPDX-License-Identifier: MIT */
/* What `berth serve` is to serve, gathered from a file and from options, and the memory of it all. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include <limits.h>
#include <stdio.h>
#include "cli/options.h"
#include "cli/secret.h"

#define SETUP_LINE_MAX 8192u /* bytes of a line of the file: a path and its key fit */
#define SETUP_WHY_MAX  1024u

struct note;

struct setup {
    struct serve_config config;
    const char *secret_files[SERVE_ACCOUNTS_MAX]; /* of the accounts; NULL: the terminal is asked */
    const char *mutual_file;
    const char *control; /* as it was named; config.control is where that is */
    char control_path[PATH_MAX];
    bool referee; /* what initiators send is checked */
    struct secret secrets[SERVE_ACCOUNTS_MAX], mutual;
    const char *file;   /* its name; NULL: there is none */
    struct note *notes; /* texts of the file, and in which line each stands */
};

/* Takes what a file says. `name` is for messages. Returns 0, or -1 with one sentence about the first line
 * that is wrong. */
int setup_read(struct setup *s, FILE *file, const char *name, char why[SETUP_WHY_MAX]);

/* Adds what options say to it, or puts it in its place. Returns enum exit_status after it said what is wrong.
 */
int setup_take_options(struct setup *s, const struct options *o);

/* Finds out who the user is that run_as names. Returns enum exit_status after it said what is wrong. */
int setup_find_user(struct setup *s);

/* Reads all secret files. Returns enum exit_status after it said what is wrong. */
int setup_load_secrets(struct setup *s);

/* Wipes the secrets. */
void setup_free(struct setup *s);

/* A copy that lives as long as the setup, and knows its line; NULL: no memory. */
const char *setup_keep(struct setup *s, const char *text, uint32_t line);
/* "FILE:LINE: " of such a copy; "" for all other texts. */
const char *setup_place(void *setup, const char *text);

/* --- for those who fill it: NULL, or what would have been right --- */

const char *setup_add_portal(struct setup *s, const char *portal);
const char *setup_add_key(struct setup *s, const char *key); /* "KEY=VALUE"; stands in for the same key */
const char *setup_add_account(struct setup *s, const char *name, const char *secret_file);
const char *setup_add_target(struct setup *s, const char *iqn);
const char *setup_add_allowed(struct setup *s, uint32_t target, const char *name);
const char *setup_add_lun(struct setup *s, uint32_t target, uint32_t number, const char *store);
const char *setup_add_script(struct setup *s, const char *file);
const char *setup_add_fault(struct setup *s, const char *rule);

/* The number behind the last one of a target's LUNs. */
uint32_t setup_next_lun(const struct setup *s, uint32_t target);

#endif
