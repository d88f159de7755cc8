/* SPDX-License-Identifier: MIT */
/* The local end that a caller wants for connections: what is wrong with the wish, or the engine's form of it.
 * Whether this host can grant it shows when one is made. */
#include <string.h>
#include "block/lun.h"

#define DSCP_MAX 63u

static const char *address_flaw(struct engine_addr *source, const char *text)
{
    if (!text || host_address(text, &source->sa, &source->len))
        return NULL;
    return "the local address is none: give an IPv4 or IPv6 address of this host, a link-local one with "
           "%DEVICE";
}

static const char *device_flaw(char *device, const char *name)
{
    size_t len = name ? strlen(name) : 0;
    if (name && (len == 0 || len >= ENGINE_DEVICE_MAX))
        return "the network device's name has not 1 to 15 bytes";
    memcpy(device, name ? name : "", len + 1);
    return NULL;
}

static const char *numbers_flaw(const struct berth_options *o)
{
    if (o->first_port > o->last_port || (o->first_port == 0 && o->last_port > 0))
        return "the range of local ports does not begin at 1 or later, or ends before it begins";
    return o->dscp > DSCP_MAX ? "the DSCP is greater than 63" : NULL;
}

int binding_check(struct engine_bind *bind, const struct berth_options *o, struct berth_detail *detail)
{
    const char *flaw = address_flaw(&bind->source, o->bind_address);
    if (!flaw)
        flaw = device_flaw(bind->device, o->bind_device);
    if (!flaw)
        flaw = numbers_flaw(o);
    if (flaw)
        return lun_say(detail, BERTH_E_ARGUMENT, flaw);
    bind->first_port = o->first_port;
    bind->last_port = o->last_port;
    bind->mark = o->mark;
    bind->priority = o->priority;
    bind->dscp = (uint8_t)o->dscp;
    return BERTH_OK;
}
