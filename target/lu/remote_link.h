/* SPDX-License-Identifier: MIT */
/* One connection to an NBD server, and what has been asked over it. All of it belongs to one thread. */
#ifndef TARGET_REMOTE_LINK_H
#define TARGET_REMOTE_LINK_H

#include <errno.h>
#include "lu/remote.h"

enum remote_state { REMOTE_DOWN, REMOTE_DIALING, REMOTE_UP };

struct remote_link {
    struct nbd_handle *handle; /* NULL: down */
    uint8_t state;             /* enum remote_state */
    bool stale;                /* to be made anew once it is idle */
    uint64_t dialed_at;        /* when that was begun, or the connection taken over */
    uint64_t deadline;         /* of dialing */
    struct list asked;         /* under way, oldest first */
    struct list answered;
    uint32_t count;    /* of `asked` */
    uint32_t changing; /* changes that the server may be at */
    int fd;            /* the connection's descriptor once more, for when libnbd has closed its own; -1 */
    int ending; /* of an earlier one, with changes that the server may still be at; -1: there is none */
};

void remote_link_init(struct remote_link *l);
/* Begins to connect; false if that failed at once. */
bool remote_link_dial(struct remote_link *l, const char *uri);
/* What poll() is to watch: its descriptor, and the events. -1: nothing. */
int remote_link_watch(const struct remote_link *l, short *events);
/* Moves on with what poll() has seen, and finds out what has become of it. */
void remote_link_step(struct remote_link *l, short events);
/* Asks for the next part of it; then or later it is among the answered. */
void remote_link_issue(struct remote_link *l, struct remote_ask *ask, const struct remote_facts *facts);
/* Is that error of an ask one of the connection? */
bool remote_link_lost(int error);
/* And this one says that the server has not seen the ask, or not all of it. */
#define REMOTE_UNSENT (-EAGAIN)
/* Does it change what is stored? */
bool remote_changes(const struct remote_ask *ask);
/* Takes a connection that is up; it is down at once if there are no more descriptors. */
void remote_link_adopt(struct remote_link *l, struct nbd_handle *h);
bool remote_link_look(const struct remote_link *l, struct remote_facts *facts);
/* Afterwards libnbd touches no ask's memory any more. What was under way stays in `asked`. If there were
 * changes, the connection is ended but kept as `ending`, to see when the server has closed it too. */
void remote_link_close(struct remote_link *l);
/* Has the server closed the ending one? Throws away what it still says there. */
void remote_link_watch_end(struct remote_link *l);
/* Gives up watching for that. */
void remote_link_forget_end(struct remote_link *l);

#endif
