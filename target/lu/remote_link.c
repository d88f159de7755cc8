/* SPDX-License-Identifier: MIT */
#include "lu/remote_link.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "lu/nbd_library.h"

#define TRANSFER_MAX (32u * 1024 * 1024)   /* what servers take that announce nothing */
#define ZERO_MAX     (64ull * 1024 * 1024) /* at once: an answer must not take for ever */
#define MAP_MAX      (1024ull * 1024 * 1024)
#define PROBE_S                                                                                              \
    30 /* silence of an ending connection before its server's host is asked whether it is there              \
        */

static const struct nbd_library *lib; /* since the first remote_dial() */

/* --- connecting --- */

/* Whoever writes the URI may also say where its keys are. */
static struct nbd_handle *make(void)
{
    struct nbd_handle *h = lib->create();
    if (h && lib->add_meta_context(h, LIBNBD_CONTEXT_BASE_ALLOCATION) == 0 &&
        lib->set_uri_allow_local_file(h, true) == 0)
        return h;
    lib->close(h);
    return NULL;
}

static uint32_t limit(struct nbd_handle *h, int which, uint32_t otherwise)
{
    int64_t told = lib->get_block_size(h, which);
    return told <= 0 ? otherwise : told > TRANSFER_MAX ? TRANSFER_MAX : (uint32_t)told;
}

