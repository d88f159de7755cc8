/* SPDX-License-Identifier: MIT */
/* One connection and the one behind it: bytes in, through the bender, and out again. */
#include <berth/error.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "proxy/parts.h"

#define SEGS 64u

static uint64_t now_of(const struct pair *p)
{
    return p->proxy->play.now;
}

/* --- legs --- */

/* In order, or with a reset: nothing that waits in the kernel is sent then. */
static void leg_close(struct leg *l, bool reset)
{
    const struct linger at_once = {1, 0};
    if (l->fd < 0)
        return;
    if (reset)
        setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(l->fd);
    l->fd = -1;
}

static void leg_shut(struct leg *l)
{
    if (l->fd >= 0 && !l->shut)
        shutdown(l->fd, SHUT_WR);
    l->shut = true;
}

static void leg_begin(struct leg *l, int fd)
{
    int on = 1;
    *l = (struct leg){.fd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* pieces are to be segments */
}

/* Both sides lose the connection at once. */
static void break_off(struct pair *p, bool reset)
{
    leg_close(&p->initiator, reset);
    leg_close(&p->target, reset);
    p->over = true;
}

/* --- the way to the target --- */

static void give_up(struct pair *p, int number)
{
    struct proxy *x = p->proxy;
    if (!x->unreachable)
        proxy_say(x, "cannot reach %s: %s", x->config->to, strerror(number));
    x->unreachable = true;
    break_off(p, true);
}

/* The address at hand, or the next one that does not fail at once. */
static void reach(struct pair *p)
{
    const struct resolved *to = &p->proxy->target;
    int number = ECONNREFUSED;
    for (; p->address < to->count; p->address++) {
        const struct sockaddr *sa = (const struct sockaddr *)&to->sa[p->address];
        int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            number = errno;
            continue;
        }
        leg_begin(&p->target, fd);
        p->target.connecting = true;
        if (connect(fd, sa, to->len[p->address]) == 0 || errno == EINPROGRESS)
            return;
        number = errno;
        leg_close(&p->target, false);
    }
    give_up(p, number);
}

static void reached(struct pair *p)
{
    int number = 0;
    socklen_t len = sizeof number;
    getsockopt(p->target.fd, SOL_SOCKET, SO_ERROR, &number, &len);
    p->target.connecting = false;
    p->proxy->unreachable &= number != 0;
    if (number == 0)
        return;
    leg_close(&p->target, false);
    if (++p->address < p->proxy->target.count)
        reach(p);
    else
        give_up(p, number);
}

void pair_new(struct proxy *x, int fd, uint32_t portal)
{
    struct pair *p = x->pair_count < PROXY_PAIRS_MAX ? calloc(1, sizeof *p) : NULL;
    struct bender *b = p ? bender_new(&x->play, portal, x->play.now) : NULL;
    if (!b) {
        free(p);
        close(fd);
        return;
    }
    p->proxy = x;
    p->bender = b;
    p->leave_by = UINT64_MAX;
    leg_begin(&p->initiator, fd);
    list_push(&x->pairs, &p->link);
    x->pair_count++;
    reach(p);
}

void pair_free(struct pair *p)
{
    leg_close(&p->initiator, false);
    leg_close(&p->target, false);
    bender_free(p->bender);
    list_remove(&p->link);
    p->proxy->pair_count--;
    free(p);
}

/* --- receiving --- */

static void leave_soon(struct pair *p)
{
    if (p->leave_by == UINT64_MAX)
        p->leave_by = now_of(p) + PROXY_LEAVE_NS;
}

/* A reset passes on as one. Who is stranded has no initiator any more. */
static void broken(struct pair *p, const struct leg *l)
{
    if (l == &p->initiator && p->bender->stranded)
        leg_close(&p->initiator, false);
    else
        break_off(p, true);
}

