/* SPDX-License-Identifier: MIT */
/* nbdkit's plugin `iscsi`: its life, and what it says of the disk. Parameters are the settings of an
 * attachment: attach/settings.c. */
#include "plugin.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach/exit.h"
#include "attach/opening.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

#define REQUEST_MAX_BYTES   (64u << 20) /* nbdkit takes no longer ones */
#define PREFERRED_MIN_BYTES 4096u
#define PREFERRED_MAX_BYTES (32u << 20) /* nbdkit's limits, too */
#define HELP_MAX_BYTES      8192u

struct disk disk;

/* --- what it is told --- */

/* nbdkit goes to another folder before the file is read. */
static bool is_path(const char *key)
{
    int id = settings_find(key);
    return id >= 0 && settings_rows[id].flags & SETTING_PATH;
}

static int iscsi_config(const char *key, const char *value)
{
    char why[SETTINGS_WHY_MAX];
    char *path = is_path(key) && value[0] ? nbdkit_absolute_path(value) : NULL;
    if (!disk.settings)
        disk.settings = settings_new();
    int error = disk.settings ? settings_take(disk.settings, key, path ? path : value, SETTINGS_GIVEN, why)
                              : BERTH_E_MEMORY;
    free(path);
    if (error)
        nbdkit_error("%s", disk.settings ? why : berth_error_text(error));
    return error ? -1 : 0;
}

static int iscsi_config_complete(void)
{
    char why[SETTINGS_WHY_MAX] = "";
    if (!disk.settings || !settings_text(disk.settings, SETTING_URL))
        snprintf(why, sizeof why, "which LUN? say url=iscsi://[user@]host[:port]/target-name/lun");
    else if (settings_number(disk.settings, SETTING_AS) != 0)
        snprintf(why, sizeof why, "nbdkit makes NBD of a LUN; leave out as=%s",
                 settings_text(disk.settings, SETTING_AS));
    else if (settings_number(disk.settings, SETTING_ALLOW_OTHER))
        snprintf(why, sizeof why, "allow-other is for berth-fuse; leave it out");
    else if (!settings_check(disk.settings, SETTINGS_AS_WORDS, why))
        return 0;
    nbdkit_error("%s", why);
    return -1;
}

/* --- life --- */

static int complain(int error, const struct berth_detail *detail)
{
    char sentence[sizeof detail->text + 256];
    exit_sentence(sentence, sizeof sentence, error, detail, settings_text(disk.settings, SETTING_URL));
    nbdkit_error("%s", sentence);
    return -1;
}

/* Who waits for the target, or is told of failures another way, needs no trial. */
static bool needs_trial(void)
{
    return !settings_said(disk.settings, SETTING_WAIT) && !settings_said(disk.settings, SETTING_TELL_FD);
}

/* Once nbdkit has gone into the background nobody sees what went wrong. */
static int iscsi_get_ready(void)
{
    struct berth_detail detail = {.error = 0};
    struct berth_lun *lun = NULL;
    struct opening o;
    if (!needs_trial())
        return 0;
    int error = opening_prepare(&o, disk.settings, &detail);
    o.options.sessions = 1;
    if (!error)
        error = berth_lun_open(&lun, settings_text(disk.settings, SETTING_URL), &o.options, &detail);
    opening_wipe(&o);
    berth_lun_close(lun);
    return error ? complain(error, &detail) : 0;
}

/* A connection keeps the size that it began with. */
static void on_notice(void *arg, const struct berth_notice *n)
{
    (void)arg;
    if (n->kind == BERTH_NOTICE_SIZE)
        nbdkit_error("the LUN has %llu bytes now; NBD clients see that when they connect again",
                     (unsigned long long)n->size_bytes);
    else if (n->kind != BERTH_NOTICE_ENGINE)
        nbdkit_error("%s", n->text);
}

static void take_down(void)
{
    ending_end();
    attachment_end(disk.attachment);
    disk.attachment = NULL;
}

/* A signal has told nbdkit to end. */
static bool stopped(void)
{
    return nbdkit_nanosleep(0, 0) < 0;
}

/* The socket goes, which nbdkit leaves. In the foreground of `berth attach` the exit status tells why, where
 * nbdkit's would be 1. */
static int give_up(int error, const struct berth_detail *detail)
{
    const char *at = settings_text(disk.settings, SETTING_AT);
    bool wanted = error == BERTH_E_ABORTED;
    if (!wanted)
        complain(error, detail);
    if (at)
        unlink(at);
    if (!settings_said(disk.settings, SETTING_TELL_AS))
        return -1;
    _exit(wanted ? STATUS_OK : exit_find(error)->status);
}

static int iscsi_after_fork(void)
{
    struct berth_detail detail;
    const char *at = settings_text(disk.settings, SETTING_AT);
    attachment_stop_when(stopped);
    int error = attachment_begin(&disk.attachment, disk.settings, "nbd", &detail);
    if (error)
        return give_up(error, &detail);
    disk.lun = attachment_lun(disk.attachment);
    disk.block_bytes = attachment_info(disk.attachment).block_bytes;
    attachment_use(disk.attachment, users_list, NULL);
    attachment_on_notice(disk.attachment, on_notice, NULL);
    int number = ending_begin(disk.attachment);
    if (number) {
        nbdkit_error("cannot start a thread: %s", strerror(number));
        take_down();
        return -1;
    }
    attachment_ready(disk.attachment, at ? at : "");
    return 0;
}