static bool look(struct nbd_handle *h, struct remote_facts *f)
{
    int64_t size = lib->get_size(h);
    *f = (struct remote_facts){
        .size = size > 0 ? (uint64_t)size : 0,
        .block_min = limit(h, LIBNBD_SIZE_MINIMUM, 1),
        .transfer_max = limit(h, LIBNBD_SIZE_MAXIMUM, TRANSFER_MAX),
        .read_only = lib->is_read_only(h) > 0,
        .flush = lib->can_flush(h) > 0,
        .fua = lib->can_fua(h) > 0,
        .zero = lib->can_zero(h) > 0,
        .map = lib->can_meta_context(h, LIBNBD_CONTEXT_BASE_ALLOCATION) > 0,
        .many = lib->can_multi_conn(h) > 0,
    };
    return size >= 0;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* libnbd's words begin with the function that failed. */
static void put_error(char *why, size_t size)
{
    const char *text = lib->get_error(), *colon = text ? strstr(text, ": ") : NULL;
    snprintf(why, size, "%s", colon ? colon + 2 : text ? text : "out of memory");
}

static bool connect_within(struct nbd_handle *h, const char *uri, const struct remote_patience *patience,
                           char *why, size_t size)
{
    uint64_t end = now_ms() + patience->ms;
    bool going = lib->aio_connect_uri(h, uri) == 0;
    for (uint64_t now = now_ms(); going && !lib->aio_is_ready(h) && now < end; now = now_ms())
        going = lib->poll(h, (int)(end - now)) >= 0 && !lib->aio_is_dead(h) && !lib->aio_is_closed(h);
    if (going && lib->aio_is_ready(h))
        return true;
    if (going)
        snprintf(why, size, "no answer within %u s%s", patience->ms / 1000, patience->because);
    else
        put_error(why, size);
    return false;
}

struct nbd_handle *remote_dial(const char *uri, const struct remote_patience *patience,
                               struct remote_facts *facts, char *why, size_t why_size)
{
    if (!lib)
        lib = nbd_library();
    if (!lib) {
        snprintf(why, why_size, "there is no " NBD_LIBRARY_FILE);
        return NULL;
    }
    struct nbd_handle *h = make();
    if (!h)
        put_error(why, why_size);
    else if (!connect_within(h, uri, patience, why, why_size))
        ;
    else if (!look(h, facts))
        put_error(why, why_size);
    else
        return h;
    lib->close(h);
    return NULL;
}

void remote_hang_up(struct nbd_handle *h)
{
    if (h && lib->aio_is_ready(h))
        lib->aio_disconnect(h, 0); /* a good-bye for the server's log; nobody waits for it */
    lib->close(h);
}

void remote_link_init(struct remote_link *l)
{
    *l = (struct remote_link){0};
    list_init(&l->asked);
    list_init(&l->answered);
    l->fd = l->ending = -1;
}

static bool keep_descriptor(struct remote_link *l)
{
    l->fd = fcntl(lib->aio_get_fd(l->handle), F_DUPFD_CLOEXEC, 0);
    return l->fd >= 0;
}

bool remote_link_dial(struct remote_link *l, const char *uri)
{
    l->handle = make();
    l->state = REMOTE_DIALING;
    l->stale = false;
    if (l->handle && lib->aio_connect_uri(l->handle, uri) == 0 && !lib->aio_is_dead(l->handle))
        return true;
    remote_link_close(l);
    return false;
}

void remote_link_adopt(struct remote_link *l, struct nbd_handle *h)
{
    l->handle = h;
    l->state = REMOTE_UP;
    l->stale = false;
    if (!keep_descriptor(l))
        remote_link_close(l);
}

bool remote_link_look(const struct remote_link *l, struct remote_facts *facts)
{
    return look(l->handle, facts);
}

/* The server reads what had been sent, and then that there is no more. If its host goes away without a word,
 * the probes find out. */
static void begin_end(struct remote_link *l)
{
    const int on = 1, silence = PROBE_S;
    shutdown(l->fd, SHUT_WR);
    setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(l->fd, IPPROTO_TCP, TCP_KEEPIDLE, &silence, sizeof silence); /* not of a UNIX socket */
    l->ending = l->fd;
}

/* There is no ending one yet when there are changes: none is made while there is. */
void remote_link_close(struct remote_link *l)
{
    remote_hang_up(l->handle);
    if (l->changing > 0)
        begin_end(l);
    else if (l->fd >= 0)
        close(l->fd);
    l->handle = NULL;
    l->state = REMOTE_DOWN;
    l->stale = false;
    l->changing = 0;
    l->fd = -1;
}

void remote_link_forget_end(struct remote_link *l)
{
    if (l->ending >= 0)
        close(l->ending);
    l->ending = -1;
}

void remote_link_watch_end(struct remote_link *l)
{
    char late[4096];
    ssize_t got = recv(l->ending, late, sizeof late, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        remote_link_forget_end(l);
}

/* --- the connection's life --- */

int remote_link_watch(const struct remote_link *l, short *events)
{
    *events = 0;
    if (!l->handle)
        return -1;
    unsigned direction = lib->aio_get_direction(l->handle);
    if (direction & LIBNBD_AIO_DIRECTION_READ)
        *events |= POLLIN;
    if (direction & LIBNBD_AIO_DIRECTION_WRITE)
        *events |= POLLOUT;
    return lib->aio_get_fd(l->handle);
}

void remote_link_step(struct remote_link *l, short events)
{
    unsigned direction = l->handle ? lib->aio_get_direction(l->handle) : 0;
    bool broken = events & (POLLHUP | POLLERR | POLLNVAL);
    if (!l->handle)
        return;
    if (direction & LIBNBD_AIO_DIRECTION_READ && (events & POLLIN || broken))
        lib->aio_notify_read(l->handle);
    else if (direction & LIBNBD_AIO_DIRECTION_WRITE && (events & POLLOUT || broken))
        lib->aio_notify_write(l->handle);
    if (lib->aio_is_dead(l->handle) || lib->aio_is_closed(l->handle))
        remote_link_close(l);
    else if (l->state == REMOTE_DIALING && lib->aio_is_ready(l->handle))
        remote_link_adopt(l, l->handle);
}

/* --- asking --- */

bool remote_changes(const struct remote_ask *ask)
{
    return ask->kind == REMOTE_WRITE || ask->kind == REMOTE_ZERO;
}

bool remote_link_lost(int error)
{
    return error == REMOTE_UNSENT || error == -ENOTCONN || error == -ESHUTDOWN || error == -ECONNRESET ||
           error == -EPIPE;
}

/* What a server answers, as a backend says it. */
static int translate(int error)
{
    switch (error) {
    case EPERM:
        return -EROFS;
    case ENOTSUP:
    case EOVERFLOW:
        return -EINVAL;
    default:
        return -error;
    }
}

static void answer(struct remote_ask *ask, int error)
{
    struct remote_link *l = ask->on;
    list_remove(&ask->link);
    list_push(&l->answered, &ask->link);
    l->count--;
    if (remote_changes(ask) && !remote_link_lost(error)) /* else nobody knows yet whether it is made */
        l->changing--;
    ask->on = NULL;
    ask->error = error;
}

static int have_answer(void *user, int *error)
{
    answer(user, translate(*error));
    return 1; /* libnbd forgets it */
}

/* Runs of equal state are one run. */
static int take_extents(void *user, const char *context, uint64_t offset, uint32_t *entries, size_t count,
                        int *error)
{
    const uint32_t mask = LIBNBD_STATE_HOLE | LIBNBD_STATE_ZERO;
    struct remote_ask *ask = user;
    (void)context, (void)error;
    if (offset != ask->offset || count < 2)
        return 0;
    ask->hole = (entries[1] & mask) == mask;
    ask->run = 0;
    for (size_t i = 0; i + 1 < count && ((entries[i + 1] & mask) == mask) == ask->hole; i += 2)
        ask->run += entries[i];
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Asks for the next part of READ and WRITE, or of ZERO. A server without zeroing gets zeros written
 * (lu_nbd.c). */
static int64_t issue(struct nbd_handle *h, struct remote_ask *ask, const struct remote_facts *facts)
{
    const nbd_completion_callback done = {.callback = have_answer, .user_data = ask};
    const nbd_extent_callback extents = {.callback = take_extents, .user_data = ask};
    uint64_t offset = ask->offset + ask->moved, left = ask->len - ask->moved;
    uint8_t *memory = ask->memory ? ask->memory + ask->moved : NULL;
    switch (ask->kind) {
    case REMOTE_READ:
        ask->part = least(left, facts->transfer_max);
        return lib->aio_pread(h, memory, ask->part, offset, done, 0);
    case REMOTE_WRITE:
        ask->part = least(left, facts->transfer_max);
        return lib->aio_pwrite(h, memory, ask->part, offset, done,
                               ask->fua && facts->fua ? LIBNBD_CMD_FLAG_FUA : 0);
    case REMOTE_ZERO:
        ask->part = least(left, ZERO_MAX);
        return lib->aio_zero(h, ask->part, offset, done, 0);
    case REMOTE_MAP:
        ask->part = left;
        return lib->aio_block_status(h, least(left, MAP_MAX), offset, extents, done, 0);
    default:
        ask->part = left;
        return lib->aio_flush(h, done, 0);
    }
}

void remote_link_issue(struct remote_link *l, struct remote_ask *ask, const struct remote_facts *facts)
{
    ask->on = l;
    list_push(&l->asked, &ask->link);
    l->count++;
    l->changing += remote_changes(ask);
    bool issued = issue(l->handle, ask, facts) >= 0;
    int error = issued ? 0 : translate(lib->get_errno());
    bool lost = lib->aio_is_dead(l->handle) || lib->aio_is_closed(l->handle);
    if (ask->on && !issued)
        answer(ask, error);
    if (!ask->on && lost) /* it could not be sent: had it been, the answer would not be looked for yet */
        ask->error = REMOTE_UNSENT;
}
