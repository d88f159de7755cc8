/* SPDX-License-Identifier: MIT */
#include "attach/opening.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "attach/url.h"

#define CONNECT_MAX_MS   30000u /* longer patience is one with recovery, not with one attempt */
#define STEPS_OF_TIMEOUT 4u     /* the two steps by which a late command is ended take half of it at most */

void opening_timeouts(struct berth_options *b, uint32_t ms)
{
    if (ms == 0)
        return;
    b->connect_timeout_ms = ms < CONNECT_MAX_MS ? ms : CONNECT_MAX_MS;
    b->command_timeout_ms = ms;
    if (ms / STEPS_OF_TIMEOUT < b->abort_timeout_ms)
        b->abort_timeout_ms = ms < STEPS_OF_TIMEOUT ? 1 : ms / STEPS_OF_TIMEOUT;
    b->recovery_timeout_ms = ms;
}

static void set_patience(struct berth_options *b, const struct settings *s)
{
    const struct {
        enum setting_id id;
        uint32_t *ms;
    } rows[] = {
        {SETTING_CONNECT_TIMEOUT, &b->connect_timeout_ms},
        {SETTING_COMMAND_TIMEOUT, &b->command_timeout_ms},
        {SETTING_ABORT_TIMEOUT, &b->abort_timeout_ms},
        {SETTING_RECOVERY_TIMEOUT, &b->recovery_timeout_ms},
        {SETTING_PING_INTERVAL, &b->ping_interval_ms},
        {SETTING_PING_TIMEOUT, &b->ping_timeout_ms},
    };
    opening_timeouts(b, settings_number(s, SETTING_TIMEOUT));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (settings_said(s, rows[i].id))
            *rows[i].ms = settings_number(s, rows[i].id);
}

void opening_spread(struct settings *s)
{
    static const enum setting_id ids[] = {SETTING_CONNECT_TIMEOUT, SETTING_COMMAND_TIMEOUT,
                                          SETTING_ABORT_TIMEOUT, SETTING_RECOVERY_TIMEOUT};
    char text[32], why[SETTINGS_WHY_MAX];
    struct berth_options b;
    berth_options_init(&b);
    opening_timeouts(&b, settings_number(s, SETTING_TIMEOUT));
    const uint32_t ms[] = {b.connect_timeout_ms, b.command_timeout_ms, b.abort_timeout_ms,
                           b.recovery_timeout_ms};
    for (size_t i = 0; i < 4 && settings_said(s, SETTING_TIMEOUT); i++) {
        snprintf(text, sizeof text, "%u.%03u", ms[i] / 1000, ms[i] % 1000);
        if (!settings_said(s, ids[i]))
            settings_take(s, settings_rows[ids[i]].key, text, SETTINGS_DEFAULT, why);
    }
}

static void set_login(struct berth_options *b, const struct settings *s)
{
    b->initiator_name = settings_text(s, SETTING_INITIATOR_NAME);
    b->isid = settings_text(s, SETTING_ISID);
    b->user = settings_text(s, SETTING_USER);
    b->mutual_user = settings_text(s, SETTING_MUTUAL_USER);
    b->allow_weak_secret = settings_number(s, SETTING_ALLOW_WEAK_SECRET);
    b->chap_algorithms = settings_text(s, SETTING_CHAP_ALGORITHMS);
    b->chap_challenge_min_bytes = settings_number(s, SETTING_CHAP_CHALLENGE_MIN);
    b->header_digest = settings_number(s, SETTING_DIGEST) & 1;
    b->data_digest = settings_number(s, SETTING_DIGEST) >> 1;
    b->keys = settings_keys(s, &b->key_count);
    b->depth = settings_number(s, SETTING_DEPTH);
    b->sessions = settings_number(s, SETTING_SESSIONS);
}

static void set_way(struct berth_options *b, const struct settings *s)
{
    b->redirects = settings_text(s, SETTING_REDIRECTS);
    b->engine = settings_text(s, SETTING_ENGINE);
    b->bind_address = settings_text(s, SETTING_BIND);
    b->bind_device = settings_text(s, SETTING_DEVICE);
    b->first_port = (uint16_t)settings_number(s, SETTING_PORTS);
    b->last_port = (uint16_t)settings_last(s, SETTING_PORTS);
    b->mark = settings_number(s, SETTING_MARK);
    b->priority = settings_number(s, SETTING_PRIORITY);
    b->dscp = settings_number(s, SETTING_DSCP);
}

/* --- secrets --- */

/* Whose secret it is, for sentences. */
static const char *whose(const struct settings *s, char out[64])
{
    const char *user = settings_text(s, SETTING_USER), *in_url;
    size_t len = url_user(settings_text(s, SETTING_URL), &in_url);
    snprintf(out, 64, "%.*s", user || len > 63 ? 63 : (int)len, user ? user : in_url);
    return out;
}

static int load(struct secret *secret, const struct settings *s, enum setting_id id, const char *user,
                struct berth_detail *detail)
{
    char why[SECRET_WHY_MAX] = "find memory for the secret";
    const char *file = settings_text(s, id);
    if (!file)
        return 0;
    int error = secret_room(secret) ? secret_read(secret, file, NULL, why) : BERTH_E_SYSTEM;
    if (error == BERTH_E_SYSTEM)
        snprintf(detail->text, sizeof detail->text, "cannot %.32s %.200s: %s", why, file, strerror(errno));
    else if (error ||
             (error = secret_finish(secret, user, settings_number(s, SETTING_ALLOW_WEAK_SECRET), why)))
        snprintf(detail->text, sizeof detail->text, "%s", why);
    detail->error = error;
    return error;
}

int opening_prepare(struct opening *o, const struct settings *s, struct berth_detail *detail)
{
    char user[64];
    memset(o, 0, sizeof *o);
    berth_options_init(&o->options);
    set_login(&o->options, s);
    set_way(&o->options, s);
    set_patience(&o->options, s);
    int error = load(&o->secret, s, SETTING_SECRET_FILE, whose(s, user), detail);
    if (!error)
        error = load(&o->mutual, s, SETTING_MUTUAL_SECRET_FILE, o->options.mutual_user, detail);
    o->options.secret = o->secret.bytes;
    o->options.secret_len = o->secret.len;
    o->options.mutual_secret = o->mutual.bytes;
    o->options.mutual_secret_len = o->mutual.len;
    return error;
}

void opening_wipe(struct opening *o)
{
    secret_wipe(&o->secret);
    secret_wipe(&o->mutual);
    o->options.secret = o->options.mutual_secret = NULL;
}

/* --- names --- */

/* "iqn.2026-11.io.berth:disks" and 3 become "disks-3": what stands behind the last colon tells targets of one
 * authority apart. What no name may have becomes "-". */
void opening_name(const char *url, char out[SETTINGS_NAME_MAX + 1])
{
    const char *lun = strrchr(url, '/'), *from = lun;
    size_t len = 0;
    while (from && from > url && from[-1] != ':' && from[-1] != '/')
        from--;
    for (; from && *from && len < SETTINGS_NAME_MAX; from++)
        if (len > 0 || isalnum((unsigned char)*from))
            out[len++] = isalnum((unsigned char)*from) || strchr("._", *from) ? *from : '-';
    out[len] = '\0';
    if (!settings_is_name(out))
        snprintf(out, SETTINGS_NAME_MAX + 1, "disk");
}
