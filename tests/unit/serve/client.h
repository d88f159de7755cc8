/* SPDX-License-Identifier: MIT */
/* A target with a LU whose I/Os end when the test says, and clients made by hand, all in one thread: a client
 * that waits turns the target's loop. */
#ifndef TEST_SERVE_CLIENT_H
#define TEST_SERVE_CLIENT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/bytes.h"
#include "lu/workers.h"
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "serve/target.h"
#include "wire/text.h"

#define IQN       "iqn.2026-11.test:t"
#define PATIENCE  60000u /* turns of 1 ms until something must have come */
#define QUIET     20u    /* turns after which nothing will */
#define HELD_MAX  16u
#define DATA_MAX  8192u
#define FIRST_TAG 0x100u

/* --- the target --- */

static struct serve_config config;
static struct target *target;
static struct lu *disk;

/* READ, WRITE and flush of LUN 0 wait here for the test. */
static struct lu_io *held[HELD_MAX];
static uint32_t held_count;

static inline void hold(struct lu *lu, struct lu_io *io)
{
    (void)lu;
    assert_true(held_count < HELD_MAX);
    held[held_count++] = io;
}

/* The oldest of them ends. */
static inline void release(void)
{
    struct lu_io *io = held[0];
    assert_true(held_count > 0);
    memmove(held, held + 1, --held_count * sizeof *held);
    lu_run(io);
    io->done(io);
}

static inline int start_target(void **state)
{
    static struct lu_backend slow;
    static char words[256];
    const struct reason why = {words, sizeof words};
    (void)state;
    config = (struct serve_config){.portals = {"127.0.0.1:0"},
                                   .portal_count = 1,
                                   .targets = {{.iqn = IQN}},
                                   .target_count = 1,
                                   .luns = {{.spec = "ram:1M"}, {.spec = "ram:1M", .number = 1}},
                                   .lun_count = 2,
                                   .stop_fd = -1};
    held_count = 0;
    target = target_new(&config, engine_new("sockets"));
    if (!target || target_open(target, &why) != 0)
        return -1;
    disk = target->nodes[0].set.lus[0];
    slow = *disk->backend;
    slow.start = hold;
    slow.peek = NULL;
    disk->backend = &slow;
    return 0;
}

static inline void stop_target(void)
{
    if (target)
        target_free(target);
    target = NULL;
}

static inline int end_target(void **state)
{
    (void)state;
    while (held_count > 0)
        release();
    stop_target();
    return 0;
}

static inline void turn(void)
{
    assert_int_equal(engine_poll(target->engine, engine_now(target->engine) + 1000000), 0);
}

static inline void turns(uint32_t count)
{
    while (count-- > 0)
        turn();
}

/* Until that is so, of what another connection may bring later than the one that is listened to. */
#define await(condition)                                                                                     \
    do {                                                                                                     \
        for (uint32_t turns_ = 0; !(condition) && turns_ < PATIENCE; turns_++)                               \
            turn();                                                                                          \
        assert_true(condition);                                                                              \
    } while (0)

/* --- clients --- */

struct client {
    int fd;
    uint32_t cmd_sn, itt;
    uint8_t bhs[WIRE_BHS_LEN]; /* of what was heard last */
    uint8_t data[DATA_MAX];
    uint32_t data_len;
};

static inline void say(struct client *cl, uint8_t *bhs, const void *data, uint32_t len)
{
    static const uint8_t zeros[4];
    wire_set_lengths(bhs, 0, len);
    assert_int_equal(send(cl->fd, bhs, WIRE_BHS_LEN, MSG_NOSIGNAL), WIRE_BHS_LEN);
    if (len > 0)
        assert_int_equal(send(cl->fd, data, len, MSG_NOSIGNAL), len);
    if (wire_padding(len) > 0)
        assert_int_equal(send(cl->fd, zeros, wire_padding(len), MSG_NOSIGNAL), wire_padding(len));
}

/* `len` bytes, or false if there are none within so many turns. */
static inline bool get(struct client *cl, void *to, uint32_t len, uint32_t patience)
{
    uint32_t have = 0;
    for (uint32_t i = 0; have < len && i < patience; i++) {
        ssize_t n = recv(cl->fd, (uint8_t *)to + have, len - have, MSG_DONTWAIT);
        assert_int_not_equal(n, 0);
        have += n > 0 ? (uint32_t)n : 0;
        if (n <= 0)
            turn();
    }
    assert_true(have == 0 || have == len);
    return have == len;
}

static inline bool hear_within(struct client *cl, uint32_t patience)
{
    if (!get(cl, cl->bhs, WIRE_BHS_LEN, patience))
        return false;
    cl->data_len = wire_data_len(cl->bhs);
    uint32_t padded = cl->data_len + wire_padding(cl->data_len);
    assert_true(padded <= DATA_MAX);
    assert_true(get(cl, cl->data, padded, PATIENCE));
    return true;
}

/* The next PDU must be this one. */
static inline void hear(struct client *cl, enum wire_opcode opcode, uint32_t itt)
{
    assert_true(hear_within(cl, PATIENCE));
    assert_int_equal(wire_opcode(cl->bhs), opcode);
    assert_int_equal(wire_itt(cl->bhs), itt);
}

