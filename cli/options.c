/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "cli/options.h"
#include "cli/say.h"
#include "attach/size.h"

#define DEPTH_MAX     1024
#define THREADS_MAX   64
#define SESSIONS_MAX  512
#define DSCP_MAX      63
#define IN_MAX        (64u * 1024 * 1024)
#define CHALLENGE_MAX 1024 /* bytes, RFC 7143 12.1.3 */

static const char *set_user(struct options *o, const char *value)
{
    o->user = value;
    return value[0] ? NULL : "a name";
}

static const char *set_secret_file(struct options *o, const char *value)
{
    o->secret_file = value;
    return NULL;
}

static const char *set_mutual_user(struct options *o, const char *value)
{
    o->mutual_user = value;
    return value[0] ? NULL : "a name";
}

static const char *set_mutual_secret_file(struct options *o, const char *value)
{
    o->mutual_secret_file = value;
    return NULL;
}

static const char *set_allow_weak_secret(struct options *o, const char *value)
{
    (void)value;
    o->allow_weak_secret = true;
    return NULL;
}

static const char *set_chap_algorithms(struct options *o, const char *value)
{
    o->chap_algorithms = value;
    return NULL;
}

static const char *set_chap_challenge_min(struct options *o, const char *value)
{
    return size_count(value, 1, CHALLENGE_MAX, &o->chap_challenge_min) ? NULL : "a number from 1 to 1024";
}

static const char *set_initiator_name(struct options *o, const char *value)
{
    o->initiator_name = value;
    return NULL;
}

static const char *set_isid(struct options *o, const char *value)
{
    o->isid = value;
    return NULL;
}

static const char *set_digest(struct options *o, const char *value)
{
    static const char *const words[] = {"none", "header", "data", "both"};
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(value, words[i]) != 0)
            continue;
        o->header_digest = i & 1;
        o->data_digest = i & 2;
        return NULL;
    }
    return "none, header, data or both";
}

static const char *set_timeout(struct options *o, const char *value)
{
    return size_seconds(value, &o->timeout_ms) ? NULL : "a number of seconds, 0.001 to 86400";
}

static const char *set_redirects(struct options *o, const char *value)
{
    o->redirects = value;
    return NULL;
}

static const char *set_bind(struct options *o, const char *value)
{
    o->bind = value;
    return value[0] ? NULL : "an address of this host";
}

static const char *set_device(struct options *o, const char *value)
{
    o->device = value;
    return value[0] ? NULL : "a network device";
}

static const char *set_ports(struct options *o, const char *value)
{
    return size_range(value, 1, UINT16_MAX, &o->first_port, &o->last_port) ? NULL
                                                                           : "a range such as 40000-40999";
}

static const char *set_mark(struct options *o, const char *value)
{
    return size_bits(value, &o->mark) ? NULL : "a number such as 42 or 0x2a";
}

static const char *set_priority(struct options *o, const char *value)
{
    return size_bits(value, &o->priority) ? NULL : "a number such as 6 or 0x10001";
}

static const char *set_dscp(struct options *o, const char *value)
{
    return size_count(value, 0, DSCP_MAX, &o->dscp) ? NULL : "a number from 0 to 63";
}

static const char *set_engine(struct options *o, const char *value)
{
    o->engine = value;
    return strcmp(value, "sockets") == 0 || strcmp(value, "io_uring") == 0 || strcmp(value, "auto") == 0
               ? NULL
               : "sockets, io_uring or auto";
}

static const char *set_json(struct options *o, const char *value)
{
    (void)value;
    o->json = true;
    return NULL;
}

static const char *set_force(struct options *o, const char *value)
{
    (void)value;
    o->force = true;
    return NULL;
}

static const char *set_names(struct options *o, const char *value)
{
    (void)value;
    o->names = true;
    return NULL;
}

static const char *set_keep(struct options *o, const char *value)
{
    (void)value;
    o->keep = true;
    return NULL;
}

static const char *set_prometheus(struct options *o, const char *value)
{
    (void)value;
    o->prometheus = true;
    return NULL;
}

static const char *set_all(struct options *o, const char *value)
{
    (void)value;
    o->all = true;
    return NULL;
}

static const char *set_luns(struct options *o, const char *value)
{
    (void)value;
    o->luns = true;
    return NULL;
}

static const char *set_verify(struct options *o, const char *value)
{
    (void)value;
    o->verify = true;
    return NULL;
}

