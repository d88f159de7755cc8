/* SPDX-License-Identifier: MIT */
#include "check/trial.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "check/judge.h"
#include "check/peer.h"

#define NUMBER_MAX 24u
#define URL_MAX    256u

/* What is done, in which order. */
struct step {
    enum trial_command command;
    uint32_t generation; /* that is written, or must be read */
};
#define STEPS_MAX 2u

struct plan {
    const char *word; /* place {operation} */
    struct step steps[STEPS_MAX];
    uint32_t count;
};

static const struct plan plans[] = {
    [OP_READ] = {"read", {{TRIAL_READ, DISK_FIRST}}, 1},
    [OP_WRITE] = {"write", {{TRIAL_WRITE, DISK_SECOND}}, 1},
    [OP_WRITE_READ] = {"write", {{TRIAL_WRITE, DISK_SECOND}, {TRIAL_READ, DISK_SECOND}}, 2},
    [OP_REWRITE] = {"write", {{TRIAL_WRITE, DISK_SECOND}, {TRIAL_WRITE, DISK_THIRD}}, 2},
    [OP_DISCOVER] = {"discover", {{TRIAL_DISCOVER, DISK_FIRST}}, 1},
};

static const char *const command_words[TRIAL_COMMANDS] = {"read", "write", "discover"};

struct trial {
    const struct suite *suite;
    const struct check_case *c;
    struct check_outcome *out;
    struct peer peer;
    struct evidence e;
    struct child_terms terms;
    char folder[PATH_MAX / 2], file[PATH_MAX], out_file[PATH_MAX], err_file[PATH_MAX];
    char secret_file[PATH_MAX], mutual_file[PATH_MAX];
    uint32_t acknowledged, tried; /* generations */
    bool wrote, stopped, shown;
};

/* --- what the initiator can do --- */

const char *const trial_places[] = {
    "operation", "url",           "portal",      "host",           "port",
    "target",    "lun",           "lba",         "blocks",         "offset",
    "length",    "block",         "file",        "timeout",        "user",
    "secret",    "secret_file",   "mutual_user", "mutual_secret",  "mutual_secret_file",
    "digest",    "header_digest", "data_digest", "initiator_name", NULL,
};

struct ability {
    uint32_t need;
    const char *place, *other; /* one of them */
    const char *words;
};

static const struct ability abilities[] = {
    {NEED_HEADER_DIGEST, "digest", "header_digest", "{digest} or {header_digest}"},
    {NEED_DATA_DIGEST, "digest", "data_digest", "{digest} or {data_digest}"},
    {NEED_USER | NEED_STRANGER | NEED_MUTUAL | NEED_WRONG_SECRET, "user", "user", "{user}"},
    {NEED_USER | NEED_STRANGER | NEED_MUTUAL | NEED_WRONG_SECRET, "secret_file", "secret",
     "{secret_file} or {secret}"},
    {NEED_MUTUAL, "mutual_user", "mutual_user", "{mutual_user}"},
    {NEED_MUTUAL, "mutual_secret_file", "mutual_secret", "{mutual_secret_file} or {mutual_secret}"},
    {NEED_NAME, "initiator_name", "initiator_name", "{initiator_name}"},
};

static bool able(const struct template *t, const struct check_case *c, char *why, size_t why_size)
{
    for (size_t i = 0; i < sizeof abilities / sizeof abilities[0]; i++) {
        const struct ability *a = &abilities[i];
        if (!(c->need & a->need) || template_has(t, a->place) || template_has(t, a->other))
            continue;
        snprintf(why, why_size, "the command has no place %s", a->words);
        return false;
    }
    return true;
}

bool trial_possible(const struct suite *s, const struct check_case *c, char *why, size_t why_size)
{
    const struct plan *plan = &plans[c->op];
    if (c->need & NEED_IPV6 && !s->ipv6) {
        snprintf(why, why_size, "there is no IPv6 address to listen on");
        return false;
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct template *t = s->commands[plan->steps[i].command];
        if (!t) {
            snprintf(why, why_size, "there is no command to %s", command_words[plan->steps[i].command]);
            return false;
        }
        if (!able(t, c, why, why_size))
            return false;
    }
    return true;
}

/* --- its places --- */

struct numbers {
    char lun[NUMBER_MAX], lba[NUMBER_MAX], blocks[NUMBER_MAX], offset[NUMBER_MAX], length[NUMBER_MAX],
        block[NUMBER_MAX], timeout[NUMBER_MAX];
};

static uint32_t block_bytes(const struct check_case *c)
{
    return c->need & NEED_LARGE_BLOCKS ? 4096 : 512;
}

static void write_number(char out[NUMBER_MAX], uint64_t n)
{
    snprintf(out, NUMBER_MAX, "%" PRIu64, n);
}

