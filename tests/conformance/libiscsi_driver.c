/* SPDX-License-Identifier: MIT */
/* libiscsi as a command that `berth check-initiator` can run:
 *
 *   libiscsi_driver read|write|discover PORTAL TARGET LUN LBA BLOCKS BLOCK FILE TIMEOUT [KEY=VALUE...]
 *
 * It uses the library as its users do (asynchronous commands into the caller's memory, several under way, the
 * status of the callback taken at its word) and reports what the library reports. Keys: header, user, secret,
 * mutual-user, mutual-secret, name. */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#define DEPTH      8
#define PIECE      (512u * 1024) /* bytes of one command */
#define RECONNECTS 3             /* in a row; without a number the library would try for ever */
#define ATTENTIONS 10            /* of one command */
#define NAME       "iqn.2026-11.test:libiscsi"

struct job {
    bool write;
    const char *operation, *portal, *target, *file;
    int lun, timeout_s;
    uint64_t lba;
    uint32_t blocks, block;
    uint8_t *bytes;
    struct iscsi_context *iscsi;
    uint64_t next; /* bytes begun */
    int under_way;
    bool failed;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "libiscsi_driver: %s: %s\n", what, why ? why : "no reason given");
    return 1;
}

/* --- what is asked for --- */

static const char *option(char *argv[], const char *key)
{
    size_t len = strlen(key);
    for (; *argv; argv++)
        if (strncmp(*argv, key, len) == 0 && (*argv)[len] == '=')
            return *argv + len + 1;
    return NULL;
}

static struct iscsi_context *context(const struct job *j, char *options[])
{
    const char *name = option(options, "name"), *user = option(options, "user");
    const char *mutual = option(options, "mutual-user");
    struct iscsi_context *iscsi = iscsi_create_context(name ? name : NAME);
    if (!iscsi)
        return NULL;
    iscsi_set_timeout(iscsi, j->timeout_s);
    iscsi_set_reconnect_max_retries(iscsi, RECONNECTS);
    if (option(options, "header"))
        iscsi_set_header_digest(iscsi, ISCSI_HEADER_DIGEST_CRC32C);
    if (user)
        iscsi_set_initiator_username_pwd(iscsi, user, option(options, "secret"));
    if (mutual)
        iscsi_set_target_username_pwd(iscsi, mutual, option(options, "mutual-secret"));
    return iscsi;
}

/* --- reading and writing --- */

/* One command under way. The library keeps a pointer to the vector. */
struct piece {
    struct job *job;
    struct scsi_iovec iov;
    uint64_t lba;
    int attentions;
};

static bool begin(struct piece *p);

/* A unit attention tells of something that was, and says nothing of this command. */
static bool is_attention(int status, const struct scsi_task *task)
{
    return status == SCSI_STATUS_CHECK_CONDITION && task && task->sense.key == SCSI_SENSE_UNIT_ATTENTION;
}

static void fail(struct job *j, const char *what)
{
    if (!j->failed)
        complain(what, iscsi_get_error(j->iscsi));
    j->failed = true;
}

static void submit(struct job *j);

static void ended(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
    struct piece *p = arg;
    struct job *j = p->job;
    struct scsi_task *task = data;
    bool again = is_attention(status, task) && p->attentions++ < ATTENTIONS;
    (void)iscsi;
    j->under_way--;
    if (task)
        scsi_free_scsi_task(task);
    if (again && !j->failed && begin(p))
        return;
    if (again || status != SCSI_STATUS_GOOD)
        fail(j, j->write ? "write" : "read");
    free(p);
    if (!j->failed)
        submit(j);
}

static bool begin(struct piece *p)
{
    struct job *j = p->job;
    uint32_t len = (uint32_t)p->iov.iov_len;
    struct scsi_task *task;
    if (j->write)
        task = iscsi_write16_iov_task(j->iscsi, j->lun, p->lba, NULL, len, (int)j->block, 0, 0, 0, 0, 0,
                                      ended, p, &p->iov, 1);
    else
        task = iscsi_read16_iov_task(j->iscsi, j->lun, p->lba, len, (int)j->block, 0, 0, 0, 0, 0, ended, p,
                                     &p->iov, 1);
    j->under_way += task != NULL;
    return task != NULL;
}

