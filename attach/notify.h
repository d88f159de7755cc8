/* SPDX-License-Identifier: MIT */
/* The supervisor that has started us, if it wants to know (sd_notify(3)). */
#ifndef ATTACH_NOTIFY_H
#define ATTACH_NOTIFY_H

/* Tells it, as "READY=1"; nobody may be there to hear. */
void notify_tell(const char *state);
/* How it stands, one sentence: what `systemctl status` shows. */
__attribute__((format(printf, 1, 2))) void notify_status(const char *format, ...);

#endif
