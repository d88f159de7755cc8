/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"
#include "engine/sockets.h"

#include <berth/error.h>
#include <errno.h>

static const struct {
    const char *name;
    struct engine *(*make)(void);
} engines[] = {
    {"sockets", sockets_engine_new},
};

struct engine *engine_new(const char *name)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (strcmp(engines[i].name, name) == 0)
            return engines[i].make();
    return NULL;
}

/* A host without IPv6 answers EAFNOSUPPORT or EADDRNOTAVAIL where one without a route answers ENETUNREACH:
 * the next address may still do. */
static const struct {
    int err;
    int error;
} errors[] = {
    {0, BERTH_OK},
    {ECONNREFUSED, BERTH_E_REFUSED},
    {ENETUNREACH, BERTH_E_UNREACHABLE},
    {EHOSTUNREACH, BERTH_E_UNREACHABLE},
    {ENETDOWN, BERTH_E_UNREACHABLE},
    {EHOSTDOWN, BERTH_E_UNREACHABLE},
    {EAFNOSUPPORT, BERTH_E_UNREACHABLE},
    {EADDRNOTAVAIL, BERTH_E_UNREACHABLE},
    {ETIMEDOUT, BERTH_E_NO_ANSWER},
    {ECONNRESET, BERTH_E_RESET},
    {ECONNABORTED, BERTH_E_RESET},
    {ENETRESET, BERTH_E_RESET},
    {EPIPE, BERTH_E_CLOSED},
    {ENOMEM, BERTH_E_MEMORY},
    {ENOBUFS, BERTH_E_MEMORY},
};

int engine_error(int err)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].err == err)
            return errors[i].error;
    return BERTH_E_SYSTEM;
}
