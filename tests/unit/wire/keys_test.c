/* SPDX-License-Identifier: MIT */
/* The key table against a second copy of the RFC's, and what follows from a row alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "wire/keys.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct span span(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* As section 13 writes it. use: L leading, S/O/F the stages (A: any stage, i.e. S and O). who: I, T. scope:
 * SW, CO. */
struct rfc_row {
    enum wire_key key;
    const char *name, *section, *use, *who, *scope, *irrelevant, *result;
    uint32_t min, max, initial;
};

static const struct rfc_row rfc_rows[] = {
    {KEY_HEADER_DIGEST, "HeaderDigest", "13.1", "O", "IT", "CO", "", "list", 0, 1, 0},
    {KEY_DATA_DIGEST, "DataDigest", "13.1", "O", "IT", "CO", "", "list", 0, 1, 0},
    {KEY_AUTH_METHOD, "AuthMethod", "12.1", "S", "IT", "CO", "", "list", 0, 1, 0},
    {KEY_MAX_CONNECTIONS, "MaxConnections", "13.2", "LO", "IT", "SW", "disc", "min", 1, 65535, 1},
    {KEY_SEND_TARGETS, "SendTargets", "13.3", "F", "I", "SW", "", "text", 0, 0, 0},
    {KEY_TARGET_NAME, "TargetName", "13.4", "SOF", "IT", "SW", "", "text", 0, 0, 0},
    {KEY_INITIATOR_NAME, "InitiatorName", "13.5", "SO", "I", "SW", "", "text", 0, 0, 0},
    {KEY_TARGET_ALIAS, "TargetAlias", "13.6", "SOF", "T", "SW", "", "text", 0, 0, 0},
    {KEY_INITIATOR_ALIAS, "InitiatorAlias", "13.7", "SOF", "I", "SW", "", "text", 0, 0, 0},
    {KEY_TARGET_ADDRESS, "TargetAddress", "13.8", "SOF", "T", "SW", "", "text", 0, 0, 0},
    {KEY_TARGET_PORTAL_GROUP_TAG, "TargetPortalGroupTag", "13.9", "SO", "T", "SW", "", "text", 0, 0, 0},
    {KEY_INITIAL_R2T, "InitialR2T", "13.10", "LO", "IT", "SW", "disc", "or", 0, 1, 1},
    {KEY_IMMEDIATE_DATA, "ImmediateData", "13.11", "LO", "IT", "SW", "disc", "and", 0, 1, 1},
    {KEY_MAX_RECV_DATA_SEGMENT_LENGTH, "MaxRecvDataSegmentLength", "13.12", "OF", "IT", "CO", "", "number",
     512, 16777215, 8192},
    {KEY_MAX_BURST_LENGTH, "MaxBurstLength", "13.13", "LO", "IT", "SW", "disc", "min", 512, 16777215, 262144},
    {KEY_FIRST_BURST_LENGTH, "FirstBurstLength", "13.14", "LO", "IT", "SW", "disc", "min", 512, 16777215,
     65536},
    {KEY_DEFAULT_TIME2WAIT, "DefaultTime2Wait", "13.15", "LO", "IT", "SW", "", "max", 0, 3600, 2},
    {KEY_DEFAULT_TIME2RETAIN, "DefaultTime2Retain", "13.16", "LO", "IT", "SW", "", "min", 0, 3600, 20},
    {KEY_MAX_OUTSTANDING_R2T, "MaxOutstandingR2T", "13.17", "LO", "IT", "SW", "disc", "min", 1, 65535, 1},
    {KEY_DATA_PDU_IN_ORDER, "DataPDUInOrder", "13.18", "LO", "IT", "SW", "disc", "or", 0, 1, 1},
    {KEY_DATA_SEQUENCE_IN_ORDER, "DataSequenceInOrder", "13.19", "LO", "IT", "SW", "disc", "or", 0, 1, 1},
    {KEY_ERROR_RECOVERY_LEVEL, "ErrorRecoveryLevel", "13.20", "LO", "IT", "SW", "", "min", 0, 2, 0},
    {KEY_SESSION_TYPE, "SessionType", "13.21", "LSO", "I", "SW", "", "choice", 0, 1, 0},
    {KEY_TASK_REPORTING, "TaskReporting", "13.23", "LO", "IT", "SW", "disc", "list", 0, 2, 0},
    {KEY_PROTOCOL_LEVEL, "iSCSIProtocolLevel", "RFC 7144 7.1.1", "LO", "IT", "SW", "disc", "min", 0, 31, 1},
    {KEY_CHAP_A, "CHAP_A", "12.1.3", "S", "IT", "CO", "", "auth", 0, 0, 0},
    {KEY_CHAP_I, "CHAP_I", "12.1.3", "S", "IT", "CO", "", "auth", 0, 0, 0},
    {KEY_CHAP_C, "CHAP_C", "12.1.3", "S", "IT", "CO", "", "auth", 0, 0, 0},
    {KEY_CHAP_N, "CHAP_N", "12.1.3", "S", "IT", "CO", "", "auth", 0, 0, 0},
    {KEY_CHAP_R, "CHAP_R", "12.1.3", "S", "IT", "CO", "", "auth", 0, 0, 0},
    {KEY_IF_MARKER, "IFMarker", "13.25", "O", "IT", "CO", "", "obsolete", 0, 0, 0},
    {KEY_OF_MARKER, "OFMarker", "13.25", "O", "IT", "CO", "", "obsolete", 0, 0, 0},
    {KEY_IF_MARK_INT, "IFMarkInt", "13.25", "O", "IT", "CO", "", "obsolete", 0, 0, 0},
    {KEY_OF_MARK_INT, "OFMarkInt", "13.25", "O", "IT", "CO", "", "obsolete", 0, 0, 0},
};

