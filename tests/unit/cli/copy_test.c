/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>
#include "cli/copy.h"
#include "attach/exit.h"
#include "cli/pattern.h"

/* An endpoint in memory that finishes its transfers late and in any order, and knows which blocks are holes.
 */
#define BLOCK      512u
#define BLOCKS_MAX 16384u /* 8 MiB */
#define PENDING    64u

struct memory {
    uint8_t bytes[BLOCKS_MAX * BLOCK];
    bool hole[BLOCKS_MAX];
    struct transfer *pending[PENDING];
    unsigned count, most, starts;
    int fail_at; /* the start that fails; -1 never */
    uint64_t written;
    bool finished;
    uint64_t losses, flushes;
    unsigned lose_every; /* writes; 0 never */
    uint8_t durable[BLOCKS_MAX * BLOCK];
};

static struct memory src_memory, dst_memory;
static struct copy c;
static uint64_t seed;

static struct memory *memory_of(const struct endpoint *e)
{
    return e == &c.src ? &src_memory : &dst_memory;
}

static int extent(struct endpoint *e, uint64_t offset, uint64_t *len, bool *hole)
{
    const struct memory *m = memory_of(e);
    uint64_t block = offset / BLOCK, end = block;
    assert_true(offset < e->size);
    *hole = m->hole[block];
    while (end * BLOCK < e->size && m->hole[end] == *hole)
        end++;
    end = end * BLOCK < e->size ? end * BLOCK : e->size;
    *len = end - offset;
    return 0;
}

static void start(struct endpoint *e, struct transfer *t)
{
    struct memory *m = memory_of(e);
    assert_int_equal(t->offset % e->block, 0);
    assert_true(t->len > 0 && t->offset + t->len <= sizeof m->bytes);
    assert_true(t->op == TRANSFER_READ || t->len % e->block == 0);
    if ((int)m->starts++ == m->fail_at) {
        endpoint_fail(e, STATUS_IO, "made to fail");
        return;
    }
    assert_true(m->count < PENDING);
    m->pending[m->count++] = t;
    m->most = m->count > m->most ? m->count : m->most;
}

/* The end goes away and comes back as it was when it was last made durable. */
static void lose(struct memory *m)
{
    memcpy(m->bytes, m->durable, sizeof m->bytes);
    m->losses++;
}

static void perform(struct memory *m, struct transfer *t)
{
    if (t->op == TRANSFER_READ)
        memcpy(t->buf, m->bytes + t->offset, t->len);
    else if (t->op == TRANSFER_WRITE)
        memcpy(m->bytes + t->offset, t->buf, t->len);
    else
        memset(m->bytes + t->offset, 0, t->len);
    for (uint64_t i = t->offset / BLOCK; i < (t->offset + t->len) / BLOCK && t->op != TRANSFER_READ; i++)
        m->hole[i] = t->op == TRANSFER_ZERO;
    m->written += t->op == TRANSFER_WRITE ? t->len : 0;
    if (m->lose_every && pattern_next(&seed) % m->lose_every == 0)
        lose(m);
    t->moved = t->len;
    t->done = true;
}

/* Finishes one of the pending transfers, or none. */
static void pump(struct endpoint *e)
{
    struct memory *m = memory_of(e);
    unsigned pick;
    if (m->count == 0 || pattern_next(&seed) % 3 == 0)
        return;
    pick = (unsigned)(pattern_next(&seed) % m->count);
    perform(m, m->pending[pick]);
    m->pending[pick] = m->pending[--m->count];
}

/* Always ready: the loop must not sleep through its 200 ms for each schedule. */
static int null_fd;

/* Nobody sleeps while there is something to be done. */
static int wait_fd(const struct endpoint *e, short *events)
{
    (void)e;
    for (unsigned i = 0; i < COPY_DEPTH; i++)
        assert_false(c.slots[i].state == SLOT_WRITING && c.slots[i].a.done);
    *events = 1; /* POLLIN */
    return null_fd;
}

static void finish(struct endpoint *e, uint64_t size)
{
    struct memory *m = memory_of(e);
    assert_int_equal(size, c.done_bytes);
    memcpy(m->durable, m->bytes, sizeof m->bytes);
    m->flushes++;
    m->finished = true;
}

static uint64_t losses(const struct endpoint *e)
{
    return memory_of(e)->losses;
}

static void close_memory(struct endpoint *e)
{
    (void)e;
}

