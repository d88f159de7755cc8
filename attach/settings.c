/* SPDX-License-Identifier: MIT */
#include "attach/settings.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach/size.h"
#include "attach/url.h"

#define FOREVER UINT32_MAX

struct value {
    char *text; /* NULL: the default holds */
    uint32_t number, last;
    enum settings_source source;
};

struct settings {
    struct value values[SETTINGS_COUNT];
    char *keys[SETTINGS_KEYS_MAX];
    uint32_t key_count;
};

/* clang-format off */
#define TEXT(id, name, placeholder, should, text) \
    [id] = {.key = name, .kind = SETTING_TEXT, .value = placeholder, .expected = should, .fallback = "", .help = text}
#define PATH(id, name, placeholder, should, text) \
    [id] = {.key = name, .kind = SETTING_TEXT, .flags = SETTING_PATH, .value = placeholder, .expected = should, .fallback = "", \
            .help = text}
#define WORD(id, name, choices, otherwise, should, text) \
    [id] = {.key = name, .kind = SETTING_WORDS, .words = choices, .fallback = otherwise, .value = "WORD", \
            .expected = should, .help = text}
#define NUMBER(id, name, least, most, otherwise, should, text) \
    [id] = {.key = name, .kind = SETTING_NUMBER, .min = least, .max = most, .fallback = otherwise, .value = "N", \
            .expected = should, .help = text}
#define BITS(id, name, should, text) \
    [id] = {.key = name, .kind = SETTING_BITS, .fallback = "0", .value = "N", .expected = should, .help = text}
#define LIVE_SECONDS(id, name, least, most, otherwise, should, text) \
    [id] = {.key = name, .kind = SETTING_SECONDS, .flags = SETTING_LIVE, .min = least, .max = most, .fallback = otherwise, \
            .value = "SECONDS", .expected = should, .help = text}
#define YES_NO(id, name, text) \
    [id] = {.key = name, .kind = SETTING_YES_NO, .flags = SETTING_BARE, .fallback = "no", .value = "yes|no", \
            .expected = "yes or no", .help = text}
#define INTERNAL(id, name, what) \
    [id] = {.key = name, .kind = what, .flags = SETTING_INTERNAL, .min = 0, .max = 1 << 20, .fallback = "", \
            .value = "N", .expected = "a descriptor", .words = "path json", .help = "between berth attach and what it starts"}
#define SECONDS_EXPECTED "a number of seconds, 0.001 to 86400"

