/* SPDX-License-Identifier: MIT */
/* What may be asked for, and what is refused before a packet leaves. */
#include "test.h"

static const char good[] = "0123456789ab", other[] = "abcdefghijkl";

static void set_user(struct berth_options *o)
{
    o->user = "me";
    o->secret = good;
    o->secret_len = sizeof good - 1;
}

static void set_mutual(struct berth_options *o)
{
    set_user(o);
    o->mutual_user = "you";
    o->mutual_secret = other;
    o->mutual_secret_len = sizeof other - 1;
}

static void no_secret(struct berth_options *o)
{
    o->user = "me";
}
static void empty_secret(struct berth_options *o)
{
    set_user(o);
    o->secret_len = 0;
}
static void empty_user(struct berth_options *o)
{
    set_user(o);
    o->user = "";
}
static void short_secret(struct berth_options *o)
{
    set_user(o);
    o->secret_len = 11;
}
static void short_allowed(struct berth_options *o)
{
    short_secret(o);
    o->allow_weak_secret = true;
}
static void long_secret(struct berth_options *o)
{
    set_user(o);
    o->secret_len = 256;
}
static void secret_alone(struct berth_options *o)
{
    set_user(o);
    o->user = NULL;
}
static void mutual_alone(struct berth_options *o)
{
    set_mutual(o);
    o->user = NULL;
    o->secret = NULL;
}
static void mutual_nameless(struct berth_options *o)
{
    set_mutual(o);
    o->mutual_user = NULL;
}
static void mutual_empty(struct berth_options *o)
{
    set_mutual(o);
    o->mutual_user = "";
}
static void mutual_bare(struct berth_options *o)
{
    set_mutual(o);
    o->mutual_secret = NULL;
}
static void mutual_short(struct berth_options *o)
{
    set_mutual(o);
    o->mutual_secret_len = 11;
}
static void mutual_same(struct berth_options *o)
{
    set_mutual(o);
    o->mutual_secret = "0123456789ab";
}
static void old_size(struct berth_options *o)
{
    o->size -= 8;
    o->user = (void *)1;
}
static void no_size(struct berth_options *o)
{
    o->size = 0;
}
static void depth_0(struct berth_options *o)
{
    o->depth = 0;
}
static void depth_1(struct berth_options *o)
{
    o->depth = 1;
}
static void depth_1024(struct berth_options *o)
{
    o->depth = 1024;
}
static void depth_1025(struct berth_options *o)
{
    o->depth = 1025;
}
static void bad_digest(struct berth_options *o)
{
    o->header_digest = 2;
}
static void bad_data_digest(struct berth_options *o)
{
    o->data_digest = 2;
}
static void no_connect_time(struct berth_options *o)
{
    o->connect_timeout_ms = 0;
}
static void no_command_time(struct berth_options *o)
{
    o->command_timeout_ms = 0;
}
static void no_ping_time(struct berth_options *o)
{
    o->ping_timeout_ms = 0;
}
static void no_ping(struct berth_options *o)
{
    o->ping_timeout_ms = o->ping_interval_ms = 0;
}
static void no_recovery(struct berth_options *o)
{
    o->recovery_timeout_ms = 0;
}
static void longest(struct berth_options *o)
{
    o->connect_timeout_ms = o->command_timeout_ms = o->recovery_timeout_ms = o->ping_interval_ms =
        o->ping_timeout_ms = UINT32_MAX;
}
static void bad_name(struct berth_options *o)
{
    o->initiator_name = "iqn.yesterday";
}
static void loud_name(struct berth_options *o)
{
    o->initiator_name = "iqn.2026-11.test:LOUD";
}
static void foreign_name(struct berth_options *o)
{
    o->initiator_name = "iqn.2026-11.test:h\xc3\xb6st";
}
static void isid_of_name(struct berth_options *o)
{
    o->isid = "name";
}
static void isid_of_ours(struct berth_options *o)
{
    o->isid = "80123456ffff";
    o->isid_offset = 3;
}
static void isid_short(struct berth_options *o)
{
    o->isid = "8012345678";
}
static void isid_reserved(struct berth_options *o)
{
    o->isid = "c01234567890";
}
static void isid_empty(struct berth_options *o)
{
    o->isid = "";
}
static void algorithms_empty(struct berth_options *o)
{
    o->chap_algorithms = "";
}
static void algorithms_unknown(struct berth_options *o)
{
    o->chap_algorithms = "MD5,SHA512";
}
static void algorithms_good(struct berth_options *o)
{
    o->chap_algorithms = "SHA256,SHA3-256";
}
static void challenge_0(struct berth_options *o)
{
    o->chap_challenge_min_bytes = 0;
}
static void challenge_1025(struct berth_options *o)
{
    o->chap_challenge_min_bytes = 1025;
}
static void challenge_1024(struct berth_options *o)
{
    o->chap_challenge_min_bytes = 1024;
}
static void good_name(struct berth_options *o)
{
    o->initiator_name = "iqn.2026-11.test:quiet";
}
static void digests(struct berth_options *o)
{
    o->header_digest = o->data_digest = BERTH_DIGEST_CRC32C;
}

