/* SPDX-License-Identifier: MIT */
/* Begins the process that holds the LUN, and waits until it says that it can be used, or never will be. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attach/report.h"
#include "attach/runtime.h"
#include "attach/store.h"
#include "cli/attach.h"
#include "cli/clock.h"
#include "cli/json.h"
#include "cli/say.h"
#include "cli/signals.h"

#define WORDS_BYTES (64 * 1024) /* of what the program says before it can be used */
#define LOOK_UP_MS  200
#define END_MS      5000u /* for the program to end when it is told to */
#define PAUSE_US    20000u
#define KIND_NONE   2u

static const char *kind(const struct attach *a)
{
    return settings_text(a->s, SETTING_AS);
}

/* --- printing --- */

void attach_print(const struct attach *a, const char *path, int64_t pid)
{
    if (!a->o->json) {
        printf("%s\n", path);
        return;
    }
    struct json j = {.out = stdout};
    json_put_object(&j, NULL);
    json_put_text(&j, "schema", "berth-attach/1");
    json_put_text(&j, "name", a->name);
    json_put_text(&j, "kind", kind(a));
    json_put_text(&j, "url", settings_text(a->s, SETTING_URL));
    json_put_text(&j, "path", path);
    json_put_u64(&j, "pid", (uint64_t)pid);
    json_put_object_end(&j);
    putchar('\n');
}

/* --- what is told --- */

static void set_number(struct settings *s, const char *key, int number)
{
    char text[16], why[SETTINGS_WHY_MAX];
    snprintf(text, sizeof text, "%d", number);
    settings_take(s, key, text, SETTINGS_GIVEN, why);
}

/* Where the disk is to be, if nobody has said: in the runtime folder. */
int attach_set_place(const struct attach *a)
{
    char path[RUNTIME_PATH_MAX], why[SETTINGS_WHY_MAX];
    const char *suffix = strcmp(kind(a), "nbd") == 0 ? ".nbd" : "";
    if (settings_said(a->s, SETTING_AT) || settings_number(a->s, SETTING_AS) == KIND_NONE)
        return STATUS_OK;
    if (!runtime_path(a->name, suffix, path) || settings_take(a->s, "at", path, SETTINGS_DEFAULT, why) != 0)
        return fail(STATUS_SYSTEM,
                    "the path of the runtime folder is too long; set XDG_RUNTIME_DIR to a shorter one");
    return STATUS_OK;
}

