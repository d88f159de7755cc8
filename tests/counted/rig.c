/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "serve/serve.h"

#define IQN "iqn.2026-11.io.berth:counted"

/* --- the target --- */

static void announce(void *arg, const char *const *portals, uint32_t count)
{
    const int *to = arg;
    size_t len = strlen(portals[0]);
    if (count != 1 || write(*to, portals[0], len) != (ssize_t)len)
        _exit(3);
    close(*to);
}

static void be_target(const struct rig *r, const char *store, int announce_to, int stop)
{
    char why[512];
    struct serve_config config = {.portals = {"127.0.0.1:0"},
                                  .portal_count = 1,
                                  .targets = {{.iqn = IQN}},
                                  .target_count = 1,
                                  .luns = {{.spec = store}},
                                  .lun_count = 1,
                                  .keys = {r->key},
                                  .key_count = r->key != NULL,
                                  .ready = announce,
                                  .ready_arg = &announce_to,
                                  .stop_fd = stop};
    heap_count_in(&r->heap[1]);
    int error = serve_run(&config, why, sizeof why);
    if (error)
        fprintf(stderr, "target: %s\n", why);
    _exit(error != 0);
}

static void start_target(struct rig *r, const char *store)
{
    int ready[2], stop[2];
    char portal[256] = "";
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(stop), 0);
    r->target = fork();
    assert_true(r->target >= 0);
    if (r->target == 0) {
        close(stop[1]); /* or it would never see the end */
        be_target(r, store, ready[1], stop[0]);
    }
    close(ready[1]);
    close(stop[0]);
    assert_true(read(ready[0], portal, sizeof portal - 1) > 0);
    close(ready[0]);
    r->stop = stop[1];
    snprintf(r->url, sizeof r->url, "iscsi://%s/%s/0", portal, IQN);
}

static void stop_target(const struct rig *r)
{
    int status;
    close(r->stop);
    assert_int_equal(waitpid(r->target, &status, 0), r->target);
    assert_int_equal(status, 0);
}

/* --- the initiator --- */

static void open_lun(struct rig *r, bool digests)
{
    struct berth_options options;
    struct berth_detail why;
    berth_options_init(&options);
    options.wait = r->wait;
    options.sessions = r->sessions ? r->sessions : 1;
    if (r->threads)
        assert_int_equal(berth_reactors_new(&r->reactors, r->threads, NULL, 0), 0);
    options.reactors = r->reactors;
    options.header_digest = options.data_digest = digests ? BERTH_DIGEST_CRC32C : BERTH_DIGEST_NONE;
    int error = berth_lun_open(&r->lun, r->url, &options, &why);
    if (error)
        print_error("%s: %s\n", r->url, why.text);
    assert_int_equal(error, 0);
    assert_int_equal(berth_lun_info(r->lun)->size_bytes, RIG_LUN_BYTES);
    assert_int_equal(berth_lun_info(r->lun)->data_digest, digests);
    assert_int_equal(berth_queue_new(&r->queue, r->lun, RIG_DEPTH), 0);
}

void rig_start(struct rig *r, const char *store, bool digests)
{
    *r = (struct rig){
        .depth = RIG_DEPTH,
        .key = r->key,
        .wait = r->wait,
        .sessions = r->sessions,
        .threads = r->threads,
        .heap = mmap(NULL, 2 * sizeof *r->heap, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
    assert_ptr_not_equal(r->heap, MAP_FAILED);
    start_target(r, store);
    heap_count_in(&r->heap[0]);
    r->memory = calloc(RIG_DEPTH, RIG_IO_MAX);
    assert_non_null(r->memory);
    open_lun(r, digests);
}

void rig_stop(struct rig *r)
{
    berth_lun_close(r->lun);
    assert_int_equal(berth_reactors_free(r->reactors), 0);
    free(r->memory);
    stop_target(r);
}

/* --- I/O --- */

/* The multiplier strides over the whole LUN in an order that repeats nothing soon. */
static struct berth_io make_io(struct rig *r, enum berth_op op, uint32_t len, uint64_t tag, uint32_t number)
{
    bool data = op == BERTH_READ || op == BERTH_WRITE;
    r->segs[tag] = (struct berth_seg){.base = r->memory + tag * RIG_IO_MAX, .len = len};
    return (struct berth_io){.op = op,
                             .offset_bytes = (uint64_t)number * 2654435761u % (RIG_LUN_BYTES / len) * len,
                             .len_bytes = len,
                             .segs = data ? &r->segs[tag] : NULL,
                             .seg_count = data,
                             .tag = tag};
}

void rig_run(struct rig *r, enum berth_op op, uint32_t len, uint32_t count)
{
    struct berth_io ios[RIG_DEPTH];
    struct berth_done done[RIG_DEPTH];
    uint32_t sent = 0, ended = 0, n = count < r->depth ? count : r->depth;
    for (uint32_t i = 0; i < n; i++)
        ios[i] = make_io(r, op, len, i, sent++);
    while (ended < count) {
        if (n > 0)
            assert_int_equal(berth_queue_submit(r->queue, ios, n), (int)n);
        int came = berth_queue_reap(r->queue, done, 1, RIG_DEPTH, 30000);
        assert_true(came > 0);
        ended += (uint32_t)came;
        n = 0;
        for (int i = 0; i < came; i++) {
            if (done[i].error)
                print_error("I/O %d of %u bytes: %s\n", (int)op, len, berth_error_text(done[i].error));
            assert_int_equal(done[i].error, 0);
            if (sent < count)
                ios[n++] = make_io(r, op, len, done[i].tag, sent++);
        }
    }
}
