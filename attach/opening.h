/* SPDX-License-Identifier: MIT */
/* From settings to the library's options, secrets read. */
#ifndef ATTACH_OPENING_H
#define ATTACH_OPENING_H

#include "attach/secret.h"
#include "attach/settings.h"

struct opening {
    struct berth_options options;
    struct secret secret, mutual;
};

/* The options point into `s`, which has to stay. End with opening_wipe(), whatever this returns: 0, or an
 * error with a clause in `detail`. */
int opening_prepare(struct opening *o, const struct settings *s, struct berth_detail *detail);
void opening_wipe(struct opening *o);

/* One number for all patience: of a connection, a command and its end, and a lost session. 0: the defaults.
 */
void opening_timeouts(struct berth_options *b, uint32_t ms);

/* Shows in the settings what `timeout` makes of those that nobody has said: they count as defaults still. */
void opening_spread(struct settings *s);

/* A name made of the URL's target and LUN, for who gives none. */
void opening_name(const char *url, char out[SETTINGS_NAME_MAX + 1]);

#endif
