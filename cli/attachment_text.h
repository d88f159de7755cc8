/* SPDX-License-Identifier: MIT */
/* What attachments answer, for people. Members that are not there are passed over: an older one may not have
 * them. */
#ifndef CLI_ATTACHMENT_TEXT_H
#define CLI_ATTACHMENT_TEXT_H

#include <jansson.h>

/* A text of an object, harmless to terminals; "-" if it has none. Stays until the eighth next call. */
const char *attachment_text(const json_t *object, const char *key);

void text_settings(const json_t *settings);
void text_status(const json_t *status);
void text_counters(const char *name, const json_t *counters);
void text_refreshed(const char *name, const json_t *result);
void text_event(const char *name, const json_t *event);

/* As one line of JSON; takes it over. */
void attachment_print(json_t *object);

#endif
