/* SPDX-License-Identifier: MIT */
#include "referee/rules.h"

#define MUST(rule, section, statement)   [RULE_##rule] = {#rule, section, RULE_MUST, statement}
#define SHOULD(rule, section, statement) [RULE_##rule] = {#rule, section, RULE_SHOULD, statement}

/* clang-format off */
const struct rule_row rule_rows[RULE_COUNT] = {
    MUST(N1, "4.2.7.1", "all connections of a session bear one InitiatorName"),
    MUST(N3, "4.2.7.2", "InitiatorName is a name of one of the three types, normalised, of at most 223 bytes"),
    MUST(N4, "13.5", "InitiatorName is in the first text of every connection, and only there"),
    MUST(N5, "13.4", "TargetName is in the first text of a connection unless for discovery, and only there"),
    MUST(N6, "4.4.3", "no session is begun while one between the same ports is in use"),
    MUST(N7, "11.12.5", "ISID has one of the three formats"),
    MUST(N9, "11.12.6", "TSIH is 0 or one that the target gave, and the same in all requests of a login"),
    MUST(N10, "11.12.7", "CID is the same in all requests of a login"),

    MUST(L1, "6.3", "Login Requests come first, and nothing else before the full feature phase begins"),
    MUST(L2, "11.12.4", "Version-max and Version-min are 0"),
    MUST(L3, "11.12", "a Login Request is immediate"),
    MUST(L4, "11.12.8", "the leading login does not advance CmdSN, and the first command after it has its number"),
    MUST(L5, "11.12.9", "a Login Request, and the first PDU after login, acknowledge the last Login Response"),
    MUST(L6, "6.3", "the stages of a login follow each other as both sides agreed, and C excludes T"),
    MUST(L8, "6.2", "a response with C=1 is answered by a request without data"),
    MUST(L9, "6.3", "a data segment of a login has at most 8192 bytes"),
    MUST(L10, "11.13.5", "nothing follows a Login Response that refuses or redirects"),
    MUST(L19, "6.3", "a login is one task: one InitiatorTaskTag, one ISID"),
    MUST(L20, "6.3", "a Login Request waits for the answer to the one before"),

    MUST(H1, "12.1.3", "MD5 is among the CHAP algorithms that are offered"),
    MUST(H6, "9.2.1", "the target's CHAP challenge is not sent back to it"),
    MUST(H10, "12.1.3", "CHAP keys come in their order and groups, in the security stage"),

    MUST(T1, "6.1", "text is key=value pairs, each with a delimiter behind it"),
    MUST(T2, "6.2", "a value that is proposed or declared is one that its key can have"),
    MUST(T3, "6.3", "no key is sent twice in one negotiation"),
    MUST(T4, "6.2", "a key that the target proposes is answered in the next text"),
    MUST(T5, "6.2", "a key of the target's that is not known is answered NotUnderstood"),
    MUST(T6, "6.2.2", "an answer is a value that the proposal admits"),
    MUST(T8, "13.12", "a text is no longer than the target's MaxRecvDataSegmentLength"),
    MUST(T9, "13.14", "FirstBurstLength does not exceed MaxBurstLength"),
    MUST(T10, "13.19", "with recovery and DataSequenceInOrder=Yes MaxOutstandingR2T is 1"),
    MUST(T11, "13", "keys of the session are sent on its leading connection only"),
    MUST(T13, "6.2", "no key of the RFC is answered NotUnderstood"),
    MUST(T14, "11.10", "Text Requests come one at a time, a sequence with one tag and one I bit, and C excludes F"),
    MUST(T15, "13", "a Text Request holds keys of the full feature phase only"),
    MUST(T18, "6.3", "a key is sent in a stage, and by a side, that may send it"),
    MUST(T19, "13.23", "a proposal of TaskReporting has RFC3720 and ResponseFence"),
    MUST(T20, "13.22", "no key of a vendor is sent in a discovery session"),

    MUST(C1, "4.2.2.1", "CmdSN rises by one from command to command"),
    MUST(C2, "4.2.2.1", "no CmdSN is beyond MaxCmdSN"),
    MUST(C5, "4.2.2.1", "an immediate request has the present CmdSN and does not use it up"),
    MUST(C7, "11.2.1.8", "an InitiatorTaskTag is not reserved and no other task of the session has it"),
    MUST(C8, "7.2.1", "a command is sent again only to close a gap, and unchanged"),

    MUST(S1, "4.2.2.2", "ExpStatSN acknowledges nothing that was not sent"),
    MUST(S5, "4.2.2.2", "ExpStatSN does not stay far behind StatSN"),

    MUST(D1, "11.3.1", "F, R and W of a command say what data there is"),
    MUST(D2, "13.11", "no immediate data without ImmediateData=Yes"),
    MUST(D3, "13.10", "no unsolicited data with InitialR2T=Yes, behind its end, or beyond FirstBurstLength"),
    MUST(D4, "4.2.5.2", "unsolicited Data-Out goes to FirstBurstLength or the end of the data"),
    MUST(D5, "4.2.5.2", "unsolicited data comes in the order of its commands"),
    MUST(D6, "11.7.4", "Data-Out has the TargetTransferTag and LUN of an outstanding R2T"),
    MUST(D7, "4.2.2.4", "DataSN counts from 0 in each sequence, and F ends it"),
    MUST(D8, "11.8", "a sequence fills its range from the beginning to the end"),
    MUST(D9, "13.12", "a data segment does not exceed MaxRecvDataSegmentLength, a sequence not MaxBurstLength"),
    MUST(D11, "11.8", "the R2Ts of a task are answered in their order"),
    MUST(D18, "11.2.2", "additional header segments are well-formed and only where needed"),
    SHOULD(D20, "11.1", "padding is zeros"),
    MUST(D21, "11.2.1.2", "an initiator sends no PDU of a target"),
    SHOULD(D22, "11.2.1.7", "a LUN has a format of SAM and is that of the task"),
    MUST(D24, "11.7.6", "no data beyond the expected data transfer length"),
    MUST(D25, "4.2.5.3", "Data-Out belongs to a SCSI task that there is"),
    SHOULD(D26, "11.7.7", "Data-Out fills whole words, except for the last of a sequence"),

    MUST(B1, "11", "reserved bits are 0, and fixed ones 1"),
    MUST(B2, "11", "codes that are reserved or not assigned are not used"),
    MUST(B3, "11.2.1", "TotalAHSLength and DataSegmentLength are 0 where there are no such segments"),

    MUST(G1, "13.1", "digests that were agreed begin with the first PDU of the full feature phase"),
    MUST(G3, "11.2.3", "digests are right"),

    MUST(P1, "11.18", "a ping of the target is answered, with its LUN and no InitiatorTaskTag"),
    MUST(P2, "11.18.1", "a NOP-Out without InitiatorTaskTag is immediate"),
    MUST(P3, "11.18.2", "a NOP-Out has a TargetTransferTag only as the answer to a ping"),
    MUST(P4, "11.18.3", "ping data is no longer than the target's MaxRecvDataSegmentLength"),

    MUST(M1, "11.5.1", "ABORT TASK names a task of its connection by tag and CmdSN"),
    MUST(M2, "11.5.4", "functions without a task have the reserved tag, and none has data"),
    MUST(M5, "4.2.3.4", "with FastAbort no data follows for tasks that were aborted"),
    MUST(M10, "11.5.1", "TASK REASSIGN is immediate, at level 2, for a task whose connection is gone"),
    MUST(X4, "11.5.1", "neither task management nor text nor logout is reassigned"),

    MUST(A1, "11.9.1", "Logout follows when the target asks for it, in time"),
    MUST(A3, "11.9.1", "a Text Request follows when the target asks for it, in time"),
    SHOULD(A6, "11.9.1", "no new command follows when the target has asked for Logout"),
    MUST(J4, "11.17", "an initiator sends no Reject"),
    MUST(O1, "11.14", "no new request follows a Logout Request"),

    MUST(E1, "11.16", "no SNACK at error recovery level 0"),
    MUST(E2, "11.16.4", "the tags and run of a SNACK are those of its type"),
    MUST(E4, "11.16", "no SNACK asks for what was acknowledged"),
    MUST(Q2, "4.2.5.1", "all PDUs of a task use the connection of its request"),

    MUST(Y1, "4.3", "a discovery session asks for targets, and closes"),
    MUST(Y2, "C", "SendTargets stands alone, and asks for All in discovery sessions only"),
    MUST(Y3, "11.11.4", "a Text Request that goes on has the TargetTransferTag and LUN of the response"),
};
/* clang-format on */
