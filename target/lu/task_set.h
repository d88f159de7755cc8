/* SPDX-License-Identifier: MIT */
/* The commands on a logical unit, of all nexuses, in the order they came (SAM-5 8): which may run beside
 * which.
 *
 * Few LUs ever see anything but SIMPLE commands, which run as they come. Only while there is a barrier among
 * them (see below) does anybody look at the order. */
#ifndef TARGET_TASK_SET_H
#define TARGET_TASK_SET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

struct command;

/* Task attributes (SAM-5 8.6). */
enum attribute {
    ATTRIBUTE_SIMPLE,  /* also for commands that have none */
    ATTRIBUTE_ORDERED, /* behind all older ones, and before all younger SIMPLE ones */
    ATTRIBUTE_HEAD,    /* HEAD OF QUEUE: at once */
    ATTRIBUTE_UNKNOWN, /* ACA, which nobody has, and reserved ones: refused */
};

enum command_stage {
    COMMAND_OUTSIDE, /* not in a task set */
    COMMAND_ARRIVED, /* its data are still to come */
    COMMAND_WAITING, /* all is here, others are in its way */
    COMMAND_RUNNING,
};

/* All zeros: nobody is here. */
struct task_set {
    struct list commands; /* oldest first */
    uint32_t barriers;    /* commands that are ORDERED, HEAD OF QUEUE or exclusive */
    uint32_t heads;       /* HEAD OF QUEUE, and all of it is here */
    uint32_t waiting, running;
    uint32_t alone; /* of those that run: exclusive, so that it is the only one */
    uint32_t
        dying; /* of those that run: aborted, and still able to change the medium. Nothing begins meanwhile */
    bool waking;
    uint64_t walk; /* counts the walks along the line */
};

/* What a walk has passed of an initiator's commands whose data are still to come; part of its nexus. */
struct arrivals {
    const struct task_set *set; /* that the walk was along */
    uint64_t walk;
    bool ordered;
};

/* At the end of the line. */
void task_set_enter(struct task_set *s, struct command *c);
/* All of it is here: true if it runs from now on, false if it waits. */
bool task_set_admit(struct task_set *s, struct command *c);
/* Who has waited long enough and runs from now on, or NULL. */
struct command *task_set_next(struct task_set *s);
/* It will not be answered. */
void task_set_abort(struct task_set *s, struct command *c);
void task_set_leave(struct task_set *s, struct command *c);

#endif
