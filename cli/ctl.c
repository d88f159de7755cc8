/* SPDX-License-Identifier: MIT */
#include "cli/ctl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "cli/ctl_answer.h"
#include "cli/say.h"

/* --- where --- */

static bool make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

const char *ctl_path(const char *name, bool make, char out[PATH_MAX])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (strchr(name, '/')) {
        snprintf(out, PATH_MAX, "%s", name);
        return out;
    }
    snprintf(out, PATH_MAX, "%s/berth", runtime && *runtime ? runtime : "/run");
    if (make && !make_folder(out))
        return NULL;
    size_t len = strlen(out);
    snprintf(out + len, PATH_MAX - len, "/%s", name);
    return out;
}

/* --- connecting --- */

static int refuse(const char *path)
{
    if (errno == ENOENT || errno == ECONNREFUSED)
        return fail(STATUS_UNREACHABLE, "no target listens at %s; start it with --control, or name another",
                    path);
    return fail(STATUS_UNREACHABLE, "cannot connect to %s: %s%s", path, strerror(errno),
                say_errno_next(errno));
}

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static void set_timeout(int fd, uint32_t ms)
{
    const struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static int greeting(FILE *ctl, const char *path)
{
    char line[128];
    errno = 0;
    if (!fgets(line, sizeof line, ctl) && errno == EAGAIN)
        return fail(STATUS_UNREACHABLE, "the target at %s does not answer; see whether it hangs", path);
    if (feof(ctl) || ferror(ctl))
        return fail(STATUS_PROTOCOL, "%s closed without a word; see whether it is the socket of a target",
                    path);
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, CTL_GREETING) == 0)
        return STATUS_OK;
    return fail(STATUS_PROTOCOL,
                "%s says '%s', and not '" CTL_GREETING "'; use the berth that it was started with", path,
                line);
}

int ctl_open(FILE **ctl, const char *path, uint32_t timeout_ms)
{
    int fd = connect_to(path);
    if (fd < 0)
        return refuse(path);
    set_timeout(fd, timeout_ms ? timeout_ms : CTL_TIMEOUT_MS);
    *ctl = fdopen(fd, "r+");
    if (!*ctl) {
        close(fd);
        return fail_errno("talk to", path);
    }
    int status = greeting(*ctl, path);
    if (status != STATUS_OK)
        fclose(*ctl);
    return status;
}

/* --- asking --- */

/* Whatever would end a word or a line, and the percent sign itself. */
static void put_word(FILE *ctl, const char *word)
{
    for (const unsigned char *at = (const unsigned char *)word; *at; at++)
        if (*at <= ' ' || *at == 0x7f || *at == '%')
            fprintf(ctl, "%%%02X", *at);
        else
            putc(*at, ctl);
}

int ctl_ask(FILE *ctl, char *const *words, int count, bool json)
{
    for (int i = 0; i < count; i++) {
        if (i > 0)
            putc(' ', ctl);
        put_word(ctl, words[i]);
    }
    putc('\n', ctl);
    if (fflush(ctl) != 0)
        return fail(STATUS_UNREACHABLE,
                    "the target has closed its control socket; see whether it still runs");
    return ctl_answer(ctl, stdout, json);
}
