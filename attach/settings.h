/* SPDX-License-Identifier: MIT */
/* What an attachment is told: ONE table, whoever tells it. A row is a long option of `berth attach`, a key of
 * a file in /etc/berth, a KEY=VALUE of nbdkit and of berth-fuse, and what `berth set` changes if it is live.
 */
#ifndef ATTACH_SETTINGS_H
#define ATTACH_SETTINGS_H

#include <berth/berth.h>

#define SETTINGS_KEYS_MAX  32u   /* negotiation keys: `key` is the one setting that may be repeated */
#define SETTINGS_VALUE_MAX 2048u /* bytes of a value */
#define SETTINGS_WHY_MAX   512u

enum setting_id {
    SETTING_URL,
    SETTING_AS,
    SETTING_NAME,
    SETTING_AT,
    SETTING_USER,
    SETTING_SECRET_FILE,
    SETTING_MUTUAL_USER,
    SETTING_MUTUAL_SECRET_FILE,
    SETTING_ALLOW_WEAK_SECRET,
    SETTING_CHAP_ALGORITHMS,
    SETTING_CHAP_CHALLENGE_MIN,
    SETTING_INITIATOR_NAME,
    SETTING_ISID,
    SETTING_DIGEST,
    SETTING_KEY,
    SETTING_TIMEOUT,
    SETTING_CONNECT_TIMEOUT,
    SETTING_COMMAND_TIMEOUT,
    SETTING_ABORT_TIMEOUT,
    SETTING_RECOVERY_TIMEOUT,
    SETTING_PING_INTERVAL,
    SETTING_PING_TIMEOUT,
    SETTING_DEPTH,
    SETTING_SESSIONS,
    SETTING_REACTORS,
    SETTING_REDIRECTS,
    SETTING_BIND,
    SETTING_DEVICE,
    SETTING_PORTS,
    SETTING_MARK,
    SETTING_PRIORITY,
    SETTING_DSCP,
    SETTING_ENGINE,
    SETTING_READ_ONLY,
    SETTING_ALLOW_OTHER,
    SETTING_MLOCK,
    SETTING_WAIT,
    SETTING_LOCK_FD,
    SETTING_TELL_FD,
    SETTING_TELL_AS,
    SETTINGS_COUNT,
};

enum setting_kind {
    SETTING_TEXT,
    SETTING_WORDS,   /* one of the row's words */
    SETTING_NUMBER,  /* min..max */
    SETTING_BITS,    /* 32 bits, decimal or hexadecimal */
    SETTING_RANGE,   /* FIRST-LAST within min..max */
    SETTING_SECONDS, /* 0.001 to a day, kept in ms; 0 if min is 0; "forever" if max is UINT32_MAX */
    SETTING_YES_NO,  /* an option without a value means yes */
    SETTING_LIST,    /* may be repeated: KEY=VALUE texts */
};

enum setting_flags {
    SETTING_LIVE = 1,     /* can be changed while attached */
    SETTING_INTERNAL = 2, /* between `berth attach` and what it starts: in no file, help or `get` */
    SETTING_BARE = 4,     /* the option may stand without a value */
    SETTING_PATH = 8, /* names a file: whoever takes it makes it absolute, for what uses it lives elsewhere */
};

enum settings_source {
    SETTINGS_DEFAULT,
    SETTINGS_FILE,  /* a file of /etc/berth */
    SETTINGS_GIVEN, /* the command line */
    SETTINGS_SET,   /* changed while attached */
};

struct setting_row {
    const char *key;
    enum setting_kind kind;
    uint32_t flags;       /* enum setting_flags */
    uint32_t min, max;    /* by kind */
    const char *words;    /* of SETTING_WORDS, with blanks between */
    const char *fallback; /* the default, as one would write it; "": none */
    const char *value;    /* what stands for it in the help */
    const char *expected; /* what a value must be: "a number from 1 to 64" */
    const char *help;
};

struct settings;

extern const struct setting_row settings_rows[SETTINGS_COUNT];

/* -1: there is none of this name */
int settings_find(const char *key);

struct settings *settings_new(void); /* all defaults; NULL: no memory */
struct settings *settings_copy(const struct settings *s);
void settings_free(struct settings *s);

/* Takes one value. An empty one takes back what was said before. Returns 0, or BERTH_E_ARGUMENT (or _MEMORY)
 * with a clause in `why`. What is known already stays as it is then. */
int settings_take(struct settings *s, const char *key, const char *value, enum settings_source source,
                  char why[SETTINGS_WHY_MAX]);

/* Takes over all that `from` has been told. 0, or BERTH_E_MEMORY. */
int settings_overlay(struct settings *onto, const struct settings *from);

/* All that was said, as KEY=VALUE for another process. settings_take() knows by the key where each came from:
 * "file.depth=64", "default.at=...". The words are the caller's to free; one may be NULL if there is no
 * memory. Returns how many. */
#define SETTINGS_WORDS_MAX (SETTINGS_COUNT + SETTINGS_KEYS_MAX)
uint32_t settings_words(const struct settings *s, char *words[SETTINGS_WORDS_MAX]);

/* The value as text: what was said, or the default, or NULL. Of a list: see settings_keys(). */
const char *settings_text(const struct settings *s, enum setting_id id);
/* By kind: the number, ms, index of the word, 0 or 1, or the range's first (its last is settings_last()). */
uint32_t settings_number(const struct settings *s, enum setting_id id);
uint32_t settings_last(const struct settings *s, enum setting_id id);
enum settings_source settings_source(const struct settings *s, enum setting_id id);
const char *settings_source_word(enum settings_source source);
bool settings_said(const struct settings *s, enum setting_id id); /* it is not the default */
const char *const *settings_keys(const struct settings *s, uint32_t *count);

/* How the one who reads a sentence writes settings. */
enum settings_spelling {
    SETTINGS_AS_WORDS,   /* depth=N */
    SETTINGS_AS_OPTIONS, /* --depth N */
};

enum settings_as { SETTINGS_AS_NBD, SETTINGS_AS_FUSE, SETTINGS_AS_NONE }; /* numbers of SETTING_AS */

/* What fits together, and what is missing: 0, or BERTH_E_ARGUMENT with a clause and the next step. */
int settings_check(const struct settings *s, enum settings_spelling how, char why[SETTINGS_WHY_MAX]);

/* The first row whose values differ, SETTINGS_COUNT: none. What `b` was told by `set` counts as what it was
 * before, and is passed over; so are internal rows, and those about waiting. */
enum setting_id settings_differ(const struct settings *a, const struct settings *b);

/* May this name an attachment? Letters, digits, and "-_." within; at most SETTINGS_NAME_MAX bytes. */
#define SETTINGS_NAME_MAX 64u
bool settings_is_name(const char *name);

#endif
