/* SPDX-License-Identifier: MIT */
/* RESERVE and RELEASE, PERSISTENT RESERVE IN and OUT, and what reservations forbid. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "disks.h"
#include "scsi/reservation.h"

enum { REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, REGISTER_AND_IGNORE, MOVE };
static const uint8_t types[] = {1, 3, 5, 6, 7, 8};

/* `nexus` of disks.h is A; B and C are others. */
static struct nexus b, other_c;
static uint64_t aborted_lun;
static int aborts;
static uint32_t commands; /* that B has */

static uint32_t count_abort(struct nexus *n, uint64_t lun)
{
    assert_ptr_equal(n, &b);
    aborts++;
    aborted_lun = lun;
    return commands;
}

static int begin(void **state)
{
    set_up(state);
    b = other_c = (struct nexus){.set = &set, .id.port = 1};
    b.abort = count_abort;
    aborts = 0;
    commands = 0;
    nexus_join(&nexus, (const uint8_t *)"port A", 6);
    nexus_join(&b, (const uint8_t *)"port B", 6);
    nexus_join(&other_c, (const uint8_t *)"port C", 6);
    return 0;
}

static int end(void **state)
{
    reservation_free(&double_lu.reservation);
    return tear_down(state);
}

/* --- running commands as somebody --- */

static void run_as(struct nexus *n, const uint8_t *cdb)
{
    static uint8_t kept[16];
    memcpy(kept, cdb, sizeof kept);
    memset(&c, 0xee, offsetof(struct command, reply));
    c.nexus = n, c.lun = 0, c.cdb = kept, c.cdb_len = 16, c.may_peek = false, c.memory = memory;
    c.attribute = ATTRIBUTE_SIMPLE, c.stage = COMMAND_OUTSIDE, c.may_refer = false;
    c.done = count_done;
    c.edtl_out = command_data_out(&c);
    out_segs[0] = seg_memory(out, c.edtl_out);
    c.data_out = (struct extent){out_segs, 1, 0, c.edtl_out};
    command_execute(&c);
}

static void persist(struct nexus *n, uint8_t action, uint8_t type, uint64_t key, uint64_t action_key)
{
    const struct scsi_pr_out p = {.key = key, .action_key = action_key};
    scsi_put_pr_out(out, &p);
    run_as(n, CDB(0x5f, action, type, 0, 0, 0, 0, 0, 24));
}

static void conflict(void)
{
    assert_int_equal(c.status, SCSI_RESERVATION_CONFLICT);
    assert_int_equal(c.sense_len + c.data_in.len, 0);
}

/* A registers with 10, B with 11. */
static void register_both(void)
{
    persist(&nexus, REGISTER, 0, 0, 10);
    good(0);
    persist(&b, REGISTER, 0, 0, 11);
    good(0);
}

static uint16_t heard(struct nexus *n)
{
    return nexus_take_attention(n, 0);
}

