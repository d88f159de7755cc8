/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lu/lu.h"
#include "lu/workers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define IQN          "iqn.2026-11.io.berth:test"
#define KIB          UINT64_C(1024)
#define MIB          (1024 * KIB)
#define KINDS        "ram:SIZE, null:SIZE, file:PATH or nbd:URI"

static char folder[96]; /* of this test, emptied after it */
static char why[512];

/* --- a folder with files --- */

static int make_folder(void **state)
{
    (void)state;
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/berth-lu-XXXXXX", temporary ? temporary : P_tmpdir);
    return mkdtemp(folder) && !chmod(folder, 0755) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[160];
    umount2(folder, MNT_DETACH);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name, uint64_t size)
{
    int fd = open(path_of(name), O_CREAT | O_RDWR | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

static const char *spec_of(const char *name, const char *options)
{
    static char spec[256];
    snprintf(spec, sizeof spec, "file:%s%s", path_of(name), options);
    return spec;
}

static struct stat stat_of(const char *name)
{
    struct stat st;
    assert_int_equal(stat(path_of(name), &st), 0);
    return st;
}

/* --- opening --- */

static void open_good(struct lu *lu, const char *spec)
{
    strcpy(why, "untouched");
    int result = lu_open(lu, spec, 0, IQN, why, sizeof why);
    if (result)
        fail_msg("%s", why);
    assert_string_equal(why, "untouched");
}

static void open_refused(const char *spec, const char *words)
{
    struct lu lu;
    why[0] = '\0';
    assert_int_equal(lu_open(&lu, spec, 0, IQN, why, sizeof why), -1);
    assert_string_equal(why, words);
    assert_null(lu.store);
    lu_close(&lu); /* harmless after a failed open */
}

/* Refused with a sentence that begins with the spec's place and has these words in it. */
static void file_refused(const char *name, const char *options, const char *words)
{
    struct lu lu;
    char place[192];
    snprintf(place, sizeof place, "file:%s", path_of(name));
    why[0] = '\0';
    assert_int_equal(lu_open(&lu, spec_of(name, options), 0, IQN, why, sizeof why), -1);
    assert_int_equal(strncmp(why, place, strlen(place)), 0);
    if (!strstr(why, words))
        fail_msg("'%s' is not in '%s'", words, why);
    assert_null(lu.store);
}

static void wrong_specs_get_a_sentence(void **state)
{
    (void)state;
    open_refused("", "'' is no kind of logical unit: use " KINDS);
    open_refused("disk:1G", "'disk' is no kind of logical unit: use " KINDS);
    open_refused("/dev/sda", "'/dev/sda' is no kind of logical unit: use " KINDS);
    open_refused("ram", "'ram' lacks its second half: use " KINDS);
    open_refused("file:", "'file' lacks its second half: use " KINDS);
    open_refused("ram:,ro", "'ram' lacks its second half: use " KINDS);
    open_refused("ram:1M,rw", "'rw' is no option of a logical unit: use ro, block=512 or block=4096");
    open_refused("ram:1M,block=1024",
                 "'block=1024' is no option of a logical unit: use ro, block=512 or block=4096");
    open_refused("ram:1M,direct", "'direct' is no option of a logical unit: use ro, block=512 or block=4096");
    open_refused("ram:1M,ro,", "'' is no option of a logical unit: use ro, block=512 or block=4096");
}

static void wrong_sizes_get_a_sentence(void **state)
{
    (void)state;
    static const char *const sizes[] = {"0",
                                        "x",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1X",
                                        "1KK",
                                        "1Ki",
                                        "1.5",
                                        "0x10",
                                        "0K",
                                        "9223372036854775808",
                                        "8388608T",
                                        "99999999999999999999"};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char spec[64], want[256];
        snprintf(spec, sizeof spec, "ram:%s", sizes[i]);
        snprintf(want, sizeof want,
                 "'%s' is no size: write a number above 0, with K, M, G or T if you like, as in ram:1G",
                 sizes[i]);
        open_refused(spec, want);
    }
    open_refused("ram:1000",
                 "ram:1000: its size of 1000 bytes is no multiple of the block of 512: make it 1024");
    open_refused(
        "ram:512,block=4096",
        "ram:512,block=4096: its size of 512 bytes is no multiple of the block of 4096: make it 4096");
    open_refused("ram:8388607T",
                 "ram:8388607T: the system gives no room for that much memory: choose a smaller size");
}

static void a_sentence_is_cut_to_its_place(void **state)
{
    (void)state;
    struct lu lu;
    char small[8] = "xxxxxxx";
    assert_int_equal(lu_open(&lu, "disk:1", 0, IQN, small, 4), -1);
    assert_string_equal(small, "'di");
    assert_int_equal(small[4], 'x');
}

static void ram_takes_sizes_with_units(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        uint64_t size;
    } rows[] = {{"ram:512", 512},
                {"ram:9K", 9 * KIB},
                {"ram:9216", 9 * KIB},
                {"ram:0001M", MIB},
                {"ram:64K", 64 * KIB},
                {"ram:64k", 64 * KIB},
                {"ram:3M", 3 * MIB},
                {"ram:2G", 2048 * MIB},
                {"ram:1t", 1024 * 1024 * MIB},
                {"ram:1T", 1024 * 1024 * MIB}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct lu lu;
        open_good(&lu, rows[i].spec);
        assert_int_equal(lu.size, rows[i].size);
        assert_int_equal(lu.block, 512);
        assert_false(lu.read_only || lu.write_cache);
        lu_close(&lu);
    }
}

