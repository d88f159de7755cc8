/* SPDX-License-Identifier: MIT */
/* Registrations that outlive the target (APTPL): one small text file per LU.
 *
 *   berth-reservations 2
 *   reservation TYPE HOLDER         the holder's place among the registrations, from 1; 0 for none or all
 *   registration KEY PORT TRANSPORTID      in hexadecimal; the port is the target's */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "scsi/reservation.h"
#include "lu/command.h"

#define MAGIC        "berth-reservations 2\n"
#define LINE_MAX_LEN (64 + 2 * NEXUS_ID_MAX)

/* --- writing --- */

static void print_registration(FILE *f, const struct registration *g)
{
    fprintf(f, "registration %016llx %04x ", (unsigned long long)g->key, g->id.port);
    for (uint32_t i = 0; i < g->id.len; i++)
        fprintf(f, "%02x", g->id.bytes[i]);
    fputc('\n', f);
}

static void print_all(FILE *f, const struct reservation *r)
{
    uint32_t holder = 0, place = 0;
    for (const struct registration *g = r->first; g; g = g->next) {
        place++;
        holder = g == r->holder ? place : holder;
    }
    fputs(MAGIC, f);
    fprintf(f, "reservation %u %u\n", r->type, holder);
    for (const struct registration *g = r->first; g; g = g->next)
        print_registration(f, g);
}

static int write_file(const struct reservation *r, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f) {
        int error = -errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    print_all(f, r);
    int error = fflush(f) || ferror(f) || fsync(fd) ? -errno : 0;
    return fclose(f) && !error ? -errno : error;
}

/* A name in a folder is durable once the folder is. */
static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    size_t len = (size_t)(strrchr(path, '/') - path);
    memcpy(folder, path, len);
    folder[len] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = fsync(fd) ? -errno : 0;
    close(fd);
    return error;
}

int reservation_save(const struct reservation *r)
{
    char fresh[PATH_MAX];
    int error = 0;
    if (!r->path)
        return 0;
    snprintf(fresh, sizeof fresh, "%s.new", r->path);
    if (r->kept) {
        error = write_file(r, fresh);
        if (!error && rename(fresh, r->path))
            error = -errno;
    } else if (unlink(r->path)) {
        return errno == ENOENT ? 0 : -errno;
    }
    return error ? error : sync_folder(r->path);
}

/* --- reading --- */

static bool read_hex(const char *text, uint8_t *out, uint32_t *len)
{
    for (*len = 0; *text && *text != '\n'; text += 2) {
        unsigned byte;
        char pair[3] = {text[0], text[1], 0};
        if (*len == NEXUS_ID_MAX || strspn(pair, "0123456789abcdef") != 2)
            return false;
        sscanf(pair, "%2x", &byte);
        out[(*len)++] = (uint8_t)byte;
    }
    return *len > 0;
}

static bool read_registration(struct reservation *r, const char *line)
{
    struct nexus_id id;
    unsigned long long key;
    int at = 0;
    if (sscanf(line, "registration %16llx %4hx %n", &key, &id.port, &at) != 2 || at == 0 || key == 0)
        return false;
    if (!read_hex(line + at, id.bytes, &id.len) || reservation_find(r, &id))
        return false;
    return reservation_add(r, &id, key) != NULL;
}

static bool set_holder(struct reservation *r, unsigned type, unsigned place)
{
    struct registration *g = r->first;
    for (unsigned i = 1; g && i < place; i++)
        g = g->next;
    bool named = place > 0 && g, all = type <= UINT8_MAX && scsi_pr_all((uint8_t)type);
    if (type == PR_NONE)
        return place == 0;
    if (type > UINT8_MAX || !scsi_pr_known((uint8_t)type) || (all ? place > 0 || !g : !named))
        return false;
    reservation_set(r, g, (uint8_t)type);
    return true;
}

static bool read_all(FILE *f, struct reservation *r)
{
    char line[LINE_MAX_LEN];
    unsigned type, place;
    if (!fgets(line, sizeof line, f) || strcmp(line, MAGIC) != 0)
        return false;
    if (!fgets(line, sizeof line, f) || sscanf(line, "reservation %u %u", &type, &place) != 2)
        return false;
    while (fgets(line, sizeof line, f))
        if (!read_registration(r, line))
            return false;
    return !ferror(f) && set_holder(r, type, place);
}

static int load(struct lu *lu, const struct lu_reason *why)
{
    struct reservation *r = &lu->reservation;
    FILE *f = fopen(r->path, "re");
    if (!f && errno == ENOENT)
        return 0;
    if (!f)
        return lu_refuse(why, "%s cannot be read (%s): change its permissions or remove it", r->path,
                         strerror(errno));
    r->kept = read_all(f, r);
    fclose(f);
    if (!r->kept)
        return lu_refuse(
            why, "%s holds no reservations as berth writes them: remove it, and they are forgotten", r->path);
    return 0;
}

int reservation_keep(struct lu *lu, const char *folder, const struct lu_reason *why)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s.reservations", folder, lu->serial);
    if (len < 0 || (size_t)len + sizeof ".new" > sizeof path)
        return lu_refuse(why, "the path of the folder for reservations is too long: use a shorter one");
    if (access(folder, R_OK | W_OK | X_OK))
        return lu_refuse(why, "%s cannot keep reservations (%s): name a folder that may be written", folder,
                         strerror(errno));
    lu->reservation.path = strdup(path);
    if (!lu->reservation.path)
        return lu_refuse(why, "out of memory: free some and start again");
    return load(lu, why);
}