/* What came after the end of all is read so that the kernel does not answer it with a reset. */
static void discard(struct pair *p)
{
    ssize_t n = recv(p->initiator.fd, p->proxy->in, sizeof p->proxy->in, 0);
    p->over |= n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void receive(struct pair *p, struct leg *l, struct side *from)
{
    uint64_t room = bender_room(p->bender, from);
    size_t want = room < sizeof p->proxy->in ? room : sizeof p->proxy->in;
    if (want == 0)
        return;
    ssize_t n = recv(l->fd, p->proxy->in, want, 0);
    if (n > 0)
        bender_take(p->bender, from, p->proxy->in, (uint64_t)n, now_of(p));
    else if (n == 0) {
        l->ended = true;
        leave_soon(p);
    } else if (errno != EAGAIN && errno != EINTR)
        broken(p, l);
}

static bool listens(const struct pair *p, const struct leg *l, const struct side *from)
{
    return l->fd >= 0 && !l->connecting && !l->ended && bender_room(p->bender, from) > 0;
}

static short events_of(const struct pair *p, const struct leg *l, const struct side *s)
{
    short events = listens(p, l, s) ? POLLIN : 0;
    return l->connecting || l->blocked ? events | POLLOUT : events;
}

/* A leg from which nothing is wanted is not watched at all: whatever became of it is not to be known yet. */
void pair_watch(struct pair *p, struct pollfd polls[2])
{
    const struct bender *b = p->bender;
    short near = p->parting ? POLLIN : events_of(p, &p->initiator, &b->initiator);
    short far = events_of(p, &p->target, &b->target);
    polls[0] = (struct pollfd){near ? p->initiator.fd : -1, near, 0};
    polls[1] = (struct pollfd){far ? p->target.fd : -1, far, 0};
}

static void look_at(struct pair *p, struct leg *l, struct side *from, short events)
{
    if (events == 0 || l->fd < 0 || p->over)
        return;
    if (l->connecting) {
        reached(p);
        return;
    }
    l->blocked = false;
    if (listens(p, l, from))
        receive(p, l, from);
}

void pair_receive(struct pair *p, const struct pollfd polls[2])
{
    if (p->parting && polls[0].revents)
        discard(p);
    else if (!p->parting)
        look_at(p, &p->initiator, &p->bender->initiator, polls[0].revents);
    look_at(p, &p->target, &p->bender->target, polls[1].revents);
}

/* --- sending --- */

static uint32_t as_iov(const struct berth_seg *segs, uint32_t count, struct iovec *iov)
{
    for (uint32_t i = 0; i < count; i++)
        iov[i] = (struct iovec){segs[i].base, segs[i].len};
    return count;
}

/* false: nothing more can leave now. */
static bool send_once(struct pair *p, struct leg *l, struct side *to)
{
    struct berth_seg segs[SEGS];
    struct iovec iov[SEGS];
    uint32_t count = bender_peek(p->bender, to, segs, SEGS, now_of(p));
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = as_iov(segs, count, iov)};
    if (count == 0)
        return false;
    ssize_t n = sendmsg(l->fd, &m, MSG_NOSIGNAL);
    if (n > 0) {
        bender_done(p->bender, to, (uint64_t)n, now_of(p));
        return true;
    }
    l->blocked = errno == EAGAIN;
    if (errno != EAGAIN && errno != EINTR)
        broken(p, l);
    return false;
}

static void send_all(struct pair *p, struct leg *l, struct side *to)
{
    while (!p->over && l->fd >= 0 && !l->connecting && !l->blocked && !l->shut && send_once(p, l, to))
        ;
}

/* --- ending --- */

/* In order: the initiator gets all that was sent, then the end, and is given the time to notice. */
static void part(struct pair *p)
{
    leg_close(&p->target, false);
    leg_shut(&p->initiator);
    p->parting = true;
    p->leave_by = now_of(p) + PROXY_PART_NS;
}

static void grant_wish(struct pair *p)
{
    bool reset = false;
    switch (bender_wish(p->bender, &reset)) {
    case WISH_CLOSE:
        if (reset || p->initiator.fd < 0)
            break_off(p, reset);
        else
            part(p);
        break;
    case WISH_STRAND:
        leg_close(&p->initiator, reset);
        bender_stranded(p->bender);
        break;
    case WISH_NOTHING:
        break;
    }
}

/* An end passes on when everything before it has. */
static void pass_on_ends(struct pair *p)
{
    const struct bender *b = p->bender;
    if (p->target.ended && !bender_busy(b)) {
        if (p->initiator.fd < 0)
            p->over = true;
        else
            part(p);
    } else if (p->initiator.ended && list_empty(&b->target.line.stretches) && !p->target.connecting) {
        leg_shut(&p->target);
    }
}

void pair_turn(struct pair *p)
{
    if (!p->over && !p->parting) {
        send_all(p, &p->initiator, &p->bender->initiator);
        send_all(p, &p->target, &p->bender->target);
    }
    if (!p->over && !p->parting)
        grant_wish(p);
    if (!p->over && !p->parting)
        pass_on_ends(p);
    if (p->leave_by <= now_of(p))
        p->over = true;
}

uint64_t pair_deadline(const struct pair *p)
{
    return p->over ? 0 : p->leave_by;
}