static inline void hear_nothing(struct client *cl)
{
    assert_false(hear_within(cl, QUIET));
}

static inline void log_in(struct client *cl, uint8_t isid)
{
    uint8_t bhs[WIRE_BHS_LEN], text[256];
    struct writer w = writer_over(text, sizeof text);
    struct wire_login_request l = {.transit = true, .csg = 1, .nsg = 3, .isid = {0x80, 0, 0, 0, 0, isid}};
    text_put(&w, "InitiatorName", "iqn.2026-11.test:i");
    text_put(&w, "TargetName", IQN);
    text_put(&w, "SessionType", "Normal");
    put_login_request(bhs, &l);
    say(cl, bhs, text, (uint32_t)writer_len(&w));
    hear(cl, WIRE_LOGIN_RESPONSE, 0);
    assert_int_equal(get16(cl->bhs + 36), 0);
}

static inline uint32_t test_unit_ready(struct client *cl, uint32_t lun);

/* A client that has logged in and heard of the power on. */
static inline struct client connected(uint8_t isid)
{
    struct client cl = {.fd = socket(AF_INET, SOCK_STREAM, 0), .itt = FIRST_TAG};
    const struct engine_addr *to = &target->portals[0].addr;
    static const int kept = 128 * 1024; /* that is not read, however much this system would allow */
    assert_true(cl.fd >= 0);
    assert_int_equal(setsockopt(cl.fd, SOL_SOCKET, SO_RCVBUF, &kept, sizeof kept), 0);
    assert_int_equal(connect(cl.fd, (const struct sockaddr *)&to->sa, to->len), 0);
    log_in(&cl, isid);
    return cl;
}

static inline uint32_t command(struct client *cl, struct wire_scsi_command c, const void *data, uint32_t len)
{
    uint8_t bhs[WIRE_BHS_LEN];
    c.itt = cl->itt++;
    c.cmd_sn = cl->cmd_sn++;
    c.final = true;
    put_scsi_command(bhs, &c);
    say(cl, bhs, data, len);
    return c.itt;
}

static inline uint32_t test_unit_ready(struct client *cl, uint32_t lun)
{
    return command(cl, (struct wire_scsi_command){.lun = scsi_lun_encode(lun)}, NULL, 0);
}

static inline uint32_t read_with(struct client *cl, uint32_t lun, uint8_t attr)
{
    struct wire_scsi_command c = {
        .read = true, .attr = attr, .edtl = 512, .lun = scsi_lun_encode(lun), .cdb = {SCSI_READ_10}};
    c.cdb[8] = 1;
    return command(cl, c, NULL, 0);
}

static inline uint32_t read_block(struct client *cl, uint32_t lun)
{
    return read_with(cl, lun, WIRE_ATTR_SIMPLE);
}

static inline uint32_t write_block(struct client *cl, uint32_t lun, uint8_t byte)
{
    uint8_t block[512];
    struct wire_scsi_command c = {.write = true,
                                  .attr = WIRE_ATTR_SIMPLE,
                                  .edtl = 512,
                                  .lun = scsi_lun_encode(lun),
                                  .cdb = {SCSI_WRITE_10}};
    c.cdb[8] = 1;
    memset(block, byte, sizeof block);
    return command(cl, c, block, sizeof block);
}

static inline uint32_t manage_task(struct client *cl, uint8_t function, uint32_t lun, uint32_t tag)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_tmf_request t = {.immediate = true,
                                 .function = function,
                                 .lun = scsi_lun_encode(lun),
                                 .itt = cl->itt++,
                                 .referenced_tag = tag,
                                 .cmd_sn = cl->cmd_sn};
    put_tmf_request(bhs, &t);
    say(cl, bhs, NULL, 0);
    return t.itt;
}

/* The status of the next answer. */
static inline uint8_t status(struct client *cl, uint32_t itt)
{
    assert_true(hear_within(cl, PATIENCE));
    assert_int_equal(wire_itt(cl->bhs), itt);
    return cl->bhs[3];
}

static inline void good(struct client *cl, uint32_t itt)
{
    assert_int_equal(status(cl, itt), SCSI_GOOD);
}

static inline void attention(struct client *cl, uint32_t lun, uint16_t asc)
{
    assert_int_equal(status(cl, test_unit_ready(cl, lun)), SCSI_CHECK_CONDITION);
    assert_int_equal(cl->data[2 + 2] & 0x0f, SENSE_UNIT_ATTENTION);
    assert_int_equal(get16(cl->data + 2 + 12), asc);
}

static inline void managed(struct client *cl, uint32_t itt, uint8_t response)
{
    hear(cl, WIRE_TMF_RESPONSE, itt);
    assert_int_equal(cl->bhs[2], response);
}

static inline struct client ready_client(uint8_t isid)
{
    struct client cl = connected(isid);
    attention(&cl, 0, ASC_POWER_ON);
    attention(&cl, 1, ASC_POWER_ON);
    return cl;
}

/* Until so many I/Os are under way. */
static inline void await_held(uint32_t count)
{
    for (uint32_t i = 0; held_count < count && i < PATIENCE; i++)
        turn();
    turns(QUIET);
    assert_int_equal(held_count, count);
}

static inline void hang_up(struct client *cl)
{
    close(cl->fd);
    cl->fd = -1;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start_target, end_target)

#endif
