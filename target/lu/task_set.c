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

/* A walk along the line begins. */
static struct ahead nothing(struct task_set *s)
{
    s->walk++;
    return (struct ahead){false};
}

/* Has this walk passed commands of the same initiator whose data are still to come? NULL: none. */
static struct arrivals *arrivals_of(const struct task_set *s, const struct command *c)
{
    struct arrivals *r = c->nexus ? &c->nexus->arrivals : NULL;
    return r && r->set == s && r->walk == s->walk ? r : NULL;
}

/* Only those behind it of its own initiator wait for a command whose data are still to come: they may never
 * come, and of two initiators' commands nobody could tell which was first. */
static void pass_arrival(struct task_set *s, const struct command *c)
{
    struct arrivals *r = &c->nexus->arrivals;
    if (!arrivals_of(s, c))
        *r = (struct arrivals){.set = s, .walk = s->walk};
    r->ordered |= c->attribute == ATTRIBUTE_ORDERED;
}

/* A command that changes what it has read (exclusive) needs the LU for itself, but only once it can run. */
static void pass(struct task_set *s, struct ahead *a, const struct command *c)
{
    if (c->stage == COMMAND_ARRIVED && c->nexus) {
        pass_arrival(s, c);
        return;
    }
    a->any = true;
    a->ordered |= c->attribute == ATTRIBUTE_ORDERED;
    a->exclusive |= c->exclusive && c->stage == COMMAND_WAITING;
}

/* SAM-5 8.6.2 to 8.6.4. */
static bool in_order(const struct task_set *s, const struct command *c, const struct ahead *a)
{
    const struct arrivals *own = arrivals_of(s, c);
    if (c->attribute == ATTRIBUTE_HEAD)
        return true;
    if (s->heads > 0 || a->exclusive)
        return false;
    if (c->attribute == ATTRIBUTE_ORDERED)
        return !a->any && !own;
    return !a->ordered && !(own && own->ordered);
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
}

static void run(struct task_set *s, struct command *c)
{
    c->stage = COMMAND_RUNNING;
    s->running++;
    s->alone += c->exclusive;
}

static bool unhindered(struct task_set *s, const struct command *c)
{
    struct ahead a = nothing(s);
    if (s->barriers > 0)
        for (struct list *at = s->commands.next; at != &c->member; at = at->next)
            pass(s, &a, of_node(at));
    return may_run(s, c, &a);
}

/* A HEAD OF QUEUE command keeps others back from now on: before, its data were still to come. */
bool task_set_admit(struct task_set *s, struct command *c)
{
    bool free = unhindered(s, c);
    s->heads += c->attribute == ATTRIBUTE_HEAD;
    if (free) {
        run(s, c);
        return true;
    }
    c->stage = COMMAND_WAITING;
    s->waiting++;
    return false;
}

struct command *task_set_next(struct task_set *s)
{
    struct ahead a = nothing(s);
    if (s->waiting == 0 || s->dying > 0)
        return NULL;
    list_each (at, &s->commands) {
        struct command *c = of_node(at);
        if (c->stage == COMMAND_WAITING && may_run(s, c, &a)) {
            s->waiting--;
            run(s, c);
            return c;
        }
        pass(s, &a, c);
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
    s->heads -= c->attribute == ATTRIBUTE_HEAD && c->stage != COMMAND_ARRIVED;
    s->waiting -= c->stage == COMMAND_WAITING;
    s->running -= c->stage == COMMAND_RUNNING;
    s->alone -= c->stage == COMMAND_RUNNING && c->exclusive;
    s->dying -= c->stage == COMMAND_RUNNING && c->aborted;
    c->stage = COMMAND_OUTSIDE;
}
