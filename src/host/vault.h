/* SPDX-License-Identifier: MIT */
/* Memory for secrets: pages of its own, which core dumps leave out and which stay off the swap where the
 * host's limits allow it. */
#ifndef HOST_VAULT_H
#define HOST_VAULT_H

#include <stddef.h>

void *vault_new(size_t size);              /* all zeros; NULL: no memory */
void vault_free(void *vault, size_t size); /* wipes it; NULL is allowed */

#endif
