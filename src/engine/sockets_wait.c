/* SPDX-License-Identifier: MIT */
/* How the sockets engine waits.
 *
 * To sleep and be woken costs both sides some microseconds, in a virtual machine twenty: as much as sixteen
 * reads of 4 KiB. So a wait begins with looking: between one send and the next for about as long as a sleep
 * would cost, and as long as that pays. When the time was not enough the next waits sleep at once, one, then
 * three, then seven of them and so on. Where plenty is to come it sleeps at once. While it looks, short reads
 * may gather behind those that are under way (conn_tx_gathers()).
 *
 * Where there is one link and nothing else, it is the receive that looks or sleeps: what saves a call for
 * each wait. Watched descriptors do not count before one of them has been ready: most never are, and the
 * first time it may take as long as a receive sleeps until that is seen. Who polls looks at all else, new
 * links as well, now and then, and for a while after a watched descriptor has been ready each time. */
#include "engine/link.h"
#include "engine/sockets_parts.h"

#include <berth/error.h>
#include <errno.h>
#include <limits.h>
#include <linux/time_types.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MS_NS      1000000ull
#define PAUSE_NS   2500ull      /* between two looks: each is a system call */
#define DEAF_LOOKS 64u          /* one in so many looks is at everything, whatever the only link brings */
#define NAP_NS     (10 * MS_NS) /* a receive sleeps so long at most; what is due sooner is epoll's */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t sockets_due(struct engine *e)
{
    struct sockets *s = sockets_of(e);
    uint64_t until_ns = UINT64_MAX;
    if (s->connecting > 0)
        list_each (node, &s->engine.links) {
            struct link *l = list_entry(node, struct link, node);
            if (link_phase(l) == LINK_CONNECTING)
                until_ns = earlier(until_ns, l->connect_deadline_ns);
        }
    if (s->resting > 0)
        list_each (node, &s->listeners) {
            struct listener *ln = list_entry(node, struct listener, node);
            until_ns = earlier(until_ns, ln->rest_until_ns ? ln->rest_until_ns : UINT64_MAX);
        }
    return until_ns;
}

/* When the wait must end. */
static uint64_t wait_until(struct sockets *s, uint64_t until_ns)
{
    bool work = s->engine.wake || !list_empty(&s->engine.dirty);
    return work ? 0 : earlier(until_ns, sockets_due(&s->engine));
}

static int wait_ms(struct sockets *s, int timeout_ms)
{
    s->engine.syscalls++;
    return epoll_wait(s->epoll, s->events, SOCKETS_EVENTS, timeout_ms);
}

static int wait_ns(struct sockets *s, uint64_t left_ns)
{
#ifdef SYS_epoll_pwait2
    struct __kernel_timespec t = {(long long)(left_ns / 1000000000u), (long long)(left_ns % 1000000000u)};
    if (!s->no_pwait2) {
        s->engine.syscalls++;
        long n = syscall(SYS_epoll_pwait2, s->epoll, s->events, SOCKETS_EVENTS, &t, NULL, 0);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return (int)n;
        s->no_pwait2 = true;
    }
#endif
    uint64_t ms = left_ns / MS_NS + (left_ns % MS_NS != 0); /* never before the time: that would spin */
    return wait_ms(s, ms > INT_MAX ? INT_MAX : (int)ms);
}

static int wait_events(struct sockets *s, uint64_t until_ns)
{
    if (until_ns == UINT64_MAX)
        return wait_ms(s, -1);
    uint64_t now = until_ns ? sockets_now(&s->engine) : 0;
    return until_ns > now ? wait_ns(s, until_ns - now) : wait_ms(s, 0);
}

/* --- looking --- */

static bool polls(const struct sockets *s)
{
    return s->engine.wait == ENGINE_POLLS;
}

bool sockets_lingers(struct sockets *s, uint64_t until_ns)
{
    bool may = until_ns > s->now && !list_empty(&s->engine.links);
    return may && patience_begins(&s->patience, (enum engine_wait)s->engine.wait, &s->engine.links);
}

/* The link, if a receive on it is all that there is to wait for. `deaf`: but for new links, and whatever is
 * watched. */
static struct link *only_link(const struct sockets *s, bool deaf)
{
    const struct list *links = &s->engine.links;
    if (links->next == links || links->next->next != links)
        return NULL;
    if (!deaf && !(list_empty(&s->listeners) && list_empty(&s->watches)))
        return NULL;
    struct link *l = list_entry(links->next, struct link, node);
    bool receives = link_phase(l) == LINK_UP && !(l->state & (LINK_TX_BLOCKED | LINK_RX_PAUSED)) && l->conn;
    return receives ? l : NULL;
}

