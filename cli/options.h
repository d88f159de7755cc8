/* SPDX-License-Identifier: MIT */
/* Every option of every command, parsed into one structure. Which command takes which stands in commands.c.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "attach/settings.h"
#include "check/check.h"
#include "serve/serve.h"

#define OPTIONS_MAX 64 /* of one command */

/* Above every character, because getopt_long returns them. */
enum option_id {
    OPT_NONE = 0,
    OPT_HELP = 256,
    OPT_USER,
    OPT_SECRET_FILE,
    OPT_MUTUAL_USER,
    OPT_MUTUAL_SECRET_FILE,
    OPT_ALLOW_WEAK_SECRET,
    OPT_CHAP_ALGORITHMS,
    OPT_CHAP_CHALLENGE_MIN,
    OPT_INITIATOR_NAME,
    OPT_ISID,
    OPT_DIGEST,
    OPT_TIMEOUT,
    OPT_REDIRECTS,
    OPT_BIND,
    OPT_DEVICE,
    OPT_PORTS,
    OPT_MARK,
    OPT_PRIORITY,
    OPT_DSCP,
    OPT_ENGINE,
    OPT_JSON,
    OPT_FORCE,
    OPT_LUNS,
    OPT_VERIFY,
    OPT_FROM,
    OPT_TO,
    OPT_LENGTH,
    OPT_RW,
    OPT_BS,
    OPT_DEPTH,
    OPT_THREADS,
    OPT_SESSIONS,
    OPT_REACTORS,
    OPT_TIME,
    OPT_PLOT,
    OPT_LUN,
    OPT_LISTEN,
    OPT_IQN,
    OPT_NO_AUTH,
    OPT_BUSY_POLL,
    OPT_POLL,
    OPT_SLEEP,
    OPT_STATE_DIR,
    OPT_REFEREE,
    OPT_ALLOW,
    OPT_KEY,
    OPT_SCRIPT,
    OPT_FAULT,
    OPT_TO_PORTAL,
    OPT_SEED,
    OPT_LOG,
    OPT_CONTROL,
    OPT_RUN_AS,
    OPT_NO_SECCOMP,
    OPT_READ,
    OPT_WRITE,
    OPT_DISCOVER,
    OPT_ONLY,
    OPT_SKIP,
    OPT_LIST,
    OPT_JOBS,
    OPT_LIMIT,
    OPT_ADDRESS,
    OPT_KNOWN,
    OPT_VERBOSE,
    OPT_JUNIT,
    OPT_IN,
    OPT_OUT,
    OPT_RAW,
    OPT_END,
    OPT_KEEP,
    OPT_ANSWER,
    OPT_ENDING,
    OPT_NAMES,
    OPT_PROMETHEUS,
    OPT_ALL,
    OPT_FOREGROUND,
    OPT_PERSIST,
    OPT_CONFIG,
    OPT_CONFIG_DIR,
    OPT_SETTING = 1024, /* and those behind it: a row of attach/settings.h each */
};

/* What a bench does: a bit for each direction, one for the order. */
enum bench_mode {
    BENCH_READ = 1,
    BENCH_WRITE = 2,
    BENCH_RANDOM = 4,
};

struct options {
    const char *user, *secret_file, *mutual_user, *mutual_secret_file, *initiator_name, *isid;
    const char *chap_algorithms;
    uint32_t chap_challenge_min; /* bytes; 0: the library's default */
    bool allow_weak_secret, header_digest, data_digest;
    uint32_t timeout_ms; /* 0: the library's defaults */
    const char *redirects, *bind, *device, *engine;
    uint32_t first_port, last_port, mark, priority, dscp;
    bool json, force, luns, verify, no_auth, busy_poll, referee;
    uint32_t wait;                               /* enum berth_wait */
    uint64_t from_bytes, to_bytes, length_bytes; /* UINT64_MAX: not given */
    const char *rw;                              /* the word for `mode` */
    uint32_t mode;                               /* enum bench_mode */
    uint64_t block_bytes;
    uint32_t depth, time_ms;
    uint32_t threads, sessions, reactors;
    const char *plot;
    uint32_t in_bytes;
    const char *out_file;
    bool raw;
    struct settings *settings; /* of an attachment, NULL: none was given */
    bool foreground, persist;
    const char *config, *config_dir;
    const char *iqn, *state_dir, *control, *run_as;
    bool no_seccomp;
    int8_t log_level; /* enum serve_log_level */
    bool log_given;
    const char *portals[SERVE_PORTALS_MAX], *stores[SERVE_LUNS_MAX];
    const char *allowed[SERVE_ALLOWED_MAX], *keys[SERVE_KEYS_MAX];
    const char *scripts[SERVE_SCRIPTS_MAX], *faults[SERVE_FAULTS_MAX];
    const char *to_portal;
    uint32_t seed;
    bool seed_given;
    uint32_t portal_count, store_count, allowed_count, key_count, script_count, fault_count;
    const char *read_command, *write_command, *discover_command, *junit;
    const char *only[CHECK_PATTERNS_MAX], *skip[CHECK_PATTERNS_MAX], *known[CHECK_KNOWN_MAX];
    uint32_t only_count, skip_count, known_count, jobs, limit_ms;
    bool list, verbose, names, prometheus, all, keep;
    char *const *operands;
    int operand_count;
};

struct option_row {
    int id; /* enum option_id */
    const char *name;
    const char *value; /* what stands for it in the help; NULL: the option takes none */
    const char *help;
    /* Stores the value; returns NULL, or what should have been there: of one that takes none, what is wrong.
     */
    const char *(*set)(struct options *o, const char *value);
};

const struct option_row *options_row(int id);

/* Its value may be missing, and is joined to it by an equals sign if it is there. */
bool options_is_bare(const struct option_row *row);

/* NULL, or what should have been there: words that the file of `berth serve` has too. */
const char *options_log_level(const char *word, int8_t *level);

/* Parses the arguments of `command` (argv[0] is its name) by the rows named in `ids`, which end with
 * OPT_NONE. Returns 0, OPT_HELP if help was asked for, or -1 after it said what is wrong. */
int options_parse(struct options *o, const char *command, const int *ids, int argc, char *argv[]);

#endif
