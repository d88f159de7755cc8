/* SPDX-License-Identifier: MIT */
/* read_threads URL: reads the LUN on four threads, each with a queue of its own, through two sessions that
 * two threads of the library work on, and prints how many bytes came. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <berth/berth.h>

#define THREADS 4
#define DEPTH   16u
#define CHUNK   4096u /* a multiple of the block */

struct reader {
    struct berth_lun *lun;
    uint64_t chunk,
        chunks; /* the next one, and how many the LUN has; those of the other threads lie between */
    uint64_t bytes;
    int error;
};

/* Up to DEPTH reads, together. Returns how many there were, or an error. */
static int read_some(struct reader *r, struct berth_queue *queue, char *memory)
{
    struct berth_seg segs[DEPTH];
    struct berth_io ios[DEPTH];
    struct berth_done done[DEPTH];
    uint32_t count = 0;
    for (; count < DEPTH && r->chunk < r->chunks; count++, r->chunk += THREADS) {
        segs[count] = (struct berth_seg){.base = memory + count * CHUNK, .len = CHUNK};
        ios[count] = (struct berth_io){.op = BERTH_READ,
                                       .offset_bytes = r->chunk * CHUNK,
                                       .len_bytes = CHUNK,
                                       .segs = &segs[count],
                                       .seg_count = 1};
    }
    int taken = count ? berth_queue_submit(queue, ios, count) : 0;
    int back = taken > 0 ? berth_queue_reap(queue, done, (uint32_t)taken, DEPTH, -1) : taken;
    for (int i = 0; i < back; i++)
        if (done[i].error)
            return done[i].error;
    return back;
}

static void *read_part(void *arg)
{
    struct reader *r = arg;
    struct berth_queue *queue = NULL;
    char *memory = aligned_alloc(CHUNK, DEPTH * CHUNK);
    r->error = memory ? berth_queue_new(&queue, r->lun, DEPTH) : BERTH_E_MEMORY;
    while (!r->error) {
        int count = read_some(r, queue, memory);
        if (count <= 0) {
            r->error = count;
            break;
        }
        r->bytes += (uint64_t)count * CHUNK;
    }
    berth_queue_free(queue); /* before the memory: nothing is under way afterwards */
    free(memory);
    return NULL;
}

static int read_all(struct berth_lun *lun)
{
    struct reader readers[THREADS];
    pthread_t threads[THREADS];
    uint64_t bytes = 0, chunks = berth_lun_info(lun)->size_bytes / CHUNK; /* asked by one thread at a time */
    int error = 0;
    for (uint64_t i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.lun = lun, .chunk = i, .chunks = chunks};
        if (pthread_create(&threads[i], NULL, read_part, &readers[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        bytes += readers[i].bytes;
        error = error ? error : readers[i].error;
    }
    if (error)
        fprintf(stderr, "read_threads: %s\n", berth_error_text(error));
    else
        printf("%llu\n", (unsigned long long)bytes);
    return error != 0;
}

int main(int argc, char **argv)
{
    struct berth_reactors *reactors;
    struct berth_options options;
    struct berth_detail why;
    struct berth_lun *lun;
    int failed = 1, error = berth_reactors_new(&reactors, 2, NULL, 0);

    if (error) {
        fprintf(stderr, "read_threads: %s\n", berth_error_text(error));
        return 1;
    }
    berth_options_init(&options);
    options.reactors = reactors;
    options.sessions = 2;
    if (berth_lun_open(&lun, argc > 1 ? argv[1] : "", &options, &why) != 0) {
        fprintf(stderr, "read_threads: %s\n", why.text);
    } else {
        failed = read_all(lun);
        berth_lun_close(lun);
    }
    berth_reactors_free(reactors);
    return failed;
}