static const struct endpoint_kind memory_kind = {
    .name = "memory",
    .extent = extent,
    .start = start,
    .pump = pump,
    .wait_fd = wait_fd,
    .finish = finish,
    .losses = losses,
    .close = close_memory,
};

static void set_up(struct endpoint *e, const char *name, uint64_t size, uint32_t block)
{
    struct memory *m = memory_of(e);
    *e = (struct endpoint){.kind = &memory_kind, .name = name, .size = size, .block = block, .fd = -1};
    memset(m, 0, sizeof *m);
    m->fail_at = -1;
}

/* Runs of data, of holes, and of zeros that are no holes. */
static void fill(struct memory *m, uint64_t size)
{
    for (uint64_t block = 0; block * BLOCK < size;) {
        uint64_t run = 1 + pattern_next(&seed) % 3000, kind = pattern_next(&seed) % 4;
        for (; run && block * BLOCK < size; run--, block++) {
            m->hole[block] = kind == 0;
            if (kind > 1)
                pattern_fill(m->bytes + block * BLOCK, BLOCK, BLOCK, pattern_next(&seed));
        }
    }
    memset(m->bytes + size, 0, sizeof m->bytes - size);
}

static void begin(uint64_t size, uint32_t src_block, uint32_t dst_block)
{
    uint8_t *buffers = c.buffers;
    memset(&c, 0, sizeof c);
    c.buffers = buffers ? buffers : malloc((size_t)COPY_DEPTH * COPY_CHUNK);
    c.checkpoint = COPY_CHECKPOINT;
    set_up(&c.src, "src", size, src_block);
    set_up(&c.dst, "dst", sizeof dst_memory.bytes, dst_block);
    fill(&src_memory, size);
    memset(dst_memory.bytes, 0xee, sizeof dst_memory.bytes);
    memset(dst_memory.durable, 0xee, sizeof dst_memory.durable);
}

static int one_time(void **state)
{
    (void)state;
    null_fd = open("/dev/null", O_RDONLY);
    return null_fd < 0;
}

static int once_done(void **state)
{
    (void)state;
    free(c.buffers);
    return close(null_fd);
}

static void check_equal(uint64_t size)
{
    uint64_t padded = (size + c.dst.block - 1) / c.dst.block * c.dst.block;
    assert_int_equal(c.src.status, 0);
    assert_int_equal(c.dst.status, 0);
    assert_true(dst_memory.finished);
    assert_int_equal(c.done_bytes, size);
    assert_memory_equal(dst_memory.bytes, src_memory.bytes, size);
    assert_true(pattern_is_zero(dst_memory.bytes + size, padded - size));
    for (uint64_t i = padded; i < sizeof dst_memory.bytes; i++)
        if (dst_memory.bytes[i] != 0xee)
            fail_msg("byte %lu behind the end was written", (unsigned long)i);
}

static void any_order_any_layout(void **state)
{
    static const uint32_t blocks[] = {512, 4096, 1};
    (void)state;
    for (uint64_t run = 1; run <= 60; run++) {
        uint32_t src_block = blocks[run % 3];
        uint64_t size;
        seed = run;
        size = pattern_next(&seed) % (BLOCKS_MAX * BLOCK) / src_block * src_block;
        begin(size, src_block, blocks[run / 3 % 2]);
        copy_pass(&c);
        check_equal(size);
        copy_verify(&c);
        assert_int_equal(c.differs, UINT64_MAX);
        assert_int_equal(c.done_bytes, size);
    }
}

static void memory_stays_bounded_and_busy(void **state)
{
    (void)state;
    seed = 5;
    begin(sizeof src_memory.bytes, 512, 512);
    pattern_fill(src_memory.bytes, sizeof src_memory.bytes, 512, 1);
    memset(src_memory.hole, 0, sizeof src_memory.hole);
    c.src.size = c.dst.size = sizeof src_memory.bytes;
    copy_pass(&c);
    check_equal(sizeof src_memory.bytes);
    assert_in_range(src_memory.most, 4, COPY_DEPTH);
}

static void zeros_become_holes(void **state)
{
    uint64_t size = 6 * COPY_CHUNK;
    (void)state;
    seed = 9;
    begin(size, 512, 512);
    memset(src_memory.bytes, 0, size);
    memset(src_memory.hole, 0, sizeof src_memory.hole);
    src_memory.bytes[2 * COPY_CHUNK + 5] = 1;
    copy_pass(&c);
    check_equal(size);
    assert_int_equal(dst_memory.written, COPY_CHUNK);
    assert_int_equal(c.hole_bytes, size - COPY_CHUNK);
}