const struct setting_row settings_rows[SETTINGS_COUNT] = {
    TEXT(SETTING_URL, "url", "URL", "the URL of a LUN", "the LUN: iscsi://[user@]host[:port]/target-name/lun"),
    WORD(SETTING_AS, "as", "nbd fuse none", "nbd", "nbd, fuse or none",
         "what to make of it: nbd (default), a socket; fuse, a file; none, a session that is held"),
    TEXT(SETTING_NAME, "name", "NAME", "at most 64 letters, digits, '-', '_' and '.', and begin with a letter or digit",
         "the attachment's name (default: made from the URL)"),
    PATH(SETTING_AT, "at", "PATH", "a path", "where the socket or the file is to be"),
    TEXT(SETTING_USER, "user", "NAME", "a name", "CHAP name; overrides the URL's user"),
    PATH(SETTING_SECRET_FILE, "secret-file", "FILE", "a file", "read the CHAP secret from FILE"),
    TEXT(SETTING_MUTUAL_USER, "mutual-user", "NAME", "a name", "the target must prove to be NAME"),
    PATH(SETTING_MUTUAL_SECRET_FILE, "mutual-secret-file", "FILE", "a file", "read the target's secret from FILE"),
    YES_NO(SETTING_ALLOW_WEAK_SECRET, "allow-weak-secret", "accept CHAP secrets of less than 96 bits"),
    TEXT(SETTING_CHAP_ALGORITHMS, "chap-algorithms", "LIST", "a list such as SHA256,SHA1",
         "CHAP hashes to offer, the best first, as SHA256,SHA1"),
    NUMBER(SETTING_CHAP_CHALLENGE_MIN, "chap-challenge-min", 1, 1024, "16", "a number from 1 to 1024",
           "refuse challenges of fewer bytes (default 16)"),
    TEXT(SETTING_INITIATOR_NAME, "initiator-name", "NAME", "an iSCSI name", "our iSCSI name"),
    TEXT(SETTING_ISID, "isid", "ISID", "12 hexadecimal digits, or name",
         "our session's part of the name: 12 hexadecimal digits, or name"),
    WORD(SETTING_DIGEST, "digest", "none header data both", "none", "none, header, data or both",
         "demand CRC32C: none (default), header, data or both"),
    [SETTING_KEY] = {.key = "key", .kind = SETTING_LIST, .fallback = "", .value = "KEY=VALUE",
                     .expected = "KEY=VALUE, at most 32 of them",
                     .help = "what to ask for in negotiation, as MaxBurstLength=65536; may be repeated"},
    [SETTING_TIMEOUT] = {.key = "timeout", .kind = SETTING_SECONDS, .min = 1, .fallback = "", .value = "SECONDS",
                         .expected = SECONDS_EXPECTED, .help = "patience in general: sets the four that follow"},
    LIVE_SECONDS(SETTING_CONNECT_TIMEOUT, "connect-timeout", 1, 0, "10", SECONDS_EXPECTED,
                 "for one attempt to log in (default 10)"),
    LIVE_SECONDS(SETTING_COMMAND_TIMEOUT, "command-timeout", 1, 0, "30", SECONDS_EXPECTED,
                 "for one command on a live session (default 30)"),
    LIVE_SECONDS(SETTING_ABORT_TIMEOUT, "abort-timeout", 1, 0, "5", SECONDS_EXPECTED,
                 "for each step that ends a late command (default 5)"),
    LIVE_SECONDS(SETTING_RECOVERY_TIMEOUT, "recovery-timeout", 1, FOREVER, "120",
                 "a number of seconds, 0.001 to 86400, or forever",
                 "how long a lost session is sought before I/Os fail (default 120)"),
    LIVE_SECONDS(SETTING_PING_INTERVAL, "ping-interval", 0, 0, "5", "a number of seconds up to 86400, or 0",
                 "silence after which the target is pinged, 0 never (default 5)"),
    LIVE_SECONDS(SETTING_PING_TIMEOUT, "ping-timeout", 1, 0, "5", SECONDS_EXPECTED,
                 "silence after a ping that ends the connection (default 5)"),
    [SETTING_DEPTH] = {.key = "depth", .kind = SETTING_NUMBER, .flags = SETTING_LIVE, .min = 1, .max = 1024,
                       .fallback = "128", .value = "N", .expected = "a number from 1 to 1024",
                       .help = "commands in flight in each session (default 128); can be lowered while attached"},
    NUMBER(SETTING_SESSIONS, "sessions", 1, 512, "1", "a number from 1 to 512", "sessions to the LUN (default 1)"),
    NUMBER(SETTING_REACTORS, "reactors", 1, 64, "1", "a number from 1 to 64",
           "threads for the sessions (default 1)"),
    TEXT(SETTING_REDIRECTS, "redirects", "WHERE", "follow, none, or a list of hosts and networks",
         "where the target may send us: follow (default), none, or a list"),
    TEXT(SETTING_BIND, "bind", "ADDRESS", "an address of this host", "connect from this local address"),
    TEXT(SETTING_DEVICE, "device", "NAME", "a network device", "connect through this network device"),
    [SETTING_PORTS] = {.key = "ports", .kind = SETTING_RANGE, .min = 1, .max = UINT16_MAX, .fallback = "",
                       .value = "FIRST-LAST", .expected = "a range such as 40000-40999",
                       .help = "connect from one of these local ports"},
    BITS(SETTING_MARK, "mark", "a number such as 42 or 0x2a", "mark our packets for filters and routing rules"),
    BITS(SETTING_PRIORITY, "priority", "a number such as 6 or 0x10001", "priority of our packets in this host's queues"),
    NUMBER(SETTING_DSCP, "dscp", 0, 63, "0", "a number from 0 to 63",
           "differentiated services code point of our packets"),
    [SETTING_ENGINE] = {.key = "engine", .kind = SETTING_WORDS, .flags = SETTING_LIVE,
                        .words = "sockets io_uring auto", .fallback = "sockets", .value = "WORD",
                        .expected = "sockets, io_uring or auto",
                        .help = "what moves bytes: sockets (default), io_uring or auto"},
    YES_NO(SETTING_READ_ONLY, "read-only", "let nobody write"),
    YES_NO(SETTING_ALLOW_OTHER, "allow-other", "of fuse: let root in, too, where somebody else has mounted"),
    WORD(SETTING_MLOCK, "mlock", "auto yes no", "auto", "auto, yes or no",
         "keep our memory out of swap: auto (default), where permitted"),
    [SETTING_WAIT] = {.key = "wait", .kind = SETTING_SECONDS, .flags = SETTING_BARE, .min = 0, .max = FOREVER,
                      .fallback = "0", .value = "SECONDS", .expected = "a number of seconds up to 86400, or forever",
                      .help = "wait for a target that cannot be reached yet (alone: forever)"},
    INTERNAL(SETTING_LOCK_FD, "lock-fd", SETTING_NUMBER),
    INTERNAL(SETTING_TELL_FD, "tell-fd", SETTING_NUMBER),
    INTERNAL(SETTING_TELL_AS, "tell-as", SETTING_WORDS),
};
/* clang-format on */