static void keys_are(uint32_t generation, size_t count, const uint64_t *keys)
{
    run(0, CDB(0x5e, 0, 0, 0, 0, 0, 0, 1, 0));
    good(8 + 8 * count);
    assert_int_equal(get32(c.reply), generation);
    assert_int_equal(get32(c.reply + 4), 8 * count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(get64(c.reply + 8 + 8 * i), keys[i]);
}
#define KEYS_ARE(generation, ...)                                                                            \
    keys_are(generation, sizeof((uint64_t[]){__VA_ARGS__}) / 8, (uint64_t[]){__VA_ARGS__})

static void reservation_is(uint8_t type, uint64_t key)
{
    run(0, CDB(0x5e, 1, 0, 0, 0, 0, 0, 1, 0));
    good(type ? 24 : 8);
    if (type) {
        assert_int_equal(get64(c.reply + 8), key);
        assert_int_equal(c.reply[21], type);
    }
}

/* --- registering --- */

static void a_nexus_registers_changes_and_leaves(void **state)
{
    (void)state;
    persist(&nexus, REGISTER, 0, 5, 10); /* with a key it has not */
    conflict();
    persist(&nexus, REGISTER, 0, 0, 0); /* nothing */
    good(0);
    keys_are(0, 0, NULL);
    register_both();
    KEYS_ARE(2, 10, 11);
    persist(&nexus, REGISTER, 0, 0, 12);
    conflict();
    persist(&nexus, REGISTER, 0, 10, 12);
    good(0);
    KEYS_ARE(3, 12, 11);
    persist(&b, REGISTER_AND_IGNORE, 0, 99, 13);
    good(0);
    KEYS_ARE(4, 12, 13);
    persist(&nexus, REGISTER, 0, 12, 0);
    good(0);
    KEYS_ARE(5, 13);
    persist(&b, REGISTER_AND_IGNORE, 0, 0, 0);
    good(0);
    keys_are(6, 0, NULL);
}

static void a_port_is_known_again(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, RESERVE, 3, 10, 0);
    nexus_leave(&nexus);
    run_as(&b, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    conflict(); /* still */
    nexus = (struct nexus){.set = &set, .id.port = 1};
    nexus_join(&nexus, (const uint8_t *)"port A", 6);
    run(0, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    good(0);
    reservation_is(3, 10);
}

static void another_target_port_is_another_nexus(void **state)
{
    (void)state;
    static struct nexus twin;
    twin = (struct nexus){.set = &set, .id.port = 2};
    nexus_join(&twin, (const uint8_t *)"port A", 6);
    persist(&nexus, REGISTER, 0, 0, 10);
    good(0);
    persist(&nexus, RESERVE, 3, 10, 0);
    good(0);
    run_as(&twin, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
    conflict();
    persist(&twin, REGISTER, 0, 0, 20);
    good(0);
    KEYS_ARE(2, 10, 20);
    run(0, CDB(0x5e, 3, 0, 0, 0, 0, 0, 1, 0));
    good(8 + 2 * 30);
    assert_int_equal(get16(memory + 8 + 18), 1);
    assert_int_equal(get16(memory + 8 + 30 + 18), 2);
    persist(&nexus, PREEMPT, 3, 10, 20);
    good(0);
    assert_int_equal(heard(&twin), ASC_REGISTRATIONS_PREEMPTED);
    KEYS_ARE(3, 10);
    nexus_leave(&twin);
}

static void flawed_lists_are_refused(void **state)
{
    (void)state;
    for (uint8_t action = 0; action <= 6; action++)
        for (uint8_t len = 0; len < 32; len++) {
            memset(out, 0, 32);
            run(0, CDB(0x5f, action, 1, 0, 0, 0, 0, 0, len));
            if (len != 24)
                refused(SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
        }
    run_edtl(0, CDB(0x5f, 0, 0, 0, 0, 0, 0, 0, 24), 20);
    refused(SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
    for (int bit = 0; bit < 2; bit++) { /* SPEC_I_PT, and APTPL where nothing is kept */
        const struct scsi_pr_out p = {0, 9, bit == 0, false, bit == 1};
        scsi_put_pr_out(out, &p);
        run(0, CDB(0x5f, REGISTER, 0, 0, 0, 0, 0, 0, 24));
        refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    }
    keys_are(0, 0, NULL);
    for (uint8_t action = 8; action < 32; action++) {
        run(0, CDB(0x5f, action, 0, 0, 0, 0, 0, 0, 24));
        invalid_field();
    }
    for (uint8_t action = 4; action < 32; action++) {
        run(0, CDB(0x5e, action, 0, 0, 0, 0, 0, 1, 0));
        invalid_field();
    }
}

static void registrations_have_a_limit(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= REGISTRATIONS_MAX; i++) {
        struct nexus port = {.set = &set, .id = {.port = 1, .len = 4}};
        put32(port.id.bytes, i);
        persist(&port, REGISTER, 0, 0, 1000 + i);
        if (i < REGISTRATIONS_MAX)
            good(0);
        else
            refused(SENSE_ILLEGAL_REQUEST, ASC_NO_REGISTRATION_RESOURCES);
    }
    run(0, CDB(0x5e, 0, 0, 0, 0, 0, 0, 0xff, 0xff));
    good(8 + 8 * REGISTRATIONS_MAX);
    run(0, CDB(0x5e, 3, 0, 0, 0, 0, 0, 0xff, 0xff));
    good(8 + 28 * REGISTRATIONS_MAX);
    assert_int_equal(get64(memory + 8 + 28 * 77), 1077);
}

/* --- reserving and what it forbids --- */

static void every_type_forbids_what_it_should(void **state)
{
    (void)state;
    static const uint8_t reads[] = {0x08, 0x28, 0xa8, 0x88, 0x2f, 0x34, 0x1a, 0x5a};
    static const uint8_t writes[] = {0x0a, 0x2a, 0xaa, 0x8a, 0x2e, 0x41, 0x42,
                                     0x89, 0x8b, 0x35, 0x91, 0x15, 0x55, 0x1d};
    static const uint8_t status[] = {0x00, 0x03, 0x12, 0x25, 0xa0, 0x5e};
    register_both();
    for (size_t t = 0; t < COUNT(types); t++) {
        persist(&nexus, RESERVE, types[t], 10, 0);
        good(0);
        for (int who = 0; who < 3; who++) {
            struct nexus *n = who == 0 ? &nexus : who == 1 ? &b : &other_c;
            bool free = who == 0 || (who == 1 && scsi_pr_registrants(types[t]));
            for (size_t i = 0; i < sizeof reads; i++) {
                run_as(n, CDB(reads[i]));
                assert_int_equal(c.status == SCSI_RESERVATION_CONFLICT, !free && scsi_pr_exclusive(types[t]));
            }
            for (size_t i = 0; i < sizeof writes; i++) {
                run_as(n, CDB(writes[i], 0, 0, 0, 0, 0, 0, 0, 1));
                assert_int_equal(c.status == SCSI_RESERVATION_CONFLICT, !free);
                if (!free)
                    assert_int_equal(command_data_out(&c), 0);
            }
            for (size_t i = 0; i < sizeof status; i++) {
                run_as(n, CDB(status[i]));
                assert_int_not_equal(c.status, SCSI_RESERVATION_CONFLICT);
            }
            run_as(n, CDB(0x1b, 0, 0, 0, 1)); /* start, and a power condition */
            good(0);
            run_as(n, CDB(0x1b, 0, 0, 0, 0x21));
            assert_int_equal(c.status == SCSI_RESERVATION_CONFLICT, !free);
            run_as(n, CDB(0x16)); /* RESERVE does not go beside registrations */
            conflict();
            run_as(n, CDB(0x17));
            conflict();
        }
        persist(&nexus, RELEASE, types[t], 10, 0);
        good(0);
        reservation_is(PR_NONE, 0);
    }
}

static void only_the_registered_reserve(void **state)
{
    (void)state;
    persist(&nexus, RESERVE, 1, 0, 0);
    conflict();
    register_both();
    persist(&nexus, RESERVE, 1, 11, 0); /* another's key */
    conflict();
    for (unsigned type = 0; type < 256; type++)
        if (!scsi_pr_known((uint8_t)type)) {
            persist(&nexus, RESERVE, (uint8_t)type, 10, 0);
            invalid_field();
        }
    persist(&nexus, RESERVE, 1, 10, 0);
    good(0);
    persist(&nexus, RESERVE, 1, 10, 0); /* once more is no harm */
    good(0);
    persist(&nexus, RESERVE, 3, 10, 0); /* another type is */
    conflict();
    persist(&b, RESERVE, 1, 11, 0);
    conflict();
    reservation_is(1, 10);
    KEYS_ARE(2, 10, 11);
}

static void only_the_holder_releases(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, RELEASE, 1, 10, 0);
    good(0);
    persist(&nexus, RESERVE, 5, 10, 0);
    persist(&b, RELEASE, 5, 11, 0);
    good(0);
    reservation_is(5, 10);
    persist(&b, RELEASE, 5, 10, 0);
    conflict();
    persist(&nexus, RELEASE, 1, 10, 0);
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_RELEASE);
    persist(&nexus, RELEASE, 0x15, 10, 0); /* another scope */
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_RELEASE);
    persist(&nexus, RELEASE, 5, 10, 0);
    good(0);
    assert_int_equal(heard(&b), ASC_RESERVATIONS_RELEASED);
    assert_int_equal(heard(&other_c), 0);
    assert_int_equal(heard(&nexus), 0);
    persist(&nexus, RESERVE, 1, 10, 0);
    persist(&nexus, RELEASE, 1, 10, 0);
    assert_int_equal(heard(&b), 0); /* it never shared that one */
}

static void all_registrants_hold_together(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, RESERVE, 8, 10, 0);
    reservation_is(8, 0);
    persist(&b, RESERVE, 8, 11, 0);
    good(0);
    persist(&nexus, REGISTER, 0, 10, 0);
    good(0);
    reservation_is(8, 0); /* B is left */
    run(0, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
    conflict();
    persist(&b, REGISTER, 0, 11, 0);
    reservation_is(PR_NONE, 0);
    assert_int_equal(heard(&nexus) + heard(&b), 0);
}

static void a_leaving_holder_leaves_nothing(void **state)
{
    (void)state;
    for (size_t t = 0; t < 4; t++) {
        register_both();
        persist(&nexus, RESERVE, types[t], 10, 0);
        persist(&nexus, REGISTER, 0, 10, 0);
        good(0);
        reservation_is(PR_NONE, 0);
        assert_int_equal(heard(&b), types[t] >= 5 ? ASC_RESERVATIONS_RELEASED : 0);
        persist(&b, REGISTER, 0, 11, 0);
    }
}

static void clear_ends_it_all(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, RESERVE, 3, 10, 0);
    persist(&b, CLEAR, 0, 10, 0);
    conflict();
    persist(&b, CLEAR, 0, 11, 0); /* the holder need not agree */
    good(0);
    assert_int_equal(heard(&nexus), ASC_RESERVATIONS_PREEMPTED);
    assert_int_equal(heard(&b) + heard(&other_c), 0);
    keys_are(3, 0, NULL);
    reservation_is(PR_NONE, 0);
}

