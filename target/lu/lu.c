/* SPDX-License-Identifier: MIT */
#include "lu/lu.h"
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"

#define SPEC_MAX (PATH_MAX + 64)
#define KINDS    "ram:SIZE, null:SIZE, file:PATH or nbd:URI"
#define PATIENCE 25u /* seconds; most initiators lose theirs after 30 */

static const struct lu_backend *const backends[] = {&lu_ram, &lu_null, &lu_file, &lu_nbd};

int lu_refuse(const struct lu_reason *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, why->size, format, args);
    va_end(args);
    return -1;
}

/* --- the words of a spec --- */

#define TIMEOUT_MAX 600u

struct option {
    const char *word;
    bool read_only;
    uint32_t block;
    bool direct;
    const struct lu_backend *only; /* NULL: for every kind */
};

static const struct option options[] = {
    {"ro", true, 0, false, NULL},
    {"block=512", false, 512, false, NULL},
    {"block=4096", false, 4096, false, NULL},
    {"direct", false, 0, true, &lu_file},
};

/* What else there is for one kind alone. */
static const char *more_options(const struct lu *lu)
{
    if (lu->backend == &lu_nbd)
        return ", or timeout= with 1 to 600 seconds";
    return lu->backend == &lu_file ? ", or direct" : "";
}

/* Of a store behind a network: how long to wait for it. */
static bool apply_timeout(struct lu *lu, const char *word)
{
    char *end;
    const char *digits = word + strlen("timeout=");
    if (lu->backend != &lu_nbd || strncmp(word, "timeout=", strlen("timeout=")) != 0)
        return false;
    unsigned long seconds = strtoul(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end || seconds == 0 || seconds > TIMEOUT_MAX)
        return false;
    lu->patience_s = (uint32_t)seconds;
    return true;
}

static int apply_option(struct lu *lu, const char *word, const struct lu_reason *why)
{
    if (apply_timeout(lu, word))
        return 0;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(options[i].word, word) != 0 || (options[i].only && options[i].only != lu->backend))
            continue;
        lu->read_only |= options[i].read_only;
        lu->direct |= options[i].direct;
        lu->block = options[i].block ? options[i].block : lu->block;
        return 0;
    }
    return lu_refuse(why, "'%s' is no option of a logical unit: use ro, block=512 or block=4096%s", word,
                     more_options(lu));
}

static int apply_options(struct lu *lu, char *words, const struct lu_reason *why)
{
    while (words)
        if (apply_option(lu, strsep(&words, ","), why))
            return -1;
    return 0;
}

static int find_backend(struct lu *lu, const char *name, const struct lu_reason *why)
{
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++)
        if (strcmp(backends[i]->name, name) == 0)
            lu->backend = backends[i];
    if (!lu->backend)
        return lu_refuse(why, "'%s' is no kind of logical unit: use " KINDS, name);
    return 0;
}

/* --- identity --- */

/* FNV-1a over several texts, each with its NUL so that no two lists of texts run together. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

/* FNV leaves neighbours alike in their high bits; this spreads them (the finaliser of splitmix64). */
static uint64_t spread(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A relative path and its absolute twin are one file, and an export is known by its URI; what is no place
 * (ram) is told apart by its LUN. */
static uint64_t hash_identity(const struct lu *lu, const char *where, const char *iqn)
{
    char number[8], *absolute = lu->backend == &lu_file ? realpath(where, NULL) : NULL;
    snprintf(number, sizeof number, "%u", lu->number);
    const char *place = absolute ? absolute : lu->backend == &lu_nbd ? where : number;

    uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), iqn);
    hash = hash_text(hash, lu->backend->name);
    hash = hash_text(hash, place);
    free(absolute);
    return spread(hash);
}

static void set_identity(struct lu *lu, const char *where, const char *iqn)
{
    uint64_t hash = hash_identity(lu, where, iqn);
    snprintf(lu->serial, sizeof lu->serial, "%016llx", (unsigned long long)hash);
    put64(lu->naa, hash);
    lu->naa[0] = 0x30 | (lu->naa[0] & 0x0f); /* NAA 3: locally assigned (SPC-4 7.8.6.6.4) */
}