static void the_first_difference_is_found(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 40; run++) {
        uint64_t size = sizeof src_memory.bytes - 512, first, second;
        seed = run * 77;
        begin(size, 512, 512);
        copy_pass(&c);
        first = pattern_next(&seed) % size;
        second = first + pattern_next(&seed) % (size - first);
        dst_memory.bytes[first] ^= 0x80;
        dst_memory.bytes[second] ^= 0x01;
        dst_memory.hole[first / BLOCK] = dst_memory.hole[second / BLOCK] = false;
        copy_verify(&c);
        assert_int_equal(c.differs, first);
    }
}

static void failures_stop_both_sides(void **state)
{
    (void)state;
    for (int at = 0; at < 12; at++) {
        struct memory *m = at % 2 ? &src_memory : &dst_memory;
        seed = (uint64_t)at + 100;
        begin(sizeof src_memory.bytes, 512, 512);
        pattern_fill(src_memory.bytes, sizeof src_memory.bytes, 512, 1);
        memset(src_memory.hole, 0, sizeof src_memory.hole);
        m->fail_at = at / 2;
        copy_pass(&c);
        assert_true(copy_stopped(&c));
        assert_int_equal(at % 2 ? c.src.status : c.dst.status, STATUS_IO);
        assert_string_equal(at % 2 ? c.src.why : c.dst.why, "made to fail");
        assert_false(dst_memory.finished);
        assert_true(m->starts == (unsigned)at / 2 + 1);
    }
}

static void only_the_first_failure_is_kept(void **state)
{
    struct endpoint e = {.name = "e"};
    (void)state;
    assert_int_equal(endpoint_fail(&e, STATUS_IO, "first %d", 1), STATUS_IO);
    assert_int_equal(endpoint_fail(&e, STATUS_SYSTEM, "second"), STATUS_IO);
    assert_string_equal(e.why, "first 1");
}

/* Feeds a child's output through a pipe of unknown length into the memory. */
static void feed(uint64_t size)
{
    int ends[2];
    pid_t child;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        close(ends[0]); /* or who is not read to the end would wait for ever */
        for (uint64_t done = 0; done < size;) {
            ssize_t n = write(ends[1], src_memory.bytes + done, size - done);
            if (n <= 0)
                _exit(1);
            done += (uint64_t)n;
        }
        _exit(0);
    }
    close(ends[1]);
    c.src.kind = &endpoint_pipe;
    c.src.fd = ends[0];
    c.src.size = ENDPOINT_UNKNOWN;
    endpoint_pipe_prepare(&c.src, false);
}

static void a_pipe_ends_where_it_ends(void **state)
{
    static const uint64_t sizes[] = {0, 1, 511, 512, COPY_CHUNK - 1, COPY_CHUNK, 3 * COPY_CHUNK + 12345};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        seed = i + 1;
        begin(sizes[i], 1, 512);
        feed(sizes[i]);
        copy_pass(&c);
        check_equal(sizes[i]);
        endpoint_close(&c.src);
    }
}

static void a_pipe_may_hold_too_much(void **state)
{
    (void)state;
    seed = 3;
    begin(2 * COPY_CHUNK + 1, 1, 512);
    feed(2 * COPY_CHUNK + 1);
    c.dst.size = 2 * COPY_CHUNK;
    copy_pass(&c);
    assert_int_equal(c.dst.status, STATUS_FAILED);
    assert_non_null(strstr(c.dst.why, "src holds more than the 2.0 MiB of dst"));
    endpoint_close(&c.src);
}

/* What a pipe receives must be in order although the source answers in any. */
static void a_pipe_is_written_in_order(void **state)
{
    char path[] = "copy_test.XXXXXX", command[64];
    uint64_t size = 5 * COPY_CHUNK + 777;
    FILE *cat;
    static uint8_t back[6 * COPY_CHUNK];
    int fd = mkstemp(path);
    (void)state;
    seed = 11;
    begin(size, 1, 1);
    snprintf(command, sizeof command, "cat > %s", path);
    cat = popen(command, "w");
    assert_non_null(cat);
    c.dst = (struct endpoint){.kind = &endpoint_pipe, .name = "cat", .size = ENDPOINT_UNKNOWN, .block = 1};
    c.dst.fd = dup(fileno(cat));
    endpoint_pipe_prepare(&c.dst, true);
    copy_pass(&c);
    assert_false(copy_stopped(&c));
    endpoint_close(&c.dst);
    assert_int_equal(pclose(cat), 0);
    assert_int_equal(read(fd, back, sizeof back), size);
    assert_memory_equal(back, src_memory.bytes, size);
    close(fd);
    unlink(path);
}