static void options_are_read_in_any_order(void **state)
{
    (void)state;
    static const char *const options[] = {",ro,block=4096", ",block=4096,ro", ",block=512,ro,block=4096"};
    make_file("disk", MIB);
    for (size_t i = 0; i < COUNT(options); i++) {
        struct lu lu;
        open_good(&lu, spec_of("disk", options[i]));
        assert_true(lu.read_only);
        assert_false(lu.write_cache);
        assert_int_equal(lu.block, 4096);
        assert_int_equal(lu.size, MIB);
        lu_close(&lu);
    }
}

static void options_stand_alone(void **state)
{
    (void)state;
    struct lu lu;
    open_good(&lu, "ram:1M,block=512");
    assert_false(lu.read_only);
    assert_int_equal(lu.block, 512);
    lu_close(&lu);
    open_good(&lu, "ram:1M,block=4096");
    assert_false(lu.read_only);
    assert_int_equal(lu.block, 4096);
    lu_close(&lu);
    open_good(&lu, "ram:1M,ro");
    assert_true(lu.read_only);
    lu_close(&lu);
}

static void wrong_files_get_a_sentence(void **state)
{
    (void)state;
    make_file("empty", 0);
    make_file("odd", 1000);
    make_file("disk", 3 * 512);
    assert_int_equal(mkdir(path_of("folder"), 0755), 0);
    assert_int_equal(mkfifo(path_of("fifo"), 0644), 0);

    file_refused("missing", "", "does not exist: create it with truncate -s 1G '/");
    file_refused("disk/x", "", "leads through something that is no directory: check the path");
    file_refused("folder", "", "is a directory: name a file in it");
    file_refused("folder", ",ro", "is a directory: name a file in it");
    file_refused("fifo", "", "is neither a file nor a block device: name one that is");
    file_refused("fifo", ",ro",
                 "is neither a file nor a block device: name one that is"); /* and does not hang */
    file_refused("empty", "", "has no bytes: give it a size first, as with truncate -s 1G");
    file_refused("odd", "", "its size of 1000 bytes is no multiple of the block of 512: make it 1024");
    file_refused("disk", ",block=4096",
                 "its size of 1536 bytes is no multiple of the block of 4096: make it 4096");
}

