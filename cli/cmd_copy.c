/* SPDX-License-Identifier: MIT */
/* berth copy: checks both ends before it changes anything, copies, compares if asked, and tells how it went.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cli/blank.h"
#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/copy.h"
#include "cli/json.h"
#include "cli/login.h"
#include "cli/say.h"
#include "cli/signals.h"
#include "attach/size.h"

static int check_operands(const struct options *o)
{
    const char *src = o->operands[0], *dst = o->operands[1];
    bool pipe_end = strcmp(src, "-") == 0 || strcmp(dst, "-") == 0;
    if (o->verify && pipe_end)
        return fail(STATUS_USAGE,
                    "--verify reads both sides again, which - does not allow; copy to or from a file");
    if (o->json && strcmp(dst, "-") == 0)
        return fail(STATUS_USAGE, "--json and the destination - both want standard output; leave one out");
    if (!pipe_end && strcmp(src, dst) == 0)
        return fail(STATUS_USAGE, "source and destination are the same; name two different ones");
    return STATUS_OK;
}

static int narrow(struct copy *c, const struct options *o)
{
    const uint64_t all = ENDPOINT_UNKNOWN, from = o->from_bytes == all ? 0 : o->from_bytes;
    int status = STATUS_OK;
    if (o->from_bytes != all || o->length_bytes != all)
        status = endpoint_narrow(&c->src, from, o->length_bytes);
    if (status == STATUS_OK && o->to_bytes != all)
        status = endpoint_narrow(&c->dst, o->to_bytes, all);
    return status;
}

static int open_ends(struct copy *c, const struct options *o)
{
    const char *src = o->operands[0], *dst = o->operands[1];
    struct login l;
    int status = login_prepare(&l, o, o->operands, 2);
    if (status == STATUS_OK)
        status = login_is_url(src) ? endpoint_open_lun(&c->src, src, &l.options)
                                   : endpoint_open_source(&c->src, src);
    l.options.isid_offset = 1; /* both may be at one target, where sessions of one ISID end each other */
    if (status == STATUS_OK)
        status = login_is_url(dst) ? endpoint_open_lun(&c->dst, dst, &l.options)
                                   : endpoint_open_destination(&c->dst, dst, o->force, o->verify);
    login_wipe(&l);
    return status == STATUS_OK ? narrow(c, o) : status;
}

/* The same LUN may have two URLs. */
static bool same_lun(struct copy *c)
{
    const struct berth_lun_info *a = berth_lun_info(c->src.lun), *b = berth_lun_info(c->dst.lun);
    return a->identity[0] && strcmp(a->identity, b->identity) == 0;
}

