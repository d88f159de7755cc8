/* SPDX-License-Identifier: MIT */
/* Negotiations between two of our own sides over real text, against result functions written a second time;
 * and one side against hostile or clumsy peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "wire/keys.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct side {
    struct negotiation n;
    char out[4096];
    size_t len;
};

static struct side initiator, target;
static enum wire_key offender;

static void begin(void)
{
    negotiation_init(&initiator.n, ROLE_INITIATOR);
    negotiation_init(&target.n, ROLE_TARGET);
    initiator.len = target.len = 0;
}

static int setup(void **state)
{
    (void)state;
    begin();
    return 0;
}

static void offer(struct side *from, uint8_t where)
{
    struct writer w = writer_over(from->out, sizeof from->out);
    negotiation_offer(&from->n, where, &w);
    assert_true(w.ok);
    from->len = writer_len(&w);
}

/* Gives everything `from` has written to `to`; the answers, and then offers of its own, become what `to` has
 * written. Stops at the first pair that is not OK. */
static int pass(struct side *from, struct side *to, uint8_t where)
{
    struct reader r = reader_over(from->out, from->len);
    struct writer w = writer_over(to->out, sizeof to->out);
    struct span key, value;
    enum text_next next;
    int result = NEGOTIATION_OK;
    while (result == NEGOTIATION_OK && (next = text_next(&r, &key, &value)) != TEXT_END) {
        assert_int_equal(next, TEXT_PAIR);
        result = negotiation_take(&to->n, where, key, value, &w, &offender);
    }
    from->len = 0;
    to->len = writer_len(&w);
    return result;
}

/* One round each way, begun by `a`. */
static int exchange(struct side *a, struct side *b, uint8_t where)
{
    offer(a, where);
    int result = pass(a, b, where);
    return result == NEGOTIATION_OK ? pass(b, a, where) : result;
}

/* Gives one side a text as it came from the wire; the reply stays in s->out. */
static int take(struct side *s, uint8_t where, const char *key, const char *value)
{
    struct writer w = writer_over(s->out, sizeof s->out);
    int result = negotiation_take(&s->n, where, (struct span){key, strlen(key)},
                                  (struct span){value, strlen(value)}, &w, &offender);
    s->len = writer_len(&w);
    s->out[s->len] = 0;
    return result;
}

static struct side *side_of(int role)
{
    return role == ROLE_INITIATOR ? &initiator : &target;
}

/* Both sides checked, and of one mind about `key`. */
static void assert_agreed(enum wire_key key, uint32_t expected)
{
    if (initiator.n.agreed[key] != expected || target.n.agreed[key] != expected)
        fail_msg("%s: initiator %u, target %u, expected %u", key_rows[key].name, initiator.n.agreed[key],
                 target.n.agreed[key], expected);
    assert_int_equal(negotiation_check(&initiator.n, &offender), NEGOTIATION_OK);
    assert_int_equal(negotiation_check(&target.n, &offender), NEGOTIATION_OK);
    assert_int_equal(initiator.n.open | target.n.open, 0);
}

/* --- the result functions once more --- */

static const enum wire_key and_keys[] = {KEY_IMMEDIATE_DATA};
static const enum wire_key or_keys[] = {KEY_INITIAL_R2T, KEY_DATA_PDU_IN_ORDER, KEY_DATA_SEQUENCE_IN_ORDER};
static const enum wire_key min_keys[] = {
    KEY_MAX_CONNECTIONS,     KEY_MAX_BURST_LENGTH,     KEY_FIRST_BURST_LENGTH, KEY_DEFAULT_TIME2RETAIN,
    KEY_MAX_OUTSTANDING_R2T, KEY_ERROR_RECOVERY_LEVEL, KEY_PROTOCOL_LEVEL};
static const enum wire_key max_keys[] = {KEY_DEFAULT_TIME2WAIT};
static const enum wire_key list_keys[] = {KEY_HEADER_DIGEST, KEY_DATA_DIGEST, KEY_TASK_REPORTING,
                                          KEY_AUTH_METHOD};

static uint8_t stage_of(enum wire_key key)
{
    return key == KEY_AUTH_METHOD ? KEY_SECURITY : KEY_OPERATIONAL;
}

static void negotiate_one(enum wire_key key, int proposer, uint32_t a, uint32_t b, uint32_t expected)
{
    begin();
    negotiation_want(&side_of(proposer)->n, key, a);
    side_of(!proposer)->n.mine[key] = b;
    assert_int_equal(exchange(side_of(proposer), side_of(!proposer), stage_of(key)), NEGOTIATION_OK);
    if (key != KEY_FIRST_BURST_LENGTH || expected <= 262144) /* else the check is right to complain */
        assert_agreed(key, expected);
    assert_int_equal(side_of(proposer)->n.agreed[key], expected);
    assert_int_equal(side_of(!proposer)->n.agreed[key], expected);
}

static void booleans_all_pairs(void **state)
{
    (void)state;
    static const uint32_t and_table[2][2] = {{0, 0}, {0, 1}}, or_table[2][2] = {{0, 1}, {1, 1}};
    for (int i = 0; i < 8; i++) {
        int proposer = i & 1;
        uint32_t a = i >> 1 & 1, b = i >> 2 & 1;
        for (size_t k = 0; k < COUNT(and_keys); k++)
            negotiate_one(and_keys[k], proposer, a, b, and_table[a][b]);
        for (size_t k = 0; k < COUNT(or_keys); k++)
            negotiate_one(or_keys[k], proposer, a, b, or_table[a][b]);
    }
}

/* The edges of a row's range and around its default; duplicates do no harm. */
static size_t edges(enum wire_key key, uint32_t grid[8])
{
    const struct key_row *row = &key_rows[key];
    const uint32_t all[] = {row->min,         row->min + 1, row->initial - 1, row->initial,
                            row->initial + 1, row->max / 2, row->max - 1,     row->max};
    size_t count = 0;
    for (size_t i = 0; i < COUNT(all); i++)
        if (all[i] >= row->min && all[i] <= row->max)
            grid[count++] = all[i];
    return count;
}

static void numbers_all_pairs_of(const enum wire_key *keys, size_t count, bool minimum)
{
    for (size_t k = 0; k < count; k++) {
        uint32_t grid[8];
        size_t points = edges(keys[k], grid);
        for (size_t i = 0; i < points * points; i++) {
            uint32_t a = grid[i / points], b = grid[i % points];
            uint32_t small = a < b ? a : b, large = a < b ? b : a;
            for (int proposer = 0; proposer < 2; proposer++)
                negotiate_one(keys[k], proposer, a, b, minimum ? small : large);
        }
    }
}

static void numbers_all_pairs(void **state)
{
    (void)state;
    numbers_all_pairs_of(min_keys, COUNT(min_keys), true);
    numbers_all_pairs_of(max_keys, COUNT(max_keys), false);
}

/* All ordered selections of `choices` choices, as lists of numbers. */
struct selection {
    uint32_t choice[3];
    uint32_t count;
};

static size_t selections(uint32_t choices, struct selection out[15])
{
    size_t n = 0, done = 0;
    for (uint32_t c = 0; c < choices; c++)
        out[n++] = (struct selection){{c}, 1};
    for (; done < n; done++)
        for (uint32_t c = 0; c < choices && out[done].count < choices; c++) {
            struct selection longer = out[done];
            bool repeats = false;
            for (uint32_t i = 0; i < longer.count; i++)
                repeats |= longer.choice[i] == c;
            longer.choice[longer.count++] = c;
            if (!repeats)
                out[n++] = longer;
        }
    return n;
}

