/* SPDX-License-Identifier: MIT */
/* Freezing: an initiator's session with its connection as a record, and back, at any byte of the stream. For
 * moving to another process image (a descriptor that stays open carries the connection over) and for tests.
 *
 * The record is made of numbers in network order with magic, version, length and a CRC32C; it has no
 * pointers. Not in it, because the one who thaws has them: secrets and the rest of the login's wishes,
 * crypto, callbacks, memory of tasks, owners. Deadlines are kept as they are: the clock must be the same one.
 * Words that only explain (the rule of an error event) are left out.
 *
 * Targets are not frozen: what their owners execute is not in the core. */
#ifndef PROTO_FREEZE_H
#define PROTO_FREEZE_H

#include "base/cursor.h"
#include "proto/conn.h"

#define FREEZE_VERSION 3u

/* An upper bound for the record's length in bytes. */
size_t session_frozen_max(const struct session *s);

/* Writes the record. No receive may be under way and the engine holds nothing it was shown by conn_tx_peek().
 * BERTH_OK; BERTH_E_STATE for a target, a session of several connections or one with a receive in the
 * background; BERTH_E_ARGUMENT when it does not fit. */
int session_freeze(const struct session *s, struct writer *w);

/* What a record asks for, to provide memory for it. */
struct frozen_facts {
    uint16_t depth;
    bool has_conn;
};

/* What the record does not hold. */
struct thaw {
    void *session_memory; /* session_size() of `session` */
    void *conn_memory;    /* conn_size() of `conn`; may be NULL if the record has no connection */
    /* Role and depth must be those of the record; isid and the tags' engine bits come from it. */
    const struct session_config *session;
    /* As at conn_init(); a cid is in the record. The buffers must hold what is kept in the old ones. */
    const struct conn_config *conn;
    /* Called for every task but the connection's own (pings and logouts): finds owner and memory by
     * task->owner_tag and sets task->owner and task->data, of the same length as before. false: there is
     * none. */
    bool (*rebind)(void *owner, struct task *task);
    void *owner;
};

/* Looks at a record without thawing it. BERTH_OK or BERTH_E_RECORD. */
int session_frozen_facts(const struct reader *record, struct frozen_facts *facts);

/* Makes session and connection (NULL if there was none) from a record. BERTH_OK, or BERTH_E_RECORD for a
 * record that is damaged, cut short, of another version or not of this configuration, and for tasks that
 * rebind() does not know: the memory then holds nothing of worth. The connection's owner is to be set anew.
 */
int session_thaw(const struct thaw *t, const struct reader *record, struct session **session,
                 struct conn **conn);

#endif
