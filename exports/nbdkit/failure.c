/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include "plugin.h"

/* What nbdkit has a number for in NBD (EROFS becomes EPERM); of all others it makes EINVAL, as if the client
 * had been wrong. */
static bool is_in_nbd(int number)
{
    static const int numbers[] = {EIO, EROFS, ENOMEM, ENOSPC, EINVAL, EOPNOTSUPP, ESHUTDOWN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* Nobody but the export's end takes back what a client has asked for. */
int failure_number(int error)
{
    bool ends = error == BERTH_E_ABORTED || error == BERTH_E_STATE;
    int number = ends ? ESHUTDOWN : berth_error_errno(error);
    return is_in_nbd(number) ? number : EIO;
}

int failure_tell(const char *what, int error)
{
    nbdkit_error("%s: %s", what, berth_error_text(error));
    nbdkit_set_error(failure_number(error));
    return -1;
}
