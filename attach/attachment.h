/* SPDX-License-Identifier: MIT */
/* An attachment: a LUN that is held by one process under a name, and can be asked and changed from outside
 * while an export (an NBD server, a FUSE file) makes a disk of it.
 *
 * What it is: the name, taken by a lock in the runtime folder; the LUN, opened on threads of the library's; a
 * control socket with a thread of its own, asleep unless somebody asks; counters; and protections against
 * what happens when memory is short. There is no daemon above attachments and no list of them but the folder.
 *
 * An export begins it once it is on the thread and in the process that will stay (after it has forked), asks
 * attachment_lun() for the LUN, tells with attachment_ready() that it can be used, counts what it does, and
 * ends it when attachment_end_fd() says that somebody wants that. Calls are for any thread unless they say
 * otherwise. */
#ifndef ATTACH_ATTACHMENT_H
#define ATTACH_ATTACHMENT_H

#include <berth/berth.h>
#include "attach/settings.h"

struct attachment;

/* What attachment_count() distinguishes: those of enum berth_op but BERTH_SCSI, and questions about extents.
 */
enum attachment_op {
    ATTACHMENT_READ,
    ATTACHMENT_WRITE,
    ATTACHMENT_FLUSH,
    ATTACHMENT_TRIM,
    ATTACHMENT_ZERO,
    ATTACHMENT_EXTENT,
    ATTACHMENT_OPS,
};

/* Takes the name, applies the protections, opens control socket and LUN; with the setting `wait` for as long
 * as that takes. `settings` is copied. `kind` is "nbd", "fuse" or "none". Threads that are made after this
 * inherit the protections. One of kind "nbd" that was told no name has none, and no control socket. If it
 * fails, whoever waits for it has been told (see SETTING_TELL_FD). Returns 0 or an enum berth_error;
 * BERTH_E_STATE: somebody holds the name, `detail` says who; BERTH_E_ABORTED: it was told to end meanwhile.
 */
int attachment_begin(struct attachment **out, const struct settings *settings, const char *kind,
                     struct berth_detail *detail);

/* Its blocking calls may be used by any thread, and each thread may make queues. berth_lun_info() of it may
 * not be called: ask attachment_info(). */
struct berth_lun *attachment_lun(struct attachment *a);

/* A copy of the facts as they are now; its strings stay until attachment_end(). */
struct berth_lun_info attachment_info(struct attachment *a);

/* As it was begun; what `set` changes is the library's business. */
const struct settings *attachment_settings(const struct attachment *a);

/* It can be used now, under `path` (of a socket, a file): what `berth attach` waits for and prints. Once. */
void attachment_ready(struct attachment *a, const char *path);

/* Asked from time to time while attachment_begin() waits, and when a signal has interrupted it: true ends
 * that, as it does any later call. Before it, once for the process. */
void attachment_stop_when(bool (*stop)(void));

/* It will never be: whoever waits is told why, in one sentence with the next step. Before attachment_end().
 */
void attachment_failed(struct attachment *a, int error, const char *sentence);

/* Users for `status`, and for the refusal of `detach`: the callback calls `tell` for each with a pid (0: not
 * known) and a name such as "qemu-img". It is called on the control socket's thread and must not wait. */
typedef void attachment_tell_user(void *to, int64_t pid, const char *name);
typedef void attachment_list_users(void *arg, attachment_tell_user *tell, void *to);
void attachment_use(struct attachment *a, attachment_list_users *list, void *arg);

/* Told what the library has to tell, besides the attachment itself: on one of the library's threads, with the
 * restrictions of berth_options.notice. Set it before attachment_ready(). */
void attachment_on_notice(struct attachment *a, void (*notice)(void *arg, const struct berth_notice *n),
                          void *arg);

/* Readable once somebody wants it to end: then the export winds up and calls attachment_end(). Never read
 * from it. */
int attachment_end_fd(const struct attachment *a);
/* Says so itself: safe in signal handlers. */
void attachment_ask_end(struct attachment *a);
bool attachment_ending(const struct attachment *a);
/* It is to end even if it is in use (detach --force, a second signal): before attachment_ask_end(), safe in
 * signal handlers. An export that would wait for its users asks for it. */
void attachment_insist(struct attachment *a);
bool attachment_insisted(const struct attachment *a);

/* One operation is done, `error` (an enum berth_error) or 0; `ns` is how long it took. Atomic additions,
 * nothing else. */
void attachment_count(struct attachment *a, enum attachment_op op, uint64_t bytes, uint64_t ns, int error);

/* Flushes the LUN, as the last thing before attachment_end(): although it is ending, for as long as a command
 * may take. A target that is not there is waited for a few seconds, and so is any if somebody insists. */
int attachment_flush(struct attachment *a);

/* Logs out, gives up socket and name, frees. Everything made of attachment_lun() has ended by then. NULL is
 * allowed. */
void attachment_end(struct attachment *a);

/* --- for an export's main program --- */

/* "KEY=VALUE" as nbdkit and berth-fuse have it. 0, or an error with a clause in `why`. */
int attachment_take_word(struct settings *s, const char *word, char why[SETTINGS_WHY_MAX]);

#endif
