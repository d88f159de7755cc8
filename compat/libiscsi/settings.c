/* SPDX-License-Identifier: MIT */
/* What a context is told. Most of it is for the login, and comes too late after that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "opening.h"

API struct iscsi_context *iscsi_create_context(const char *initiator_name)
{
    struct iscsi_context *iscsi = calloc(1, sizeof *iscsi);
    const char *debug = getenv("LIBISCSI_DEBUG");
    if (!iscsi || !initiator_name || strlen(initiator_name) >= TEXT_MAX) {
        free(iscsi);
        return NULL;
    }
    strcpy(iscsi->set.initiator, initiator_name);
    iscsi->set.immediate_data = true;
    iscsi->set.retries = -1;
    iscsi->number = NO_LUN;
    iscsi->target_count = -1;
    iscsi->fd = iscsi->bell = -1;
    if (debug) {
        iscsi->log_level = atoi(debug);
        iscsi->log = iscsi_log_to_stderr;
    }
    return iscsi;
}

/* --- for the login --- */

static bool too_late(struct iscsi_context *iscsi, const char *what)
{
    if (iscsi->phase == PHASE_UP || iscsi->phase == PHASE_OPENING)
        say(iscsi, "%s cannot be changed any more: the session has begun", what);
    return iscsi->phase == PHASE_UP || iscsi->phase == PHASE_OPENING;
}

static int set_text(struct iscsi_context *iscsi, char to[TEXT_MAX], const char *from, const char *what)
{
    if (too_late(iscsi, what))
        return -1;
    if (!from)
        from = "";
    if (strlen(from) >= TEXT_MAX)
        return say(iscsi, "%s is longer than %d bytes", what, MAX_STRING_SIZE);
    memset(to, 0, TEXT_MAX);
    memcpy(to, from, strlen(from));
    iscsi->refused.error = 0; /* it was another login that was refused */
    return 0;
}

API int iscsi_set_targetname(struct iscsi_context *iscsi, const char *targetname)
{
    return set_text(iscsi, iscsi->set.target, targetname, "the target name");
}

API int iscsi_set_initiator_username_pwd(struct iscsi_context *iscsi, const char *user, const char *passwd)
{
    int error = set_text(iscsi, iscsi->set.user, user, "the user name");
    return error ? error : set_text(iscsi, iscsi->set.secret, passwd, "the secret");
}

API int iscsi_set_target_username_pwd(struct iscsi_context *iscsi, const char *user, const char *passwd)
{
    int error = set_text(iscsi, iscsi->set.target_user, user, "the target's user name");
    return error ? error : set_text(iscsi, iscsi->set.target_secret, passwd, "the target's secret");
}

API int iscsi_init_transport(struct iscsi_context *iscsi, enum iscsi_transport_type transport)
{
    return transport == TCP_TRANSPORT ? 0 : say(iscsi, "iSER is not offered here, only TCP");
}

API int iscsi_set_session_type(struct iscsi_context *iscsi, enum iscsi_session_type type)
{
    if (too_late(iscsi, "the session type"))
        return -1;
    if (type != ISCSI_SESSION_DISCOVERY && type != ISCSI_SESSION_NORMAL)
        return say(iscsi, "there is no session type %d", (int)type);
    iscsi->set.type = (uint8_t)type;
    return 0;
}

API int iscsi_set_header_digest(struct iscsi_context *iscsi, enum iscsi_header_digest digest)
{
    if (too_late(iscsi, "the header digest"))
        return -1;
    if ((unsigned)digest > ISCSI_HEADER_DIGEST_LAST)
        return say(iscsi, "there is no header digest %d", (int)digest);
    iscsi->set.digest = (uint8_t)digest;
    return 0;
}

API int iscsi_set_immediate_data(struct iscsi_context *iscsi, enum iscsi_immediate_data immediate_data)
{
    if (too_late(iscsi, "immediate data"))
        return -1;
    iscsi->set.immediate_data = immediate_data == ISCSI_IMMEDIATE_DATA_YES;
    return 0;
}

API int iscsi_set_initial_r2t(struct iscsi_context *iscsi, enum iscsi_initial_r2t initial_r2t)
{
    if (too_late(iscsi, "the initial R2T"))
        return -1;
    iscsi->set.initial_r2t = initial_r2t == ISCSI_INITIAL_R2T_YES;
    return 0;
}

/* --- ISIDs (RFC 7143 11.12.5) --- */

static int set_isid(struct iscsi_context *iscsi, unsigned kind, uint32_t middle, uint32_t qualifier)
{
    if (too_late(iscsi, "the ISID"))
        return -1;
    snprintf(iscsi->set.isid, sizeof iscsi->set.isid, "%02x%06x%04x",
             kind << 6 | (kind == 0 ? middle >> 16 & 0x3f : 0),
             kind == 0 ? (middle & 0xffff) << 8 | (qualifier >> 16 & 0xff) : middle & 0xffffff,
             qualifier & 0xffff);
    return 0;
}

API int iscsi_set_isid_oui(struct iscsi_context *iscsi, uint32_t oui, uint32_t qualifier)
{
    return set_isid(iscsi, 0, oui, qualifier);
}

API int iscsi_set_isid_en(struct iscsi_context *iscsi, uint32_t en, uint32_t qualifier)
{
    return set_isid(iscsi, 1, en, qualifier);
}

API int iscsi_set_isid_random(struct iscsi_context *iscsi, uint32_t rnd, uint32_t qualifier)
{
    return set_isid(iscsi, 2, rnd, qualifier);
}

/* --- at any time --- */

API int iscsi_set_timeout(struct iscsi_context *iscsi, int timeout)
{
    iscsi->set.timeout_s = timeout;
    return 0;
}

static void seek_for(struct iscsi_context *iscsi)
{
    struct berth_policy policy = {.size = sizeof policy};
    if (!iscsi->lun || berth_lun_policy(iscsi->lun, &policy) != BERTH_OK)
        return;
    policy.recovery_timeout_ms = recovery_ms(&iscsi->set);
    berth_lun_set_policy(iscsi->lun, &policy);
}

API void iscsi_set_noautoreconnect(struct iscsi_context *iscsi, int state)
{
    iscsi->set.no_reconnect = state != 0;
    seek_for(iscsi);
}

API void iscsi_set_reconnect_max_retries(struct iscsi_context *iscsi, int count)
{
    iscsi->set.retries = count;
    seek_for(iscsi);
}

/* Hints, which change nothing that could be noticed: memory is always kept for the next command, and unit
 * attentions are told to whoever's command they come with. */
API void iscsi_set_cache_allocations(struct iscsi_context *iscsi, int ca)
{
    (void)iscsi;
    (void)ca;
}

API void iscsi_set_no_ua_on_reconnect(struct iscsi_context *iscsi, int state)
{
    (void)iscsi;
    (void)state;
}
