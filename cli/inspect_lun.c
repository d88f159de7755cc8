/* SPDX-License-Identifier: MIT */
/* What the LUN is and can do, and whether it can be read. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cli/bench.h"
#include "cli/inspect.h"
#include "attach/size.h"

#define CHUNK   (256u * 1024) /* of the read that is timed */
#define DEPTH   16u
#define READ_NS 500000000u

/* --- identity and size --- */

void inspect_identity(struct inspection *in, struct finding *f)
{
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    if (!i->identity[0] && !i->serial[0])
        finding_warning(f, "give it an identity at the target",
                        "%s %s, without identity or serial number: another in its place would go unnoticed",
                        i->vendor, i->product);
    else
        finding_ok(f, "%s %s, %s", i->vendor, i->product, i->identity[0] ? i->identity : i->serial);
}

void inspect_size(struct inspection *in, struct finding *f)
{
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    finding_figure(f, "size_bytes", (double)i->size_bytes);
    finding_figure(f, "block_bytes", i->block_bytes);
    finding_figure(f, "max_transfer_bytes", (double)i->max_transfer_bytes);
    finding_ok(f, "%s (%" PRIu64 " bytes), blocks of %" PRIu32 ", %s%s, %s at once at most",
               size_human(i->size_bytes).s, i->size_bytes, i->block_bytes, i->thin ? "thin, " : "",
               i->read_only ? "read-only" : "writable", size_human(i->max_transfer_bytes).s);
}

/* --- reading --- */

static bool read_block(struct inspection *in, struct finding *f, uint64_t offset, const char *which)
{
    uint32_t len = berth_lun_info(in->lun)->block_bytes;
    void *buf = malloc(len);
    int error = buf ? berth_read(in->lun, buf, len, offset) : BERTH_E_MEMORY;
    free(buf);
    if (error)
        finding_failed(f, exit_find(error)->status, exit_find(error)->next, "the %s block cannot be read: %s",
                       which, buf ? berth_lun_detail(in->lun)->text : berth_error_text(error));
    return !error;
}

static void judge_reads(struct finding *f, const struct bench *b)
{
    double rate = (double)(b->reads * b->block_bytes) / (b->seconds > 0 ? b->seconds : 1);
    int error = b->first_error.error;
    finding_figure(f, "bytes_per_s", rate);
    if (error == BERTH_E_TIMEOUT || error == BERTH_E_LOST)
        finding_failed(f, exit_find(error)->status, "see whether full packets pass: ping -M do -s 1472 HOST",
                       "short reads work, and reads of %" PRIu64 " bytes end with: %s", b->block_bytes,
                       berth_error_text(error));
    else if (error)
        finding_failed(f, exit_find(error)->status, exit_find(error)->next,
                       "%" PRIu64 " of %" PRIu64 " reads: %s", b->errors, b->errors + b->reads,
                       berth_error_text(error));
    else
        finding_ok(f, "the first block, the last, and %" PRIu64 " MiB in order at %s",
                   b->reads * b->block_bytes >> 20, size_rate(rate).s);
}

/* The largest piece that suits the LUN's block and size. */
static uint64_t chunk_of(const struct berth_lun_info *i)
{
    uint64_t len = i->size_bytes < CHUNK ? i->size_bytes : CHUNK;
    return len < i->block_bytes ? i->block_bytes : len - len % i->block_bytes;
}

void inspect_read(struct inspection *in, struct finding *f)
{
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    struct bench b = {
        .mode = BENCH_READ, .depth = DEPTH, .threads = 1, .duration_ns = READ_NS, .lun = in->lun};
    b.block_bytes = chunk_of(i);
    if (i->size_bytes == 0) {
        finding_untried(f, "the LUN is empty");
        return;
    }
    if (!read_block(in, f, 0, "first") || !read_block(in, f, i->size_bytes - i->block_bytes, "last"))
        return;
    if (bench_prepare(&b) == STATUS_OK) {
        bench_run(&b);
        judge_reads(f, &b);
    } else {
        finding_error(f, BERTH_E_MEMORY, NULL);
    }
    berth_queue_free(b.queue); /* before its memory */
    bench_free(&b);
}