static const char *type_text(uint8_t type)
{
    static const char *const texts[] = {"list",   "and",  "or",   "min",      "max",
                                        "number", "text", "auth", "obsolete", "choice"};
    return texts[type];
}

static uint8_t where_of(const struct rfc_row *row)
{
    return (uint8_t)((strchr(row->use, 'L') ? KEY_LEADING : 0) | (strchr(row->use, 'S') ? KEY_SECURITY : 0) |
                     (strchr(row->use, 'O') ? KEY_OPERATIONAL : 0) |
                     (strchr(row->use, 'F') ? KEY_FULL_FEATURE : 0) |
                     (strchr(row->who, 'I') ? KEY_BY_INITIATOR : 0) |
                     (strchr(row->who, 'T') ? KEY_BY_TARGET : 0) |
                     (strcmp(row->scope, "SW") == 0 ? KEY_SESSION_SCOPE : 0) |
                     (row->irrelevant[0] ? KEY_NOT_DISCOVERY : 0));
}

static void table_is_the_rfc_s(void **state)
{
    (void)state;
    assert_int_equal(COUNT(rfc_rows), KEY_COUNT);
    for (size_t i = 0; i < COUNT(rfc_rows); i++) {
        const struct rfc_row *rfc = &rfc_rows[i];
        const struct key_row *row = &key_rows[rfc->key];
        assert_string_equal(row->name, rfc->name);
        assert_string_equal(row->section, rfc->section);
        assert_string_equal(type_text(row->type), rfc->result);
        if (row->where != where_of(rfc))
            fail_msg("%s: %x instead of %x", rfc->name, row->where, where_of(rfc));
        assert_int_equal(row->min, rfc->min);
        assert_int_equal(row->max, rfc->max);
        assert_int_equal(row->initial, rfc->initial);
        assert_int_equal(row->choices != NULL,
                         strcmp(rfc->result, "list") == 0 || strcmp(rfc->result, "choice") == 0);
    }
}

/* RFC 7145 section 6: what iSER has its own means for. */
static void iser_goes_without_digests_segments_and_markers(void **state)
{
    (void)state;
    for (int key = 0; key < KEY_COUNT; key++) {
        bool tcp = key == KEY_HEADER_DIGEST || key == KEY_DATA_DIGEST ||
                   key == KEY_MAX_RECV_DATA_SEGMENT_LENGTH || key >= KEY_IF_MARKER;
        assert_int_equal(key_rows[key].transport, tcp ? KEY_TCP_ONLY : KEY_ANY_TRANSPORT);
    }
}

static void finds_each_key_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rfc_rows); i++)
        assert_int_equal(key_find(span(rfc_rows[i].name)), rfc_rows[i].key);
    static const char *const unknown[] = {
        "",      "headerdigest",       "HeaderDigest ", "HeaderDiges", "HeaderDigestX",
        "X-a.b", "ISCSIProtocolLevel", "RDMAExtensions"};
    for (size_t i = 0; i < COUNT(unknown); i++)
        assert_int_equal(key_find(span(unknown[i])), KEY_UNKNOWN);
}

