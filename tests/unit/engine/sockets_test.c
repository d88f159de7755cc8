/* SPDX-License-Identifier: MIT */
/* The sockets engine at work: bytes, batches, waiting. */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>

static struct engine *e;
static struct hall hall;

static int setup(void **state)
{
    (void)state;
    memset(&hall, 0, sizeof hall);
    e = engine_new(TEST_ENGINE);
    return e ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    hall_close(&hall, e);
    engine_free(e);
    return 0;
}

/* ---- transfers ---- */

static void echo_of(const struct engine_addr *to, uint64_t total, uint32_t tx_seg, uint32_t rx_seg,
                    uint32_t rx_segs)
{
    struct peer *p = peer_connect(e, to);
    p->conn.tx_seg = tx_seg;
    p->conn.rx_seg = rx_seg;
    p->conn.rx_segs = rx_segs;
    stub_push(&p->conn, total);
    run_moves(e, e, &p->conn.rx_at, total, &p->conn.tx_at, total);
    assert_false(p->conn.mismatch);
    assert_int_equal(p->conn.rx_at, total);
    assert_int_equal(p->link.rx_bytes, total);
    assert_int_equal(p->link.tx_bytes, total);
    assert_int_equal(p->downs, 0);
    assert_true(p->link.rx_calls > 0 && p->link.tx_calls > 0);
    peer_free(p);
}

static void echo_v4(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    echo_of(&hall.where, 8 << 20, 4096, 65536, 1);
    echo_of(&hall.where, 8 << 20, 1 << 20, 1 << 20, 1);
    echo_of(&hall.where, 1 << 20, 48, 777, 64);
    echo_of(&hall.where, 20000, 1, 1, 64);
    echo_of(&hall.where, 3000, 1, 1, 1);
    echo_of(&hall.where, 1, 1, 1, 1);
}

static void echo_v6(void **state)
{
    (void)state;
    if (!have_ipv6()) {
        print_message("           no IPv6 loopback here\n");
        skip();
    }
    hall_open(&hall, e, loopback6(0));
    assert_int_not_equal(port_of(&hall.where), 0);
    assert_int_equal(hall.where.sa.ss_family, AF_INET6);
    echo_of(&hall.where, 8 << 20, 8192, 65536, 2);
    assert_int_equal(hall.from.sa.ss_family, AF_INET6);
}

static void sends_too(struct peer *p)
{
    p->conn.tx_seed = 3;
    p->conn.rx_seed = 4;
    p->conn.tx_seg = 30000;
    p->conn.rx_seg = 100000;
    stub_push(&p->conn, 32 << 20);
}

