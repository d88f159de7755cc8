/* SPDX-License-Identifier: MIT */
/* "nbd:URI": the export of an NBD server. What may take time is done by the remote's thread (remote.h), what
 * takes several steps by one more. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lu/lu.h"
#include "lu/nbd_library.h"
#include "lu/remote.h"
#include "lu/workers.h"

#define CONNECT_MS 5000u
#define SERVING_MS 1000u /* while there are sessions: the target's thread waits, and all of them with it */
#define BLANK_LEN  (256u * 1024)

struct export
{
    struct remote *remote;
    struct remote_facts facts;
    char *uri;
    bool has_porter;
    pthread_t porter; /* does WORK */
    pthread_mutex_t lock;
    /* under the lock */
    pthread_cond_t work;
    struct list queue;
    bool stopping;
};

/* --- one request --- */

/* libnbd moves one run of bytes. What is scattered goes through memory of our own. */
struct errand {
    struct remote_ask ask;
    struct lu_io *io; /* NULL: somebody waits for it */
    const struct extent *data;
    bool own_memory;
};

static bool only_memory(const struct extent *e)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (e->segs[i].kind == BERTH_SEG_FILE)
            return false;
    return true;
}

static int find_memory(struct errand *e, const struct extent *data)
{
    struct berth_seg seg = {0};
    uint64_t covered = 0;
    e->data = data;
    if (!only_memory(data))
        return -EINVAL;
    extent_slice(data, 0, data->len, &seg, 1, &covered);
    e->own_memory = covered < data->len;
    e->ask.memory = e->own_memory ? malloc(data->len) : seg.base;
    if (e->own_memory && !e->ask.memory)
        return -ENOMEM;
    if (e->own_memory && e->ask.kind == REMOTE_WRITE)
        extent_read(data, 0, e->ask.memory, data->len);
    return 0;
}

/* What a request leaves behind. */
static void conclude(struct errand *e)
{
    if (!e->own_memory)
        return;
    if (e->ask.kind == REMOTE_READ && !e->ask.error)
        extent_write(e->data, 0, e->ask.memory, e->data->len);
    free(e->ask.memory);
}

static struct export *of(const struct lu *lu)
{
    return lu->store;
}

static int move(struct lu *lu, enum remote_kind kind, uint64_t offset, const struct extent *data)
{
    struct errand e = {.ask = {.kind = (uint8_t)kind, .offset = offset, .len = data->len}};
    int error = data->len > 0 ? find_memory(&e, data) : 0;
    if (error || data->len == 0)
        return error;
    error = remote_wait(of(lu)->remote, &e.ask);
    conclude(&e);
    return error;
}

static int export_read(struct lu *lu, uint64_t offset, const struct extent *to)
{
    return move(lu, REMOTE_READ, offset, to);
}

static int export_write(struct lu *lu, uint64_t offset, const struct extent *from)
{
    return move(lu, REMOTE_WRITE, offset, from);
}

static int export_flush(struct lu *lu)
{
    struct remote_ask ask = {.kind = REMOTE_FLUSH};
    return of(lu)->facts.flush && !lu->read_only ? remote_wait(of(lu)->remote, &ask) : 0;
}

static int write_zeros(struct lu *lu, uint64_t offset, uint64_t len)
{
    static const uint8_t blank[BLANK_LEN];
    int error = 0;
    for (uint64_t done = 0; done < len && !error; done += BLANK_LEN) {
        uint64_t part = len - done < BLANK_LEN ? len - done : BLANK_LEN;
        struct berth_seg seg = seg_memory(blank, part);
        error = export_write(lu, offset + done, &(struct extent){&seg, 1, 0, part});
    }
    return error;
}

/* WRITE ZEROES lets the server make a hole, and unlike TRIM promises zeros. */
static int export_punch(struct lu *lu, uint64_t offset, uint64_t len)
{
    struct remote_ask ask = {.kind = REMOTE_ZERO, .offset = offset, .len = len};
    if (len == 0)
        return 0;
    return of(lu)->facts.zero ? remote_wait(of(lu)->remote, &ask) : write_zeros(lu, offset, len);
}

