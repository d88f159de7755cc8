/* SPDX-License-Identifier: MIT */
/* Inside of floor initiator: the calls between its files.
 *
 *   initiator.c   the handle            connection.c   attempts, events, loss     timers.c   what time brings
 *   recovery.c    coming back           wishes.c       what the login asks for    url.c      iscsi://
 *   alarm.c       waking others' loops */
#ifndef INITIATOR_PARTS_H
#define INITIATOR_PARTS_H

#include "initiator/initiator.h"

/* connection.c */
extern const struct link_owner connection_callbacks;
void connection_try(
    struct initiator *i); /* the next address of the portal; failure comes through connection_lost() */
void connection_lost(struct initiator *i, int error, const char *text);
void connection_drop(struct initiator *i);
void connection_drain(struct initiator *i);   /* events and finished tasks, until there are none */
void connection_deliver(struct initiator *i); /* finished tasks */

/* timers.c */
void timers_run(struct initiator *i);
uint64_t timers_next(const struct initiator *i); /* when timers_run() is due next */
/* The caller is back: time that it was away, if for long, does not count. */
void timers_resume(struct initiator *i, uint64_t now);

/* recovery.c */
void recovery_begin(struct initiator *i, int error, const char *text);
void recovery_tick(struct initiator *i, uint64_t now);
void recovery_up(struct initiator *i);
void recovery_fail(struct initiator *i, int error);
uint64_t recovery_deadline(const struct initiator *i); /* UINT64_MAX while nothing is being brought back */

/* alarm.c */
void alarm_end(struct initiator *i);

/* wishes.c */
void wishes_set(struct initiator *i, const struct initiator_config *config);

#endif