static void clear_is_told(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, CLEAR, 0, 10, 0);
    assert_int_equal(heard(&b), ASC_RESERVATIONS_PREEMPTED);
    assert_int_equal(heard(&nexus) + heard(&other_c), 0);
}

/* --- preempting --- */

static void the_holder_is_preempted(void **state)
{
    (void)state;
    register_both();
    persist(&other_c, REGISTER, 0, 0, 12);
    persist(&b, RESERVE, 5, 11, 0);
    persist(&nexus, PREEMPT, 3, 10, 11);
    good(0);
    assert_int_equal(heard(&b), ASC_REGISTRATIONS_PREEMPTED);
    assert_int_equal(heard(&other_c), ASC_RESERVATIONS_RELEASED); /* it shared; now it does not */
    assert_int_equal(heard(&nexus), 0);
    assert_int_equal(aborts, 0);
    KEYS_ARE(4, 10, 12);
    reservation_is(3, 10);
    run_as(&b, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
    conflict();
}

static void preempt_and_abort_aborts(void **state)
{
    (void)state;
    register_both();
    persist(&b, RESERVE, 1, 11, 0);
    persist(&nexus, PREEMPT_AND_ABORT, 1, 10, 11);
    good(0);
    assert_int_equal(aborts, 1);
    assert_int_equal(aborted_lun, 0);
    assert_int_equal(heard(&b), ASC_REGISTRATIONS_PREEMPTED);
    assert_int_equal(heard(&b), 0); /* it had no commands */
    reservation_is(1, 10);
    commands = 2;
    persist(&b, REGISTER, 0, 0, 11);
    persist(&nexus, PREEMPT, 1, 10, 11); /* aborts none */
    assert_int_equal(aborts, 1);
    assert_int_equal(heard(&b), ASC_REGISTRATIONS_PREEMPTED);
    persist(&b, REGISTER, 0, 0, 11);
    persist(&nexus, PREEMPT_AND_ABORT, 1, 10, 11);
    assert_int_equal(heard(&b), ASC_REGISTRATIONS_PREEMPTED);
    assert_int_equal(heard(&b), ASC_COMMANDS_CLEARED);
    assert_int_equal(heard(&b), 0);
}

static void others_are_preempted_without_the_reservation(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, PREEMPT, 1, 10, 11); /* no reservation: only the registration */
    good(0);
    assert_int_equal(heard(&b), ASC_REGISTRATIONS_PREEMPTED);
    KEYS_ARE(3, 10);
    reservation_is(PR_NONE, 0);
    persist(&b, REGISTER, 0, 0, 11);
    persist(&nexus, RESERVE, 1, 10, 0);
    persist(&other_c, REGISTER, 0, 0, 12);
    persist(&other_c, PREEMPT, 3, 12, 11);
    good(0);
    reservation_is(1, 10);
    KEYS_ARE(6, 10, 12);
    persist(&nexus, PREEMPT, 3, 10, 10); /* oneself: the type changes */
    good(0);
    reservation_is(3, 10);
    KEYS_ARE(7, 10, 12);
}

