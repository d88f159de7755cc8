/* SPDX-License-Identifier: MIT */
/* All cases that are chosen, each in a process of its own: whatever becomes of one does nothing to the
 * others. */
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <berth/error.h>
#include "check/check.h"
#include "check/child.h"
#include "check/trial.h"
#include "referee/rules.h"

#define CASES_MAX            1024u
#define COMMANDS_MAX         40u    /* that a case has at most */
#define OVERTIME_MS          60000u /* beyond what its commands may take: then it is the suite that hangs */
#define REMOVE_FILES_AT_ONCE 16

struct job {
    const struct check_case *c;
    pid_t pid; /* 0: not begun, or over */
    int pidfd;
    uint64_t end_ms;
    bool over;
};

struct run {
    struct suite suite;
    struct check_totals *totals;
    struct job jobs[CASES_MAX];
    struct check_outcome *outcomes; /* shared with the processes of the cases */
    uint32_t count, begun, told, under_way;
    char folder[PATH_MAX / 4];
};

/* --- choice --- */

static bool matches(const char *const *patterns, uint32_t count, const struct check_case *c)
{
    for (uint32_t i = 0; i < count; i++)
        if (fnmatch(patterns[i], c->id, 0) == 0 || fnmatch(patterns[i], topic_name(c->topic), 0) == 0)
            return true;
    return false;
}

static bool chosen(const struct check_options *o, const struct check_case *c)
{
    return (o->only_count == 0 || matches(o->only, o->only_count, c)) && !matches(o->skip, o->skip_count, c);
}

static struct check_about about(const struct check_case *c)
{
    return (struct check_about){c->id, topic_name(c->topic), c->section, c->sentence};
}

uint32_t check_list(const struct check_options *options,
                    void (*tell)(void *arg, const struct check_about *about), void *arg)
{
    uint32_t count = 0;
    for (size_t i = 0; case_at(i); i++) {
        const struct check_about a = about(case_at(i));
        if (!chosen(options, case_at(i)))
            continue;
        tell(arg, &a);
        count++;
    }
    return count;
}

static void choose(struct run *r)
{
    for (size_t i = 0; case_at(i) && r->count < CASES_MAX; i++)
        if (chosen(r->suite.options, case_at(i)))
            r->jobs[r->count++] = (struct job){.c = case_at(i), .pidfd = -1};
}

/* --- what is there --- */

__attribute__((format(printf, 4, 5))) static int refuse(char *why, size_t why_size, int error,
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
    return error;
}

