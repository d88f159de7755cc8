/* SPDX-License-Identifier: MIT */
/* Where liburing was not there to build with. */
#include "engine/uring.h"

#include <errno.h>

void uring_limits(struct engine_limits *limits)
{
    *limits = (struct engine_limits){.max_recv_segment = UINT32_MAX,
                                     .max_send_segment = UINT32_MAX,
                                     .max_burst = UINT32_MAX,
                                     .max_depth = UINT16_MAX,
                                     .seg_kinds = UINT32_MAX,
                                     .send_kinds = UINT32_MAX};
}

struct engine *uring_engine_new(struct engine *base, const char **why)
{
    (void)base;
    *why = "this berth was built without io_uring, for want of liburing; there is the engine 'sockets'";
    errno = ENOSYS;
    return NULL;
}
