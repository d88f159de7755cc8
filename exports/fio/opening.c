/* SPDX-License-Identifier: MIT */
#include "opening.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX 255u

struct secret {
    char bytes[SECRET_MAX + 2]; /* and a line end, and one that is too many */
    size_t len;
};

static int complain(struct berth_detail *detail, int error, const char *what, const char *file)
{
    detail->error = error;
    snprintf(detail->text, sizeof detail->text, "%s %s", what, file);
    return error;
}

/* Nobody else may be able to read it. */
static int secret_read(struct secret *s, const char *file, struct berth_detail *detail)
{
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            close(fd);
        return complain(detail, BERTH_E_SECRET, "cannot open the secret file", file);
    }
    ssize_t n = st.st_mode & 077 && S_ISREG(st.st_mode) ? -2 : read(fd, s->bytes, sizeof s->bytes);
    close(fd);
    if (n == -2)
        return complain(detail, BERTH_E_SECRET, "other users can read the secret file; run chmod 600", file);
    if (n < 0)
        return complain(detail, BERTH_E_SECRET, "cannot read the secret file", file);
    s->len = (size_t)n;
    if (s->len && s->bytes[s->len - 1] == '\n')
        s->len--;
    return BERTH_OK;
}

static int digests(struct berth_options *options, const char *which, struct berth_detail *detail)
{
    static const char *const words[] = {"none", "header", "data", "both"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(which, words[i]) == 0) {
            options->header_digest = i & 1;
            options->data_digest = i >> 1;
            return BERTH_OK;
        }
    return complain(detail, BERTH_E_ARGUMENT, "digest= is none, header, data or both, not", which);
}

static int with_secrets(struct berth_lun **out, const struct opening *o, struct berth_options *options,
                        struct secret secrets[2], struct berth_detail *detail)
{
    int error = o->secret_file ? secret_read(&secrets[0], o->secret_file, detail) : BERTH_OK;
    if (!error && o->mutual_secret_file)
        error = secret_read(&secrets[1], o->mutual_secret_file, detail);
    if (error)
        return error;
    if (o->secret_file)
        options->secret = secrets[0].bytes;
    if (o->mutual_secret_file)
        options->mutual_secret = secrets[1].bytes;
    options->secret_len = secrets[0].len;
    options->mutual_secret_len = secrets[1].len;
    return berth_lun_open(out, o->url, options, detail);
}

int opening_lun(struct berth_lun **out, const struct opening *o, struct berth_detail *detail)
{
    struct berth_options options;
    struct secret secrets[2] = {{.len = 0}};
    *out = NULL;
    berth_options_init(&options);
    options.user = o->user;
    options.mutual_user = o->mutual_user;
    options.initiator_name = o->initiator_name;
    options.depth = o->depth;
    int error = digests(&options, o->digest ? o->digest : "none", detail);
    if (error)
        return error;
    error = with_secrets(out, o, &options, secrets, detail);
    explicit_bzero(secrets, sizeof secrets);
    return error;
}
