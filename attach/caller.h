/* SPDX-License-Identifier: MIT */
/* One connection to the control socket: the lines that come in, and the answer that goes out. It never waits,
 * and holds one line and one answer at most: whoever asks faster than they take answers waits in their own
 * socket. What is asked is not its business, but control.c's. */
#ifndef ATTACH_CALLER_H
#define ATTACH_CALLER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "attach/request.h"

#define ANSWER_MAX         (1024u * 1024) /* bytes of an answer */
#define CALLER_PATIENCE_MS 10000u         /* for who neither asks nor takes the answer */

struct caller {
    int fd;            /* -1: the place is free */
    bool eof;          /* it has nothing more to ask */
    bool done;         /* nor do we have more to tell */
    bool stream;       /* events go to it */
    bool waits;        /* for a job */
    uint64_t seq;      /* of the last event it has got */
    uint64_t since_ms; /* when it last did something, by caller_now_ms() */
    char *out;         /* of the answer, what is still to be sent begins at out_at */
    size_t out_len, out_at, in_len;
    char in[REQUEST_LINE_MAX + 1];
};

uint64_t caller_now_ms(void); /* monotonic */

/* `fd` is the caller's from now on, and must not block. */
void caller_begin(struct caller *cl, int fd);
/* Hangs up; the place is free again. */
void caller_end(struct caller *cl);

/* There is an answer to be sent, or one to be waited for: nothing is read until then. */
bool caller_busy(const struct caller *cl);
/* Nothing more will come of it. */
bool caller_is_over(const struct caller *cl);
/* It may be silent for as long as it likes. */
bool caller_patient(const struct caller *cl);

/* Takes the object over and sends it with the next caller_send(). NULL: there was no memory, and the
 * conversation is over. The caller must not be busy sending. */
void caller_answer(struct caller *cl, json_t *object);
void caller_refuse(struct caller *cl, const struct refusal *r);
/* As much as goes without waiting. false: the caller is gone. */
bool caller_send(struct caller *cl);

/* What poll() is asked about it, and what is done when it has answered. false: the caller is gone. */
short caller_interest(const struct caller *cl);
bool caller_heard(struct caller *cl, short happened);

/* Whether `in` begins with a line, of `len` bytes; it stays there until it is forgotten, which is done once
 * per line. A line that is too long is the last one. */
bool caller_has_line(struct caller *cl, size_t *len);
void caller_forget_line(struct caller *cl, size_t len);

#endif