/* And the same file two paths. */
static bool same_file(const struct copy *c)
{
    struct stat a, b;
    if (c->dst.fd < 0 || fstat(c->src.fd, &a) < 0 || fstat(c->dst.fd, &b) < 0)
        return false;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Identities are the targets' word, and some give all their LUNs the same: --force believes the user instead.
 */
static int check_places(struct copy *c, bool force)
{
    const char *src = c->src.name, *dst = c->dst.name;
    if (c->src.kind == &endpoint_file && c->dst.kind == &endpoint_file && same_file(c))
        return fail(STATUS_USAGE, "%s and %s are the same file; name two different ones", src, dst);
    if (c->src.kind == &endpoint_lun && c->dst.kind == &endpoint_lun && !force && same_lun(c))
        return fail(STATUS_FAILED, "%s and %s have the same identity (%s); give --force if they are two LUNs",
                    src, dst, berth_lun_info(c->src.lun)->identity);
    return STATUS_OK;
}

static int check_lun(struct endpoint *dst, bool force)
{
    if (berth_lun_info(dst->lun)->read_only)
        return fail_error(BERTH_E_READ_ONLY, NULL, dst->name);
    return force ? STATUS_OK : blank_check(dst->lun, dst->name, "the copy");
}

static int check_ends(struct copy *c, const struct options *o)
{
    struct endpoint *src = &c->src, *dst = &c->dst;
    int status = check_places(c, o->force);
    if (status != STATUS_OK)
        return status;
    if (src->size != ENDPOINT_UNKNOWN && copy_padded(dst, src->size) > dst->size)
        return fail(STATUS_FAILED,
                    "%s (%" PRIu64 " bytes) does not fit on %s (%" PRIu64 " bytes); use a larger one",
                    src->name, src->size, dst->name, dst->size);
    if (o->verify && (src->kind->ordered || dst->kind->ordered))
        return fail(STATUS_USAGE, "--verify reads both sides again, which a pipe does not allow; use a file");
    return dst->kind == &endpoint_lun ? check_lun(dst, o->force) : STATUS_OK;
}

/* What a copy that stopped leaves behind; nothing to say about a pipe. */
static const char *leavings(const struct copy *c, char *out, size_t size)
{
    const char *what = c->dst.created ? "an incomplete new file" : "incomplete contents";
    out[0] = '\0';
    if (c->dst.kind != &endpoint_pipe)
        snprintf(out, size, "; %s is left with %s", c->dst.name, what);
    return out;
}

static int stopped_copying(const struct copy *c)
{
    const struct endpoint *e = c->src.status ? &c->src : &c->dst;
    char left[512];
    leavings(c, left, sizeof left);
    if (signals_caught()) /* whatever failed, failed because of it */
        return fail(STATUS_SIGNAL + signals_caught(), "interrupted after %s%s", size_human(c->done_bytes).s,
                    left);
    return fail(e->status, "%s%s", e->why, left);
}

static int stopped_comparing(const struct copy *c)
{
    const struct endpoint *e = c->src.status ? &c->src : &c->dst;
    if (signals_caught())
        return fail(STATUS_SIGNAL + signals_caught(), "interrupted; the copy is complete but not verified");
    return fail(e->status, "%s; the copy is complete but not verified", e->why);
}

static int verify(struct copy *c)
{
    uint64_t holes = c->hole_bytes;
    copy_verify(c);
    c->hole_bytes = holes;
    if (copy_stopped(c))
        return stopped_comparing(c);
    if (c->differs != UINT64_MAX)
        return fail(STATUS_FAILED,
                    "verify failed: %s and %s differ first at byte %" PRIu64 "; copy again with --force",
                    c->src.name, c->dst.name, c->differs);
    return STATUS_OK;
}

static uint64_t reconnects(struct copy *c)
{
    uint64_t count = c->src.lun ? berth_lun_info(c->src.lun)->reconnects : 0;
    return count + (c->dst.lun ? berth_lun_info(c->dst.lun)->reconnects : 0);
}

static void report_json(struct copy *c, const struct options *o, uint64_t bytes, double seconds)
{
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", "berth-copy/1");
    json_put_text(&j, "source", o->operands[0]);
    json_put_text(&j, "destination", o->operands[1]);
    json_put_u64(&j, "bytes", bytes);
    json_put_u64(&j, "hole_bytes", c->hole_bytes);
    json_put_real(&j, "seconds", seconds);
    json_put_real(&j, "bytes_per_s", (double)bytes / seconds);
    json_put_bool(&j, "verified", o->verify);
    json_put_u64(&j, "reconnects", reconnects(c));
    json_put_object_end(&j);
    putchar('\n');
}

static void report(struct copy *c, const struct options *o, uint64_t bytes, double seconds)
{
    char holes[64] = "";
    if (o->json) {
        report_json(c, o, bytes, seconds);
        return;
    }
    if (c->hole_bytes && c->dst.kind != &endpoint_pipe)
        snprintf(holes, sizeof holes, ", %s of it holes,", size_human(c->hole_bytes).s);
    say("copied %s%s in %.1f s, %s%s", size_human(bytes).s, holes, seconds,
        size_rate((double)bytes / seconds).s, o->verify ? "; verified" : "");
}

static int copy(struct copy *c, const struct options *o)
{
    uint64_t begin = clock_ns(), bytes;
    double seconds;
    int status = STATUS_OK;
    copy_pass(c);
    if (copy_stopped(c))
        return stopped_copying(c);
    bytes = c->done_bytes;
    seconds = (double)(clock_ns() - begin + 1) / 1e9;
    if (o->verify)
        status = verify(c);
    if (status == STATUS_OK)
        report(c, o, bytes, seconds);
    return status;
}

static int begin(struct copy *c)
{
    c->buffers = malloc((size_t)COPY_DEPTH * COPY_CHUNK);
    if (!c->buffers)
        return fail_errno("get memory for", "the copy");
    signals_defer(true);
    return endpoint_begin(&c->dst);
}

int cmd_copy(const struct options *o)
{
    static struct copy c; /* too large for comfort on the stack */
    int status = check_operands(o);
    c.src.fd = c.dst.fd = -1;
    c.checkpoint = COPY_CHECKPOINT;
    if (status == STATUS_OK)
        status = open_ends(&c, o);
    if (status == STATUS_OK)
        status = check_ends(&c, o);
    if (status == STATUS_OK)
        status = begin(&c);
    if (status == STATUS_OK)
        status = copy(&c, o);
    endpoint_close(&c.src);
    endpoint_close(&c.dst);
    free(c.buffers); /* after the LUNs, whose I/Os may still name it */
    return status;
}