static bool can_listen6(const char *address)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can = fd >= 0 && inet_pton(AF_INET6, address, &a.sin6_addr) == 1 &&
               bind(fd, (const struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return can;
}

/* Better told once than by every case. A program whose name is a place is not known yet. */
static bool can_start(const struct template *t, char *why, size_t why_size)
{
    const char *program = t->words[0];
    if (strpbrk(program, "{[") || child_is_there(program))
        return true;
    refuse(why, why_size, 0, "there is no program %s; check its name, its mode and PATH", program);
    return false;
}

static bool take(struct run *r, enum trial_command which, const char *text, char *why, size_t why_size)
{
    const struct check_options *o = r->suite.options;
    struct template *t = &r->suite.memory[which];
    bool common = !text && o->command_words > 0;
    if (!text && !common)
        return true;
    r->suite.commands[which] = t;
    return (common ? template_take(t, o->command, o->command_words, trial_places, why, why_size)
                   : template_split(t, text, trial_places, why, why_size)) &&
           can_start(t, why, why_size);
}

/* A command for everything has to be told what it is to do. */
static int take_commands(struct run *r, char *why, size_t why_size)
{
    const struct check_options *o = r->suite.options;
    const char *const texts[TRIAL_COMMANDS] = {o->read, o->write, o->discover};
    bool any = false;
    for (int i = 0; i < TRIAL_COMMANDS; i++) {
        if (!take(r, i, texts[i], why, why_size))
            return BERTH_E_ARGUMENT;
        any = any || r->suite.commands[i];
        if (!texts[i] && r->suite.commands[i] && !template_has(r->suite.commands[i], "operation"))
            return refuse(why, why_size, BERTH_E_ARGUMENT,
                          "the command has no place {operation}: put it there, or give --read and --write");
    }
    return any ? BERTH_OK
               : refuse(why, why_size, BERTH_E_ARGUMENT,
                        "there is no initiator: give its command behind --, or --read and --write");
}

static bool is_rule(const char *id)
{
    for (uint32_t i = 0; i < RULE_COUNT; i++)
        if (strcmp(rule_rows[i].id, id) == 0)
            return true;
    return false;
}

static int check_known(const struct check_options *o, char *why, size_t why_size)
{
    for (uint32_t i = 0; i < o->known_count; i++)
        if (!is_rule(o->known[i]))
            return refuse(why, why_size, BERTH_E_ARGUMENT,
                          "the referee has no rule %s; name one as reports do, such as S1", o->known[i]);
    return BERTH_OK;
}

static int prepare(struct run *r, char *why, size_t why_size)
{
    const char *folder = getenv("TMPDIR");
    int error = take_commands(r, why, why_size);
    if (!error)
        error = check_known(r->suite.options, why, why_size);
    if (error)
        return error;
    choose(r);
    if (r->count == 0)
        return refuse(why, why_size, BERTH_E_ARGUMENT, "no case is chosen; --list shows what there is");
    r->suite.ipv6 = r->suite.options->listen6 && can_listen6(r->suite.options->listen6);
    r->outcomes =
        mmap(NULL, r->count * sizeof *r->outcomes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r->outcomes == MAP_FAILED)
        return refuse(why, why_size, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
    snprintf(r->folder, sizeof r->folder, "%s/berth-check.XXXXXX", folder && folder[0] ? folder : "/tmp");
    if (!mkdtemp(r->folder))
        return refuse(why, why_size, BERTH_E_SYSTEM, "cannot make a folder in TMPDIR: %s", strerror(errno));
    r->suite.folder = r->folder;
    return BERTH_OK;
}

/* --- processes --- */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void in_the_child(struct run *r, const struct job *job, struct check_outcome *out, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    _exit(trial_run(&r->suite, job->c, out) ? 0 : 2);
}

static void broken(struct check_outcome *out, const char *text)
{
    out->result = CHECK_BROKEN;
    snprintf(out->why, sizeof out->why, "%s", text);
}

static void begin(struct run *r)
{
    struct job *job = &r->jobs[r->begun];
    struct check_outcome *out = &r->outcomes[r->begun];
    const pid_t parent = getpid();
    r->begun++;
    if (!trial_possible(&r->suite, job->c, out->why, sizeof out->why)) {
        out->result = CHECK_NOT_EXERCISED;
        job->over = true;
        return;
    }
    broken(out, "the process of the case has ended before its time"); /* until it says otherwise */
    job->pid = fork();
    if (job->pid == 0)
        in_the_child(r, job, out, parent);
    job->over = job->pid < 0;
    if (job->over)
        return;
    job->pidfd = pidfd_open(job->pid, 0);
    job->end_ms = now_ms() + (uint64_t)COMMANDS_MAX * r->suite.options->time_ms + OVERTIME_MS;
    r->under_way++;
}

static void end(struct run *r, struct job *job)
{
    int status;
    while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (job->pidfd >= 0)
        close(job->pidfd);
    job->pid = 0;
    job->pidfd = -1;
    job->over = true;
    r->under_way--;
}

static void tell(struct run *r)
{
    for (; r->told < r->count && r->jobs[r->told].over; r->told++) {
        const struct check_about a = about(r->jobs[r->told].c);
        r->totals->results[r->outcomes[r->told].result]++;
        r->suite.options->done(r->suite.options->arg, &a, &r->outcomes[r->told]);
    }
}

/* Waits until one has ended, or the user wants no more. */
static void await(struct run *r)
{
    struct pollfd p[CHECK_JOBS_MAX + 1] = {{.fd = r->suite.options->stop_fd, .events = POLLIN}};
    struct job *jobs[CHECK_JOBS_MAX + 1];
    nfds_t n = 1;
    for (uint32_t i = 0; i < r->begun; i++) {
        if (r->jobs[i].pid == 0 || n > CHECK_JOBS_MAX)
            continue;
        jobs[n] = &r->jobs[i];
        p[n++] = (struct pollfd){.fd = r->jobs[i].pidfd, .events = POLLIN};
    }
    poll(p, n, 1000);
    r->totals->stopped = p[0].revents & POLLIN;
    for (nfds_t i = 1; i < n; i++) {
        if (now_ms() > jobs[i]->end_ms)
            kill(jobs[i]->pid, SIGKILL);
        if (p[i].revents & POLLIN)
            end(r, jobs[i]);
    }
}

/* Those under way see for themselves that they are to stop: they read the same signals. */
static void stop_all(struct run *r)
{
    for (uint32_t i = 0; i < r->begun; i++)
        if (r->jobs[i].pid > 0)
            kill(r->jobs[i].pid, SIGTERM);
    for (uint32_t i = 0; i < r->begun; i++)
        if (r->jobs[i].pid > 0)
            end(r, &r->jobs[i]);
}

static void run_all(struct run *r)
{
    while (r->told < r->count && !r->totals->stopped) {
        while (r->begun < r->count && r->under_way < r->suite.options->jobs)
            begin(r);
        tell(r);
        if (r->under_way > 0)
            await(r);
    }
    stop_all(r);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int check_run(const struct check_options *options, struct check_totals *totals, char *why, size_t why_size)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return refuse(why, why_size, BERTH_E_MEMORY, "%s", berth_error_text(BERTH_E_MEMORY));
    memset(totals, 0, sizeof *totals);
    r->suite.options = options;
    r->totals = totals;
    int error = prepare(r, why, why_size);
    if (!error) {
        run_all(r);
        nftw(r->folder, remove_one, REMOVE_FILES_AT_ONCE, FTW_DEPTH | FTW_PHYS);
    }
    if (r->outcomes && r->outcomes != MAP_FAILED)
        munmap(r->outcomes, r->count * sizeof *r->outcomes);
    free(r);
    return error;
}
