/* SPDX-License-Identifier: MIT */
/* The cases of the suite, one row each: what the target does, what the initiator is told to do, and what
 * becomes of a right one. HACKING.md has the recipe for another. */
#ifndef CHECK_CASE_H
#define CHECK_CASE_H

#include <stddef.h>
#include <stdint.h>

/* What a case is about, in the order in which they are told. */
enum check_topic {
    TOPIC_NAMES,
    TOPIC_LOGIN,
    TOPIC_NEGOTIATION,
    TOPIC_COMMAND_NUMBERS,
    TOPIC_STATUS_NUMBERS,
    TOPIC_DATA,
    TOPIC_DIGESTS,
    TOPIC_PINGS,
    TOPIC_MANAGEMENT,
    TOPIC_ASYNC,
    TOPIC_REJECT,
    TOPIC_RECOVERY,
    TOPIC_LOGOUT,
    TOPIC_DISCOVERY,
    TOPIC_CHAP,
    TOPIC_COUNT,
};

/* What the initiator is told to do. */
enum case_op {
    OP_READ,
    OP_WRITE,
    OP_WRITE_READ, /* and read again what was written, with another command */
    OP_REWRITE,    /* write, and write other data over it, with another command */
    OP_DISCOVER,
};

/* How the commands of a right initiator end. What they say must be true in any case. */
enum case_end {
    END_SUCCESS,
    END_FAILURE,
    END_EITHER, /* it may find a way, or give up */
};

/* What a case needs of target and initiator. */
enum case_need {
    NEED_HEADER_DIGEST = 1 << 0,
    NEED_DATA_DIGEST = 1 << 1,
    NEED_USER = 1 << 2,     /* the target demands CHAP */
    NEED_MUTUAL = 1 << 3,   /* and the initiator does too */
    NEED_STRANGER = 1 << 4, /* the initiator demands CHAP, the target knows nothing of it */
    NEED_WRONG_SECRET = 1 << 5,
    NEED_TWO_PORTALS = 1 << 6,
    NEED_IPV6 = 1 << 7,
    NEED_LUNS = 1 << 8,         /* LUNs 0, 1, 255, 256 and 1023 instead of LUN 0 alone */
    NEED_LARGE_BLOCKS = 1 << 9, /* of 4096 bytes */
    NEED_NAME = 1 << 10,        /* the target lets in one initiator's name only */
};
#define NEED_DIGESTS (NEED_HEADER_DIGEST | NEED_DATA_DIGEST)

#define CASE_RULES_MAX   48u /* of a script, with those that watch */
#define CASE_WATCHES_MAX 3u

/* A rule of berth-script(5) that only counts, and how often that may be. */
struct case_watch {
    const char *rule;
    uint32_t least, most;
    const char *words; /* what it means if it is not so */
};
#define WATCH_ANY UINT32_MAX

struct check_case {
    const char *id;
    enum check_topic topic;
    const char *section;    /* of RFC 7143 */
    const char *sentence;   /* what the target does; and after a semicolon what a right initiator does */
    const char *script;     /* one of target/scripts; NULL: none */
    const char *rules;      /* lines of a script of its own; they stand in for those of `script` */
    const char *keys;       /* "KEY=VALUE KEY=VALUE": what the target wants in negotiations */
    const char *algorithms; /* of CHAP, that the target takes; NULL: all */
    uint32_t need;          /* enum case_need */
    enum case_op op;
    uint32_t lba, blocks; /* where; 0 blocks: as SHORT has it */
    uint32_t lun;
    uint32_t times; /* how often each command is run; 0: once */
    enum case_end end;
    /* The rules, by bits, that must have come true for it to count as exercised; 0: all that the script has.
     */
    uint64_t fired;
    /* Those of which one has to come true if it is exercised, and what it means if none does; 0: none has to.
     */
    uint64_t must;
    const char *must_words;
    struct case_watch watches[CASE_WATCHES_MAX];
    const char *pardon;  /* a rule of the referee that who does as the target asks cannot keep; NULL: none */
    uint32_t patience_s; /* place {timeout}; 0: CASE_PATIENCE_S */
    uint32_t settle_ms;  /* after the last command, before the LUN is looked at */
};
#define CASE_PATIENCE_S 5u

/* Ranges. The long one is many commands to every initiator, and begins behind what kernels look at by
 * themselves. */
#define SHORT .lba = 96, .blocks = 8
#define LONG  .lba = 2048, .blocks = 12288
#define AREA  " lba 2048..14335 " /* a condition: in the long range */

struct case_group {
    const struct check_case *cases;
    size_t count;
};

/* One group per file. */
extern const struct case_group cases_plain, cases_login, cases_negotiation, cases_numbers, cases_data,
    cases_digests, cases_session, cases_recovery, cases_discovery, cases_chap;

/* All of them; NULL behind the last. */
const struct check_case *case_at(size_t index);

const char *topic_name(enum check_topic topic);

/* The rules of a script of target/scripts, a line each; NULL: there is none of this name. */
const char *case_script(const char *name);

#endif
