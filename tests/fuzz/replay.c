/* SPDX-License-Identifier: MIT */
/* Stands in for libFuzzer: runs the target over the files it is given, each also cut short at every byte. */
#include "fuzz.h"

#define INPUT_MAX (1u << 20)
#define CUTS_MAX  4096u

static void run(const uint8_t *input, size_t size)
{
    uint8_t *copy = fuzz_copy(input, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_file(const char *path, uint8_t *input)
{
    FILE *f = fopen(path, "rb");
    fuzz_check(f);
    size_t size = fread(input, 1, INPUT_MAX, f);
    fclose(f);
    for (size_t cut = 0; cut < size && cut < CUTS_MAX; cut++)
        run(input, cut);
    run(input, size);
}

int main(int argc, char **argv)
{
    uint8_t *input = malloc(INPUT_MAX);
    fuzz_check(input && argc > 1);
    for (int i = 1; i < argc; i++)
        run_file(argv[i], input);
    free(input);
    printf("%d inputs\n", argc - 1);
    return 0;
}
