/* SPDX-License-Identifier: MIT */
/* The io_uring engine: carries links that another engine has connected, one system call per round. */
#ifndef ENGINE_URING_H
#define ENGINE_URING_H

#include "engine/engine.h"

/* In front of `base`, which becomes its front. NULL: errno and `why` tell. */
struct engine *uring_engine_new(struct engine *base, const char **why);
void uring_limits(struct engine_limits *limits);

#endif