/* Both directions at once, between two engines. */
static void both_ways(void **state)
{
    (void)state;
    struct engine *other = engine_new(TEST_ENGINE);
    hall.pattern = true;
    hall.setup = sends_too;
    hall_open(&hall, other, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    p->conn.tx_seed = 4;
    p->conn.rx_seed = 3;
    stub_push(&p->conn, 48 << 20);
    while (hall.count == 0) {
        engine_poll(e, 0);
        engine_poll(other, 0);
    }
    run_moves(e, other, &p->conn.rx_at, 32 << 20, &hall.peers[0]->conn.rx_at, 48 << 20);
    assert_false(p->conn.mismatch);
    assert_false(hall.peers[0]->conn.mismatch);
    assert_int_equal(p->conn.tx_at, 48 << 20);
    hall_close(&hall, other);
    peer_free(p);
    engine_free(other);
}

static void many_links(void **state)
{
    (void)state;
    enum { LINKS = 32, EACH = 300000 };
    struct peer *p[LINKS];
    hall_open(&hall, e, loopback4(0));
    for (uint32_t i = 0; i < LINKS; i++) {
        p[i] = peer_connect(e, &hall.where);
        p[i]->conn.tx_seed = p[i]->conn.rx_seed = i;
        stub_push(&p[i]->conn, EACH + i);
    }
    for (uint32_t i = 0; i < LINKS; i++) {
        run_moves(e, e, &p[i]->conn.rx_at, EACH + i, &p[i]->conn.tx_at, EACH + i);
        assert_false(p[i]->conn.mismatch);
    }
    assert_int_equal(hall.count, LINKS);
    for (uint32_t i = 0; i < LINKS; i++)
        peer_free(p[i]);
}

/* ---- waiting rather than spinning ---- */

#define TRIES 100u

/* Polls through this time, and once if it has passed before. */
static uint64_t calls_while_waiting(uint64_t ms)
{
    uint64_t before = e->syscalls, until = engine_now(e) + ms * MS;
    do
        assert_int_equal(engine_poll(e, until), BERTH_OK);
    while (engine_now(e) < until);
    return e->syscalls - before;
}

/* Kicked or not it comes to rest: nothing moves, and a wait is one call. What is still on its way between two
 * sockets may cost the first waits more. */
static void rests(struct peer *p, bool kicked)
{
    for (uint32_t i = 0; i < TRIES; i++) {
        uint64_t moved = p->conn.tx_at + p->conn.rx_at;
        if (kicked)
            link_kick(&p->link);
        if (calls_while_waiting(8) == 1 && p->conn.tx_at + p->conn.rx_at == moved)
            return;
    }
    fail_msg("a wait always costs more than a call");
}

/* Not so in poll(), which may see that its peer has made room. */
static void a_partial_send_is_the_last(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    stub_push(&p->conn, 16 << 20);
    link_flush(&p->link);
    assert_true(p->conn.tx_at > 0 && p->conn.tx_at < 16 << 20);
    assert_int_equal(p->link.tx_calls, p->conn.tx_at / (256 * 4096) + 1);
    peer_free(p);
    close(raw);
}

static void a_full_socket_waits(void **state)
{
    (void)state;
    enum { TOTAL = 16 << 20 };
    int raw;
    struct peer *p = raw_pair(e, &raw);
    e->wait = ENGINE_SLEEPS;
    stub_push(&p->conn, TOTAL);
    link_kick(&p->link);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    rests(p, false); /* both buffers are full */
    rests(p, true);  /* and it does not try again */
    uint64_t sent = p->conn.tx_at, more = sent + 1;
    assert_true(sent > 0 && sent < TOTAL);
    assert_int_equal(sent, p->link.tx_bytes);
    raw_expect(raw, 0, 0, (size_t)sent);
    run_moves(e, e, &p->conn.tx_at, more, &p->conn.tx_at, more);
    for (uint64_t at = sent; at < TOTAL; at = p->conn.tx_at) {
        size_t n = (size_t)(p->conn.tx_at - sent);
        if (n > 0)
            raw_expect(raw, 0, sent, n);
        sent += n;
        engine_poll(e, engine_now(e) + MS);
        if (sent == TOTAL)
            break;
    }
    rests(p, false); /* and is not watched for writing any more */
    peer_free(p);
    close(raw);
}

/* Memory and pieces of a file in turns, through a socket that is full now and then. */
static void pieces_of_files(void **state)
{
    (void)state;
    if (!sends_files(e))
        return;
    static const uint32_t sizes[] = {1, 48, 4096, 30000};
    hall_open(&hall, e, loopback4(0));
    int file = raw_file(4 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t total = sizes[i] < 100 ? 5000 : 4 << 20;
        struct peer *p = peer_connect(e, &hall.where);
        p->conn.tx_seg = sizes[i];
        p->conn.tx_file = file;
        stub_push(&p->conn, total);
        run_moves(e, e, &p->conn.rx_at, total, &p->conn.tx_at, total);
        assert_false(p->conn.mismatch);
        assert_int_equal(p->link.tx_bytes, total);
        peer_free(p);
    }
    close(file);
}

static void a_full_socket_takes_no_file(void **state)
{
    (void)state;
    if (!sends_files(e))
        return;
    enum { TOTAL = 16 << 20 };
    int raw, file = raw_file(TOTAL);
    struct peer *p = raw_pair(e, &raw);
    e->wait = ENGINE_SLEEPS;
    p->conn.tx_seg = 60000;
    p->conn.tx_file = file;
    stub_push(&p->conn, TOTAL);
    link_kick(&p->link);
    rests(p, false);
    rests(p, true);
    uint64_t sent = p->conn.tx_at;
    assert_true(sent > 0 && sent < TOTAL);
    for (uint64_t at = 0; at < TOTAL; at = sent, sent = p->conn.tx_at) {
        raw_expect(raw, 0, at, (size_t)(sent - at));
        engine_poll(e, engine_now(e) + MS);
    }
    peer_free(p);
    close(raw);
    close(file);
}

/* rx_want says 0 until the core has sent: no interest in what arrives, none of it lost. */
static void a_paused_receiver_waits(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.rx_gate = 100;
    p->conn.rx_seg = 100;
    raw_send(raw, 0, 0, 300);
    run_moves(e, e, &p->conn.rx_at, 100, &p->conn.rx_at, 100);
    rests(p, false);
    assert_int_equal(p->conn.rx_at, 100);
    stub_push(&p->conn, 100);
    link_kick(&p->link);
    run_moves(e, e, &p->conn.rx_at, 300, &p->conn.tx_at, 100);
    assert_false(p->conn.mismatch);
    peer_free(p);
    close(raw);
}

/* The same when flush() does the sending. */
static void flush_resumes_a_paused_receiver(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.rx_gate = 100;
    p->conn.rx_seg = 100;
    raw_send(raw, 0, 0, 300);
    run_moves(e, e, &p->conn.rx_at, 100, &p->conn.rx_at, 100);
    stub_push(&p->conn, 100);
    link_flush(&p->link);
    assert_int_equal(p->conn.tx_at, 100);
    run_moves(e, e, &p->conn.rx_at, 300, &p->conn.tx_at, 100);
    peer_free(p);
    close(raw);
}

static void bytes_wait_for_a_conn(void **state)
{
    (void)state;
    hall.setup = NULL;
    hall.pattern = true;
    hall_open(&hall, e, loopback4(0));
    int raw = raw_connect(&hall.where);
    while (hall.count == 0)
        engine_poll(e, engine_now(e) + MS);
    struct peer *p = hall.peers[0];
    link_attach(&p->link, NULL);
    raw_send(raw, 0, 0, 500);
    rests(p, false);
    assert_int_equal(p->conn.rx_at, 0);
    link_attach(&p->link, &p->conn);
    link_kick(&p->link);
    run_moves(e, e, &p->conn.rx_at, 500, &p->conn.rx_at, 500);
    assert_false(p->conn.mismatch);
    close(raw);
}

/* A kick means nothing before a link is up, or after. */
static void kicks_of_links_that_are_not_up(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    struct peer *p = peer_connect(e, &hall.where);
    link_kick(&p->link);
    link_flush(&p->link);
    assert_true(list_empty(&e->dirty));
    stub_push(&p->conn, 100);
    run_moves(e, e, &p->conn.rx_at, 100, &p->conn.tx_at, 100);
    link_close(&p->link);
    link_kick(&p->link);
    link_flush(&p->link);
    assert_true(list_empty(&e->dirty));
    peer_free(p);
}

/* ---- economy ---- */

#define COMMANDS 32u
#define ROUNDS   2000u
#define EXACT    50u /* so many must cost what they should; in the others there was somebody in between */

static void *answer_batches(void *arg)
{
    int fd = *(int *)arg;
    uint8_t bytes[COMMANDS * 48];
    while (recv(fd, bytes, sizeof bytes, MSG_WAITALL) == sizeof bytes)
        if (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) < 0)
            break;
    return NULL;
}

