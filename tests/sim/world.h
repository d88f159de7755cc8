/* SPDX-License-Identifier: MIT */
/* The initiator's floors in a simulated world with mini targets: blocking calls of the library work as ever,
 * because every round of its engine gives the targets a turn, too. Time passes only where somebody waits. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "block/lun.h"
#include "engine/sim.h"
#include "mini_target.h"

#define WORLD_PORT  3260
#define WORLD_URL   "iscsi://host/" MINI_IQN "/0"
#define WORLD_TURNS 20000000u /* rounds after which a test is taken for stuck */

struct world {
    struct sim_world *sim;
    struct engine *near, *far; /* the library's and the targets' */
    struct engine *beside;     /* another for the library's links, see world_swap(); NULL: none yet */
    struct engine *dead;       /* of hosts that answer nothing; NULL: none yet */
    struct mini_target *targets[4];
    uint32_t target_count;
    struct lun_world reach; /* for lun_open() and others */
    bool silent;            /* the far side is not there at all: nothing is received, nothing accepted */
    int poll_error;         /* what the near engine's next rounds return instead of working */
    uint32_t turns;
    uint64_t wake_at;             /* ns: the clock does not jump beyond; 0: wherever it has to */
    void (*each_turn)(void *arg); /* before each round; may be NULL */
    void *arg;
    uint32_t resolves;   /* names asked for */
    uint32_t unresolved; /* so many of them fail */
    uint64_t slow_ms;    /* how long the answer to a name takes */
    uint64_t asked_ms;   /* when the one that is open was put; 0: none */
    uint16_t moved;      /* added to the ports of what is asked for from now on */
};

/* One world at a time. Hosts resolve to the port they are asked with; "many-N" to N addresses, from that port
 * on; "nowhere" not at all. */
struct world *world_new(uint64_t seed, const struct sim_faults *faults);
void world_free(struct world *w);

/* A target that listens; `config->random` is filled in. */
struct mini_target *world_target(struct world *w, const struct mini_config *config);

/* A host that takes no notice of what is sent to this port. */
void world_dead(struct world *w, uint16_t port);

/* One of the library's links changes hands, to a second engine of its side or back. false: it is not up. */
bool world_swap(struct world *w, struct link *l);

/* As for sim engines, for all links of the library's. */
void world_cut_off(struct world *w, bool on);
void world_reset(struct world *w);

/* Lets everything happen that can, without the library. */
void world_settle(struct world *w);
uint64_t world_ms(const struct world *w); /* the fake clock */
uint32_t world_random(struct world *w, uint32_t below);

#endif
