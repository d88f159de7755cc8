/* SPDX-License-Identifier: MIT */
#include "cli/attachment_end.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "attach/exit.h"
#include "attach/runtime.h"
#include "cli/attachment.h"
#include "cli/clock.h"
#include "cli/say.h"

#define LOOK_MS 10
#define KILL_MS 5000u

/* Takes away what is left, if nobody holds the name. false: somebody does. */
static bool tidy(const char *name)
{
    int64_t holder;
    int fd = runtime_lock(name, &holder);
    if (fd < 0)
        return false;
    attachment_tidy(name);
    runtime_unlock(name, fd);
    return true;
}

static bool is_free(const char *name)
{
    char path[RUNTIME_PATH_MAX];
    return runtime_path(name, ".lock", path) && access(path, F_OK) < 0 && errno == ENOENT;
}

/* Its lock goes last. One that dies on the way leaves it, held by nobody. */
static int wait_for_end(const char *name, struct peer *p, uint64_t deadline)
{
    json_t *line;
    enum peer_line got;
    do {
        uint64_t now = clock_ns();
        got = peer_next(p, &line, now < deadline ? (int)((deadline - now) / 1000000 + 1) : 0);
        json_decref(line);
    } while (got == PEER_LINE);
    while (got != PEER_LATE && !is_free(name) && clock_ns() < deadline)
        poll(NULL, 0, LOOK_MS);
    if (is_free(name) || tidy(name))
        return STATUS_OK;
    return fail(STATUS_UNREACHABLE,
                "%s has not ended in time; process %" PRId64 " may need more, with --timeout", name,
                peer_pid(p));
}

/* One that waits for a disk of its own dies when that has come to an end. */
static int kill_it(const char *name, struct peer *p)
{
    uint64_t deadline = clock_ns() + KILL_MS * 1000000ull;
    if (peer_pid(p) <= 1 || kill((pid_t)peer_pid(p), SIGKILL) < 0)
        return fail(STATUS_SYSTEM, "cannot kill process %" PRId64 " of %s: %s", peer_pid(p), name,
                    strerror(errno));
    while (!tidy(name)) {
        if (clock_ns() > deadline)
            return fail(STATUS_UNREACHABLE,
                        "%s was killed and has not died yet; see what process %" PRId64 " waits for", name,
                        peer_pid(p));
        poll(NULL, 0, LOOK_MS);
    }
    return STATUS_OK;
}

static int end_silent(const char *name, struct peer *p, bool force, const char *why, enum attachment_end *how)
{
    *how = END_KILLED;
    if (force && p)
        return kill_it(name, p);
    return fail(STATUS_UNREACHABLE, "%s; --force kills process %" PRId64, why, p ? peer_pid(p) : 0);
}

static bool hung_up(struct peer *p)
{
    json_t *line;
    enum peer_line got = peer_next(p, &line, 0);
    json_decref(line);
    return got == PEER_ENDED;
}

static int end_alive(const char *name, struct peer *p, bool force, uint64_t deadline,
                     enum attachment_end *how)
{
    char why[PEER_WHY_MAX];
    int status;
    json_t *request = json_pack("{s:s, s:b}", "verb", "detach", "force", force);
    json_t *result = peer_ask(p, request, &status, why);
    json_decref(result);
    *how = END_ENDED;
    if (status == STATUS_OK || (status == STATUS_UNREACHABLE && hung_up(p))) /* somebody else was faster */
        return wait_for_end(name, p, deadline);
    if (status == STATUS_UNREACHABLE && force)
        return end_silent(name, p, force, why, how);
    return fail(status, "%s", why);
}

/* What neither answers nor gives up its name begins or ends just now, and is asked until it has done so.
 * true: it had died, and what it left is taken away. */
static bool settle(const char *name, struct peer **p, uint32_t timeout_ms, uint64_t deadline,
                   enum attachment_presence *presence, char why[PEER_WHY_MAX])
{
    while ((*presence = peer_open(p, name, timeout_ms, why)) == ATTACHMENT_DEAD) {
        if (tidy(name))
            return true;
        if (clock_ns() >= deadline)
            return false;
        peer_close(*p);
        poll(NULL, 0, LOOK_MS);
    }
    return false;
}

int attachment_end_name(const char *name, bool force, uint32_t timeout_ms, enum attachment_end *how)
{
    char why[PEER_WHY_MAX];
    struct peer *p = NULL;
    uint32_t ms = timeout_ms ? timeout_ms : ATTACHMENT_END_MS;
    uint64_t deadline = clock_ns() + ms * 1000000ull;
    int status = attachment_check_name(name);
    if (status != STATUS_OK)
        return status;
    enum attachment_presence presence;
    bool tidied = settle(name, &p, timeout_ms, deadline, &presence, why);
    *how = tidied ? END_TIDIED : END_NOTHING;
    if (presence == ATTACHMENT_ALIVE)
        status = end_alive(name, p, force, deadline, how);
    else if (presence == ATTACHMENT_SILENT)
        status = end_silent(name, p, force, why, how);
    else if (presence == ATTACHMENT_DEAD && !tidied)
        status = fail(STATUS_UNREACHABLE, "%s; its name is held: it begins or ends just now", why);
    else if (presence != ATTACHMENT_ABSENT && !tidied)
        status = fail(attachment_status(presence), "%s", why);
    peer_close(p);
    return status;
}