enum came { CAME_NOTHING, CAME_BYTES, CAME_NEWS };

static enum came receive_only(struct sockets *s, struct link *l, int flags)
{
    struct outcome out = {.moved = false};
    errno = 0;
    sockets_rx(s, l, &out, flags);
    s->engine.interrupted = !out.moved && !out.ended && errno == EINTR;
    if (!out.news && !out.ended)
        return out.moved ? CAME_BYTES : CAME_NOTHING;
    sockets_conclude(s, l, &out);
    return CAME_NEWS;
}

/* For a moment: a link that always has something must not keep all else from being heard. */
static bool may_be_deaf(struct sockets *s)
{
    if (polls(s) && s->alert > 0)
        s->alert--;
    else if (polls(s) || !s->heard)
        return ++s->looks % DEAF_LOOKS != 0;
    return false;
}

/* One look at everything, or, `deaf`, at the only link. Returns 1 if there was something, 0, or -1 if epoll
 * fails. */
static int look(struct sockets *s, bool deaf)
{
    struct link *l = only_link(s, deaf);
    if (l)
        return receive_only(s, l, MSG_DONTWAIT) != CAME_NOTHING;
    int count = wait_ms(s, 0);
    if (count > 0)
        sockets_dispatch(s, count);
    return count < 0 && errno != EINTR ? -1 : count > 0;
}

static void pause_until(struct sockets *s, uint64_t at)
{
    while ((s->now = sockets_now(&s->engine)) < at) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
}

/* Looks again and again. Returns what look() did at last. */
static int look_until(struct sockets *s, uint64_t end_ns, uint64_t pause_ns)
{
    int seen;
    while ((seen = look(s, may_be_deaf(s))) == 0 && s->now < end_ns)
        pause_until(s, pause_ns ? s->now + pause_ns : 0);
    return seen;
}

static int linger(struct sockets *s, uint64_t until_ns)
{
    uint64_t begin = s->now, end = begin + s->patience.left_ns;
    if (polls(s))
        return look_until(s, earlier(end, until_ns), 0);
    int seen = look_until(s, earlier(end, until_ns), PAUSE_NS);
    patience_spend(&s->patience, s->now - begin);
    if (seen > 0 || end <= until_ns) /* else it was not given the time */
        patience_learn(&s->patience, seen > 0 && s->patience.left_ns > 0);
    return seen;
}

void sockets_sent(struct sockets *s)
{
    patience_renew(&s->patience);
}

/* --- sleeping --- */

/* True if that was the wait. It goes on while nothing comes but the middle of a data segment: nobody has
 * anything to do then, and to ask all who might costs as much as a receive of some KiB. */
static bool sleep_in_receive(struct sockets *s, uint64_t until_ns)
{
    uint64_t end = s->now + NAP_NS;
    enum came came = CAME_BYTES;
    struct link *l = only_link(s, may_be_deaf(s));
    if (!l || !list_empty(&s->listeners) || until_ns < s->now + NAP_NS)
        return false;
    if (!(l->state & LINK_SLEEPY))
        sockets_let_block(s, l, NAP_NS);
    if (!(l->state & LINK_SLEEPY))
        return false;
    while (came == CAME_BYTES && s->now < end)
        came = receive_only(s, l, 0);
    return came != CAME_NOTHING || s->engine.interrupted;
}

static int sleep_in_epoll(struct sockets *s, uint64_t until_ns)
{
    int count = wait_events(s, until_ns);
    s->now = sockets_now(&s->engine);
    s->engine.interrupted = count < 0 && errno == EINTR;
    if (count > 0)
        sockets_dispatch(s, count);
    return count < 0 && !s->engine.interrupted ? BERTH_E_SYSTEM : BERTH_OK;
}

static int ended(int seen)
{
    return seen < 0 ? BERTH_E_SYSTEM : BERTH_OK;
}

int sockets_wait(struct sockets *s, uint64_t until_ns)
{
    bool lingers = s->gathering;
    until_ns = wait_until(s, until_ns);
    int seen = until_ns <= s->now ? look(s, polls(s) && may_be_deaf(s)) : lingers ? linger(s, until_ns) : 0;
    sockets_let_go(s);
    if (seen != 0 || until_ns <= s->now)
        return ended(seen);
    sockets_flush_dirty(s);
    until_ns = wait_until(s, until_ns);
    if (polls(s) || until_ns == 0)
        return ended(look_until(s, until_ns, 0));
    return sleep_in_receive(s, until_ns) ? BERTH_OK : sleep_in_epoll(s, until_ns);
}