static uint32_t packed(const struct selection *s)
{
    uint32_t choices = UINT32_MAX;
    for (uint32_t i = 0; i < s->count; i++)
        choices = (choices & ~(0xfu << 4 * i)) | s->choice[i] << 4 * i;
    return choices;
}

static bool has(const struct selection *s, uint32_t choice)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->choice[i] == choice)
            return true;
    return false;
}

/* No common choice: the responder says Reject, the default stays, and whoever cannot have it says so. */
static void check_no_common(enum wire_key key, int proposer, const struct selection *a,
                            const struct selection *b)
{
    struct side *first = side_of(proposer), *second = side_of(!proposer);
    offer(first, stage_of(key));
    int result = pass(first, second, stage_of(key));
    assert_int_equal(result, has(b, 0) ? NEGOTIATION_OK : NEGOTIATION_REFUSED);
    result = pass(second, first, stage_of(key));
    assert_int_equal(result, has(a, 0) ? NEGOTIATION_OK : NEGOTIATION_REFUSED);
    assert_int_equal(offender, key);
    assert_agreed(key, 0);
}

static void check_lists(enum wire_key key, int proposer, const struct selection *a, const struct selection *b)
{
    begin();
    negotiation_want(&side_of(proposer)->n, key, packed(a));
    side_of(!proposer)->n.mine[key] = packed(b);
    for (uint32_t i = 0; i < a->count; i++)
        if (has(b, a->choice[i])) {
            assert_int_equal(exchange(side_of(proposer), side_of(!proposer), stage_of(key)), NEGOTIATION_OK);
            assert_agreed(key, a->choice[i]);
            assert_int_equal(side_of(!proposer)->n.theirs[key], packed(a));
            return;
        }
    check_no_common(key, proposer, a, b);
}

static void lists_all_pairs_of_preferences(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(list_keys); k++) {
        struct selection all[15];
        size_t n = selections(key_rows[list_keys[k]].max + 1, all);
        assert_int_equal(n, key_rows[list_keys[k]].max == 1 ? 4 : 15);
        for (size_t i = 0; i < n * n; i++)
            for (int proposer = 0; proposer < 2; proposer++)
                check_lists(list_keys[k], proposer, &all[i / n], &all[i % n]);
    }
}

/* --- answers that cannot be --- */

static int answer_to(int role, enum wire_key key, uint32_t offered, const char *text)
{
    begin();
    struct side *s = side_of(role);
    negotiation_want(&s->n, key, offered);
    offer(s, stage_of(key));
    return take(s, stage_of(key), key_rows[key].name, text);
}

static void check_answer(enum wire_key key, uint32_t offered, uint32_t answer, bool possible)
{
    char text[32];
    bool refuses = key_rows[key].type == KEY_LIST && answer == key_rows[key].initial;
    int impossible = refuses ? NEGOTIATION_REFUSED : NEGOTIATION_BAD;
    key_value_text(key, answer, text, sizeof text);
    for (int role = 0; role < 2; role++) {
        uint32_t before = key_rows[key].initial;
        int result = answer_to(role, key, offered, text);
        assert_int_equal(result, possible ? NEGOTIATION_OK : impossible);
        assert_int_equal(offender, key);
        if (possible)
            assert_int_equal(side_of(role)->n.agreed[key], answer);
        else if (key_rows[key].type == KEY_NUMBER_MIN || key_rows[key].type == KEY_NUMBER_MAX)
            assert_int_equal(side_of(role)->n.agreed[key], before);
    }
}

static void accepts_only_possible_answers(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t offered = i & 1, answer = i >> 1;
        for (size_t k = 0; k < COUNT(and_keys); k++)
            check_answer(and_keys[k], offered, answer, offered || !answer);
        for (size_t k = 0; k < COUNT(or_keys); k++)
            check_answer(or_keys[k], offered, answer, !offered || answer);
    }
    for (size_t k = 0; k < COUNT(min_keys); k++) {
        uint32_t grid[8];
        size_t n = edges(min_keys[k], grid);
        for (size_t i = 0; i < n * n; i++)
            check_answer(min_keys[k], grid[i / n], grid[i % n], grid[i % n] <= grid[i / n]);
    }
    for (size_t k = 0; k < COUNT(max_keys); k++) {
        uint32_t grid[8];
        size_t n = edges(max_keys[k], grid);
        for (size_t i = 0; i < n * n; i++)
            check_answer(max_keys[k], grid[i / n], grid[i % n], grid[i % n] >= grid[i / n]);
    }
}

static void accepts_only_offered_choices(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(list_keys); k++) {
        struct selection all[15];
        size_t n = selections(key_rows[list_keys[k]].max + 1, all);
        for (size_t i = 0; i < n; i++)
            for (uint32_t choice = 0; choice <= key_rows[list_keys[k]].max; choice++)
                check_answer(list_keys[k], packed(&all[i]), choice, has(&all[i], choice));
    }
}

struct answer_row {
    enum wire_key key;
    uint32_t offered;
    const char *answer;
    int result;
};

