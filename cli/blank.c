/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "cli/blank.h"
#include "cli/pattern.h"
#include "cli/say.h"

#define SAMPLES    16u
#define SAMPLE_LEN (1024u * 1024) /* bytes; block sizes divide it */

struct blank {
    struct berth_lun *lun;
    uint64_t size;
    uint32_t block;
    uint8_t *buf; /* SAMPLE_LEN */
    bool holds;
};

int blank_extent(struct berth_lun *lun, uint64_t offset, uint64_t *len, bool *hole)
{
    const struct berth_lun_info *info = berth_lun_info(lun);
    int error =
        info->thin && info->trim_reads_zeros ? berth_extent(lun, offset, len, hole) : BERTH_E_UNSUPPORTED;
    if (error == 0 && *len > 0)
        return 0;
    if (error && berth_error_scope(error) != BERTH_SCOPE_TASK)
        return error;
    *len = info->size_bytes - offset;
    *hole = false;
    return 0;
}

/* Looks at up to a MiB from `offset` on. Returns enum berth_error. */
static int sample(struct blank *b, uint64_t offset)
{
    uint64_t len = b->size - offset < SAMPLE_LEN ? b->size - offset : SAMPLE_LEN;
    int error = berth_read(b->lun, b->buf, len, offset);
    if (!error && !pattern_is_blank(b->buf, len, b->block))
        b->holds = true;
    return error;
}

/* Looks at the first data between `offset` and `end`, if the LUN can tell where that is. */
static int sample_data(struct blank *b, uint64_t offset, uint64_t end)
{
    uint64_t len = 0;
    bool hole = false;
    int error = blank_extent(b->lun, offset, &len, &hole);
    if (error)
        return error;
    if (hole && len >= end - offset)
        return 0;
    return sample(b, hole ? offset + len : offset);
}

/* The first MiB has nearly every partition table and superblock, the last one their backups; the rest is
 * spread. */
static int look(struct blank *b)
{
    uint64_t part = b->size / SAMPLES / SAMPLE_LEN * SAMPLE_LEN;
    int error = sample(b, 0);
    if (!error && b->size > SAMPLE_LEN)
        error = sample(b, (b->size - SAMPLE_LEN) / b->block * b->block);
    for (uint64_t i = 0; i < SAMPLES && part && !error && !b->holds; i++)
        error = sample_data(b, i * part, (i + 1) * part);
    return error;
}

int blank_check(struct berth_lun *lun, const char *url, const char *doing)
{
    const struct berth_lun_info *info = berth_lun_info(lun);
    struct blank b = {.lun = lun, .size = info->size_bytes, .block = info->block_bytes};
    int error;
    b.buf = malloc(SAMPLE_LEN);
    if (!b.buf)
        return fail_errno("get memory for", url);
    error = look(&b);
    free(b.buf);
    if (error)
        return fail_error(error, berth_lun_detail(lun), url);
    if (b.holds)
        return fail(STATUS_FAILED, "%s holds data, which %s would destroy; give --force to do so", url,
                    doing);
    return STATUS_OK;
}
