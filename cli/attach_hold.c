/* SPDX-License-Identifier: MIT */
/* An attachment without an export: a session that is held, and its control socket. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include "attach/attachment.h"
#include "cli/attach.h"
#include "cli/say.h"
#include "cli/signals.h"

static bool stopped(void)
{
    return signals_caught() != 0;
}

/* Until somebody asks for its end. */
static void stay(struct attachment *a, int signals)
{
    struct pollfd p[] = {{.fd = attachment_end_fd(a), .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (!stopped() && poll(p, 2, -1) < 0 && errno == EINTR)
        ;
}

int attach_hold(const struct settings *s)
{
    char path[RUNTIME_PATH_MAX];
    struct attachment *a;
    struct berth_detail detail;
    signals_defer(true);
    attachment_stop_when(stopped);
    int error = attachment_begin(&a, s, "none", &detail);
    if (error)
        return error == BERTH_E_ABORTED ? STATUS_OK
                                        : fail_error(error, &detail, settings_text(s, SETTING_URL));
    int signals = signals_fd();
    runtime_path(settings_text(s, SETTING_NAME), ".sock", path);
    attachment_ready(a, path);
    stay(a, signals);
    attachment_end(a);
    if (signals >= 0)
        close(signals);
    return STATUS_OK;
}