static uint64_t offset_of(const struct check_case *c)
{
    return (uint64_t)c->lba * block_bytes(c);
}

static size_t length_of(const struct check_case *c)
{
    return (size_t)c->blocks * block_bytes(c);
}

static void write_numbers(struct numbers *n, const struct check_case *c)
{
    write_number(n->lun, c->lun);
    write_number(n->lba, c->lba);
    write_number(n->blocks, c->blocks);
    write_number(n->offset, offset_of(c));
    write_number(n->length, length_of(c));
    write_number(n->block, block_bytes(c));
    write_number(n->timeout, c->patience_s ? c->patience_s : CASE_PATIENCE_S);
}

/* "[::1]:3260" in two. */
static void split_portal(const char *portal, char host[PEER_PORTAL_MAX], const char **port)
{
    const char *colon = strrchr(portal, ':');
    bool bracket = portal[0] == '[';
    size_t len = colon ? (size_t)(colon - portal) : strlen(portal);
    snprintf(host, PEER_PORTAL_MAX, "%.*s", (int)(bracket ? len - 2 : len), portal + bracket);
    *port = colon ? colon + 1 : "";
}

static const char *digest_word(uint32_t need)
{
    static const char *const words[] = {NULL, "header", "data", "both"};
    return words[need & NEED_DIGESTS];
}

static bool fill(struct trial *t, const struct step *step, struct command_line *line)
{
    const struct check_case *c = t->c;
    const bool login = c->need & (NEED_USER | NEED_MUTUAL | NEED_STRANGER | NEED_WRONG_SECRET);
    const bool mutual = c->need & NEED_MUTUAL, discover = step->command == TRIAL_DISCOVER;
    const char *portal = t->peer.portals[0], *port;
    char host[PEER_PORTAL_MAX], url[URL_MAX];
    struct numbers n;
    split_portal(portal, host, &port);
    snprintf(url, sizeof url, "iscsi://%s/%s/%" PRIu32, portal, PEER_IQN, c->lun);
    write_numbers(&n, c);
    const struct place places[] = {
        {"operation", command_words[step->command]},
        {"url", url},
        {"portal", portal},
        {"host", host},
        {"port", port},
        {"target", PEER_IQN},
        {"lun", n.lun},
        {"lba", n.lba},
        {"blocks", n.blocks},
        {"offset", n.offset},
        {"length", n.length},
        {"block", n.block},
        {"file", discover ? NULL : t->file},
        {"timeout", n.timeout},
        {"user", login ? PEER_USER : NULL},
        {"secret", login ? c->need & NEED_WRONG_SECRET ? PEER_WRONG_SECRET : PEER_SECRET : NULL},
        {"secret_file", login ? t->secret_file : NULL},
        {"mutual_user", mutual ? PEER_MUTUAL_USER : NULL},
        {"mutual_secret", mutual ? PEER_MUTUAL_SECRET : NULL},
        {"mutual_secret_file", mutual ? t->mutual_file : NULL},
        {"digest", digest_word(c->need)},
        {"header_digest", c->need & NEED_HEADER_DIGEST ? "CRC32C" : NULL},
        {"data_digest", c->need & NEED_DATA_DIGEST ? "CRC32C" : NULL},
        {"initiator_name", c->need & NEED_NAME ? PEER_INITIATOR : NULL},
        {NULL, NULL},
    };
    return template_fill(t->suite->commands[step->command], places, line);
}

/* --- files --- */

static bool write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    for (size_t done = 0; ok && done < len;) {
        ssize_t n = write(fd, (const char *)bytes + done, len - done);
        ok = n > 0;
        done += ok ? (size_t)n : 0;
    }
    return (fd < 0 || close(fd) == 0) && ok;
}

static bool write_generation(const struct trial *t, uint32_t g)
{
    const size_t len = length_of(t->c);
    uint8_t *bytes = malloc(len);
    bool ok = bytes != NULL;
    if (ok) {
        disk_pattern(bytes, t->c->lun, g, offset_of(t->c), len);
        ok = write_file(t->file, bytes, len);
    }
    free(bytes);
    return ok;
}

static bool prepare_files(struct trial *t)
{
    const char *secret = t->c->need & NEED_WRONG_SECRET ? PEER_WRONG_SECRET : PEER_SECRET;
    snprintf(t->folder, sizeof t->folder, "%s/%s", t->suite->folder, t->c->id);
    snprintf(t->file, sizeof t->file, "%s/data", t->folder);
    snprintf(t->out_file, sizeof t->out_file, "%s/out", t->folder);
    snprintf(t->err_file, sizeof t->err_file, "%s/err", t->folder);
    snprintf(t->secret_file, sizeof t->secret_file, "%s/secret", t->folder);
    snprintf(t->mutual_file, sizeof t->mutual_file, "%s/mutual", t->folder);
    t->terms.out = t->out_file;
    t->terms.err = t->err_file;
    return mkdir(t->folder, 0700) == 0 && write_file(t->secret_file, secret, strlen(secret)) &&
           write_file(t->mutual_file, PEER_MUTUAL_SECRET, strlen(PEER_MUTUAL_SECRET));
}