static const struct answer_row answer_rows[] = {
    {KEY_HEADER_DIGEST, CHOICES2(1, 0), "MD5", NEGOTIATION_BAD},
    {KEY_HEADER_DIGEST, CHOICES2(1, 0), "CRC32C,None", NEGOTIATION_BAD},
    {KEY_HEADER_DIGEST, CHOICES2(1, 0), "", NEGOTIATION_BAD},
    {KEY_HEADER_DIGEST, CHOICES2(1, 0), "crc32c", NEGOTIATION_BAD},
    {KEY_HEADER_DIGEST, CHOICES2(1, 0), "Reject", NEGOTIATION_OK}, /* None stays, and None was offered */
    {KEY_HEADER_DIGEST, CHOICES1(1), "Reject", NEGOTIATION_REFUSED},
    {KEY_HEADER_DIGEST, CHOICES1(1), "NotUnderstood", NEGOTIATION_REFUSED},
    {KEY_HEADER_DIGEST, CHOICES1(1), "Irrelevant", NEGOTIATION_REFUSED},
    {KEY_HEADER_DIGEST, CHOICES1(1), "None", NEGOTIATION_REFUSED}, /* it has not got what we demand */
    {KEY_DATA_DIGEST, CHOICES1(1), "None", NEGOTIATION_REFUSED},
    {KEY_AUTH_METHOD, CHOICES1(AUTH_CHAP), "None", NEGOTIATION_REFUSED}, /* the downgrade */
    {KEY_AUTH_METHOD, CHOICES1(AUTH_CHAP), "Reject", NEGOTIATION_REFUSED},
    {KEY_AUTH_METHOD, CHOICES1(AUTH_CHAP), "Irrelevant", NEGOTIATION_REFUSED},
    {KEY_AUTH_METHOD, CHOICES1(AUTH_CHAP), "NotUnderstood", NEGOTIATION_REFUSED},
    {KEY_AUTH_METHOD, CHOICES1(AUTH_CHAP), "KRB5", NEGOTIATION_BAD},
    {KEY_TASK_REPORTING, 0xfffff012, "NotUnderstood", NEGOTIATION_OK},
    {KEY_TASK_REPORTING, 0xffffff12, "NotUnderstood", NEGOTIATION_REFUSED},
    {KEY_PROTOCOL_LEVEL, 2, "NotUnderstood", NEGOTIATION_OK},
    {KEY_PROTOCOL_LEVEL, 2, "3", NEGOTIATION_BAD},
    {KEY_MAX_BURST_LENGTH, 1048576, "Reject", NEGOTIATION_OK},
    {KEY_MAX_BURST_LENGTH, 65536, "Reject", NEGOTIATION_REFUSED}, /* would stay at 262144, more than wanted */
    {KEY_MAX_BURST_LENGTH, 65536, "Irrelevant", NEGOTIATION_OK},
    {KEY_MAX_BURST_LENGTH, 65536, "65537", NEGOTIATION_BAD},
    {KEY_MAX_BURST_LENGTH, 65536, "0x10000", NEGOTIATION_OK},
    {KEY_MAX_BURST_LENGTH, 65536, "0x10001", NEGOTIATION_BAD},
    {KEY_MAX_BURST_LENGTH, 65536, "511", NEGOTIATION_BAD},
    {KEY_MAX_BURST_LENGTH, 65536, "0", NEGOTIATION_BAD},
    {KEY_MAX_BURST_LENGTH, 65536, "", NEGOTIATION_BAD},
    {KEY_MAX_BURST_LENGTH, 65536, "512~1024", NEGOTIATION_BAD},
    {KEY_MAX_BURST_LENGTH, 65536, "4294967808", NEGOTIATION_BAD},
    {KEY_MAX_BURST_LENGTH, 65536, "18446744073709551616", NEGOTIATION_BAD},
    {KEY_DEFAULT_TIME2WAIT, 5, "4", NEGOTIATION_BAD},
    {KEY_DEFAULT_TIME2WAIT, 5, "3600", NEGOTIATION_OK},
    {KEY_DEFAULT_TIME2WAIT, 5, "3601", NEGOTIATION_BAD},
    {KEY_DEFAULT_TIME2WAIT, 5, "Reject", NEGOTIATION_REFUSED},
    {KEY_DEFAULT_TIME2WAIT, 0, "Reject", NEGOTIATION_OK},
    {KEY_IMMEDIATE_DATA, 0, "Reject", NEGOTIATION_REFUSED},
    {KEY_IMMEDIATE_DATA, 0, "Irrelevant", NEGOTIATION_OK},
    {KEY_IMMEDIATE_DATA, 1, "yes", NEGOTIATION_BAD},
    {KEY_IMMEDIATE_DATA, 1, "None", NEGOTIATION_BAD},
    {KEY_INITIAL_R2T, 0, "Reject", NEGOTIATION_OK},
};

static void judges_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answer_rows); i++)
        for (int role = 0; role < 2; role++) {
            const struct answer_row *row = &answer_rows[i];
            int result = answer_to(role, row->key, row->offered, row->answer);
            if (result != row->result)
                fail_msg("%s=%s: %d", key_rows[row->key].name, row->answer, result);
            assert_int_equal(offender, row->key);
            assert_int_equal(side_of(role)->len, 0); /* an answer is not answered */
        }
}

/* --- offers from the peer --- */

struct offer_row {
    int role; /* ours */
    uint8_t where;
    const char *key, *value;
    int result;
    const char *reply; /* "" none */
};

#define SEC KEY_SECURITY
#define OP  KEY_OPERATIONAL
#define FF  KEY_FULL_FEATURE

static const struct offer_row offer_rows[] = {
    {ROLE_TARGET, OP, "HeaderDigest", "None", 0, "HeaderDigest=None"},
    {ROLE_TARGET, OP, "HeaderDigest", "CRC32C,None", 0, "HeaderDigest=None"},
    {ROLE_TARGET, OP, "HeaderDigest", "CRC32C", 0, "HeaderDigest=Reject"},
    {ROLE_TARGET, OP, "HeaderDigest", "Y-com.example.x,None", 0, "HeaderDigest=None"},
    {ROLE_TARGET, OP, "HeaderDigest", "", 0, "HeaderDigest=Reject"},
    {ROLE_TARGET, OP, "HeaderDigest", "Reject", NEGOTIATION_BAD, ""}, /* constants may not be proposed, 6.2 */
    {ROLE_TARGET, OP, "HeaderDigest", "Irrelevant", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, OP, "MaxBurstLength", "NotUnderstood", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, OP, "MaxBurstLength", "1048576", 0, "MaxBurstLength=262144"},
    {ROLE_TARGET, OP, "MaxBurstLength", "0x8000", 0, "MaxBurstLength=32768"},
    {ROLE_TARGET, OP, "MaxBurstLength", "511", 0, "MaxBurstLength=Reject"},
    {ROLE_TARGET, OP, "MaxBurstLength", "16777216", 0, "MaxBurstLength=Reject"},
    {ROLE_TARGET, OP, "MaxBurstLength", "", 0, "MaxBurstLength=Reject"},
    {ROLE_TARGET, OP, "MaxBurstLength", "512~4096", 0, "MaxBurstLength=Reject"},
    {ROLE_TARGET, OP, "MaxBurstLength", "None", 0, "MaxBurstLength=Reject"},
    {ROLE_TARGET, OP, "ImmediateData", "No", 0, "ImmediateData=No"},
    {ROLE_TARGET, OP, "ImmediateData", "Yes", 0, "ImmediateData=Yes"},
    {ROLE_TARGET, OP, "ImmediateData", "Maybe", 0, "ImmediateData=Reject"},
    {ROLE_TARGET, OP, "InitialR2T", "No", 0, "InitialR2T=Yes"},
    {ROLE_TARGET, OP, "DefaultTime2Wait", "0", 0, "DefaultTime2Wait=2"},
    {ROLE_TARGET, OP, "ErrorRecoveryLevel", "2", 0, "ErrorRecoveryLevel=0"},
    {ROLE_TARGET, OP, "TaskReporting", "FastAbort,ResponseFence,RFC3720", 0, "TaskReporting=RFC3720"},
    {ROLE_TARGET, OP, "iSCSIProtocolLevel", "2", 0, "iSCSIProtocolLevel=1"},
    {ROLE_TARGET, OP, "IFMarker", "No", 0, "IFMarker=Reject"}, /* 13.25 */
    {ROLE_TARGET, OP, "OFMarker", "Yes", 0, "OFMarker=Reject"},
    {ROLE_INITIATOR, OP, "IFMarkInt", "2048~8192", 0, "IFMarkInt=Reject"},
    {ROLE_INITIATOR, OP, "OFMarkInt", "2048", 0, "OFMarkInt=Reject"},
    {ROLE_INITIATOR, OP, "OFMarkInt", "Reject", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, OP, "X-com.example.key", "1", 0, "X-com.example.key=NotUnderstood"},
    {ROLE_TARGET, SEC, "X#NodeArchitecture", "a,b", 0, "X#NodeArchitecture=NotUnderstood"},
    {ROLE_TARGET, OP, "RDMAExtensions", "Yes", 0, "RDMAExtensions=NotUnderstood"},
    {ROLE_TARGET, FF, "headerdigest", "None", 0, "headerdigest=NotUnderstood"},
    {ROLE_TARGET, OP, "X-com.example.key", "NotUnderstood", NEGOTIATION_BAD, ""}, /* no ping-pong */
    {ROLE_TARGET, OP, "X-com.example.key", "Reject", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, OP, "MaxOutstandingR2T", "8", 0, "MaxOutstandingR2T=1"},
    {ROLE_INITIATOR, OP, "MaxRecvDataSegmentLength", "65536", 0, ""},
    {ROLE_INITIATOR, FF, "MaxRecvDataSegmentLength", "512", 0, ""},
    {ROLE_INITIATOR, OP, "MaxRecvDataSegmentLength", "511", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, OP, "MaxRecvDataSegmentLength", "16777216", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, OP, "MaxRecvDataSegmentLength", "Reject", NEGOTIATION_BAD, ""}, /* we declared nothing */
    {ROLE_INITIATOR, SEC, "MaxRecvDataSegmentLength", "8192", NEGOTIATION_BAD, ""},  /* stage */
    {ROLE_TARGET, SEC, "HeaderDigest", "None", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, FF, "HeaderDigest", "None", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, FF, "MaxBurstLength", "512", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, OP, "AuthMethod", "None", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, SEC, "AuthMethod", "KRB5,None", 0, "AuthMethod=None"},
    {ROLE_TARGET, SEC, "AuthMethod", "CHAP", 0, "AuthMethod=Reject"},
    {ROLE_TARGET, SEC, "CHAP_A", "5", 0, ""},
    {ROLE_INITIATOR, SEC, "CHAP_R", "0x00", 0, ""},
    {ROLE_TARGET, OP, "CHAP_A", "5", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, FF, "CHAP_N", "x", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, SEC, "InitiatorName", "iqn.2001-04.com.example", 0, ""},
    {ROLE_TARGET, OP, "InitiatorName", "iqn.2001-04.com.example", 0, ""},
    {ROLE_TARGET, FF, "InitiatorName", "iqn.2001-04.com.example", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, OP, "InitiatorName", "iqn.2001-04.com.example", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, SEC, "TargetName", "iqn.2001-04.com.example", 0, ""},
    {ROLE_TARGET, FF, "TargetName", "iqn.2001-04.com.example", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, FF, "TargetName", "iqn.2001-04.com.example", 0, ""},
    {ROLE_INITIATOR, OP, "TargetName", "iqn.2001-04.com.example", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, SEC, "TargetAlias", "disk", 0, ""},
    {ROLE_INITIATOR, FF, "TargetAlias", "disk", 0, ""},
    {ROLE_TARGET, SEC, "TargetAlias", "disk", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, SEC, "TargetPortalGroupTag", "1", 0, ""},
    {ROLE_INITIATOR, FF, "TargetPortalGroupTag", "1", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, SEC, "TargetPortalGroupTag", "1", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, FF, "SendTargets", "All", 0, ""},
    {ROLE_TARGET, OP, "SendTargets", "All", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, FF, "SendTargets", "All", NEGOTIATION_BAD, ""},
    {ROLE_TARGET, SEC, "SessionType", "Normal", 0, ""},
    {ROLE_TARGET, SEC, "SessionType", "Other", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, SEC, "SessionType", "Normal", NEGOTIATION_BAD, ""},
    {ROLE_INITIATOR, SEC, "InitiatorName", "Reject", NEGOTIATION_REFUSED, ""}, /* about what we declared */
    {ROLE_INITIATOR, SEC, "InitiatorAlias", "NotUnderstood", 0, ""},
    {ROLE_INITIATOR, SEC, "TargetName", "Irrelevant", 0, ""},
    {ROLE_TARGET, SEC, "InitiatorName", "Reject", 0, ""}, /* a strange name, for the caller to refuse */
};