/* A socket that a dead process has left: the name is ours, and nobody listens there. */
static void make_room(const struct attach *a)
{
    struct stat st;
    const char *at = settings_text(a->s, SETTING_AT);
    if (strcmp(kind(a), "nbd") != 0 || !at || lstat(at, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = runtime_connect(at);
    if (fd >= 0)
        close(fd);
    else if (errno == ECONNREFUSED)
        unlink(at);
}

static void keep_open(int fd)
{
    fcntl(fd, F_SETFD, 0);
}

/* --- the process --- */

static int missing(const struct attach *a, const char *program, char *sentence, size_t size)
{
    if (errno != ENOENT)
        snprintf(sentence, size, "cannot run %s: %s%s", program, strerror(errno), say_errno_next(errno));
    else if (strcmp(kind(a), "nbd") == 0)
        snprintf(sentence, size,
                 "nbdkit is not there; install the Debian package nbdkit, or attach with --as fuse");
    else
        snprintf(sentence, size, "berth-fuse is not there; install it beside berth, or attach with --as nbd");
    return STATUS_SYSTEM;
}

/* Never comes back. */
static _Noreturn void become(const struct attach *a, char **argv)
{
    char sentence[512];
    if (!argv)
        _exit(attach_hold(a->s));
    execvp(argv[0], argv);
    missing(a, argv[0], sentence, sizeof sentence);
    report_failed(a->s, a->name, BERTH_E_SYSTEM, sentence);
    _exit(fail(STATUS_SYSTEM, "%s", sentence));
}

static void leave_terminal(int words)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    dup2(words, STDERR_FILENO);
    close(words);
    close(null);
    if (chdir("/") < 0)
        return; /* then it keeps a folder busy, no more */
}

/* Memory that what the program says goes into: it cannot grow, so nothing else can. */
static int words_fd(void)
{
    int fd = memfd_create("berth-attach", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 &&
        (ftruncate(fd, WORDS_BYTES) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* --- waiting --- */

struct waiting {
    pid_t pid;
    int fd, words;
    char line[REPORT_MAX];
    size_t len;
};

/* true: there is a line, or there will never be one. */
static bool hear(struct waiting *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    if (poll(&p, 1, LOOK_UP_MS) <= 0)
        return false;
    ssize_t n = read(w->fd, w->line + w->len, sizeof w->line - 1 - w->len);
    w->len += n > 0 ? (size_t)n : 0;
    w->line[w->len] = '\0';
    return n <= 0 || strchr(w->line, '\n') || w->len == sizeof w->line - 1;
}

/* The last line that the program said. false: it said nothing. */
static bool last_words(const struct waiting *w, char *out, size_t size)
{
    char *text = calloc(1, WORDS_BYTES + 1), *line = NULL;
    ssize_t n = text ? pread(w->words, text, WORDS_BYTES, 0) : 0;
    if (n > 0)
        for (char *at = strtok(text, "\n"); at; at = strtok(NULL, "\n"))
            line = at;
    bool said = line;
    snprintf(out, size, "%s", said ? line : "it said nothing");
    free(text);
    return said;
}

/* It has ended without a report. */
static int ended(const struct attach *a, const struct waiting *w)
{
    char words[512];
    int status = 0;
    const char *program = strcmp(kind(a), "nbd") == 0 ? "nbdkit" : "berth-fuse";
    waitpid(w->pid, &status, 0);
    last_words(w, words, sizeof words);
    if (WIFSIGNALED(status))
        return fail(STATUS_SYSTEM, "%s was ended by signal %d before %s could be used; try again", program,
                    WTERMSIG(status), a->name);
    return fail(STATUS_SYSTEM, "%s ended before %s could be used: %s; put that right, then try again",
                program, a->name, words);
}

static int interrupted(const struct waiting *w)
{
    uint64_t deadline = clock_ns() + END_MS * 1000000ull;
    kill(w->pid, SIGTERM);
    pid_t left;
    while ((left = waitpid(w->pid, NULL, WNOHANG)) == 0 && clock_ns() < deadline)
        usleep(PAUSE_US);
    if (left == 0 && kill(w->pid, SIGKILL) == 0)
        waitpid(w->pid, NULL, 0);
    return fail(STATUS_SIGNAL + signals_caught(), "interrupted; nothing is attached");
}

static int file_of(const struct attach *a, char path[STORE_PATH_MAX])
{
    return store_path(a->o->config_dir, a->name, path)
               ? STATUS_OK
               : fail(STATUS_USAGE, "the path of --config-dir is too long; use a shorter one");
}

int attach_check_keeping(const struct attach *a)
{
    char path[STORE_PATH_MAX], why[STORE_WHY_MAX];
    int status = a->o->persist ? file_of(a, path) : STATUS_OK;
    int error = a->o->persist && status == STATUS_OK ? store_check(path, why) : 0;
    if (error == BERTH_E_SYSTEM)
        return fail(STATUS_SYSTEM, "%s%s", why,
                    errno == EACCES ? "; do it as root, or give --config-dir a folder of yours"
                                    : say_errno_next(errno));
    return error ? fail(STATUS_USAGE, "%s", why) : status;
}

int attach_keep(const struct attach *a)
{
    char path[STORE_PATH_MAX], why[STORE_WHY_MAX];
    int status = a->o->persist ? file_of(a, path) : STATUS_OK;
    if (!a->o->persist || status != STATUS_OK)
        return status;
    int error = store_write(a->s, path, why);
    if (error)
        return fail(STATUS_SYSTEM, "%s is attached, but it will not be after a restart: %s%s", a->name, why,
                    error == BERTH_E_SYSTEM ? say_errno_next(errno) : "");
    return STATUS_OK;
}

static int judge(struct attach *a, const struct waiting *w)
{
    json_t *report = json_loads(w->line, JSON_DISABLE_EOF_CHECK, NULL);
    const json_t *error = json_object_get(report, "error");
    const char *path = json_string_value(json_object_get(report, "path"));
    char words[512];
    int status;
    if (error) {
        waitpid(w->pid, NULL, 0);
        if (settings_number(a->s, SETTING_AS) == SETTINGS_AS_FUSE && last_words(w, words, sizeof words))
            say("%s", words); /* libfuse and fusermount3 have their own, which the report points to */
        status = fail((int)json_integer_value(json_object_get(error, "exit")), "%s",
                      json_string_value(json_object_get(error, "text")));
    } else if (path) {
        a->taken = true;
        attach_print(a, path, w->pid);
        status = attach_keep(a);
    } else {
        status = ended(a, w);
    }
    json_decref(report);
    return status;
}

static int wait_for(struct attach *a, struct waiting *w)
{
    while (!signals_caught())
        if (hear(w))
            return judge(a, w);
    return interrupted(w);
}

/* --- both ways --- */

static int in_background(struct attach *a, char **argv, int to_us[2], int words)
{
    struct waiting w = {.fd = to_us[0], .words = words};
    signals_defer(true);
    fflush(stdout);
    w.pid = fork();
    if (w.pid == 0) {
        close(to_us[0]);
        keep_open(to_us[1]);
        keep_open(a->lock_fd);
        leave_terminal(words);
        become(a, argv);
    }
    close(to_us[1]);
    if (w.pid < 0)
        return fail_errno("begin", "the export");
    return wait_for(a, &w);
}

static int start_background(struct attach *a)
{
    int to_us[2] = {-1, -1}, words = words_fd(), status = STATUS_SYSTEM;
    if (words < 0 || pipe2(to_us, O_CLOEXEC) < 0)
        return fail_errno("have a pipe for", a->name);
    set_number(a->s, "tell-fd", to_us[1]);
    set_number(a->s, "lock-fd", a->lock_fd);
    char **argv = settings_number(a->s, SETTING_AS) == KIND_NONE ? NULL : attach_program(a);
    if (argv || settings_number(a->s, SETTING_AS) == KIND_NONE)
        status = in_background(a, argv, to_us, words);
    attach_program_free(argv);
    close(to_us[0]);
    close(words);
    return status;
}

/* Nobody is between us and it: what it prints is what we print. */
static int start_foreground(struct attach *a)
{
    char why[SETTINGS_WHY_MAX];
    int out = dup(STDOUT_FILENO); /* nbdkit lets go of that itself */
    set_number(a->s, "tell-fd", out);
    settings_take(a->s, "tell-as", a->o->json ? "json" : "path", SETTINGS_GIVEN, why);
    set_number(a->s, "lock-fd", a->lock_fd);
    if (settings_number(a->s, SETTING_AS) == KIND_NONE)
        return attach_hold(a->s);
    char **argv = attach_program(a);
    if (!argv)
        return STATUS_SYSTEM;
    keep_open(a->lock_fd);
    become(a, argv);
}

int attach_start(struct attach *a)
{
    make_room(a);
    if (a->o->foreground)
        return start_foreground(a);
    int status = start_background(a);
    if (!a->taken)
        make_room(a); /* nbdkit leaves its socket when it fails */
    return status;
}
