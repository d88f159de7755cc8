/* SPDX-License-Identifier: MIT */
#include "attach/store.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "attach/inifile.h"
#include "attach/trust.h"

#define FILE_MAX (256 * 1024) /* bytes of a file that is read */

bool store_path(const char *folder, const char *name, char out[STORE_PATH_MAX])
{
    int len = snprintf(out, STORE_PATH_MAX, "%s/%s.conf", folder ? folder : STORE_FOLDER, name);
    return len > 0 && len < (int)STORE_PATH_MAX;
}

static int cannot(char why[STORE_WHY_MAX], const char *doing, const char *path)
{
    int number = errno;
    snprintf(why, STORE_WHY_MAX, "cannot %s %s: %s", doing, path, strerror(number));
    errno = number;
    return BERTH_E_SYSTEM;
}

/* Nobody waits for whoever may write into a pipe of this name. -1 with errno, and a sentence if that says too
 * little. */
static int open_plain(const char *path, char why[STORE_WHY_MAX])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    why[0] = '\0';
    if (fd < 0 || fstat(fd, &st) < 0)
        return fd;
    errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
    if (!S_ISREG(st.st_mode))
        snprintf(why, STORE_WHY_MAX, "%s is no plain file; name one, or take it away", path);
    else if (st.st_size >= FILE_MAX)
        snprintf(why, STORE_WHY_MAX,
                 "%s has more than %d KiB, which no file of an attachment needs; shorten it", path,
                 FILE_MAX / 1024);
    else if (trust_file(fd, path, why, STORE_WHY_MAX))
        return fd;
    close(fd);
    return -1;
}

/* The setting that a file may have under this key; -1: none. The file's name is the attachment's. */
static int setting_of(const char *key)
{
    int id = settings_find(key);
    return id < 0 || id == SETTING_NAME || (settings_rows[id].flags & SETTING_INTERNAL) ? -1 : id;
}

/* --- what is there --- */

/* "" if there is no file; NULL with errno, or a sentence. */
static char *load(const char *path, char why[STORE_WHY_MAX])
{
    char *text = calloc(1, FILE_MAX + 1);
    int fd = open_plain(path, why);
    bool none = fd < 0 && errno == ENOENT;
    ssize_t n = fd >= 0 && text ? read(fd, text, FILE_MAX) : -1;
    if (fd >= 0)
        close(fd);
    if (text && (none || (n >= 0 && n < (ssize_t)FILE_MAX)))
        return text;
    free(text);
    return NULL;
}

/* Begins a section: of ours or of another. Some editors begin the first line with a mark. */
static bool is_header(const char *line, size_t len, bool *ours)
{
    static const char word[] = "[" STORE_SECTION "]", mark[] = "\xef\xbb\xbf";
    size_t blank = len >= strlen(mark) && strncmp(line, mark, strlen(mark)) == 0 ? strlen(mark) : 0;
    while (blank < len && strchr(" \t", line[blank]))
        blank++;
    if (blank == len || line[blank] != '[')
        return false;
    *ours = len - blank >= strlen(word) && strncmp(line + blank, word, strlen(word)) == 0;
    return true;
}

/* Does it say anything? */
static bool is_said(const char *line, size_t len)
{
    size_t blank = 0;
    while (blank < len && strchr(" \t\r", line[blank]))
        blank++;
    return blank < len && line[blank] != '#' && line[blank] != ';';
}

struct contents {
    bool ours;   /* our section */
    bool others; /* another one */
    bool says;   /* anything */
};

static struct contents contents_of(const char *text)
{
    struct contents c = {.says = false};
    for (const char *line = text; *line;) {
        bool ours = false;
        size_t len = strcspn(line, "\n");
        c.others |= is_header(line, len, &ours) && !ours && memchr(line, ']', len);
        c.ours |= ours;
        c.says |= is_said(line, len);
        line += len + (line[len] == '\n');
    }
    return c;
}

static int foreign(const char *path, char why[STORE_WHY_MAX])
{
    snprintf(why, STORE_WHY_MAX,
             "%s is no file of an attachment, for it has no section [" STORE_SECTION "]; give another name",
             path);
    return BERTH_E_ARGUMENT;
}