static void declared_keys_have_no_result(void **state)
{
    (void)state;
    static const enum wire_key keys[] = {KEY_MAX_RECV_DATA_SEGMENT_LENGTH, KEY_SESSION_TYPE, KEY_TARGET_NAME,
                                         KEY_CHAP_A, KEY_IF_MARKER};
    for (size_t i = 0; i < COUNT(keys); i++)
        assert_int_equal(key_result(keys[i], 1, 1), UINT32_MAX);
}

static void results_of_lists(void **state)
{
    (void)state;
    const uint32_t none = CHOICES1(DIGEST_NONE), crc = CHOICES1(DIGEST_CRC32C);
    const uint32_t none_crc = CHOICES2(DIGEST_NONE, DIGEST_CRC32C),
                   crc_none = CHOICES2(DIGEST_CRC32C, DIGEST_NONE);
    assert_int_equal(key_result(KEY_HEADER_DIGEST, crc_none, none_crc),
                     DIGEST_CRC32C); /* the proposer's order */
    assert_int_equal(key_result(KEY_HEADER_DIGEST, none_crc, crc_none), DIGEST_NONE);
    assert_int_equal(key_result(KEY_HEADER_DIGEST, crc_none, none), DIGEST_NONE);
    assert_int_equal(key_result(KEY_HEADER_DIGEST, crc, none), UINT32_MAX);
    assert_int_equal(key_result(KEY_HEADER_DIGEST, UINT32_MAX, crc_none), UINT32_MAX);
    assert_int_equal(key_result(KEY_HEADER_DIGEST, crc_none, UINT32_MAX), UINT32_MAX);
    assert_int_equal(key_result(KEY_HEADER_DIGEST, 0x76543210, 0xfffffff7),
                     7); /* eight choices, no end mark */
}

static void looks_into_preferences(void **state)
{
    (void)state;
    assert_true(choices_have(CHOICES2(2, 0), 2));
    assert_true(choices_have(CHOICES2(2, 0), 0));
    assert_false(choices_have(CHOICES2(2, 0), 1));
    assert_false(choices_have(CHOICES2(2, 0), 0xf));
    assert_false(choices_have(UINT32_MAX, 0));
    assert_true(choices_have(0x76543210, 7));
    assert_false(choices_have(0x76543210, 8));
}

struct value_row {
    enum wire_key key;
    uint32_t value;
    const char *text;
};

static const struct value_row value_rows[] = {
    {KEY_INITIAL_R2T, 0, "No"},
    {KEY_INITIAL_R2T, 1, "Yes"},
    {KEY_IMMEDIATE_DATA, 1, "Yes"},
    {KEY_HEADER_DIGEST, DIGEST_NONE, "None"},
    {KEY_HEADER_DIGEST, DIGEST_CRC32C, "CRC32C"},
    {KEY_AUTH_METHOD, AUTH_NONE, "None"},
    {KEY_AUTH_METHOD, AUTH_CHAP, "CHAP"},
    {KEY_SESSION_TYPE, SESSION_NORMAL, "Normal"},
    {KEY_SESSION_TYPE, SESSION_DISCOVERY, "Discovery"},
    {KEY_TASK_REPORTING, REPORT_RFC3720, "RFC3720"},
    {KEY_TASK_REPORTING, REPORT_RESPONSE_FENCE, "ResponseFence"},
    {KEY_TASK_REPORTING, REPORT_FAST_ABORT, "FastAbort"},
    {KEY_MAX_BURST_LENGTH, 262144, "262144"},
    {KEY_MAX_BURST_LENGTH, 16777215, "16777215"},
    {KEY_DEFAULT_TIME2WAIT, 0, "0"},
    {KEY_MAX_RECV_DATA_SEGMENT_LENGTH, 512, "512"},
};

static void values_have_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(value_rows); i++) {
        const struct value_row *row = &value_rows[i];
        char out[32];
        uint32_t back = 99;
        size_t len = strlen(row->text);
        key_value_text(row->key, row->value, out, sizeof out);
        assert_string_equal(out, row->text);
        assert_true(key_value_read(row->key, span(row->text), &back));
        assert_int_equal(back, row->value);
        memset(out, 'x', sizeof out);
        key_value_text(row->key, row->value, out, len); /* no room for the zero */
        assert_string_equal(out, "");
        assert_int_equal(out[len], 'x');
    }
}