static void preempt_names_somebody(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, PREEMPT, 1, 10, 99);
    conflict();
    persist(&nexus, PREEMPT, 1, 10, 0);
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    persist(&nexus, PREEMPT, 2, 10, 11);
    invalid_field();
    persist(&other_c, PREEMPT, 1, 0, 11);
    conflict();
    persist(&b, RESERVE, 1, 11, 0);
    persist(&nexus, PREEMPT, 1, 10, 0);
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    KEYS_ARE(2, 10, 11);
}

static void zero_preempts_all_registrants(void **state)
{
    (void)state;
    register_both();
    persist(&other_c, REGISTER, 0, 0, 12);
    persist(&b, RESERVE, 7, 11, 0);
    persist(&nexus, PREEMPT, 7, 10, 12);
    good(0);
    reservation_is(7, 0);
    KEYS_ARE(4, 10, 11);
    persist(&nexus, PREEMPT, 5, 10, 0);
    good(0);
    KEYS_ARE(5, 10);
    reservation_is(5, 10);
}

/* --- registering through all ports --- */

static struct nexus twin; /* A once more, through port 2 */

static void add_a_port(void)
{
    assert_true(lu_set_add_group(&set, 1) && lu_set_add_group(&set, 2));
    twin = (struct nexus){.set = &set, .id.port = 2};
    nexus_join(&twin, (const uint8_t *)"port A", 6);
}

