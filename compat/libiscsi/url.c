/* SPDX-License-Identifier: MIT */
/* iscsi://[user[%secret]@]host[:port]/target/lun[?name=value[&...]], and what the environment says of
 * secrets. */
#include <stdlib.h>
#include <string.h>
#include "parts.h"

#define SCHEME  "iscsi://"
#define URL_MAX 2048u

/* --- pieces of text --- */

static bool copy(char to[TEXT_MAX], const char *from)
{
    size_t len = strlen(from);
    if (len >= TEXT_MAX)
        return false;
    memcpy(to, from, len + 1);
    return true;
}

/* Ends `text` at the first `c` and returns what follows; NULL: there is none. */
static char *split(char *text, char c)
{
    char *at = text ? strchr(text, c) : NULL;
    if (at)
        *at++ = 0;
    return at;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. What is no escape stays as it is. */
static void decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        int hi = *from == '%' ? hex(from[1]) : -1, lo = hi >= 0 ? hex(from[2]) : -1;
        *to++ = (char)(lo >= 0 ? hi << 4 | lo : *from);
        from += lo >= 0 ? 2 : 0;
    }
    *to = 0;
}

/* --- who logs in --- */

static void from_environment(struct iscsi_url *url)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"LIBISCSI_CHAP_USERNAME", offsetof(struct iscsi_url, user)},
        {"LIBISCSI_CHAP_PASSWORD", offsetof(struct iscsi_url, passwd)},
        {"LIBISCSI_CHAP_TARGET_USERNAME", offsetof(struct iscsi_url, target_user)},
        {"LIBISCSI_CHAP_TARGET_PASSWORD", offsetof(struct iscsi_url, target_passwd)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = getenv(rows[i].name);
        if (value)
            copy((char *)url + rows[i].offset, value);
    }
}

/* Before the secret stands a % or a colon; neither part is decoded. */
static bool take_user(struct iscsi_url *url, char *login)
{
    size_t end = strcspn(login, "%:");
    bool secret = login[end] != 0;
    login[end] = 0;
    return copy(url->user, login) && (!secret || copy(url->passwd, login + end + 1));
}

/* A name without a secret, or a secret without a name, is as good as none; and whoever does not log in asks
 * nothing of the target either. */
static void drop_halves(struct iscsi_url *url)
{
    if (!url->user[0] || !url->passwd[0]) {
        url->user[0] = url->passwd[0] = 0;
        url->target_user[0] = url->target_passwd[0] = 0;
    }
    if (!url->target_user[0] || !url->target_passwd[0])
        url->target_user[0] = url->target_passwd[0] = 0;
}

/* --- arguments --- */

static const char *take_digest(struct iscsi_url *url, const char *value)
{
    static const char *const words[] = {
        [ISCSI_HEADER_DIGEST_NONE] = "none",
        [ISCSI_HEADER_DIGEST_NONE_CRC32C] = "none,crc32c",
        [ISCSI_HEADER_DIGEST_CRC32C_NONE] = "crc32c,none",
        [ISCSI_HEADER_DIGEST_CRC32C] = "crc32c",
    };
    for (int i = 0; value && i <= ISCSI_HEADER_DIGEST_LAST; i++) {
        if (strcasecmp(value, words[i]) != 0)
            continue;
        if (!url->iscsi && i != ISCSI_HEADER_DIGEST_NONE)
            return "header_digest needs a context: there is nothing else to keep it in";
        return url->iscsi && iscsi_set_header_digest(url->iscsi, (enum iscsi_header_digest)i)
                   ? "the session has its digest already"
                   : NULL;
    }
    return "header_digest is none, crc32c, or both with a comma between them";
}

static const char *take_argument(struct iscsi_url *url, char *name)
{
    const char *value = split(name, '=');
    if (strcmp(name, "header_digest") == 0)
        return take_digest(url, value);
    if (strcmp(name, "iser") == 0)
        return "iSER is not offered here, only TCP";
    if (strcmp(name, "target_user") == 0 && value)
        return copy(url->target_user, value) ? NULL : "target_user is too long";
    if (strcmp(name, "target_password") == 0 && value)
        return copy(url->target_passwd, value) ? NULL : "target_password is too long";
    return NULL; /* others have been passed over for ever */
}