static bool in_batches(void)
{
    return e->front;
}

/* A batch of commands out, a batch of answers in; true if that took `calls` system calls, of which one sends.
 */
static bool exchange_batch(struct peer *p, uint64_t calls)
{
    uint64_t before = e->syscalls, sends = p->link.tx_calls, receives = p->link.rx_calls;
    uint64_t end = p->conn.rx_at + COMMANDS * 48;
    for (uint32_t i = 0; i < COMMANDS; i++) {
        stub_push(&p->conn, 48);
        link_kick(&p->link);
    }
    while (p->conn.rx_at < end)
        assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->link.tx_calls - sends, 1);
    assert_true(e->syscalls - before >= calls);
    return e->syscalls - before == calls && p->link.rx_calls - receives <= 1;
}

static void exchange_batches(bool quiet, uint64_t calls)
{
    uint32_t exact = 0;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    pthread_t thread;
    p->conn.tx_seg = 48;
    e->wait = ENGINE_SLEEPS;
    p->conn.quiet = quiet;
    if (in_batches()) /* the receive waits already */
        assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(pthread_create(&thread, NULL, answer_batches, &raw), 0);
    for (uint32_t round = 0; round < ROUNDS && exact < EXACT; round++)
        exact += exchange_batch(p, calls);
    assert_int_equal(exact, EXACT);
    assert_false(p->conn.mismatch);
    peer_free(p);
    pthread_join(thread, NULL);
    close(raw);
}

