/* SPDX-License-Identifier: MIT */
/* Keys: offered by the target, answered strangely, and meant otherwise than they look. */
#include "check/case.h"

#define LOGIN SHORT, .op = OP_READ, .topic = TOPIC_NEGOTIATION

/* The target offers a key by itself, in a response after which the login still goes on. */
#define OFFERED(key, value, name)                                                                            \
    {                                                                                                        \
        .id = "offered-" name, LOGIN, .section = "6.2",                                                      \
        .sentence = "the target offers " key "; it is answered", .script = "key-offered-by-target",          \
        .rules = "on login-response with nsg 3 text remove " key " and text add " key "=" value              \
                 " and hold-login 1",                                                                        \
        .end = END_SUCCESS,                                                                                  \
    }

/* The target answers an offer with Reject. */
#define REJECTED(key, name)                                                                                  \
    {                                                                                                        \
        .id = "rejected-" name, LOGIN, .section = "7.12",                                                    \
        .sentence = "the offer of " key " is answered with Reject; the default holds, or the login ends",    \
        .script = "key-rejected",                                                                            \
        .rules = "on login-response with text " key " text replace " key "=Reject", .end = END_EITHER,       \
    }

/* The target answers an offer with what is no value of the key. */
#define WILD(key, value, name)                                                                               \
    {                                                                                                        \
        .id = "wild-" name, LOGIN, .section = "6.2.2",                                                       \
        .sentence = key " is answered with '" value "', which is no value of it; the login ends",            \
        .script = "key-value-wild",                                                                          \
        .rules = "on login-response with text " key " text replace " key "=" value, .end = END_FAILURE,      \
    }

/* The target answers what the offer did not allow, but what can be lived with. */
#define BEYOND(key, value, name)                                                                             \
    {                                                                                                        \
        .id = "beyond-" name, .topic = TOPIC_NEGOTIATION, .section = "6.2.2",                                \
        .sentence =                                                                                          \
            key " is answered with " value ", which the offer may not allow; the login ends, or the offer "  \
                "holds",                                                                                     \
        .script = "burst-beyond-offer",                                                                      \
        .rules = "on login-response with text " key " text replace " key "=" value, .op = OP_WRITE, LONG,    \
        .end = END_EITHER,                                                                                   \
    }