/* --- what it can do --- */

void inspect_cache(struct inspection *in, struct finding *f)
{
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    if (i->write_cache)
        finding_ok(f, "on: a flush makes writes durable%s", i->fua ? ", or FUA each by itself" : "");
    else
        finding_ok(f, "off: a write that is done is durable");
}

void inspect_trim(struct inspection *in, struct finding *f)
{
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    finding_figure(f, "max_trim_bytes", (double)i->max_trim_bytes);
    if (i->max_trim_bytes)
        finding_ok(f, "up to %s at once, and trimmed blocks read as %s", size_human(i->max_trim_bytes).s,
                   i->trim_reads_zeros ? "zeros" : "anything");
    else if (i->thin)
        finding_warning(f, "see to it at the target, or its store only grows",
                        "the LUN is thin and has no UNMAP");
    else
        finding_ok(f, "none");
}

void inspect_zero(struct inspection *in, struct finding *f)
{
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    finding_figure(f, "max_zero_bytes", (double)i->max_zero_bytes);
    if (i->max_zero_bytes)
        finding_ok(f, "up to %s at once", size_human(i->max_zero_bytes).s);
    else
        finding_ok(f, "none: zeros are sent as data");
}

/* Data of a command that brings some; how much came, or the error. */
static int64_t ask(struct inspection *in, const uint8_t *cdb, uint8_t cdb_len, uint8_t *reply, uint32_t len)
{
    struct berth_command c = {.cdb_len = cdb_len, .direction = BERTH_DATA_IN};
    memcpy(c.cdb, cdb, cdb_len);
    memset(reply, 0, len);
    int error = berth_scsi(in->lun, &c, reply, len, 0);
    return error ? error : (int64_t)c.moved_bytes;
}

/* A LUN that does not know a command tells nothing of its health. */
static bool is_unknown(int64_t got)
{
    return got == BERTH_E_UNSUPPORTED;
}

/* Block limits VPD page (SBC-3 6.6.3): MAXIMUM COMPARE AND WRITE LENGTH in byte 5. */
void inspect_compare(struct inspection *in, struct finding *f)
{
    static const uint8_t cdb[] = {0x12, 0x01, 0xb0, 0x00, 0x40, 0x00};
    uint8_t page[64];
    int64_t got = ask(in, cdb, sizeof cdb, page, sizeof page);
    if (got < 0 && !is_unknown(got))
        finding_error(f, (int)got, berth_lun_detail(in->lun));
    else if (got > 5 && page[1] == 0xb0 && page[5])
        finding_ok(f, "up to %u blocks at once", page[5]);
    else
        finding_ok(f, "none");
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* PERSISTENT RESERVE IN, READ KEYS and READ RESERVATION (SPC-4 6.15): how many have registered, and whether
 * one of them holds it. */
void inspect_reservations(struct inspection *in, struct finding *f)
{
    static const uint8_t keys_cdb[] = {0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0};
    static const uint8_t held_cdb[] = {0x5e, 1, 0, 0, 0, 0, 0, 0, 24, 0};
    uint8_t keys[8], held[24];
    int64_t got = ask(in, keys_cdb, sizeof keys_cdb, keys, sizeof keys);
    if (is_unknown(got)) {
        finding_ok(f, "none");
        return;
    }
    int64_t more = got < 0 ? got : ask(in, held_cdb, sizeof held_cdb, held, sizeof held);
    if (more < 0) {
        finding_error(f, (int)more, berth_lun_detail(in->lun));
        return;
    }
    uint32_t count = get32(keys + 4) / 8;
    finding_figure(f, "registrations", count);
    if (get32(held + 4) > 0)
        finding_warning(f, "find out who else uses it before you write",
                        "reserved, of type %u; %" PRIu32 " registrations", held[21] & 15, count);
    else if (count > 0)
        finding_warning(f, "find out who else uses it before you write",
                        "not reserved, and %" PRIu32 " registrations", count);
    else
        finding_ok(f, "persistent ones can be had, and nobody has any");
}
