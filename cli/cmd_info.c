/* SPDX-License-Identifier: MIT */
/* berth info: what a LUN is, what it can do, and how the session to it was negotiated. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "attach/negotiated.h"
#include "attach/size.h"
#include "attach/utf8.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/login.h"
#include "cli/say.h"

static void line(const char *name, const char *value)
{
    char plain[512];
    printf("%-18s %s\n", name, utf8_plain(plain, sizeof plain, value));
}

static void line_size(const char *name, uint64_t bytes, const char *zero)
{
    if (bytes == 0)
        printf("%-18s %s\n", name, zero);
    else if (bytes < 1024)
        printf("%-18s %" PRIu64 " bytes\n", name, bytes);
    else
        printf("%-18s %s (%" PRIu64 " bytes)\n", name, size_human(bytes).s, bytes);
}

static void line_bool(const char *name, bool value, const char *yes, const char *no)
{
    printf("%-18s %s\n", name, value ? yes : no);
}

static void print_identity(const struct berth_lun_info *i)
{
    line("target", i->target_name);
    if (i->target_alias[0])
        line("alias", i->target_alias);
    line("portal", i->portal);
    if (i->portal_group >= 0)
        printf("%-18s %" PRId32 "\n", "portal group", i->portal_group);
    printf("%-18s %" PRIu32 "\n", "LUN", i->lun);
    line("vendor", i->vendor);
    line("product", i->product);
    line("revision", i->revision);
    line("serial", i->serial[0] ? i->serial : "none");
    line("identity", i->identity[0] ? i->identity : "none");
}

static void print_limits(const struct berth_lun_info *i)
{
    line_size("size", i->size_bytes, "0 bytes");
    line_size("block", i->block_bytes, "unknown");
    line_size("physical block", i->physical_block_bytes, "unknown");
    line_size("largest transfer", i->max_transfer_bytes, "unknown");
    line_size("optimal transfer", i->optimal_transfer_bytes, "unknown");
    line_size("largest trim", i->max_trim_bytes, "cannot trim");
    line_size("trim granularity", i->trim_granularity_bytes, "unknown");
    line_size("largest zeroing", i->max_zero_bytes, "zeros are sent as data");
    line_bool("provisioning", i->thin, "thin", "full");
    line_bool("trimmed blocks", i->trim_reads_zeros, "read as zeros", "read as anything");
    line_bool("writable", !i->read_only, "yes", "no, read-only");
    line_bool("write cache", i->write_cache, "on: flush makes writes durable", "off");
    line_bool("FUA", i->fua, "yes", "no");
    line_bool("medium", i->rotational, "rotating", "solid state or unknown");
}

static const char *or_dash(char *out, size_t size, const char *value)
{
    return value[0] ? utf8_plain(out, size, value) : "-";
}

static void print_negotiated(const struct berth_negotiated *n)
{
    char agreed[24], ours[40], theirs[40];
    printf("%-26s %-16s %-32s %-16s %s\n", n->key, or_dash(agreed, sizeof agreed, n->agreed),
           or_dash(ours, sizeof ours, n->mine), or_dash(theirs, sizeof theirs, n->theirs),
           negotiated_asked_by(n));
}

static void print_session(const struct berth_lun_info *i)
{
    line("login", i->mutual ? "CHAP, both ways" : i->authenticated ? "CHAP" : "without authentication");
    line_bool("header digest", i->header_digest, "CRC32C", "none");
    line_bool("data digest", i->data_digest, "CRC32C", "none");
    line("engine", i->engine);
    printf("\n%-26s %-16s %-32s %-16s %s\n", "negotiated", "agreed", "ours", "theirs", "asked by");
    for (uint32_t k = 0; k < i->negotiated_count; k++)
        print_negotiated(&i->negotiated[k]);
}

static void json_identity(struct json *j, const struct berth_lun_info *i)
{
    json_put_text(j, "target", i->target_name);
    json_put_text(j, "alias", i->target_alias);
    json_put_text(j, "portal", i->portal);
    json_put_int(j, "group", i->portal_group);
    json_put_u64(j, "lun", i->lun);
    json_put_text(j, "vendor", i->vendor);
    json_put_text(j, "product", i->product);
    json_put_text(j, "revision", i->revision);
    json_put_text(j, "serial", i->serial);
    json_put_text(j, "identity", i->identity);
}

static void json_limits(struct json *j, const struct berth_lun_info *i)
{
    json_put_u64(j, "size_bytes", i->size_bytes);
    json_put_u64(j, "block_bytes", i->block_bytes);
    json_put_u64(j, "physical_block_bytes", i->physical_block_bytes);
    json_put_u64(j, "max_transfer_bytes", i->max_transfer_bytes);
    json_put_u64(j, "optimal_transfer_bytes", i->optimal_transfer_bytes);
    json_put_u64(j, "max_trim_bytes", i->max_trim_bytes);
    json_put_u64(j, "trim_granularity_bytes", i->trim_granularity_bytes);
    json_put_u64(j, "max_zero_bytes", i->max_zero_bytes);
    json_put_bool(j, "thin", i->thin);
    json_put_bool(j, "trim_reads_zeros", i->trim_reads_zeros);
    json_put_bool(j, "read_only", i->read_only);
    json_put_bool(j, "write_cache", i->write_cache);
    json_put_bool(j, "fua", i->fua);
    json_put_bool(j, "rotational", i->rotational);
}

static void json_session(struct json *j, const struct berth_lun_info *i)
{
    json_put_bool(j, "authenticated", i->authenticated);
    json_put_bool(j, "mutual", i->mutual);
    json_put_bool(j, "header_digest", i->header_digest);
    json_put_bool(j, "data_digest", i->data_digest);
    json_put_text(j, "engine", i->engine);
    json_put_array(j, "negotiated");
    for (uint32_t k = 0; k < i->negotiated_count; k++) {
        const struct berth_negotiated *n = &i->negotiated[k];
        json_put_object(j, NULL);
        json_put_text(j, "key", n->key);
        json_put_text(j, "agreed", n->agreed);
        json_put_text(j, "ours", n->mine);
        json_put_text(j, "theirs", n->theirs);
        json_put_text(j, "asked_by", negotiated_asked_by(n));
        json_put_object_end(j);
    }
    json_put_array_end(j);
}

static void print_json(const struct berth_lun_info *i, const char *url)
{
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", "berth-info/1");
    json_put_text(&j, "url", url);
    json_identity(&j, i);
    json_limits(&j, i);
    json_session(&j, i);
    json_put_object_end(&j);
    putchar('\n');
}

int cmd_info(const struct options *o)
{
    struct login l;
    struct berth_lun *lun = NULL;
    int status = login_prepare(&l, o, o->operands, 1);
    if (status == STATUS_OK)
        status = login_open(&lun, o->operands[0], &l);
    login_wipe(&l);
    if (status != STATUS_OK)
        return status;
    if (o->json) {
        print_json(berth_lun_info(lun), o->operands[0]);
    } else {
        print_identity(berth_lun_info(lun));
        print_limits(berth_lun_info(lun));
        print_session(berth_lun_info(lun));
    }
    berth_lun_close(lun);
    return STATUS_OK;
}
