/* SPDX-License-Identifier: MIT */
/* The performance of a script: what all connections of a target share. Its rules count and act over all of
 * them, and what waits for an event may wait for one of another connection. */
#ifndef SCRIPT_PLAY_H
#define SCRIPT_PLAY_H

#include "base/list.h"
#include "script/script.h"
#include "wire/crypto.h"
#include "wire/text.h"

struct bender;

#define PLAY_SAVED_MAX 32u   /* keys that `save` keeps */
#define PLAY_VALUE_MAX 4096u /* bytes of a saved value, or of a text in which one stands */

/* What a script may ask of the target itself. Any may be NULL: then nothing happens. */
struct play_hooks {
    void (*refuse)(void *owner, uint64_t time_ns);
    /* ACT_RESTART: its time, keys and LUNs. */
    void (*restart)(void *owner, const struct action *how, uint64_t time_ns);
    /* Address of the portal of this number from 1 on; NULL: there is none. */
    const char *(*portal)(void *owner, uint32_t number);
    void *owner;
    /* The owner calls play_login() itself, before it reinstates a session. */
    bool tells_logins;
    /* There is a network between the bender and the target: what is to be there before a login takes effect
     * has to leave before the login's last request does. */
    bool logins_by_request;
};

struct play_saved {
    char key[TEXT_KEY_MAX + 1];
    char value[PLAY_VALUE_MAX];
};

struct play {
    struct script *script;
    const struct wire_crypto *crypto;
    struct play_hooks hooks;
    struct list benders;
    uint64_t now;            /* as last told, by any connection */
    uint64_t first_login_ns; /* UINT64_MAX: not yet */
    uint64_t kind_counts[KINDS_MAX];
    uint64_t connections, events;
    uint64_t mute_until, deaf_until; /* connections that come before then are so from the start */
    uint64_t left_waiting;           /* PDUs that were still held when their connection ended */
    struct play_saved saved[PLAY_SAVED_MAX];
    uint32_t saved_count;
};

void play_init(struct play *p, struct script *script, const struct wire_crypto *crypto,
               const struct play_hooks *hooks);

/* When play_tick() has something to do, for any connection; UINT64_MAX: never. */
uint64_t play_deadline(const struct play *p);
void play_tick(struct play *p, uint64_t now);

/* This initiator logs in on connection `by`: what waits for that on its other connections goes on. */
void play_login(struct play *p, const struct bender *by, const char *initiator);

/* For benders: a value is kept, or stands for its name in braces. false: it does not fit. */
void play_save(struct play *p, struct span key, struct span value);
bool play_expand(const struct play *p, uint32_t portal, const char *text, char *out, size_t size);

#endif