static const char *set_place(uint64_t *out, const char *value)
{
    return size_parse(value, out) && *out < INT64_MAX ? NULL : "a number of bytes such as 4096, 4k or 1M";
}

static const char *set_from(struct options *o, const char *value)
{
    return set_place(&o->from_bytes, value);
}

static const char *set_to(struct options *o, const char *value)
{
    return set_place(&o->to_bytes, value);
}

static const char *set_length(struct options *o, const char *value)
{
    return set_place(&o->length_bytes, value);
}

static const char *set_rw(struct options *o, const char *value)
{
    static const struct {
        const char *word;
        uint32_t mode;
    } modes[] = {
        {"read", BENCH_READ},
        {"write", BENCH_WRITE},
        {"randread", BENCH_READ | BENCH_RANDOM},
        {"randwrite", BENCH_WRITE | BENCH_RANDOM},
        {"randrw", BENCH_READ | BENCH_WRITE | BENCH_RANDOM},
    };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(value, modes[i].word) != 0)
            continue;
        o->rw = modes[i].word;
        o->mode = modes[i].mode;
        return NULL;
    }
    return "read, write, randread, randwrite or randrw";
}

static const char *set_bs(struct options *o, const char *value)
{
    return size_parse(value, &o->block_bytes) && o->block_bytes > 0 ? NULL : "a size such as 4096, 4k or 1M";
}

static const char *set_depth(struct options *o, const char *value)
{
    return size_count(value, 1, DEPTH_MAX, &o->depth) ? NULL : "a number from 1 to 1024";
}

static const char *set_threads(struct options *o, const char *value)
{
    return size_count(value, 1, THREADS_MAX, &o->threads) ? NULL : "a number from 1 to 64";
}

static const char *set_sessions(struct options *o, const char *value)
{
    return size_count(value, 1, SESSIONS_MAX, &o->sessions) ? NULL : "a number from 1 to 512";
}

static const char *set_reactors(struct options *o, const char *value)
{
    return size_count(value, 0, THREADS_MAX, &o->reactors) ? NULL : "a number from 0 to 64";
}

static const char *set_time(struct options *o, const char *value)
{
    return size_seconds(value, &o->time_ms) ? NULL : "a number of seconds, 0.001 to 86400";
}

static const char *set_plot(struct options *o, const char *value)
{
    o->plot = value;
    return NULL;
}

static const char *add_lun(struct options *o, const char *value)
{
    if (o->store_count == SERVE_LUNS_MAX)
        return "one of at most 1024 LUNs";
    o->stores[o->store_count++] = value;
    return NULL;
}

static const char *add_listen(struct options *o, const char *value)
{
    if (o->portal_count == SERVE_PORTALS_MAX)
        return "one of at most 8 portals";
    o->portals[o->portal_count++] = value;
    return NULL;
}

static const char *add_allowed(struct options *o, const char *value)
{
    if (o->allowed_count == SERVE_ALLOWED_MAX)
        return "one of at most 256 names";
    o->allowed[o->allowed_count++] = value;
    return value[0] ? NULL : "an initiator's name";
}

static const char *add_key(struct options *o, const char *value)
{
    if (o->key_count == SERVE_KEYS_MAX)
        return "one of at most 32 keys";
    o->keys[o->key_count++] = value;
    return NULL;
}

static const char *add_script(struct options *o, const char *value)
{
    if (o->script_count == SERVE_SCRIPTS_MAX)
        return "one of at most 16 scripts";
    o->scripts[o->script_count++] = value;
    return NULL;
}

static const char *add_fault(struct options *o, const char *value)
{
    if (o->fault_count == SERVE_FAULTS_MAX)
        return "one of at most 64 rules";
    o->faults[o->fault_count++] = value;
    return NULL;
}

static const char *set_to_portal(struct options *o, const char *value)
{
    o->to_portal = value;
    return value[0] ? NULL : "a portal as HOST[:PORT]";
}

static const char *set_seed(struct options *o, const char *value)
{
    o->seed_given = true;
    return size_bits(value, &o->seed) ? NULL : "a number such as 7, of 32 bits at most";
}

static const char *set_iqn(struct options *o, const char *value)
{
    o->iqn = value;
    return NULL;
}

static const char *set_no_auth(struct options *o, const char *value)
{
    (void)value;
    o->no_auth = true;
    return NULL;
}

