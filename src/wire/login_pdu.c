/* SPDX-License-Identifier: MIT */
/* Login Request (11.12) and Login Response (11.13). */
#include "wire/header.h"

#define STAGE_MASK 0x03u
#define CSG_AT     2

/* NSG is reserved unless T is set (11.12.3). */
static uint8_t flags(bool transit, bool more, uint8_t csg, uint8_t nsg)
{
    return (uint8_t)(header_bit(transit, HEADER_FINAL) | header_bit(more, HEADER_CONTINUE) |
                     (csg & STAGE_MASK) << CSG_AT | (transit ? nsg & STAGE_MASK : 0));
}

static uint8_t get_csg(const uint8_t *bhs)
{
    return bhs[1] >> CSG_AT & STAGE_MASK;
}

static uint8_t get_nsg(const uint8_t *bhs)
{
    return wire_final(bhs) ? bhs[1] & STAGE_MASK : 0;
}

void put_login_request(uint8_t *bhs, const struct wire_login_request *l)
{
    header_start(bhs, WIRE_LOGIN_REQUEST, true, flags(l->transit, l->more, l->csg, l->nsg));
    bhs[2] = l->version_max;
    bhs[3] = l->version_min;
    memcpy(bhs + 8, l->isid, sizeof l->isid);
    put16(bhs + 14, l->tsih);
    put32(bhs + 16, l->itt);
    put16(bhs + 20, l->cid);
    put32(bhs + 24, l->cmd_sn);
    put32(bhs + 28, l->exp_stat_sn);
}

void get_login_request(const uint8_t *bhs, struct wire_login_request *l)
{
    l->transit = wire_final(bhs);
    l->more = bhs[1] & HEADER_CONTINUE;
    l->csg = get_csg(bhs);
    l->nsg = get_nsg(bhs);
    l->version_max = bhs[2];
    l->version_min = bhs[3];
    memcpy(l->isid, bhs + 8, sizeof l->isid);
    l->tsih = get16(bhs + 14);
    l->itt = get32(bhs + 16);
    l->cid = get16(bhs + 20);
    l->cmd_sn = get32(bhs + 24);
    l->exp_stat_sn = get32(bhs + 28);
}

void put_login_response(uint8_t *bhs, const struct wire_login_response *l)
{
    header_start(bhs, WIRE_LOGIN_RESPONSE, false, flags(l->transit, l->more, l->csg, l->nsg));
    bhs[2] = l->version_max;
    bhs[3] = l->version_active;
    memcpy(bhs + 8, l->isid, sizeof l->isid);
    put16(bhs + 14, l->tsih);
    put32(bhs + 16, l->itt);
    put_window(bhs, &l->window);
    bhs[36] = l->status_class;
    bhs[37] = l->status_detail;
}

void get_login_response(const uint8_t *bhs, struct wire_login_response *l)
{
    l->transit = wire_final(bhs);
    l->more = bhs[1] & HEADER_CONTINUE;
    l->csg = get_csg(bhs);
    l->nsg = get_nsg(bhs);
    l->version_max = bhs[2];
    l->version_active = bhs[3];
    memcpy(l->isid, bhs + 8, sizeof l->isid);
    l->tsih = get16(bhs + 14);
    l->itt = get32(bhs + 16);
    get_window(bhs, &l->window);
    l->status_class = bhs[36];
    l->status_detail = bhs[37];
}

struct status_row {
    uint16_t status;
    const char *text;
};

/* 11.13.5 */
static const struct status_row statuses[] = {
    {WIRE_LOGIN_SUCCESS, "success"},
    {WIRE_LOGIN_MOVED_TEMPORARILY, "target moved temporarily"},
    {WIRE_LOGIN_MOVED_PERMANENTLY, "target moved permanently"},
    {WIRE_LOGIN_INITIATOR_ERROR, "initiator error"},
    {WIRE_LOGIN_AUTH_FAILURE, "authentication failed"},
    {WIRE_LOGIN_FORBIDDEN, "access to this target not allowed"},
    {WIRE_LOGIN_NOT_FOUND, "target not found"},
    {WIRE_LOGIN_REMOVED, "target removed"},
    {WIRE_LOGIN_UNSUPPORTED_VERSION, "protocol version not supported"},
    {WIRE_LOGIN_TOO_MANY_CONNECTIONS, "too many connections"},
    {WIRE_LOGIN_MISSING_PARAMETER, "missing parameter"},
    {WIRE_LOGIN_CANNOT_INCLUDE, "connection cannot join this session"},
    {WIRE_LOGIN_SESSION_TYPE, "session type not supported"},
    {WIRE_LOGIN_NO_SESSION, "session does not exist"},
    {WIRE_LOGIN_INVALID_REQUEST, "invalid request during login"},
    {WIRE_LOGIN_TARGET_ERROR, "target error"},
    {WIRE_LOGIN_UNAVAILABLE, "service unavailable"},
    {WIRE_LOGIN_OUT_OF_RESOURCES, "target out of resources"},
};

/* A detail we do not know still has a class we do. */
static const char *class_text(uint8_t status_class)
{
    static const char *const classes[] = {"unknown success status", "unknown redirection",
                                          "unknown initiator error", "unknown target error"};
    return status_class < sizeof classes / sizeof classes[0] ? classes[status_class] : "unknown login status";
}

const char *wire_login_status_text(uint16_t status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return class_text((uint8_t)(status >> 8));
}