static void other_users_files_get_a_sentence(void **state)
{
    (void)state;
    make_file("mine", MIB);
    assert_int_equal(chmod(path_of("mine"), geteuid() ? 0 : 0600), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    struct lu lu;
    int writing = lu_open(&lu, spec_of("mine", ""), 0, IQN, why, sizeof why);
    bool words = strstr(why, "may not be written by this user: change its permissions or append ,ro");
    int reading = lu_open(&lu, spec_of("mine", ",ro"), 0, IQN, why, sizeof why);
    bool ro_words = strstr(why, "may not be read by this user: change its permissions");
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(writing, -1);
    assert_int_equal(reading, -1);
    assert_true(words && ro_words);
}

static void overlong_paths_get_a_sentence(void **state)
{
    (void)state;
    static char spec[PATH_MAX + 200] = "file:";
    memset(spec + 5, 'a', PATH_MAX + 100);
    struct lu lu;
    assert_int_equal(lu_open(&lu, spec, 0, IQN, why, sizeof why), -1);
    assert_string_equal(why, "the path is longer than 4096 bytes: use a shorter one");
    for (size_t len = PATH_MAX; len < PATH_MAX + 100;
         len++) { /* whether it fits ours or only the kernel's limit */
        spec[len] = '\0';
        assert_int_equal(lu_open(&lu, spec, 0, IQN, why, sizeof why), -1);
        spec[len] = 'a';
    }
    memset(spec, 0, sizeof spec);
    strcpy(spec, "file:");
    memset(spec + 5, 'a', 300);
    assert_int_equal(lu_open(&lu, spec, 0, IQN, why, sizeof why), -1);
    assert_non_null(strstr(why, "cannot be opened (File name too long): check the path"));
}

static void two_writers_are_kept_apart(void **state)
{
    (void)state;
    struct lu first, second;
    make_file("disk", MIB);

    open_good(&first, spec_of("disk", ""));
    file_refused("disk", "",
                 "is in use by another program: stop that one, or serve the file with ,ro from both");
    file_refused("disk", ",ro", "is in use by another program: stop that one");
    lu_close(&first);

    open_good(&first, spec_of("disk", ",ro"));
    open_good(&second, spec_of("disk", ",ro"));
    file_refused("disk", "", "is in use by another program");
    lu_close(&first);
    lu_close(&second);
    open_good(&first, spec_of("disk", ""));
    lu_close(&first);
}

static void refused_files_are_not_left_locked(void **state)
{
    (void)state;
    make_file("odd", 1000);
    file_refused("odd", "", "no multiple");
    int fd = open(path_of("odd"), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    close(fd);
}

/* --- identity --- */

static struct lu identity_of(const char *spec, uint16_t number, const char *iqn)
{
    struct lu lu;
    assert_int_equal(lu_open(&lu, spec, number, iqn, why, sizeof why), 0);
    lu_close(&lu);
    return lu;
}

static void identity_follows_target_and_path(void **state)
{
    (void)state;
    char here[PATH_MAX];
    make_file("disk", MIB);
    make_file("other", MIB);
    struct lu a = identity_of(spec_of("disk", ""), 0, IQN),
              again = identity_of(spec_of("disk", ",ro"), 7, IQN);
    struct lu other = identity_of(spec_of("other", ""), 0, IQN),
              iqn = identity_of(spec_of("disk", ""), 0, IQN "2");

    assert_int_equal(a.naa[0] >> 4, 3);
    assert_int_equal(strlen(a.serial), 16);
    assert_memory_equal(a.naa, again.naa, 8);
    assert_string_equal(a.serial, again.serial);
    assert_memory_not_equal(a.naa, other.naa, 8);
    assert_memory_not_equal(a.naa, iqn.naa, 8);

    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    struct lu relative = identity_of("file:disk", 0, IQN);
    assert_int_equal(chdir(here), 0);
    assert_memory_equal(a.naa, relative.naa, 8);
}

static void ram_units_are_told_apart_by_their_lun(void **state)
{
    (void)state;
    struct lu a = identity_of("ram:1M", 0, IQN), b = identity_of("ram:1M", 1, IQN),
              c = identity_of("ram:2M", 0, IQN);
    assert_memory_not_equal(a.naa, b.naa, 8);
    assert_memory_equal(a.naa, c.naa, 8); /* growing it makes no new disk */
}

/* Initiators know a disk by these: a new release must not change them. */
static void identity_is_for_ever(void **state)
{
    (void)state;
    struct lu lu = identity_of("ram:1M", 7, IQN);
    assert_string_equal(lu.serial, "bbc8645d7c4fb4b6");
    assert_memory_equal(lu.naa, "\x3b\xc8\x64\x5d\x7c\x4f\xb4\xb6", 8);
}

/* --- data --- */

static void fill(uint8_t *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)((i * 7 + i / 251 + seed) | 1); /* never zero */
}

static void write_at(struct lu *lu, uint64_t offset, const void *bytes, uint64_t len)
{
    struct berth_seg seg = seg_memory(bytes, len);
    assert_int_equal(lu->backend->write(lu, offset, &(struct extent){&seg, 1, 0, len}), 0);
}

static void read_at(struct lu *lu, uint64_t offset, void *bytes, uint64_t len)
{
    struct berth_seg seg = seg_memory(bytes, len);
    assert_int_equal(lu->backend->read(lu, offset, &(struct extent){&seg, 1, 0, len}), 0);
}

static void both(void (*check)(struct lu *lu))
{
    struct lu lu;
    make_file("disk", MIB);
    open_good(&lu, "ram:1M");
    check(&lu);
    lu_close(&lu);
    open_good(&lu, spec_of("disk", ""));
    check(&lu);
    lu_close(&lu);
}

static void check_round_trip(struct lu *lu)
{
    static uint8_t out[64 * 1024], back[64 * 1024];
    fill(out, sizeof out, 1);
    write_at(lu, 512, out, sizeof out);
    write_at(lu, MIB - 512, out, 512);
    read_at(lu, 512, back, sizeof back);
    assert_memory_equal(out, back, sizeof out);
    read_at(lu, MIB - 512, back, 512);
    assert_memory_equal(out, back, 512);
    read_at(lu, 0, back, 512);
    for (size_t i = 0; i < 512; i++)
        assert_int_equal(back[i], 0);
    assert_int_equal(lu->backend->flush(lu), 0);
    write_at(lu, 0, out, 0); /* nothing is something too */
}

static void data_come_back(void **state)
{
    (void)state;
    both(check_round_trip);
}

/* More segments than one system call takes, of odd lengths, some empty, from the middle of a list. */
static void check_scattered(struct lu *lu)
{
    static uint8_t memory[300 * 100], flat[8192], back[8192];
    struct berth_seg segs[300];
    fill(memory, sizeof memory, 3);
    for (uint32_t i = 0; i < 300; i++)
        segs[i] = seg_memory(memory + i * 100, i % 10 == 3 ? 0 : i % 97 + 1);
    const struct extent all = {segs, 300, 333, sizeof flat};
    extent_read(&all, 0, flat, sizeof flat);
    assert_int_equal(lu->backend->write(lu, 4096, &all), 0);
    read_at(lu, 4096, back, sizeof back);
    assert_memory_equal(flat, back, sizeof flat);
    memset(memory, 0, sizeof memory);
    assert_int_equal(lu->backend->read(lu, 4096, &all), 0);
    extent_read(&all, 0, back, sizeof back);
    assert_memory_equal(flat, back, sizeof flat);
    assert_int_equal(memory[99], 0); /* outside every segment */
}

static void scattered_data_come_back(void **state)
{
    (void)state;
    both(check_scattered);
}

static void a_file_keeps_its_data(void **state)
{
    (void)state;
    struct lu lu;
    uint8_t out[512], back[512];
    make_file("disk", MIB);
    fill(out, sizeof out, 9);
    open_good(&lu, spec_of("disk", ""));
    assert_true(lu.write_cache);
    write_at(&lu, 1024, out, sizeof out);
    lu_close(&lu);
    open_good(&lu, spec_of("disk", ",ro"));
    read_at(&lu, 1024, back, sizeof back);
    assert_memory_equal(out, back, sizeof out);
    assert_int_equal(lu.backend->flush(&lu), 0);
    lu_close(&lu);
}

static void a_file_cut_short_is_an_error(void **state)
{
    (void)state;
    struct lu lu;
    uint8_t back[1024];
    struct berth_seg seg = seg_memory(back, sizeof back);
    const struct extent to = {&seg, 1, 0, sizeof back};
    make_file("disk", MIB);
    open_good(&lu, spec_of("disk", ""));
    assert_int_equal(truncate(path_of("disk"), 512), 0);
    assert_int_equal(lu.backend->read(&lu, 0, &to), -EIO);
    assert_int_equal(lu.backend->read(&lu, 4096, &to), -EIO);
    uint64_t len = MIB - 4096;
    bool allocated; /* what is missing is no hole */
    assert_int_equal(lu.backend->map(&lu, 4096, &len, &allocated), 0);
    assert_true(allocated);
    assert_int_equal(len, MIB - 4096);
    lu_close(&lu);
}

static void fill_file(struct lu *lu)
{
    static uint8_t bytes[MIB];
    fill(bytes, sizeof bytes, 3);
    write_at(lu, 0, bytes, sizeof bytes);
}

static void segments_that_are_no_memory_are_refused(void **state)
{
    (void)state;
    struct lu lu;
    struct berth_seg seg = {.kind = BERTH_SEG_FILE, .len = 512};
    make_file("disk", MIB);
    open_good(&lu, spec_of("disk", ""));
    assert_int_equal(lu.backend->write(&lu, 0, &(struct extent){&seg, 1, 0, 512}), -EINVAL);
    assert_int_equal(lu.backend->read(&lu, 0, &(struct extent){&seg, 1, 0, 512}), -EINVAL);
    lu_close(&lu);
}

/* A large piece that is in the page cache can be sent from there; a small one is cheaper to read. */
static void a_file_shows_where_its_bytes_are(void **state)
{
    (void)state;
    struct lu lu;
    struct berth_seg seg = {0};
    make_file("disk", MIB);
    open_good(&lu, spec_of("disk", ""));
    fill_file(&lu);
    assert_false(lu.backend->segment(&lu, 0, 4096, &seg));
    assert_true(lu.backend->segment(&lu, 512 * KIB, 256 * KIB, &seg));
    assert_int_equal(seg.kind, BERTH_SEG_FILE);
    assert_int_equal(seg.offset, 512 * KIB);
    assert_int_equal(seg.len, 256 * KIB);
    assert_int_equal(lseek((int)seg.index, 0, SEEK_END), MIB);
    lu_close(&lu);
}

/* What somebody has cut off cannot be sent, whatever has been known of it: it is read, and that fails. */
static void check_shortened(void)
{
    struct lu lu;
    struct berth_seg seg;
    uint8_t byte;
    make_file("disk", MIB);
    open_good(&lu, spec_of("disk", ""));
    fill_file(&lu);
    assert_true(lu.backend->segment(&lu, 0, 256 * KIB, &seg));
    assert_int_equal(truncate(path_of("disk"), 640 * KIB), 0);
    assert_true(lu.backend->segment(&lu, 256 * KIB, 256 * KIB, &seg));
    assert_false(lu.backend->segment(&lu, 512 * KIB, 256 * KIB, &seg));
    assert_false(lu.backend->segment(&lu, 768 * KIB, 256 * KIB, &seg));
    seg = seg_memory(&byte, 1);
    assert_int_equal(lu.backend->read(&lu, 640 * KIB, &(struct extent){&seg, 1, 0, 1}), -EIO);
    lu_close(&lu);
}

static void what_a_file_has_lost_is_not_sent(void **state)
{
    (void)state;
    check_shortened();
}

/* Past the page cache memory must be aligned; what is not is copied. */
static void direct_files_take_any_memory(void **state)
{
    (void)state;
    static uint8_t out[600 * KIB + 3], back[600 * KIB + 3];
    struct lu lu;
    make_file("disk", MIB);
    if (lu_open(&lu, spec_of("disk", ",direct,block=4096"), 0, IQN, why, sizeof why) != 0) {
        assert_non_null(strstr(why, "is on a file system without direct I/O: leave ,direct out"));
        skip();
    }
    fill(out, sizeof out, 9);
    write_at(&lu, 8192, out + 1, 600 * KIB);
    read_at(&lu, 8192, back + 3, 600 * KIB);
    assert_memory_equal(out + 1, back + 3, 600 * KIB);
    uint8_t *aligned = aligned_alloc(4096, 8192);
    read_at(&lu, 8192, aligned, 8192);
    assert_memory_equal(aligned, out + 1, 8192);
    write_at(&lu, 4096, aligned, 8192);
    read_at(&lu, 4096, back, 8192);
    assert_memory_equal(aligned, back, 8192);
    struct berth_seg seg;
    assert_false(lu.backend->segment(&lu, 0, 512 * KIB, &seg));
    assert_int_equal(lu.backend->punch(&lu, 0, MIB), 0);
    read_at(&lu, 8192, aligned, 4096);
    assert_int_equal(aligned[0], 0);
    free(aligned);
    lu_close(&lu);
}

/* --- without waiting --- */

static uint32_t ios_done;

static void count_io(struct lu_io *io)
{
    assert_int_equal(io->error, 0);
    ios_done++;
}

static void do_io(struct lu *lu, enum lu_io_kind kind, uint64_t offset, uint8_t *bytes, bool fua)
{
    static struct lu_io io;
    static struct berth_seg seg;
    seg = seg_memory(bytes, kind == LU_FLUSH ? 0 : 4096);
    io =
        (struct lu_io){.kind = (uint8_t)kind, .offset = offset, .len = seg.len, .fua = fua, .done = count_io};
    io.data = (struct extent){&seg, 1, 0, seg.len};
    ios_done = 0;
    lu_start(lu, &io);
    while (workers_busy(lu->workers) > 0)
        workers_wait(lu->workers);
    assert_int_equal(ios_done, 1);
}

static void files_use_the_workers(void **state)
{
    (void)state;
    struct lu lu;
    uint8_t out[4096], back[4096];
    make_file("disk", MIB);
    open_good(&lu, spec_of("disk", ""));
    lu.workers = workers_new();
    assert_non_null(lu.workers);
    for (int i = 0; i < 20; i++) {
        fill(out, sizeof out, (unsigned)i);
        do_io(&lu, LU_WRITE, (uint64_t)i * 8192, out, i % 3 == 0);
        do_io(&lu, LU_READ, (uint64_t)i * 8192, back, false);
        assert_memory_equal(out, back, sizeof out);
        do_io(&lu, LU_FLUSH, 0, NULL, false);
    }
    workers_free(lu.workers);
    lu_close(&lu);
}

/* What is in the page cache is read in the call, without a thread. */
static void cached_reads_are_done_at_once(void **state)
{
    (void)state;
    struct lu lu;
    uint8_t back[4096];
    make_file("disk", MIB);
    open_good(&lu, spec_of("disk", ""));
    fill_file(&lu);
    lu.workers = workers_new();
    struct berth_seg seg = seg_memory(back, sizeof back);
    struct lu_io io = {
        .kind = LU_READ, .len = sizeof back, .data = {&seg, 1, 0, sizeof back}, .done = count_io};
    ios_done = 0;
    lu_start(&lu, &io);
    assert_int_equal(ios_done, 1);
    assert_int_equal(workers_busy(lu.workers), 0);
    workers_free(lu.workers);
    lu_close(&lu);
}

static void ram_shows_its_memory(void **state)
{
    (void)state;
    struct lu lu;
    uint8_t out[1024];
    fill(out, sizeof out, 5);
    open_good(&lu, "ram:1M");
    write_at(&lu, 512, out, sizeof out);
    assert_memory_equal(lu.backend->peek(&lu, 1024, 512), out + 512, 512);
    lu_close(&lu);
}

/* --- holes --- */

static void expect_map(struct lu *lu, uint64_t offset, uint64_t len, bool allocated)
{
    uint64_t got = lu->size - offset;
    bool is = !allocated;
    assert_int_equal(lu->backend->map(lu, offset, &got, &is), 0);
    assert_int_equal(is, allocated);
    assert_int_equal(got, len);
}

/* No further than one asks. */
static void expect_bounded_map(struct lu *lu, uint64_t offset, bool allocated)
{
    uint64_t len = 1024;
    bool is;
    assert_int_equal(lu->backend->map(lu, offset, &len, &is), 0);
    assert_int_equal(is, allocated);
    assert_int_equal(len, 1024);
}

static void check_map(struct lu *lu)
{
    static uint8_t out[64 * 1024];
    fill(out, sizeof out, 2);
    expect_map(lu, 0, MIB, false);
    expect_map(lu, MIB - 512, 512, false);
    write_at(lu, 64 * KIB, out, sizeof out);
    expect_map(lu, 0, 64 * KIB, false);
    expect_map(lu, 64 * KIB, 64 * KIB, true);
    expect_bounded_map(lu, 0, false);
    expect_bounded_map(lu, 64 * KIB, true);
    expect_map(lu, 64 * KIB + 512, 64 * KIB - 512, true);
    expect_map(lu, 128 * KIB, MIB - 128 * KIB, false);
    write_at(lu, MIB - 512, out, 512); /* one block makes its page */
    expect_map(lu, 128 * KIB, MIB - 4 * KIB - 128 * KIB, false);
    expect_map(lu, MIB - 4 * KIB, 4 * KIB, true);
}

static void the_map_tells_what_was_written(void **state)
{
    (void)state;
    both(check_map);
}

static void check_zero_between(struct lu *lu, const uint8_t *before, uint64_t from, uint64_t to)
{
    static uint8_t now[MIB];
    read_at(lu, 0, now, sizeof now);
    for (uint64_t i = 0; i < sizeof now; i++)
        if (now[i] != (i >= from && i < to ? 0 : before[i]))
            fail_msg("byte %llu after a punch of %llu..%llu", (unsigned long long)i, (unsigned long long)from,
                     (unsigned long long)to);
}

/* Every way a range can lie on pages: aligned, inside one, across, at both ends. */
static void check_punch(struct lu *lu)
{
    static uint8_t out[MIB];
    static const uint64_t ranges[][2] = {
        {0, 4096},      {4096, 512},      {4608, 512},        {8192 - 512, 1024},  {8192 - 512, 512},
        {512, 16384},   {MIB - 512, 512}, {MIB - 4096, 4096}, {MIB - 4608, 4608},  {65536 - 1536, 65536},
        {0, MIB - 512}, {512, MIB - 512}, {0, MIB},           {12288, 4096 + 512}, {0, 0},
    };
    fill(out, sizeof out, 4);
    for (size_t i = 0; i < COUNT(ranges); i++) {
        write_at(lu, 0, out, sizeof out);
        assert_int_equal(lu->backend->punch(lu, ranges[i][0], ranges[i][1]), 0);
        check_zero_between(lu, out, ranges[i][0], ranges[i][0] + ranges[i][1]);
    }
}

static void punched_ranges_read_as_zeros(void **state)
{
    (void)state;
    both(check_punch);
}

static void check_punch_map(struct lu *lu)
{
    static uint8_t out[MIB];
    fill(out, sizeof out, 4);
    write_at(lu, 0, out, sizeof out);
    expect_map(lu, 0, MIB, true);
    assert_int_equal(lu->backend->punch(lu, 64 * KIB, 128 * KIB), 0);
    expect_map(lu, 0, 64 * KIB, true);
    expect_map(lu, 64 * KIB, 128 * KIB, false);
    expect_map(lu, 192 * KIB, MIB - 192 * KIB, true);
    assert_int_equal(lu->backend->punch(lu, 32 * KIB + 512, 512), 0); /* no whole page: zero, but there */
    expect_map(lu, 0, 64 * KIB, true);
    assert_int_equal(lu->backend->punch(lu, 0, MIB), 0);
    expect_map(lu, 0, MIB, false);
}

static void punched_ranges_are_deallocated(void **state)
{
    (void)state;
    both(check_punch_map);
}

static void punched_files_have_real_holes(void **state)
{
    (void)state;
    static uint8_t out[MIB];
    struct lu lu;
    make_file("disk", MIB);
    fill(out, sizeof out, 6);
    open_good(&lu, spec_of("disk", ""));
    write_at(&lu, 0, out, sizeof out);
    assert_int_equal(lu.backend->flush(&lu), 0);
    blkcnt_t full = stat_of("disk").st_blocks;
    assert_true(full >= (blkcnt_t)(MIB / 512));
    assert_int_equal(lu.backend->punch(&lu, 256 * KIB, 512 * KIB), 0);
    assert_true(stat_of("disk").st_blocks <= full - (blkcnt_t)(512 * KIB / 512));
    assert_int_equal(stat_of("disk").st_size, MIB);
    int fd = open(path_of("disk"), O_RDONLY);
    assert_int_equal(lseek(fd, 0, SEEK_HOLE), 256 * KIB);
    assert_int_equal(lseek(fd, 256 * KIB, SEEK_DATA), 768 * KIB);
    close(fd);
    lu_close(&lu);
}

static void ram_gives_punched_memory_back(void **state)
{
    (void)state;
    struct lu lu;
    static uint8_t out[MIB];
    fill(out, sizeof out, 8);
    open_good(&lu, "ram:1000K"); /* its last page is not whole */
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    write_at(&lu, 0, out, lu.size);
    assert_int_equal(lu.backend->punch(&lu, 0, lu.size), 0);
    expect_map(&lu, 0, lu.size, false);
    write_at(&lu, lu.size - 512, out, 512);
    expect_map(&lu, 0, (lu.size - 512) / page * page, false);
    expect_map(&lu, lu.size - 512, 512, true);
    lu_close(&lu);
}

static void locked_memory_is_zeroed(void **state)
{
    (void)state;
    struct lu lu;
    open_good(&lu, "ram:1M");
    void *memory = (void *)(uintptr_t)lu.backend->peek(&lu, 0, MIB);
    if (syscall(SYS_mlock, memory, MIB)) { /* sanitizers make mlock() do nothing */
        print_message("skipped: memory may not be locked here (%s)\n", strerror(errno));
        lu_close(&lu);
        skip();
    }
    assert_int_equal(madvise(memory, MIB, MADV_DONTNEED), -1); /* or this test shows nothing */
    check_punch(&lu);
    lu_close(&lu);
}

static void the_map_of_a_large_ram_comes_in_runs(void **state)
{
    (void)state;
    struct lu lu;
    uint64_t len = UINT64_C(1) << 40;
    bool allocated;
    open_good(&lu, "ram:1T");
    assert_int_equal(lu.backend->map(&lu, 0, &len, &allocated), 0);
    assert_false(allocated);
    assert_true(len >= 1024 * MIB && len < lu.size && len % 512 == 0);
    lu_close(&lu);
}

/* --- file systems of their own, for what the usual one does not do --- */

static bool write_line(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY);
    bool done = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    if (fd >= 0)
        close(fd);
    return done;
}

