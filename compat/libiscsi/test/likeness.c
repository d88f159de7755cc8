/* SPDX-License-Identifier: MIT */
/* likeness MINE THEIRS: the stand-in builds the same CDBs, and reads the same out of answers and URLs, as the
 * library it stands in for, over and over with random values. Both are loaded side by side. */
#include <dlfcn.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 4000

static void *libraries[2];
static uint64_t seed = 88172645463325252ull;
static unsigned failures;

static uint32_t any(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static void *find(int which, const char *name)
{
    void *f = dlsym(libraries[which], name);
    if (!f) {
        printf("%s has no %s\n", which ? "theirs" : "mine", name);
        exit(1);
    }
    return f;
}

static void differs(const char *what, const char *how)
{
    if (failures++ < 20)
        printf("%s: %s\n", what, how);
}

static void free_task(int which, struct scsi_task *task)
{
    ((void (*)(struct scsi_task *))find(which, "scsi_free_scsi_task"))(task);
}

/* --- CDBs --- */

static void show(const struct scsi_task *t)
{
    printf("   ");
    for (int i = 0; t && i < t->cdb_size; i++)
        printf(" %02x", t->cdb[i]);
    printf(t ? " dir %d len %d\n" : " none\n", t ? t->xfer_dir : 0, t ? t->expxferlen : 0);
}

static void compare_tasks(const char *what, struct scsi_task *a, struct scsi_task *b)
{
    bool same = a && b && a->cdb_size == b->cdb_size && memcmp(a->cdb, b->cdb, 16) == 0 &&
                a->xfer_dir == b->xfer_dir && a->expxferlen == b->expxferlen;
    if (!same && (a || b)) {
        differs(what, "another CDB");
        if (failures < 20) {
            show(a);
            show(b);
        }
    }
    free_task(0, a);
    free_task(1, b);
}

/* Calls both with the same arguments, which are evaluated once. */
#define BOTH(name, type, ...)                                                                                \
    do {                                                                                                     \
        struct scsi_task *(*mine)type = (struct scsi_task * (*)type) find(0, #name);                         \
        struct scsi_task *(*theirs)type = (struct scsi_task * (*)type) find(1, #name);                       \
        compare_tasks(#name, mine(__VA_ARGS__), theirs(__VA_ARGS__));                                        \
    } while (0)

static void blocks(void)
{
    uint32_t lba = any(), blocks = any() % 200, len = blocks * 512, six = any() % 8;
    uint64_t far = (uint64_t)any() << 32 | any();
    int dpo = any() & 1, fua = any() & 1, nv = any() & 1, group = (int)(any() % 32);
    BOTH(scsi_cdb_read6, (uint32_t, uint32_t, int), lba & 0x1fffff, len, 512);
#define RW(name, lba_type, at)                                                                               \
    BOTH(name, (lba_type, uint32_t, int, int, int, int, int, int), at, len, 512, (int)six, dpo, fua, nv,     \
         group)
    RW(scsi_cdb_read10, uint32_t, lba);
    RW(scsi_cdb_read12, uint32_t, lba);
    RW(scsi_cdb_read16, uint64_t, far);
    RW(scsi_cdb_write10, uint32_t, lba);
    RW(scsi_cdb_write12, uint32_t, lba);
    RW(scsi_cdb_write16, uint64_t, far);
    RW(scsi_cdb_orwrite, uint64_t, far);
    RW(scsi_cdb_compareandwrite, uint64_t, far);
#define WV(name, lba_type, at)                                                                               \
    BOTH(name, (lba_type, uint32_t, int, int, int, int, int), at, len, 512, (int)six, dpo, fua, group)
    WV(scsi_cdb_writeatomic16, uint64_t, far);
    WV(scsi_cdb_writeverify10, uint32_t, lba);
    WV(scsi_cdb_writeverify12, uint32_t, lba);
    WV(scsi_cdb_writeverify16, uint64_t, far);
#define VF(name, lba_type, at)                                                                               \
    BOTH(name, (lba_type, uint32_t, int, int, int, int), at, len, (int)six, dpo, fua, 512)
    VF(scsi_cdb_verify10, uint32_t, lba);
    VF(scsi_cdb_verify12, uint32_t, lba);
    VF(scsi_cdb_verify16, uint64_t, far);
    BOTH(scsi_cdb_writesame10, (int, int, int, uint32_t, int, uint16_t, uint32_t), (int)six, dpo, fua, lba,
         group, (uint16_t)blocks, 512);
    BOTH(scsi_cdb_writesame16, (int, int, int, uint64_t, int, uint32_t, uint32_t), (int)six, dpo, fua, far,
         group, blocks, 512);
    BOTH(scsi_cdb_synchronizecache10, (int, int, int, int), (int)lba, (int)blocks, dpo, fua);
    BOTH(scsi_cdb_synchronizecache16, (uint64_t, uint32_t, int, int), far, blocks, dpo, fua);
    BOTH(scsi_cdb_prefetch10, (uint32_t, int, int, int), lba, (int)blocks, dpo, group);
    BOTH(scsi_cdb_prefetch16, (uint64_t, int, int, int), far, (int)blocks, dpo, group);
    BOTH(scsi_cdb_unmap, (int, int, uint16_t), dpo, group, (uint16_t)(len + 1));
    BOTH(scsi_cdb_get_lba_status, (uint64_t, uint32_t), far, len + 1);
}

static void others(void)
{
    int a = any() & 1, b = any() & 1, c = any() & 1, d = any() & 1, page = (int)(any() & 0x3f);
    int byte = (int)(any() & 0xff), len = (int)(any() % 250) + 1, lba = (int)any();
    BOTH(scsi_cdb_testunitready, (void));
    BOTH(scsi_cdb_reserve6, (void));
    BOTH(scsi_cdb_release6, (void));
    BOTH(scsi_cdb_readcapacity16, (void));
    BOTH(scsi_cdb_inquiry, (int, int, int), a, byte, len);
    BOTH(scsi_reportluns_cdb, (int, int), page % 3, len + 15);
    BOTH(scsi_cdb_readcapacity10, (int, int), lba, a);
    BOTH(scsi_cdb_serviceactionin16, (int, uint32_t), page % 32, (uint32_t)len);
    BOTH(scsi_cdb_report_supported_opcodes, (int, int, int, int, uint32_t), a, page % 3, byte, len,
         (uint32_t)len);
    BOTH(scsi_cdb_readdefectdata10, (int, int, int, uint16_t), a, b, page % 8, (uint16_t)len);
    BOTH(scsi_cdb_readdefectdata12, (int, int, int, uint32_t, uint32_t), 0, 0, 0, (uint32_t)lba,
         (uint32_t)len);
    BOTH(scsi_cdb_readtoc, (int, int, int, uint16_t), a, page % 3, byte, (uint16_t)len);
    BOTH(scsi_cdb_modesense6, (int, int, int, int, unsigned char), a, page % 4, page, byte,
         (unsigned char)len);
    BOTH(scsi_cdb_modesense10, (int, int, int, int, int, unsigned char), a, b, page % 4, page, byte,
         (unsigned char)len);
    BOTH(scsi_cdb_modeselect6, (int, int, int), a, b, len);
    BOTH(scsi_cdb_modeselect10, (int, int, int), a, b, len);
    BOTH(scsi_cdb_startstopunit, (int, int, int, int, int, int), a, page % 16, byte % 16, b, c, d);
    BOTH(scsi_cdb_preventallow, (int), page % 4);
    BOTH(scsi_cdb_sanitize, (int, int, int, int), a, b, page % 32, len * 4);
    BOTH(scsi_cdb_persistent_reserve_in, (int, uint16_t), page % 4, (uint16_t)len);
    struct scsi_persistent_reserve_out_basic pr = {.reservation_key = any(), .aptpl = (uint8_t)a};
    BOTH(scsi_cdb_persistent_reserve_out, (int, int, int, void *), page % 7, 0, byte % 9, &pr);
    BOTH(scsi_cdb_extended_copy, (int), len);
    BOTH(scsi_cdb_receive_copy_results, (int, int, int), page % 5, byte, len);
}

/* --- answers --- */

enum { REPLY = 512 };

/* Structures without pointers, whose bytes are all of members (both sides have zeros between them). */
static const struct answer {
    const char *name;
    uint8_t cdb[4];
    size_t size;                     /* to be compared; 0: pages, one by one */
    uint8_t length_at[2], length[2]; /* what the answer says of its own length, in these bytes */
    bool sizeless;                   /* theirs does not know its full size */
    uint8_t from;                    /* what is before is wrong in theirs */
} answers[] = {
    {"INQUIRY", {0x12}, sizeof(struct scsi_inquiry_standard), {0}, {0}, false, 0},
    {"page 00",
     {0x12, 1, 0x00},
     offsetof(struct scsi_inquiry_supported_pages, num_pages),
     {3},
     {64},
     false,
     0},
    {"page 80", {0x12, 1, 0x80}, offsetof(struct scsi_inquiry_unit_serial_number, usn), {3}, {64}, false, 0},
    {"page b0", {0x12, 1, 0xb0}, sizeof(struct scsi_inquiry_block_limits), {3}, {64}, false, 0},
    {"page b1",
     {0x12, 1, 0xb1},
     sizeof(struct scsi_inquiry_block_device_characteristics),
     {3},
     {64},
     false,
     0},
    {"page b2", {0x12, 1, 0xb2}, sizeof(struct scsi_inquiry_logical_block_provisioning), {3}, {64}, false, 0},
    {"READ CAPACITY(10)", {0x25}, sizeof(struct scsi_readcapacity10), {0}, {0}, false, 0},
    {"READ CAPACITY(16)", {0x9e, 0x10}, sizeof(struct scsi_readcapacity16), {0}, {0}, true, 0},
    {"GET LBA STATUS", {0x9e, 0x12}, 4, {3}, {52}, true, 0},
    {"REPORT LUNS", {0xa0}, 4 + 2 * 4, {2, 3}, {1, 248}, false, 0},
    {"READ KEYS",
     {0x5e, 0},
     sizeof(struct scsi_persistent_reserve_in_read_keys) + 3 * 8,
     {7},
     {24},
     false,
     0},
    {"READ RESERVATION",
     {0x5e, 1},
     sizeof(struct scsi_persistent_reserve_in_read_reservation),
     {7},
     {16},
     true,
     8},
    {"no reservation",
     {0x5e, 1},
     sizeof(struct scsi_persistent_reserve_in_read_reservation),
     {7},
     {0},
     false,
     0},
    {"REPORT CAPABILITIES",
     {0x5e, 2},
     sizeof(struct scsi_persistent_reserve_in_report_capabilities),
     {0},
     {0},
     false,
     0},
    {"opcodes",
     {0xa3, 0x0c, 0},
     sizeof(struct scsi_report_supported_op_codes) + 12,
     {3, 9},
     {8, 0},
     false,
     0},
    {"one opcode", {0xa3, 0x0c, 1}, 4 + 10, {3, 1}, {10, 3}, true, 0},
    {"copy status", {0x84, 0}, sizeof(struct scsi_copy_results_copy_status), {3}, {64}, true, 0},
    {"copy parameters",
     {0x84, 3},
     offsetof(struct scsi_copy_results_op_params, imp_desc_type_codes),
     {3, 43},
     {64, 3},
     true,
     0},
    {"TOC", {0x43, 0, 0}, sizeof(struct scsi_readtoc_list), {1}, {34}, false, 4},
    {"MODE SENSE(6)", {0x1a}, 0, {0, 3}, {200, 8}, false, 0},
    {"MODE SENSE(10)", {0x5a}, 0, {1, 7}, {200, 8}, true, 0},
};

/* Lengths fit what there is: with others the library of theirs reads beyond it. */
static void make_reply(const struct answer *a, uint8_t reply[REPLY])
{
    for (int i = 0; i < REPLY; i++)
        reply[i] = (uint8_t)any();
    if (a->cdb[0] != 0x25 && a->cdb[0] != 0x9e && a->cdb[0] != 0x12)
        memset(reply, 0, 8);
    else if (a->length[0])
        memset(reply + (a->cdb[0] == 0x12), 0, 4 - (a->cdb[0] == 0x12));
    for (int i = 0; i < 2; i++)
        if (a->length_at[i] || a->length[i])
            reply[a->length_at[i]] = a->length[i];
}

/* Well-formed pages of random content, behind the header and one block descriptor. */
static void make_pages(const struct answer *a, uint8_t reply[REPLY])
{
    static const uint8_t pages[][2] = {{0x02, 0x0e}, {0x08, 0x12}, {0x0a, 0x0a}, {0x1c, 0x0a}};
    size_t head = a->cdb[0] == 0x1a ? 4 : 8, at = head + 8;
    for (int i = 0; i < 4; i++) {
        memcpy(reply + at, pages[i], 2);
        at += 2u + pages[i][1];
    }
    reply[head == 4 ? 0 : 1] = (uint8_t)(at - (head == 4 ? 1 : 2));
}

static struct scsi_task *answered(int which, const struct answer *a, const uint8_t reply[REPLY])
{
    struct scsi_task *(*create)(int, unsigned char *, int, int) =
        (struct scsi_task * (*)(int, unsigned char *, int, int)) find(which, "scsi_create_task");
    uint8_t cdb[16] = {0};
    memcpy(cdb, a->cdb, sizeof a->cdb);
    struct scsi_task *task = create(16, cdb, SCSI_XFER_READ, REPLY);
    task->datain.data = malloc(REPLY);
    task->datain.size = a->size ? REPLY : reply[cdb[0] == 0x1a ? 0 : 1] + (cdb[0] == 0x1a ? 1 : 2);
    memcpy(task->datain.data, reply, REPLY);
    return task;
}

/* Fields of more or fewer bits in theirs than in SPC-4: NUAR, UA_INTLCK_CTRL, AUTOLOAD MODE, FAIR
 * ARBITRATION. */
static bool is_wrong(int page, size_t member)
{
    return (page == 0x0a && (member == 7 || member == 11 || member == 17)) || (page == 0x02 && member == 7);
}

static void compare_page(const struct scsi_mode_page *p, const struct scsi_mode_page *q)
{
    const int *a = &p->caching.ic, *b = &q->caching.ic;
    for (size_t i = 0; i < sizeof p->caching / sizeof *a; i++)
        if (a[i] != b[i] && !is_wrong((int)p->page_code, i)) {
            char where[64];
            snprintf(where, sizeof where, "page %02xh, member %zu: %d %d", p->page_code, i, a[i], b[i]);
            differs("MODE SENSE", where);
        }
}

static void compare_pages(const char *name, const struct scsi_mode_sense *a, const struct scsi_mode_sense *b)
{
    const struct scsi_mode_page *p = a ? a->pages : NULL, *q = b ? b->pages : NULL;
    for (; p && q; p = p->next, q = q->next) {
        if (p->page_code != q->page_code || p->len != q->len)
            differs(name, "another page");
        else
            compare_page(p, q);
    }
    if (p || q)
        differs(name, "another number of pages");
}

static void compare_answers(const struct answer *a)
{
    uint8_t reply[REPLY];
    struct scsi_task *tasks[2];
    void *got[2];
    int full[2];
    make_reply(a, reply);
    if (a->size == 0)
        make_pages(a, reply);
    for (int w = 0; w < 2; w++) {
        tasks[w] = answered(w, a, reply);
        full[w] = ((int (*)(struct scsi_task *))find(w, "scsi_datain_getfullsize"))(tasks[w]);
        got[w] = ((void *(*)(struct scsi_task *))find(w, "scsi_datain_unmarshall"))(tasks[w]);
    }
    if (full[0] != full[1] && !a->sizeless) {
        differs(a->name, "another full size");
        if (failures < 20)
            printf("    %d %d\n", full[0], full[1]);
    }
    if (!got[0] != !got[1])
        differs(a->name, got[0] ? "an answer, and not of theirs" : "no answer");
    else if (got[0] && a->size &&
             memcmp((char *)got[0] + a->from, (char *)got[1] + a->from, a->size - a->from)) {
        differs(a->name, "another structure");
        for (size_t i = 0; failures < 20 && i < a->size; i++)
            if (((uint8_t *)got[0])[i] != ((uint8_t *)got[1])[i])
                printf("    byte %zu: %02x %02x\n", i, ((uint8_t *)got[0])[i], ((uint8_t *)got[1])[i]);
    }
    if (a->size == 0)
        compare_pages(a->name, got[0], got[1]);
    free_task(0, tasks[0]);
    free_task(1, tasks[1]);
}

static void sense(void)
{
    uint8_t sb[255] = {0};
    struct scsi_sense s[2];
    memset(s, 0, sizeof s);
    for (int i = 0; i < 32; i++)
        sb[i] = (uint8_t)any();
    sb[0] = (uint8_t)(0x70 + any() % 4);
    if (sb[0] >= 0x72) {
        sb[7] = 8;
        sb[8] = 2;
        sb[9] = 6;
    }
    for (int w = 0; w < 2; w++)
        ((void (*)(struct scsi_sense *, const uint8_t *))find(w, "scsi_parse_sense_data"))(&s[w], sb);
    if (sb[0] >= 0x72) /* theirs does not find the sense key's own data in descriptors */
        s[1] = (struct scsi_sense){s[1].error_type,
                                   s[1].key,
                                   s[1].ascq,
                                   s[0].sense_specific,
                                   s[0].ill_param_in_cdb,
                                   s[0].bit_pointer_valid,
                                   s[0].bit_pointer,
                                   s[0].field_pointer};
    if (s[0].key != s[1].key || s[0].ascq != s[1].ascq || s[0].error_type != s[1].error_type ||
        s[0].sense_specific != s[1].sense_specific || s[0].field_pointer != s[1].field_pointer ||
        s[0].bit_pointer_valid != s[1].bit_pointer_valid || s[0].ill_param_in_cdb != s[1].ill_param_in_cdb)
        differs("sense", "something else");
}

/* --- URLs --- */

static void compare_url(const char *text, bool full)
{
    const char *name = full ? "iscsi_parse_full_url" : "iscsi_parse_portal_url";
    struct iscsi_url *u[2];
    for (int w = 0; w < 2; w++)
        u[w] = ((struct iscsi_url * (*)(struct iscsi_context *, const char *)) find(w, name))(NULL, text);
    if (!u[0] != !u[1])
        differs(text, u[0] ? "taken" : "not taken");
    else if (u[0] && (strcmp(u[0]->portal, u[1]->portal) || strcmp(u[0]->target, u[1]->target) ||
                      strcmp(u[0]->user, u[1]->user) || strcmp(u[0]->passwd, u[1]->passwd) ||
                      strcmp(u[0]->target_user, u[1]->target_user) ||
                      strcmp(u[0]->target_passwd, u[1]->target_passwd) || u[0]->lun != u[1]->lun))
        differs(text, "understood otherwise");
    for (int w = 0; w < 2; w++)
        if (u[w])
            ((void (*)(struct iscsi_url *))find(w, "iscsi_destroy_url"))(u[w]);
}

static void urls(void)
{
    static const char *const full[] = {"iscsi://h/iqn.x:y/0",
                                       "iscsi://u%p@h:33/iqn.x:y/1",
                                       "iscsi://u@h:33/iqn.x:y/1",
                                       "iscsi://u%p@[::1]:33/iqn.x%3ay/007",
                                       "iscsi://h/iqn.x/",
                                       "iscsi://h/iqn.x",
                                       "iscsi://h/iqn.x/a",
                                       "iscsi://h/iqn.x/1a",
                                       "iscsi://h/iqn.x/-1",
                                       "iscsi://h/i/0x10",
                                       "foo://x",
                                       "iscsi://h",
                                       "iscsi://h/i/0?target_user=a&target_password=b",
                                       "iscsi://u%p@h/i/0?target_user=a&target_password=b",
                                       "iscsi://h/i/0?bogus=1",
                                       "iscsi://u%25p%40q@h/i%/3",
                                       "iscsi://u%p%q@h/i/3",
                                       "iscsi://u:p@h/i/3",
                                       "iscsi://h/i/3/4",
                                       "iscsi://h/i/99999",
                                       "iscsi://h/iqn%2ex/2"};
    static const char *const portal[] = {"iscsi://u%p@h:1", "iscsi://h", "iscsi://h/", "iscsi://h/x/0"};
    for (size_t i = 0; i < sizeof full / sizeof full[0]; i++)
        compare_url(full[i], true);
    for (size_t i = 0; i < sizeof portal / sizeof portal[0]; i++)
        compare_url(portal[i], false);
}

/* Where theirs falls over: nothing to keep the digest in. */
static void digest_without_context(void)
{
    if (((struct iscsi_url * (*)(struct iscsi_context *, const char *))
             find(0, "iscsi_parse_full_url"))(NULL, "iscsi://h/i/0?header_digest=crc32c"))
        differs("?header_digest without a context", "taken, and forgotten");
}

static void all_urls(void)
{
    digest_without_context();
    static const char *const names[] = {"LIBISCSI_CHAP_USERNAME", "LIBISCSI_CHAP_PASSWORD",
                                        "LIBISCSI_CHAP_TARGET_USERNAME", "LIBISCSI_CHAP_TARGET_PASSWORD"};
    for (unsigned set = 0; set < 16; set++) {
        for (unsigned i = 0; i < 4; i++)
            if (set >> i & 1)
                setenv(names[i], names[i] + 9, 1);
            else
                unsetenv(names[i]);
        urls();
    }
}

/* Theirs leaves that to malloc(), which ends the program. */
static void freed_twice(void)
{
    struct scsi_task *(*create)(int, unsigned char *, int, int) = find(0, "scsi_create_task");
    unsigned char cdb[16] = {0};
    struct scsi_task *task = create(6, cdb, SCSI_XFER_NONE, 0);
    free_task(0, task);
    free_task(0, task);
    struct scsi_task *one = create(6, cdb, SCSI_XFER_NONE, 0), *other = create(6, cdb, SCSI_XFER_NONE, 0);
    if (one == other)
        differs("a task that is freed twice", "is handed out twice");
    free_task(0, one);
    free_task(0, other);
}

int main(int argc, char **argv)
{
    for (int w = 0; w < 2 && argc == 3; w++)
        libraries[w] = dlopen(argv[w + 1], RTLD_NOW | RTLD_LOCAL);
    if (!libraries[0] || !libraries[1]) {
        printf("usage: likeness MINE THEIRS: %s\n", dlerror());
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int n = 0; n < ROUNDS; n++) {
        blocks();
        others();
        sense();
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
            compare_answers(&answers[i]);
    }
    all_urls();
    freed_twice();
    printf("%u differences\n", failures);
    return failures > 0;
}