static void register_everywhere(uint8_t action, uint64_t key, uint64_t action_key)
{
    const struct scsi_pr_out p = {.key = key, .action_key = action_key, .all_tg_pt = true};
    scsi_put_pr_out(out, &p);
    run_as(&nexus, CDB(0x5f, action, 0, 0, 0, 0, 0, 0, 24));
}

static void one_registration_is_made_on_all_ports(void **state)
{
    (void)state;
    add_a_port();
    run(0, CDB(0x5e, 2, 0, 0, 0, 0, 0, 1, 0));
    assert_int_equal(c.reply[2], 4); /* ATP_C */
    register_everywhere(REGISTER, 0, 10);
    good(0);
    KEYS_ARE(1, 10, 10);
    persist(&twin, RESERVE, 3, 10, 0);
    good(0);
    register_everywhere(REGISTER, 10, 11);
    good(0);
    KEYS_ARE(2, 11, 11);
    persist(&twin, REGISTER, 0, 11, 12);
    register_everywhere(REGISTER, 11, 13); /* not the key of both */
    conflict();
    KEYS_ARE(3, 11, 12);
    register_everywhere(REGISTER_AND_IGNORE, 0, 13);
    good(0);
    KEYS_ARE(4, 13, 13);
    register_everywhere(REGISTER, 13, 0);
    good(0);
    keys_are(5, 0, NULL);
    reservation_is(PR_NONE, 0);
    register_everywhere(REGISTER, 0, 0);
    good(0);
    keys_are(5, 0, NULL);
}

static void all_ports_or_none_are_registered(void **state)
{
    (void)state;
    add_a_port();
    for (uint32_t i = 1; i < REGISTRATIONS_MAX; i++) {
        struct nexus port = {.set = &set, .id = {.port = 1, .len = 4}};
        put32(port.id.bytes, i);
        persist(&port, REGISTER, 0, 0, i);
        good(0);
    }
    register_everywhere(REGISTER, 0, 10);
    refused(SENSE_ILLEGAL_REQUEST, ASC_NO_REGISTRATION_RESOURCES);
    assert_int_equal(disk.reservation.count, REGISTRATIONS_MAX - 1);
    register_everywhere(REGISTER_AND_IGNORE, 0, 10);
    refused(SENSE_ILLEGAL_REQUEST, ASC_NO_REGISTRATION_RESOURCES);
    persist(&nexus, REGISTER, 0, 0, 10);
    good(0);
}

/* --- moving a reservation --- */

/* As iSCSI names the port; other_c is known by it. */
static const char heir_id[] = "\x45\0\0\x1ciqn.x:c,i,0x00023d000001\0\0\0";

static void name_the_heir(void)
{
    nexus_join(&other_c, (const uint8_t *)heir_id, 32);
}

static void move_to(struct nexus *n, const struct scsi_pr_move *m)
{
    uint8_t cdb[16] = {0x5f, MOVE, 0xff}; /* scope and type are none of it */
    scsi_put_pr_move(out, m);
    put32(cdb + 5, SCSI_PR_MOVE_LEN + m->id_len);
    run_as(n, cdb);
}

/* From A with key 10 to C with key 12, through port 1. */
static struct scsi_pr_move to_c(bool unregister)
{
    return (struct scsi_pr_move){10, 12, unregister, false, 1, (const uint8_t *)heir_id, 32};
}

