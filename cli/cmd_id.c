/* SPDX-License-Identifier: MIT */
/* berth id: the name that this host goes by at targets, where it comes from, and another one. */
#include <stdio.h>
#include <string.h>
#include "cli/commands.h"
#include "cli/identity.h"
#include "cli/json.h"
#include "cli/say.h"

static const char *source_word(enum identity_source source)
{
    return source == IDENTITY_USER ? "user" : source == IDENTITY_SYSTEM ? "system" : "machine";
}

static void print_json(const struct identity *id, const char *machine)
{
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", "berth-id/1");
    json_put_text(&j, "name", id->name);
    json_put_text(&j, "source", source_word(id->source));
    json_put_text(&j, "file", id->file);
    json_put_text(&j, "machine", machine);
    json_put_object_end(&j);
    putchar('\n');
}

static int show(bool json)
{
    struct identity id;
    char machine[BERTH_NAME_SIZE];
    int status = identity_find(&id, NULL);
    if (status != STATUS_OK)
        return status;
    berth_initiator_name(machine, NULL, NULL);
    if (json)
        print_json(&id, machine);
    else
        printf("%-6s %s\n%-6s %s\n", "name", id.name, "from",
               id.file[0] ? id.file : "this machine's identity");
    return STATUS_OK;
}

static int set(const struct options *o, const char *wanted)
{
    char name[BERTH_NAME_SIZE], file[PATH_MAX];
    struct berth_detail why = {0};
    int error = berth_initiator_name(name, wanted, &why);
    int status = error ? fail_error(error, &why, wanted) : identity_keep(name, file);
    return status == STATUS_OK ? show(o->json) : status;
}

static int unset(const struct options *o)
{
    char file[PATH_MAX];
    int status = identity_keep(NULL, file);
    return status == STATUS_OK ? show(o->json) : status;
}

int cmd_id(const struct options *o)
{
    const char *verb = o->operand_count > 0 ? o->operands[0] : "show";
    if (strcmp(verb, "set") == 0 && o->operand_count == 2)
        return set(o, o->operands[1]);
    if (strcmp(verb, "set") == 0)
        return fail(STATUS_USAGE, "'berth id set' needs NAME; see 'berth id --help'");
    if (o->operand_count == 2)
        return fail(STATUS_USAGE, "'%s' is one operand too many; see 'berth id --help'", o->operands[1]);
    if (strcmp(verb, "unset") == 0)
        return unset(o);
    if (strcmp(verb, "show") == 0)
        return show(o->json);
    return fail(STATUS_USAGE, "'%s' is no verb of 'berth id'; use show, set or unset", verb);
}
