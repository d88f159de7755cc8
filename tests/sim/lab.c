/* SPDX-License-Identifier: MIT */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "scsi/sense.h"

static void enter(struct lab *l, const struct task *task)
{
    if (l->count < sizeof l->log / sizeof l->log[0]) {
        struct lab_entry *e = &l->log[l->count];
        *e = (struct lab_entry){.op = task->cdb[0],
                                .lba = mini_lba(task),
                                .blocks = mini_blocks(task),
                                .time_ns = sim_world_now(l->world->sim),
                                .edtl = task->edtl,
                                .read = task->read,
                                .write = task->write,
                                .fua = task->cdb[1] & 0x08};
        memcpy(e->cdb, task->cdb, sizeof e->cdb);
    }
    l->count++;
}

static bool fits(const struct lab_rule *r, const struct task *task)
{
    return (r->op == LAB_ANY || r->op == task->cdb[0]) && (r->page == 0 || r->page == (task->cdb[2] & 0x3f) ||
                                                           (task->cdb[0] == 0x12 && r->page == task->cdb[2]));
}

static bool comes_up(struct lab_rule *r, const struct task *task)
{
    if (!fits(r, task) || r->times == UINT32_MAX)
        return false;
    if (r->skip > 0) {
        r->skip--;
        return false;
    }
    if (r->times > 0 && --r->times == 0)
        r->times = UINT32_MAX; /* used up */
    return true;
}

static void answer(const struct lab_rule *r, struct task *task)
{
    struct scsi_sense sense = {.deferred = r->deferred,
                               .key = r->key,
                               .asc = r->asc,
                               .has_information = r->has_information,
                               .information = r->information};
    task->response = r->response;
    if (r->data)
        mini_data(task, r->data, r->len);
    else if (r->key)
        mini_sense_full(task, &sense);
    else
        mini_status(task, r->status);
    if (r->no_sense)
        task->sense_len = 0;
}

static enum mini_turn script(void *arg, struct task *task)
{
    struct lab *l = arg;
    enter(l, task);
    for (uint32_t i = 0; i < l->rule_count; i++)
        if (comes_up(&l->rules[i], task)) {
            if (l->rules[i].turn == MINI_ANSWER)
                answer(&l->rules[i], task);
            return l->rules[i].turn;
        }
    return MINI_EXECUTE;
}

struct lab *lab_new(const struct mini_config *config, const struct sim_faults *faults)
{
    struct mini_config c = config ? *config : (struct mini_config){0};
    struct lab *l = calloc(1, sizeof *l);
    l->world = world_new(1, faults);
    c.script = script;
    c.arg = l;
    l->target = world_target(l->world, &c);
    berth_options_init(&l->options);
    return l;
}

int lab_open(struct lab *l)
{
    int error = lun_open(&l->lun, WORLD_URL, &l->options, &l->world->reach, &l->why);
    if (!error)
        l->count = 0;
    return error;
}

struct lab *lab_lun(const struct mini_config *config)
{
    struct lab *l = lab_new(config, NULL);
    if (lab_open(l) == 0)
        return l;
    fprintf(stderr, "the LUN does not open: %s\n", l->why.text);
    abort();
}

void lab_free(struct lab *l)
{
    berth_lun_close(l->lun);
    world_free(l->world);
    free(l);
}

void lab_rule(struct lab *l, struct lab_rule rule)
{
    l->rules[l->rule_count++] = rule;
}

void lab_no_rules(struct lab *l)
{
    l->rule_count = 0;
}

const struct lab_entry *lab_find(const struct lab *l, uint8_t op, uint32_t nth)
{
    for (uint32_t i = 0; i < l->count; i++)
        if ((op == LAB_ANY || l->log[i].op == op) && nth-- == 0)
            return &l->log[i];
    return NULL;
}

uint32_t lab_seen(const struct lab *l, uint8_t op)
{
    uint32_t n = 0;
    while (lab_find(l, op, n))
        n++;
    return n;
}
