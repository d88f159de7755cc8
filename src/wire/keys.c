/* SPDX-License-Identifier: MIT */
/* What each key is, as a table, and what follows from a row alone. */
#include "wire/keys.h"

#define BOTH        (KEY_BY_INITIATOR | KEY_BY_TARGET)
#define ANY_STAGE   (KEY_SECURITY | KEY_OPERATIONAL)
#define ALL_PHASES  (ANY_STAGE | KEY_FULL_FEATURE)
#define OPERATIONAL (KEY_OPERATIONAL | BOTH)
#define LEADING     (OPERATIONAL | KEY_LEADING | KEY_SESSION_SCOPE)
#define NORMAL      (LEADING | KEY_NOT_DISCOVERY)
#define SESSION     KEY_SESSION_SCOPE
#define LENGTH_MAX  0xffffffu

static const char *const digests[] = {"None", "CRC32C", NULL};
static const char *const methods[] = {"None", "CHAP", NULL};
static const char *const session_types[] = {"Normal", "Discovery", NULL};
static const char *const reports[] = {"RFC3720", "ResponseFence", "FastAbort", NULL};

/* clang-format off */
const struct key_row key_rows[KEY_COUNT] = {
#define ROW(key, name, section, type, transport, where) \
    [key] = {name, section, type, transport, where, 0, 0, 0, NULL}
#define NUM(key, name, section, type, transport, where, min, max, initial) \
    [key] = {name, section, type, transport, where, min, max, initial, NULL}
#define LIST(key, name, section, type, transport, where, initial, choices) \
    [key] = {name, section, type, transport, where, 0, sizeof choices / sizeof choices[0] - 2, initial, choices}

    LIST(KEY_HEADER_DIGEST, "HeaderDigest", "13.1", KEY_LIST, KEY_TCP_ONLY, OPERATIONAL, DIGEST_NONE, digests),
    LIST(KEY_DATA_DIGEST, "DataDigest", "13.1", KEY_LIST, KEY_TCP_ONLY, OPERATIONAL, DIGEST_NONE, digests),
    LIST(KEY_AUTH_METHOD, "AuthMethod", "12.1", KEY_LIST, KEY_ANY_TRANSPORT, KEY_SECURITY | BOTH, AUTH_NONE, methods),
    LIST(KEY_SESSION_TYPE, "SessionType", "13.21", KEY_DECLARED_CHOICE, KEY_ANY_TRANSPORT,
         ANY_STAGE | KEY_LEADING | KEY_BY_INITIATOR | SESSION, SESSION_NORMAL, session_types),
    LIST(KEY_TASK_REPORTING, "TaskReporting", "13.23", KEY_LIST, KEY_ANY_TRANSPORT, NORMAL, REPORT_RFC3720, reports),

    NUM(KEY_MAX_CONNECTIONS, "MaxConnections", "13.2", KEY_NUMBER_MIN, KEY_ANY_TRANSPORT, NORMAL, 1, 65535, 1),
    NUM(KEY_INITIAL_R2T, "InitialR2T", "13.10", KEY_BOOL_OR, KEY_ANY_TRANSPORT, NORMAL, 0, 1, 1),
    NUM(KEY_IMMEDIATE_DATA, "ImmediateData", "13.11", KEY_BOOL_AND, KEY_ANY_TRANSPORT, NORMAL, 0, 1, 1),
    NUM(KEY_MAX_RECV_DATA_SEGMENT_LENGTH, "MaxRecvDataSegmentLength", "13.12", KEY_DECLARED_NUMBER, KEY_TCP_ONLY,
        OPERATIONAL | KEY_FULL_FEATURE, 512, LENGTH_MAX, 8192),
    NUM(KEY_MAX_BURST_LENGTH, "MaxBurstLength", "13.13", KEY_NUMBER_MIN, KEY_ANY_TRANSPORT, NORMAL,
        512, LENGTH_MAX, 262144),
    NUM(KEY_FIRST_BURST_LENGTH, "FirstBurstLength", "13.14", KEY_NUMBER_MIN, KEY_ANY_TRANSPORT, NORMAL,
        512, LENGTH_MAX, 65536),
    NUM(KEY_DEFAULT_TIME2WAIT, "DefaultTime2Wait", "13.15", KEY_NUMBER_MAX, KEY_ANY_TRANSPORT, LEADING, 0, 3600, 2),
    NUM(KEY_DEFAULT_TIME2RETAIN, "DefaultTime2Retain", "13.16", KEY_NUMBER_MIN, KEY_ANY_TRANSPORT, LEADING,
        0, 3600, 20),
    NUM(KEY_MAX_OUTSTANDING_R2T, "MaxOutstandingR2T", "13.17", KEY_NUMBER_MIN, KEY_ANY_TRANSPORT, NORMAL, 1, 65535, 1),
    NUM(KEY_DATA_PDU_IN_ORDER, "DataPDUInOrder", "13.18", KEY_BOOL_OR, KEY_ANY_TRANSPORT, NORMAL, 0, 1, 1),
    NUM(KEY_DATA_SEQUENCE_IN_ORDER, "DataSequenceInOrder", "13.19", KEY_BOOL_OR, KEY_ANY_TRANSPORT, NORMAL, 0, 1, 1),
    NUM(KEY_ERROR_RECOVERY_LEVEL, "ErrorRecoveryLevel", "13.20", KEY_NUMBER_MIN, KEY_ANY_TRANSPORT, LEADING, 0, 2, 0),
    NUM(KEY_PROTOCOL_LEVEL, "iSCSIProtocolLevel", "RFC 7144 7.1.1", KEY_NUMBER_MIN, KEY_ANY_TRANSPORT, NORMAL,
        0, 31, 1),

    ROW(KEY_INITIATOR_NAME, "InitiatorName", "13.5", KEY_DECLARED_TEXT, KEY_ANY_TRANSPORT,
        ANY_STAGE | KEY_BY_INITIATOR | SESSION),
    ROW(KEY_INITIATOR_ALIAS, "InitiatorAlias", "13.7", KEY_DECLARED_TEXT, KEY_ANY_TRANSPORT,
        ALL_PHASES | KEY_BY_INITIATOR | SESSION),
    ROW(KEY_TARGET_NAME, "TargetName", "13.4", KEY_DECLARED_TEXT, KEY_ANY_TRANSPORT, ALL_PHASES | BOTH | SESSION),
    ROW(KEY_TARGET_ALIAS, "TargetAlias", "13.6", KEY_DECLARED_TEXT, KEY_ANY_TRANSPORT,
        ALL_PHASES | KEY_BY_TARGET | SESSION),
    ROW(KEY_TARGET_ADDRESS, "TargetAddress", "13.8", KEY_DECLARED_TEXT, KEY_ANY_TRANSPORT,
        ALL_PHASES | KEY_BY_TARGET | SESSION),
    ROW(KEY_TARGET_PORTAL_GROUP_TAG, "TargetPortalGroupTag", "13.9", KEY_DECLARED_TEXT, KEY_ANY_TRANSPORT,
        ANY_STAGE | KEY_BY_TARGET | SESSION),
    ROW(KEY_SEND_TARGETS, "SendTargets", "13.3", KEY_DECLARED_TEXT, KEY_ANY_TRANSPORT,
        KEY_FULL_FEATURE | KEY_BY_INITIATOR | SESSION),

    ROW(KEY_CHAP_A, "CHAP_A", "12.1.3", KEY_AUTH, KEY_ANY_TRANSPORT, KEY_SECURITY | BOTH),
    ROW(KEY_CHAP_I, "CHAP_I", "12.1.3", KEY_AUTH, KEY_ANY_TRANSPORT, KEY_SECURITY | BOTH),
    ROW(KEY_CHAP_C, "CHAP_C", "12.1.3", KEY_AUTH, KEY_ANY_TRANSPORT, KEY_SECURITY | BOTH),
    ROW(KEY_CHAP_N, "CHAP_N", "12.1.3", KEY_AUTH, KEY_ANY_TRANSPORT, KEY_SECURITY | BOTH),
    ROW(KEY_CHAP_R, "CHAP_R", "12.1.3", KEY_AUTH, KEY_ANY_TRANSPORT, KEY_SECURITY | BOTH),

    ROW(KEY_IF_MARKER, "IFMarker", "13.25", KEY_OBSOLETE, KEY_TCP_ONLY, OPERATIONAL),
    ROW(KEY_OF_MARKER, "OFMarker", "13.25", KEY_OBSOLETE, KEY_TCP_ONLY, OPERATIONAL),
    ROW(KEY_IF_MARK_INT, "IFMarkInt", "13.25", KEY_OBSOLETE, KEY_TCP_ONLY, OPERATIONAL),
    ROW(KEY_OF_MARK_INT, "OFMarkInt", "13.25", KEY_OBSOLETE, KEY_TCP_ONLY, OPERATIONAL),
};
/* clang-format on */

