/* SPDX-License-Identifier: MIT */
/* Counters, as JSON and as text that Prometheus reads. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "attach/parts.h"
#include "attach/verbs.h"

static struct berth_stats stats_of(struct attachment *a)
{
    struct berth_stats stats = {.syscalls = 0};
    if (a->lun)
        berth_lun_stats(a->lun, &stats);
    return stats;
}

static bool connected(struct attachment *a)
{
    struct berth_status st = {.size = sizeof st};
    return a->lun && berth_lun_status(a->lun, &st) == 0 && st.state == BERTH_STATE_UP;
}

static json_t *op_json(const struct counters_sum *s)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)s->count, "bytes",
                     (json_int_t)s->bytes, "errors", (json_int_t)s->errors, "mean_us",
                     (json_int_t)(s->count ? s->ns / s->count / 1000 : 0), "p50_us",
                     (json_int_t)(counters_at(s, 0.5) / 1000), "p99_us",
                     (json_int_t)(counters_at(s, 0.99) / 1000));
}

json_t *stat_of(struct attachment *a)
{
    struct berth_stats w = stats_of(a);
    json_t *ops = json_object();
    for (int op = 0; op < ATTACHMENT_OPS; op++) {
        struct counters_sum sum = counters_of(&a->counters, (enum attachment_op)op);
        json_object_set_new(ops, counters_word((enum attachment_op)op), op_json(&sum));
    }
    return json_pack("{s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:I}", "operations", ops, "session", "syscalls",
                     (json_int_t)w.syscalls, "rx_bytes", (json_int_t)w.rx_bytes, "tx_bytes",
                     (json_int_t)w.tx_bytes, "commands", (json_int_t)w.commands, "retries",
                     (json_int_t)w.retries, "lost_writes", (json_int_t)w.lost_writes, "uptime_ms",
                     (json_int_t)(attachment_now_ms() - a->facts.begun_ms));
}

/* --- text --- */

struct text {
    FILE *out;
    const char *name;
};

static void head(const struct text *t, const char *metric, const char *type, const char *help)
{
    fprintf(t->out, "# HELP berth_%s %s\n# TYPE berth_%s %s\n", metric, help, metric, type);
}

static void put_op(const struct text *t, const char *metric, const char *op, uint64_t value)
{
    fprintf(t->out, "berth_%s{attachment=\"%s\",operation=\"%s\"} %" PRIu64 "\n", metric, t->name, op, value);
}

static void put_one(const struct text *t, const char *metric, const char *type, const char *help,
                    uint64_t value)
{
    head(t, metric, type, help);
    fprintf(t->out, "berth_%s{attachment=\"%s\"} %" PRIu64 "\n", metric, t->name, value);
}

static void put_histogram(const struct text *t, const char *op, const struct counters_sum *s)
{
    static const char metric[] = "operation_duration_seconds";
    uint64_t below = 0;
    for (uint32_t b = 0; b + 1 < COUNTERS_BUCKETS; b++) {
        below += s->buckets[b];
        fprintf(t->out, "berth_%s_bucket{attachment=\"%s\",operation=\"%s\",le=\"%.9g\"} %" PRIu64 "\n",
                metric, t->name, op, (double)counters_bucket_ns(b) / 1e9, below);
    }
    fprintf(t->out, "berth_%s_bucket{attachment=\"%s\",operation=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", metric,
            t->name, op, s->count);
    fprintf(t->out, "berth_%s_sum{attachment=\"%s\",operation=\"%s\"} %.9g\n", metric, t->name, op,
            (double)s->ns / 1e9);
    put_op(t, "operation_duration_seconds_count", op, s->count);
}

static void put_ops(const struct text *t, const struct counters_sum sums[ATTACHMENT_OPS])
{
    head(t, "operations_total", "counter", "Operations that have ended.");
    for (int op = 0; op < ATTACHMENT_OPS; op++)
        put_op(t, "operations_total", counters_word((enum attachment_op)op), sums[op].count);
    head(t, "operation_bytes_total", "counter", "Bytes of operations that succeeded.");
    for (int op = 0; op < ATTACHMENT_OPS; op++)
        put_op(t, "operation_bytes_total", counters_word((enum attachment_op)op), sums[op].bytes);
    head(t, "operation_errors_total", "counter", "Operations that failed.");
    for (int op = 0; op < ATTACHMENT_OPS; op++)
        put_op(t, "operation_errors_total", counters_word((enum attachment_op)op), sums[op].errors);
    head(t, "operation_duration_seconds", "histogram", "How long operations took.");
    for (int op = 0; op < ATTACHMENT_OPS; op++)
        put_histogram(t, counters_word((enum attachment_op)op), &sums[op]);
}

static void put_session(const struct text *t, struct attachment *a)
{
    struct berth_stats w = stats_of(a);
    put_one(t, "connected", "gauge", "1 if a session is up.", connected(a));
    put_one(t, "rx_bytes_total", "counter", "Bytes received on the wire.", w.rx_bytes);
    put_one(t, "tx_bytes_total", "counter", "Bytes sent on the wire.", w.tx_bytes);
    put_one(t, "commands_total", "counter", "SCSI commands completed.", w.commands);
    put_one(t, "retries_total", "counter", "SCSI commands sent again.", w.retries);
    put_one(t, "lost_writes_total", "counter", "Times that the LUN lost what it had acknowledged.",
            w.lost_writes);
    put_one(t, "reconnects_total", "counter", "Sessions brought back.",
            a->lun ? attachment_info(a).reconnects : 0);
}

json_t *stat_prometheus(struct attachment *a)
{
    struct counters_sum sums[ATTACHMENT_OPS];
    char *text = NULL;
    size_t len;
    struct text t = {open_memstream(&text, &len), a->name};
    if (!t.out)
        return NULL;
    for (int op = 0; op < ATTACHMENT_OPS; op++)
        sums[op] = counters_of(&a->counters, (enum attachment_op)op);
    put_ops(&t, sums);
    put_session(&t, a);
    bool whole = fclose(t.out) == 0;
    json_t *result = whole ? json_pack("{s:s}", "text", text) : NULL;
    free(text);
    return result;
}
