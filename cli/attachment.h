/* SPDX-License-Identifier: MIT */
/* A conversation with an attachment through its control socket (doc/internals/attachment-protocol.md), and
 * which attachments there are. Whatever answers there, or does not, nothing here waits longer than it was
 * told to. */
#ifndef CLI_ATTACHMENT_H
#define CLI_ATTACHMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "attach/settings.h"

#define ATTACHMENT_TIMEOUT_MS 10000u /* for one answer, where --timeout gives no other */

enum attachment_presence {
    ATTACHMENT_ALIVE,
    ATTACHMENT_ABSENT,  /* there is none of that name */
    ATTACHMENT_DEAD,    /* its process is gone, and has left its files */
    ATTACHMENT_SILENT,  /* its process is there, and says nothing in time */
    ATTACHMENT_FOREIGN, /* what is there is none, or of another version */
    ATTACHMENT_DENIED,  /* it is somebody else's */
    ATTACHMENT_CROWDED, /* it has no room for one more who asks */
};

/* One that is talked to. Says nothing itself; `why` of the calls is one sentence with the next step. */
struct peer;

#define PEER_WHY_MAX 1200u

/* Connects and takes the greeting. */
enum attachment_presence peer_open(struct peer **out, const char *name, uint32_t timeout_ms,
                                   char why[PEER_WHY_MAX]);
void peer_close(struct peer *p); /* NULL is allowed */
int64_t peer_pid(const struct peer *p);

/* Asks, and waits for the answer. `request` is taken over. Returns the "result", which is the caller's; or
 * NULL with `status` (enum exit_status) and a sentence. */
json_t *peer_ask(struct peer *p, json_t *request, int *status, char why[PEER_WHY_MAX]);

enum peer_line { PEER_LINE, PEER_ENDED, PEER_LATE, PEER_BROKEN };

/* The next line of a stream; `timeout_ms` -1 waits for as long as it takes. */
enum peer_line peer_next(struct peer *p, json_t **line, int timeout_ms);
int peer_fd(const struct peer *p);

/* Opens, asks, closes; says what is wrong. Returns enum exit_status; `result` is the caller's, if it is 0. */
int attachment_ask(const char *name, json_t *request, uint32_t timeout_ms, json_t **result);
/* Could this be one? Returns STATUS_USAGE after it said that it cannot. */
int attachment_check_name(const char *name);
/* The exit status that belongs to a presence. */
int attachment_status(enum attachment_presence presence);

/* The names in the runtime folder, alive or not, in the order of their beginning. */
struct attachment_names {
    char (*names)[SETTINGS_NAME_MAX + 1];
    int64_t *begun_ns;
    size_t count;
};
/* Returns enum exit_status after it said what is wrong. No folder is no names. */
int attachment_names(struct attachment_names *out);
void attachment_names_free(struct attachment_names *names);

#endif