#define CHOICES_MAX 8u
#define CHOICE_END  0xfu

enum constant constant_of(struct span value)
{
    if (span_is(value, "Reject"))
        return CONSTANT_REJECT;
    if (span_is(value, "Irrelevant"))
        return CONSTANT_IRRELEVANT;
    return span_is(value, "NotUnderstood") ? CONSTANT_NOT_UNDERSTOOD : CONSTANT_NONE;
}

enum wire_key key_find(struct span name)
{
    for (int key = 0; key < KEY_COUNT; key++)
        if (span_is(name, key_rows[key].name))
            return (enum wire_key)key;
    return KEY_UNKNOWN;
}

/* Choice number `at` of a preference list. */
static uint32_t choice_at(uint32_t choices, uint32_t at)
{
    return at < CHOICES_MAX ? choices >> (4 * at) & CHOICE_END : CHOICE_END;
}

bool choices_have(uint32_t choices, uint32_t choice)
{
    for (uint32_t i = 0; choice_at(choices, i) != CHOICE_END; i++)
        if (choice_at(choices, i) == choice)
            return true;
    return false;
}

static uint32_t first_common(uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; choice_at(a, i) != CHOICE_END; i++)
        if (choices_have(b, choice_at(a, i)))
            return choice_at(a, i);
    return UINT32_MAX;
}

