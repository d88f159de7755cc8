/* SPDX-License-Identifier: MIT */
/* From the command's options to the library's: secrets read, timeouts set; and a LUN opened with them. */
#ifndef CLI_LOGIN_H
#define CLI_LOGIN_H

#include <berth/berth.h>
#include "cli/identity.h"
#include "cli/options.h"
#include "cli/secret.h"

struct login {
    struct berth_options options;
    struct secret secret, mutual;
    struct identity identity; /* what options.initiator_name is, where no option gives it */
};

/* Makes the library's options. `urls` are the operands, some of which may carry a user. End with
 * login_wipe(), whatever this returns: enum exit_status, after it said what is wrong. */
int login_prepare(struct login *l, const struct options *o, char *const *urls, int url_count);
void login_wipe(struct login *l);

/* Opens the LUN, or says why not. */
int login_open(struct berth_lun **lun, const char *url, const struct login *l);

bool login_is_url(const char *operand); /* meant as one, even if misspelt behind the colon */

#endif
