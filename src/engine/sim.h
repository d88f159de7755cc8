/* SPDX-License-Identifier: MIT */
/* The sim engine: transports in memory, a fake clock, segment boundaries from a seed. Two engines of one
 * world can talk to each other; everything runs in one thread and repeats exactly for the same seed. */
#ifndef ENGINE_SIM_H
#define ENGINE_SIM_H

#include "engine/engine.h"

/* How the world behaves; all probabilities in 1/1024. */
struct sim_faults {
    uint32_t max_segment; /* bytes moved at once are 1..max_segment by the seed; 0: everything there is */
    uint32_t reset;       /* chance per step that a transport is reset */
    uint32_t refuse;      /* chance that a connect is refused */
    uint64_t latency_ns; /* how far the clock goes on when nothing else is to be done; 0: as far as poll() may
                            wait */
};

#define SIM_PIPE_BYTES (1u << 20) /* on their way in one direction; then the sender has to wait */
#define SIM_BACKLOG    16u        /* connections not accepted yet; more get no answer */

struct sim_world;

/* NULL when memory is short. `faults` NULL: none. The world is freed after its engines. */
struct sim_world *sim_world_new(uint64_t seed, const struct sim_faults *faults);
void sim_world_free(struct sim_world *w);
void sim_world_set_faults(struct sim_world *w, const struct sim_faults *faults);
uint64_t sim_world_now(const struct sim_world *w);
void sim_world_advance(struct sim_world *w, uint64_t ns);
uint32_t sim_world_random(struct sim_world *w);

/* An engine in this world. A listener's address is {AF_UNSPEC} plus a port number in the first two bytes of
 * its sa data; connect to the same. poll() never waits: it moves something, or, once no engine of this world
 * has moved anything in its last turn, lets the fake clock go on towards until_ns by the latency. A
 * connection is answered when the listener's engine is polled: an engine nobody polls is a silent host. */
struct engine *sim_engine_new(struct sim_world *w);
/* While it is cut off nothing arrives at it, no byte, no connection, no end of one: a network that loses
 * everything in this direction. What it sends goes its way. */
void sim_engine_cut_off(struct engine *e, bool on);
/* All its connections are reset; each end learns of it when it is polled. */
void sim_engine_reset(struct engine *e);
struct engine_addr sim_addr(uint16_t port);

#endif