static const char *set_wait(struct options *o, uint32_t wait, const char *otherwise)
{
    if (o->wait && o->wait != wait)
        return otherwise;
    o->wait = wait;
    return NULL;
}

static const char *set_poll(struct options *o, const char *value)
{
    (void)value;
    return set_wait(o, BERTH_WAIT_POLL, "contradicts --sleep; leave one out");
}

static const char *set_sleep(struct options *o, const char *value)
{
    (void)value;
    return set_wait(o, BERTH_WAIT_SLEEP, "contradicts --poll; leave one out");
}

static const char *set_busy_poll(struct options *o, const char *value)
{
    (void)value;
    o->busy_poll = true;
    return NULL;
}

static const char *set_foreground(struct options *o, const char *value)
{
    (void)value;
    o->foreground = true;
    return NULL;
}

static const char *set_persist(struct options *o, const char *value)
{
    (void)value;
    o->persist = true;
    return NULL;
}

static const char *set_config(struct options *o, const char *value)
{
    o->config = value;
    return value[0] ? NULL : "a name or a file";
}

static const char *set_config_dir(struct options *o, const char *value)
{
    o->config_dir = value;
    return value[0] ? NULL : "a folder";
}

const char *options_log_level(const char *word, int8_t *level)
{
    static const char *const words[] = {SERVE_LOG_WORDS};
    for (int i = 0; i < (int)(sizeof words / sizeof words[0]); i++) {
        if (strcmp(word, words[i]) != 0)
            continue;
        *level = (int8_t)(SERVE_LOG_QUIET + i);
        return NULL;
    }
    return "quiet, normal or debug";
}

static const char *set_referee(struct options *o, const char *value)
{
    (void)value;
    o->referee = true;
    return NULL;
}

static const char *set_state_dir(struct options *o, const char *value)
{
    o->state_dir = value;
    return value[0] ? NULL : "a folder";
}

static const char *set_log(struct options *o, const char *value)
{
    o->log_given = true;
    return options_log_level(value, &o->log_level);
}

static const char *set_control(struct options *o, const char *value)
{
    o->control = value;
    return value[0] ? NULL : "a path or a name";
}

static const char *set_run_as(struct options *o, const char *value)
{
    o->run_as = value;
    return value[0] ? NULL : "a user";
}

static const char *set_no_seccomp(struct options *o, const char *value)
{
    (void)value;
    o->no_seccomp = true;
    return NULL;
}

static const char *set_read_command(struct options *o, const char *value)
{
    o->read_command = value;
    return NULL;
}

static const char *set_write_command(struct options *o, const char *value)
{
    o->write_command = value;
    return NULL;
}

static const char *set_discover_command(struct options *o, const char *value)
{
    o->discover_command = value;
    return NULL;
}

static const char *add_only(struct options *o, const char *value)
{
    if (o->only_count == CHECK_PATTERNS_MAX)
        return "one of at most 32 patterns";
    o->only[o->only_count++] = value;
    return NULL;
}

static const char *add_skip(struct options *o, const char *value)
{
    if (o->skip_count == CHECK_PATTERNS_MAX)
        return "one of at most 32 patterns";
    o->skip[o->skip_count++] = value;
    return NULL;
}

static const char *add_known(struct options *o, const char *value)
{
    if (o->known_count == CHECK_KNOWN_MAX)
        return "one of at most 16 rules";
    o->known[o->known_count++] = value;
    return NULL;
}

static const char *set_list(struct options *o, const char *value)
{
    (void)value;
    o->list = true;
    return NULL;
}

static const char *set_verbose(struct options *o, const char *value)
{
    (void)value;
    o->verbose = true;
    return NULL;
}

static const char *set_jobs(struct options *o, const char *value)
{
    return size_count(value, 1, CHECK_JOBS_MAX, &o->jobs) ? NULL : "a number from 1 to 64";
}

static const char *set_limit(struct options *o, const char *value)
{
    return size_seconds(value, &o->limit_ms) ? NULL : "a number of seconds, 0.001 to 86400";
}

static const char *set_junit(struct options *o, const char *value)
{
    o->junit = value;
    return NULL;
}

static const char *set_in(struct options *o, const char *value)
{
    uint64_t bytes = 0;
    if (!size_parse(value, &bytes) || bytes == 0 || bytes > IN_MAX)
        return "a size such as 96 or 4K, at most 64M";
    o->in_bytes = (uint32_t)bytes;
    return NULL;
}