static void answers_offers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(offer_rows); i++) {
        const struct offer_row *row = &offer_rows[i];
        begin();
        struct side *s = side_of(row->role);
        int result = take(s, row->where, row->key, row->value);
        size_t expected = row->reply[0] ? strlen(row->reply) + 1 : 0;
        if (result != row->result || s->len != expected || memcmp(s->out, row->reply, expected) != 0)
            fail_msg("%s=%s: %d, %s", row->key, row->value, result, s->out);
        assert_int_equal(offender, key_find((struct span){row->key, strlen(row->key)}));
    }
}

static void a_bad_pair_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(offer_rows); i++) {
        const struct offer_row *row = &offer_rows[i];
        begin();
        struct side *s = side_of(row->role);
        struct negotiation before = s->n;
        if (row->result != NEGOTIATION_BAD)
            continue;
        take(s, row->where, row->key, row->value);
        before.pairs++;
        assert_memory_equal(&s->n, &before, sizeof before);
    }
}

/* 6.3, T3: once per login from each side; TargetAddress as often as it likes. */
static void keys_come_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(offer_rows); i++) {
        const struct offer_row *row = &offer_rows[i];
        enum wire_key key = key_find((struct span){row->key, strlen(row->key)});
        begin();
        struct side *s = side_of(row->role);
        bool declared_by_us =
            row->role == ROLE_INITIATOR && row->value[0] >= 'I' && key == KEY_INITIATOR_ALIAS;
        if (take(s, row->where, row->key, row->value) != NEGOTIATION_OK || key == KEY_UNKNOWN ||
            declared_by_us || strcmp(row->value, "Irrelevant") == 0)
            continue;
        int again = take(s, row->where, row->key, row->value);
        assert_int_equal(again, row->where == FF ? NEGOTIATION_OK : NEGOTIATION_BAD);
    }
    begin();
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(&initiator, OP, "TargetAddress", "10.0.0.1"), NEGOTIATION_OK);
    begin();
    assert_int_equal(answer_to(ROLE_INITIATOR, KEY_MAX_BURST_LENGTH, 4096, "2048"), NEGOTIATION_OK);
    assert_int_equal(take(&initiator, OP, "MaxBurstLength", "1024"), NEGOTIATION_BAD); /* a second answer */
    assert_int_equal(initiator.n.agreed[KEY_MAX_BURST_LENGTH], 2048);
}

/* A rejected offer of the peer is REFUSED if its default rules our own wishes out. */
static void refuses_what_it_cannot_live_with(void **state)
{
    (void)state;
    target.n.mine[KEY_HEADER_DIGEST] = CHOICES1(DIGEST_CRC32C);
    assert_int_equal(take(&target, OP, "HeaderDigest", "None"), NEGOTIATION_REFUSED);
    assert_string_equal(target.out, "HeaderDigest=Reject");
    target.n.mine[KEY_MAX_BURST_LENGTH] = 8192;
    assert_int_equal(take(&target, OP, "MaxBurstLength", "1"), NEGOTIATION_REFUSED);
    assert_string_equal(target.out, "MaxBurstLength=Reject");
    assert_int_equal(target.n.agreed[KEY_MAX_BURST_LENGTH], 262144);
}

static void complaints_about_declarations(void **state)
{
    (void)state;
    negotiation_want(&initiator.n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, 65536);
    negotiation_want(&initiator.n, KEY_SESSION_TYPE, SESSION_DISCOVERY);
    offer(&initiator, OP);
    assert_int_equal(take(&initiator, OP, "MaxRecvDataSegmentLength", "NotUnderstood"), NEGOTIATION_OK);
    assert_int_equal(take(&initiator, OP, "SessionType", "Reject"), NEGOTIATION_REFUSED);
    assert_int_equal(take(&initiator, OP, "SessionType", "NotUnderstood"), NEGOTIATION_REFUSED);
    assert_int_equal(take(&initiator, OP, "SessionType", "Irrelevant"), NEGOTIATION_OK);
    assert_int_equal(take(&initiator, OP, "MaxRecvDataSegmentLength", "4096"), NEGOTIATION_OK); /* its own */
    assert_int_equal(initiator.n.theirs[KEY_MAX_RECV_DATA_SEGMENT_LENGTH], 4096);
    begin();
    negotiation_want(&initiator.n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, 4096);
    offer(&initiator, OP); /* 8192 would be too much for us */
    assert_int_equal(take(&initiator, OP, "MaxRecvDataSegmentLength", "Reject"), NEGOTIATION_REFUSED);
}

