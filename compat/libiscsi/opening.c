/* SPDX-License-Identifier: MIT */
/* A session is opened: on the caller's thread where it waits anyway, else on one of our own, which rings the
 * context's bell when it is through. It works on copies of what the context was told. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "opening.h"

#define ATTEMPT_MS  30000u /* for connecting and logging in, where the caller has named no time */
#define RETRY_MS    2000u  /* a "retry" that the caller counts, in time */
#define RETRIES_MAX 1000   /* more are no limit */
#define READY_MS    30000u /* for TEST UNIT READY */
#define NEWS_MAX    16     /* unit attentions that a LUN may have in store */
#define KEYS_MAX    3u

/* Asked for as long as the session lives, and so it is not about the opening. */
static bool unwanted(void *arg)
{
    struct iscsi_context *iscsi = arg;
    return atomic_load(&iscsi->unwanted);
}

/* --- what the library is asked for --- */

static void put_name(char *out, size_t size, const char *name)
{
    size_t n = 0;
    for (; *name && n + 4 < size; name++)
        if (strchr("/?%@#", *name))
            n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*name);
        else
            out[n++] = *name;
    out[n] = 0;
}

/* Discovery may have told a portal with its group behind a comma. */
static void put_portal(char *out, size_t size, const char *portal)
{
    snprintf(out, size, "%.*s", (int)strcspn(portal, ","), portal);
}

static void write_url(struct opening *o)
{
    char target[3 * TEXT_MAX];
    put_name(target, sizeof target, o->set.target);
    put_portal(o->portal, sizeof o->portal, o->set.portal);
    int n = snprintf(o->url, sizeof o->url, "iscsi://%s/%s", o->portal, target);
    if (o->number != NO_LUN)
        snprintf(o->url + n, sizeof o->url - (size_t)n, "/%d", o->number);
}

uint32_t recovery_ms(const struct settings *s)
{
    if (s->no_reconnect)
        return 0;
    return s->retries < 0 || s->retries > RETRIES_MAX ? BERTH_FOR_EVER : (uint32_t)s->retries * RETRY_MS;
}

static void take_credentials(const struct settings *s, struct berth_options *options)
{
    options->allow_weak_secret = true;
    if (!s->user[0])
        return;
    options->user = s->user;
    options->secret = s->secret;
    options->secret_len = strlen(s->secret);
    if (!s->target_user[0])
        return;
    options->mutual_user = s->target_user;
    options->mutual_secret = s->target_secret;
    options->mutual_secret_len = strlen(s->target_secret);
}

static void take_keys(const struct settings *s, const char *keys[KEYS_MAX], struct berth_options *options)
{
    static const char *const digests[] = {
        [ISCSI_HEADER_DIGEST_NONE] = "HeaderDigest=None",
        [ISCSI_HEADER_DIGEST_NONE_CRC32C] = "HeaderDigest=None,CRC32C",
        [ISCSI_HEADER_DIGEST_CRC32C_NONE] = "HeaderDigest=CRC32C,None",
        [ISCSI_HEADER_DIGEST_CRC32C] = "HeaderDigest=CRC32C",
    };
    options->keys = keys;
    keys[options->key_count++] = digests[s->digest];
    if (!s->immediate_data)
        keys[options->key_count++] = "ImmediateData=No";
    if (s->initial_r2t)
        keys[options->key_count++] = "InitialR2T=Yes";
}

static void take_settings(struct opening *o, struct berth_options *options)
{
    const struct settings *s = &o->set;
    berth_options_init(options);
    options->initiator_name = s->initiator;
    options->isid = s->isid[0] ? s->isid : NULL;
    options->depth = FLIGHT_MAX;
    options->connect_timeout_ms =
        s->timeout_s > 0 && s->timeout_s < 100000 ? (uint32_t)s->timeout_s * 1000 : ATTEMPT_MS;
    options->recovery_timeout_ms = recovery_ms(s);
    options->commands_only = true;
    options->notice = o->notice;
    options->notice_arg = o->iscsi;
    options->cancelled = o->threaded ? unwanted : NULL;
    options->cancelled_arg = o->iscsi;
    take_credentials(s, options);
}

/* --- what it takes until a LUN can be used --- */

/* What a LUN has to tell of itself to a new session is heard here. Whatever else it says, it is there. */
static int wait_until_ready(struct opening *o)
{
    int error = BERTH_OK;
    for (int n = 0; n < NEWS_MAX; n++) {
        struct berth_command ready = {.cdb_len = 6};
        error = berth_scsi(o->lun, &ready, NULL, 0, READY_MS);
        if (ready.status != SCSI_STATUS_CHECK_CONDITION ||
            (ready.sense[2] & 0x0f) != SCSI_SENSE_UNIT_ATTENTION)
            return ready.status ? BERTH_OK : error;
    }
    return BERTH_OK;
}

static int open_lun(struct opening *o, const struct berth_options *options)
{
    int error = berth_lun_open(&o->lun, o->url, options, &o->why);
    if (error || o->errand != TO_FULLY_CONNECT || o->number == NO_LUN)
        return error;
    error = wait_until_ready(o);
    if (!error)
        return BERTH_OK;
    o->why = *berth_lun_detail(o->lun);
    berth_lun_close(o->lun);
    o->lun = NULL;
    return error;
}

static int discover(struct opening *o, const struct berth_options *options)
{
    int n = berth_discover(&o->targets, o->portal, options, &o->why);
    o->target_count = n < 0 ? -1 : n;
    return n < 0 ? n : BERTH_OK;
}

void opening_run(struct opening *o)
{
    struct berth_options options;
    const char *keys[KEYS_MAX];
    take_settings(o, &options);
    take_keys(&o->set, keys, &options);
    write_url(o);
    bool normal = o->set.type == ISCSI_SESSION_NORMAL;
    options.commands_only = normal;
    int error = normal ? open_lun(o, &options) : discover(o, &options);
    if (!error)
        o->why.error = BERTH_OK;
    else if (!o->why.error)
        o->why.error = error;
}

/* --- the thread --- */

static void *run(void *arg)
{
    struct opening *o = arg;
    const uint64_t once = 1;
    opening_run(o);
    int bell = o->bell;
    atomic_store(&o->over, true);
    if (write(bell, &once, sizeof once) < 0)
        return NULL; /* it has been rung 2^64 times */
    return NULL;
}

int opening_start(struct opening *o)
{
    sigset_t all, before;
    sigfillset(&all);
    o->threaded = true;
    o->pid = getpid();
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&o->thread, NULL, run, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    o->threaded = error == 0;
    return error ? -1 : 0;
}

bool opening_over(const struct opening *o)
{
    return atomic_load(&o->over);
}

void opening_join(struct opening *o)
{
    if (o->threaded)
        pthread_join(o->thread, NULL);
    o->threaded = false;
}

void opening_free(struct opening *o)
{
    if (!o || (o->threaded && o->pid != getpid())) /* a child has no such thread, nor what it worked on */
        return;
    atomic_store(&o->iscsi->unwanted, true);
    opening_join(o);
    atomic_store(&o->iscsi->unwanted, false);
    berth_lun_close(o->lun);
    berth_targets_free(o->targets);
    explicit_bzero(o, sizeof *o);
    free(o);
}
