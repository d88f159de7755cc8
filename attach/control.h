/* SPDX-License-Identifier: MIT */
/* The control socket of an attachment: one thread that sleeps until somebody connects. Whoever that is can
 * neither hold it nor make it grow: lines, answers, connections and patience have limits. */
#ifndef ATTACH_CONTROL_H
#define ATTACH_CONTROL_H

#include <berth/berth.h>
#include <stdint.h>

#define CALLERS_MAX     16u /* connections at once */
#define LISTENERS_MAX   8u  /* of them, those that listen to events */
#define CALLERS_BACKLOG 64

struct attachment;
struct control;

/* Listens at the path of the attachment's name, and answers from now on. */
int control_start(struct attachment *a, struct berth_detail *detail);
/* Nobody is answered any more, and no verb runs: the LUN can be closed. Who is connected stays so. */
void control_halt(struct control *c);
/* Hangs up on everybody, takes the socket away. NULL is allowed. */
void control_stop(struct control *c);
/* There is a new event. From any thread. */
void control_wake(struct control *c);

#endif