static void files_keep_their_holes(void **state)
{
    char path[] = "copy_test.XXXXXX";
    uint64_t size = 4 * COPY_CHUNK + 100;
    static uint8_t back[5 * COPY_CHUNK];
    int fd = mkstemp(path);
    (void)state;
    seed = 21;
    begin(size, 1, 1);
    memset(src_memory.bytes, 0, size);
    memset(src_memory.bytes + COPY_CHUNK, 'x', 100);
    memset(src_memory.hole, 0, sizeof src_memory.hole);
    c.dst = (struct endpoint){
        .kind = &endpoint_file, .name = path, .size = ENDPOINT_UNKNOWN, .block = 1, .fd = fd};
    c.dst.fresh = true;
    copy_pass(&c);
    assert_false(copy_stopped(&c));
    assert_int_equal(lseek(fd, 0, SEEK_END), size);
    assert_int_equal(pread(fd, back, sizeof back, 0), size);
    assert_memory_equal(back, src_memory.bytes, size);
    assert_int_equal(c.hole_bytes, size - COPY_CHUNK);
    copy_verify(&c);
    assert_int_equal(c.differs, UINT64_MAX);
    assert_int_equal(pwrite(fd, "!", 1, (off_t)size - 1), 1);
    copy_verify(&c);
    assert_int_equal(c.differs, size - 1);
    endpoint_close(&c.dst);
    unlink(path);
}

/* Success means that nothing the destination forgot is missing. */
static void a_forgetful_destination_is_copied_again(void **state)
{
    unsigned losses_seen = 0;
    (void)state;
    for (uint64_t run = 1; run <= 30; run++) {
        uint64_t size = sizeof src_memory.bytes / 2;
        seed = run * 31;
        begin(size, 512, 512);
        c.checkpoint = COPY_CHUNK;
        dst_memory.lose_every = 6;
        copy_pass(&c);
        check_equal(size);
        losses_seen += (unsigned)dst_memory.losses;
    }
    assert_true(losses_seen > 10);
}

static void checkpoints_bound_what_is_copied_again(void **state)
{
    uint64_t size = sizeof src_memory.bytes;
    (void)state;
    seed = 6;
    begin(size, 512, 512);
    pattern_fill(src_memory.bytes, size, 512, 1);
    memset(src_memory.hole, 0, sizeof src_memory.hole);
    c.checkpoint = 2 * COPY_CHUNK;
    copy_pass(&c);
    check_equal(size);
    assert_int_equal(dst_memory.flushes, size / c.checkpoint);
}

static void a_pipe_cannot_be_copied_again(void **state)
{
    (void)state;
    seed = 4;
    begin(3 * COPY_CHUNK, 1, 512);
    memset(src_memory.bytes, 1, 3 * COPY_CHUNK);
    feed(3 * COPY_CHUNK);
    dst_memory.lose_every = 1;
    copy_pass(&c);
    assert_int_equal(c.dst.status, STATUS_FAILED);
    assert_non_null(strstr(c.dst.why, "cannot be read again"));
    endpoint_close(&c.src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_any_layout),
        cmocka_unit_test(memory_stays_bounded_and_busy),
        cmocka_unit_test(zeros_become_holes),
        cmocka_unit_test(the_first_difference_is_found),
        cmocka_unit_test(failures_stop_both_sides),
        cmocka_unit_test(only_the_first_failure_is_kept),
        cmocka_unit_test(a_pipe_ends_where_it_ends),
        cmocka_unit_test(a_pipe_may_hold_too_much),
        cmocka_unit_test(a_pipe_is_written_in_order),
        cmocka_unit_test(files_keep_their_holes),
        cmocka_unit_test(a_forgetful_destination_is_copied_again),
        cmocka_unit_test(checkpoints_bound_what_is_copied_again),
        cmocka_unit_test(a_pipe_cannot_be_copied_again),
    };
    return cmocka_run_group_tests(tests, one_time, once_done);
}