static void other_values_have_none(void **state)
{
    (void)state;
    char out[32] = "x";
    key_value_text(KEY_HEADER_DIGEST, 2, out, sizeof out);
    assert_string_equal(out, "");
    strcpy(out, "x");
    key_value_text(KEY_TARGET_NAME, 0, out, sizeof out);
    assert_string_equal(out, "");
    strcpy(out, "x");
    key_value_text(KEY_INITIAL_R2T, 0, out, 0);
    assert_string_equal(out, "x");
}

static const struct value_row unreadable[] = {
    {KEY_INITIAL_R2T, 0, "yes"},
    {KEY_INITIAL_R2T, 0, "1"},
    {KEY_INITIAL_R2T, 0, ""},
    {KEY_HEADER_DIGEST, 0, "crc32c"},
    {KEY_HEADER_DIGEST, 0, "CRC32C,None"},
    {KEY_HEADER_DIGEST, 0, "MD5"},
    {KEY_HEADER_DIGEST, 0, ""},
    {KEY_MAX_BURST_LENGTH, 0, "511"},
    {KEY_MAX_BURST_LENGTH, 0, "16777216"},
    {KEY_MAX_BURST_LENGTH, 0, "4294967808"}, /* 512 in its low 32 bits */
    {KEY_MAX_BURST_LENGTH, 0, "512~1024"},
    {KEY_MAX_BURST_LENGTH, 0, "-512"},
    {KEY_MAX_BURST_LENGTH, 0, "0"},
    {KEY_DEFAULT_TIME2WAIT, 0, "3601"},
    {KEY_MAX_CONNECTIONS, 0, "0"},
    {KEY_MAX_CONNECTIONS, 0, "65536"},
    {KEY_ERROR_RECOVERY_LEVEL, 0, "3"},
    {KEY_PROTOCOL_LEVEL, 0, "32"},
    {KEY_TARGET_NAME, 0, "0"},
    {KEY_CHAP_I, 0, "0"},
    {KEY_IF_MARKER, 0, "Yes"},
};

static void refuses_other_texts(void **state)
{
    (void)state;
    uint32_t value;
    for (size_t i = 0; i < COUNT(unreadable); i++)
        if (key_value_read(unreadable[i].key, span(unreadable[i].text), &value))
            fail_msg("%s=%s", key_rows[unreadable[i].key].name, unreadable[i].text);
    assert_true(key_value_read(KEY_MAX_BURST_LENGTH, span("0x200"), &value));
    assert_int_equal(value, 512);
}

static void reads_and_writes_preferences(void **state)
{
    (void)state;
    char out[64];
    assert_int_equal(key_choices_read(KEY_HEADER_DIGEST, span("CRC32C,None")),
                     CHOICES2(DIGEST_CRC32C, DIGEST_NONE));
    assert_int_equal(key_choices_read(KEY_HEADER_DIGEST, span("SHA3,CRC32C,,Y-x,None")), CHOICES2(1, 0));
    assert_int_equal(key_choices_read(KEY_HEADER_DIGEST, span("None,CRC32C,None,CRC32C")), CHOICES2(0, 1));
    assert_int_equal(key_choices_read(KEY_HEADER_DIGEST, span("MD5")), UINT32_MAX);
    assert_int_equal(key_choices_read(KEY_HEADER_DIGEST, span("")), UINT32_MAX);
    assert_int_equal(key_choices_read(KEY_TASK_REPORTING, span("FastAbort,ResponseFence,RFC3720")),
                     0xfffff012);
    key_choices_text(KEY_TASK_REPORTING, 0xfffff012, out, sizeof out);
    assert_string_equal(out, "FastAbort,ResponseFence,RFC3720");
    key_choices_text(KEY_HEADER_DIGEST, CHOICES1(DIGEST_CRC32C), out, sizeof out);
    assert_string_equal(out, "CRC32C");
    key_choices_text(KEY_HEADER_DIGEST, UINT32_MAX, out, sizeof out);
    assert_string_equal(out, "");
    key_choices_text(KEY_HEADER_DIGEST, CHOICES2(1, 7), out, sizeof out); /* no such choice */
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_the_rfc_s),
        cmocka_unit_test(iser_goes_without_digests_segments_and_markers),
        cmocka_unit_test(finds_each_key_by_its_name),
        cmocka_unit_test(declared_keys_have_no_result),
        cmocka_unit_test(results_of_lists),
        cmocka_unit_test(looks_into_preferences),
        cmocka_unit_test(values_have_texts),
        cmocka_unit_test(other_values_have_none),
        cmocka_unit_test(refuses_other_texts),
        cmocka_unit_test(reads_and_writes_preferences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
