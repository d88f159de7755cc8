/* SPDX-License-Identifier: MIT */
/* What a caller is told without having asked. */
#include "block/lun.h"

static const char *words(enum berth_notice_kind kind)
{
    switch (kind) {
    case BERTH_NOTICE_LOST:
        return "the session is lost";
    case BERTH_NOTICE_BACK:
        return "the session is back";
    case BERTH_NOTICE_SIZE:
        return "the LUN has another size";
    case BERTH_NOTICE_GONE:
        return "the LUN is gone";
    case BERTH_NOTICE_WRITES:
        return "the LUN failed to keep data that it had acknowledged";
    case BERTH_NOTICE_SPACE:
        return "the store behind the LUN is nearly full";
    case BERTH_NOTICE_RIGHTS:
        return "reservations or registrations have been taken away";
    case BERTH_NOTICE_AWAY:
        return "the target cannot be reached yet";
    case BERTH_NOTICE_ENGINE:
        return "another engine carries the session";
    case BERTH_NOTICE_FAILED:
        return "the session was given up";
    case BERTH_NOTICE_GROUP:
        return "the session came back through another portal group";
    }
    return "";
}

void notice_give(const struct berth_options *options, const struct berth_notice *notice)
{
    struct berth_notice told = *notice;
    if (!told.text)
        told.text = words((enum berth_notice_kind)told.kind);
    if (options->notice)
        options->notice(options->notice_arg, &told);
}
