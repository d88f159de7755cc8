/* SPDX-License-Identifier: MIT */
/* libnbd, loaded when it is first needed: a berth that talks to no NBD server need not have it, and does not
 * load the score of libraries that come with it. */
#ifndef TARGET_NBD_LIBRARY_H
#define TARGET_NBD_LIBRARY_H

#include <libnbd.h>

#define NBD_LIBRARY_FILE "libnbd.so.0"

/* What is used of it, by the names without "nbd_". */
#define NBD_LIBRARY(X)                                                                                       \
    X(create)                                                                                                \
    X(close)                                                                                                 \
    X(get_error)                                                                                             \
    X(get_errno)                                                                                             \
    X(add_meta_context)                                                                                      \
    X(set_uri_allow_local_file)                                                                              \
    X(poll)                                                                                                  \
    X(get_size)                                                                                              \
    X(get_block_size)                                                                                        \
    X(is_read_only)                                                                                          \
    X(can_flush)                                                                                             \
    X(can_fua)                                                                                               \
    X(can_zero)                                                                                              \
    X(can_multi_conn)                                                                                        \
    X(can_meta_context)                                                                                      \
    X(aio_connect_uri)                                                                                       \
    X(aio_disconnect)                                                                                        \
    X(aio_is_ready)                                                                                          \
    X(aio_is_dead)                                                                                           \
    X(aio_is_closed)                                                                                         \
    X(aio_get_fd)                                                                                            \
    X(aio_get_direction)                                                                                     \
    X(aio_notify_read)                                                                                       \
    X(aio_notify_write)                                                                                      \
    X(aio_pread)                                                                                             \
    X(aio_pwrite)                                                                                            \
    X(aio_flush)                                                                                             \
    X(aio_zero)                                                                                              \
    X(aio_block_status)

#define NBD_LIBRARY_POINTER(name) __typeof__(nbd_##name) *name;
struct nbd_library {
    NBD_LIBRARY(NBD_LIBRARY_POINTER)
};

/* NULL: there is none on this machine, or too old a one. The first call is the target's thread's. */
const struct nbd_library *nbd_library(void);

#endif
