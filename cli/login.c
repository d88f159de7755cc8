/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "attach/opening.h"
#include "attach/url.h"
#include "cli/login.h"
#include "cli/say.h"
#include "cli/signals.h"

#define SCHEME "iscsi://"

bool login_is_url(const char *operand)
{
    return strncasecmp(operand, "iscsi:", 6) == 0;
}

/* Of an operand that is no URL, there is none. */
static size_t user_in(const char *operand, const char **user)
{
    return strncmp(operand, SCHEME, strlen(SCHEME)) == 0 ? url_user(operand, user) : 0;
}

/* Names the user in questions and messages. False if neither option nor URL gives one. */
static bool find_user(const struct options *o, char *const *urls, int url_count, char *name, size_t size)
{
    const char *user = o->user;
    size_t len = user ? strlen(user) : 0;
    for (int i = 0; i < url_count && len == 0; i++)
        len = user_in(urls[i], &user);
    if (len >= size)
        len = size - 1;
    if (len)
        memcpy(name, user, len);
    name[len] = '\0';
    return len > 0;
}

static bool is_stdin(const char *file)
{
    return file &&
           (strcmp(file, "-") == 0 || strcmp(file, "/dev/stdin") == 0 || strcmp(file, "/dev/fd/0") == 0);
}

static bool stdin_is_data(char *const *urls, int url_count)
{
    return url_count == 2 && strcmp(urls[0], "-") == 0;
}

/* Said before the library says it of the URL, so that nobody is asked for the secret of "user:secret". */
static bool holds_secret(const char *url)
{
    const char *user;
    size_t len = user_in(url, &user);
    return len && memchr(user, ':', len);
}

static int check(const struct options *o, bool has_user, char *const *urls, int url_count)
{
    int from_stdin = is_stdin(o->secret_file) + is_stdin(o->mutual_secret_file) + is_stdin(o->out_file) +
                     stdin_is_data(urls, url_count);
    for (int i = 0; i < url_count; i++)
        if (holds_secret(urls[i]))
            return fail(STATUS_USAGE, "secrets do not belong into URLs, where others can read them; write %s",
                        "iscsi://user@host/... and give --secret-file FILE");
    if (o->secret_file && !has_user)
        return fail(STATUS_USAGE,
                    "--secret-file belongs to a user; give --user NAME, or name the user in the URL");
    if (o->mutual_user && !has_user)
        return fail(STATUS_USAGE, "--mutual-user needs a user of our own; give --user NAME as well");
    if (o->mutual_secret_file && !o->mutual_user)
        return fail(STATUS_USAGE, "--mutual-secret-file belongs to a name; give --mutual-user NAME as well");
    if (from_stdin > 1)
        return fail(STATUS_USAGE, "standard input can carry only one thing; put the secret in a file");
    return STATUS_OK;
}

static int load_secrets(struct login *l, const struct options *o, const char *user)
{
    int status = secret_load(&l->secret, o->secret_file, user, o->allow_weak_secret);
    if (status != STATUS_OK)
        return status;
    l->options.secret = l->secret.bytes;
    l->options.secret_len = l->secret.len;
    if (!o->mutual_user)
        return STATUS_OK;
    status = secret_load(&l->mutual, o->mutual_secret_file, o->mutual_user, o->allow_weak_secret);
    l->options.mutual_user = o->mutual_user;
    l->options.mutual_secret = l->mutual.bytes;
    l->options.mutual_secret_len = l->mutual.len;
    return status;
}

static void set_binding(struct berth_options *b, const struct options *o)
{
    b->redirects = o->redirects;
    b->bind_address = o->bind;
    b->bind_device = o->device;
    b->first_port = (uint16_t)o->first_port;
    b->last_port = (uint16_t)o->last_port;
    b->mark = o->mark;
    b->priority = o->priority;
    b->dscp = o->dscp;
    b->wait = o->wait;
    b->engine = o->engine;
}

/* The library keeps looking for a lost target by itself; people should know why nothing moves. That it gives
 * up they learn by what fails then. */
static void notice(void *arg, const struct berth_notice *n)
{
    (void)arg;
    if (n->kind == BERTH_NOTICE_LOST)
        say("lost the target: %s; waiting for it to come back", n->text);
    else if (n->kind == BERTH_NOTICE_BACK)
        say("the target is back; going on");
    else if (n->kind != BERTH_NOTICE_FAILED)
        say("%s", n->text);
}

static bool cancelled(void *arg)
{
    (void)arg;
    return signals_caught() != 0;
}

int login_prepare(struct login *l, const struct options *o, char *const *urls, int url_count)
{
    char user[256];
    bool has_user = find_user(o, urls, url_count, user, sizeof user);
    int status;
    memset(l, 0, sizeof *l);
    berth_options_init(&l->options);
    int named = identity_find(&l->identity, o->initiator_name);
    l->options.initiator_name = o->initiator_name ? o->initiator_name : l->identity.name;
    l->options.isid = o->isid;
    l->options.user = o->user;
    l->options.allow_weak_secret = o->allow_weak_secret;
    l->options.chap_algorithms = o->chap_algorithms;
    if (o->chap_challenge_min)
        l->options.chap_challenge_min_bytes = o->chap_challenge_min;
    l->options.notice = notice;
    l->options.cancelled = cancelled;
    l->options.header_digest = o->header_digest ? BERTH_DIGEST_CRC32C : BERTH_DIGEST_NONE;
    l->options.keys = o->keys;
    l->options.key_count = o->key_count;
    l->options.data_digest = o->data_digest ? BERTH_DIGEST_CRC32C : BERTH_DIGEST_NONE;
    opening_timeouts(&l->options, o->timeout_ms);
    set_binding(&l->options, o);
    status = named != STATUS_OK ? named : check(o, has_user, urls, url_count);
    return status == STATUS_OK && has_user ? load_secrets(l, o, user) : status;
}

void login_wipe(struct login *l)
{
    secret_wipe(&l->secret);
    secret_wipe(&l->mutual);
    l->options.secret = l->options.mutual_secret = NULL;
}

int login_open(struct berth_lun **lun, const char *url, const struct login *l)
{
    struct berth_detail detail = {0};
    int error = berth_lun_open(lun, url, &l->options, &detail);
    return error ? fail_error(error, &detail, url) : STATUS_OK;
}
