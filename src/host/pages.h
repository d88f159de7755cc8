/* SPDX-License-Identifier: MIT */
/* Memory of which only what is touched is taken from the host, page by page: for what is as large as the
 * fullest moment asks for, and mostly idle. (The heap may hand out, and clear, memory that was used before.)
 */
#ifndef HOST_PAGES_H
#define HOST_PAGES_H

#include <stddef.h>

void *pages_new(size_t size);              /* all zeros; NULL: no memory */
void pages_free(void *pages, size_t size); /* NULL is allowed */

#endif
