/* SPDX-License-Identifier: MIT */
/* libiscsi at its best: its asynchronous calls with vectors, a place of its own for every I/O, the depth kept
 * full from the callbacks, no timeouts, no automatic reconnection, the same TCP options as berth. */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include "cli/clock.h"
#include "load.h"
#include "sockets.h"

#define USAGE                                                                                                \
    "bench_libiscsi features | URL [--rw RW] [--bs BYTES] [--depth N] [--time SECONDS] [--poll] [--digests " \
    "none|header|both]"
#define NAME "iqn.2026-11.io.berth:bench"

struct task {
    struct driver *driver;
    uint32_t slot;
    struct scsi_iovec iov; /* the library keeps a pointer to it */
};

struct driver {
    struct load load;
    const char *digests;
    bool poll;
    struct iscsi_context *iscsi;
    int lun, block;
    struct task *tasks;
    uint32_t in_flight;
    uint64_t now_ns; /* looked up once for all that comes at once */
};

static uint64_t calls;

/* --- its system calls, which it makes by these names: they are found in the program first --- */

#define FOUND __attribute__((visibility("default")))

FOUND int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    calls++;
    return (int)syscall(SYS_poll, fds, count, timeout);
}

FOUND ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    calls++;
    return syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
}

FOUND ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    calls++;
    return syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
}

FOUND ssize_t readv(int fd, const struct iovec *iov, int count)
{
    calls++;
    return syscall(SYS_readv, fd, iov, count);
}

FOUND ssize_t writev(int fd, const struct iovec *iov, int count)
{
    calls++;
    return syscall(SYS_writev, fd, iov, count);
}

/* --- I/O --- */

static _Noreturn void give_up(const struct driver *d, const char *what)
{
    fprintf(stderr, "bench_libiscsi: %s: %s\n", what, iscsi_get_error(d->iscsi));
    exit(2);
}

static void begin(struct task *t);

static void ended(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
    struct task *t = arg;
    struct driver *d = t->driver;
    (void)iscsi;
    if (status != SCSI_STATUS_GOOD)
        give_up(d, "an I/O failed");
    scsi_free_scsi_task(data);
    load_done(&d->load, t->slot, d->now_ns);
    d->in_flight--;
    if (!load_more(&d->load, d->now_ns))
        return;
    load_next(&d->load, t->slot, d->now_ns);
    begin(t);
}

static void begin(struct task *t)
{
    struct driver *d = t->driver;
    const struct load_slot *s = &d->load.slots[t->slot];
    uint64_t lba = s->offset / (uint32_t)d->block;
    uint32_t len = d->load.block;
    struct scsi_task *task;
    t->iov = (struct scsi_iovec){s->place, len};
    if (s->write)
        task = iscsi_write16_iov_task(d->iscsi, d->lun, lba, NULL, len, d->block, 0, 0, 0, 0, 0, ended, t,
                                      &t->iov, 1);
    else
        task =
            iscsi_read16_iov_task(d->iscsi, d->lun, lba, len, d->block, 0, 0, 0, 0, 0, ended, t, &t->iov, 1);
    if (!task)
        give_up(d, "an I/O is not taken");
    d->in_flight++;
}

static void start(struct driver *d)
{
    uint64_t now = clock_ns();
    for (uint32_t i = 0; i < d->load.depth; i++) {
        d->tasks[i] = (struct task){.driver = d, .slot = i};
        load_next(&d->load, i, now);
        begin(&d->tasks[i]);
    }
}

static void loop(struct driver *d)
{
    while (d->in_flight) {
        struct pollfd p = {.fd = iscsi_get_fd(d->iscsi), .events = (short)iscsi_which_events(d->iscsi)};
        if (poll(&p, 1, d->poll ? 0 : -1) < 0 && errno != EINTR)
            die("poll");
        d->now_ns = clock_ns();
        if (p.revents && iscsi_service(d->iscsi, p.revents) < 0)
            give_up(d, "the session");
    }
}

/* --- the session --- */

/* Newer versions have it; where it is missing, data digests are not to be had. */
typedef int set_data_digest_call(struct iscsi_context *iscsi, int digest);

static set_data_digest_call *find_set_data_digest(void)
{
    set_data_digest_call *found;
    *(void **)&found = dlsym(RTLD_DEFAULT, "iscsi_set_data_digest");
    return found;
}

static void set_digests(struct driver *d)
{
    bool both = strcmp(d->digests, "both") == 0;
    set_data_digest_call *set_data_digest = find_set_data_digest();
    if (strcmp(d->digests, "none") == 0)
        return;
    iscsi_set_header_digest(d->iscsi, ISCSI_HEADER_DIGEST_CRC32C);
    errno = 0;
    if (both && !set_data_digest)
        die("this version of libiscsi has no data digests");
    if (both)
        set_data_digest(d->iscsi, ISCSI_HEADER_DIGEST_CRC32C); /* both kinds have the same values */
}

static void learn(struct driver *d)
{
    struct scsi_task *task = iscsi_readcapacity16_sync(d->iscsi, d->lun);
    struct scsi_readcapacity16 *capacity = task ? scsi_datain_unmarshall(task) : NULL;
    if (!capacity)
        give_up(d, "READ CAPACITY");
    d->block = (int)capacity->block_length;
    d->load.lun_bytes = (capacity->returned_lba + 1) * capacity->block_length;
    scsi_free_scsi_task(task);
}

static void log_in(struct driver *d, const char *text)
{
    struct iscsi_url *url;
    d->iscsi = iscsi_create_context(NAME);
    url = d->iscsi ? iscsi_parse_full_url(d->iscsi, text) : NULL;
    if (!url)
        give_up(d, text);
    iscsi_set_session_type(d->iscsi, ISCSI_SESSION_NORMAL);
    iscsi_set_targetname(d->iscsi, url->target);
    iscsi_set_timeout(d->iscsi, 0);
    iscsi_set_noautoreconnect(d->iscsi, 1);
    set_digests(d);
    if (iscsi_full_connect_sync(d->iscsi, url->portal, url->lun) != 0)
        give_up(d, text);
    d->lun = url->lun;
    iscsi_destroy_url(url);
    socket_hurry(iscsi_get_fd(d->iscsi));
}

static int tell_features(void)
{
    puts(find_set_data_digest() ? "data-digest" : "");
    return 0;
}

int main(int argc, char **argv)
{
    static struct driver d = {.load = LOAD_DEFAULTS, .digests = "none"};
    const struct word words[] = {LOAD_WORDS(&d.load),
                                 {"digests", WORD_TEXT, &d.digests},
                                 {"poll", WORD_FLAG, &d.poll},
                                 {NULL, WORD_FLAG, NULL}};
    const char *url = words_take(argv + (argc > 0), words, USAGE);
    if (strcmp(url, "features") == 0)
        return tell_features();
    log_in(&d, url);
    learn(&d);
    load_prepare(&d.load);
    d.tasks = calloc(d.load.depth, sizeof *d.tasks);
    if (!d.tasks)
        die("memory");
    d.load.syscalls = calls;
    load_begin(&d.load);
    start(&d);
    loop(&d);
    load_end(&d.load);
    d.load.syscalls = calls;
    load_print(&d.load, "libiscsi", d.digests);
    iscsi_logout_sync(d.iscsi);
    iscsi_destroy_context(d.iscsi);
    return 0;
}
