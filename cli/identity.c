/* SPDX-License-Identifier: MIT */
#include "cli/identity.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "attach/trust.h"
#include "cli/say.h"

#define SYSTEM_FILE "/etc/berth/initiator"
#define LINES_MAX   64   /* of the file: one name, and what is said about it */
#define LINE_SIZE   1024 /* bytes, with its end */

/* --- where --- */

/* The user's own file; root has one only if the environment names a place for it. False: there is none. */
static bool user_file(char out[PATH_MAX])
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && config[0] == '/')
        snprintf(out, PATH_MAX, "%s/berth/initiator", config);
    else if (geteuid() != 0 && home && home[0] == '/')
        snprintf(out, PATH_MAX, "%s/.config/berth/initiator", home);
    else
        return false;
    return true;
}

static void own_file(char out[PATH_MAX])
{
    if (!user_file(out))
        snprintf(out, PATH_MAX, SYSTEM_FILE);
}

/* --- reading --- */

/* The first line that is neither empty nor a remark; "" if there is none. */
static void read_line(FILE *f, char line[LINE_SIZE])
{
    for (int i = 0; i < LINES_MAX && fgets(line, LINE_SIZE, f); i++) {
        char *text = line + strspn(line, " \t");
        text[strcspn(text, "\r\n")] = '\0';
        size_t len = strlen(text);
        while (len > 0 && strchr(" \t", text[len - 1]))
            text[--len] = '\0';
        memmove(line, text, len + 1);
        if (len > 0 && line[0] != '#')
            return;
    }
    line[0] = '\0';
}

/* Returns -1 if there is no such file. */
static int read_file(struct identity *id, const char *path, enum identity_source source)
{
    char line[LINE_SIZE], why[2 * PATH_MAX + 256] = "";
    FILE *f = fopen(path, "re");
    if (!f)
        return errno == ENOENT || errno == ENOTDIR ? -1 : fail_errno("read the initiator name in", path);
    if (trust_file(fileno(f), path, why, sizeof why))
        read_line(f, line);
    bool failed = ferror(f);
    fclose(f);
    if (why[0])
        return fail(STATUS_USAGE, "%s", why);
    if (failed)
        return fail_errno("read the initiator name in", path);
    if (berth_initiator_name(id->name, line, NULL) != BERTH_OK)
        return fail(STATUS_USAGE, "%s: '%s' is no iSCSI name; put one there with 'berth id set NAME'", path,
                    line);
    id->source = source;
    snprintf(id->file, sizeof id->file, "%s", path);
    return STATUS_OK;
}

int identity_find(struct identity *id, const char *option)
{
    char path[PATH_MAX];
    int status = -1;
    *id = (struct identity){.source = IDENTITY_OPTION};
    if (option)
        return STATUS_OK;
    if (user_file(path))
        status = read_file(id, path, IDENTITY_USER);
    if (status < 0)
        status = read_file(id, SYSTEM_FILE, IDENTITY_SYSTEM);
    if (status >= 0)
        return status;
    id->source = IDENTITY_MACHINE;
    berth_initiator_name(id->name, NULL, NULL);
    return STATUS_OK;
}

/* --- writing --- */

/* Makes the folders of a path, as far as they are missing. */
static bool make_folders(const char *file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", file);
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return true;
}

static bool write_name(int fd, const char *name)
{
    char text[BERTH_NAME_SIZE + 1];
    int len = snprintf(text, sizeof text, "%s\n", name);
    return write(fd, text, (size_t)len) == len && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
}

/* Whoever reads meanwhile finds the old name or the new one. */
static bool replace(const char *file, const char *name)
{
    char fresh[PATH_MAX + 8];
    snprintf(fresh, sizeof fresh, "%s.XXXXXX", file);
    int fd = mkstemp(fresh);
    if (fd < 0)
        return false;
    bool done = write_name(fd, name);
    int error = errno;
    close(fd);
    if (done && rename(fresh, file) == 0)
        return true;
    error = done ? errno : error;
    unlink(fresh);
    errno = error;
    return false;
}

int identity_keep(const char *name, char file[PATH_MAX])
{
    own_file(file);
    if (!name)
        return unlink(file) == 0 || errno == ENOENT ? STATUS_OK : fail_errno("remove", file);
    return make_folders(file) && replace(file, name) ? STATUS_OK : fail_errno("write", file);
}