/* sendmsg, and a recv that sleeps. */
static void two_calls_per_batch_of_one_link(void **state)
{
    (void)state;
    if (!in_batches())
        exchange_batches(false, 2);
}

static void read_it(void *owner)
{
    uint64_t times;
    assert_int_equal(read(*(int *)owner, &times, sizeof times), sizeof times);
}

/* sendmsg, epoll_wait, recv: what is watched, and has been ready once, is waited for, too. */
static void three_calls_per_batch(void **state)
{
    (void)state;
    int fd = eventfd(1, 0);
    assert_int_equal(e->ops->watch(e, fd, read_it, &fd), BERTH_OK);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    exchange_batches(false, in_batches() ? 2 : 3);
    e->ops->watch(e, fd, NULL, NULL);
    close(fd);
}

/* io_uring_enter, to send, to wait and to receive, where nobody waits for having sent. */
static void one_call_per_quiet_batch(void **state)
{
    (void)state;
    if (in_batches())
        exchange_batches(true, 1);
}

/* Fewer bytes than asked for: drained. As many as asked for: there may be more. */
static void a_short_receive_is_the_last(void **state)
{
    (void)state;
    int raw;
    if (in_batches())
        return; /* what there may be more is received in the next round */
    struct peer *p = raw_pair(e, &raw);
    raw_send(raw, 0, 0, 100);
    raw_arrives(p, 100);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->link.rx_calls, 1);
    p->conn.rx_seg = 50;
    raw_send(raw, 0, 100, 100);
    raw_arrives(p, 100);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(p->conn.rx_at, 200);
    assert_int_equal(p->link.rx_calls, 4); /* 50, 50, and one that found nothing */
    assert_int_equal(p->progresses, 2);
    assert_false(p->conn.mismatch);
    peer_free(p);
    close(raw);
}

/* A link with endless work gives way to the others. */
static void no_link_starves(void **state)
{
    (void)state;
    int raw[2];
    struct peer *busy = raw_pair(e, &raw[0]);
    busy->conn.rx_seg = 1;
    struct peer *quiet = raw_pair(e, &raw[1]);
    raw_send(raw[0], 0, 0, 5000);
    raw_send(raw[1], 0, 0, 1);
    raw_delivered(raw[0]);
    raw_delivered(raw[1]);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(quiet->conn.rx_at, 1);
    assert_in_range(busy->conn.rx_at, 1, 64);
    run_moves(e, e, &busy->conn.rx_at, 5000, &quiet->conn.rx_at, 1);
    peer_free(busy);
    peer_free(quiet);
    close(raw[0]);
    close(raw[1]);
}

/* More segments than one sendmsg() takes. */
static void long_gather_lists(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.tx_seg = 3;
    stub_push(&p->conn, 3 * 3000);
    link_kick(&p->link);
    uint64_t before = p->link.tx_calls;
    for (uint32_t polls = 0; polls < TRIES && p->conn.tx_at < 3 * 3000; polls++)
        assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->conn.tx_at, 3 * 3000);
    assert_in_range(p->link.tx_calls - before, 1, 12);
    raw_expect(raw, 0, 0, 3 * 3000);
    peer_free(p);
    close(raw);
}

/* Crumbs, alone and in rows, between pieces that go from where they are. */
static void pieces_of_all_sizes(void **state)
{
    (void)state;
    static const uint32_t lens[STUB_LENS] = {48, 64, 1, 65, 52, 3000, 48, 48};
    int raw;
    struct peer *p = raw_pair(e, &raw);
    p->conn.tx_lens = lens;
    stub_push(&p->conn, 50000);
    link_kick(&p->link);
    for (uint32_t polls = 0; polls < TRIES && p->conn.tx_at < 50000; polls++)
        assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->conn.tx_at, 50000);
    raw_expect(raw, 0, 0, 50000);
    peer_free(p);
    close(raw);
}