/* A target's file, which is best told of as a whole. What else there may be in the place of one is told by
 * its lines. */
static bool is_of_something_else(const char *path)
{
    char why[STORE_WHY_MAX];
    char *text = load(path, why);
    struct contents c = contents_of(text ? text : "");
    free(text);
    return c.others && !c.ours;
}

/* load(), of what may be written anew. */
static char *load_ours(const char *path, char why[STORE_WHY_MAX])
{
    char *text = load(path, why);
    struct contents c = contents_of(text ? text : "");
    if (c.ours || !c.says)
        return text;
    foreign(path, why);
    free(text);
    return NULL;
}

/* --- reading --- */

struct reader {
    struct settings *s;
    struct inifile file;
    store_warn *warn;
    void *warn_arg;
};

static void warn_of(struct reader *r, const char *what)
{
    char text[STORE_WHY_MAX];
    snprintf(text, sizeof text, "%s:%u: '%.64s' is not known here, and is kept as it is", r->file.name,
             r->file.line, what);
    if (r->warn)
        r->warn(r->warn_arg, text);
}

static int take_pair(void *reader, const char *section, const char *key, const char *value)
{
    struct reader *r = reader;
    char why[SETTINGS_WHY_MAX];
    bool ours = strcmp(section, STORE_SECTION) == 0;
    if (!ours || setting_of(key) < 0)
        warn_of(r, ours || !section[0] ? key : section); /* what stands before any section has none to name */
    else if (settings_take(r->s, key, value, SETTINGS_FILE, why) != 0)
        return inifile_fail(&r->file, r->file.line, "%s; mend the line, or leave it out", why);
    return 1;
}

int store_read(struct settings *s, const char *path, store_warn *warn, void *arg, char why[STORE_WHY_MAX])
{
    struct reader r = {.s = s, .warn = warn, .warn_arg = arg};
    int fd = open_plain(path, why);
    if (fd >= 0 && is_of_something_else(path)) {
        close(fd);
        return foreign(path, why);
    }
    if (why[0])
        return BERTH_E_ARGUMENT;
    r.file = (struct inifile){.file = fd >= 0 ? fdopen(fd, "re") : NULL,
                              .name = path,
                              .section = STORE_SECTION,
                              .line_max = STORE_LINE_MAX,
                              .pair = take_pair,
                              .arg = &r,
                              .why = why,
                              .why_size = STORE_WHY_MAX};
    if (!r.file.file)
        return cannot(why, "read", path);
    bool broken = inifile_read(&r.file) < 0;
    fclose(r.file.file);
    if (broken && !r.file.failed)
        return cannot(why, "read", path);
    return r.file.failed ? BERTH_E_ARGUMENT : 0;
}

/* --- what is kept --- */

/* Is this line a setting of ours, which is written anew? */
static bool is_setting(const char *line, size_t len)
{
    char key[64];
    size_t blank = 0, name = 0;
    while (blank < len && strchr(" \t", line[blank]))
        blank++;
    while (blank + name < len && !strchr(" \t=:\r", line[blank + name]))
        name++;
    if (name == 0 || name >= sizeof key)
        return false;
    memcpy(key, line + blank, name);
    key[name] = '\0';
    return setting_of(key) >= 0;
}

static void put_settings(FILE *out, const struct settings *s)
{
    uint32_t count;
    const char *const *keys = settings_keys(s, &count);
    for (int id = 0; id < SETTINGS_COUNT; id++)
        if (id != SETTING_KEY && settings_said(s, (enum setting_id)id) &&
            setting_of(settings_rows[id].key) >= 0)
            fprintf(out, "%s = %s\n", settings_rows[id].key, settings_text(s, (enum setting_id)id));
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "key = %s\n", keys[i]);
}

