/* SPDX-License-Identifier: MIT */
/* Violations and the verdict as text. */
#include <inttypes.h>
#include <stdio.h>
#include "referee/court.h"

#define HEX_MAX (2 * WIRE_BHS_LEN + 1)

static void hex(const uint8_t *bytes, char out[HEX_MAX])
{
    for (uint32_t i = 0; i < WIRE_BHS_LEN; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", bytes[i]);
}

void referee_line(const struct referee_violation *v, char out[REFEREE_LINE_MAX])
{
    char bytes[HEX_MAX];
    hex(v->bhs, bytes);
    snprintf(out, REFEREE_LINE_MAX,
             "%s (RFC 7143 %s): %s: %s itt 0x%08" PRIx32 " at %" PRIu64 " of connection %" PRIu32
             " from %s%s%s, header %s",
             v->rule->id, v->rule->section, v->detail, wire_opcode_name(wire_opcode(v->bhs)),
             wire_itt(v->bhs), v->offset, v->connection, v->peer, v->initiator[0] ? ", " : "", v->initiator,
             bytes);
}

static void write_count(struct writer *w, uint64_t n, const char *what)
{
    write_number(w, n);
    write_str(w, what);
    if (n != 1)
        write8(w, 's');
}

/* How often each rule was broken, those that were not left out. */
static void write_rules(struct writer *w, const struct referee_totals *t)
{
    const char *before = " (";
    for (uint32_t i = 0; i < RULE_COUNT; i++) {
        if (t->by_rule[i] == 0)
            continue;
        write_str(w, before);
        write_str(w, rule_rows[i].id);
        write_str(w, ": ");
        write_number(w, t->by_rule[i]);
        before = ", ";
    }
    write_str(w, ")");
}

void referee_verdict(const struct referee_totals *t, char out[REFEREE_LINE_MAX])
{
    struct writer w = writer_over(out, REFEREE_LINE_MAX - 1);
    write_count(&w, t->pdus, " PDU");
    write_str(&w, " of ");
    write_count(&w, t->connections, " connection");
    write_str(&w, " checked, ");
    if (t->violations == 0) {
        write_str(&w, "no violation");
    } else {
        write_count(&w, t->violations, " violation");
        write_rules(&w, t);
    }
    out[writer_len(&w)] = '\0';
}
