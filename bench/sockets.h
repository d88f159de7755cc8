/* SPDX-License-Identifier: MIT */
/* TCP sockets as berth has them: no delay, and on the own machine no pacing by timers. */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <stdint.h>

int socket_listen(const char *address); /* "ADDRESS" or "ADDRESS:PORT"; prints the port */
int socket_accept(int listener);        /* blocks */
int socket_connect(const char *where);  /* "ADDRESS:PORT", or a port of 127.0.0.1 */
void socket_hurry(int fd);              /* what both ends do with a connection */

#endif
