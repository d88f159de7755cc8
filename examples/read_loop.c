/* SPDX-License-Identifier: MIT */
/* read_loop URL: reads the first blocks of a LUN from an event loop of its own, and has another engine carry
 * on in the middle, if there is one. */
#include <poll.h>
#include <stdio.h>
#include <berth/berth.h>

#define COUNT 8
#define CHUNK 4096u

static char memory[COUNT][CHUNK];

static int submit(struct berth_queue *queue)
{
    static struct berth_seg segs[COUNT]; /* stay until the I/Os are reaped */
    struct berth_io ios[COUNT];
    for (uint64_t i = 0; i < COUNT; i++) {
        segs[i] = (struct berth_seg){.base = memory[i], .len = CHUNK};
        ios[i] = (struct berth_io){.op = BERTH_READ,
                                   .offset_bytes = i * CHUNK,
                                   .len_bytes = CHUNK,
                                   .segs = &segs[i],
                                   .seg_count = 1,
                                   .tag = i};
    }
    return berth_queue_submit(queue, ios, COUNT);
}

/* The loop: whatever else the program waits for has its own places in `fds`. */
static int loop(struct berth_queue *queue, int left)
{
    struct berth_done done[COUNT];
    struct pollfd fds[1] = {{.fd = berth_queue_fd(queue), .events = POLLIN}};
    while (left > 0) {
        int count = berth_queue_reap(queue, done, 0, COUNT, 0);
        for (int i = 0; i < count; i++)
            if (done[i].error)
                return done[i].error;
        if (count < 0)
            return count;
        left -= count;
        if (left > 0)
            poll(fds, 1, 1000); /* less than ping_interval_ms, so that silence is noticed */
    }
    return 0;
}

static int read_blocks(struct berth_lun *lun)
{
    struct berth_queue *queue;
    int error = berth_queue_new(&queue, lun, COUNT);
    if (error)
        return error;
    int taken = submit(queue);
    if (berth_lun_set_engine(lun, "io_uring") != 0) /* the one before goes on then */
        fprintf(stderr, "read_loop: %s\n", berth_lun_detail(lun)->text);
    error = taken < 0 ? taken : loop(queue, taken);
    berth_queue_free(queue);
    return error;
}

int main(int argc, char **argv)
{
    struct berth_detail why;
    struct berth_lun *lun;
    if (berth_lun_open(&lun, argc > 1 ? argv[1] : "", NULL, &why) != 0) {
        fprintf(stderr, "read_loop: %s\n", why.text);
        return 1;
    }
    int error = read_blocks(lun);
    if (error)
        fprintf(stderr, "read_loop: %s\n", berth_error_text(error));
    else
        fwrite(memory, 1, sizeof memory, stdout);
    berth_lun_close(lun);
    return error != 0;
}
