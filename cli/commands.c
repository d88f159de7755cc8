/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "cli/commands.h"
#include "cli/say.h"

#define SERVE_CTL_WORDS 16 /* of one request */
#define CHECK_WORDS     63 /* of a command */
#define CDB_WORDS       32 /* a byte each, at most */

#define NAMES_MAX 1024 /* operands that are names or settings */

#define LOGIN_OPTIONS                                                                                        \
    OPT_USER, OPT_SECRET_FILE, OPT_MUTUAL_USER, OPT_MUTUAL_SECRET_FILE, OPT_ALLOW_WEAK_SECRET,               \
        OPT_CHAP_ALGORITHMS, OPT_CHAP_CHALLENGE_MIN, OPT_INITIATOR_NAME, OPT_ISID, OPT_DIGEST, OPT_KEY,      \
        OPT_TIMEOUT, OPT_REDIRECTS, OPT_BIND, OPT_DEVICE, OPT_PORTS, OPT_MARK, OPT_PRIORITY, OPT_DSCP,       \
        OPT_ENGINE

#define SERVE_LOGINS                                                                                         \
    OPT_USER, OPT_SECRET_FILE, OPT_MUTUAL_USER, OPT_MUTUAL_SECRET_FILE, OPT_CHAP_ALGORITHMS, OPT_NO_AUTH,    \
        OPT_ALLOW

static const int discover_options[] = {OPT_LUNS, OPT_JSON, LOGIN_OPTIONS, OPT_NONE};
static const int info_options[] = {OPT_JSON, LOGIN_OPTIONS, OPT_NONE};
static const int copy_options[] = {OPT_FORCE,  OPT_VERIFY, OPT_FROM,      OPT_TO,
                                   OPT_LENGTH, OPT_JSON,   LOGIN_OPTIONS, OPT_NONE};
static const int bench_options[] = {OPT_RW,       OPT_BS,    OPT_DEPTH,     OPT_THREADS, OPT_SESSIONS,
                                    OPT_REACTORS, OPT_TIME,  OPT_PLOT,      OPT_POLL,    OPT_SLEEP,
                                    OPT_JSON,     OPT_FORCE, LOGIN_OPTIONS, OPT_NONE};
static const int scsi_options[] = {OPT_IN, OPT_OUT, OPT_RAW, OPT_JSON, LOGIN_OPTIONS, OPT_NONE};
static const int serve_options[] = {
    OPT_LUN,     OPT_LISTEN,    OPT_IQN, SERVE_LOGINS, OPT_KEY,    OPT_STATE_DIR,  OPT_SCRIPT, OPT_FAULT,
    OPT_REFEREE, OPT_BUSY_POLL, OPT_LOG, OPT_CONTROL,  OPT_RUN_AS, OPT_NO_SECCOMP, OPT_JSON,   OPT_NONE};
static const int check_options[] = {OPT_READ,    OPT_WRITE, OPT_DISCOVER, OPT_ONLY,    OPT_SKIP,
                                    OPT_LIST,    OPT_JOBS,  OPT_LIMIT,    OPT_ADDRESS, OPT_KNOWN,
                                    OPT_VERBOSE, OPT_JSON,  OPT_JUNIT,    OPT_NONE};
static const int proxy_options[] = {OPT_TO_PORTAL, OPT_LISTEN, OPT_SCRIPT, OPT_FAULT,
                                    OPT_SEED,      OPT_JSON,   OPT_NONE};
static const int serve_ctl_options[] = {OPT_CONTROL, OPT_TIMEOUT, OPT_JSON, OPT_NONE};

/* Rows of attach/settings.h. */
#define SET(id) OPT_SETTING + SETTING_##id
#define SET_LOGIN                                                                                            \
    SET(USER), SET(SECRET_FILE), SET(MUTUAL_USER), SET(MUTUAL_SECRET_FILE), SET(ALLOW_WEAK_SECRET),          \
        SET(CHAP_ALGORITHMS), SET(CHAP_CHALLENGE_MIN), SET(INITIATOR_NAME), SET(ISID), SET(DIGEST), SET(KEY)