static bool map_root(const char *path, unsigned id)
{
    char line[32];
    snprintf(line, sizeof line, "0 %u 1", id);
    return write_line(path, line);
}

/* A view of the mounts that only this process has; an ordinary user becomes root of a name space for it. */
static bool own_mounts(void)
{
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)))
        return false;
    if (uid && (!write_line("/proc/self/setgroups", "deny") || !map_root("/proc/self/uid_map", uid) ||
                !map_root("/proc/self/gid_map", gid)))
        return false;
    return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static void mount_here(const char *type, const char *options)
{
    if (own_mounts() && !mount(type, folder, type, 0, options))
        return;
    print_message("skipped: no %s may be mounted here (%s)\n", type, strerror(errno));
    skip();
}

static void a_full_file_system_is_no_space(void **state)
{
    (void)state;
    static uint8_t out[256 * 1024];
    struct lu lu;
    struct berth_seg seg = seg_memory(out, sizeof out);
    mount_here("tmpfs", "size=64k");
    make_file("disk", MIB);
    open_good(&lu, spec_of("disk", ""));
    assert_int_equal(lu.backend->write(&lu, 0, &(struct extent){&seg, 1, 0, sizeof out}), -ENOSPC);
    assert_int_equal(lu.backend->punch(&lu, 0, MIB), 0); /* makes room again */
    assert_int_equal(lu.backend->write(&lu, 0, &(struct extent){&seg, 1, 0, 4096}), 0);
    lu_close(&lu);
}

