/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include "plugin.h"

/* NBD knows few numbers, and nbdkit makes EINVAL of those it does not know: whatever has no row is EIO. */
int failure_number(int error)
{
    static const struct {
        int error, number;
    } rows[] = {
        {BERTH_E_READ_ONLY, EROFS},        {BERTH_E_NO_SPACE, ENOSPC}, {BERTH_E_MEMORY, ENOMEM},
        {BERTH_E_UNSUPPORTED, EOPNOTSUPP}, {BERTH_E_ARGUMENT, EINVAL}, {BERTH_E_RANGE, EINVAL},
        {BERTH_E_ABORTED, ESHUTDOWN},      {BERTH_E_STATE, ESHUTDOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].error == error)
            return rows[i].number;
    return EIO;
}

int failure_tell(const char *what, int error)
{
    nbdkit_error("%s: %s", what, berth_error_text(error));
    nbdkit_set_error(failure_number(error));
    return -1;
}