/* --- open and close --- */

int lu_check_size(const struct lu *lu, uint64_t size, const char *what, const struct lu_reason *why)
{
    if (size > 0 && size % lu->block == 0)
        return 0;
    if (size == 0)
        return lu_refuse(why, "%s: it has no bytes: give it a size first, as with truncate -s 1G", what);
    uint64_t fitting = size / lu->block * lu->block + lu->block;
    return lu_refuse(why, "%s: its size of %llu bytes is no multiple of the block of %u: make it %llu", what,
                     (unsigned long long)size, lu->block, (unsigned long long)fitting);
}

/* Takes `words`, a copy of the spec, apart. */
static int open_words(struct lu *lu, char *words, const char *iqn, const struct lu_reason *why)
{
    char *rest = words, *name = strsep(&rest, ":");
    if (find_backend(lu, name, why))
        return -1;
    char *where = rest ? strsep(&rest, ",") : NULL;
    if (!where || !*where)
        return lu_refuse(why, "'%s' lacks its second half: use " KINDS, name);
    if (apply_options(lu, rest, why) || lu->backend->open(lu, where, why))
        return -1;
    set_identity(lu, where, iqn);
    return 0;
}

static int open_spec(struct lu *lu, const char *spec, const char *iqn, const struct lu_reason *why)
{
    char words[SPEC_MAX];

    if (strlen(spec) >= sizeof words)
        return lu_refuse(why, "the path is longer than %d bytes: use a shorter one", PATH_MAX);
    memcpy(words, spec, strlen(spec) + 1);
    if (!open_words(lu, words, iqn, why) && !lu_check_size(lu, lu->size, spec, why))
        return 0;
    lu_close(lu);
    return -1;
}

int lu_open(struct lu *lu, const char *spec, uint16_t number, const char *iqn, char *why, size_t why_size)
{
    *lu = (struct lu){.number = number, .block = 512, .patience_s = PATIENCE};
    return open_spec(lu, spec, iqn, &(struct lu_reason){why, why_size});
}

int lu_open_serving(struct lu *lu, const char *spec, uint16_t number, const char *iqn, char *why,
                    size_t why_size)
{
    *lu = (struct lu){.number = number, .block = 512, .patience_s = PATIENCE, .others_wait = true};
    return open_spec(lu, spec, iqn, &(struct lu_reason){why, why_size});
}

void lu_prepare(void)
{
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++)
        if (backends[i]->prepare)
            backends[i]->prepare();
}

void lu_close(struct lu *lu)
{
    if (lu->store)
        lu->backend->close(lu);
    lu->store = NULL;
    reservation_free(&lu->reservation);
}

/* --- I/O --- */

static int run_read(struct lu_io *io)
{
    return io->lu->backend->read(io->lu, io->offset, &io->data);
}

static int run_write(struct lu_io *io)
{
    int error = io->lu->backend->write(io->lu, io->offset, &io->data);
    return error || !io->fua ? error : io->lu->backend->flush(io->lu);
}

static int run_flush(struct lu_io *io)
{
    return io->lu->backend->flush(io->lu);
}

static int run_punch(struct lu_io *io)
{
    return io->lu->backend->punch(io->lu, io->offset, io->len);
}

static int run_work(struct lu_io *io)
{
    return io->work(io);
}

void lu_run(struct lu_io *io)
{
    static int (*const runs[])(struct lu_io *) = {[LU_READ] = run_read,
                                                  [LU_WRITE] = run_write,
                                                  [LU_FLUSH] = run_flush,
                                                  [LU_PUNCH] = run_punch,
                                                  [LU_WORK] = run_work};
    io->error = runs[io->kind](io);
}

void lu_start(struct lu *lu, struct lu_io *io)
{
    io->lu = lu;
    io->error = 0;
    if (lu->backend->start) {
        lu->backend->start(lu, io);
        return;
    }
    lu_run(io);
    io->done(io);
}
