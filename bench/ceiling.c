/* SPDX-License-Identifier: MIT */
#include "ceiling.h"

#include <stdio.h>
#include <string.h>
#include "load.h"

static int serve(char **argv)
{
    bool busy = false;
    const struct word words[] = {{"busy-poll", WORD_FLAG, &busy}, {NULL, WORD_FLAG, NULL}};
    const char *address = words_take(argv, words, "bench_ceiling serve [--busy-poll] ADDRESS[:PORT]");
    ceiling_serve(address, busy, 64u << 20);
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "serve") == 0)
        return serve(argv + 2);
    if (argc >= 2 && strcmp(argv[1], "run") == 0)
        return ceiling_run(argv + 2);
    fprintf(stderr,
            "usage: bench_ceiling serve [--busy-poll] ADDRESS[:PORT]\n"
            "       bench_ceiling run ADDRESS:PORT [--shape SHAPE] [--rw RW] [--bs BYTES] [--depth N] "
            "[--time S] ...\n");
    return 2;
}
