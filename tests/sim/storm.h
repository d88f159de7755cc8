/* SPDX-License-Identifier: MIT */
/* One LUN under load while its target and the network between them suffer, all from one seed and on the fake
 * clock; a ledger judges what is read, the referee what is sent.
 *
 *   storm.c    one run: the plan, the life of the LUN, the verdict     burden.c   the I/Os, and how they end
 *   weather.c  what goes wrong, when, and for how long */
#ifndef SIM_STORM_H
#define SIM_STORM_H

#include "dice.h"
#include "ledger.h"
#include "stamp.h"
#include "world.h"

#define STORM_BLOCKS 256u /* of the LUN, as the ledger has them */
#define STORM_DEPTH  32u  /* I/Os at once */
#define STORM_LONG   48u  /* blocks of the longest I/O */
#define STORM_ERRORS 600u

enum storm_fault {
    STORM_CUT,        /* connections are closed */
    STORM_RESET,      /* connections are reset, what is on its way may be lost */
    STORM_CRASH,      /* the target is gone, and comes back */
    STORM_CHANGE,     /* the same, and it wants other values then */
    STORM_SILENCE,    /* nothing passes */
    STORM_DEAF,       /* nothing reaches the target */
    STORM_MUTE,       /* nothing reaches the initiator */
    STORM_STRANGER,   /* who accepts connections says nothing */
    STORM_REFUSALS,   /* logins are refused */
    STORM_SLICES,     /* a few bytes at a time */
    STORM_KILLERS,    /* commands that cost the connection, unexecuted */
    STORM_LOST,       /* commands that cost the connection, executed */
    STORM_SLOW,       /* commands that take their time */
    STORM_STRANDED,   /* the same, while the connection dies */
    STORM_STATUSES,   /* commands that end with a status that asks for patience */
    STORM_NEWS,       /* asynchronous messages */
    STORM_UNANSWERED, /* commands that get no answer, unexecuted */
    STORM_UNHEARD,    /* commands that get no answer, executed */
    STORM_FAULTS,
};

struct storm_io {
    bool used, write;
    uint32_t block, count;
    uint64_t begin_ns;
    uint8_t *buf;
    struct berth_seg seg;
    uint64_t generations[STORM_LONG];     /* of a write */
    struct ledger_view began[STORM_LONG]; /* a read */
};

/* What is drawn before the run. */
struct storm_plan {
    bool harsh; /* I/Os may fail: time is short, commands stay unanswered */
    uint32_t faults, ios, unit, depth;
    uint32_t span;                  /* blocks that are used */
    uint32_t every_turns, every_ms; /* most between two faults */
    uint32_t longest_ms;            /* of one fault */
    uint32_t swap_turns;            /* the link changes hands so often; 0: never */
    uint64_t turn_ns;               /* that a round takes, however much there is to do */
    struct mini_config target;
    struct berth_options options;
    struct sim_faults network;
};

/* How it went. */
struct storm_report {
    uint32_t swaps;
    uint32_t ios, errors, faults, by_kind[STORM_FAULTS], by_error[STORM_ERRORS];
    uint64_t reconnects, late;         /* late: commands executed after their connection had died */
    uint64_t lasted_ms, longest_io_ms; /* of the fake clock */
    uint64_t back_ms;                  /* from the last fault's end to the first completion */
    char wrong[256];                   /* "": nothing */
};

struct storm {
    uint64_t seed;
    bool loud;
    struct dice dice, weather_dice;
    struct storm_plan plan;
    struct storm_report *report;
    struct world *world;
    struct mini_target *target;
    struct berth_lun *lun;
    struct berth_queue *queue;
    struct ledger ledger;
    struct ledger_entry entries[STORM_BLOCKS];
    bool writing[STORM_BLOCKS]; /* a write of it is under way */
    struct storm_io ios[STORM_DEPTH];
    uint32_t flying;
    bool over; /* the session was given up */

    /* weather */
    uint32_t faults_left, next_turn;
    uint64_t next_ns, calm_ns; /* calm: since when nothing is wrong any more; 0: not yet */
    uint64_t until_ns[STORM_FAULTS];
    uint32_t turns_of[STORM_FAULTS]; /* commands, logins that a fault has yet to hit */
    uint32_t agains;                 /* statuses after which a command is sent again at once */
};

/* false, and report->wrong, if a promise was broken. `loud`: tells what happens. */
bool storm_run(uint64_t seed, bool loud, struct storm_report *report);

void storm_wrong(struct storm *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void storm_tell(const struct storm *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* weather.c */
extern const char *const storm_fault_names[STORM_FAULTS];
void weather_begin(struct storm *s);
void weather_turn(void *storm); /* before each round of the engine */
enum mini_turn weather_command(void *storm, struct task *task);
uint16_t weather_login(void *storm);

/* burden.c */
void burden_fill(struct storm *s);
void burden_reap(struct storm *s, int timeout_ms);
void burden_verify(struct storm *s);

#endif
