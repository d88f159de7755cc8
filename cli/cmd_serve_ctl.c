/* SPDX-License-Identifier: MIT */
/* berth serve-ctl: asks a running target, and changes it. */
#include <errno.h>
#include "cli/commands.h"
#include "cli/ctl.h"
#include "cli/say.h"

int cmd_serve_ctl(const struct options *o)
{
    char path[PATH_MAX];
    FILE *ctl;
    int status = ctl_open(&ctl, ctl_path(o->control ? o->control : CTL_DEFAULT, false, path), o->timeout_ms);
    if (status != STATUS_OK)
        return status;
    status = ctl_ask(ctl, o->operands, o->operand_count, o->json);
    fclose(ctl);
    return status;
}