int settings_find(const char *key)
{
    for (int i = 0; i < SETTINGS_COUNT; i++)
        if (strcmp(settings_rows[i].key, key) == 0)
            return i;
    return -1;
}

/* --- values --- */

static bool word_index(const char *words, const char *value, uint32_t *out)
{
    size_t len = strlen(value);
    for (*out = 0; *words; (*out)++) {
        size_t n = strcspn(words, " ");
        if (n == len && memcmp(words, value, n) == 0)
            return true;
        words += n + (words[n] == ' ');
    }
    return false;
}

static bool take_seconds(const struct setting_row *row, const char *value, uint32_t *ms)
{
    *ms = 0;
    if (row->min == 0 && strcmp(value, "0") == 0)
        return true;
    if (row->max == FOREVER && strcmp(value, "forever") == 0) {
        *ms = FOREVER;
        return true;
    }
    return size_seconds(value, ms);
}

static bool yes_no(const char *value, uint32_t *out)
{
    *out = strcmp(value, "yes") == 0;
    return *out || strcmp(value, "no") == 0;
}

/* Control characters have no place in a name or a path of ours, and none in a line of a file. */
static bool plain(const char *value)
{
    for (; *value; value++)
        if (iscntrl((unsigned char)*value))
            return false;
    return true;
}

static bool parse(const struct setting_row *row, const char *value, struct value *v)
{
    switch (row->kind) {
    case SETTING_WORDS:
        return word_index(row->words, value, &v->number);
    case SETTING_NUMBER:
        return size_count(value, row->min, row->max, &v->number);
    case SETTING_BITS:
        return size_bits(value, &v->number);
    case SETTING_RANGE:
        return size_range(value, row->min, row->max, &v->number, &v->last);
    case SETTING_SECONDS:
        return take_seconds(row, value, &v->number);
    case SETTING_YES_NO:
        return yes_no(value, &v->number);
    case SETTING_TEXT:
    case SETTING_LIST:
        break;
    }
    return true;
}

bool settings_is_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= SETTINGS_NAME_MAX && isalnum((unsigned char)name[0]) &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

static bool fits(int id, const char *value, struct value *v)
{
    if (!plain(value) || strlen(value) >= SETTINGS_VALUE_MAX)
        return false;
    if (id == SETTING_NAME && !settings_is_name(value))
        return false;
    if (id == SETTING_KEY && (strchr(value, '=') == NULL || value[0] == '='))
        return false;
    return parse(&settings_rows[id], value, v);
}

/* --- taking --- */

static int no_memory(char why[SETTINGS_WHY_MAX])
{
    snprintf(why, SETTINGS_WHY_MAX, "there is no memory for the settings");
    return BERTH_E_MEMORY;
}

static void forget(struct settings *s, int id)
{
    free(s->values[id].text);
    s->values[id] = (struct value){.text = NULL};
    for (uint32_t i = 0; id == SETTING_KEY && i < s->key_count; i++)
        free(s->keys[i]);
    if (id == SETTING_KEY)
        s->key_count = 0;
}

/* Of a key that is there twice the last counts. */
static int take_key(struct settings *s, const char *value, enum settings_source source,
                    char why[SETTINGS_WHY_MAX])
{
    uint32_t i = 0;
    size_t len = strcspn(value, "=") + 1;
    while (i < s->key_count && strncmp(s->keys[i], value, len) != 0)
        i++;
    char *text = i < SETTINGS_KEYS_MAX ? strdup(value) : NULL;
    if (i == SETTINGS_KEYS_MAX) {
        snprintf(why, SETTINGS_WHY_MAX, "key must be one of at most %u keys", SETTINGS_KEYS_MAX);
        return BERTH_E_ARGUMENT;
    }
    if (!text)
        return no_memory(why);
    if (i < s->key_count)
        free(s->keys[i]);
    s->keys[i] = text;
    s->key_count += i == s->key_count;
    s->values[SETTING_KEY].source = source;
    return 0;
}