static void iscsi_unload(void)
{
    settings_free(disk.settings);
    disk.settings = NULL;
}

/* --- connections --- */

static void *iscsi_open(int read_only)
{
    (void)read_only;
    return user_new();
}

static const char *iscsi_description(void *user)
{
    const struct berth_lun_info info = attachment_info(disk.attachment);
    (void)user;
    return nbdkit_printf_intern("%s %s%s%s: LUN %u of %s", info.vendor, info.product,
                                info.identity[0] ? " " : "", info.identity, info.lun, info.target_name);
}

static int iscsi_list_exports(int read_only, int is_tls, struct nbdkit_exports *exports)
{
    (void)read_only;
    (void)is_tls;
    return nbdkit_add_export(exports, "", iscsi_description(NULL));
}

static int64_t iscsi_get_size(void *user)
{
    uint64_t bytes = attachment_info(disk.attachment).size_bytes;
    (void)user;
    if (bytes <= INT64_MAX)
        return (int64_t)bytes;
    nbdkit_error("the LUN is larger than nbdkit can tell");
    return -1;
}

static int yes_if(bool it_is)
{
    return it_is;
}

static int iscsi_can_write(void *user)
{
    (void)user;
    return yes_if(!attachment_info(disk.attachment).read_only &&
                  !settings_number(disk.settings, SETTING_READ_ONLY));
}

static int iscsi_is_rotational(void *user)
{
    (void)user;
    return yes_if(attachment_info(disk.attachment).rotational);
}

static int iscsi_can_trim(void *user)
{
    (void)user;
    return yes_if(attachment_info(disk.attachment).max_trim_bytes > 0);
}

static int iscsi_can_extents(void *user)
{
    (void)user;
    return yes_if(attachment_info(disk.attachment).thin);
}

static int always(void *user)
{
    (void)user;
    return 1;
}

static int iscsi_can_fua(void *user)
{
    (void)user;
    return NBDKIT_FUA_NATIVE; /* where the LUN has none, the library flushes */
}

static bool is_preferable(uint64_t bytes)
{
    return bytes >= PREFERRED_MIN_BYTES && bytes <= PREFERRED_MAX_BYTES && (bytes & (bytes - 1)) == 0;
}

static int iscsi_block_size(void *user, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum)
{
    const struct berth_lun_info info = attachment_info(disk.attachment);
    (void)user;
    *minimum = info.block_bytes;
    *preferred = is_preferable(info.physical_block_bytes) ? info.physical_block_bytes : PREFERRED_MIN_BYTES;
    if (is_preferable(info.optimal_transfer_bytes))
        *preferred = (uint32_t)info.optimal_transfer_bytes;
    if (*preferred < *minimum)
        *preferred = *minimum;
    *maximum = REQUEST_MAX_BYTES; /* longer than a command may be: the library splits */
    return 0;
}

/* --- the table --- */

static char help[HELP_MAX_BYTES];

static struct nbdkit_plugin plugin = {
    .name = "iscsi",
    .version = BERTH_VERSION,
    .longname = "berth's iSCSI",
    .description = "a LUN of an iSCSI target, through berth",
    .config_help = help,
    .magic_config_key = "url",
    .config = iscsi_config,
    .config_complete = iscsi_config_complete,
    .get_ready = iscsi_get_ready,
    .after_fork = iscsi_after_fork,
    .cleanup = take_down,
    .unload = iscsi_unload,
    .open = iscsi_open,
    .close = user_free,
    .list_exports = iscsi_list_exports,
    .export_description = iscsi_description,
    .get_size = iscsi_get_size,
    .block_size = iscsi_block_size,
    .can_write = iscsi_can_write,
    .can_flush = always,
    .can_fua = iscsi_can_fua,
    .can_multi_conn = always,
    .can_trim = iscsi_can_trim,
    .can_zero = always,
    .can_fast_zero = always,
    .can_extents = iscsi_can_extents,
    .is_rotational = iscsi_is_rotational,
    .pread = serve_read,
    .pwrite = serve_write,
    .flush = serve_flush,
    .trim = serve_trim,
    .zero = serve_zero,
    .extents = serve_extents,
};

/* Before nbdkit asks for it. Where the socket is, nbdkit decides: `at` is what berth attach tells us of that.
 */
__attribute__((constructor)) static void write_help(void)
{
    int at = 0;
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting_row *row = &settings_rows[i];
        if (i == SETTING_AS || i == SETTING_AT || row->flags & SETTING_INTERNAL || at >= (int)sizeof help)
            continue;
        at +=
            snprintf(help + at, sizeof help - (size_t)at, "%s=%s\n    %s\n", row->key, row->value, row->help);
    }
}

NBDKIT_REGISTER_PLUGIN(plugin)
