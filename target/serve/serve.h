/* SPDX-License-Identifier: MIT */
/* The built-in target as a program: what `berth serve` runs. All of its configuration is plain data here,
 * whoever filled it in: the command line or a file. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVE_IQN          "iqn.2026-11.io.berth:serve" /* for who needs no other name */
#define SERVE_PORTALS_MAX  8u
#define SERVE_TARGETS_MAX  64u
#define SERVE_LUNS_MAX     1024u /* of one target, and of all together */
#define SERVE_ACCOUNTS_MAX 64u
#define SERVE_ALLOWED_MAX  256u /* initiator names in the access lists of all targets */
#define SERVE_KEYS_MAX     32u
#define SERVE_SCRIPTS_MAX  16u
#define SERVE_FAULTS_MAX   64u

/* Where a login is sent instead (RFC 7143 11.13.5). */
struct serve_redirect {
    const char *address; /* "ADDR:PORT"; NULL: nowhere */
    bool permanent;
};

struct serve_target {
    const char *iqn;
    const char *alias; /* NULL: none */
    struct serve_redirect redirect;
};

/* A LUN of target number `target`. */
struct serve_lun {
    const char *spec; /* of lu_open() */
    uint16_t target, number;
};

/* An initiator that target number `target` lets in. A target without any lets in all. */
struct serve_allowed {
    const char *name; /* a whole iSCSI name, or its beginning followed by '*' */
    uint16_t target;
};

/* How well LUNs are reached through a portal group (ALUA). */
struct serve_group {
    uint16_t tag;
    const char *access; /* "optimized", "non-optimized", "standby" or "unavailable" */
};

/* A user of this machine. */
struct serve_user {
    const char *name; /* as it was given; NULL: nobody */
    uint32_t uid, gid;
};

/* Who may log in with CHAP. */
struct serve_account {
    const char *name;
    const uint8_t *secret;
    size_t secret_len;
};

/* A rule of a script, and how it went. */
struct serve_rule {
    const char *source, *text; /* "FILE:LINE", and what stands there */
    uint64_t matched, fired;   /* how often its conditions were met, and how often it acted */
};

/* How much the log tells. */
enum serve_log_level {
    SERVE_LOG_QUIET = -1, /* refusals and faults */
    SERVE_LOG_NORMAL,     /* and sessions that come and go */
    SERVE_LOG_DEBUG,      /* and each command */
};
#define SERVE_LOG_WORDS "quiet", "normal", "debug" /* from SERVE_LOG_QUIET on */

/* An initiator has broken a rule of RFC 7143 (target/referee/): which, how, and the PDU. Valid during the
 * call.
 */
struct serve_violation {
    const char *rule, *section; /* "D7", "4.2.2.4" */
    bool should;                /* the section says SHOULD, not MUST */
    const char *statement;      /* what the rule says */
    const char *detail;         /* what was seen */
    const char *line;           /* all of it, for people */
    const char *pdu;            /* "SCSI Data-Out" */
    const uint8_t *header;
    uint32_t header_len, connection; /* bytes; the first connection is 1 */
    uint64_t offset, time_ns;        /* of the PDU in its stream; since the start */
    const char *peer, *initiator;    /* "host:port", InitiatorName or "" */
    const uint8_t *isid;             /* 6 bytes */
    uint16_t tsih, cid;
};

struct serve_count {
    const char *rule;
    uint64_t violations;
};

/* What it all comes to. */
struct serve_verdict {
    const char *line; /* for people */
    uint64_t pdus, violations;
    uint32_t connections, count;
    const struct serve_count *counts; /* of the rules that were broken */
};

struct serve_config {
    /* "ADDR:PORT" (port 0: any free one) or "fd:N" for a socket that listens already, ",GROUP" behind it for
     * another portal group than 1. None: 127.0.0.1:3260. */
    const char *portals[SERVE_PORTALS_MAX];
    uint32_t portal_count;
    struct serve_group groups[SERVE_PORTALS_MAX]; /* those that are not optimized */
    uint32_t group_count;
    struct serve_target targets[SERVE_TARGETS_MAX]; /* at least one */
    uint32_t target_count;
    struct serve_lun luns[SERVE_LUNS_MAX];
    uint32_t lun_count;
    struct serve_allowed allowed[SERVE_ALLOWED_MAX];
    uint32_t allowed_count;
    struct serve_account accounts[SERVE_ACCOUNTS_MAX]; /* any: CHAP is demanded */
    uint32_t account_count;
    const char *chap_algorithms;      /* those that are taken, as "SHA3-256,SHA256"; NULL: all there are */
    struct serve_account mutual;      /* name not NULL: we prove ourselves with this when asked */
    const char *keys[SERVE_KEYS_MAX]; /* "MaxBurstLength=65536": what the target wants of a negotiation key */
    uint32_t key_count;
    const char *scripts[SERVE_SCRIPTS_MAX]; /* files by whose rules the target misbehaves */
    uint32_t script_count;
    const char *faults[SERVE_FAULTS_MAX]; /* such rules themselves */
    uint32_t fault_count;
    struct serve_user run_as; /* who the target is once all is open; nobody: who started it */
    bool no_seccomp;          /* it may make any system call */
    const char *control;      /* path of the control socket; NULL: none */
    const char *state_dir;    /* where reservations that are to last (APTPL) are kept; NULL: nowhere */
    bool busy_poll; /* never sleeps: waking a sleeping peer would cost the initiator that is being measured */
    bool no_auth;   /* allows a portal that is not loopback without CHAP */
    /* Tells each bound portal once all are up: print "listening on HOST:PORT". */
    void (*ready)(void *arg, const char *const *portals, uint32_t count);
    void *ready_arg;
    /* Tells of each rule, in their order, when the target has stopped. */
    void (*rule)(void *arg, const struct serve_rule *rule);
    void *rule_arg;
    /* What happened, one sentence without a full stop, for a log; priorities are those of syslog(3). NULL:
     * nobody wants to know. */
    void (*log)(void *arg, int priority, const char *sentence);
    void *log_arg;
    int8_t log_level; /* enum serve_log_level */
    /* Not NULL: everything that initiators send is checked, these are told each violation (the first of each
     * rule and connection, then they are only counted), and the verdict when the target stops. */
    void (*violation)(void *arg, const struct serve_violation *v);
    void (*verdict)(void *arg, const struct serve_verdict *v);
    void *referee_arg;
    /* Where a text of all this stands, as "FILE:LINE: "; "" for what is in no file. NULL: there is no file.
     */
    const char *(*place)(void *arg, const char *text);
    void *place_arg;
    int stop_fd; /* readable: stop (a signalfd); -1 none */
};

/* Serves until stopped. Returns 0 after a stop, or an enum berth_error with one sentence in `why`. */
int serve_run(const struct serve_config *config, char *why, size_t why_size);

#endif
