/* SPDX-License-Identifier: MIT */
/* Records that say anything: head and checksum are put right, so that the body reaches the codec. What is
 * accepted must be a session that can be worked with: frozen again it is the same record; it sends, receives,
 * revokes and drops without touching what it must not. */
#include "fuzz.h"
#include "host/crypto.h"
#include "proto/core.h"
#include "proto/freeze.h"
#include "wire/crc32c.h"

#define DEPTH      4u
#define TASK_BYTES 65536u /* longer tasks find no memory */
#define HEAD_LEN   17u
#define SENDS      8u

struct home {
    struct session_config sc;
    struct login_config login;
    struct conn_config cc;
    void *session_memory, *conn_memory;
    struct session *session;
    struct conn *conn;
    struct berth_seg segs[DEPTH + SESSION_IMMEDIATE_MAX];
};

static void home_init(struct home *h)
{
    h->sc = (struct session_config){.role = ROLE_INITIATOR, .depth = DEPTH, .crypto = host_crypto()};
    h->cc = (struct conn_config){.stage_bytes = CONN_STAGE_MIN,
                                 .control_bytes = CONN_CONTROL_MIN,
                                 .direct_bytes = 512,
                                 .login_timeout_ns = 1000,
                                 .login = &h->login};
    negotiation_init(&h->login.want, ROLE_INITIATOR);
    h->login.initiator_name = "iqn.2026-11.test:i";
    h->login.target_name = "iqn.2026-11.test:t";
    h->login.mine = h->login.peer =
        (struct login_credentials){"somebody", (const uint8_t *)"twelve bytes", 12};
    h->session_memory = malloc(session_size(&h->sc));
    h->conn_memory = malloc(conn_size(NULL, &h->cc));
}

static bool rebind(void *owner, struct task *task)
{
    struct home *h = owner;
    struct berth_seg *seg = &h->segs[task->slot];
    if (task->data.len > TASK_BYTES)
        return false;
    *seg = seg_memory(calloc(1, task->data.len + 1), task->data.len);
    task->data = (struct extent){.segs = seg, .count = 1, .len = task->data.len};
    return true;
}

static int thaw(struct home *h, const uint8_t *record, size_t len)
{
    struct reader r = reader_over(record, len);
    struct thaw t = {.session_memory = h->session_memory,
                     .conn_memory = h->conn_memory,
                     .session = &h->sc,
                     .conn = &h->cc,
                     .rebind = rebind,
                     .owner = h};
    return session_thaw(&t, &r, &h->session, &h->conn);
}

static void home_free(struct home *h)
{
    for (size_t i = 0; i < DEPTH + SESSION_IMMEDIATE_MAX; i++)
        free(h->segs[i].base);
    free(h->session_memory);
    free(h->conn_memory);
}

/* Magic, version, length, depth, number of connections; the sum over all of it. */
static void put_right(uint8_t *record, size_t len)
{
    put64(record, 0x6265727468667a31ull);
    put16(record + 8, FREEZE_VERSION);
    put32(record + 10, (uint32_t)len);
    put16(record + 14, DEPTH);
    record[16] &= 1;
    put32(record + len - 4, crc32c_final(crc32c_table(CRC32C_INIT, record, len - 4)));
}

/* The same again, to the byte. */
static void check_again(struct home *h, const uint8_t *record, size_t len)
{
    size_t max = session_frozen_max(h->session);
    uint8_t *again = malloc(max);
    struct writer w = writer_over(again, max);
    fuzz_check(session_freeze(h->session, &w) == BERTH_OK);
    fuzz_check(writer_len(&w) == len && memcmp(again, record, len) == 0);
    free(again);
}

/* Reads every byte that is shown, so that the sanitizer sees it. */
static uint64_t send_all(struct conn *c)
{
    struct berth_seg segs[4];
    uint64_t total = 0;
    volatile uint8_t sum = 0;
    uint32_t n = conn_tx_peek(c, segs, 4);
    for (uint32_t i = 0; i < n; i++) {
        for (uint64_t at = 0; at < segs[i].len; at++)
            sum = (uint8_t)(sum + ((const uint8_t *)segs[i].base)[at]);
        total += segs[i].len;
    }
    conn_tx_done(c, conn_epoch(c), total);
    return total;
}

static void drain(struct home *h)
{
    struct conn_event ev;
    struct task *task;
    while (conn_event(h->conn, &ev))
        ;
    while ((task = session_reap(h->session)) != NULL)
        session_task_free(h->session, task);
}

static void work(struct home *h, const uint8_t *bytes, size_t len)
{
    static const uint8_t zeros[512];
    for (uint32_t i = 0; i < SENDS && send_all(h->conn); i++)
        drain(h);
    conn_feed(h->conn, zeros, sizeof zeros, 1);
    drain(h);
    conn_feed(h->conn, bytes, len, 2);
    conn_tick(h->conn, UINT64_MAX - 1);
    send_all(h->conn);
    drain(h);
    conn_drop(h->conn);
}

static void end(struct home *h)
{
    struct session *s = h->session;
    for (uint32_t i = 0; i < s->slots.count; i++)
        if (slots_taken(&s->slots, i) &&
            (s->tasks[i].state == TASK_QUEUED || s->tasks[i].state == TASK_DETACHED))
            session_revoke(s, &s->tasks[i], BERTH_E_ABORTED);
    while (session_reap(s))
        ;
    fuzz_check(s->in_flight == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct home h = {0};
    if (size < HEAD_LEN + 4 || size > (1u << 20))
        return 0;
    uint8_t *record = fuzz_copy(data, size);
    put_right(record, size);
    home_init(&h);
    if (thaw(&h, record, size) == BERTH_OK) {
        check_again(&h, record, size);
        if (h.conn)
            work(&h, data, size < 4096 ? size : 4096);
        end(&h);
    }
    home_free(&h);
    free(record);
    return 0;
}