static const struct check_case cases[] = {
    OFFERED("MaxConnections", "1", "max-connections"),
    OFFERED("ErrorRecoveryLevel", "0", "error-recovery-level"),
    OFFERED("DefaultTime2Wait", "2", "time2wait"),
    OFFERED("DefaultTime2Retain", "0", "time2retain"),
    OFFERED("DataPDUInOrder", "Yes", "pdu-in-order"),
    OFFERED("DataSequenceInOrder", "Yes", "sequence-in-order"),
    OFFERED("InitialR2T", "Yes", "initial-r2t"),
    OFFERED("ImmediateData", "Yes", "immediate-data"),
    OFFERED("MaxOutstandingR2T", "1", "max-outstanding-r2t"),
    OFFERED("HeaderDigest", "None", "header-digest"),
    OFFERED("DataDigest", "None", "data-digest"),
    OFFERED("TaskReporting", "RFC3720", "task-reporting"),
    OFFERED("iSCSIProtocolLevel", "1", "protocol-level"),
    {.id = "offered-markers",
     LOGIN,
     .section = "13.25",
     .sentence =
         "the target offers markers, which are obsolete; the answer is Reject or No, never NotUnderstood",
     .script = "markers-offered",
     .rules = "on login-response with nsg 3 text add IFMarker=Yes and text add OFMarker=Yes and text add "
              "IFMarkInt=2048~8192 and hold-login 1",
     .end = END_SUCCESS},
    {.id = "offered-unknown",
     LOGIN,
     .section = "6.2",
     .sentence = "the target offers a key that nobody knows; the answer is NotUnderstood",
     .script = "key-unknown",
     .must = 1 << 1,
     .must_words = "the key was not answered with NotUnderstood",
     .end = END_SUCCESS},
    {.id = "offered-unknown-many",
     LOGIN,
     .section = "6.2",
     .sentence =
         "the target offers 2048 keys that nobody knows in one PDU; the answers do not outgrow their room",
     .script = "keys-unknown",
     .end = END_EITHER},
    REJECTED("HeaderDigest", "header-digest"),
    REJECTED("DataDigest", "data-digest"),
    REJECTED("InitialR2T", "initial-r2t"),
    REJECTED("ImmediateData", "immediate-data"),
    REJECTED("MaxBurstLength", "max-burst"),
    REJECTED("FirstBurstLength", "first-burst"),
    REJECTED("DefaultTime2Wait", "time2wait"),
    REJECTED("DefaultTime2Retain", "time2retain"),
    REJECTED("MaxOutstandingR2T", "max-outstanding-r2t"),
    REJECTED("DataPDUInOrder", "pdu-in-order"),
    REJECTED("DataSequenceInOrder", "sequence-in-order"),
    REJECTED("ErrorRecoveryLevel", "error-recovery-level"),
    REJECTED("MaxConnections", "max-connections"),
    WILD("MaxBurstLength", "99999999999999999999", "max-burst-huge"),
    WILD("MaxBurstLength", "-1", "max-burst-negative"),
    WILD("MaxBurstLength", "", "max-burst-empty"),
    WILD("MaxBurstLength", "many", "max-burst-words"),
    WILD("MaxBurstLength", "1", "max-burst-small"),
    WILD("MaxRecvDataSegmentLength", "0", "segment-zero"),
    WILD("MaxRecvDataSegmentLength", "4294967808", "segment-wraps"),
    WILD("ImmediateData", "Maybe", "immediate-data"),
    WILD("MaxOutstandingR2T", "0", "max-outstanding-r2t"),
    BEYOND("MaxBurstLength", "16777215", "max-burst"),
    BEYOND("FirstBurstLength", "16777215", "first-burst"),
    BEYOND("MaxOutstandingR2T", "65535", "max-outstanding-r2t"),
    BEYOND("ErrorRecoveryLevel", "2", "error-recovery-level"),
    BEYOND("MaxConnections", "65535", "max-connections"),
    {.id = "first-burst-beyond-burst",
     .topic = TOPIC_NEGOTIATION,
     .section = "13.14",
     .sentence =
         "FirstBurstLength is answered greater than MaxBurstLength; the login ends, or the lower holds",
     .script = "first-burst-beyond-burst",
     .op = OP_WRITE,
     LONG,
     .end = END_EITHER},
    {.id = "key-twice",
     LOGIN,
     .section = "6.3",
     .sentence = "a key is answered twice; the connection is dropped",
     .script = "key-twice",
     .end = END_FAILURE},
    {.id = "key-not-understood",
     .topic = TOPIC_NEGOTIATION,
     .section = "6.2",
     .sentence = "keys of the RFC are answered with NotUnderstood; the defaults hold, or the login ends",
     .script = "key-not-understood",
     .keys = "MaxBurstLength=262144 FirstBurstLength=65536 MaxOutstandingR2T=1",
     .op = OP_WRITE_READ,
     LONG,
     .fired = 1,
     .end = END_EITHER},
    {.id = "key-later-not-understood",
     LOGIN,
     .section = "6.2",
     .sentence =
         "TaskReporting is answered with NotUnderstood, as by older targets; the login goes on without it",
     .script = "key-not-understood",
     .rules = "on login-response with text TaskReporting text replace TaskReporting=NotUnderstood",
     .end = END_SUCCESS},
    {.id = "digest-not-offered",
     LOGIN,
     .section = "6.2.1",
     .sentence = "the target chooses a digest that was not offered; the login ends",
     .script = "digest-not-offered",
     .end = END_FAILURE},
    {.id = "digest-from-nowhere",
     LOGIN,
     .section = "6.2.1",
     .sentence = "the target chooses CRC32C where only None was offered; the login ends",
     .script = "digest-from-nowhere",
     .rules = "on login-request with text HeaderDigest=None note\n"
              "on login-response with text HeaderDigest=None text replace HeaderDigest=CRC32C",
     .end = END_FAILURE},
    {.id = "keys-unsolicited-none",
     .topic = TOPIC_NEGOTIATION,
     .section = "6.2",
     .sentence = "the target answers no operational key at all; the defaults hold, or the login ends",
     .rules = "on login-response with nsg 3 text clear",
     .keys = "MaxBurstLength=262144 FirstBurstLength=65536 MaxOutstandingR2T=1 InitialR2T=Yes "
             "MaxRecvDataSegmentLength=8192",
     .op = OP_WRITE_READ,
     LONG,
     .end = END_EITHER},
};

const struct case_group cases_negotiation = {cases, sizeof cases / sizeof cases[0]};
