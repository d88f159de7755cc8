/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "host/crypto.h"
#include "host/identity.h"

static size_t read_machine_id(char *to, size_t size)
{
    int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, to, size);
    close(fd);
    return n > 0 ? (size_t)n : 0;
}

void host_isid(const char *initiator_name, uint8_t isid[6])
{
    uint8_t digest[WIRE_HASH_MAX] = {0};
    const void *pieces[] = {"berth ISID", initiator_name};
    const size_t lens[] = {10, strlen(initiator_name)};
    host_crypto()->hash(WIRE_CHAP_SHA256, pieces, lens, 2, digest);
    memcpy(isid, digest, 6);
    isid[0] = 0x80;
}

void host_initiator_name(char *out, size_t size)
{
    char id[256] = "";
    uint8_t digest[WIRE_HASH_MAX] = {0};
    size_t len = read_machine_id(id, sizeof id);
    if (len < 32 && gethostname(id, sizeof id - 1) == 0)
        len = strlen(id);
    /* Hashed with a word of ours: the machine-id itself is not for the network. */
    const void *pieces[] = {"berth initiator", id};
    size_t lens[] = {15, len};
    host_crypto()->hash(WIRE_CHAP_SHA256, pieces, lens, 2, digest);
    int n = snprintf(out, size, "iqn.2026-11.io.berth:");
    for (int i = 0; i < 8; i++)
        n += snprintf(out + n, size - (size_t)n, "%02x", digest[i]);
}