static const struct {
    const char *prefix;
    enum settings_source source;
} origins[] = {{"file.", SETTINGS_FILE}, {"default.", SETTINGS_DEFAULT}};

/* Whoever hands words on says where they came from. */
static const char *without_origin(const char *key, enum settings_source *source)
{
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        size_t len = strlen(origins[i].prefix);
        if (*source != SETTINGS_GIVEN || strncmp(key, origins[i].prefix, len) != 0)
            continue;
        *source = origins[i].source;
        return key + len;
    }
    return key;
}

int settings_take(struct settings *s, const char *key, const char *value, enum settings_source source,
                  char why[SETTINGS_WHY_MAX])
{
    key = without_origin(key, &source);
    int id = settings_find(key);
    struct value v = {.source = source};
    if (id < 0) {
        snprintf(why, SETTINGS_WHY_MAX, "'%.64s' is no setting", key);
        return BERTH_E_ARGUMENT;
    }
    if (!value[0]) {
        forget(s, id);
        return 0;
    }
    if (!fits(id, value, &v)) {
        snprintf(why, SETTINGS_WHY_MAX, "%s must be %s, not '%.200s'", key, settings_rows[id].expected,
                 value);
        return BERTH_E_ARGUMENT;
    }
    if (id == SETTING_KEY)
        return take_key(s, value, source, why);
    v.text = strdup(value);
    if (!v.text)
        return no_memory(why);
    forget(s, id);
    s->values[id] = v;
    return 0;
}

/* --- life --- */

struct settings *settings_new(void)
{
    return calloc(1, sizeof(struct settings));
}

void settings_free(struct settings *s)
{
    for (int i = 0; s && i < SETTINGS_COUNT; i++)
        forget(s, i);
    free(s);
}

static bool copy_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text;
}

struct settings *settings_copy(const struct settings *s)
{
    struct settings *copy = settings_new();
    bool whole = copy != NULL;
    for (int i = 0; whole && i < SETTINGS_COUNT; i++) {
        copy->values[i] = s->values[i];
        whole = copy_text(&copy->values[i].text, s->values[i].text);
    }
    for (uint32_t i = 0; whole && i < s->key_count; i++) {
        whole = copy_text(&copy->keys[i], s->keys[i]);
        copy->key_count += whole;
    }
    if (whole)
        return copy;
    settings_free(copy);
    return NULL;
}

int settings_overlay(struct settings *onto, const struct settings *from)
{
    char why[SETTINGS_WHY_MAX];
    int error = 0;
    for (int id = 0; !error && id < SETTINGS_COUNT; id++)
        if (from->values[id].text)
            error = settings_take(onto, settings_rows[id].key, from->values[id].text, from->values[id].source,
                                  why);
    for (uint32_t i = 0; !error && i < from->key_count; i++)
        error = take_key(onto, from->keys[i], from->values[SETTING_KEY].source, why);
    return error;
}

/* One word, or NULL: no memory. */
static char *word_of(const struct settings *s, int id, const char *value)
{
    char *word;
    const char *from = "";
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++)
        if (s->values[id].source == origins[i].source)
            from = origins[i].prefix;
    return asprintf(&word, "%s%s=%s", from, settings_rows[id].key, value) < 0 ? NULL : word;
}

uint32_t settings_words(const struct settings *s, char *words[SETTINGS_WORDS_MAX])
{
    uint32_t count = 0;
    for (int id = 0; id < SETTINGS_COUNT; id++)
        if (s->values[id].text)
            words[count++] = word_of(s, id, s->values[id].text);
    for (uint32_t i = 0; i < s->key_count; i++)
        words[count++] = word_of(s, SETTING_KEY, s->keys[i]);
    return count;
}

/* --- asking --- */

const char *settings_text(const struct settings *s, enum setting_id id)
{
    const char *fallback = settings_rows[id].fallback;
    if (s->values[id].text)
        return s->values[id].text;
    return fallback[0] ? fallback : NULL;
}

static struct value value_of(const struct settings *s, enum setting_id id)
{
    struct value v = {.number = 0};
    if (s->values[id].text)
        return s->values[id];
    parse(&settings_rows[id], settings_rows[id].fallback, &v);
    return v;
}

uint32_t settings_number(const struct settings *s, enum setting_id id)
{
    return value_of(s, id).number;
}

uint32_t settings_last(const struct settings *s, enum setting_id id)
{
    return value_of(s, id).last;
}