static const char *set_out(struct options *o, const char *value)
{
    o->out_file = value;
    return value[0] ? NULL : "a file";
}

static const char *set_raw(struct options *o, const char *value)
{
    (void)value;
    o->raw = true;
    return NULL;
}

static const struct option_row rows[] = {
    {OPT_USER, "user", "NAME", "log in with CHAP under this name; a login is then required", set_user},
    {OPT_SECRET_FILE, "secret-file", "FILE", "the user's secret; - or /dev/fd/N for an open one",
     set_secret_file},
    {OPT_MUTUAL_USER, "mutual-user", "NAME", "name under which the target must prove itself",
     set_mutual_user},
    {OPT_MUTUAL_SECRET_FILE, "mutual-secret-file", "FILE", "the target's own secret", set_mutual_secret_file},
    {OPT_ALLOW_WEAK_SECRET, "allow-weak-secret", NULL, "take secrets under 96 bits", set_allow_weak_secret},
    {OPT_CHAP_ALGORITHMS, "chap-algorithms", "LIST",
     "CHAP's hashes, the best first, as SHA3-256,SHA256; others are refused", set_chap_algorithms},
    {OPT_CHAP_CHALLENGE_MIN, "chap-challenge-min", "BYTES",
     "refuse shorter challenges of the target (default 16)", set_chap_challenge_min},
    {OPT_INITIATOR_NAME, "initiator-name", "NAME", "our iSCSI name", set_initiator_name},
    {OPT_ISID, "isid", "HEX", "our part of a session's identity, or 'name' (default: a random one)",
     set_isid},
    {OPT_DIGEST, "digest", "WHICH", "checksum none (default), header, data or both", set_digest},
    {OPT_TIMEOUT, "timeout", "SECONDS", "how long to wait for a silent or lost target", set_timeout},
    {OPT_REDIRECTS, "redirects", "WHERE", "follow (default), none, or a list of hosts and networks",
     set_redirects},
    {OPT_BIND, "bind", "ADDRESS", "connect from this address of ours", set_bind},
    {OPT_DEVICE, "device", "DEVICE", "connect through this network device", set_device},
    {OPT_PORTS, "ports", "FIRST-LAST", "connect from a local port of this range", set_ports},
    {OPT_MARK, "mark", "N", "mark our packets for filters and routing rules", set_mark},
    {OPT_PRIORITY, "priority", "N", "priority of our packets in this host's queues", set_priority},
    {OPT_DSCP, "dscp", "N", "differentiated services code point of our packets", set_dscp},
    {OPT_ENGINE, "engine", "NAME", "what moves bytes: sockets (default), io_uring or auto", set_engine},
    {OPT_JSON, "json", NULL, "print JSON", set_json},
    {OPT_FORCE, "force", NULL, "overwrite what holds data", set_force},
    {OPT_END, "force", NULL, "end it also if it is in use; kill it if it does not answer", set_force},
    {OPT_KEEP, "keep", NULL, "leave the file that --persist has written", set_keep},
    {OPT_ANSWER, "timeout", "SECONDS", "how long to wait for one attachment (default 10)", set_timeout},
    {OPT_ENDING, "timeout", "SECONDS", "how long each may take to end (default 30)", set_timeout},
    {OPT_NAMES, "names", NULL, "print the names alone", set_names},
    {OPT_PROMETHEUS, "prometheus", NULL, "print what Prometheus reads", set_prometheus},
    {OPT_ALL, "all", NULL, "those of all users, too", set_all},
    {OPT_LUNS, "luns", NULL, "list each target's LUNs too", set_luns},
    {OPT_VERIFY, "verify", NULL, "read both sides back afterwards and compare", set_verify},
    {OPT_FROM, "from", "BYTES", "begin at this byte of SRC", set_from},
    {OPT_TO, "to", "BYTES", "write from this byte of DST on; what else DST holds stays", set_to},
    {OPT_LENGTH, "length", "BYTES", "copy only so many bytes", set_length},
    {OPT_RW, "rw", "MODE", "read, write, randread (default), randwrite or randrw", set_rw},
    {OPT_BS, "bs", "BYTES", "size of one I/O, with K or M (default 4K)", set_bs},
    {OPT_DEPTH, "depth", "N", "I/Os in flight (default 32)", set_depth},
    {OPT_THREADS, "threads", "N", "threads that submit, each so many I/Os (default 1)", set_threads},
    {OPT_SESSIONS, "sessions", "N", "sessions to the LUN (default 1)", set_sessions},
    {OPT_REACTORS, "reactors", "N", "threads of the library for the sessions (default 0)", set_reactors},
    {OPT_TIME, "time", "SECONDS", "how long to measure (default 10)", set_time},
    {OPT_PLOT, "plot", "FILE", "draw the latency histogram as SVG", set_plot},
    {OPT_IN, "in", "BYTES", "how many bytes the command brings, at most", set_in},
    {OPT_OUT, "out", "FILE", "what the command sends; - for standard input", set_out},
    {OPT_RAW, "raw", NULL, "print the bytes as they are", set_raw},
    {OPT_LUN, "lun", "STORE",
     "ram:SIZE, null:SIZE, file:PATH or nbd:URI, with ,ro or ,block=4096; repeat for LUN 1, 2, ...", add_lun},
    {OPT_LISTEN, "listen", "ADDR:PORT[,GROUP]", "where to listen (default 127.0.0.1:3260); may be repeated",
     add_listen},
    {OPT_ALLOW, "allow", "NAME",
     "let in only this initiator, or those whose names begin with NAME*; may be repeated", add_allowed},
    {OPT_KEY, "key", "KEY=VALUE",
     "what to want of a negotiation key, as MaxBurstLength=65536; may be repeated", add_key},
    {OPT_SCRIPT, "script", "FILE", "misbehave by the rules in FILE (berth-script(5)); may be repeated",
     add_script},
    {OPT_FAULT, "fault", "RULE", "misbehave by this rule, as \"on data-in 3 drop\"; may be repeated",
     add_fault},
    {OPT_TO_PORTAL, "to", "HOST[:PORT]", "the portal of the target to stand before", set_to_portal},
    {OPT_SEED, "seed", "N", "where chance begins, whatever the scripts say", set_seed},
    {OPT_IQN, "iqn", "NAME", "the target's iSCSI name", set_iqn},
    {OPT_NO_AUTH, "no-auth", NULL, "let anybody in, on any address", set_no_auth},
    {OPT_POLL, "poll", NULL, "never sleep while waiting for the target", set_poll},
    {OPT_SLEEP, "sleep", NULL, "sleep at once when there is nothing to do", set_sleep},
    {OPT_BUSY_POLL, "busy-poll", NULL, "never sleep: for measuring initiators", set_busy_poll},
    {OPT_REFEREE, "referee", NULL, "check all that initiators send against RFC 7143", set_referee},
    {OPT_STATE_DIR, "state-dir", "FOLDER", "keep reservations there when initiators ask for it",
     set_state_dir},
    {OPT_LOG, "log", "LEVEL", "tell quiet (refusals and faults), normal or debug (each command)", set_log},
    {OPT_CONTROL, "control", "PATH", "the target's control socket; without a slash, in the folder for these",
     set_control},
    {OPT_RUN_AS, "run-as", "USER[:GROUP]", "who the target is once all is open", set_run_as},
    {OPT_NO_SECCOMP, "no-seccomp", NULL, "do not filter system calls", set_no_seccomp},
    {OPT_READ, "read", "COMMAND", "reads {length} bytes at {lba} of {url} into {file}", set_read_command},
    {OPT_WRITE, "write", "COMMAND", "writes {length} bytes of {file} to {lba} of {url}", set_write_command},
    {OPT_DISCOVER, "discover", "COMMAND", "prints the names of the targets at {portal}",
     set_discover_command},
    {OPT_ONLY, "only", "PATTERN", "run only these cases or topics, as 'chap-*'; may be repeated", add_only},
    {OPT_SKIP, "skip", "PATTERN", "leave these cases or topics out; may be repeated", add_skip},
    {OPT_LIST, "list", NULL, "list the cases and run none", set_list},
    {OPT_JOBS, "jobs", "N", "cases at once (default 1)", set_jobs},
    {OPT_LIMIT, "time", "SECONDS", "how long one command may take (default 30)", set_limit},
    {OPT_ADDRESS, "listen", "ADDRESS", "where the targets are (default 127.0.0.1 and ::1)", add_listen},
    {OPT_KNOWN, "known", "RULE", "a rule of the referee that may be broken, as S1; may be repeated",
     add_known},
    {OPT_VERBOSE, "verbose", NULL, "tell all of each case", set_verbose},
    {OPT_JUNIT, "junit", "FILE", "write the results there as JUnit's XML", set_junit},
    {OPT_FOREGROUND, "foreground", NULL, "stay, and end with the attachment: for containers and systemd",
     set_foreground},
    {OPT_PERSIST, "persist", NULL, "keep it in its file as well, for when it is attached again", set_persist},
    {OPT_CONFIG, "config", "NAME", "begin from this file, or the one of this name", set_config},
    {OPT_CONFIG_DIR, "config-dir", "FOLDER", "where files of attachments are (default /etc/berth)",
     set_config_dir},
    {OPT_HELP, "help", NULL, "print this", NULL},
};