/* The old file with the settings behind the section's header, and none of theirs elsewhere in it. */
static void put_all(FILE *out, const struct settings *s, const char *old)
{
    bool ours = false, written = false;
    if (!*old)
        fprintf(out, "# An attachment of berth: berth-attach(1)\n");
    for (const char *line = old; *line;) {
        size_t len = strcspn(line, "\n");
        bool header = is_header(line, len, &ours);
        if (!ours || header || !is_setting(line, len))
            fprintf(out, "%.*s\n", (int)len, line);
        if (header && ours && !written)
            put_settings(out, s);
        written |= header && ours;
        line += len + (line[len] == '\n');
    }
    if (written)
        return;
    fprintf(out, "[%s]\n", STORE_SECTION);
    put_settings(out, s);
}

/* --- writing --- */

/* What a line of the file could not hold: inih takes blanks at the ends away, and comments. */
static bool fits(const char *value)
{
    size_t len = strlen(value);
    return !strchr(" \t;", value[0]) && !strchr(" \t", value[len - 1]) && !strstr(value, " ;") &&
           !strstr(value, "\t;");
}

static int does_not_fit(enum setting_id id, char why[STORE_WHY_MAX])
{
    snprintf(why, STORE_WHY_MAX,
             "a file cannot hold this %s: it has blanks at its ends, or a semicolon first or behind a blank; "
             "give another one",
             settings_rows[id].key);
    return BERTH_E_ARGUMENT;
}

static int check(const struct settings *s, char why[STORE_WHY_MAX])
{
    uint32_t count;
    const char *const *keys = settings_keys(s, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!fits(keys[i]))
            return does_not_fit(SETTING_KEY, why);
    for (int id = 0; id < SETTINGS_COUNT; id++)
        if (id != SETTING_KEY && settings_said(s, (enum setting_id)id) &&
            !fits(settings_text(s, (enum setting_id)id)))
            return does_not_fit((enum setting_id)id, why);
    return 0;
}

static int sync_folder(const char *path)
{
    char copy[STORE_PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd >= 0 ? fsync(fd) : -1;
    if (fd >= 0)
        close(fd);
    return result;
}

static bool make_folder(const char *path)
{
    char copy[STORE_PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    return mkdir(dirname(copy), 0755) == 0 || errno == EEXIST;
}

/* Whom the old one was hidden from, the new one is hidden from, too. */
static int write_new(const struct settings *s, const char *path, const char *tmp, const char *old)
{
    struct stat st;
    FILE *out = fopen(tmp, "wxe");
    if (!out)
        return -1;
    if (stat(path, &st) == 0 && fchmod(fileno(out), st.st_mode & 0777) < 0)
        return fclose(out), -1;
    put_all(out, s, old);
    bool whole = fflush(out) == 0 && fsync(fileno(out)) == 0;
    int error = errno;
    whole &= fclose(out) == 0;
    errno = whole ? errno : error;
    return whole ? 0 : -1;
}

/* The folder, or where it would be made. */
static bool has_room(const char *path)
{
    char folder[STORE_PATH_MAX], above[STORE_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    snprintf(above, sizeof above, "%s", dirname(folder));
    if (access(above, W_OK | X_OK) == 0)
        return true;
    return errno == ENOENT && access(dirname(above), W_OK | X_OK) == 0;
}

int store_check(const char *path, char why[STORE_WHY_MAX])
{
    why[0] = '\0';
    char *old = load_ours(path, why);
    if (!old)
        return why[0] ? BERTH_E_ARGUMENT : cannot(why, "read", path);
    free(old);
    return has_room(path) ? 0 : cannot(why, "write", path);
}

int store_write(const struct settings *s, const char *path, char why[STORE_WHY_MAX])
{
    char tmp[STORE_PATH_MAX + 32];
    int error = check(s, why);
    if (error)
        return error;
    snprintf(tmp, sizeof tmp, "%s.%ld", path, (long)getpid());
    why[0] = '\0';
    char *old = make_folder(path) ? load_ours(path, why) : NULL;
    if (!old)
        return why[0] ? BERTH_E_ARGUMENT : cannot(why, "write", path);
    bool done = write_new(s, path, tmp, old) == 0 && rename(tmp, path) == 0 && sync_folder(path) == 0;
    free(old);
    if (done)
        return 0;
    int number = errno;
    unlink(tmp);
    errno = number;
    return cannot(why, "write", path);
}
