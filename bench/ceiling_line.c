/* SPDX-License-Identifier: MIT */
#include "ceiling_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD  ((uint32_t)sizeof(struct pdu))
#define PLAIN (1u << 20) /* a plain loop asks for so much */
#define DIRECT                                                                                               \
    8192u /* what is left of data is received in place from here on, also by the shape that stages */

/* --- what has come --- */

static struct load_slot *first(const struct line *n)
{
    return &n->load->slots[n->fifo[n->head & n->mask]];
}

static uint32_t first_bytes(const struct line *n)
{
    return first(n)->write ? 0 : n->load->block;
}

static void complete(struct line *n)
{
    n->done[n->done_count++] = n->fifo[n->head++ & n->mask];
}

static void check_head(const struct line *n, const struct pdu *head)
{
    errno = 0;
    if (line_in_flight(n) == 0 || head->tag != n->fifo[n->head & n->mask] ||
        head->len > first_bytes(n) - n->data || (head->len == 0 && first_bytes(n) > 0))
        die("an answer that was not expected: is it a 'bench_ceiling serve' that answers?");
}

/* Data of `now` has come, `len` bytes of it; at its end the answer may be whole. */
static void advance(struct line *n, uint32_t len)
{
    n->got += len;
    if (n->got < HEAD + n->now.len)
        return;
    n->data += n->now.len;
    n->got = 0;
    if (n->data < first_bytes(n))
        return;
    n->data = 0;
    complete(n);
}

static uint8_t *data_place(const struct line *n)
{
    return first(n)->place + n->data + (n->got - HEAD);
}

static uint32_t data_left(const struct line *n)
{
    return n->got < HEAD ? 0 : HEAD + n->now.len - n->got;
}

static ssize_t receive_pieces(struct line *n, size_t count, int flags)
{
    struct msghdr msg = {.msg_iov = n->iov, .msg_iovlen = count};
    if (count == 1)
        return recv(n->fd, n->iov[0].iov_base, n->iov[0].iov_len, flags);
    return flags ? recvmsg(n->fd, &msg, flags) : readv(n->fd, n->iov, (int)count);
}

/* --- two reads per PDU: its header, then its data in place --- */

static void got_head(struct line *n, uint32_t len)
{
    n->got += len;
    if (n->got < HEAD)
        return;
    check_head(n, &n->now);
    if (n->now.len == 0)
        advance(n, 0);
}

static ssize_t two_reads(struct line *n, int flags)
{
    bool head = n->got < HEAD;
    void *place = head ? (uint8_t *)&n->now + n->got : data_place(n);
    uint32_t wanted = head ? HEAD - n->got : data_left(n);
    ssize_t got = recv(n->fd, place, wanted, flags ? flags : MSG_WAITALL);
    if (got > 0 && head)
        got_head(n, (uint32_t)got);
    else if (got > 0)
        advance(n, (uint32_t)got);
    return got;
}

/* --- staging plus copy: much at once, then each byte to its place; what is left of large data comes there by
 * itself --- */

static uint32_t take_staged(struct line *n, const uint8_t *at, uint32_t len)
{
    uint32_t left = n->got < HEAD ? HEAD - n->got : data_left(n);
    uint32_t part = left < len ? left : len;
    if (n->got < HEAD) {
        memcpy((uint8_t *)&n->now + n->got, at, part);
        got_head(n, part);
    } else {
        memcpy(data_place(n), at, part);
        advance(n, part);
    }
    return part;
}

static ssize_t staged(struct line *n, int flags)
{
    uint32_t direct = data_left(n) >= DIRECT ? data_left(n) : 0, pieces = 0;
    if (direct)
        n->iov[pieces++] = (struct iovec){data_place(n), direct};
    n->iov[pieces++] = (struct iovec){n->staging, n->staging_bytes};
    ssize_t got = receive_pieces(n, pieces, flags);
    if (got <= 0)
        return got;
    uint32_t placed = (size_t)got < direct ? (uint32_t)got : direct;
    if (placed)
        advance(n, placed);
    for (uint32_t at = 0, len = (uint32_t)got - placed; at < len;)
        at += take_staged(n, n->staging + at, len - at);
    return got;
}