/* All of a file, or as much as fits, with a NUL behind it. Returns the length of all of it. */
static size_t read_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t len = 0;
    out[0] = '\0';
    if (!file)
        return 0;
    len = fread(out, 1, size - 1, file);
    out[len] = '\0';
    while (fgetc(file) != EOF)
        len++;
    fclose(file);
    return len;
}

/* --- bytes --- */

__attribute__((format(printf, 2, 3))) static void wrong_bytes(struct trial *t, const char *format, ...)
{
    va_list args;
    if (t->e.bytes[0])
        return;
    va_start(args, format);
    vsnprintf(t->e.bytes, sizeof t->e.bytes, format, args);
    va_end(args);
}

static void check_read(struct trial *t, uint32_t g)
{
    const size_t len = length_of(t->c);
    char *bytes = malloc(len + 2);
    size_t got = bytes ? read_file(t->file, bytes, len + 2) : 0, at;
    if (got != len)
        wrong_bytes(t, "the command said that it had read %zu bytes, and gave %zu", len, got);
    else if ((at = disk_differs((const uint8_t *)bytes, t->c->lun, g, offset_of(t->c), len)) < len)
        wrong_bytes(t, "byte %zu of what was read is not what the LUN holds, though the command succeeded",
                    at);
    free(bytes);
}

/* Nothing beside the range may have changed. */
static void check_outside(struct trial *t, const struct disk *d, uint64_t begin, uint64_t end)
{
    size_t at = disk_differs(d->bytes, d->lun, DISK_FIRST, 0, begin);
    if (at < begin)
        wrong_bytes(t, "byte %zu of LUN %u has changed, where nothing was to be written", at, d->lun);
    at = disk_differs(d->bytes + end, d->lun, DISK_FIRST, end, DISK_BYTES - end);
    if (at < DISK_BYTES - end)
        wrong_bytes(t, "byte %" PRIu64 " of LUN %u has changed, where nothing was to be written", end + at,
                    d->lun);
}

/* What was acknowledged is there; what was not is there or not, block by block. */
static void check_inside(struct trial *t, const struct disk *d)
{
    const uint64_t offset = offset_of(t->c);
    const size_t len = length_of(t->c);
    size_t at = disk_torn(d, t->acknowledged, t->tried, offset, len, block_bytes(t->c));
    if (at == len)
        return;
    if (t->acknowledged == t->tried)
        wrong_bytes(t, "byte %" PRIu64 " of the LUN is not what was written, though the command succeeded",
                    offset + at);
    else
        wrong_bytes(
            t, "the block at byte %" PRIu64 " of the LUN holds neither what was there nor what was written",
            offset + at);
}

static void check_disks(struct trial *t)
{
    for (uint32_t i = 0; i < t->peer.disk_count; i++) {
        const struct disk *d = &t->peer.disks[i];
        const bool written = t->wrote && d->lun == t->c->lun;
        check_outside(t, d, written ? offset_of(t->c) : DISK_BYTES,
                      written ? offset_of(t->c) + length_of(t->c) : DISK_BYTES);
        if (written)
            check_inside(t, d);
    }
}

static void check_names(struct trial *t)
{
    char text[4096];
    read_file(t->out_file, text, sizeof text);
    if (!strstr(text, PEER_IQN))
        wrong_bytes(t, "the target's name is not in what the command printed, though it succeeded");
}

/* --- the commands --- */

/* The words as they are run, for people to try again. */
static void keep_command(struct trial *t, char *const argv[])
{
    char *out = t->out->command;
    size_t used = 0;
    for (out[0] = '\0'; *argv && used < CHECK_COMMAND_MAX - 1; argv++)
        used += (size_t)snprintf(out + used, CHECK_COMMAND_MAX - used, "%s%s", used ? " " : "", *argv);
}

static void keep_output(struct trial *t)
{
    char text[64 * 1024];
    size_t len = read_file(t->err_file, text, sizeof text);
    if (len == 0)
        len = read_file(t->out_file, text, sizeof text);
    size_t from = len > CHECK_OUTPUT_MAX - 1 ? len - (CHECK_OUTPUT_MAX - 1) : 0;
    memcpy(t->out->output, text + from, len - from);
    t->out->output[len - from] = '\0';
}

static bool said_success(const struct child *c)
{
    return c->end == CHILD_EXITED && c->status == 0;
}