/* Nobody is asked what is in memory there. */
static void what_a_file_in_memory_has_lost_is_not_sent(void **state)
{
    (void)state;
    mount_here("tmpfs", "size=4M");
    check_shortened();
}

static void without_holes_zeros_are_written(void **state)
{
    (void)state;
    struct lu lu;
    mount_here("ramfs", NULL); /* knows no fallocate */
    make_file("disk", MIB);
    int fd = open(path_of("disk"), O_RDWR);
    bool holes = !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
    close(fd);
    assert_false(holes); /* or this test shows nothing */
    open_good(&lu, spec_of("disk", ""));
    check_punch(&lu);
    lu_close(&lu);
}

static void a_read_only_file_system_gets_a_sentence(void **state)
{
    (void)state;
    struct lu lu;
    mount_here("tmpfs", "size=1M");
    make_file("disk", 64 * KIB);
    if (mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL)) {
        print_message("skipped: no remount here (%s)\n", strerror(errno));
        skip();
    }
    file_refused("disk", "", "is on a read-only file system: append ,ro to serve it read-only");
    open_good(&lu, spec_of("disk", ",ro"));
    lu_close(&lu);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_specs_get_a_sentence),
        cmocka_unit_test(wrong_sizes_get_a_sentence),
        cmocka_unit_test(a_sentence_is_cut_to_its_place),
        cmocka_unit_test(ram_takes_sizes_with_units),
        IN_FOLDER(options_are_read_in_any_order),
        cmocka_unit_test(options_stand_alone),
        IN_FOLDER(wrong_files_get_a_sentence),
        IN_FOLDER(other_users_files_get_a_sentence),
        IN_FOLDER(overlong_paths_get_a_sentence),
        IN_FOLDER(two_writers_are_kept_apart),
        IN_FOLDER(refused_files_are_not_left_locked),
        IN_FOLDER(identity_follows_target_and_path),
        cmocka_unit_test(ram_units_are_told_apart_by_their_lun),
        cmocka_unit_test(identity_is_for_ever),
        IN_FOLDER(data_come_back),
        IN_FOLDER(scattered_data_come_back),
        IN_FOLDER(a_file_keeps_its_data),
        IN_FOLDER(a_file_cut_short_is_an_error),
        IN_FOLDER(segments_that_are_no_memory_are_refused),
        IN_FOLDER(a_file_shows_where_its_bytes_are),
        IN_FOLDER(what_a_file_has_lost_is_not_sent),
        IN_FOLDER(direct_files_take_any_memory),
        IN_FOLDER(files_use_the_workers),
        IN_FOLDER(cached_reads_are_done_at_once),
        cmocka_unit_test(ram_shows_its_memory),
        IN_FOLDER(the_map_tells_what_was_written),
        IN_FOLDER(punched_ranges_read_as_zeros),
        IN_FOLDER(punched_ranges_are_deallocated),
        IN_FOLDER(punched_files_have_real_holes),
        cmocka_unit_test(ram_gives_punched_memory_back),
        cmocka_unit_test(locked_memory_is_zeroed),
        cmocka_unit_test(the_map_of_a_large_ram_comes_in_runs),
        IN_FOLDER(a_full_file_system_is_no_space),
        IN_FOLDER(what_a_file_in_memory_has_lost_is_not_sent),
        IN_FOLDER(without_holes_zeros_are_written),
        IN_FOLDER(a_read_only_file_system_gets_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
