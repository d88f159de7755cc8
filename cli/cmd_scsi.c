/* SPDX-License-Identifier: MIT */
/* berth scsi: one command to a LUN, given byte by byte, and what comes back. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/commands.h"
#include "cli/hex.h"
#include "cli/json.h"
#include "cli/login.h"
#include "cli/say.h"
#include "cli/sense.h"

#define OUT_MAX (64u * 1024 * 1024) /* bytes that --out sends */

struct job {
    struct berth_command command;
    uint8_t *data;
    size_t len;
};

/* --- what is to be sent --- */

static int read_cdb(struct job *job, const struct options *o)
{
    size_t len = 0;
    for (int i = 1; i < o->operand_count; i++)
        if (!hex_read(o->operands[i], job->command.cdb, &len, sizeof job->command.cdb))
            return fail(STATUS_USAGE, "'%s' is no part of a CDB; write up to %u bytes in hexadecimal",
                        o->operands[i], BERTH_CDB_MAX);
    job->command.cdb_len = (uint8_t)len;
    if (len == 0)
        return fail(STATUS_USAGE, "the CDB is empty; write its bytes in hexadecimal");
    return STATUS_OK;
}

static int slurp(struct job *job, FILE *file, const char *name)
{
    job->data = malloc(OUT_MAX + 1u);
    if (!job->data)
        return fail_errno("read", name);
    job->len = fread(job->data, 1, OUT_MAX + 1u, file);
    if (ferror(file))
        return fail_errno("read", name);
    if (job->len > OUT_MAX)
        return fail(STATUS_USAGE, "%s is too long for one command; give at most 64 MiB", name);
    return STATUS_OK;
}

static int read_out(struct job *job, const char *name)
{
    if (strcmp(name, "-") == 0)
        return slurp(job, stdin, "standard input");
    FILE *file = fopen(name, "rbe");
    if (!file)
        return fail_errno("open", name);
    int status = slurp(job, file, name);
    fclose(file);
    return status;
}

static int make_room(struct job *job, size_t len)
{
    job->len = len;
    job->data = calloc(1, len);
    return job->data ? STATUS_OK : fail_errno("make room for", "the answer");
}

static int prepare(struct job *job, const struct options *o)
{
    int status = read_cdb(job, o);
    if (status != STATUS_OK)
        return status;
    if (o->in_bytes && o->out_file)
        return fail(STATUS_USAGE, "data in both directions is not offered; give --in or --out");
    if (o->json && o->raw)
        return fail(STATUS_USAGE, "--json and --raw both want standard output; give one of them");
    job->command.direction = o->in_bytes ? BERTH_DATA_IN : o->out_file ? BERTH_DATA_OUT : BERTH_DATA_NONE;
    if (o->in_bytes)
        return make_room(job, o->in_bytes);
    return o->out_file ? read_out(job, o->out_file) : STATUS_OK;
}

/* --- what came back --- */

static bool answered(const struct berth_command *c, int error)
{
    return error == BERTH_OK || c->status != 0;
}

static void json_hex(struct json *j, const char *key, const void *bytes, size_t len)
{
    char *text = malloc(2 * len + 4);
    if (text)
        json_put_text(j, key, hex_text(text, 2 * len + 4, bytes, len));
    free(text);
}

static void print_json(const struct job *job, const char *url, int error)
{
    const struct berth_command *c = &job->command;
    struct json j = {.out = stdout};
    bool in = c->direction == BERTH_DATA_IN;
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", "berth-scsi/1");
    json_put_text(&j, "url", url);
    json_hex(&j, "cdb", c->cdb, c->cdb_len);
    json_put_text(&j, "error", berth_error_name(error));
    json_put_u64(&j, "status", c->status);
    json_hex(&j, "sense", c->sense, c->sense_len);
    json_put_u64(&j, "moved_bytes", c->moved_bytes);
    json_put_u64(&j, "overflow_bytes", c->overflow_bytes);
    json_hex(&j, "data", job->data, in ? (size_t)c->moved_bytes : 0);
    json_put_object_end(&j);
    putchar('\n');
}

static void print(const struct job *job, const struct options *o, int error)
{
    const struct berth_command *c = &job->command;
    size_t came = c->direction == BERTH_DATA_IN ? (size_t)c->moved_bytes : 0;
    if (o->json)
        print_json(job, o->operands[0], error);
    else if (o->raw)
        fwrite(job->data, 1, came, stdout);
    else
        hex_dump(stdout, job->data, came);
}

static void remark(const struct job *job)
{
    const struct berth_command *c = &job->command;
    if (c->direction == BERTH_DATA_OUT && c->moved_bytes < job->len)
        say("the LUN took %" PRIu64 " of the %zu bytes", c->moved_bytes, job->len);
    if (c->overflow_bytes)
        say("the LUN would have moved %" PRIu64 " bytes more", c->overflow_bytes);
}

/* The sense data is not for reading, but it is all that some LUNs say. */
static int refused(const struct job *job, const struct berth_detail *detail, int error, const char *url)
{
    struct berth_detail all = *detail;
    char sense[2 * 64 + 4];
    size_t len = strlen(all.text);
    if (job->command.sense_len > 0)
        snprintf(all.text + len, sizeof all.text - len, "; sense %s",
                 hex_text(sense, sizeof sense, job->command.sense, job->command.sense_len));
    return fail_error(error, &all, url);
}

static int execute(struct job *job, const struct options *o, const struct login *l)
{
    struct berth_lun *lun = NULL;
    int status = login_open(&lun, o->operands[0], l);
    if (status != STATUS_OK)
        return status;
    int error = berth_scsi(lun, &job->command, job->data, job->len, 0);
    if (answered(&job->command, error))
        print(job, o, error);
    if (error)
        status = refused(job, berth_lun_detail(lun), error, o->operands[0]);
    else
        remark(job);
    berth_lun_close(lun);
    return status;
}

int cmd_scsi(const struct options *o)
{
    struct job job = {.len = 0};
    struct login l;
    int status = login_prepare(&l, o, o->operands, 1);
    l.options.commands_only = true;
    if (status == STATUS_OK)
        status = prepare(&job, o);
    if (status == STATUS_OK)
        status = execute(&job, o, &l);
    login_wipe(&l);
    free(job.data);
    return status;
}
