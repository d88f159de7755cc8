/* SPDX-License-Identifier: MIT */
/* The target on stage: a script bends what its sessions send and receive (berth-script(5)).
 *
 *   stage.c    the script, its clock, its report       bend.c   one session's bytes
 *   restart.c  portals that close, and the target that comes back as another */
#ifndef SERVE_STAGE_H
#define SERVE_STAGE_H

#include "script/bender.h"
#include "serve/target.h"

#define STAGE_LEAVE_NS (15ull * 1000000000) /* how long last words may take on their bent way */
#define STAGE_RETRY_NS (1ull * 1000000000)  /* between attempts to listen again */

/* LUNs that a restart has taken away. */
struct hidden_lu {
    struct hidden_lu *next;
    struct node *node;
    struct lu *lu;
};

struct stage {
    struct target *target;
    struct script script;
    struct play play;
    uint64_t turn, login;         /* counted, to tell which sessions have been looked at */
    bool again;                   /* a core may have more to do */
    uint64_t closed_until;        /* portals are closed; UINT64_MAX: they are not */
    const struct action *restart; /* begins in this turn, or is under way until `closed_until` */
    uint64_t restart_ns;
    bool away;
    struct hidden_lu *hidden;
    uint64_t *sizes; /* of the configuration's LUNs before the first restart */
};

/* One session's filter between its link and its conn. */
struct bend {
    struct link_filter filter;
    struct target_session *ts;
    struct bender *bender;
    uint64_t turn, login; /* of the stage, which looked after it last */
    bool paused;          /* the engine was told not to receive */
    uint64_t leave_by;    /* the core has ended it; its last words are on their way */
    uint8_t in[64 * 1024];
};

/* bend.c: looks after a session; it may be gone then. */
void bend_turn(struct target_session *ts, uint64_t now);

/* restart.c */
void stage_refuse(void *stage, uint64_t time_ns);
void stage_restart(void *stage, const struct action *how, uint64_t time_ns);
void stage_come_back(struct stage *s, uint64_t now);
uint64_t stage_back_at(const struct stage *s);
void stage_put_back(struct stage *s); /* LUNs as they were */

#endif