static void bound(struct berth_options *o) /* the simulated engine has only one way, and takes it */
{
    o->bind_address = "::1";
    o->bind_device = "fifteen-letters";
    o->first_port = 1;
    o->last_port = UINT16_MAX;
    o->mark = o->priority = UINT32_MAX;
    o->dscp = 63;
}
static void bound_to_a_name(struct berth_options *o)
{
    o->bind_address = "localhost";
}
static void bound_to_a_port(struct berth_options *o)
{
    o->bind_address = "127.0.0.1:80";
}
static void bound_to_nothing(struct berth_options *o)
{
    o->bind_address = "";
}
static void bound_to_no_scope(struct berth_options *o)
{
    o->bind_address = "fe80::1%no-such-device";
}
static void device_nameless(struct berth_options *o)
{
    o->bind_device = "";
}
static void device_long(struct berth_options *o)
{
    o->bind_device = "sixteen--letters";
}
static void ports_backwards(struct berth_options *o)
{
    o->first_port = 2;
    o->last_port = 1;
}
static void ports_endless(struct berth_options *o)
{
    o->first_port = 1;
}
static void ports_from_0(struct berth_options *o)
{
    o->last_port = 1;
}

static void wait_3(struct berth_options *o)
{
    o->wait = BERTH_WAIT_POLL + 1;
}
static void wait_endless(struct berth_options *o)
{
    o->wait = UINT32_MAX;
}

static void dscp_64(struct berth_options *o)
{
    o->dscp = 64;
}

static void endless_user(struct berth_options *o)
{
    static char name[257];
    memset(name, 'x', 256);
    set_user(o);
    o->user = name;
}

static void set_keys(struct berth_options *o, const char *const *keys, uint32_t count)
{
    o->keys = keys;
    o->key_count = count;
}
static void good_keys(struct berth_options *o)
{
    static const char *const keys[] = {"ImmediateData=No", "InitialR2T=Yes", "ImmediateData=Yes",
                                       "MaxRecvDataSegmentLength=512"};
    set_keys(o, keys, 4);
}
static void bad_key(struct berth_options *o)
{
    static const char *const keys[] = {"ImmediateData=No", "ErrorRecoveryLevel=2"};
    set_keys(o, keys, 2);
}
static void two_connections(struct berth_options *o)
{
    static const char *const keys[] = {"MaxConnections=2"};
    set_keys(o, keys, 1);
}

struct option_row {
    void (*set)(struct berth_options *o);
    int expected;
};