/* --- whole logins --- */

struct wish {
    enum wire_key key;
    uint32_t initiator, target, agreed;
};

static const struct wish wishes[] = {
    {KEY_HEADER_DIGEST, CHOICES2(DIGEST_CRC32C, DIGEST_NONE), CHOICES1(DIGEST_CRC32C), DIGEST_CRC32C},
    {KEY_DATA_DIGEST, CHOICES1(DIGEST_NONE), CHOICES2(DIGEST_CRC32C, DIGEST_NONE), DIGEST_NONE},
    {KEY_MAX_CONNECTIONS, 4, 2, 2},
    {KEY_INITIAL_R2T, 0, 0, 0},
    {KEY_IMMEDIATE_DATA, 1, 0, 0},
    {KEY_MAX_BURST_LENGTH, 1048576, 524288, 524288},
    {KEY_FIRST_BURST_LENGTH, 262144, 131072, 131072},
    {KEY_DEFAULT_TIME2WAIT, 0, 5, 5},
    {KEY_DEFAULT_TIME2RETAIN, 60, 0, 0},
    {KEY_MAX_OUTSTANDING_R2T, 8, 1, 1},
    {KEY_DATA_PDU_IN_ORDER, 1, 0, 1},
    {KEY_DATA_SEQUENCE_IN_ORDER, 0, 0, 0},
    {KEY_ERROR_RECOVERY_LEVEL, 2, 1, 1},
    {KEY_TASK_REPORTING, 0xfffff012, CHOICES2(REPORT_RFC3720, REPORT_RESPONSE_FENCE), REPORT_RESPONSE_FENCE},
    {KEY_PROTOCOL_LEVEL, 2, 1, 1},
};

static void set_wishes(bool target_offers)
{
    begin();
    for (size_t i = 0; i < COUNT(wishes); i++) {
        struct side *first = target_offers ? &target : &initiator,
                    *second = target_offers ? &initiator : &target;
        negotiation_want(&first->n, wishes[i].key, target_offers ? wishes[i].target : wishes[i].initiator);
        second->n.mine[wishes[i].key] = target_offers ? wishes[i].initiator : wishes[i].target;
    }
    negotiation_want(&initiator.n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, 65536);
    negotiation_want(&target.n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, 131072);
}

static void assert_wishes(void)
{
    for (size_t i = 0; i < COUNT(wishes); i++)
        if (wishes[i].key != KEY_TASK_REPORTING)
            assert_agreed(wishes[i].key, wishes[i].agreed);
    assert_int_equal(initiator.n.theirs[KEY_MAX_RECV_DATA_SEGMENT_LENGTH], 131072);
    assert_int_equal(target.n.theirs[KEY_MAX_RECV_DATA_SEGMENT_LENGTH], 65536);
    assert_int_equal(initiator.n.mine[KEY_MAX_RECV_DATA_SEGMENT_LENGTH], 65536);
}

static void appended_offer(struct side *s, uint8_t where)
{
    struct writer w = writer_over(s->out + s->len, sizeof s->out - s->len);
    negotiation_offer(&s->n, where, &w);
    assert_true(w.ok);
    s->len += writer_len(&w);
}

static void all_keys_in_one_round(void **state)
{
    (void)state;
    set_wishes(false);
    offer(&initiator, OP);
    assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
    appended_offer(&target, OP);
    assert_int_equal(pass(&target, &initiator, OP), NEGOTIATION_OK);
    assert_int_equal(initiator.len, 0);
    assert_wishes();
    assert_agreed(KEY_TASK_REPORTING, REPORT_RESPONSE_FENCE);
    offer(&initiator, OP); /* nothing is sent twice */
    offer(&target, OP);
    assert_int_equal(initiator.len + target.len, 0);
}

/* --- every key at once, by chance --- */

static uint32_t chance(uint32_t below)
{
    static uint64_t seed = 7143;
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % below;
}

static bool one_of(enum wire_key key, const enum wire_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i] == key)
            return true;
    return false;
}

/* Often from the edges of the range, where mistakes are. */
static uint32_t any_value(enum wire_key key)
{
    uint32_t grid[8];
    if (one_of(key, list_keys, COUNT(list_keys))) {
        struct selection all[15];
        return packed(&all[chance((uint32_t)selections(key_rows[key].max + 1, all))]);
    }
    if (chance(2))
        return grid[chance((uint32_t)edges(key, grid))];
    return key_rows[key].min + chance(key_rows[key].max - key_rows[key].min + 1);
}

/* The result by the sections of RFC 7143, not by the table under test; UINT32_MAX: there is none. */
static uint32_t oracle(enum wire_key key, uint32_t offered, uint32_t mine)
{
    bool smaller = one_of(key, and_keys, COUNT(and_keys)) || one_of(key, min_keys, COUNT(min_keys));
    if (!one_of(key, list_keys, COUNT(list_keys)))
        return smaller == (offered < mine) ? offered : mine;
    for (; (offered & 0xf) != 0xf; offered = offered >> 4 | 0xf0000000u)
        for (uint32_t rest = mine; (rest & 0xf) != 0xf; rest = rest >> 4 | 0xf0000000u)
            if ((rest & 0xf) == (offered & 0xf))
                return offered & 0xf;
    return UINT32_MAX;
}

struct draw {
    uint32_t offered, mine; /* of the proposer, of the other */
    int proposer;           /* -1: nobody */
};

/* Each key is proposed by one side, by the other, or by nobody. */
static void draw_all(struct draw draws[COUNT(wishes)])
{
    begin();
    for (size_t i = 0; i < COUNT(wishes); i++) {
        enum wire_key key = wishes[i].key;
        struct draw *d = &draws[i];
        do
            *d = (struct draw){any_value(key), any_value(key), (int)chance(3) - 1};
        while (oracle(key, d->offered, d->mine) == UINT32_MAX);
        if (d->proposer < 0)
            continue;
        negotiation_want(&side_of(d->proposer)->n, key, d->offered);
        side_of(!d->proposer)->n.mine[key] = d->mine;
    }
}

static void check_draws(const struct draw draws[COUNT(wishes)])
{
    for (size_t i = 0; i < COUNT(wishes); i++) {
        enum wire_key key = wishes[i].key;
        const struct draw *d = &draws[i];
        uint32_t expected = d->proposer < 0 ? key_rows[key].initial : oracle(key, d->offered, d->mine);
        if (initiator.n.agreed[key] != expected || target.n.agreed[key] != expected)
            fail_msg("%s: %x by %d, %x: %u and %u, not %u", key_rows[key].name, d->offered, d->proposer,
                     d->mine, initiator.n.agreed[key], target.n.agreed[key], expected);
    }
    assert_int_equal(initiator.n.open | target.n.open, 0);
}

static void all_keys_by_chance(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 20000; n++) {
        struct draw draws[COUNT(wishes)];
        draw_all(draws);
        offer(&initiator, OP);
        assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
        appended_offer(&target, OP);
        assert_int_equal(pass(&target, &initiator, OP), NEGOTIATION_OK);
        assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
        assert_int_equal(target.len, 0);
        check_draws(draws);
    }
}

