/* SPDX-License-Identifier: MIT */
/* berth-fuse URL MOUNTPOINT: an attachment whose export is the file MOUNTPOINT/disk. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach/attachment.h"
#include "attach/exit.h"
#include "attach/opening.h"
#include "attach/runtime.h"
#include "command.h"
#include "disk.h"
#include "mount.h"

static struct disk disk;
static struct attachment *attachment;
static char mountpoint[PATH_MAX];
static bool made_folder;

static volatile sig_atomic_t stopped;

/* The first signal asks, the second insists. */
static void on_signal(int number)
{
    (void)number;
    stopped = 1;
    if (!attachment)
        return;
    if (attachment_ending(attachment))
        attachment_insist(attachment);
    attachment_ask_end(attachment);
}

/* Later on attachment_ending() says so. */
static bool is_stopped(void)
{
    return stopped && !attachment;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* --- what the disk tells the attachment --- */

static void on_ready(void *arg)
{
    char path[PATH_MAX + sizeof FILE_NAME];
    snprintf(path, sizeof path, "%s/" FILE_NAME, mountpoint);
    attachment_ready(arg, path);
    if (!settings_said(attachment_settings(arg), SETTING_TELL_FD)) {
        printf("%s\n", path);
        fflush(stdout);
    }
}

static void on_count(void *arg, uint32_t op, uint64_t bytes, uint64_t ns, int error)
{
    static const enum attachment_op ops[] = {[BERTH_READ] = ATTACHMENT_READ,
                                             [BERTH_WRITE] = ATTACHMENT_WRITE,
                                             [BERTH_FLUSH] = ATTACHMENT_FLUSH,
                                             [BERTH_TRIM] = ATTACHMENT_TRIM,
                                             [BERTH_ZERO] = ATTACHMENT_ZERO};
    attachment_count(arg, op < sizeof ops / sizeof ops[0] ? ops[op] : ATTACHMENT_EXTENT, bytes, ns, error);
}

static bool on_ask_insisted(void *arg)
{
    return attachment_insisted(arg);
}

static void on_list_users(void *arg, attachment_tell_user *tell, void *to)
{
    (void)arg;
    errands_users(&disk, tell, to);
}

static void on_notice(void *arg, const struct berth_notice *notice)
{
    (void)arg;
    if (notice->kind == BERTH_NOTICE_SIZE)
        disk_resized(&disk, notice->size_bytes);
}

/* --- beginning and ending --- */

static void take_facts(void)
{
    struct berth_lun_info info = attachment_info(attachment);
    const struct settings *s = attachment_settings(attachment);
    disk.lun = attachment_lun(attachment);
    disk.size_bytes = info.size_bytes;
    disk.block_bytes = info.block_bytes;
    disk.io_bytes = info.physical_block_bytes > 4096 ? info.physical_block_bytes : 4096;
    disk.read_only = info.read_only || settings_number(s, SETTING_READ_ONLY);
    disk.thin = info.thin;
    disk.uid = getuid();
    disk.gid = getgid();
    disk.since_s = time(NULL);
}

static void join(void)
{
    disk.mountpoint = mountpoint;
    disk.end_fd = attachment_end_fd(attachment);
    disk.ready = on_ready;
    disk.count = on_count;
    disk.insisted = on_ask_insisted;
    disk.arg = attachment;
}

/* By its source, `berth detach` knows a mount that a killed process has left. */
static const char *source(void)
{
    const char *name = settings_text(attachment_settings(attachment), SETTING_NAME);
    return name ? name : attachment_info(attachment).target_name;
}

static int mount_on(const char *path, const char *options, struct berth_detail *detail)
{
    int error = mount_prepare(path, mountpoint, &made_folder, detail);
    return error ? error : mount_enter(&disk, source(), options, detail);
}

static int begin_disk(const struct command *c, struct berth_detail *detail)
{
    take_facts();
    join();
    int error = disk_begin(&disk, detail);
    if (!error)
        error = mount_on(c->at, c->mount_options, detail);
    if (error)
        return error;
    attachment_on_notice(attachment, on_notice, NULL);
    attachment_use(attachment, on_list_users, NULL);
    disk.size_bytes = attachment_info(attachment).size_bytes; /* it may have changed before we listened */
    return BERTH_OK;
}

/* What was written lives on only if the LUN says so. */
static int end_disk(void)
{
    attachment_use(attachment, NULL, NULL);
    disk_end(&disk);
    mount_done(&disk);
    if (made_folder || !settings_said(attachment_settings(attachment), SETTING_AT))
        rmdir(mountpoint); /* a killed one may have left that in the runtime folder */
    int lost = disk.read_only ? BERTH_OK : attachment_flush(attachment);
    if (lost)
        fprintf(stderr, "berth: %s may not have kept all that was written: %s\n", mountpoint,
                berth_error_text(lost));
    return lost;
}

static int failed(const struct command *c, int error, const struct berth_detail *detail)
{
    char sentence[1024];
    const char *subject = settings_text(c->settings, SETTING_URL);
    exit_sentence(sentence, sizeof sentence, error, detail, subject ? subject : "berth-fuse");
    if (attachment)
        attachment_failed(attachment, error, sentence);
    /* Of one in the foreground nobody else tells. */
    if (!settings_said(c->settings, SETTING_TELL_FD) || settings_said(c->settings, SETTING_TELL_AS))
        fprintf(stderr, "berth: %s\n", sentence);
    return exit_find(error)->status;
}

static int serve(const struct command *c)
{
    struct berth_detail detail;
    catch_signals();
    attachment_stop_when(is_stopped);
    int error = attachment_begin(&attachment, c->settings, "fuse", &detail);
    if (error)
        return error == BERTH_E_ABORTED ? STATUS_OK : failed(c, error, &detail);
    if (stopped)
        attachment_ask_end(attachment);
    disk.direct = c->direct;
    error = begin_disk(c, &detail);
    int status = error ? failed(c, error, &detail) : STATUS_OK;
    if (!error)
        disk_serve(&disk);
    int lost = end_disk();
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    attachment_end(attachment);
    return lost && !error ? exit_find(lost)->status : status;
}

int main(int argc, char **argv)
{
    struct command command;
    int status = command_take(&command, argc, argv);
    if (status == COMMAND_GO)
        status = serve(&command);
    command_done(&command);
    return status;
}