/* A target that knows no CHAP refuses whoever insists on it: BERTH_E_AUTH_DOWNGRADE. */
static const struct option_row rows[] = {
    {no_secret, BERTH_E_SECRET},
    {empty_secret, BERTH_E_SECRET},
    {empty_user, BERTH_E_SECRET},
    {short_secret, BERTH_E_SECRET},
    {long_secret, BERTH_E_SECRET},
    {secret_alone, BERTH_E_SECRET},
    {mutual_alone, BERTH_E_SECRET},
    {mutual_nameless, BERTH_E_SECRET},
    {mutual_empty, BERTH_E_SECRET},
    {mutual_bare, BERTH_E_SECRET},
    {mutual_short, BERTH_E_SECRET},
    {mutual_same, BERTH_E_SECRET},
    {old_size, BERTH_E_ARGUMENT},
    {no_size, BERTH_E_ARGUMENT},
    {depth_0, BERTH_E_ARGUMENT},
    {depth_1025, BERTH_E_ARGUMENT},
    {bad_digest, BERTH_E_ARGUMENT},
    {bad_data_digest, BERTH_E_ARGUMENT},
    {no_connect_time, BERTH_E_ARGUMENT},
    {no_command_time, BERTH_E_ARGUMENT},
    {no_ping_time, BERTH_E_ARGUMENT},
    {endless_user, BERTH_E_ARGUMENT},
    {bad_key, BERTH_E_ARGUMENT},
    {two_connections, BERTH_E_ARGUMENT},
    {bound_to_a_name, BERTH_E_ARGUMENT},
    {bound_to_a_port, BERTH_E_ARGUMENT},
    {bound_to_nothing, BERTH_E_ARGUMENT},
    {bound_to_no_scope, BERTH_E_ARGUMENT},
    {device_nameless, BERTH_E_ARGUMENT},
    {device_long, BERTH_E_ARGUMENT},
    {ports_backwards, BERTH_E_ARGUMENT},
    {ports_endless, BERTH_E_ARGUMENT},
    {ports_from_0, BERTH_E_ARGUMENT},
    {dscp_64, BERTH_E_ARGUMENT},
    {wait_3, BERTH_E_ARGUMENT},
    {wait_endless, BERTH_E_ARGUMENT},
    {bad_name, BERTH_E_NAME},
    {foreign_name, BERTH_E_NAME},
    {isid_short, BERTH_E_ARGUMENT},
    {isid_reserved, BERTH_E_ARGUMENT},
    {isid_empty, BERTH_E_ARGUMENT},
    {algorithms_empty, BERTH_E_ARGUMENT},
    {algorithms_unknown, BERTH_E_ARGUMENT},
    {challenge_0, BERTH_E_ARGUMENT},
    {challenge_1025, BERTH_E_ARGUMENT},
    {algorithms_good, 0},
    {challenge_1024, 0},
    {isid_of_name, 0},
    {isid_of_ours, 0},
    {loud_name, 0}, /* its letters are made small */
    {depth_1, 0},
    {depth_1024, 0},
    {no_ping, 0},
    {no_recovery, 0},
    {longest, 0},
    {good_name, 0},
    {good_keys, 0},
    {digests, 0},
    {bound, 0},
    {set_user, BERTH_E_AUTH_DOWNGRADE},
    {short_allowed, BERTH_E_AUTH_DOWNGRADE},
    {set_mutual, BERTH_E_AUTH_DOWNGRADE},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lab *l = lab_new(NULL, NULL);
        struct berth_target *targets = (void *)16;
        uint8_t buf[512];
        rows[i].set(&l->options);
        assert_int_equal(lab_open(l), rows[i].expected);
        if (rows[i].expected) {
            assert_int_equal(l->why.error, rows[i].expected);
            assert_true(strlen(l->why.text) > 10);
        } else {
            assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
            assert_int_equal(berth_lun_info(l->lun)->header_digest, rows[i].set == digests);
            assert_int_equal(berth_lun_info(l->lun)->data_digest, rows[i].set == digests);
        }
        if (berth_error_scope(rows[i].expected) == BERTH_SCOPE_USAGE) {
            assert_int_equal(l->world->resolves, 0); /* nobody was asked anything */
            assert_int_equal(lun_discover(&targets, "host", &l->options, &l->world->reach, &l->why),
                             rows[i].expected);
            assert_null(targets);
        }
        lab_free(l);
    }
}

static void defaults(void **state)
{
    struct berth_options o;
    (void)state;
    memset(&o, 0xff, sizeof o);
    berth_options_init(&o);
    assert_int_equal(o.size, sizeof o);
    assert_int_equal(o.connect_timeout_ms, 10000);
    assert_int_equal(o.command_timeout_ms, 30000);
    assert_int_equal(o.recovery_timeout_ms, 120000);
    assert_int_equal(o.ping_interval_ms, 5000);
    assert_int_equal(o.ping_timeout_ms, 5000);
    assert_int_equal(o.depth, 128);
    assert_null(o.user);
    assert_null(o.secret);
    assert_null(o.mutual_user);
    assert_null(o.mutual_secret);
    assert_null(o.initiator_name);
    assert_null(o.keys);
    assert_int_equal(o.key_count, 0);
    assert_null(o.bind_address);
    assert_null(o.bind_device);
    assert_int_equal(o.first_port | o.last_port | o.mark | o.priority | o.dscp | o.wait, 0);
    assert_null(o.cancelled);
    assert_null(o.notice);
    assert_false(o.allow_weak_secret);
    assert_int_equal(o.header_digest | o.data_digest, BERTH_DIGEST_NONE);
}

static const struct berth_negotiated *negotiated(struct berth_lun *lun, const char *key)
{
    const struct berth_lun_info *info = berth_lun_info(lun);
    for (uint32_t i = 0; i < info->negotiated_count; i++)
        if (strcmp(info->negotiated[i].key, key) == 0)
            return &info->negotiated[i];
    return NULL;
}

/* Keys are asked for as they were given, the last counts, a first burst is no longer than a burst, and all
 * are asked for again after a loss, when the caller's array is long gone. */
