/* SPDX-License-Identifier: MIT */
/* One row per error of the library: the exit status it becomes and the next thing to do. */
#include <stdio.h>
#include <string.h>
#include "attach/exit.h"

static const struct exit_row rows[] = {
    {BERTH_OK, STATUS_OK, "nothing needs doing"},

    {BERTH_E_SCSI, STATUS_IO, "look into the target's log"},
    {BERTH_E_TARGET, STATUS_IO, "look into the target's log, then try again"},
    {BERTH_E_TIMEOUT, STATUS_IO, "wait longer with --timeout, or look at the target's load"},
    {BERTH_E_UNKNOWN, STATUS_IO, "read the range back before you rely on it"},
    {BERTH_E_SHORT, STATUS_IO, "look into the target's log"},
    {BERTH_E_REJECTED, STATUS_IO, "look into the target's log"},
    {BERTH_E_ABORTED, STATUS_IO, "try again"},
    {BERTH_E_RANGE, STATUS_IO, "compare with the size and block that 'berth info' shows"},
    {BERTH_E_READ_ONLY, STATUS_IO, "make the LUN writable at the target"},
    {BERTH_E_UNSUPPORTED, STATUS_IO, "see with 'berth info' what the LUN can do"},
    {BERTH_E_MEDIUM, STATUS_IO, "check the target's disks"},
    {BERTH_E_NO_SPACE, STATUS_IO, "free space at the target, then try again"},
    {BERTH_E_RESERVED, STATUS_IO, "stop the other initiator or clear its reservation"},

    {BERTH_E_CLOSED, STATUS_UNREACHABLE, "look into the target's log for the reason"},
    {BERTH_E_REFUSED, STATUS_UNREACHABLE, "check the address and port, and that the target runs"},
    {BERTH_E_UNREACHABLE, STATUS_UNREACHABLE, "check the address and the network"},
    {BERTH_E_NO_ANSWER, STATUS_UNREACHABLE, "check the address and firewalls, or wait longer with --timeout"},
    {BERTH_E_PROTOCOL, STATUS_PROTOCOL, "report it to the makers of the target, or of berth"},
    {BERTH_E_NOT_ISCSI, STATUS_PROTOCOL, "check the port; iSCSI targets usually listen on 3260"},
    {BERTH_E_HEADER_DIGEST, STATUS_PROTOCOL, "look for broken network hardware on the way"},
    {BERTH_E_DATA_DIGEST, STATUS_PROTOCOL, "look for broken network hardware on the way"},
    {BERTH_E_RESET, STATUS_UNREACHABLE, "check that the target still runs"},

    {BERTH_E_AUTH, STATUS_DENIED, "check the user name and the secret"},
    {BERTH_E_AUTH_REQUIRED, STATUS_DENIED, "give --user NAME and --secret-file FILE"},
    {BERTH_E_AUTH_DOWNGRADE, STATUS_DENIED,
     "demand CHAP at the target too, in a way that is offered here, or give no user"},
    {BERTH_E_TARGET_AUTH, STATUS_DENIED, "check --mutual-user and its secret before you trust this target"},
    {BERTH_E_NO_TARGET, STATUS_ABSENT, "list the portal's targets with 'berth discover'"},
    {BERTH_E_NO_LUN, STATUS_ABSENT, "list the target's LUNs with 'berth discover --luns'"},
    {BERTH_E_LOGIN, STATUS_DENIED, "look into the target's log and its list of allowed initiator names"},
    {BERTH_E_NEGOTIATION, STATUS_PROTOCOL, "try other settings, such as --digest none"},
    {BERTH_E_REDIRECT, STATUS_PROTOCOL, "name the portal that the target points to"},
    {BERTH_E_BUSY, STATUS_UNREACHABLE, "try again later"},
    {BERTH_E_CHANGED, STATUS_ABSENT, "find out what became of the LUN before you go on"},
    {BERTH_E_LOST, STATUS_UNREACHABLE, "check that the target runs, or wait longer with --timeout"},
    {BERTH_E_CHAP, STATUS_DENIED, "find out who answers there before you give it your secret"},

    {BERTH_E_URL, STATUS_USAGE, "write it as iscsi://[user@]host[:port]/target-name/lun"},
    {BERTH_E_NAME, STATUS_USAGE, "write it as iqn.YYYY-MM.reversed.domain:name"},
    {BERTH_E_ADDRESS, STATUS_USAGE, "write it as HOST, HOST:PORT or [IPV6]:PORT"},
    {BERTH_E_SECRET, STATUS_USAGE, "use two different secrets of 12 to 255 bytes"},
    {BERTH_E_ARGUMENT, STATUS_USAGE, "berth(1) tells what each option takes"},
    {BERTH_E_QUEUE_FULL, STATUS_SYSTEM, "report it as a fault in berth"},
    {BERTH_E_STATE, STATUS_SYSTEM, "report it as a fault in berth"},
    {BERTH_E_RECORD, STATUS_SYSTEM, "report it as a fault in berth"},

    {BERTH_E_MEMORY, STATUS_SYSTEM, "free some memory, then try again"},
    {BERTH_E_SYSTEM, STATUS_SYSTEM, "put that right, then try again"},
    {BERTH_E_RESOLVE, STATUS_UNREACHABLE, "check the host name and the resolver"},
    {BERTH_E_LIMIT, STATUS_SYSTEM, "ask for less at once"},
    {BERTH_E_LOCAL, STATUS_SYSTEM, "see 'ip address', and the options that bind the connection"},
};

static const struct exit_row unknown = {0, STATUS_SYSTEM, "report it as a fault in berth"};

const struct exit_row *exit_find(int error)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].error == error)
            return &rows[i];
    return &unknown;
}

void exit_sentence(char *out, size_t size, int error, const struct berth_detail *detail, const char *subject)
{
    const struct exit_row *row = exit_find(error);
    const char *text = detail && strcmp(detail->text, berth_error_text(error)) != 0 ? detail->text : "";
    if (strstr(text, "; ")) { /* it says itself what to do */
        snprintf(out, size, "%s", text);
        return;
    }
    /* Words about the network name the peer themselves; words about what the user wrote may not repeat it. */
    if (text[0] && (berth_error_scope(error) != BERTH_SCOPE_USAGE || strstr(text, subject)))
        snprintf(out, size, "%s; %s", text, row->next);
    else
        snprintf(out, size, "%s: %s; %s", subject, text[0] ? text : berth_error_text(error), row->next);
}
