/* SPDX-License-Identifier: MIT */
/* One LUN at one mini target whose answers follow rules, and a log of the commands that came. */
#ifndef SIM_LAB_H
#define SIM_LAB_H

#include "world.h"

#define LAB_ANY 0xff

/* What is answered to commands with operation code `op`. The first rule that has turns left is taken. */
struct lab_rule {
    uint8_t op;     /* LAB_ANY: every command */
    uint8_t page;   /* INQUIRY and MODE SENSE: only this page, if not 0 */
    uint32_t skip;  /* so many go by first */
    uint32_t times; /* 0: for ever */
    enum mini_turn turn;
    uint8_t status, key; /* MINI_ANSWER: status, or with a key CHECK CONDITION */
    uint16_t asc;
    bool deferred, no_sense, has_information;
    uint64_t information;
    uint8_t response; /* iSCSI response */
    const void *data;
    uint32_t len;
};

struct lab_entry {
    uint8_t op;
    uint8_t cdb[16];
    uint64_t lba, time_ns;
    uint32_t blocks, edtl;
    bool read, write, fua;
};

struct lab {
    struct world *world;
    struct mini_target *target;
    struct berth_lun *lun;
    struct berth_options options;
    struct berth_detail why;
    struct lab_rule rules[16];
    uint32_t rule_count;
    struct lab_entry log[4096];
    uint32_t count; /* commands, may be more than the log holds */
};

/* The world and a target that listens; then change options and rules, then open. */
struct lab *lab_new(const struct mini_config *config, const struct sim_faults *faults);
int lab_open(struct lab *l); /* empties the log afterwards */
/* Both at once; fails the test if it does not work. */
struct lab *lab_lun(const struct mini_config *config);
void lab_free(struct lab *l);

void lab_rule(struct lab *l, struct lab_rule rule);
void lab_no_rules(struct lab *l);
uint32_t lab_seen(const struct lab *l, uint8_t op); /* commands in the log */
const struct lab_entry *lab_find(const struct lab *l, uint8_t op, uint32_t nth);

#endif