enum settings_source settings_source(const struct settings *s, enum setting_id id)
{
    return s->values[id].source;
}

const char *settings_source_word(enum settings_source source)
{
    static const char *const words[] = {"default", "file", "command line", "set"};
    return words[source];
}

bool settings_said(const struct settings *s, enum setting_id id)
{
    return s->values[id].source != SETTINGS_DEFAULT;
}

const char *const *settings_keys(const struct settings *s, uint32_t *count)
{
    *count = s->key_count;
    return (const char *const *)s->keys;
}

/* --- together --- */

/* "WHAT; give NAME=VALUEREST", as one writes it there. */
static int lacks(char why[SETTINGS_WHY_MAX], enum settings_spelling how, const char *what, enum setting_id id,
                 const char *rest)
{
    bool options = how == SETTINGS_AS_OPTIONS;
    snprintf(why, SETTINGS_WHY_MAX, "%s; give %s%s%s%s%s", what, options ? "--" : "", settings_rows[id].key,
             options ? " " : "=", settings_rows[id].value, rest);
    return BERTH_E_ARGUMENT;
}

static int check_user(const struct settings *s, bool named, enum settings_spelling how,
                      char why[SETTINGS_WHY_MAX])
{
    bool mutual = settings_said(s, SETTING_MUTUAL_USER);
    if (settings_said(s, SETTING_SECRET_FILE) && !named)
        return lacks(why, how, "a secret belongs to a user", SETTING_USER, ", or name the user in the URL");
    if (named && !settings_said(s, SETTING_SECRET_FILE))
        return lacks(why, how, "a user needs a secret", SETTING_SECRET_FILE, "");
    if (mutual && !named)
        return lacks(why, how, "a target that must prove itself needs a user of our own", SETTING_USER,
                     " as well");
    if (mutual != settings_said(s, SETTING_MUTUAL_SECRET_FILE))
        return lacks(why, how, "the name and the secret of the target belong together",
                     mutual ? SETTING_MUTUAL_SECRET_FILE : SETTING_MUTUAL_USER, " as well, or neither");
    return 0;
}

int settings_check(const struct settings *s, enum settings_spelling how, char why[SETTINGS_WHY_MAX])
{
    const char *url = settings_text(s, SETTING_URL), *user;
    size_t len = url ? url_user(url, &user) : 0;
    if (!url && how == SETTINGS_AS_OPTIONS) { /* there it is an operand */
        snprintf(why, SETTINGS_WHY_MAX, "there is no LUN; give its URL, here or in the file (url = URL)");
        return BERTH_E_ARGUMENT;
    }
    if (!url)
        return lacks(why, how, "there is no LUN", SETTING_URL,
                     ", as iscsi://[user@]host[:port]/target-name/lun");
    if (len && memchr(user, ':', len))
        return lacks(why, how, "secrets do not belong into URLs, where others can read them",
                     SETTING_SECRET_FILE, ", and let the URL name the user alone");
    if (how == SETTINGS_AS_OPTIONS && settings_number(s, SETTING_ALLOW_OTHER) &&
        settings_number(s, SETTING_AS) != SETTINGS_AS_FUSE) {
        snprintf(why, SETTINGS_WHY_MAX,
                 "only a file can be opened to others; leave out --allow-other, or give --as fuse");
        return BERTH_E_ARGUMENT;
    }
    return check_user(s, len > 0 || settings_said(s, SETTING_USER), how, why);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_keys(const struct settings *a, const struct settings *b)
{
    bool same = a->key_count == b->key_count;
    for (uint32_t i = 0; same && i < a->key_count; i++)
        same = same_text(a->keys[i], b->keys[i]);
    return same;
}

static bool same(const struct settings *a, const struct settings *b, enum setting_id id)
{
    if ((settings_rows[id].flags & SETTING_INTERNAL) || id == SETTING_WAIT ||
        settings_source(b, id) == SETTINGS_SET)
        return true;
    if (id == SETTING_KEY)
        return same_keys(a, b);
    if (settings_rows[id].kind == SETTING_TEXT)
        return same_text(settings_text(a, id), settings_text(b, id));
    return settings_number(a, id) == settings_number(b, id) && settings_last(a, id) == settings_last(b, id);
}

enum setting_id settings_differ(const struct settings *a, const struct settings *b)
{
    enum setting_id id = SETTING_URL;
    while (id < SETTINGS_COUNT && same(a, b, id))
        id++;
    return id;
}
