/* SPDX-License-Identifier: MIT */
/* iscsi://[user@]host[:port]/target-name/lun, percent-decoded everywhere, IPv6 in brackets. */
#ifndef INITIATOR_URL_H
#define INITIATOR_URL_H

#include "wire/name.h"

#define URL_USER_MAX 255u
#define URL_LUN_MAX  16383u /* flat addressing, SAM-5 4.7 */

struct url {
    char user[URL_USER_MAX + 1]; /* "" if there is none */
    struct portal portal;
    char target[NAME_MAX_LEN + 1]; /* as given: see name_usable() */
    uint32_t lun;
    bool has_lun;
};

/* 0, or BERTH_E_URL with the reason in `why` (a constant). The LUN may be missing only if `lun_optional`. */
int url_parse(struct url *url, const char *text, bool lun_optional, const char **why);

#endif
