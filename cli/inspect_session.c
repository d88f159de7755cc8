/* SPDX-License-Identifier: MIT */
/* The login, what came of it, and how far away the target is. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cli/clock.h"
#include "cli/inspect.h"
#include "attach/size.h"

#define PINGS         16
#define FAR_US        5000.0 /* a round trip that takes longer is told */
#define SMALL_SEGMENT 65536u /* bytes; below, large I/Os cost noticeably more PDUs */
#define DIGEST_BYTES  (1024u * 1024)

/* --- login --- */

void inspect_login(struct inspection *in, struct finding *f)
{
    struct berth_detail why = {0};
    uint64_t begin = clock_ns();
    int error = berth_lun_open(&in->lun, in->url, &in->login.options, &why);
    double ms = (double)(clock_ns() - begin) / 1e6;
    if (error) {
        finding_error(f, error, &why);
        return;
    }
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    finding_figure(f, "ms", ms);
    finding_ok(f, "%s at %s, LUN %" PRIu32 ", as %s (%.1f ms)", i->target_name, i->portal, i->lun,
               in->login.options.initiator_name, ms);
}

void inspect_authentication(struct inspection *in, struct finding *f)
{
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    if (i->mutual)
        finding_ok(f, "CHAP, both ways");
    else if (i->authenticated)
        finding_ok(f, "CHAP; the target has not been asked to prove itself (--mutual-user)");
    else
        finding_ok(f, "none: the target lets us in without (--user)");
}

/* --- negotiation --- */

static const struct berth_negotiated *row_of(const struct berth_lun_info *i, const char *key)
{
    for (uint32_t k = 0; k < i->negotiated_count; k++)
        if (strcmp(i->negotiated[k].key, key) == 0)
            return &i->negotiated[k];
    return NULL;
}

static unsigned long theirs(const struct berth_lun_info *i, const char *key, unsigned long otherwise)
{
    const struct berth_negotiated *row = row_of(i, key);
    return row && row->theirs[0] ? strtoul(row->theirs, NULL, 10) : otherwise;
}

static unsigned long agreed(const struct berth_lun_info *i, const char *key)
{
    const struct berth_negotiated *row = row_of(i, key);
    return row ? strtoul(row->agreed, NULL, 10) : 0;
}

void inspect_negotiation(struct inspection *in, struct finding *f)
{
    const struct berth_lun_info *i = berth_lun_info(in->lun);
    unsigned long segment = theirs(i, "MaxRecvDataSegmentLength", 8192); /* RFC 7143 13.12 */
    unsigned long burst = agreed(i, "MaxBurstLength"), wait_s = agreed(i, "DefaultTime2Wait");
    finding_figure(f, "their_segment_bytes", (double)segment);
    finding_figure(f, "burst_bytes", (double)burst);
    finding_figure(f, "time_to_wait_s", (double)wait_s);
    if (wait_s * 1000 >= in->login.options.recovery_timeout_ms)
        finding_warning(f, "make it less at the target, or wait longer with --timeout",
                        "after a loss the target has us wait %lu s (DefaultTime2Wait), when I/Os have failed",
                        wait_s);
    else if (segment < SMALL_SEGMENT || burst < SMALL_SEGMENT)
        finding_warning(f, "raise them at the target for the sake of large I/Os",
                        "the target takes segments of %lu bytes, bursts of %lu", segment, burst);
    else
        finding_ok(f, "segments of %lu bytes, bursts of %lu; 'berth info' shows all", segment, burst);
}

/* --- distance --- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* TEST UNIT READY: to the LUN and back, through all of the target, and no data. */
void inspect_round_trip(struct inspection *in, struct finding *f)
{
    double us[PINGS];
    for (int k = 0; k < PINGS; k++) {
        struct berth_command command = {.cdb_len = 6};
        uint64_t begin = clock_ns();
        int error = berth_scsi(in->lun, &command, NULL, 0, 0);
        us[k] = (double)(clock_ns() - begin) / 1e3;
        if (error) {
            finding_error(f, error, berth_lun_detail(in->lun));
            return;
        }
    }
    qsort(us, PINGS, sizeof us[0], by_size);
    double median = us[PINGS / 2], longest = us[PINGS - 1];
    finding_figure(f, "median_us", median);
    finding_figure(f, "max_us", longest);
    if (median > FAR_US)
        finding_warning(f, "keep many I/Os in flight", "%.0f us, the longest of %d %.0f us", median, PINGS,
                        longest);
    else
        finding_ok(f, "%.0f us, the longest of %d %.0f us", median, PINGS, longest);
}

/* --- digests --- */

static int read_some(struct berth_lun *lun)
{
    const struct berth_lun_info *i = berth_lun_info(lun);
    uint64_t len = i->size_bytes < DIGEST_BYTES ? i->size_bytes : DIGEST_BYTES;
    void *buf = malloc(DIGEST_BYTES);
    int error = buf ? berth_read(lun, buf, len, 0) : BERTH_E_MEMORY;
    free(buf);
    return error;
}

/* Another session, for they are agreed on in a login. */
void inspect_digests(struct inspection *in, struct finding *f)
{
    struct berth_options options = in->login.options;
    struct berth_detail why = {0};
    struct berth_lun *lun;
    options.header_digest = options.data_digest = BERTH_DIGEST_CRC32C;
    options.isid = NULL; /* the first session stays */
    int error = berth_lun_open(&lun, in->url, &options, &why);
    if (error == BERTH_E_NEGOTIATION) {
        finding_warning(f, "have the target offer CRC32C, where the way there is not to be trusted",
                        "the target has none: TCP alone notices damage");
        return;
    }
    if (error == BERTH_E_BUSY) {
        finding_untried(f, "the target has no room for a second session");
        return;
    }
    if (error) {
        finding_error(f, error, &why);
        return;
    }
    error = read_some(lun);
    if (error)
        finding_error(f, error, berth_lun_detail(lun));
    else
        finding_ok(f, "CRC32C of headers and data can be had (--digest both)");
    berth_lun_close(lun);
}
