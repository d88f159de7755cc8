/* SPDX-License-Identifier: MIT */
#include "stand.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "serve/serve.h"

#define IQN "iqn.2026-11.io.berth:threads"

/* --- the target's process --- */

static void announce(void *arg, const char *const *portals, uint32_t count)
{
    const int *to = arg;
    size_t len = strlen(portals[0]) + 1;
    if (count != 1 || write(*to, portals[0], len) != (ssize_t)len)
        _exit(3);
}

static void be_target(const char *portal, const char *path, int to)
{
    char why[512], store[64];
    snprintf(store, sizeof store, "file:%s", path);
    struct serve_config config = {.portals = {portal},
                                  .portal_count = 1,
                                  .targets = {{.iqn = IQN}},
                                  .target_count = 1,
                                  .luns = {{.spec = store}},
                                  .lun_count = 1,
                                  .ready = announce,
                                  .ready_arg = &to,
                                  .stop_fd = -1};
    if (serve_run(&config, why, sizeof why))
        fprintf(stderr, "target: %s\n", why);
    _exit(1);
}

/* --- the keeper's --- */

static pid_t begin(const char *portal, const char *path, int to)
{
    pid_t pid = fork();
    if (pid == 0)
        be_target(portal, path, to);
    return pid;
}

static void end(pid_t *pid)
{
    int status;
    if (*pid <= 0)
        return;
    kill(*pid, SIGKILL);
    waitpid(*pid, &status, 0);
    *pid = 0;
}

/* None of its threads runs any more. */
static void stop(pid_t pid)
{
    int status;
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
}

/* A port that stays ours while no target listens there. */
static bool hold(char portal[32])
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* the target has it, too */
    if (bind(fd, (struct sockaddr *)&sa, len) != 0 || getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
        return false;
    snprintf(portal, 32, "127.0.0.1:%u", ntohs(sa.sin_port));
    return true;
}

/* Orders: R another target, K none, S stand still, C go on. Ends with its orders. */
static void keep(const char *path, int orders, int answers)
{
    char order, portal[32], again[256];
    int told[2];
    if (pipe(told) != 0 || !hold(portal))
        _exit(3);
    pid_t pid = begin(portal, path, told[1]);
    if (read(told[0], again, sizeof again) <= 0 || write(answers, portal, strlen(portal) + 1) < 0)
        _exit(3);
    while (read(orders, &order, 1) == 1) {
        if (order == 'R' || order == 'K')
            end(&pid);
        if (order == 'R') {
            pid = begin(portal, path, told[1]);
            order = read(told[0], again, sizeof again) > 0 ? 'r' : '?';
        }
        if (order == 'S')
            stop(pid);
        if (order == 'C')
            kill(pid, SIGCONT);
        if (write(answers, &order, 1) != 1)
            break;
    }
    end(&pid);
    _exit(0);
}

/* --- this process --- */

void stand_start(struct stand *s)
{
    int orders[2], answers[2];
    char portal[200] = "";
    strcpy(s->path, "threads-XXXXXX");
    int fd = mkstemp(s->path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, STAND_BYTES), 0);
    close(fd);
    assert_int_equal(pipe(orders), 0);
    assert_int_equal(pipe(answers), 0);
    s->keeper = fork();
    assert_true(s->keeper >= 0);
    if (s->keeper == 0) {
        close(orders[1]); /* or it would never see the end */
        keep(s->path, orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    s->orders = orders[1];
    s->answers = answers[0];
    assert_true(read(s->answers, portal, sizeof portal - 1) > 0);
    snprintf(s->url, sizeof s->url, "iscsi://%s/%s/0", portal, IQN);
}

void stand_stop(struct stand *s)
{
    int status;
    close(s->orders);
    assert_int_equal(waitpid(s->keeper, &status, 0), s->keeper);
    assert_int_equal(status, 0);
    close(s->answers);
    unlink(s->path);
}

static char order(const struct stand *s, char what)
{
    char answer = 0;
    assert_int_equal(write(s->orders, &what, 1), 1);
    assert_int_equal(read(s->answers, &answer, 1), 1);
    return answer;
}

void stand_restart(struct stand *s)
{
    assert_int_equal(order(s, 'R'), 'r');
}

void stand_kill(struct stand *s)
{
    order(s, 'K');
}

void stand_freeze(struct stand *s)
{
    order(s, 'S');
}

void stand_thaw(struct stand *s)
{
    order(s, 'C');
}

struct berth_lun *stand_open(const struct stand *s, uint32_t sessions, struct berth_reactors *reactors)
{
    struct berth_options options;
    struct berth_detail why;
    struct berth_lun *lun;
    berth_options_init(&options);
    options.sessions = sessions;
    options.reactors = reactors;
    options.recovery_timeout_ms = 60000;
    int error = berth_lun_open(&lun, s->url, &options, &why);
    if (error)
        fail_msg("%s: %s", s->url, why.text);
    assert_int_equal(berth_lun_info(lun)->size_bytes, STAND_BYTES);
    return lun;
}

struct stand stand;

int stand_begin(void **state)
{
    (void)state;
    stand_start(&stand);
    return 0;
}

int stand_end(void **state)
{
    (void)state;
    stand_stop(&stand);
    return 0;
}

struct berth_reactors *reactors(uint32_t count)
{
    struct berth_reactors *r;
    assert_int_equal(berth_reactors_new(&r, count, NULL, 0), 0);
    return r;
}

void nap_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}
