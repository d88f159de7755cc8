/* SPDX-License-Identifier: MIT */
/* One file per attachment that is to be there again after a restart: FOLDER/NAME.conf, an INI file whose
 * section [attachment] has settings. What it says that we do not know is kept and warned about; what is wrong
 * with it hurts nobody but this attachment. */
#ifndef ATTACH_STORE_H
#define ATTACH_STORE_H

#include "attach/settings.h"

#define STORE_FOLDER   "/etc/berth"
#define STORE_SECTION  "attachment"
#define STORE_PATH_MAX 4096u
#define STORE_LINE_MAX (SETTINGS_VALUE_MAX + 256u)
#define STORE_WHY_MAX  (STORE_PATH_MAX + 1024u)

/* FOLDER/NAME.conf; `folder` NULL: STORE_FOLDER. false: too long. */
bool store_path(const char *folder, const char *name, char out[STORE_PATH_MAX]);

/* Something that is passed over: a sentence. */
typedef void store_warn(void *arg, const char *sentence);

/* Takes what the file says. 0; or BERTH_E_SYSTEM (errno) or BERTH_E_ARGUMENT with "FILE:LINE: clause; next
 * step" in `why`. */
int store_read(struct settings *s, const char *path, store_warn *warn, void *arg, char why[STORE_WHY_MAX]);

/* Whether it could be written, as far as one can tell before anything has been done: there is none yet, or
 * one of an attachment, and we may. As above. */
int store_check(const char *path, char why[STORE_WHY_MAX]);

/* Writes all that was said. What else the file holds stays; one that is no attachment's is refused. Whoever
 * reads it sees the old one or the new one, also after a crash. As above. */
int store_write(const struct settings *s, const char *path, char why[STORE_WHY_MAX]);

#endif
