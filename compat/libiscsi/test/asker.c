/* SPDX-License-Identifier: MIT */
/* asker WHAT URL [NUMBER...]: a program as others write them for libiscsi, with an event loop of its own. It
 * says what came of it in words, a line for each thing, for scripts to judge. */
#include <dirent.h>
#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 512
#define MOST  256

static struct iscsi_context *iscsi;
static struct iscsi_url *url;
static int numbers[4];
static int calls[MOST], statuses[MOST], finished;
static uint8_t buffers[MOST][8 * BLOCK];
static struct scsi_iovec iovs[MOST];
static bool in_service;

static const char *word(int status)
{
    switch (status) {
    case SCSI_STATUS_GOOD:
        return "good";
    case SCSI_STATUS_CHECK_CONDITION:
        return "check";
    case SCSI_STATUS_BUSY:
        return "busy";
    case SCSI_STATUS_TIMEOUT:
        return "timeout";
    case SCSI_STATUS_CANCELLED:
        return "cancelled";
    case SCSI_STATUS_ERROR:
        return "error";
    default:
        return "other";
    }
}

static void give_up(const char *what)
{
    printf("%s: %s\n", what, iscsi_get_error(iscsi));
    exit(1);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One round of the event loop; at least every 100 ms, as timeouts are looked after only in it. */
static int turn(void)
{
    struct pollfd p = {.fd = iscsi_get_fd(iscsi), .events = (short)iscsi_which_events(iscsi)};
    if (poll(&p, 1, 100) < 0 && errno != EINTR)
        give_up("poll");
    in_service = true;
    int result = iscsi_service(iscsi, p.revents);
    in_service = false;
    return result;
}

static void wait_for(const int *count, int wanted, int limit_ms)
{
    int64_t end = now_ms() + limit_ms;
    while (*count < wanted && now_ms() < end)
        turn();
    if (*count < wanted)
        printf("only %d of %d within %d ms\n", *count, wanted, limit_ms);
}

static void done(struct iscsi_context *context, int status, void *command_data, void *private_data)
{
    int n = (int)(intptr_t)private_data;
    (void)context;
    if (!in_service)
        puts("a callback outside of iscsi_service()");
    calls[n]++;
    statuses[n] = status;
    finished++;
    scsi_free_scsi_task(command_data);
}

static struct scsi_task *start_read(int n, uint64_t lba)
{
    iovs[n] = (struct scsi_iovec){buffers[n], BLOCK};
    struct scsi_task *task =
        iscsi_read16_task(iscsi, url->lun, lba, BLOCK, BLOCK, 0, 0, 0, 0, 0, done, (void *)(intptr_t)n);
    if (!task)
        give_up("read");
    scsi_task_set_iov_in(task, &iovs[n], 1); /* behind the command, as some do */
    return task;
}

static struct scsi_task *start_write(int n, uint64_t lba)
{
    memset(buffers[n], 'w', BLOCK);
    struct scsi_task *task = iscsi_write16_task(iscsi, url->lun, lba, buffers[n], BLOCK, BLOCK, 0, 0, 0, 0, 0,
                                                done, (void *)(intptr_t)n);
    if (!task)
        give_up("write");
    return task;
}

static void tell_all(int count)
{
    for (int n = 0; n < count; n++)
        if (calls[n] == 1)
            printf("%s\n", word(statuses[n]));
        else
            printf("%d callbacks\n", calls[n]);
}

/* Reads that are under way together, and one afterwards. numbers: how many, timeout in s */
static void reads(void)
{
    iscsi_set_timeout(iscsi, numbers[1]);
    for (int n = 0; n < numbers[0]; n++)
        start_read(n, (uint64_t)n);
    wait_for(&finished, numbers[0], 30000);
    for (int n = 0; n < 10; n++) /* nothing comes twice */
        turn();
    tell_all(numbers[0]);
    iscsi_set_timeout(iscsi, 5);
    finished = 0;
    start_read(MOST - 1, 0);
    wait_for(&finished, 1, 30000);
    printf("afterwards %s\n", word(statuses[MOST - 1]));
}

static void writes(void)
{
    for (int n = 0; n < numbers[0]; n++)
        start_write(n, (uint64_t)n);
    wait_for(&finished, numbers[0], 30000);
    tell_all(numbers[0]);
}

/* COMPARE AND WRITE of zeros by ones. */
static void compare_and_write(void)
{
    static uint8_t data[2 * BLOCK];
    memset(data + BLOCK, 1, BLOCK);
    struct scsi_task *task =
        iscsi_compareandwrite_task(iscsi, url->lun, 0, data, sizeof data, BLOCK, 0, 0, 0, 0, 0, done, NULL);
    if (!task)
        give_up("compare");
    wait_for(&finished, 1, 30000);
    tell_all(1);
}

/* numbers: bytes of sense that come */
static void check(void)
{
    struct scsi_task *task = iscsi_read10_sync(iscsi, url->lun, 0, BLOCK, BLOCK, 0, 0, 0, 0, 0);
    if (!task)
        give_up("read");
    printf("%s key %d ascq %04x sense %d\n", word(task->status), (int)task->sense.key,
           (unsigned)task->sense.ascq, task->datain.size - 2);
    scsi_free_scsi_task(task);
}

/* --- callbacks that do things --- */

static int depth, answers;

static void again(struct iscsi_context *context, int status, void *command_data, void *private_data)
{
    int left = (int)(intptr_t)private_data;
    scsi_free_scsi_task(command_data);
    answers += status == SCSI_STATUS_GOOD;
    if (left == 0)
        return;
    depth++;
    struct scsi_task *task = iscsi_testunitready_sync(context, url->lun); /* waits inside a callback */
    if (!task || task->status != SCSI_STATUS_GOOD)
        puts("no answer inside a callback");
    scsi_free_scsi_task(task);
    if (!iscsi_testunitready_task(context, url->lun, again, (void *)(intptr_t)(left - 1)))
        give_up("ready");
    iscsi_service(context, 0);
    depth--;
}

static void reentrant(void)
{
    for (int n = 0; n < 8; n++)
        if (!iscsi_testunitready_task(iscsi, url->lun, again, (void *)3))
            give_up("ready");
    wait_for(&answers, 32, 30000);
    printf("%d answers\n", answers);
}

static int destroyed;

static void destroys(struct iscsi_context *context, int status, void *command_data, void *private_data)
{
    (void)private_data;
    printf("%s\n", word(status));
    scsi_free_scsi_task(command_data);
    if (destroyed++ == 0)
        iscsi_destroy_context(context);
}

static void destroy_inside(void)
{
    for (int n = 0; n < 4; n++)
        if (!iscsi_testunitready_task(iscsi, url->lun, destroys, NULL))
            give_up("ready");
    while (destroyed == 0)
        turn();
    printf("%d callbacks\n", destroyed);
    iscsi = NULL;
}

/* What is under way when the context goes. */
static void destroy_under_way(void)
{
    in_service = true; /* here it may call back */
    for (int n = 0; n < numbers[0]; n++)
        start_read(n, 0);
    for (int n = 0; n < 3; n++)
        turn();
    in_service = true;
    iscsi_destroy_context(iscsi);
    iscsi = NULL;
    tell_all(numbers[0]);
}

/* --- task management --- */

static void managed(struct iscsi_context *context, int status, void *command_data, void *private_data)
{
    (void)context;
    printf("%s %s response %u\n", (const char *)private_data, word(status),
           command_data ? *(uint32_t *)command_data : 99);
    finished++;
}

static char name_abort[] = "abort", name_late[] = "late", name_reset[] = "reset";

/* Two reads without an answer: one is cancelled, one is aborted; and one that was never sent. */
static void take_back(void)
{
    struct scsi_task *a = start_read(0, 0), *b = start_read(1, 1);
    for (int n = 0; n < 3; n++)
        turn();
    struct scsi_task *c = start_read(2, 2);
    printf("cancel %d %d\n", iscsi_scsi_cancel_task(iscsi, a), iscsi_scsi_cancel_task(iscsi, c));
    iscsi_task_mgmt_abort_task_async(iscsi, b, managed, name_abort);
    wait_for(&finished, 4, 30000);
    tell_all(3);
    iscsi_task_mgmt_abort_task_async(iscsi, b, managed, name_late);
    wait_for(&finished, 5, 30000);
}

static void reset(void)
{
    for (int n = 0; n < 3; n++)
        start_read(n, (uint64_t)n);
    for (int n = 0; n < 3; n++)
        turn();
    iscsi_task_mgmt_lun_reset_async(iscsi, (uint32_t)url->lun, managed, name_reset);
    wait_for(&finished, 4, 30000);
    tell_all(3);
    printf("set %d\n", iscsi_task_mgmt_abort_task_set_sync(iscsi, (uint32_t)url->lun));
    printf("warm %d\n", iscsi_task_mgmt_target_warm_reset_sync(iscsi));
}

/* --- sessions --- */

/* Reads while the session is begun anew, and pings. numbers: how often */
static void reconnect(void)
{
    for (int n = 0; n < numbers[0]; n++) {
        start_read(n, (uint64_t)n);
        turn();
        if (iscsi_reconnect(iscsi))
            give_up("reconnect");
    }
    wait_for(&finished, numbers[0], 30000);
    tell_all(numbers[0]);
    for (int n = 0; n < 3; n++)
        if (iscsi_nop_out_async(iscsi, NULL, NULL, 0, NULL))
            give_up("nop");
    printf("nops %d\n", iscsi_get_nops_in_flight(iscsi));
    for (int n = 0; n < 50 && iscsi_get_nops_in_flight(iscsi) > 0; n++)
        turn();
    printf("nops %d logged in %d\n", iscsi_get_nops_in_flight(iscsi), iscsi_is_logged_in(iscsi));
}

/* The target goes; numbers: how many reads are under way */
static void loss(void)
{
    struct sigaction before, after;
    sigaction(SIGPIPE, NULL, &before);
    for (int n = 0; n < numbers[0]; n++)
        start_read(n, (uint64_t)n);
    wait_for(&finished, numbers[0], 30000);
    tell_all(numbers[0]);
    for (int n = 0; n < 5; n++)
        printf("service %d\n", turn());
    sigaction(SIGPIPE, NULL, &after);
    printf("signals %s, logged in %d\n", before.sa_handler == after.sa_handler ? "as before" : "changed",
           iscsi_is_logged_in(iscsi));
    puts(iscsi_get_error(iscsi));
}

/* A session that was given up comes back when it is asked to; what is sent meanwhile waits for it. */
static void come_back(void)
{
    start_read(0, 0);
    wait_for(&finished, 1, 30000);
    tell_all(1);
    printf("service %d\n", turn());
    struct timespec pause = {1, 0};
    nanosleep(&pause, NULL); /* the target is away for less */
    printf("reconnect %d\n", iscsi_reconnect(iscsi));
    start_read(1, 1);
    wait_for(&finished, 2, 30000);
    printf("%s with service %d and logged in %d\n", word(statuses[1]), turn(), iscsi_is_logged_in(iscsi));
}

/* More pieces than the system takes at once, both ways. */
static void pieces(void)
{
    enum { PIECES = 1600, SIZE = 32 };
    static uint8_t from[PIECES][SIZE + 1], to[PIECES][SIZE + 1];
    static struct scsi_iovec out[PIECES], in[PIECES];
    for (int i = 0; i < PIECES; i++) {
        memset(from[i], i % 251 + 1, SIZE);
        out[i] = (struct scsi_iovec){from[i], SIZE};
        in[i] = (struct scsi_iovec){to[i], SIZE};
    }
    struct scsi_task *w =
        iscsi_write16_iov_sync(iscsi, url->lun, 8, NULL, PIECES * SIZE, BLOCK, 0, 0, 0, 0, 0, out, PIECES);
    struct scsi_task *r =
        iscsi_read16_iov_sync(iscsi, url->lun, 8, PIECES * SIZE, BLOCK, 0, 0, 0, 0, 0, in, PIECES);
    printf("%s %s %s\n", word(w ? w->status : -1), word(r ? r->status : -1),
           memcmp(from, to, sizeof from) == 0 ? "same" : "different");
    scsi_free_scsi_task(w);
    scsi_free_scsi_task(r);
}

/* A command that names more data than there is memory for. */
static void short_memory(void)
{
    uint8_t cdb[10] = {SCSI_OPCODE_READ10, [8] = 4};
    struct scsi_task *task = scsi_create_task(10, cdb, SCSI_XFER_READ, 4 * BLOCK);
    memset(buffers[0], 'x', sizeof buffers[0]);
    scsi_task_add_data_in_buffer(task, BLOCK, buffers[0]);
    task = iscsi_scsi_command_sync(iscsi, url->lun, task, NULL);
    printf("%s %c\n", word(task->status), buffers[0][BLOCK]);
    scsi_free_scsi_task(task);
    cdb[0] = SCSI_OPCODE_WRITE10;
    task = scsi_create_task(10, cdb, SCSI_XFER_WRITE, 4 * BLOCK);
    scsi_task_add_data_out_buffer(task, BLOCK, buffers[0]);
    task = iscsi_scsi_command_sync(iscsi, url->lun, task, NULL);
    printf("%s\n", word(task->status));
    scsi_free_scsi_task(task);
}

/* --- connecting --- */

static int connected, connections, lost;

static void on_connect(struct iscsi_context *context, int status, void *command_data, void *private_data)
{
    (void)context, (void)command_data, (void)private_data;
    if (!in_service)
        puts("a callback outside of iscsi_service()");
    connections++;
    connected = status == SCSI_STATUS_GOOD;
    lost += status != SCSI_STATUS_GOOD && connections > 1;
}

/* With a descriptor that was asked for when nothing was connected yet. */
static void connect_async(void)
{
    if (iscsi_full_connect_async(iscsi, url->portal, url->lun, on_connect, NULL))
        give_up("full connect");
    int fd = iscsi_get_fd(iscsi);
    wait_for(&connections, 1, 30000);
    printf("%s with a descriptor that %s\n", connected ? "connected" : iscsi_get_error(iscsi),
           fd == iscsi_get_fd(iscsi) ? "stays" : "changes");
    if (!connected)
        return;
    start_read(0, 0);
    wait_for(&finished, 1, 30000);
    tell_all(1);
}

static void give_up_connecting(void)
{
    if (iscsi_full_connect_async(iscsi, url->portal, url->lun, on_connect, NULL))
        give_up("full connect");
    in_service = true;
    iscsi_destroy_context(iscsi);
    iscsi = NULL;
    printf("%d callbacks\n", connections);
}

static void on_login(struct iscsi_context *context, int status, void *command_data, void *private_data)
{
    on_connect(context, status, command_data, private_data);
    printf("login %s\n", word(status));
}

static void by_steps(void)
{
    if (iscsi_connect_async(iscsi, url->portal, on_connect, NULL))
        give_up("connect");
    wait_for(&connections, 1, 30000);
    printf("connect %s\n", connected ? "good" : "error");
    if (connected && iscsi_login_async(iscsi, on_login, NULL))
        give_up("login");
    wait_for(&connections, 2, connected ? 30000 : 0);
    printf("logged in %d\n", iscsi_is_logged_in(iscsi));
    puts(iscsi_get_error(iscsi));
}

/* --- a child that has no use for what its parent has --- */

/* Sockets, timers and what else there may be of a context, but no files. */
static int descriptors(void)
{
    char to[64];
    int count = 0;
    DIR *all = opendir("/proc/self/fd");
    for (struct dirent *e; all && (e = readdir(all));) {
        ssize_t n = readlinkat(dirfd(all), e->d_name, to, sizeof to);
        count += n > 0 && (strncmp(to, "socket:", 7) == 0 || strncmp(to, "anon_inode:", 11) == 0);
    }
    closedir(all);
    return count;
}

static void destroy_in_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        in_service = true;
        bool has_all = iscsi_is_logged_in(iscsi); /* and no thread of the parent has some */
        iscsi_destroy_context(iscsi);
        iscsi_destroy_url(url);
        printf("child keeps %d descriptors\n", has_all ? descriptors() : 0);
        if (!has_all)
            _exit(0); /* memory, too */
        exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("child ended with %d\n", status);
    if (status)
        exit(1); /* it may have been about memory */
}

