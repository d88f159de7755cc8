/* SPDX-License-Identifier: MIT */
/* One row per message: who may send it, when, and what the receiver does. */
#include "proto/core.h"

#define IN_LOGIN  (1u << CONN_LOGIN)
#define IN_FULL   (1u << CONN_FULL)
#define IN_LOGOUT (1u << CONN_LOGOUT)
#define FROM_T    ROLE_TARGET
#define FROM_I    ROLE_INITIATOR

static const struct dispatch_row rows[WIRE_OPCODES] = {
    /* what an initiator receives */
    [WIRE_DATA_IN] = {FROM_T, IN_FULL | IN_LOGOUT, .scsi_data = true, .section = "11.7",
                      .begin = initiator_data_in_begin, .end = initiator_data_in_end},
    [WIRE_SCSI_RESPONSE] = {FROM_T, IN_FULL | IN_LOGOUT, .control_data = true, .spill = true,
                            .section = "11.4", .end = initiator_scsi_response},
    [WIRE_R2T] = {FROM_T, IN_FULL | IN_LOGOUT, .section = "11.8", .end = initiator_r2t},
    [WIRE_NOP_IN] = {FROM_T, IN_FULL | IN_LOGOUT, .control_data = true, .spill = true, .section = "11.19",
                     .end = initiator_nop_in},
    [WIRE_LOGIN_RESPONSE] = {FROM_T, IN_LOGIN, .control_data = true, .section = "11.13",
                             .begin = login_response_begin, .end = login_response_end},
    [WIRE_TEXT_RESPONSE] = {FROM_T, IN_FULL | IN_LOGOUT, .control_data = true, .section = "11.11",
                            .end = initiator_text_response},
    [WIRE_TMF_RESPONSE] = {FROM_T, IN_FULL | IN_LOGOUT, .section = "11.6", .end = initiator_tmf_response},
    [WIRE_LOGOUT_RESPONSE] = {FROM_T, IN_FULL | IN_LOGOUT, .section = "11.15",
                              .end = initiator_logout_response},
    [WIRE_ASYNC] = {FROM_T, IN_FULL | IN_LOGOUT, .control_data = true, .spill = true, .section = "11.9",
                    .end = initiator_async},
    [WIRE_REJECT] = {FROM_T, IN_FULL | IN_LOGOUT, .control_data = true, .spill = true, .section = "11.17",
                     .end = initiator_reject},
    /* what a target receives */
    [WIRE_LOGIN_REQUEST] = {FROM_I, IN_LOGIN, .control_data = true, .section = "11.12",
                            .end = login_request_end},
    [WIRE_SCSI_COMMAND] = {FROM_I, IN_FULL, .scsi_data = true, .section = "11.3",
                           .begin = target_command_begin, .end = target_command_end},
    [WIRE_DATA_OUT] = {FROM_I, IN_FULL | IN_LOGOUT, .scsi_data = true, .section = "11.7",
                       .begin = target_data_out_begin, .end = target_data_out_end},
    [WIRE_NOP_OUT] = {FROM_I, IN_FULL | IN_LOGOUT, .control_data = true, .spill = true, .section = "11.18",
                      .end = target_nop_out},
    [WIRE_TMF_REQUEST] = {FROM_I, IN_FULL, .section = "11.5", .end = target_tmf_request},
    [WIRE_TEXT_REQUEST] = {FROM_I, IN_FULL, .control_data = true, .section = "11.10",
                           .end = target_text_request},
    [WIRE_LOGOUT_REQUEST] = {FROM_I, IN_FULL, .control_data = true, .spill = true, .section = "11.14",
                             .end = target_logout_request},
    [WIRE_SNACK_REQUEST] = {FROM_I, IN_FULL, .section = "11.16", .end = target_snack},
};

const struct dispatch_row *dispatch_find(const struct conn *c, uint8_t opcode)
{
    const struct dispatch_row *row = &rows[opcode % WIRE_OPCODES];
    return row->end && row->sender != c->role ? row : NULL;
}

/* Before the first answer everything odd means that somebody else listens there. */
static bool refuse(struct conn *c, const char *rule)
{
    bool stranger = c->phase == CONN_LOGIN && !c->login.started;
    conn_fail(c, stranger ? BERTH_E_NOT_ISCSI : BERTH_E_PROTOCOL, rule);
    return false;
}

/* The first byte tells a stranger's greeting from a login PDU. What follows its header must not be waited for
 * either before the header has been looked at: in a text of 48 letters the length of the additional header
 * segments is a letter, too, and login PDUs have none. */
bool dispatch_plausible(struct conn *c, const uint8_t *head, uint32_t have)
{
    const struct dispatch_row *row = dispatch_find(c, wire_opcode(head));
    if (have > 0 && !(row && row->phases & IN_LOGIN))
        return refuse(c, "not a login PDU (6.3)");
    if (have >= WIRE_BHS_LEN && wire_ahs_len(head) > 0)
        return refuse(c, "additional header segments in a login PDU (11.12, 11.13)");
    return true;
}

bool dispatch_begin(struct conn *c, struct pdu *pdu)
{
    const struct dispatch_row *row = dispatch_find(c, wire_opcode(pdu->bhs));
    if (!row)
        return refuse(c, "a PDU with an operation code that this side never receives (11.2.1.2)");
    if (!(row->phases & 1u << c->phase))
        return refuse(c, "a PDU that has no place in this phase (6.3)");
    if (pdu->data_len > c->max_recv)
        return refuse(c, "a data segment longer than MaxRecvDataSegmentLength (13.12)");
    if (!row->scsi_data && !row->control_data && pdu->data_len)
        return refuse(c, "a data segment in a PDU that has none (11.2)");
    if (row->control_data && !row->spill && pdu->data_len > c->config.control_bytes - c->control_have) {
        conn_fail(c, BERTH_E_LIMIT, "more text than this side has room for");
        return false;
    }
    return row->begin ? row->begin(c, pdu) : true;
}

void conn_pdu_received(struct conn *c, const struct pdu *pdu)
{
    dispatch_find(c, wire_opcode(pdu->bhs))->end(c, pdu);
}

/* At error recovery level 0 damaged data costs the connection; what nobody waits for is discarded (7.8). */
void dispatch_data_digest_error(struct conn *c, const struct pdu *pdu)
{
    uint8_t opcode = wire_opcode(pdu->bhs);
    if (opcode == WIRE_NOP_IN && wire_itt(pdu->bhs) == WIRE_TAG_NONE)
        return;
    conn_fail(c, BERTH_E_DATA_DIGEST, "data digest mismatch (7.8)");
}