static void keys_asked_for(void **state)
{
    static const char *const asked[][2] = {
        {"HeaderDigest", "CRC32C,None"}, {"DataDigest", "None"},       {"InitialR2T", "Yes"},
        {"ImmediateData", "No"},         {"MaxConnections", "1"},      {"MaxRecvDataSegmentLength", "1024"},
        {"MaxBurstLength", "4096"},      {"FirstBurstLength", "4096"}, {"MaxOutstandingR2T", "3"},
        {"DefaultTime2Wait", "1"},       {"DefaultTime2Retain", "7"},
    };
    const char *keys[] = {"MaxBurstLength=8192",    "HeaderDigest=CRC32C,None",      "InitialR2T=Yes",
                          "ImmediateData=No",       "MaxRecvDataSegmentLength=1024", "MaxBurstLength=4096",
                          "FirstBurstLength=65536", "MaxOutstandingR2T=3",           "DefaultTime2Wait=1",
                          "DefaultTime2Retain=7"};
    struct lab *l = lab_new(NULL, NULL);
    uint8_t buf[512];
    (void)state;
    set_keys(&l->options, keys, sizeof keys / sizeof keys[0]);
    assert_int_equal(lab_open(l), 0);
    memset(keys, 0, sizeof keys);
    for (int lives = 0; lives < 2; lives++) {
        for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
            assert_string_equal(negotiated(l->lun, asked[i][0])->mine, asked[i][1]);
        mini_reset(l->target);
        assert_int_equal(berth_read(l->lun, buf, sizeof buf, 0), 0);
    }
    assert_int_equal(berth_lun_info(l->lun)->reconnects, 2);
    lab_free(l);
}

/* The user of the URL counts where the options name none; and it needs a secret, too. */
static void user_in_the_url(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    static const char url[] = "iscsi://me@host/" MINI_IQN "/0";
    (void)state;
    assert_int_equal(lun_open(&l->lun, url, &l->options, &l->world->reach, &l->why), BERTH_E_SECRET);
    l->options.secret = good;
    l->options.secret_len = sizeof good - 1;
    assert_int_equal(lun_open(&l->lun, url, &l->options, &l->world->reach, &l->why), BERTH_E_AUTH_DOWNGRADE);
    lab_free(l);
}

/* Without options and without a place for words. */
static void nothing_given(void **state)
{
    struct lab *l = lab_new(NULL, NULL);
    (void)state;
    assert_int_equal(lun_open(&l->lun, WORLD_URL, NULL, &l->world->reach, NULL), 0);
    berth_lun_close(l->lun);
    assert_int_equal(lun_open(&l->lun, "iscsi://", NULL, &l->world->reach, NULL), BERTH_E_URL);
    assert_null(l->lun);
    assert_int_equal(lun_open(&l->lun, "iscsi://nowhere/" MINI_IQN "/0", NULL, &l->world->reach, NULL),
                     BERTH_E_RESOLVE);
    berth_lun_close(NULL);
    berth_targets_free(NULL);
    lab_free(l);
}

/* RFC 7143 10.3: whatever iSCSI notices and mends is over before the time of a command is, and that of all
 * recovery is the longest. */
static void times_are_staggered(void **state)
{
    struct berth_options o;
    (void)state;
    berth_options_init(&o);
    assert_true(o.ping_interval_ms + o.ping_timeout_ms < o.command_timeout_ms);
    assert_true(2 * o.abort_timeout_ms < o.command_timeout_ms);
    assert_true(o.connect_timeout_ms < o.command_timeout_ms);
    assert_true(o.command_timeout_ms + 2 * o.abort_timeout_ms < o.recovery_timeout_ms);
}

/* RFC 7143 4.2.7: the three types, as they are sent; and nothing else. */
static void names(void **state)
{
    static const char *const given[][2] = {
        {"iqn.2026-11.Example.Org:Disk-1", "iqn.2026-11.example.org:disk-1"},
        {"eui.02004567A425678D", "eui.02004567a425678d"},
        {"naa.52004567BA64678D", "naa.52004567ba64678d"},
        {"naa.62004567BA64678D0123456789ABCDEF", "naa.62004567ba64678d0123456789abcdef"},
        {"host-1", NULL},
        {"", NULL},
        {"eui.1234", NULL},
        {"iqn.2026-13.org.example", NULL},
        {"iqn.2026-11.org.example:a b", NULL},
        {"iqn.2026-11.org.example:\xc3\xa9", NULL},
    };
    char name[BERTH_NAME_SIZE];
    struct berth_detail why;
    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        int error = berth_initiator_name(name, given[i][0], &why);
        assert_int_equal(error, given[i][1] ? 0 : BERTH_E_NAME);
        assert_string_equal(name, given[i][1] ? given[i][1] : "");
    }
    assert_int_equal(berth_initiator_name(name, NULL, NULL), 0);
    assert_memory_equal(name, "iqn.2026-11.io.berth:", 21);
    assert_int_equal(strlen(name), 37);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(table),
        cmocka_unit_test(defaults),
        cmocka_unit_test(keys_asked_for),
        cmocka_unit_test(times_are_staggered),
        cmocka_unit_test(user_in_the_url),
        cmocka_unit_test(nothing_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