/* The command that is shown is the first that did not end as it should. */
static void keep(struct trial *t, char *const argv[], const struct child *c)
{
    const bool strange = c->end != CHILD_EXITED || child_crashed(c);
    const bool right = !strange && (t->c->end == END_EITHER || said_success(c) == (t->c->end == END_SUCCESS));
    if (t->shown)
        return;
    t->shown = !right;
    keep_command(t, argv);
    keep_output(t);
}

static void count(struct trial *t, const struct child *c)
{
    const bool strange = c->end != CHILD_EXITED || child_crashed(c);
    t->e.runs++;
    t->out->ms += c->ms;
    t->e.succeeded += said_success(c);
    t->e.failed += !said_success(c) && !strange;
    if (strange && t->e.bad.end == CHILD_EXITED && t->e.bad.status == 0)
        t->e.bad = *c;
}

static void note_write(struct trial *t, const struct step *step, bool said)
{
    t->wrote = true;
    t->tried = step->generation;
    if (said)
        t->acknowledged = step->generation;
}

static bool broken(struct trial *t, const char *text)
{
    t->out->result = CHECK_BROKEN;
    snprintf(t->out->why, sizeof t->out->why, "%s", text);
    return false;
}

static bool start_failed(struct trial *t, const struct child *c, const char *program)
{
    char text[CHECK_WHY_MAX];
    snprintf(text, sizeof text, "cannot run %s: %s", program, strerror(c->status));
    return broken(t, text);
}

/* One command. False: it is no use to go on. */
static bool run_step(struct trial *t, const struct step *step)
{
    static struct command_line line; /* too large for comfort on the stack */
    if (step->command == TRIAL_WRITE ? !write_generation(t, step->generation)
                                     : unlink(t->file) < 0 && errno != ENOENT)
        return broken(t, "cannot write a file in TMPDIR");
    if (!fill(t, step, &line))
        return broken(t, "the command becomes too long");
    struct child c = child_run(line.argv, &t->terms);
    if (c.end == CHILD_ABSENT)
        return start_failed(t, &c, line.argv[0]);
    t->stopped = c.end == CHILD_STOPPED;
    if (t->stopped)
        return false;
    count(t, &c);
    keep(t, line.argv, &c);
    if (step->command == TRIAL_WRITE)
        note_write(t, step, said_success(&c));
    else if (step->command == TRIAL_READ && said_success(&c))
        check_read(t, step->generation);
    else if (said_success(&c))
        check_names(t);
    return true;
}

/* What was not written is not read again. */
static void run_steps(struct trial *t)
{
    const struct plan *plan = &plans[t->c->op];
    bool go_on = true;
    for (uint32_t i = 0; i < plan->count && go_on; i++) {
        if (plan->steps[i].command == TRIAL_READ && t->tried != t->acknowledged)
            return;
        for (uint32_t n = 0; n < (t->c->times ? t->c->times : 1) && go_on; n++)
            go_on = run_step(t, &plan->steps[i]);
    }
}

static void settle(const struct trial *t)
{
    struct pollfd p = {.fd = t->terms.stop_fd, .events = POLLIN};
    if (t->c->settle_ms > 0 && !t->stopped)
        poll(&p, 1, (int)t->c->settle_ms);
}

/* --- all of it --- */

static void gather(struct trial *t)
{
    const struct check_options *o = t->suite->options;
    t->e.c = t->c;
    t->e.time_ms = o->time_ms;
    t->e.fired = t->peer.fired;
    t->e.script_rules = peer_script_rules(t->c);
    t->e.known = o->known;
    t->e.known_count = o->known_count;
    memcpy(t->out->violations, t->peer.violations, sizeof t->out->violations);
    t->out->violation_count = t->peer.violation_count;
}

static void play(struct trial *t)
{
    run_steps(t);
    settle(t);
    if (!peer_stop(&t->peer)) {
        broken(t, t->peer.why);
        return;
    }
    check_disks(t);
    gather(t);
    if (t->out->result != CHECK_BROKEN)
        judge(&t->e, t->out);
}

bool trial_run(const struct suite *s, const struct check_case *c, struct check_outcome *out)
{
    static struct trial t;
    const char *address = c->need & NEED_IPV6 ? s->options->listen6 : s->options->listen;
    t = (struct trial){.suite = s, .c = c, .out = out};
    memset(out, 0, sizeof *out);
    t.terms.time_ms = s->options->time_ms;
    t.terms.stop_fd = s->options->stop_fd;
    child_terms_limits(&t.terms);
    if (!prepare_files(&t))
        return broken(&t, "cannot write files in TMPDIR"), true;
    if (peer_start(&t.peer, c, address))
        play(&t);
    else
        broken(&t, t.peer.why);
    peer_free(&t.peer);
    return !t.stopped;
}