#define SET_PATIENCE                                                                                         \
    SET(TIMEOUT), SET(CONNECT_TIMEOUT), SET(COMMAND_TIMEOUT), SET(ABORT_TIMEOUT), SET(RECOVERY_TIMEOUT),     \
        SET(PING_INTERVAL), SET(PING_TIMEOUT)
#define SET_WAY                                                                                              \
    SET(DEPTH), SET(SESSIONS), SET(REACTORS), SET(REDIRECTS), SET(BIND), SET(DEVICE), SET(PORTS), SET(MARK), \
        SET(PRIORITY), SET(DSCP), SET(ENGINE), SET(MLOCK)
#define SET_DISK SET(AS), SET(NAME), SET(AT), SET(READ_ONLY), SET(ALLOW_OTHER), SET(WAIT)

static const int attach_options[] = {SET_DISK, OPT_FOREGROUND, OPT_PERSIST,  OPT_CONFIG, OPT_CONFIG_DIR,
                                     OPT_JSON, SET_LOGIN,      SET_PATIENCE, SET_WAY,    OPT_NONE};

static const int inspect_options[] = {OPT_JSON, LOGIN_OPTIONS, OPT_NONE};
static const int id_options[] = {OPT_JSON, OPT_NONE};

static const int ls_options[] = {OPT_NAMES, OPT_ANSWER, OPT_JSON, OPT_NONE};
static const int ask_options[] = {OPT_ANSWER, OPT_JSON, OPT_NONE};
static const int set_options[] = {OPT_PERSIST, OPT_CONFIG_DIR, OPT_ANSWER, OPT_JSON, OPT_NONE};
static const int stat_options[] = {OPT_PROMETHEUS, OPT_ANSWER, OPT_JSON, OPT_NONE};
static const int detach_options[] = {OPT_END, OPT_KEEP, OPT_CONFIG_DIR, OPT_ENDING, OPT_JSON, OPT_NONE};
static const int down_options[] = {OPT_ALL, OPT_END, OPT_ENDING, OPT_JSON, OPT_NONE};
static const int completion_options[] = {OPT_NONE};