static void the_holder_moves_it_on(void **state)
{
    (void)state;
    for (int unregister = 0; unregister < 2; unregister++) {
        struct scsi_pr_move m = to_c(unregister);
        reservation_free(&disk.reservation);
        name_the_heir();
        register_both();
        persist(&nexus, RESERVE, 6, 10, 0);
        move_to(&nexus, &m);
        good(0);
        reservation_is(6, 12);
        if (unregister)
            KEYS_ARE(3, 11, 12);
        else
            KEYS_ARE(3, 10, 11, 12);
        run_as(&other_c, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
        good(512);
        persist(&other_c, RELEASE, 6, 12, 0);
        good(0);
        heard(&nexus), heard(&b);
    }
}

static void who_is_registered_gets_another_key(void **state)
{
    (void)state;
    struct scsi_pr_move m = to_c(false);
    uint8_t loose[40] = {0x45, 0, 0, 36};
    name_the_heir();
    register_both();
    persist(&other_c, REGISTER, 0, 0, 7);
    persist(&nexus, RESERVE, 1, 10, 0);
    memcpy(loose + 4, "iqn.x:C,i,0x00023D000001", 24); /* the same port in other words */
    m.id = loose, m.id_len = sizeof loose;
    move_to(&nexus, &m);
    good(0);
    KEYS_ARE(4, 10, 11, 12);
    reservation_is(1, 12);
    run(0, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    conflict();
}

static void it_moves_to_another_port(void **state)
{
    (void)state;
    struct scsi_pr_move m = to_c(true);
    add_a_port();
    name_the_heir();
    persist(&nexus, REGISTER, 0, 0, 10);
    persist(&nexus, RESERVE, 3, 10, 0);
    m.port = 3;
    move_to(&nexus, &m);
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    m.port = 2;
    move_to(&nexus, &m);
    good(0);
    reservation_is(3, 12);
    run_as(&other_c, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1)); /* that is the same initiator through port 1 */
    conflict();
}

static void only_what_is_held_can_be_moved(void **state)
{
    (void)state;
    struct scsi_pr_move m = to_c(false);
    name_the_heir();
    move_to(&nexus, &m); /* not registered */
    conflict();
    register_both();
    move_to(&nexus, &m); /* no reservation */
    invalid_field();
    persist(&b, RESERVE, 1, 11, 0);
    move_to(&nexus, &m); /* of another */
    conflict();
    persist(&b, RELEASE, 1, 11, 0);
    persist(&nexus, RESERVE, 7, 10, 0);
    move_to(&nexus, &m); /* of all */
    conflict();
    persist(&nexus, RELEASE, 7, 10, 0);
    heard(&b);
    persist(&nexus, RESERVE, 1, 10, 0);
    m.key = 9;
    move_to(&nexus, &m); /* not the key */
    conflict();
    KEYS_ARE(2, 10, 11);
    reservation_is(1, 10);
}

static void flawed_moves_are_refused(void **state)
{
    (void)state;
    static const struct scsi_pr_move m = {10, 12, false, false, 1, (const uint8_t *)heir_id, 32};
    struct scsi_pr_move flawed[] = {m, m, m, m};
    flawed[0].action_key = 0;
    flawed[1].aptpl = true; /* nothing can be kept */
    flawed[2].port = 0;
    flawed[3].id = (const uint8_t *)"\x05\0\0\x1ciqn.x:c,i,0x00023d000001\0\0\0"; /* any port of that name */
    nexus_join(&nexus, (const uint8_t *)heir_id, 32);
    register_both();
    persist(&nexus, RESERVE, 1, 10, 0);
    move_to(&nexus, &m); /* to oneself */
    refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    nexus_join(&nexus, (const uint8_t *)"port A", 6);
    persist(&nexus, REGISTER, 0, 0, 10);
    persist(&b, CLEAR, 0, 11, 0);
    heard(&nexus), heard(&other_c);
    persist(&nexus, REGISTER, 0, 0, 10);
    persist(&nexus, RESERVE, 1, 10, 0);
    good(0);
    for (size_t i = 0; i < COUNT(flawed); i++) {
        move_to(&nexus, &flawed[i]);
        refused(SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
    }
    scsi_put_pr_move(out, &m);
    for (uint8_t len = 0; len < 80; len++) { /* lengths that contradict the list's own */
        run(0, CDB(0x5f, MOVE, 0, 0, 0, 0, 0, 0, len));
        if (len != SCSI_PR_MOVE_LEN + 32)
            refused(SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
        else
            good(0);
        if (len <= SCSI_PR_MOVE_LEN)
            assert_int_equal(command_data_out(&c), 0);
    }
    run(0, CDB(0x5f, MOVE, 0, 0, 0, 0, 0, 0xff, 0xff));
    refused(SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
    reservation_is(1, 12);
}

static void a_move_needs_room(void **state)
{
    (void)state;
    struct scsi_pr_move m = to_c(true);
    register_both();
    for (uint32_t i = 2; i < REGISTRATIONS_MAX; i++) {
        struct nexus port = {.set = &set, .id = {.port = 1, .len = 4}};
        put32(port.id.bytes, i);
        persist(&port, REGISTER, 0, 0, i);
    }
    persist(&nexus, RESERVE, 1, 10, 0);
    move_to(&nexus, &m);
    refused(SENSE_ILLEGAL_REQUEST, ASC_NO_REGISTRATION_RESOURCES);
    reservation_is(1, 10);
}

/* --- what is told --- */

static void full_status_names_the_ports(void **state)
{
    (void)state;
    register_both();
    persist(&b, RESERVE, 6, 11, 0);
    run(0, CDB(0x5e, 3, 0, 0, 0, 0, 0, 1, 0));
    good(8 + 2 * 30);
    assert_memory_equal(memory, "\0\0\0\2\0\0\0\x3c", 8);
    assert_memory_equal(memory + 8, "\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\6port A", 30);
    assert_memory_equal(memory + 38, "\0\0\0\0\0\0\0\x0b\0\0\0\0\1\6\0\0\0\0\0\1\0\0\0\6port B", 30);
    memset(memory, 0xaa, 64);
    for (uint8_t allocation = 0; allocation < 68; allocation++) {
        memset(memory, 0xaa, 128);
        run(0, CDB(0x5e, 3, 0, 0, 0, 0, 0, 0, allocation));
        good(allocation);
        assert_int_equal(command_data_in(&c), allocation);
        assert_int_equal(memory[allocation], 0xaa);
    }
    c.memory = NULL;
    command_execute(&c);
    refused(SENSE_HARDWARE_ERROR, ASC_INTERNAL_FAILURE);
}

static void conflicts_come_before_attentions(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, RESERVE, 1, 10, 0);
    lu_tell(&disk, &b, ASC_DEVICE_RESET);
    run_as(&b, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
    conflict();
    assert_int_equal(heard(&b), ASC_DEVICE_RESET);
}

static void a_reset_changes_nothing_that_persists(void **state)
{
    (void)state;
    register_both();
    persist(&nexus, RESERVE, 1, 10, 0);
    lu_reset(&disk, &set);
    assert_int_equal(heard(&nexus), ASC_DEVICE_RESET);
    reservation_is(1, 10);
    KEYS_ARE(2, 10, 11);
}

/* --- RESERVE and RELEASE --- */

static void the_old_reserve_is_for_one(void **state)
{
    (void)state;
    static const uint8_t forms[][2] = {{0x16, 0x17}, {0x56, 0x57}};
    for (size_t i = 0; i < COUNT(forms); i++) {
        run(0, CDB(forms[i][0]));
        good(0);
        run(0, CDB(forms[i][0]));
        good(0);
        run_as(&b, CDB(forms[i][0]));
        conflict();
        run_as(&b, CDB(forms[i][1])); /* not its own: no error, no effect */
        good(0);
        run_as(&b, CDB(0x00));
        conflict();
        run_as(&b, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1));
        conflict();
        run_as(&b, CDB(0x12, 0, 0, 0, 96));
        good(96);
        run_as(&b, CDB(0x03, 0, 0, 0, 18));
        good(18);
        run(0, CDB(0x5e, 0, 0, 0, 0, 0, 0, 1, 0)); /* and nobody has persistent ones */
        conflict();
        run(0, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1));
        good(0);
        run(0, CDB(forms[i][1]));
        good(0);
        run_as(&b, CDB(0x00));
        good(0);
    }
    run(0, CDB(0x16, 0x10)); /* for a third party */
    invalid_field();
}

static void the_old_reserve_ends_with_its_nexus(void **state)
{
    (void)state;
    run(0, CDB(0x16));
    run(2, CDB(0x16));
    assert_ptr_equal(wide.reservation.old, &nexus);
    nexus_leave(&nexus);
    assert_null(wide.reservation.old);
    run_as(&b, CDB(0x16));
    good(0);
    lu_reset(&disk, &set);
    assert_null(disk.reservation.old);
}

/* --- what is kept --- */

static char folder[256], path[300];

static void keep(void)
{
    char why[256];
    const struct lu_reason reason = {why, sizeof why};
    if (reservation_keep(&disk, folder, &reason))
        fail_msg("%s", why);
}

static void make_folder(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/berth-reservation-XXXXXX", temporary ? temporary : P_tmpdir);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/%s.reservations", folder, disk.serial);
}

static void register_kept(struct nexus *n, uint64_t old, uint64_t key, bool kept)
{
    const struct scsi_pr_out p = {.key = old, .action_key = key, .aptpl = kept};
    scsi_put_pr_out(out, &p);
    run_as(n, CDB(0x5f, REGISTER, 0, 0, 0, 0, 0, 0, 24));
    good(0);
}

static void registrations_outlive_the_target(void **state)
{
    (void)state;
    make_folder();
    keep();
    run(0, CDB(0x5e, 2, 0, 0, 0, 0, 0, 1, 0));
    good(8);
    assert_int_equal(c.reply[2] & 1, 1);
    assert_int_equal(c.reply[3] & 1, 0);
    assert_int_not_equal(access(path, F_OK), 0);
    register_kept(&nexus, 0, 10, true);
    register_kept(&b, 0, 11, true);
    run(0, CDB(0x5e, 2, 0, 0, 0, 0, 0, 1, 0));
    assert_int_equal(c.reply[3] & 1, 1);
    for (size_t t = 0; t < COUNT(types); t++) {
        persist(&b, RESERVE, types[t], 11, 0);
        good(0);
        reservation_free(&disk.reservation);
        keep();
        reservation_is(types[t], types[t] > 6 ? 0 : 11);
        KEYS_ARE(0, 10, 11);
        persist(&b, RELEASE, types[t], 11, 0);
        good(0);
        heard(&nexus);
    }
    register_kept(&b, 11, 12, false); /* no longer */
    assert_int_not_equal(access(path, F_OK), 0);
    reservation_free(&disk.reservation);
    keep();
    keys_are(0, 0, NULL);
    assert_int_equal(rmdir(folder), 0);
}

static void what_cannot_be_kept_is_no_success(void **state)
{
    (void)state;
    make_folder();
    keep();
    assert_int_equal(rmdir(folder), 0);
    const struct scsi_pr_out p = {.action_key = 10, .aptpl = true};
    scsi_put_pr_out(out, &p);
    run(0, CDB(0x5f, REGISTER, 0, 0, 0, 0, 0, 0, 24));
    refused(SENSE_HARDWARE_ERROR, ASC_INTERNAL_FAILURE);
}

static void write_state(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "something else\n",
        "berth-reservations 2\n",
        "berth-reservations 2\nreservation 2 1\nregistration 000000000000000a 0001 41\n",
        "berth-reservations 2\nreservation 1 0\nregistration 000000000000000a 0001 41\n",
        "berth-reservations 2\nreservation 1 2\nregistration 000000000000000a 0001 41\n",
        "berth-reservations 2\nreservation 7 1\nregistration 000000000000000a 0001 41\n",
        "berth-reservations 2\nreservation 8 0\n",
        "berth-reservations 2\nreservation 0 1\nregistration 000000000000000a 0001 41\n",
        "berth-reservations 2\nreservation 257 1\nregistration 000000000000000a 0001 41\n",
        "berth-reservations 2\nreservation 0 0\nregistration 0000000000000000 0001 41\n",
        "berth-reservations 2\nreservation 0 0\nregistration 000000000000000a 0001 \n",
        "berth-reservations 2\nreservation 0 0\nregistration 000000000000000a 0001 4\n",
        "berth-reservations 2\nreservation 0 0\nregistration 000000000000000a 0001 4g\n",
        "berth-reservations 2\nreservation 0 0\nregistration 000000000000000a 41\n",
        "berth-reservations 2\nreservation 0 0\nregistration 000000000000000a x 41\n",
        "berth-reservations 2\nreservation 0 0\nregistration 0a 0001 41\nregistration 0b 0001 41\n",
    };
    char why[512];
    const struct lu_reason reason = {why, sizeof why};
    make_folder();
    for (size_t i = 0; i < COUNT(texts); i++) {
        write_state(texts[i]);
        if (reservation_keep(&disk, folder, &reason) == 0)
            fail_msg("file %zu was taken", i);
        assert_non_null(strstr(why, path));
        reservation_free(&disk.reservation);
    }
    write_state("berth-reservations 2\nreservation 1 1\nregistration 000000000000000a 0001 706f72742041\n");
    keep();
    reservation_is(1, 10);
    unlink(path);
    rmdir(folder);
    reservation_free(&disk.reservation);
    assert_int_equal(reservation_keep(&disk, folder, &reason), -1);
    assert_non_null(strstr(why, folder));
}

