/* SPDX-License-Identifier: MIT */
/* Inside of floor initiator: the calls between its files.
 *
 *   initiator.c   the handle                       seek.c        an attempt to reach the portal
 *   reactor.c     rounds, of many sessions
 *   connection.c  events, and the loss of one      hosts.c       where addresses come from
 *   recovery.c    coming back                      addresses.c   in which order
 *   timers.c      what time brings                 race.c        all of them, one soon after the other
 *   alarm.c       waking others' loops             redirect.c    being sent elsewhere
 *   wishes.c      what the login asks for          allowance.c   where to
 *   url.c         iscsi://                         refusal.c     whom to ask again
 *   deadlines.c   how long a command may take      backoff.c     and when
 *   escalation.c  what is done with late ones      parting.c     being asked to log out
 *   states.c      which follows which */
#ifndef INITIATOR_PARTS_H
#define INITIATOR_PARTS_H

#include "initiator/initiator.h"

/* initiator.c */
void initiator_kick(struct initiator *i); /* there is something to be sent */

/* states.c: what may follow each state, as bits of states. */
extern const uint16_t initiator_moves[INITIATOR_STATES];
void initiator_become(struct initiator *i, enum initiator_state state);

/* connection.c */
extern const struct link_owner connection_callbacks;
void connection_lost(struct initiator *i, int error, const char *text);
void connection_parted(struct initiator *i); /* the Logout Response came, and now the end or no end */
void connection_drop(struct initiator *i);
void connection_drain(struct initiator *i);   /* events and finished tasks, until there are none */
void connection_deliver(struct initiator *i); /* finished tasks */

const char *connection_words(const struct link *l,
                             int error); /* why it failed; NULL: the error says it all */

/* seek.c: what comes of an attempt shows in connection_lost(), or in race_won() and then recovery_up(). */
void seek_begin(struct initiator *i);     /* towards `here` */
void seek_home(struct initiator *i);      /* the same, whatever redirects there were */
bool seek_elsewhere(struct initiator *i); /* by another address than the one that was no good; false: none */
void seek_failed(struct initiator *i, bool connected); /* the next attempt need not be like this one */
void seek_tick(struct initiator *i, uint64_t now);
uint64_t seek_due(const struct initiator *i);

/* race.c */
void race_begin(struct initiator *i);
void race_tick(struct initiator *i, uint64_t now);
void race_won(struct initiator *i, struct racer *r);
void race_failed(struct initiator *i, struct racer *r, int error);
void race_end(struct initiator *i); /* closes them all */

/* redirect.c */
void redirect_follow(struct initiator *i, const struct conn_event *ev);
void redirect_arrived(struct initiator *i);

/* refusal.c: whether the login that was refused is worth another attempt. */
bool refusal_passes(const struct initiator *i);

/* hosts.c */
int hosts_find(struct initiator *i, const struct portal *p, struct resolved *out, const char **why);
void hosts_prepare(struct initiator *i, const struct portal *p); /* hosts_find() is to come */
void hosts_end(struct initiator *i);

/* carrier.c */
void carrier_up(struct initiator *i);
void carrier_lost(struct link *l, const char *why);

/* parting.c */
void parting_begin(struct initiator *i, uint32_t given_s); /* the time for a Logout Request */
void parting_tick(struct initiator *i);
uint64_t parting_due(const struct initiator *i);

/* deadlines.c */
void deadlines_begin(struct initiator *i, struct task *task, uint64_t now); /* it is being submitted */
void deadlines_set(struct initiator *i, struct task *task, uint64_t at);
void deadlines_scan(struct initiator *i, uint64_t now);
void deadlines_shift(struct initiator *i, uint64_t away);
void deadlines_after_outage(struct initiator *i, uint64_t now);
void deadlines_renew(struct initiator *i, const struct initiator_policy *before); /* its times have changed */

/* escalation.c */
void escalation_late(struct initiator *i,
                     struct task *task); /* its deadline has come, or the limit of a step */
void escalation_lun_ended(struct initiator *i, uint64_t lun);    /* the target says that it ends its tasks */
void escalation_answered(struct initiator *i, struct task *tmf); /* a request is done; takes it */
void escalation_told(struct initiator *i, struct task *tmf);     /* the same of initiator_manage() */
bool escalation_done(struct initiator *i, struct task *task); /* a task is done; false: it was sent again */
/* Its connection died: 0 to send it again, or the error to end it with. */
int escalation_detached(struct initiator *i, struct task *task);
void escalation_tick(struct initiator *i, uint64_t now);
uint64_t escalation_due(const struct initiator *i); /* UINT64_MAX: nothing waits to be asked for */

/* timers.c */
#define TIMERS_AWAY_NS                                                                                       \
    (10000ull * 1000000) /* without a round for so long, at least, and the caller was away */
void timers_run(struct initiator *i, uint64_t now);
uint64_t timers_next(const struct initiator *i); /* when timers_run() is due next */
/* The caller is back: time that it was away, if for long, does not count. */
void timers_resume(struct initiator *i, uint64_t away);

/* backoff.c: ns until the next attempt, the first time none. */
uint64_t backoff_next(struct initiator *i);
void backoff_reset(struct initiator *i);

/* recovery.c */
void recovery_begin(struct initiator *i, int error, const char *text);
void recovery_tick(struct initiator *i, uint64_t now);
void recovery_up(struct initiator *i);
void recovery_fail(struct initiator *i, int error);
uint64_t recovery_deadline(const struct initiator *i); /* UINT64_MAX while nothing is being brought back */

/* wishes.c */
int wishes_set(struct initiator *i, const struct initiator_config *config); /* 0 or BERTH_E_MEMORY */

#endif