static const struct command commands[] = {
    {"discover", cmd_discover, "PORTAL", 1, 1, "list the targets that a portal offers", discover_options},
    {"info", cmd_info, "URL", 1, 1, "show a LUN's identity, size, limits and session", info_options},
    {"copy", cmd_copy, "SRC DST", 2, 2, "copy between LUNs, files and - (standard input or output)",
     copy_options},
    {"bench", cmd_bench, "URL", 1, 1, "measure a LUN: I/Os per second, latency, CPU per I/O", bench_options},
    {"scsi", cmd_scsi, "URL CDB...", 2, 1 + CDB_WORDS, "send a LUN one command, given in hexadecimal",
     scsi_options},
    {"attach", cmd_attach, "URL|NAME", 0, 1, "hold a LUN as a disk: an NBD socket or a file", attach_options},
    {"ls", cmd_ls, "", 0, 0, "list what is attached", ls_options},
    {"status", cmd_status, "NAME", 1, 1, "tell how an attachment stands", ask_options},
    {"get", cmd_get, "NAME [KEY]", 1, 2, "show an attachment's settings", ask_options},
    {"set", cmd_set, "NAME KEY=VALUE...", 2, NAMES_MAX, "change settings while attached", set_options},
    {"refresh", cmd_refresh, "NAME", 1, 1, "have an attachment look at its LUN's size anew", ask_options},
    {"stat", cmd_stat, "[NAME...]", 0, NAMES_MAX, "count what attachments have done", stat_options},
    {"events", cmd_events, "[NAME...]", 0, NAMES_MAX, "tell what happens to attachments", ask_options},
    {"detach", cmd_detach, "NAME...", 1, NAMES_MAX, "end attachments", detach_options},
    {"down", cmd_down, "", 0, 0, "end all attachments, the last one first", down_options},
    {"check", cmd_check, "URL", 1, 1, "check a target and its LUN before they are used", inspect_options},
    {"id", cmd_id, "[show|unset|set NAME]", 0, 2, "show our initiator name, or keep another", id_options},
    {"serve", cmd_serve, "[FILE]", 0, 1, "be a target: serve memory and files as LUNs", serve_options},
    {"proxy", cmd_proxy, "", 0, 0, "stand before a target and misbehave by a script", proxy_options},
    {"serve-ctl", cmd_serve_ctl, "VERB [WORD...]", 1, SERVE_CTL_WORDS,
     "ask a running target, or change it; the verb help lists the others", serve_ctl_options},
    {"check-initiator", cmd_check_initiator, "[-- COMMAND...]", 0, CHECK_WORDS,
     "run a conformance suite on an initiator, which is given as a command", check_options},
    {"completion", cmd_completion, "SHELL", 1, 1, "print what bash, zsh or fish need to complete words",
     completion_options},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

const struct command *commands_row(size_t i)
{
    return i < COMMAND_COUNT ? &commands[i] : NULL;
}

static void usage(FILE *out)
{
    fprintf(out, "usage: berth COMMAND [--help] [options] ...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-15s %-21s %s\n", commands[i].name, commands[i].operands, commands[i].summary);
    fprintf(out, "\nA LUN is named iscsi://[user@]host[:port]/target-name/lun; a portal, host[:port].\n"
                 "'berth COMMAND --help' lists a command's options; berth(1) explains them.\n");
}

static void option_line(const struct option_row *row)
{
    char left[40];
    snprintf(left, sizeof left, options_is_bare(row) ? "--%s[=%s]" : "--%s %s", row->name,
             row->value ? row->value : "");
    printf("  %-26s  %s\n", left, row->help);
}

static int help(const struct command *c)
{
    printf("usage: berth %s [options]%s%s\n\nberth %s: %s\n\n", c->name, c->operands[0] ? " " : "",
           c->operands, c->name, c->summary);
    for (const int *id = c->options; *id != OPT_NONE; id++)
        option_line(options_row(*id));
    option_line(options_row(OPT_HELP));
    return STATUS_OK;
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int run_parsed(const struct command *c, const struct options *o)
{
    if (o->operand_count > c->operands_max)
        return fail(STATUS_USAGE, "'%s' is one operand too many; see 'berth %s --help'",
                    o->operands[c->operands_max], c->name);
    if (o->operand_count < c->operands_min)
        return fail(STATUS_USAGE, "'berth %s' needs %s; see 'berth %s --help'", c->name, c->operands,
                    c->name);
    return c->run(o);
}

static int run(const struct command *c, int argc, char *argv[])
{
    struct options o;
    int parsed = options_parse(&o, c->name, c->options, argc, argv), status = STATUS_USAGE;
    if (parsed == OPT_HELP)
        status = help(c);
    else if (parsed >= 0)
        status = run_parsed(c, &o);
    settings_free(o.settings);
    return status;
}

/* What was printed counts only when it has arrived. */
static int finish(int status)
{
    if (fflush(stdout) == 0 || status != STATUS_OK)
        return status;
    if (errno == EPIPE) /* `berth info URL | head` has what it wanted */
        return STATUS_SIGNAL + SIGPIPE;
    return fail_errno("write to", "standard output");
}

static int top_help(void)
{
    usage(stdout);
    return STATUS_OK;
}

static int top_version(void)
{
    printf("berth %s\n", berth_version());
    return STATUS_OK;
}

static int dispatch(int argc, char *argv[])
{
    const struct command *c;
    if (argc < 2)
        return usage(stderr), STATUS_USAGE;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return top_help();
    if (strcmp(argv[1], "--version") == 0)
        return top_version();
    c = find(argv[1]);
    if (!c)
        return fail(STATUS_USAGE, "'%s' is no command; see 'berth --help'", argv[1]);
    return run(c, argc - 1, argv + 1);
}

int commands_run(int argc, char *argv[])
{
    return finish(dispatch(argc, argv));
}
