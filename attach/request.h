/* SPDX-License-Identifier: MIT */
/* One line of the control socket, taken apart: {"verb": "status", ...}. doc/internals/attachment-protocol.md
 */
#ifndef ATTACH_REQUEST_H
#define ATTACH_REQUEST_H

#include <jansson.h>
#include <stddef.h>

#define REQUEST_LINE_MAX  8192u /* bytes of a line, without its end */
#define REQUEST_DEPTH_MAX 8u    /* objects and arrays within each other */
#define REQUEST_VERSION   1     /* of the protocol */

/* Why not: an error of the protocol. */
struct refusal {
    const char *name; /* "BUSY"; NULL: there is none */
    int exit;         /* enum exit_status */
    char text[1024];  /* one sentence with the next step */
};

/* Returns -1, so that a function can end with it. */
__attribute__((format(printf, 4, 5))) int refuse(struct refusal *r, const char *name, int exit,
                                                 const char *format, ...);

/* The request of `len` bytes, an object with a text "verb"; NULL with a refusal. */
json_t *request_parse(const char *line, size_t len, struct refusal *why);

/* A text of a peer's or a file's: what is no UTF-8 and control characters become '?'. */
json_t *request_text(const char *text);

#endif