uint32_t key_result(enum wire_key key, uint32_t a, uint32_t b)
{
    switch ((enum key_type)key_rows[key].type) {
    case KEY_LIST:
        return first_common(a, b);
    case KEY_BOOL_AND:
    case KEY_NUMBER_MIN:
        return a < b ? a : b;
    case KEY_BOOL_OR:
    case KEY_NUMBER_MAX:
        return a > b ? a : b;
    case KEY_DECLARED_NUMBER:
    case KEY_DECLARED_CHOICE:
    case KEY_DECLARED_TEXT:
    case KEY_AUTH:
    case KEY_OBSOLETE:
        break;
    }
    return UINT32_MAX;
}

static bool is_bool(const struct key_row *row)
{
    return row->type == KEY_BOOL_AND || row->type == KEY_BOOL_OR;
}

static void write_value(struct writer *w, const struct key_row *row, uint32_t value)
{
    if (row->max == 0 || value > row->max) /* a row without values, or not one of its values */
        w->ok = false;
    else if (row->choices)
        write_str(w, row->choices[value]);
    else if (is_bool(row))
        write_str(w, value ? "Yes" : "No");
    else
        write_number(w, value);
}

static void finish(struct writer *w, char *out, size_t size)
{
    write8(w, 0);
    if (size > 0 && !w->ok)
        out[0] = '\0';
}

void key_value_text(enum wire_key key, uint32_t value, char *out, size_t size)
{
    struct writer w = writer_over(out, size);
    write_value(&w, &key_rows[key], value);
    finish(&w, out, size);
}

void key_choices_text(enum wire_key key, uint32_t choices, char *out, size_t size)
{
    struct writer w = writer_over(out, size);
    for (uint32_t i = 0; choice_at(choices, i) != CHOICE_END; i++) {
        if (i > 0)
            write8(&w, ',');
        write_value(&w, &key_rows[key], choice_at(choices, i));
    }
    finish(&w, out, size);
}

static bool read_choice(const struct key_row *row, struct span text, uint32_t *value)
{
    for (*value = 0; row->choices[*value]; ++*value)
        if (span_is(text, row->choices[*value]))
            return true;
    return false;
}

static bool read_bool(struct span text, uint32_t *value)
{
    *value = span_is(text, "Yes");
    return *value || span_is(text, "No");
}

static bool read_number(const struct key_row *row, struct span text, uint32_t *value)
{
    uint64_t number;
    if (!span_number(text, &number) || number < row->min || number > row->max)
        return false;
    *value = (uint32_t)number;
    return true;
}

bool key_value_read(enum wire_key key, struct span text, uint32_t *value)
{
    const struct key_row *row = &key_rows[key];
    if (row->max == 0)
        return false;
    if (row->choices)
        return read_choice(row, text, value);
    return is_bool(row) ? read_bool(text, value) : read_number(row, text, value);
}

uint32_t key_choices_read(enum wire_key key, struct span text)
{
    uint32_t choices = UINT32_MAX, count = 0, choice;
    struct span item;
    while (span_item(&text, &item)) {
        if (!read_choice(&key_rows[key], item, &choice) || choices_have(choices, choice))
            continue;
        choices &= ~(CHOICE_END << (4 * count));
        choices |= choice << (4 * count++);
    }
    return choices;
}
