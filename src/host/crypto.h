/* SPDX-License-Identifier: MIT */
/* The host's cryptography as the table the pure floors take: libcrypto for hashes and random bytes, the
 * fastest CRC32C this CPU has (ISA-L where it was found at build time, else the CPU's own instruction, else
 * the table). */
#ifndef HOST_CRYPTO_H
#define HOST_CRYPTO_H

#include "wire/crypto.h"

const struct wire_crypto *host_crypto(void);
const char *host_crc32c_name(void); /* one of CRC32C_WAYS in crc32c_host.h */

#endif