static void kick_gathers_flush_sends(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    uint8_t byte;
    stub_push(&p->conn, 10);
    link_kick(&p->link);
    assert_int_equal(recv(raw, &byte, 1, MSG_DONTWAIT), -1);
    link_flush(&p->link);
    raw_expect(raw, 0, 0, 10);
    uint64_t calls = p->link.tx_calls;
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->link.tx_calls, calls);
    peer_free(p);
    close(raw);
}

/* What the core puts out while receiving leaves without a kick, and before poll() waits again. */
static void answers_need_no_kick(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    int raw = raw_connect(&hall.where);
    raw_send(raw, 0, 0, 48);
    while (hall.count == 0 || hall.peers[0]->conn.tx_at < 48)
        assert_int_equal(engine_poll(e, engine_now(e) + 1000 * MS), BERTH_OK);
    raw_expect(raw, 0, 0, 48);
    close(raw);
}

/* ---- options and addresses ---- */

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void check_options(int fd)
{
    char control[16] = "";
    socklen_t len = sizeof control;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, &len), 0);
    assert_string_equal(control, "reno"); /* the peer is on the same machine */
    assert_int_not_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void options_of_both_sides(void **state)
{
    (void)state;
    hall_open(&hall, e, loopback4(0));
    assert_int_not_equal(port_of(&hall.where), 0);
    struct peer *p = peer_connect(e, &hall.where);
    run_until(e, &p->ups, 1);
    while (hall.count == 0)
        engine_poll(e, engine_now(e) + MS);
    check_options(p->link.fd);
    check_options(hall.peers[0]->link.fd);
    assert_true(fcntl(e->ops->fd(e), F_GETFD) & FD_CLOEXEC);
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    assert_int_equal(getsockname(p->link.fd, (struct sockaddr *)&own, &len), 0);
    assert_int_equal(port_of(&hall.from), ntohs(own.sin_port));
    assert_int_equal(hall.peers[0]->ups, 1);
    peer_free(p);
}

static void port_taken(void **state)
{
    (void)state;
    struct listener *second = NULL;
    hall_open(&hall, e, loopback4(0));
    struct engine_addr same = hall.where;
    assert_int_equal(e->ops->listen(e, &same, hall_accept, &hall, &second), BERTH_E_SYSTEM);
    assert_int_equal(errno, EADDRINUSE);
    assert_null(second);
}