/* An attachment's settings are options, too. */
static const struct option_row *setting_row(int id)
{
    static struct option_row made[SETTINGS_COUNT];
    const struct setting_row *row = &settings_rows[id];
    made[id] = (struct option_row){OPT_SETTING + id, row->key, row->value, row->help, NULL};
    return &made[id];
}

bool options_is_bare(const struct option_row *row)
{
    return row->id >= OPT_SETTING && (settings_rows[row->id - OPT_SETTING].flags & SETTING_BARE);
}

const struct option_row *options_row(int id)
{
    if (id >= OPT_SETTING)
        return setting_row(id - OPT_SETTING);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].id == id)
            return &rows[i];
    return NULL;
}

static void defaults(struct options *o)
{
    memset(o, 0, sizeof *o);
    set_rw(o, "randread");
    o->block_bytes = 4096;
    o->depth = 32;
    o->threads = o->sessions = 1;
    o->from_bytes = o->to_bytes = o->length_bytes = UINT64_MAX;
    o->time_ms = 10000;
    o->limit_ms = 30000;
    o->jobs = 1;
}

static void long_options(struct option *out, const int *ids)
{
    for (; *ids != OPT_NONE; ids++) {
        const struct option_row *row = options_row(*ids);
        *out++ = (struct option){row->name,
                                 options_is_bare(row) ? optional_argument
                                 : row->value         ? required_argument
                                                      : no_argument,
                                 NULL, row->id};
    }
    *out++ = (struct option){"help", no_argument, NULL, OPT_HELP};
    *out = (struct option){NULL, 0, NULL, 0};
}

