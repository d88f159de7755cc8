/* SPDX-License-Identifier: MIT */
/* The target that an initiator meets in a case: the built-in one, on a thread of this process, with the
 * case's script and the referee. */
#ifndef CHECK_PEER_H
#define CHECK_PEER_H

#include <pthread.h>
#include <semaphore.h>
#include "check/case.h"
#include "check/check.h"
#include "check/disk.h"
#include "serve/serve.h"

#define PEER_IQN           "iqn.2026-11.io.berth:check"
#define PEER_INITIATOR     "iqn.2026-11.io.berth:checked" /* the name that it lets in where it asks for one */
#define PEER_USER          "scripted"
#define PEER_SECRET        "scripted-secret" /* the scripts know both */
#define PEER_WRONG_SECRET  "another-one-altogether"
#define PEER_MUTUAL_USER   "target"
#define PEER_MUTUAL_SECRET "another-secret"
#define PEER_LUNS_MAX      5u
#define PEER_PORTAL_MAX    64u

struct peer {
    struct serve_config config;
    pthread_t thread;
    sem_t ready;      /* or failed */
    bool up, running; /* it listens; and is to be stopped */
    struct disk disks[PEER_LUNS_MAX];
    uint32_t disk_count;
    char stores[PEER_LUNS_MAX][96];
    char listen[PEER_PORTAL_MAX], portals[2][PEER_PORTAL_MAX]; /* asked for; got */
    char *texts;                                               /* copies that config points into */
    uint64_t fired[CASE_RULES_MAX];
    uint32_t rule_count;
    struct check_violation violations[CHECK_VIOLATIONS_MAX];
    uint32_t violation_count;
    int error; /* of the target itself */
    char why[CHECK_WHY_MAX];
};

/* Starts it at `address`. False with `why`: it cannot be. Either way it is to be stopped. */
bool peer_start(struct peer *p, const struct check_case *c, const char *address);

/* Ends it. What it has told is complete then. False with `why`: it has failed. */
bool peer_stop(struct peer *p);

/* Lets go of its LUNs. */
void peer_free(struct peer *p);

/* How many of its rules are the script's; those that watch follow. */
uint32_t peer_script_rules(const struct check_case *c);

#endif
