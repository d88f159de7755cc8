/* SPDX-License-Identifier: MIT */
/* The name this host goes by when the caller gives none. */
#ifndef HOST_IDENTITY_H
#define HOST_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

/* "iqn.2026-11.io.berth:" and 16 hex digits made from the machine's identity (and the host name where it has
 * none): stable across restarts, different on clones that have their own machine-id. */
void host_initiator_name(char *out, size_t size);

/* An ISID of the random kind (RFC 7143 11.12.5) made from an initiator's name: the same one for it every
 * time. */
void host_isid(const char *initiator_name, uint8_t isid[6]);

#endif
