/* SPDX-License-Identifier: MIT */
/* The verbs of the control socket, and what they share. */
#ifndef SERVE_CONTROL_VERBS_H
#define SERVE_CONTROL_VERBS_H

#include "serve/control.h"

/* control_lists.c */
int verb_status(struct control_request *r);
int verb_targets(struct control_request *r);
int verb_luns(struct control_request *r);
int verb_portals(struct control_request *r);
int verb_sessions(struct control_request *r);
int verb_rules(struct control_request *r);
int verb_referee(struct control_request *r);
int verb_log(struct control_request *r);
int verb_log_level(struct control_request *r);
void tell_lun(struct answer *a, const struct node *n, uint32_t number);

/* control_changes.c */
int verb_add_lun(struct control_request *r);
int verb_remove_lun(struct control_request *r);
int verb_resize_lun(struct control_request *r);
int verb_redirect(struct control_request *r);
int verb_access(struct control_request *r);
int verb_kick(struct control_request *r);
int verb_logout(struct control_request *r);
int verb_async(struct control_request *r);
int verb_stop(struct control_request *r);

/* Words of a request. Each refuses what is no such thing itself. */

/* The target that word *next names; it may be left out where there is but one. Moves on to the next word. */
struct node *request_node(struct control_request *r, uint32_t *next);
bool request_number(struct control_request *r, uint32_t word, const char *what, uint32_t min, uint32_t max,
                    uint32_t *number);
/* The session of this number; NULL and no refusal for "all". */
bool request_session(struct control_request *r, uint32_t word, struct target_session **ts);

#endif
