/* SPDX-License-Identifier: MIT */
/* Task management (RFC 7143 11.5, 11.6; RFC 7144 6.3 for the functions from 9 on). */
#include "referee/court.h"

static bool names_task(uint8_t function)
{
    return function == WIRE_TMF_ABORT_TASK || function == WIRE_TMF_TASK_REASSIGN ||
           function == WIRE_TMF_QUERY_TASK;
}

/* --- what it covers --- */

static bool covers(const struct wire_tmf_request *q, const struct task_seen *t)
{
    switch (q->function) {
    case WIRE_TMF_ABORT_TASK:
        return t->itt == q->referenced_tag;
    case WIRE_TMF_ABORT_TASK_SET:
    case WIRE_TMF_CLEAR_TASK_SET:
    case WIRE_TMF_LU_RESET:
        return t->lun == q->lun;
    default:
        return q->function == WIRE_TMF_TARGET_WARM_RESET || q->function == WIRE_TMF_TARGET_COLD_RESET ||
               q->function == WIRE_TMF_IT_NEXUS_RESET;
    }
}

/* 4.2.3.4: stops data at once, but that of a single task may go on. */
static bool stops(const struct session_seen *s, uint8_t function)
{
    return s->agreed[KEY_TASK_REPORTING] == REPORT_FAST_ABORT && function != WIRE_TMF_ABORT_TASK;
}

static void mark(struct referee *r, const struct wire_tmf_request *q)
{
    struct session_seen *s = r->session;
    for (uint32_t i = 0; i < tasks_count(s); i++) {
        struct task_seen *t = task_at(s, i);
        if (!t->live || task_opcode(t) != WIRE_SCSI_COMMAND || !covers(q, t))
            continue;
        t->aborted = true;
        t->stopped = stops(s, q->function) && t->owner == r;
    }
}

/* --- the request --- */

static void judge_code(struct referee *r, uint8_t function)
{
    uint32_t last =
        r->session->agreed[KEY_PROTOCOL_LEVEL] >= 2 ? WIRE_TMF_QUERY_ASYNC_EVENT : WIRE_TMF_TASK_REASSIGN;
    if (function < WIRE_TMF_ABORT_TASK || function > last)
        foul(r, RULE_B2, "function %u is not assigned", function);
}

static void judge_reference(struct referee *r, const struct wire_tmf_request *q, const struct task_seen *t)
{
    uint32_t expected = t->immediate ? q->cmd_sn : t->cmd_sn;
    if (t->owner && t->owner != r)
        foul(r, RULE_M1, "the task is allegiant to connection %u", t->owner->number);
    else if (q->ref_cmd_sn != expected)
        foul(r, RULE_M1, "RefCmdSN is %u instead of %u", q->ref_cmd_sn, expected);
    if (q->lun != t->lun && task_opcode(t) == WIRE_SCSI_COMMAND)
        foul(r, RULE_D22, "LUN differs from that of the task");
}

static void judge_reassign(struct referee *r, const struct wire_tmf_request *q, struct task_seen *t)
{
    if (!q->immediate)
        foul(r, RULE_M10, "the I bit is not set");
    else if (r->session->agreed[KEY_ERROR_RECOVERY_LEVEL] < 2)
        foul(r, RULE_M10, "ErrorRecoveryLevel is %u", r->session->agreed[KEY_ERROR_RECOVERY_LEVEL]);
    else if (t && task_opcode(t) != WIRE_SCSI_COMMAND)
        foul(r, RULE_X4, "the task is a %s", wire_opcode_name(task_opcode(t)));
    else if (t && t->owner)
        foul(r, RULE_M10, "the task is allegiant to connection %u", t->owner->number);
    if (t && !t->owner)
        t->owner = r;
}

static void judge_tag(struct referee *r, const struct wire_tmf_request *q)
{
    bool none = q->referenced_tag == WIRE_TAG_NONE;
    struct task_seen *t = names_task(q->function) && !none ? task_find(r->session, q->referenced_tag) : NULL;
    if (!names_task(q->function) && !none)
        foul(r, RULE_M2, "ReferencedTaskTag is 0x%08x", q->referenced_tag);
    else if (names_task(q->function) && none)
        foul(r, RULE_M1, "ReferencedTaskTag is the reserved value");
    else if (q->function == WIRE_TMF_TASK_REASSIGN)
        judge_reassign(r, q, t);
    else if (t)
        judge_reference(r, q, t);
}

void judge_tmf(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_tmf_request q;
    get_tmf_request(pdu->bhs, &q);
    if (pdu->data_len > 0 || pdu->ahs_len > 0)
        foul(r, RULE_M2, "TotalAHSLength is %u words, DataSegmentLength %u", pdu->ahs_len / 4, pdu->data_len);
    judge_code(r, q.function);
    judge_tag(r, &q);
    mark(r, &q);
    task_begin(r, pdu->bhs);
}

/* --- the answer --- */

static void end_covered(struct session_seen *s, const struct wire_tmf_request *q, const struct task_seen *tmf,
                        uint32_t stat_sn)
{
    for (uint32_t i = 0; i < tasks_count(s); i++) {
        struct task_seen *t = task_at(s, i);
        if (t->live && task_opcode(t) == WIRE_SCSI_COMMAND && t->born < tmf->born && covers(q, t))
            task_end(t, stat_sn);
    }
}

void note_tmf(struct referee *r, const struct scan_pdu *pdu)
{
    struct wire_tmf_response a;
    struct wire_tmf_request q;
    get_tmf_response(pdu->bhs, &a);
    struct task_seen *tmf = task_find(r->session, a.itt);
    if (!tmf || task_opcode(tmf) != WIRE_TMF_REQUEST)
        return;
    get_tmf_request(tmf->bhs, &q);
    if (a.response == WIRE_TMF_COMPLETE || a.response == WIRE_TMF_NO_TASK)
        end_covered(r->session, &q, tmf, a.window.stat_sn);
    task_end(tmf, a.window.stat_sn);
}
