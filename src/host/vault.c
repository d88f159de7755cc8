/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/mman.h>
#include "host/vault.h"

/* Without MADV_DONTDUMP it would be no vault; without mlock() it still is one, and many hosts allow little.
 */
void *vault_new(size_t size)
{
    void *vault = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (vault == MAP_FAILED)
        return NULL;
    if (madvise(vault, size, MADV_DONTDUMP) != 0) {
        munmap(vault, size);
        return NULL;
    }
    (void)mlock(vault, size);
    return vault;
}

void vault_free(void *vault, size_t size)
{
    if (!vault)
        return;
    explicit_bzero(vault, size);
    munmap(vault, size);
}
