/* SPDX-License-Identifier: MIT */
/* Parts of iscsi://[user@]host[:port]/target-name/lun, for what has to be known before the library takes it
 * apart. Nothing is decoded. */
#ifndef ATTACH_URL_H
#define ATTACH_URL_H

#include <stddef.h>

/* Where the user begins; its length, 0: there is none. */
size_t url_user(const char *url, const char **user);

/* The same of the host. An IPv6 address has its brackets. */
size_t url_host(const char *url, const char **host);

#endif
