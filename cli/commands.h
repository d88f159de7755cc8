/* SPDX-License-Identifier: MIT */
/* The table of subcommands: what runs, and what the help says about it. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stddef.h>
#include "cli/options.h"

struct command {
    const char *name;
    int (*run)(const struct options *o); /* returns enum exit_status */
    const char *operands;                /* as the help shows them */
    int operands_min, operands_max;
    const char *summary;
    const int *options; /* enum option_id, ends with OPT_NONE */
};

/* Finds the subcommand of argv and runs it. Returns the exit status of the process. */
int commands_run(int argc, char *argv[]);

/* The commands in the order of the help; NULL behind the last. */
const struct command *commands_row(size_t i);

int cmd_discover(const struct options *o);
int cmd_info(const struct options *o);
int cmd_copy(const struct options *o);
int cmd_bench(const struct options *o);
int cmd_scsi(const struct options *o);
int cmd_serve(const struct options *o);
int cmd_proxy(const struct options *o);
int cmd_serve_ctl(const struct options *o);
int cmd_attach(const struct options *o);
int cmd_check(const struct options *o);
int cmd_completion(const struct options *o);
int cmd_ls(const struct options *o);
int cmd_status(const struct options *o);
int cmd_get(const struct options *o);
int cmd_set(const struct options *o);
int cmd_refresh(const struct options *o);
int cmd_stat(const struct options *o);
int cmd_events(const struct options *o);
int cmd_detach(const struct options *o);
int cmd_down(const struct options *o);
int cmd_id(const struct options *o);
int cmd_check_initiator(const struct options *o);

#endif