/* Servers think in bytes: a block with any data in it is allocated. */
static int export_map(struct lu *lu, uint64_t offset, uint64_t *len, bool *allocated)
{
    uint64_t left = *len;
    struct remote_ask ask = {.kind = REMOTE_MAP, .offset = offset, .len = left, .run = left};
    int error = of(lu)->facts.map ? remote_wait(of(lu)->remote, &ask) : 0;
    uint64_t run = ask.run < left ? ask.run : left;
    *allocated = !ask.hole || run < lu->block;
    *len = (*allocated ? run + lu->block - 1 : run) / lu->block * lu->block;
    return error || run > 0 ? error : -EIO;
}

/* --- I/O that is not waited for --- */

static void back(struct remote_ask *ask)
{
    struct errand *e = (struct errand *)(void *)ask;
    struct lu_io *io = e->io;
    conclude(e);
    io->error = ask->error;
    free(e);
    workers_finish(io->lu->workers, io);
}

static enum remote_kind kind_of(const struct lu_io *io)
{
    static const uint8_t kinds[] = {[LU_READ] = REMOTE_READ,
                                    [LU_WRITE] = REMOTE_WRITE,
                                    [LU_FLUSH] = REMOTE_FLUSH,
                                    [LU_PUNCH] = REMOTE_ZERO};
    return (enum remote_kind)kinds[io->kind];
}

static struct errand *make_errand(struct lu_io *io)
{
    struct errand *e = malloc(sizeof *e);
    if (!e)
        return NULL;
    *e = (struct errand){.io = io,
                         .ask = {.kind = (uint8_t)kind_of(io),
                                 .fua = io->fua,
                                 .offset = io->offset,
                                 .len = io->kind == LU_FLUSH ? 0 : io->len,
                                 .done = back}};
    bool moves = io->kind == LU_READ || io->kind == LU_WRITE;
    if (!moves || find_memory(e, &io->data) == 0)
        return e;
    free(e);
    return NULL;
}

static void send_off(struct lu *lu, struct lu_io *io)
{
    struct errand *e = make_errand(io);
    if (!e) {
        io->error = -ENOMEM;
        io->done(io);
        return;
    }
    workers_promise(lu->workers);
    remote_submit(of(lu)->remote, &e->ask);
}

static void *carry(void *arg)
{
    struct export *x = arg;
    pthread_mutex_lock(&x->lock);
    while (!x->stopping || !list_empty(&x->queue)) {
        struct list *node = list_pop(&x->queue);
        if (!node) {
            pthread_cond_wait(&x->work, &x->lock);
            continue;
        }
        pthread_mutex_unlock(&x->lock);
        struct lu_io *io = list_entry(node, struct lu_io, link);
        lu_run(io);
        workers_finish(io->lu->workers, io);
        pthread_mutex_lock(&x->lock);
    }
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

static void hand_to_porter(struct lu *lu, struct lu_io *io)
{
    struct export *x = of(lu);
    workers_promise(lu->workers);
    pthread_mutex_lock(&x->lock);
    list_push(&x->queue, &io->link);
    pthread_mutex_unlock(&x->lock);
    pthread_cond_signal(&x->work);
}

static void export_start(struct lu *lu, struct lu_io *io)
{
    bool steps = io->kind == LU_WORK || (io->kind == LU_PUNCH && !of(lu)->facts.zero);
    bool nothing = io->kind == LU_FLUSH && (lu->read_only || !of(lu)->facts.flush);
    if (!lu->workers || nothing) {
        lu_run(io);
        io->done(io);
    } else if (steps) {
        hand_to_porter(lu, io);
    } else {
        send_off(lu, io);
    }
}

/* --- open, resize, close --- */

static int check(const struct lu *lu, const char *uri, const struct remote_facts *f,
                 const struct lu_reason *why)
{
    if (f->block_min > lu->block && f->block_min <= 4096)
        return lu_refuse(why, "nbd:%s takes no blocks under %u bytes: append ,block=4096", uri, f->block_min);
    if (f->block_min > lu->block)
        return lu_refuse(why, "nbd:%s takes no blocks under %u bytes: have it served in smaller ones", uri,
                         f->block_min);
    if (f->read_only && !lu->read_only)
        return lu_refuse(why, "nbd:%s may not be written: append ,ro to serve it read-only", uri);
    return 0;
}

static bool start_porter(struct export *x)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    x->has_porter = pthread_create(&x->porter, NULL, carry, x) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return x->has_porter;
}

