/* SPDX-License-Identifier: MIT */
/* SNACK (RFC 7143 11.16). */
#include "referee/court.h"

enum snack_type { SNACK_DATA, SNACK_STATUS, SNACK_DATA_ACK, SNACK_R_DATA, SNACK_TYPES };

/* --- fields --- */

/* DataACK: the tag and LUN of a Data-In that asked for it (11.16.5). */
static bool was_asked(const struct referee *r, const struct wire_snack *q)
{
    for (uint32_t i = 0; i < REFEREE_ACKS_MAX; i++)
        if (r->acks[i].asked && r->acks[i].ttt == q->ttt_or_tag && r->acks[i].lun == q->lun)
            return true;
    return false;
}

static bool tag_fits(const struct referee *r, const struct wire_snack *q)
{
    switch (q->type) {
    case SNACK_DATA_ACK:
        return was_asked(r, q);
    case SNACK_R_DATA:
        return q->ttt_or_tag != 0 && q->ttt_or_tag != WIRE_TAG_NONE;
    default:
        return q->ttt_or_tag == WIRE_TAG_NONE;
    }
}

static bool is_task(struct referee *r, uint32_t itt)
{
    const struct task_seen *t = itt == WIRE_TAG_NONE ? NULL : task_find(r->session, itt);
    return t ? task_opcode(t) == WIRE_SCSI_COMMAND : itt != WIRE_TAG_NONE && r->session->crowded;
}

static bool names_task(uint8_t type)
{
    return type == SNACK_DATA || type == SNACK_R_DATA;
}

static bool run_fits(const struct wire_snack *q)
{
    if (q->type == SNACK_R_DATA)
        return q->beg_run == 0 && q->run_length == 0;
    return q->type != SNACK_DATA_ACK || q->run_length == 0;
}

static void judge_fields(struct referee *r, const struct wire_snack *q)
{
    if (names_task(q->type) ? !is_task(r, q->itt) : q->itt != WIRE_TAG_NONE)
        foul(r, RULE_E2, "InitiatorTaskTag 0x%08x does not go with type %u", q->itt, q->type);
    else if (!tag_fits(r, q))
        foul(r, RULE_E2, "tag 0x%08x does not go with type %u", q->ttt_or_tag, q->type);
    else if (!run_fits(q))
        foul(r, RULE_E2, "BegRun %u and RunLength %u do not go with type %u", q->beg_run, q->run_length,
             q->type);
}

/* --- what is asked for --- */

/* BegRun and RunLength 0: whatever is not acknowledged. */
static bool asks_for_all(const struct wire_snack *q)
{
    return q->beg_run == 0 && q->run_length == 0;
}

static void judge_run(struct referee *r, const struct wire_snack *q)
{
    struct task_seen *t = names_task(q->type) ? task_find(r->session, q->itt) : NULL;
    if (asks_for_all(q))
        return;
    if (q->type == SNACK_STATUS && serial_lt(q->beg_run, r->acked))
        foul(r, RULE_E4, "StatSN %u is acknowledged", q->beg_run);
    else if (t && q->type == SNACK_DATA && q->beg_run < t->data_acked)
        foul(r, RULE_E4, "DataSN %u is acknowledged", q->beg_run);
}

/* --- data acknowledged --- */

/* A DataACK names no task but by the tag of the Data-In, of which only the task knows. */
static void acknowledge(struct referee *r, const struct wire_snack *q)
{
    for (uint32_t i = 0; i < REFEREE_ACKS_MAX; i++) {
        const struct ack_seen *a = &r->acks[i];
        struct task_seen *t = a->asked && a->ttt == q->ttt_or_tag ? task_find(r->session, a->itt) : NULL;
        if (t)
            t->data_acked = q->beg_run;
    }
}

void judge_snack(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_snack q;
    get_snack(pdu->bhs, &q);
    if (r->session->agreed[KEY_ERROR_RECOVERY_LEVEL] == 0) {
        foul(r, RULE_E1, "ErrorRecoveryLevel is 0");
        return;
    }
    if (q.type >= SNACK_TYPES) {
        foul(r, RULE_B2, "type %u is reserved", q.type);
        return;
    }
    judge_fields(r, &q);
    judge_run(r, &q);
    if (q.type == SNACK_DATA_ACK)
        acknowledge(r, &q);
}
