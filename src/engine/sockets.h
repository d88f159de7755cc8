/* SPDX-License-Identifier: MIT */
/* The sockets engine: epoll and non-blocking TCP, the readable reference for the others. */
#ifndef ENGINE_SOCKETS_H
#define ENGINE_SOCKETS_H

#include "engine/engine.h"

/* NULL when memory or descriptors are short (errno tells). */
struct engine *sockets_engine_new(void);
void sockets_limits(struct engine_limits *limits);

#endif
