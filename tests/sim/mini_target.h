/* SPDX-License-Identifier: MIT */
/* A small target over the sim engine for tests of the initiator's floors: the protocol core's target role,
 * the built-in target's commands on a ram LU, and a script that may answer in their place.
 *
 * It is as nasty as a target may be: it executes commands late and out of order, and (with `late`) even after
 * their connection has died, until the same initiator has logged in again. */
#ifndef SIM_MINI_TARGET_H
#define SIM_MINI_TARGET_H

#include "engine/engine.h"

#define MINI_IQN "iqn.2026-11.test:mini"

struct mini_target;
struct scsi_sense;

/* What a script does with a command. */
enum mini_turn {
    MINI_EXECUTE,  /* nothing: the LU answers */
    MINI_ANSWER,   /* mini_status(), mini_sense() or mini_data() have prepared the answer */
    MINI_HOLD,     /* no answer, ever */
    MINI_DROP,     /* the connection dies */
    MINI_LOSE,     /* executed, and the answer never comes */
    MINI_LOSE_ALL, /* executed, and instead of the answer comes the connection's death */
    MINI_SLOW,     /* it takes up to `slow_ns` */
    MINI_STRAND,   /* the same, and the connection dies at once; with `late` it is executed all the same */
    MINI_REJECT,   /* task management only: with `reject_reason` */
};

struct mini_config {
    uint16_t port;
    const char *lu;    /* as lu_open() takes it: "ram:1M,block=4096" */
    uint16_t depth;    /* commands at once, and so the window; 0: 16 */
    uint64_t delay_ns; /* longest time that a command takes, by the seed; 0: none */
    uint64_t slow_ns;  /* the same for a command that a script finds MINI_SLOW */
    bool late;         /* commands survive their connection */
    bool early;        /* writes are refused before their data is here */
    bool deaf;         /* accepts connections and says nothing */
    bool lingers;      /* leaves the end of a connection to the initiator, after logout, too */
    bool attentions;   /* a nexus begins with a unit attention, as it should; else not */
    uint32_t time2wait_s;
    uint16_t group;                           /* of the portal; 0: 1 */
    uint32_t max_burst, first_burst, segment; /* 0: a default */
    uint32_t (*random)(void *arg);
    enum mini_turn (*script)(void *arg, struct task *task); /* may be NULL */
    /* The same with requests of task management, whose `response` MINI_ANSWER has set; may be NULL. One that
     * is MINI_SLOW is carried out later, and then answered. */
    enum mini_turn (*tmf)(void *arg, struct task *tmf);
    uint8_t reject_reason;
    void (*ended)(void *arg,
                  struct task *task); /* a command that the LU has executed is answered; may be NULL */
    /* Login status to answer with; 0: come in. May be NULL. */
    uint16_t (*login)(void *arg);
    const char *breaks;   /* rules that the initiator breaks because the test makes it (witness.h) */
    const char *redirect; /* TargetAddress that goes with a status 01xx */
    /* The answer to SendTargets; NULL: none. */
    void (*targets)(void *arg, struct writer *answer);
    void *arg;
};

struct mini_target *mini_new(struct engine *engine, const struct mini_config *config);
void mini_free(struct mini_target *t);

/* The configuration may be changed at any time; sizes hold from the next login on. */
struct mini_config *mini_config(struct mini_target *t);

void mini_start(struct mini_target *t); /* listens */
void mini_stop(struct mini_target *t);  /* crashes: nobody listens, connections and commands are gone */
void mini_reset(struct mini_target *t); /* connections only */
/* Executes what is due; returns when the next command is. */
uint64_t mini_work(struct mini_target *t);

void mini_resize(struct mini_target *t, uint64_t size); /* with the news of it, at any time */
void mini_release(struct mini_target *t); /* what was on MINI_HOLD is executed and answered now */
void mini_async(struct mini_target *t, const struct wire_async *a); /* to every session */
void mini_event(struct mini_target *t, const void *data,
                uint32_t len); /* a SCSI event with this data segment */

/* For scripts: the answer of the command at hand. */
void mini_status(struct task *task, uint8_t status);
void mini_sense(struct task *task, uint8_t key, uint16_t asc);
void mini_sense_code(struct task *task, uint8_t response_code, uint8_t key, uint16_t asc); /* 71h: deferred */
void mini_sense_full(struct task *task, const struct scsi_sense *sense);
void mini_data(struct task *task, const void *bytes, uint32_t len);
uint64_t mini_lba(const struct task *task);
uint32_t mini_blocks(const struct task *task);

/* The LU's memory. */
uint8_t *mini_disk(struct mini_target *t);
/* Replaces the LU: another size, another disk. Only while stopped. */
void mini_swap(struct mini_target *t, const char *lu);

struct mini_counters {
    uint32_t logins, logouts, sessions; /* sessions: at present */
    uint32_t commands, executed, late;  /* late: after the death of their connection */
    uint32_t reinstated;
    uint32_t managed, aborted; /* requests of task management; commands that they ended */
    uint8_t isid[6];           /* of the last login */
};
const struct mini_counters *mini_counters(const struct mini_target *t);

#endif