/* numbers: reads that are under way */
static void forks(void)
{
    iscsi_get_fd(iscsi);
    for (int n = 0; n < numbers[0]; n++)
        start_read(n, (uint64_t)n);
    for (int n = 0; n < 3; n++)
        turn();
    destroy_in_child();
    wait_for(&finished, numbers[0], 30000);
    tell_all(numbers[0]);
    start_read(MOST - 1, 0);
    wait_for(&finished, numbers[0] + 1, 30000);
    printf("afterwards %s\n", word(statuses[MOST - 1]));
}

static void forks_while_connecting(void)
{
    if (iscsi_full_connect_async(iscsi, url->portal, url->lun, on_connect, NULL) != 0)
        give_up("connect");
    destroy_in_child();
    wait_for(&connections, 1, 30000);
    printf("parent logged in %d\n", iscsi_is_logged_in(iscsi));
}

static void nothing(void)
{
    puts("nothing to be done");
}

static const struct {
    const char *name;
    void (*run)(void);
    bool connects; /* by itself */
} whats[] = {
    {"reads", reads, false},
    {"writes", writes, false},
    {"compare-and-write", compare_and_write, false},
    {"check", check, false},
    {"reentrant", reentrant, false},
    {"destroy-inside", destroy_inside, false},
    {"destroy-under-way", destroy_under_way, false},
    {"take-back", take_back, false},
    {"reset", reset, false},
    {"reconnect", reconnect, false},
    {"loss", loss, false},
    {"come-back", come_back, false},
    {"pieces", pieces, false},
    {"short-memory", short_memory, false},
    {"forks", forks, false},
    {"nothing", nothing, false},
    {"connect-async", connect_async, true},
    {"give-up-connecting", give_up_connecting, true},
    {"by-steps", by_steps, true},
    {"forks-while-connecting", forks_while_connecting, true},
};

static void connect_first(const char *name)
{
    if (strcmp(name, "loss") == 0 || strcmp(name, "come-back") == 0)
        iscsi_set_reconnect_max_retries(iscsi, 0);
    if (iscsi_full_connect_sync(iscsi, url->portal, url->lun))
        give_up("full connect");
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 3)
        return 2;
    for (int i = 3; i < argc && i < 7; i++)
        numbers[i - 3] = atoi(argv[i]);
    iscsi = iscsi_create_context("iqn.2026-11.test:asker");
    url = iscsi ? iscsi_parse_full_url(iscsi, argv[2]) : NULL;
    if (!url)
        give_up("URL");
    iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
        if (strcmp(whats[i].name, argv[1]) != 0)
            continue;
        if (!whats[i].connects)
            connect_first(whats[i].name);
        whats[i].run();
        if (iscsi && iscsi_is_logged_in(iscsi))
            iscsi_logout_sync(iscsi);
        in_service = true;
        iscsi_destroy_context(iscsi);
        iscsi_destroy_url(url);
        return 0;
    }
    return 2;
}