/* A setting of an attachment, as it will be handed on. */
static int apply_setting(struct options *o, const char *command, int id, const char *value)
{
    char why[SETTINGS_WHY_MAX] = "there is no memory for the settings";
    if (!value)
        value = id == SETTING_WAIT ? "forever" : "yes";
    o->settings = o->settings ? o->settings : settings_new();
    if (o->settings && value[0] &&
        settings_take(o->settings, settings_rows[id].key, value, SETTINGS_GIVEN, why) == 0)
        return 0;
    if (!value[0])
        snprintf(why, sizeof why, "%s must be %s, not ''", settings_rows[id].key, settings_rows[id].expected);
    say("--%s; see 'berth %s --help'", why, command);
    return -1;
}

/* Stores one option. Returns 0, or -1 after it said what is wrong. */
static int apply(struct options *o, const char *command, int id, const char *value)
{
    if (id >= OPT_SETTING)
        return apply_setting(o, command, id - OPT_SETTING, value);
    const struct option_row *row = options_row(id);
    const char *expected = row->set(o, value);
    if (!expected)
        return 0;
    if (row->value)
        say("--%s must be %s, not '%s'; see 'berth %s --help'", row->name, expected, value, command);
    else
        say("--%s %s", row->name, expected);
    return -1;
}

/* getopt_long found no option of the table. */
static int refuse(const char *command, int found, const char *word)
{
    const struct option_row *row = options_row(optopt);
    if (found == ':')
        say("--%s needs a value; see 'berth %s --help'", row ? row->name : word, command);
    else if (row)
        say("--%s takes no value; see 'berth %s --help'", row->name, command);
    else
        say("'%s' is no option of 'berth %s'; see 'berth %s --help'", word, command, command);
    return -1;
}

int options_parse(struct options *o, const char *command, const int *ids, int argc, char *argv[])
{
    struct option longs[OPTIONS_MAX + 2];
    int found;
    defaults(o);
    long_options(longs, ids);
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
        if (found == OPT_HELP || found == 'h')
            return OPT_HELP;
        if (found == '?' || found == ':')
            return refuse(command, found, argv[optind - 1]);
        if (apply(o, command, found, optarg) < 0)
            return -1;
    }
    o->operands = argv + optind;
    o->operand_count = argc - optind;
    return 0;
}
