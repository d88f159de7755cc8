/* SPDX-License-Identifier: MIT */
/* Ctrl-C and SIGTERM. At first they end the process at once: nothing has been changed yet. A command that
 * would leave something half done defers them and looks at signals_caught() itself; a second signal then ends
 * it at once. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

void signals_install(void);
void signals_defer(bool on);

/* The signal that arrived while deferred, or 0. */
int signals_caught(void);

/* A descriptor that becomes readable when either signal arrives, which from then on do nothing else; -1 with
 * errno. */
int signals_fd(void);

/* The signal that made it readable. */
int signals_take(int fd);

#endif
