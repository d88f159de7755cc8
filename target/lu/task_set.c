/* SPDX-License-Identifier: MIT */
#include "lu/task_set.h"
#include "lu/command.h"

static struct command *of_node(struct list *node)
{
    return list_entry(node, struct command, member);
}

static bool barrier(const struct command *c)
{
    return c->exclusive || c->attribute == ATTRIBUTE_ORDERED || c->attribute == ATTRIBUTE_HEAD;
}

/* What stands before a command, summed up on the way to it. */
struct ahead {
    bool any, ordered, exclusive;
};

/* A command that changes what it has read (exclusive) needs the LU for itself, but only once it can run: its
 * data may never come. */
static void pass(struct ahead *a, const struct command *c)
{
    a->any = true;
    a->ordered |= c->attribute == ATTRIBUTE_ORDERED;
    a->exclusive |= c->exclusive && c->stage == COMMAND_WAITING;
}

/* SAM-5 8.6.2 to 8.6.4. */
static bool in_order(const struct task_set *s, const struct command *c, const struct ahead *a)
{
    if (c->attribute == ATTRIBUTE_HEAD)
        return true;
    if (s->heads > 0 || a->exclusive)
        return false;
    return c->attribute == ATTRIBUTE_ORDERED ? !a->any : !a->ordered;
}

static bool may_run(const struct task_set *s, const struct command *c, const struct ahead *a)
{
    bool free = s->dying == 0 && s->alone == 0 && !(c->exclusive && s->running > 0);
    return free && in_order(s, c, a);
}

void task_set_enter(struct task_set *s, struct command *c)
{
    if (!s->commands.next)
        list_init(&s->commands);
    list_push(&s->commands, &c->member);
    c->stage = COMMAND_ARRIVED;
    c->aborted = false;
    s->barriers += barrier(c);
    s->heads += c->attribute == ATTRIBUTE_HEAD;
}

static void run(struct task_set *s, struct command *c)
{
    c->stage = COMMAND_RUNNING;
    s->running++;
    s->alone += c->exclusive;
}

static bool unhindered(const struct task_set *s, const struct command *c)
{
    struct ahead a = {false};
    if (s->barriers > 0)
        for (struct list *at = s->commands.next; at != &c->member; at = at->next)
            pass(&a, of_node(at));
    return may_run(s, c, &a);
}

bool task_set_admit(struct task_set *s, struct command *c)
{
    if (unhindered(s, c)) {
        run(s, c);
        return true;
    }
    c->stage = COMMAND_WAITING;
    s->waiting++;
    return false;
}

struct command *task_set_next(struct task_set *s)
{
    struct ahead a = {false};
    if (s->waiting == 0 || s->dying > 0)
        return NULL;
    list_each (at, &s->commands) {
        struct command *c = of_node(at);
        if (c->stage == COMMAND_WAITING && may_run(s, c, &a)) {
            s->waiting--;
            run(s, c);
            return c;
        }
        pass(&a, c);
    }
    return NULL;
}

void task_set_abort(struct task_set *s, struct command *c)
{
    s->dying += c->stage == COMMAND_RUNNING && !c->aborted;
    c->aborted = true;
}

void task_set_leave(struct task_set *s, struct command *c)
{
    list_remove(&c->member);
    s->barriers -= barrier(c);
    s->heads -= c->attribute == ATTRIBUTE_HEAD;
    s->waiting -= c->stage == COMMAND_WAITING;
    s->running -= c->stage == COMMAND_RUNNING;
    s->alone -= c->stage == COMMAND_RUNNING && c->exclusive;
    s->dying -= c->stage == COMMAND_RUNNING && c->aborted;
    c->stage = COMMAND_OUTSIDE;
}