static void stop_porter(struct export *x)
{
    if (!x->has_porter)
        return;
    pthread_mutex_lock(&x->lock);
    x->stopping = true;
    pthread_mutex_unlock(&x->lock);
    pthread_cond_signal(&x->work);
    pthread_join(x->porter, NULL);
}

static void discard(struct export *x)
{
    stop_porter(x);
    if (x->remote)
        remote_free(x->remote);
    pthread_cond_destroy(&x->work);
    pthread_mutex_destroy(&x->lock);
    free(x->uri);
    free(x);
}

static struct export *make_export(struct lu *lu, struct nbd_handle *h, const char *uri,
                                  struct remote_facts *f)
{
    struct export *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->work, NULL);
    list_init(&x->queue);
    f->transfer_max -= f->transfer_max % lu->block;
    if (f->transfer_max == 0)
        f->transfer_max = lu->block;
    x->facts = *f;
    x->uri = strdup(uri);
    if (x->uri && start_porter(x) && (x->remote = remote_new(h, uri, f, lu->patience_s * 1000)) != NULL)
        return x;
    discard(x);
    return NULL;
}

static int adopt(struct lu *lu, struct nbd_handle *h, const char *uri, struct remote_facts *f,
                 const struct lu_reason *why)
{
    if (check(lu, uri, f, why))
        return -1;
    struct export *x = make_export(lu, h, uri, f);
    if (!x)
        return lu_refuse(why, "nbd:%s: out of memory or threads: free some and start again", uri);
    lu->store = x;
    lu->size = f->size;
    lu->write_cache = f->flush && !lu->read_only;
    return 0;
}

static const struct remote_patience at_start = {CONNECT_MS, ""},
                                    serving = {SERVING_MS, ", the most while others wait for it"};

/* Both nbd:nbd://host and nbd://host are understood. */
static int export_open(struct lu *lu, const char *where, const struct lu_reason *why)
{
    char *uri, text[256];
    struct remote_facts f;
    if (!nbd_library())
        return lu_refuse(why, "nbd:%s needs " NBD_LIBRARY_FILE ", which is not there: install libnbd0",
                         where);
    if (asprintf(&uri, "%s%s", strncmp(where, "//", 2) == 0 ? "nbd:" : "", where) < 0)
        return lu_refuse(why, "nbd:%s: out of memory: free some and start again", where);
    struct nbd_handle *h = remote_dial(uri, lu->others_wait ? &serving : &at_start, &f, text, sizeof text);
    int result =
        h ? adopt(lu, h, uri, &f, why)
          : lu_refuse(why, "nbd:%s cannot be had (%s): start the server, or correct the URI", uri, text);
    if (result)
        remote_hang_up(h);
    free(uri);
    return result;
}

static int export_resize(struct lu *lu, uint64_t size, const struct lu_reason *why)
{
    char text[256];
    struct remote_facts f;
    struct export *x = of(lu);
    if (size > 0)
        return lu_refuse(why, "LUN %u is as large as its export: change that, then ask for no size",
                         lu->number);
    struct nbd_handle *h = remote_dial(x->uri, &serving, &f, text, sizeof text);
    if (!h)
        return lu_refuse(why, "LUN %u: its server cannot be asked (%s): start it", lu->number, text);
    lu->size = f.size;
    remote_renew(x->remote, h, f.size);
    return 0;
}

static void export_close(struct lu *lu)
{
    discard(lu->store);
}

static void prepare(void)
{
    nbd_library();
}

const struct lu_backend lu_nbd = {
    .name = "nbd",
    .open = export_open,
    .read = export_read,
    .write = export_write,
    .flush = export_flush,
    .punch = export_punch,
    .map = export_map,
    .start = export_start,
    .resize = export_resize,
    .close = export_close,
    .prepare = prepare,
};