static void submit(struct job *j)
{
    uint64_t end = (uint64_t)j->blocks * j->block;
    while (j->under_way < DEPTH && j->next < end && !j->failed) {
        struct piece *p = calloc(1, sizeof *p);
        uint64_t len = end - j->next < PIECE ? end - j->next : PIECE;
        if (!p)
            return fail(j, "memory");
        *p = (struct piece){j, {j->bytes + j->next, len}, j->lba + j->next / j->block, 0};
        j->next += len;
        if (!begin(p)) {
            fail(j, "submit");
            free(p);
        }
    }
}

static void serve(struct job *j)
{
    while (j->under_way > 0 && !j->failed) {
        struct pollfd p = {.fd = iscsi_get_fd(j->iscsi), .events = (short)iscsi_which_events(j->iscsi)};
        int n = poll(&p, 1, 500);
        if (iscsi_service(j->iscsi, n > 0 ? p.revents : 0) >= 0)
            continue;
        fail(j, "service");
    }
}

static bool move_file(const struct job *j, const char *mode)
{
    size_t len = (size_t)j->blocks * j->block;
    FILE *file = fopen(j->file, mode);
    bool ok = file && (j->write ? fread(j->bytes, 1, len, file) : fwrite(j->bytes, 1, len, file)) == len;
    if (file && fclose(file) != 0)
        ok = false;
    return ok || complain(j->file, "cannot be read or written") == 0;
}

static int transfer(struct job *j)
{
    iscsi_set_targetname(j->iscsi, j->target);
    iscsi_set_session_type(j->iscsi, ISCSI_SESSION_NORMAL);
    if (iscsi_full_connect_sync(j->iscsi, j->portal, j->lun) != 0)
        return complain("connect", iscsi_get_error(j->iscsi));
    submit(j);
    serve(j);
    if (j->failed)
        return 1;
    if (iscsi_logout_sync(j->iscsi) != 0)
        complain("logout", iscsi_get_error(j->iscsi));
    return !j->write && !move_file(j, "w");
}

static int copy(struct job *j)
{
    j->bytes = calloc(j->blocks, j->block);
    if (!j->bytes || (j->write && !move_file(j, "r")))
        return 1;
    return transfer(j);
}

/* --- discovery --- */

static int discover(const struct job *j)
{
    struct iscsi_discovery_address *all;
    iscsi_set_session_type(j->iscsi, ISCSI_SESSION_DISCOVERY);
    if (iscsi_connect_sync(j->iscsi, j->portal) != 0 || iscsi_login_sync(j->iscsi) != 0)
        return complain("connect", iscsi_get_error(j->iscsi));
    all = iscsi_discovery_sync(j->iscsi);
    if (!all)
        return complain("discover", iscsi_get_error(j->iscsi));
    for (const struct iscsi_discovery_address *a = all; a; a = a->next)
        printf("%s\n", a->target_name);
    iscsi_free_discovery_data(j->iscsi, all);
    iscsi_logout_sync(j->iscsi);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc < 10)
        return fprintf(stderr,
                       "usage: libiscsi_driver read|write|discover PORTAL TARGET LUN LBA BLOCKS BLOCK FILE "
                       "TIMEOUT [KEY=VALUE...]\n"),
               2;
    struct job j = {
        .operation = argv[1],
        .write = strcmp(argv[1], "write") == 0,
        .portal = argv[2],
        .target = argv[3],
        .lun = atoi(argv[4]),
        .lba = strtoull(argv[5], NULL, 10),
        .blocks = (uint32_t)strtoul(argv[6], NULL, 10),
        .block = (uint32_t)strtoul(argv[7], NULL, 10),
        .file = argv[8],
        .timeout_s = atoi(argv[9]),
    };
    signal(SIGPIPE, SIG_IGN); /* the library leaves that to its users */
    j.iscsi = context(&j, argv + 10);
    if (!j.iscsi)
        return complain("start", "no context");
    return strcmp(j.operation, "discover") == 0 ? discover(&j) : copy(&j);
}
