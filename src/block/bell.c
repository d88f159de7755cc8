/* SPDX-License-Identifier: MIT */
#include "block/bell.h"

#include <berth/error.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int bell_make(struct bell *b, bool has_fd)
{
    atomic_init(&b->rings, 0);
    b->heard = 0;
    b->fd = has_fd ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
    return has_fd && b->fd < 0 ? BERTH_E_SYSTEM : BERTH_OK;
}

void bell_free(struct bell *b)
{
    if (b->fd >= 0)
        close(b->fd);
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
    return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

/* Once the count has changed the memory may be gone; waking nobody there does no harm. */
void bell_ring(struct bell *b)
{
    const uint64_t once = 1;
    if (b->fd < 0) {
        atomic_fetch_add_explicit(&b->rings, 1, memory_order_release);
        futex(&b->rings, FUTEX_WAKE_PRIVATE, 1, NULL);
    } else if (write(b->fd, &once, sizeof once) < 0) {
        return; /* it has been rung 2^64 times */
    }
}

uint32_t bell_hear(struct bell *b)
{
    uint64_t times;
    if (b->fd >= 0)
        return read(b->fd, &times, sizeof times) == sizeof times ? (uint32_t)times : 0;
    uint32_t rings = atomic_load_explicit(&b->rings, memory_order_acquire), fresh = rings - b->heard;
    b->heard = rings;
    return fresh;
}

static bool sleep_on_fd(const struct bell *b, int timeout_ms)
{
    struct pollfd p = {.fd = b->fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) >= 0;
}

bool bell_sleep(struct bell *b, int timeout_ms)
{
    struct timespec t = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000l};
    if (b->fd >= 0)
        return sleep_on_fd(b, timeout_ms);
    return futex(&b->rings, FUTEX_WAIT_PRIVATE, b->heard, timeout_ms < 0 ? NULL : &t) == 0 || errno != EINTR;
}
