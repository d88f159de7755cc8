/* SPDX-License-Identifier: MIT */
/* Is it still the LUN that was opened, and how is it by now? That is asked after every loss of the session,
 * and whenever the LUN or its target tells of a change, before anything else is sent (check.c). */
#ifndef BLOCK_CHECK_H
#define BLOCK_CHECK_H

#include <berth/berth.h>

struct berth_lun;
struct command;

#define CHECK_REPLY_MAX 1024u

struct check {
    struct berth_queue *queue; /* of one request: the question that is out */
    bool enabled;              /* the LUN is open */
    bool wanted;               /* what is known of the LUN may not hold any more: all I/Os wait */
    bool running;
    bool again;    /* something changed while it was running */
    bool given_up; /* the last one found nothing out; the next I/O begins another */
    bool back;     /* the session was lost since the last one */
    bool told;     /* that the LUN is gone */
    bool ended;    /* I/Os have, in this turn */
    uint8_t step;
    uint32_t rounds, losses;
    uint64_t lost_ns;          /* when a session first died under it */
    uint64_t due_ns, pause_ns; /* when the next question is due, after an answer that was none */
    uint32_t turns;            /* of those that have come to an end */
    int found;                 /* by the last one: 0, or why it found nothing out */
    struct berth_done fence;   /* with this error ends everything, for ever */
    struct berth_seg seg;      /* of the reply */
    uint8_t reply[CHECK_REPLY_MAX];
};

int check_init(struct berth_lun *lun);
void check_enable(struct berth_lun *lun);
/* Something may have changed. */
void check_want(struct berth_lun *lun);
/* The same, also if the last one found nothing out and nobody waits. */
void check_anew(struct berth_lun *lun);
/* The session is lost. */
void check_lost(struct berth_lun *lun);
/* A sibling has found out that everything ends with this. */
void check_fence(struct berth_lun *lun, const struct berth_done *why);
/* Goes on with it, where there is something to go on with, and says whether that has ended any I/Os. Not to
 * be called from inside the initiator. */
bool check_tick(struct berth_lun *lun);
uint64_t check_due(const struct berth_lun *lun);
/* Is this a question of the check's? Is it the first one, which is there to take the news that are expected?
 */
bool check_asks(const struct berth_lun *lun, const struct command *cmd);
bool check_begins(const struct berth_lun *lun, const struct command *cmd);
/* The same, of a new session: targets begin each one with a unit attention. */
bool check_greets(const struct berth_lun *lun, const struct command *cmd);

#endif