/* The target originates everything (a tuned tgt does). */
static void all_keys_from_the_target(void **state)
{
    (void)state;
    set_wishes(true);
    offer(&initiator, OP); /* its MaxRecvDataSegmentLength alone */
    assert_int_equal(initiator.len, sizeof "MaxRecvDataSegmentLength=65536");
    assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
    appended_offer(&target, OP);
    assert_int_equal(pass(&target, &initiator, OP), NEGOTIATION_OK);
    assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
    assert_int_equal(target.len, 0);
    assert_wishes();
}

/* The answers dribble in: so many in the first response, the rest in the second. */
static void answers_may_come_in_several_responses(void **state)
{
    (void)state;
    for (size_t first = 0; first < COUNT(wishes); first++) {
        set_wishes(false);
        offer(&initiator, OP);
        assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
        appended_offer(&target, OP);
        size_t cut = 0;
        for (size_t pairs = 0; pairs < first; cut++)
            pairs += target.out[cut] == 0;
        static struct side part;
        part = target;
        part.len = cut;
        assert_int_equal(pass(&part, &initiator, OP), NEGOTIATION_OK);
        bool missing = first < COUNT(wishes) - 2; /* the last two may stay unanswered */
        assert_int_equal(negotiation_check(&initiator.n, &offender),
                         missing ? NEGOTIATION_BAD : NEGOTIATION_OK);
        part = target;
        memmove(part.out, part.out + cut, part.len -= cut);
        assert_int_equal(pass(&part, &initiator, OP), NEGOTIATION_OK);
        target.len = 0;
        assert_wishes();
    }
}

/* Both hold wishes for the same keys: the target answers, and does not offer what it has answered. */
static void both_sides_want_the_same_keys(void **state)
{
    (void)state;
    set_wishes(false);
    for (size_t i = 0; i < COUNT(wishes); i++)
        negotiation_want(&target.n, wishes[i].key, wishes[i].target);
    offer(&initiator, OP);
    assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
    appended_offer(&target, OP);
    assert_int_equal(pass(&target, &initiator, OP), NEGOTIATION_OK);
    assert_int_equal(initiator.len, 0);
    assert_wishes();
}

static void stages_keep_apart(void **state)
{
    (void)state;
    set_wishes(false);
    negotiation_want(&initiator.n, KEY_AUTH_METHOD, CHOICES2(AUTH_CHAP, AUTH_NONE));
    negotiation_want(&initiator.n, KEY_SESSION_TYPE, SESSION_NORMAL);
    target.n.mine[KEY_AUTH_METHOD] = CHOICES1(AUTH_CHAP);
    offer(&initiator, SEC);
    static const char expected[] = "AuthMethod=CHAP,None\0SessionType=Normal";
    assert_int_equal(initiator.len, sizeof expected);
    assert_memory_equal(initiator.out, expected, sizeof expected);
    assert_int_equal(pass(&initiator, &target, SEC), NEGOTIATION_OK);
    assert_int_equal(pass(&target, &initiator, SEC), NEGOTIATION_OK);
    assert_agreed(KEY_AUTH_METHOD, AUTH_CHAP);
    assert_int_equal(exchange(&initiator, &target, OP), NEGOTIATION_OK);
    assert_agreed(KEY_MAX_BURST_LENGTH, 524288);
}

static void discovery_has_few_keys(void **state)
{
    (void)state;
    set_wishes(false);
    negotiation_want(&initiator.n, KEY_SESSION_TYPE, SESSION_DISCOVERY);
    assert_true(initiator.n.discovery);
    offer(&initiator, OP);
    static const char expected[] =
        "HeaderDigest=CRC32C,None\0DataDigest=None\0SessionType=Discovery\0"
        "MaxRecvDataSegmentLength=65536\0DefaultTime2Wait=0\0DefaultTime2Retain=60\0"
        "ErrorRecoveryLevel=0";
    assert_int_equal(initiator.len, sizeof expected);
    assert_memory_equal(initiator.out, expected, sizeof expected);
    assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
    assert_true(target.n.discovery);
    assert_int_equal(target.n.agreed[KEY_SESSION_TYPE], SESSION_DISCOVERY);
    assert_int_equal(initiator.n.agreed[KEY_SESSION_TYPE], SESSION_DISCOVERY);
    assert_int_equal(pass(&target, &initiator, OP), NEGOTIATION_OK);
    assert_agreed(KEY_ERROR_RECOVERY_LEVEL, 0); /* 7.4.1, whatever was wanted */
    assert_agreed(KEY_MAX_BURST_LENGTH, 262144);
}

static void discovery_finds_keys_irrelevant(void **state)
{
    (void)state;
    static const char *const irrelevant[][2] = {{"MaxConnections", "2"},      {"InitialR2T", "No"},
                                                {"ImmediateData", "No"},      {"MaxBurstLength", "512"},
                                                {"FirstBurstLength", "512"},  {"MaxOutstandingR2T", "2"},
                                                {"DataPDUInOrder", "No"},     {"DataSequenceInOrder", "No"},
                                                {"TaskReporting", "RFC3720"}, {"iSCSIProtocolLevel", "2"}};
    assert_int_equal(take(&target, SEC, "SessionType", "Discovery"), NEGOTIATION_OK);
    for (size_t i = 0; i < COUNT(irrelevant); i++) {
        assert_int_equal(take(&target, OP, irrelevant[i][0], irrelevant[i][1]), NEGOTIATION_OK);
        assert_string_equal(strchr(target.out, '='), "=Irrelevant");
    }
    target.n.mine[KEY_ERROR_RECOVERY_LEVEL] = 2;
    assert_int_equal(take(&target, OP, "ErrorRecoveryLevel", "2"), NEGOTIATION_OK);
    assert_string_equal(target.out, "ErrorRecoveryLevel=0");
    assert_int_equal(target.n.agreed[KEY_MAX_CONNECTIONS], 1);
    assert_int_equal(target.n.agreed[KEY_IMMEDIATE_DATA], 1);
}

static void later_connections_leave_the_session_s_keys_alone(void **state)
{
    (void)state;
    set_wishes(false);
    initiator.n.leading = target.n.leading = false;
    offer(&initiator, OP);
    static const char expected[] =
        "HeaderDigest=CRC32C,None\0DataDigest=None\0MaxRecvDataSegmentLength=65536";
    assert_int_equal(initiator.len, sizeof expected);
    assert_memory_equal(initiator.out, expected, sizeof expected);
    assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
    assert_int_equal(pass(&target, &initiator, OP), NEGOTIATION_OK);
    assert_agreed(KEY_HEADER_DIGEST, DIGEST_CRC32C);
    assert_int_equal(take(&target, OP, "MaxBurstLength", "512"), NEGOTIATION_BAD);
    assert_int_equal(offender, KEY_MAX_BURST_LENGTH);
}

/* iSER's digests are none and its segments have keys of their own (RFC 7145 6). */
static void other_transports_leave_tcp_keys_alone(void **state)
{
    (void)state;
    set_wishes(false);
    initiator.n.transport = target.n.transport = KEY_ANY_TRANSPORT;
    offer(&initiator, OP);
    assert_memory_equal(initiator.out, "MaxConnections=4", 17);
    assert_int_equal(take(&target, OP, "HeaderDigest", "CRC32C"), NEGOTIATION_OK);
    assert_string_equal(target.out, "HeaderDigest=Irrelevant");
    assert_int_equal(take(&target, OP, "MaxRecvDataSegmentLength", "0"), NEGOTIATION_OK);
    assert_int_equal(target.n.theirs[KEY_MAX_RECV_DATA_SEGMENT_LENGTH], 8192);
}

