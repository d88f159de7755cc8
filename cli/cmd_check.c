/* SPDX-License-Identifier: MIT */
/* berth check: a target and its LUN before they are used; nothing of theirs is changed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/commands.h"
#include "cli/inspect.h"
#include "cli/say.h"

enum need {
    NOTHING,
    NEEDS_NAME, /* the addresses of the portal */
    NEEDS_WAY,  /* and that one of them has not turned out to be out of reach */
    NEEDS_LUN,
};

static const struct row {
    const char *name;
    inspect *inspect;
    enum need need;
} rows[] = {
    {"name", inspect_name, NOTHING},
    {"connection", inspect_connect, NEEDS_NAME},
    {"path", inspect_path, NEEDS_WAY},
    {"login", inspect_login, NEEDS_WAY},
    {"authentication", inspect_authentication, NEEDS_LUN},
    {"negotiation", inspect_negotiation, NEEDS_LUN},
    {"round trip", inspect_round_trip, NEEDS_LUN},
    {"identity", inspect_identity, NEEDS_LUN},
    {"size", inspect_size, NEEDS_LUN},
    {"read", inspect_read, NEEDS_LUN},
    {"digests", inspect_digests, NEEDS_LUN},
    {"write cache", inspect_cache, NEEDS_LUN},
    {"UNMAP", inspect_trim, NEEDS_LUN},
    {"WRITE SAME", inspect_zero, NEEDS_LUN},
    {"COMPARE AND WRITE", inspect_compare, NEEDS_LUN},
    {"reservations", inspect_reservations, NEEDS_LUN},
};

#define ROWS (sizeof rows / sizeof rows[0])

struct check {
    struct inspection in;
    struct finding findings[ROWS];
    int status; /* of the first that failed */
    enum finding_result worst;
};

static bool can_be_tried(const struct check *c, const struct row *row)
{
    if (row->need == NEEDS_LUN)
        return c->in.lun != NULL;
    return row->need == NOTHING || (c->in.addresses && (row->need == NEEDS_NAME || c->status == STATUS_OK));
}

static void note(struct check *c, const struct finding *f)
{
    if (f->result == FINDING_FAILED && c->status == STATUS_OK)
        c->status = f->status;
    if (f->result != FINDING_UNTRIED && f->result > c->worst)
        c->worst = f->result;
}

static void run_rows(struct check *c)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct finding *f = &c->findings[i];
        f->name = rows[i].name;
        bool tried = can_be_tried(c, &rows[i]);
        if (tried)
            rows[i].inspect(&c->in, f);
        else
            finding_untried(f, "something before it failed");
        note(c, f);
        if (tried && !c->in.o->json)
            finding_line(f);
    }
}

static void print_json(const struct check *c)
{
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", "berth-check/1");
    json_put_text(&j, "url", c->in.url);
    json_put_text(&j, "result", finding_word(c->worst));
    json_put_array(&j, "checks");
    for (size_t i = 0; i < ROWS; i++)
        finding_json(&j, &c->findings[i]);
    json_put_array_end(&j);
    json_put_object_end(&j);
    putchar('\n');
}

/* What the user wrote is judged before anything is tried. There is no such engine, which the library finds
 * out last, and then goes no further. */
static int judge(const char *url, const struct login *l)
{
    struct berth_options options = l->options;
    struct berth_detail why = {0};
    struct berth_lun *lun;
    options.engine = "";
    int error = berth_lun_open(&lun, url, &options, &why);
    return strstr(why.text, "engine") ? STATUS_OK : fail_error(error, &why, url);
}

static int run(struct check *c)
{
    int status = login_prepare(&c->in.login, c->in.o, c->in.o->operands, 1);
    if (status == STATUS_OK)
        status = judge(c->in.url, &c->in.login);
    if (status != STATUS_OK)
        return status;
    run_rows(c);
    if (c->in.o->json)
        print_json(c);
    return c->status;
}

int cmd_check(const struct options *o)
{
    static struct check c; /* large */
    c.in = (struct inspection){.o = o, .url = o->operands[0], .socket = -1};
    int status = run(&c);
    berth_lun_close(c.in.lun);
    login_wipe(&c.in.login);
    if (c.in.socket >= 0)
        close(c.in.socket);
    if (c.in.addresses)
        freeaddrinfo(c.in.addresses);
    return status;
}