#define RTEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RTEST(a_nexus_registers_changes_and_leaves),
        RTEST(a_port_is_known_again),
        RTEST(another_target_port_is_another_nexus),
        RTEST(flawed_lists_are_refused),
        RTEST(registrations_have_a_limit),
        RTEST(every_type_forbids_what_it_should),
        RTEST(only_the_registered_reserve),
        RTEST(only_the_holder_releases),
        RTEST(all_registrants_hold_together),
        RTEST(a_leaving_holder_leaves_nothing),
        RTEST(clear_ends_it_all),
        RTEST(clear_is_told),
        RTEST(the_holder_is_preempted),
        RTEST(preempt_and_abort_aborts),
        RTEST(others_are_preempted_without_the_reservation),
        RTEST(preempt_names_somebody),
        RTEST(zero_preempts_all_registrants),
        RTEST(one_registration_is_made_on_all_ports),
        RTEST(all_ports_or_none_are_registered),
        RTEST(the_holder_moves_it_on),
        RTEST(who_is_registered_gets_another_key),
        RTEST(it_moves_to_another_port),
        RTEST(only_what_is_held_can_be_moved),
        RTEST(flawed_moves_are_refused),
        RTEST(a_move_needs_room),
        RTEST(full_status_names_the_ports),
        RTEST(conflicts_come_before_attentions),
        RTEST(a_reset_changes_nothing_that_persists),
        RTEST(the_old_reserve_is_for_one),
        RTEST(the_old_reserve_ends_with_its_nexus),
        RTEST(registrations_outlive_the_target),
        RTEST(what_cannot_be_kept_is_no_success),
        RTEST(damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