/* --- full feature phase --- */

static void segments_may_change_in_full_feature_phase(void **state)
{
    (void)state;
    set_wishes(false);
    offer(&initiator, OP);
    assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
    for (uint32_t len = 4096; len <= 16384; len *= 2) {
        negotiation_want(&initiator.n, KEY_MAX_RECV_DATA_SEGMENT_LENGTH, len);
        offer(&initiator, OP); /* no longer in login */
        assert_int_equal(initiator.len, 0);
        offer(&initiator, FF);
        assert_int_equal(pass(&initiator, &target, FF), NEGOTIATION_OK);
        assert_int_equal(target.n.theirs[KEY_MAX_RECV_DATA_SEGMENT_LENGTH], len);
        offer(&initiator, FF);
        assert_int_equal(initiator.len, 0);
    }
}

static void a_failed_copy_leaves_the_original(void **state)
{
    (void)state;
    assert_int_equal(take(&initiator, OP, "MaxRecvDataSegmentLength", "65536"), NEGOTIATION_OK);
    struct negotiation kept = initiator.n;
    assert_int_equal(take(&initiator, FF, "MaxRecvDataSegmentLength", "512"), NEGOTIATION_OK);
    assert_int_equal(take(&initiator, FF, "MaxBurstLength", "512"), NEGOTIATION_BAD);
    initiator.n = kept;
    assert_int_equal(initiator.n.theirs[KEY_MAX_RECV_DATA_SEGMENT_LENGTH], 65536);
}

/* --- limits --- */

static void counts_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXT_PAIRS_MAX; i++)
        assert_int_equal(take(&target, OP, "X-a", "b"), NEGOTIATION_OK);
    assert_int_equal(take(&target, OP, "X-a", "b"), NEGOTIATION_FULL);
    assert_int_equal(target.len, 0);
    assert_int_equal(take(&target, OP, "MaxBurstLength", "512"), NEGOTIATION_FULL);
    assert_int_equal(target.n.agreed[KEY_MAX_BURST_LENGTH], 262144);
    target.n.pairs = 0; /* another exchange */
    assert_int_equal(take(&target, OP, "MaxBurstLength", "512"), NEGOTIATION_OK);
}

/* CVE shape: thousands of tiny keys, each of which earns a longer answer. */
static void tiny_keys_do_not_overflow_the_reply(void **state)
{
    (void)state;
    char out[301];
    memset(out, 'x', sizeof out);
    struct writer w = writer_over(out, 300);
    int result = NEGOTIATION_OK, taken = 0;
    while ((result = negotiation_take(&target.n, OP, (struct span){"A", 1}, (struct span){"", 0}, &w,
                                      &offender)) == 0)
        taken++;
    assert_int_equal(result, NEGOTIATION_FULL);
    assert_int_equal(taken, 300 / sizeof "A=NotUnderstood");
    assert_int_equal(out[300], 'x');
    assert_int_equal(offender, KEY_UNKNOWN);
}

static void an_answer_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"MaxBurstLength", "512"}, {"MaxBurstLength", "1"}, {"IFMarker", "No"}, {"HeaderDigest", "None"}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char out[8];
        begin();
        struct negotiation before = target.n;
        struct writer w = writer_over(out, sizeof out);
        struct span key = {pairs[i][0], strlen(pairs[i][0])}, value = {pairs[i][1], strlen(pairs[i][1])};
        assert_int_equal(negotiation_take(&target.n, OP, key, value, &w, &offender), NEGOTIATION_FULL);
        before.pairs++;
        assert_memory_equal(&target.n, &before, sizeof before);
    }
}

static void offers_that_do_not_fit_stay_wanted(void **state)
{
    (void)state;
    set_wishes(false);
    char out[64], rest[1024];
    struct writer w = writer_over(out, sizeof out);
    negotiation_offer(&initiator.n, OP, &w);
    assert_false(w.ok);
    size_t first = writer_len(&w);
    w = writer_over(rest, sizeof rest);
    negotiation_offer(&initiator.n, OP, &w);
    assert_true(w.ok);
    memcpy(initiator.out, out, first);
    memcpy(initiator.out + first, rest, writer_len(&w));
    initiator.len = first + writer_len(&w);
    assert_int_equal(pass(&initiator, &target, OP), NEGOTIATION_OK);
    appended_offer(&target, OP);
    assert_int_equal(pass(&target, &initiator, OP), NEGOTIATION_OK);
    assert_wishes();
}

static void wants_are_clamped(void **state)
{
    (void)state;
    negotiation_want(&initiator.n, KEY_MAX_BURST_LENGTH, UINT32_MAX);
    negotiation_want(&initiator.n, KEY_FIRST_BURST_LENGTH, 0);
    negotiation_want(&initiator.n, KEY_ERROR_RECOVERY_LEVEL, 7);
    assert_int_equal(initiator.n.mine[KEY_MAX_BURST_LENGTH], 16777215);
    assert_int_equal(initiator.n.mine[KEY_FIRST_BURST_LENGTH], 512);
    assert_int_equal(initiator.n.mine[KEY_ERROR_RECOVERY_LEVEL], 2);
    negotiation_want(&initiator.n, KEY_SESSION_TYPE,
                     7); /* found by the fuzzer: the flag follows what is sent */
    assert_int_equal(initiator.n.mine[KEY_SESSION_TYPE], SESSION_DISCOVERY);
    assert_true(initiator.n.discovery);
    negotiation_want(&initiator.n, KEY_SESSION_TYPE, SESSION_NORMAL);
    assert_false(initiator.n.discovery);
}

/* What has no value of its own is not offered, even if somebody wants it. */
static void offers_no_texts(void **state)
{
    (void)state;
    static const enum wire_key keys[] = {KEY_INITIATOR_NAME, KEY_TARGET_NAME, KEY_CHAP_A, KEY_IF_MARKER,
                                         KEY_SEND_TARGETS};
    for (size_t i = 0; i < COUNT(keys); i++)
        negotiation_want(&initiator.n, keys[i], 1);
    for (uint8_t where = SEC; where <= FF; where = (uint8_t)(where * 2)) {
        offer(&initiator, where);
        assert_int_equal(initiator.len, 0);
    }
    negotiation_want(&target.n, KEY_SESSION_TYPE, SESSION_NORMAL); /* the initiator's alone */
    offer(&target, OP);
    assert_int_equal(target.len, 0);
}

/* --- the check at the end --- */

/* 6.2.2: No to an AND and Yes to an OR need no answer, and are in force without one. */
static void settled_booleans_need_no_answer(void **state)
{
    (void)state;
    negotiation_want(&initiator.n, KEY_IMMEDIATE_DATA, 0);
    negotiation_want(&initiator.n, KEY_INITIAL_R2T, 1);
    offer(&initiator, OP);
    assert_int_equal(initiator.n.agreed[KEY_IMMEDIATE_DATA], 0);
    assert_int_equal(initiator.n.agreed[KEY_INITIAL_R2T], 1);
    assert_int_equal(negotiation_check(&initiator.n, &offender), NEGOTIATION_OK);
    begin();
    negotiation_want(&initiator.n, KEY_IMMEDIATE_DATA, 1);
    offer(&initiator, OP);
    assert_int_equal(negotiation_check(&initiator.n, &offender), NEGOTIATION_BAD);
    assert_int_equal(offender, KEY_IMMEDIATE_DATA);
    begin();
    negotiation_want(&initiator.n, KEY_INITIAL_R2T, 0);
    offer(&initiator, OP);
    assert_int_equal(initiator.n.agreed[KEY_INITIAL_R2T], 1); /* not before the peer agrees */
    assert_int_equal(negotiation_check(&initiator.n, &offender), NEGOTIATION_BAD);
    assert_int_equal(offender, KEY_INITIAL_R2T);
}

