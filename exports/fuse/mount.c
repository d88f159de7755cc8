/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 31
#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "attach/unmount.h"
#include "disk.h"
#include "file.h"

static int complain(struct berth_detail *detail, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(struct berth_detail *detail, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(detail->text, sizeof detail->text, format, args);
    va_end(args);
    detail->error = error;
    return error;
}

/* Mounted, and nobody serves it any more. */
static bool is_dead(const char *path)
{
    struct statfs st; /* which the kernel never remembers, as it does attributes */
    return statfs(path, &st) < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

int mount_prepare(const char *path, char full[PATH_MAX], bool *made, struct berth_detail *detail)
{
    struct stat st;
    if (is_dead(path))
        unmount(path, true);
    bool missing = stat(path, &st) < 0 && errno == ENOENT;
    if (missing && mkdir(path, 0700) < 0)
        return complain(detail, BERTH_E_SYSTEM, "cannot make the folder %s: %s", path, strerror(errno));
    if (!realpath(path, full) || stat(full, &st) < 0)
        return complain(detail, BERTH_E_SYSTEM, "cannot use the folder %s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return complain(detail, BERTH_E_ARGUMENT,
                        "%s is no folder; name one that the LUN is to be mounted on", path);
    *made = missing;
    return BERTH_OK;
}

/* ',' and '\' in a name must not end the option. */
static int add_named(struct fuse_args *args, const char *name, const char *value)
{
    char option[600], *opts = NULL;
    snprintf(option, sizeof option, "%s=%s", name, value);
    int failed = fuse_opt_add_opt_escaped(&opts, option) || fuse_opt_add_arg(args, "-o") ||
                 fuse_opt_add_arg(args, opts);
    free(opts);
    return failed;
}

static int arguments(struct fuse_args *args, const struct disk *disk, const char *source, const char *options)
{
    return fuse_opt_add_arg(args, "berth-fuse") || add_named(args, "fsname", source) ||
           fuse_opt_add_arg(args, "-osubtype=berth,default_permissions") ||
           (disk->read_only && fuse_opt_add_arg(args, "-oro")) ||
           (*options && (fuse_opt_add_arg(args, "-o") || fuse_opt_add_arg(args, options)));
}

/* The line that lets ordinary users let others in, by itself as libfuse wants it. */
static bool is_permitted(void)
{
    char line[256];
    bool found = false;
    FILE *f = fopen("/etc/fuse.conf", "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        const char *word = line + strspn(line, " \t");
        size_t len = strcspn(word, "# \t\r\n");
        found = len == strlen("user_allow_other") && strncmp(word, "user_allow_other", len) == 0;
    }
    if (f)
        fclose(f);
    return found;
}

static int check_others(const char *options, struct berth_detail *detail)
{
    if (geteuid() == 0 || !strstr(options, "allow_") || is_permitted())
        return BERTH_OK;
    return complain(detail, BERTH_E_ARGUMENT,
                    "/etc/fuse.conf lets no ordinary user open a disk to others; have root put the line "
                    "user_allow_other into it, or leave out allow-other");
}

/* What libfuse has to say of its own accord is one or two lines on stderr, in its words. */
int mount_enter(struct disk *disk, const char *source, const char *options, struct berth_detail *detail)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    if (check_others(options, detail))
        return detail->error;
    if (arguments(&args, disk, source, options) == 0)
        disk->session = fuse_session_new(&args, &file_operations, sizeof file_operations, disk);
    fuse_opt_free_args(&args);
    if (!disk->session)
        return complain(detail, BERTH_E_ARGUMENT, "libfuse does not take -o %s; see berth-fuse --help",
                        options);
    if (fuse_session_mount(disk->session, disk->mountpoint) < 0) {
        fuse_session_destroy(disk->session);
        disk->session = NULL;
        const char *why =
            access("/dev/fuse", R_OK | W_OK) < 0
                ? "/dev/fuse cannot be opened; load the module fuse, or let the device into the container"
                : "the kernel or fusermount3 refused; see what it said, and without root install the package "
                  "fuse3";
        return complain(detail, BERTH_E_SYSTEM, "cannot mount on %s: %s", disk->mountpoint, why);
    }
    elsewhere_device(disk->mountpoint, disk->errands.device);
    disk->fd = fuse_session_fd(disk->session);
    fcntl(disk->fd, F_SETFL, fcntl(disk->fd, F_GETFL) | O_NONBLOCK);
    return BERTH_OK;
}

/* That it is unmounted already is no news. */
static void say_nothing(enum fuse_log_level level, const char *format, va_list args)
{
    (void)level;
    (void)format;
    (void)args;
}

void mount_done(struct disk *disk)
{
    if (!disk->session)
        return;
    fuse_set_log_func(say_nothing);
    fuse_session_unmount(disk->session); /* as a rule it is by now; this frees what libfuse knows of it */
    fuse_session_destroy(disk->session);
    disk->session = NULL;
    if (is_dead(disk->mountpoint)) /* the connection was aborted, or somebody insisted */
        unmount(disk->mountpoint, true);
}