static const char *take_arguments(struct iscsi_url *url, char *list)
{
    const char *flaw = NULL;
    while (list && !flaw) {
        char *next = split(list, '&');
        flaw = take_argument(url, list);
        list = next;
    }
    return flaw;
}

/* --- the whole --- */

static const char *take_lun(struct iscsi_url *url, const char *text)
{
    char *end;
    long lun = text && *text ? strtol(text, &end, 10) : -1;
    if (!text || !*text || *end || lun < -1 || lun > INT32_MAX)
        return "the LUN is missing or no number";
    url->lun = (int)lun;
    return NULL;
}

static const char *take_place(struct iscsi_url *url, char *portal, bool full)
{
    char *target = split(portal, '/'), *lun = full ? split(target, '/') : NULL;
    if (!*portal || !copy(url->portal, portal))
        return "the host is missing or too long";
    if (!full)
        return NULL;
    if (!target)
        return "the target name is missing";
    decode(target);
    if (!copy(url->target, target))
        return "the target name is too long";
    return take_lun(url, lun);
}

static const char *parse(struct iscsi_url *url, char *text, bool full)
{
    if (strncmp(text, SCHEME, sizeof SCHEME - 1) != 0)
        return "it does not begin with " SCHEME;
    char *place = text + sizeof SCHEME - 1, *arguments = split(place, '?');
    char *slash = strchr(place, '/'), *at = strchr(place, '@');
    from_environment(url);
    if (at && (!slash || at < slash)) {
        *at = 0;
        if (!take_user(url, place))
            return "the user name or the secret is too long";
        place = at + 1;
    }
    const char *flaw = take_place(url, place, full);
    if (!flaw)
        flaw = take_arguments(url, arguments);
    drop_halves(url);
    return flaw;
}

static void wipe(void *memory, size_t size)
{
    explicit_bzero(memory, size);
}

/* With a context the URL is also what that is to connect to, and as whom. */
static int use(struct iscsi_context *iscsi, const struct iscsi_url *url)
{
    if (!iscsi)
        return 0;
    if (url->target[0] && iscsi_set_targetname(iscsi, url->target))
        return -1;
    if (url->user[0] && iscsi_set_initiator_username_pwd(iscsi, url->user, url->passwd))
        return -1;
    return url->target_user[0] ? iscsi_set_target_username_pwd(iscsi, url->target_user, url->target_passwd)
                               : 0;
}

static struct iscsi_url *parse_url(struct iscsi_context *iscsi, const char *text, bool full)
{
    char work[URL_MAX];
    size_t len = text ? strlen(text) : sizeof work;
    struct iscsi_url *url = calloc(1, sizeof *url);
    const char *flaw = "it is too long";
    if (!url)
        return NULL;
    url->iscsi = iscsi;
    if (len < sizeof work) {
        memcpy(work, text, len + 1);
        flaw = parse(url, work, full);
        wipe(work, sizeof work);
    }
    if (!flaw && use(iscsi, url) == 0)
        return url;
    if (flaw)
        say(iscsi, "Invalid URL: %s. It must be of the form %s", flaw,
            full ? ISCSI_URL_SYNTAX : ISCSI_PORTAL_URL_SYNTAX);
    iscsi_destroy_url(url);
    return NULL;
}

API struct iscsi_url *iscsi_parse_full_url(struct iscsi_context *iscsi, const char *url)
{
    return parse_url(iscsi, url, true);
}

API struct iscsi_url *iscsi_parse_portal_url(struct iscsi_context *iscsi, const char *url)
{
    return parse_url(iscsi, url, false);
}

API void iscsi_destroy_url(struct iscsi_url *url)
{
    if (url)
        wipe(url, sizeof *url);
    free(url);
}