static void open_offers_are_missed(void **state)
{
    (void)state;
    static const enum wire_key keys[] = {KEY_HEADER_DIGEST, KEY_MAX_BURST_LENGTH, KEY_DEFAULT_TIME2WAIT};
    for (size_t i = 0; i < COUNT(keys); i++) {
        begin();
        negotiation_want(&initiator.n, keys[i], initiator.n.mine[keys[i]]);
        offer(&initiator, OP);
        assert_int_equal(negotiation_check(&initiator.n, &offender), NEGOTIATION_BAD);
        assert_int_equal(offender, keys[i]);
    }
    begin(); /* an old target may be silent about these (RFC 7144 7.1.1) */
    negotiation_want(&initiator.n, KEY_TASK_REPORTING, 0xfffff012);
    negotiation_want(&initiator.n, KEY_PROTOCOL_LEVEL, 2);
    offer(&initiator, OP);
    assert_int_equal(negotiation_check(&initiator.n, &offender), NEGOTIATION_OK);
    assert_int_equal(initiator.n.agreed[KEY_PROTOCOL_LEVEL], 1);
}

/* T9: FirstBurstLength above MaxBurstLength, in every case where it matters. */
static void first_burst_fits_the_burst(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        begin();
        uint32_t r2t = i & 1, immediate = i >> 1 & 1, longer = i >> 2 & 1;
        initiator.n.agreed[KEY_INITIAL_R2T] = r2t;
        initiator.n.agreed[KEY_IMMEDIATE_DATA] = immediate;
        negotiation_want(&initiator.n, KEY_MAX_BURST_LENGTH, 65536);
        negotiation_want(&initiator.n, KEY_FIRST_BURST_LENGTH, 65536);
        offer(&initiator, OP);
        assert_int_equal(take(&initiator, OP, "FirstBurstLength", "32768"), NEGOTIATION_OK);
        assert_int_equal(take(&initiator, OP, "MaxBurstLength", longer ? "32767" : "32768"), NEGOTIATION_OK);
        bool bad = longer && (!r2t || immediate);
        assert_int_equal(negotiation_check(&initiator.n, &offender), bad ? NEGOTIATION_BAD : NEGOTIATION_OK);
        if (bad)
            assert_int_equal(offender, KEY_FIRST_BURST_LENGTH);
    }
    begin(); /* nobody spoke of FirstBurstLength: its default is no contradiction */
    assert_int_equal(take(&target, OP, "MaxBurstLength", "4096"), NEGOTIATION_OK);
    assert_int_equal(negotiation_check(&target.n, &offender), NEGOTIATION_OK);
}

/* T10 */
static void recovery_in_order_allows_one_r2t(void **state)
{
    (void)state;
    for (uint32_t level = 0; level < 3; level++)
        for (uint32_t order = 0; order < 2; order++)
            for (uint32_t r2t = 1; r2t < 3; r2t++) {
                begin();
                initiator.n.agreed[KEY_ERROR_RECOVERY_LEVEL] = level;
                initiator.n.agreed[KEY_DATA_SEQUENCE_IN_ORDER] = order;
                initiator.n.agreed[KEY_MAX_OUTSTANDING_R2T] = r2t;
                bool bad = level > 0 && order && r2t > 1;
                assert_int_equal(negotiation_check(&initiator.n, &offender),
                                 bad ? NEGOTIATION_BAD : NEGOTIATION_OK);
                if (bad)
                    assert_int_equal(offender, KEY_MAX_OUTSTANDING_R2T);
            }
}

static void begins_with_the_defaults(void **state)
{
    (void)state;
    for (int key = 0; key < KEY_COUNT; key++) {
        assert_int_equal(initiator.n.agreed[key], key_rows[key].initial);
        uint32_t mine =
            key_rows[key].type == KEY_LIST ? CHOICES1(key_rows[key].initial) : key_rows[key].initial;
        assert_int_equal(initiator.n.mine[key], mine);
        assert_int_equal(initiator.n.theirs[key], mine);
    }
    assert_true(initiator.n.leading);
    assert_int_equal(initiator.n.wanted | initiator.n.sent | initiator.n.received | initiator.n.open, 0);
    assert_int_equal(negotiation_check(&initiator.n, &offender), NEGOTIATION_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(begins_with_the_defaults, setup),
        cmocka_unit_test_setup(booleans_all_pairs, setup),
        cmocka_unit_test_setup(numbers_all_pairs, setup),
        cmocka_unit_test_setup(lists_all_pairs_of_preferences, setup),
        cmocka_unit_test_setup(accepts_only_possible_answers, setup),
        cmocka_unit_test_setup(accepts_only_offered_choices, setup),
        cmocka_unit_test_setup(judges_answers, setup),
        cmocka_unit_test_setup(answers_offers, setup),
        cmocka_unit_test_setup(a_bad_pair_changes_nothing, setup),
        cmocka_unit_test_setup(keys_come_once, setup),
        cmocka_unit_test_setup(refuses_what_it_cannot_live_with, setup),
        cmocka_unit_test_setup(complaints_about_declarations, setup),
        cmocka_unit_test_setup(all_keys_in_one_round, setup),
        cmocka_unit_test_setup(all_keys_by_chance, setup),
        cmocka_unit_test_setup(all_keys_from_the_target, setup),
        cmocka_unit_test_setup(answers_may_come_in_several_responses, setup),
        cmocka_unit_test_setup(both_sides_want_the_same_keys, setup),
        cmocka_unit_test_setup(stages_keep_apart, setup),
        cmocka_unit_test_setup(discovery_has_few_keys, setup),
        cmocka_unit_test_setup(discovery_finds_keys_irrelevant, setup),
        cmocka_unit_test_setup(later_connections_leave_the_session_s_keys_alone, setup),
        cmocka_unit_test_setup(other_transports_leave_tcp_keys_alone, setup),
        cmocka_unit_test_setup(segments_may_change_in_full_feature_phase, setup),
        cmocka_unit_test_setup(a_failed_copy_leaves_the_original, setup),
        cmocka_unit_test_setup(counts_pairs, setup),
        cmocka_unit_test_setup(tiny_keys_do_not_overflow_the_reply, setup),
        cmocka_unit_test_setup(an_answer_that_does_not_fit_changes_nothing, setup),
        cmocka_unit_test_setup(offers_that_do_not_fit_stay_wanted, setup),
        cmocka_unit_test_setup(wants_are_clamped, setup),
        cmocka_unit_test_setup(offers_no_texts, setup),
        cmocka_unit_test_setup(settled_booleans_need_no_answer, setup),
        cmocka_unit_test_setup(open_offers_are_missed, setup),
        cmocka_unit_test_setup(first_burst_fits_the_burst, setup),
        cmocka_unit_test_setup(recovery_in_order_allows_one_r2t, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