/* --- predicted places: headers and data of all answers to come, in the order in which they were asked for
 * --- */

/* What is to come of the answer that is `i` behind the first. Returns the pieces used by then. */
static uint32_t predict(struct line *n, uint32_t i, uint32_t used)
{
    const struct load_slot *s = &n->load->slots[n->fifo[(n->head + i) & n->mask]];
    uint32_t data = s->write ? 0 : n->load->block, at = i ? 0 : n->data, skip = i ? 0 : n->got;
    do {
        uint32_t len = data - at < n->segment ? data - at : n->segment;
        struct pdu *head = skip ? &n->now : &n->heads[used];
        if (skip < HEAD)
            n->iov[used++] = (struct iovec){(uint8_t *)head + skip, HEAD - skip};
        uint32_t there = skip > HEAD ? skip - HEAD : 0;
        if (len > there)
            n->iov[used++] = (struct iovec){s->place + at + there, len - there};
        at += len;
        skip = 0;
    } while (at < data && used < LINE_PIECES - 1);
    return used;
}

/* The bytes lie where they belong: only headers are looked at. */
static void walk(struct line *n, uint32_t len)
{
    uint32_t used = 0;
    while (len > 0) {
        uint32_t part = n->got < HEAD ? HEAD - n->got : data_left(n);
        part = part < len ? part : len;
        len -= part;
        if (n->got >= HEAD) {
            advance(n, part);
            used++;
            continue;
        }
        if (n->got == 0)
            memcpy(&n->now, &n->heads[used], part);
        used++;
        got_head(n, part);
    }
}

static ssize_t predicted(struct line *n, int flags)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < line_in_flight(n) && used < LINE_PIECES - 1; i++)
        used = predict(n, i, used);
    ssize_t got = receive_pieces(n, used, flags);
    if (got > 0)
        walk(n, (uint32_t)got);
    return got;
}

/* --- a plain loop: receives, counts, and looks at nothing --- */

static ssize_t plain(struct line *n, int flags)
{
    size_t room = n->staging_bytes - n->staging_at;
    ssize_t got = recv(n->fd, n->staging + n->staging_at, room < PLAIN ? room : PLAIN, flags);
    if (got <= 0)
        return got;
    n->staging_at = (n->staging_at + (size_t)got) % n->staging_bytes;
    n->passed += (uint64_t)got;
    while (line_in_flight(n) && n->passed >= answer_bytes(first_bytes(n), n->segment)) {
        n->passed -= answer_bytes(first_bytes(n), n->segment);
        complete(n);
    }
    return got;
}

/* --- lines --- */

static const struct shape shapes[] = {
    {"two-reads", two_reads}, {"staged", staged}, {"predicted", predicted}, {"plain", plain}};

const struct shape *shape_find(const char *name)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

void line_prepare(struct line *n, struct load *load, uint32_t segment, const struct shape *shape)
{
    uint32_t ring = 1;
    while (ring < load->depth)
        ring *= 2;
    n->load = load;
    n->segment = segment;
    n->mask = ring - 1;
    n->fifo = calloc(ring, sizeof *n->fifo);
    n->done = calloc(ring, sizeof *n->done);
    n->waiting = calloc(ring, sizeof *n->waiting);
    n->heads = calloc(LINE_PIECES, sizeof *n->heads);
    n->requests = calloc(ring, sizeof *n->requests);
    n->staging_bytes =
        shape->receive == plain ? load->depth * answer_bytes(load->block, segment) : LINE_STAGING;
    n->staging = malloc(n->staging_bytes);
    if (!n->fifo || !n->done || !n->waiting || !n->heads || !n->requests || !n->staging)
        die("memory");
}