/* A connection that waited from before is taken over too. */
static void takes_a_listening_socket_over(void **state)
{
    (void)state;
    struct engine_addr where;
    int fd = raw_listen(&where, 4), early = raw_connect(&where);
    assert_int_equal(e->ops->listen_fd(e, fd, &hall.where, hall_accept, &hall, &hall.listener), BERTH_OK);
    assert_int_equal(port_of(&hall.where), port_of(&where));
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    echo_of(&hall.where, 1 << 20, 48, 777, 64);
    assert_int_equal(hall.count, 2);
    close(early);
    hall_close(&hall, e);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void refuses_to_listen(int fd, int err)
{
    struct engine_addr where;
    struct listener *none = NULL;
    assert_int_equal(e->ops->listen_fd(e, fd, &where, hall_accept, &hall, &none), BERTH_E_SYSTEM);
    assert_int_equal(errno, err);
    assert_null(none);
}

/* What it refuses it leaves open. */
static void takes_nothing_else_over(void **state)
{
    (void)state;
    int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);
    int bell = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(
        bind(local, (struct sockaddr *)&(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(local, 1), 0);
    refuses_to_listen(deaf, EINVAL);
    refuses_to_listen(local, EINVAL);
    refuses_to_listen(bell, ENOTSOCK);
    assert_int_equal(close(deaf) | close(local) | close(bell), 0);
    refuses_to_listen(bell, EBADF);
}

/* A port that is free in one family somebody beside us may have in the other: then the next is tried. */
#define PORTS_TRIED 32u

static int listen_at_port_of(struct listener **six, struct listener **four)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    struct engine_addr where6 = {.len = sizeof any};
    memcpy(&where6.sa, &any, sizeof any);
    assert_int_equal(e->ops->listen(e, &where6, hall_accept, &hall, six), BERTH_OK);
    struct engine_addr where4 = loopback4(port_of(&where6));
    int got = e->ops->listen(e, &where4, hall_accept, &hall, four);
    assert_int_equal(port_of(&where4), port_of(&where6));
    return got;
}

/* IPv6 listeners leave IPv4 alone: both can have the port. */
static void families_do_not_overlap(void **state)
{
    (void)state;
    struct listener *six[PORTS_TRIED], *four = NULL;
    uint32_t tried = 0;
    if (!have_ipv6())
        skip();
    while (!four && tried < PORTS_TRIED)
        if (listen_at_port_of(&six[tried++], &four) != BERTH_OK)
            assert_int_equal(errno, EADDRINUSE);
    assert_non_null(four);
    e->ops->unlisten(e, four);
    while (tried > 0)
        e->ops->unlisten(e, six[--tried]);
}

/* ---- foreign descriptors, the engine's own ---- */

struct bell {
    int fd;
    uint32_t rung;
    bool leave;
};

static void ring(void *owner)
{
    struct bell *b = owner;
    eventfd_t value;
    assert_int_equal(eventfd_read(b->fd, &value), 0);
    b->rung++;
    if (b->leave)
        assert_int_equal(e->ops->watch(e, b->fd, NULL, NULL), BERTH_OK);
}

static void watches_foreign_descriptors(void **state)
{
    (void)state;
    struct bell b = {.fd = eventfd(0, EFD_CLOEXEC)}, replaced = {.fd = -1};
    assert_int_equal(e->ops->watch(e, b.fd, ring, &replaced), BERTH_OK);
    assert_int_equal(e->ops->watch(e, b.fd, ring, &b), BERTH_OK);
    eventfd_write(b.fd, 1);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    assert_int_equal(b.rung, 1);
    b.leave = true;
    eventfd_write(b.fd, 1);
    assert_int_equal(engine_poll(e, FOREVER), BERTH_OK);
    eventfd_write(b.fd, 1);
    assert_int_equal(engine_poll(e, engine_now(e) + MS), BERTH_OK);
    assert_int_equal(b.rung, 2);
    assert_int_equal(e->ops->watch(e, b.fd, NULL, NULL), BERTH_OK); /* not watched: nothing to end */
    assert_int_equal(e->ops->watch(e, 9999, ring, &b), BERTH_E_SYSTEM);
    close(b.fd);
}

static void own_descriptor_tells_of_work(void **state)
{
    (void)state;
    int raw;
    struct peer *p = raw_pair(e, &raw);
    struct pollfd pfd = {.fd = engine_fd(e), .events = POLLIN};
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(poll(&pfd, 1, 0), 0);
    raw_send(raw, 0, 0, 1);
    assert_int_equal(poll(&pfd, 1, (int)(PATIENCE / MS)), 1);
    assert_int_equal(engine_poll(e, 0), BERTH_OK);
    assert_int_equal(p->conn.rx_at, 1);
    assert_int_equal(poll(&pfd, 1, 0), 0);
    peer_free(p);
    close(raw);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(echo_v4),
        T(echo_v6),
        T(both_ways),
        T(many_links),
        T(a_partial_send_is_the_last),
        T(a_full_socket_waits),
        T(pieces_of_files),
        T(a_full_socket_takes_no_file),
        T(a_paused_receiver_waits),
        T(flush_resumes_a_paused_receiver),
        T(bytes_wait_for_a_conn),
        T(kicks_of_links_that_are_not_up),
        T(two_calls_per_batch_of_one_link),
        T(three_calls_per_batch),
        T(one_call_per_quiet_batch),
        T(a_short_receive_is_the_last),
        T(no_link_starves),
        T(long_gather_lists),
        T(pieces_of_all_sizes),
        T(kick_gathers_flush_sends),
        T(answers_need_no_kick),
        T(options_of_both_sides),
        T(port_taken),
        T(takes_a_listening_socket_over),
        T(takes_nothing_else_over),
        T(families_do_not_overlap),
        T(watches_foreign_descriptors),
        T(own_descriptor_tells_of_work),
    };
    return cmocka_run_group_tests_name("sockets engine", tests, NULL, NULL);
}
