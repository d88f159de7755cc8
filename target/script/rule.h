/* SPDX-License-Identifier: MIT */
/* A rule of a script (berth-script(5)) as it was understood: when it acts, and its actions. */
#ifndef SCRIPT_RULE_H
#define SCRIPT_RULE_H

#include "script/units.h"
#include "script/what.h"

#define RULE_ACTIONS_MAX 16u
#define RULE_EDITS_MAX   16u
#define RULE_TESTS_MAX   8u
#define RULE_TEXTS_MAX   16u
#define RULE_LUNS_MAX    16u
#define RULE_NAME_MAX    224u /* of an initiator, with its NUL */

/* --- parts of actions --- */

enum edit_how { EDIT_SET, EDIT_ADD, EDIT_LESS, EDIT_NONE, EDIT_RANDOM };

/* Changes a field, or the byte `at` where there is no name. */
struct edit {
    const char *field;
    uint8_t at;
    uint8_t how; /* enum edit_how */
    uint64_t value;
};

/* The `count`th PDU or moment of this sort from now on. */
struct event {
    struct what what;
    int of; /* a kind of command, or -1 */
    uint64_t count;
};

enum wait_kind { WAIT_NOT, WAIT_FOR, WAIT_UNTIL };

struct wait {
    uint8_t kind;      /* enum wait_kind */
    struct range time; /* WAIT_FOR: one of these, in ns */
    struct event event;
};

enum part { PART_HEADER, PART_DATA, PART_HEADER_DIGEST, PART_DATA_DIGEST, PART_ANYWHERE };

/* A bit of a PDU. */
struct place {
    uint8_t part; /* enum part */
    bool random;
    uint64_t bit;
};

struct sense_model {
    bool on;   /* there is something to be written, if only nothing */
    bool none; /* no data segment at all */
    uint8_t key, asc, ascq;
    uint64_t length; /* bytes of it that are sent; UINT64_MAX: all */
    uint64_t claim;  /* SenseLength; UINT64_MAX: the truth */
};

enum closing { CLOSING_NOT, CLOSING_FIN, CLOSING_RST };
enum text_verb { TEXT_ADD, TEXT_REPLACE, TEXT_REMOVE, TEXT_CLEAR, TEXT_FILL };
enum directions { TO_INITIATOR = 1, TO_TARGET = 2 };

#define ENDLESS UINT64_MAX

struct lun_change {
    uint64_t number, size_bytes; /* size 0: the LUN is absent */
};

enum action_kind {
    ACT_DROP,
    ACT_DUPLICATE,
    ACT_DELAY,
    ACT_HOLD,
    ACT_STRAND,
    ACT_SET,
    ACT_RESIZE,
    ACT_POKE,
    ACT_SENSE,
    ACT_TEXT,
    ACT_SAVE,
    ACT_SPLIT,
    ACT_TARGETS,
    ACT_ALTER,
    ACT_CORRUPT,
    ACT_SEND,
    ACT_SEND_FIRST,
    ACT_ANSWER,
    ACT_HOLD_LOGIN,
    ACT_DISCONNECT,
    ACT_CUT,
    ACT_MUTE,
    ACT_DEAF,
    ACT_SLICE,
    ACT_WINDOW,
    ACT_REFUSE,
    ACT_RESTART,
    ACT_NOTE,
    ACT_KINDS,
};

struct action {
    uint8_t kind;       /* enum action_kind */
    uint8_t closing;    /* DISCONNECT, CUT */
    uint8_t verb;       /* TEXT: enum text_verb. RESIZE: enum edit_how */
    uint8_t where;      /* SLICE: enum directions */
    uint8_t opcode;     /* SEND */
    uint8_t status;     /* ANSWER */
    bool raw, all;      /* all: DISCONNECT, MUTE, DEAF. SPLIT: every piece of this size, not just the first */
    bool has_data;      /* SEND */
    uint64_t number;    /* how many, or how large */
    struct range sizes; /* SLICE; CUT, unless place.random */
    struct wait wait;   /* HOLD, STRAND, DUPLICATE; for the others only its time */
    struct place place;
    struct sense_model sense;
    const char *key, *value; /* TEXT, SAVE. POKE: the bytes, as hexadecimal digits */
    struct edit edits[RULE_EDITS_MAX];
    uint32_t edit_count;
    const char *texts[RULE_TEXTS_MAX]; /* SEND: KEY=VALUE. RESTART: keys */
    uint32_t text_count;
    struct lun_change luns[RULE_LUNS_MAX]; /* RESTART */
    uint32_t lun_count;
};

/* --- conditions --- */

struct field_test {
    const char *field; /* NULL: the byte `at` */
    uint8_t at;
    bool none; /* all bits set */
    struct range values;
};

enum session_type { SESSION_ANY, SESSION_NORMAL_ONLY, SESSION_DISCOVERY_ONLY };

struct rule {
    const char *source; /* "FILE:3" */
    const char *text;   /* as it was written */
    struct what what;
    struct range nth;
    struct range period; /* at (both ends), every: in ns; what.moment is MOMENT_TIME */
    bool repeats;        /* every */

    int of; /* a kind of command, or -1 */
    struct range of_nth, lun, lba, connection, portal;
    bool has_lun, has_lba;
    uint8_t session;               /* enum session_type */
    char initiator[RULE_NAME_MAX]; /* "": any */
    struct field_test tests[RULE_TESTS_MAX];
    uint32_t test_count;
    const char *text_key, *text_value; /* NULL: not asked for */
    uint64_t every;                    /* 1: each */
    uint64_t chance, chances;
    bool per_connection;

    struct action *actions;
    uint32_t action_count;

    /* How it went: the one thing about a rule that changes. */
    uint32_t index;
    uint64_t matched; /* PDUs that met its conditions */
    uint64_t fired;
    uint64_t random;
    uint64_t due_ns; /* at, every */
    void *memory;    /* words that the pointers above point at */
};

#endif
