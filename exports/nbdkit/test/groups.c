/* SPDX-License-Identifier: MIT */
/* For measuring nbdkit: a plugin that has no disk. A read waits until seven others wait, too, and whoever
 * comes last wakes them all: the least that a plugin costs which has to wait for somebody. */
#define NBDKIT_API_VERSION 2
#include <linux/futex.h>
#include <nbdkit-plugin.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL
#define GROUP        8
#define ALONE_NS     2000000 /* who has waited so long goes alone */

struct reader {
    _Atomic int done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct reader *readers[GROUP];
static int count;

static void *groups_open(int read_only)
{
    (void)read_only;
    return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t groups_size(void *handle)
{
    (void)handle;
    return 256 << 20;
}

/* Those to be woken: none, or all others. */
static int enter(struct reader *r, struct reader *woken[GROUP])
{
    int n = 0;
    pthread_mutex_lock(&lock);
    readers[count++] = r;
    if (count == GROUP) {
        while (count > 0)
            woken[n++] = readers[--count];
        atomic_store(&r->done, 1);
    }
    pthread_mutex_unlock(&lock);
    return n;
}

static void leave(struct reader *r)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count; i++)
        if (readers[i] == r) {
            readers[i] = readers[--count];
            atomic_store(&r->done, 1);
        }
    pthread_mutex_unlock(&lock);
}

static int groups_read(void *handle, void *buf, uint32_t len, uint64_t offset, uint32_t flags)
{
    struct timespec alone = {.tv_nsec = ALONE_NS};
    struct reader me = {0}, *woken[GROUP];
    (void)handle;
    (void)offset;
    (void)flags;
    memset(buf, 0, len);
    int n = enter(&me, woken);
    for (int i = 0; i < n; i++) {
        if (woken[i] == &me)
            continue;
        atomic_store(&woken[i]->done, 1);
        syscall(SYS_futex, &woken[i]->done, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    while (!atomic_load(&me.done))
        if (syscall(SYS_futex, &me.done, FUTEX_WAIT_PRIVATE, 0, &alone, NULL, 0) < 0)
            leave(&me);
    return 0;
}

static struct nbdkit_plugin plugin = {
    .name = "groups",
    .open = groups_open,
    .get_size = groups_size,
    .pread = groups_read,
};

NBDKIT_REGISTER_PLUGIN(plugin)
