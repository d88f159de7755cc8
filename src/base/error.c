/* SPDX-License-Identifier: MIT */
/* Error codes, their words and numbers. One row per code. */
#include <errno.h> /* for its numbers; the variable is for those above who call the system */
#include <stddef.h>
#include <berth/error.h>
#include "base/export.h"

struct error_row {
    int error, number; /* the latter an errno */
    const char *name;
    const char *text;
};

static const struct error_row rows[] = {
    {BERTH_OK, 0, "ok", "no error"},
    {BERTH_E_SCSI, EIO, "scsi", "the target ended the command with an error status"},
    {BERTH_E_TARGET, EIO, "target",
     "the target reports an internal failure; the command's outcome is unknown"},
    {BERTH_E_TIMEOUT, ETIMEDOUT, "timeout", "the command did not finish in time"},
    {BERTH_E_UNKNOWN, EIO, "unknown", "the connection died and the command's outcome is unknown"},
    {BERTH_E_SHORT, EIO, "short", "the target moved fewer bytes than asked"},
    {BERTH_E_REJECTED, EIO, "rejected", "the target rejected the request"},
    {BERTH_E_ABORTED, ECANCELED, "aborted", "the command was aborted"},
    {BERTH_E_RANGE, EINVAL, "range", "the request lies past the end of the LUN or between its blocks"},
    {BERTH_E_READ_ONLY, EROFS, "read_only", "the LUN is write protected"},
    {BERTH_E_UNSUPPORTED, EOPNOTSUPP, "unsupported", "the LUN does not support this operation"},
    {BERTH_E_MEDIUM, EIO, "medium", "the LUN reports damaged data"},
    {BERTH_E_NO_SPACE, ENOSPC, "no_space", "the LUN's backing store is full"},
    {BERTH_E_RESERVED, EBUSY, "reserved", "another initiator has reserved the LUN"},
    {BERTH_E_CLOSED, ECONNRESET, "closed", "the peer closed the connection"},
    {BERTH_E_REFUSED, ECONNREFUSED, "refused", "connection refused: nothing listens there"},
    {BERTH_E_UNREACHABLE, EHOSTUNREACH, "unreachable", "the host cannot be reached"},
    {BERTH_E_NO_ANSWER, ETIMEDOUT, "no_answer", "the peer does not answer"},
    {BERTH_E_PROTOCOL, EPROTO, "protocol", "the peer broke the iSCSI protocol"},
    {BERTH_E_NOT_ISCSI, EPROTO, "not_iscsi", "the peer does not speak iSCSI"},
    {BERTH_E_HEADER_DIGEST, EBADMSG, "header_digest", "a PDU header arrived damaged"},
    {BERTH_E_DATA_DIGEST, EBADMSG, "data_digest", "a data segment arrived damaged"},
    {BERTH_E_RESET, ECONNRESET, "reset", "the connection was reset"},
    {BERTH_E_AUTH, EACCES, "auth", "the target refused the user name or secret"},
    {BERTH_E_AUTH_REQUIRED, EACCES, "auth_required", "the target requires authentication"},
    {BERTH_E_AUTH_DOWNGRADE, EACCES, "auth_downgrade", "the target would skip the required authentication"},
    {BERTH_E_TARGET_AUTH, EACCES, "target_auth", "the target could not prove its identity"},
    {BERTH_E_NO_TARGET, ENODEV, "no_target", "no such target at this portal"},
    {BERTH_E_NO_LUN, ENODEV, "no_lun", "the target has no such LUN"},
    {BERTH_E_LOGIN, ECONNREFUSED, "login", "the target refused the login"},
    {BERTH_E_NEGOTIATION, EPROTO, "negotiation", "initiator and target could not agree on parameters"},
    {BERTH_E_REDIRECT, EHOSTUNREACH, "redirect", "the target redirected the login to no usable place"},
    {BERTH_E_BUSY, EBUSY, "busy", "the target has no room for another session"},
    {BERTH_E_CHANGED, ENODEV, "changed", "another device answers under the LUN's name"},
    {BERTH_E_LOST, ENOTCONN, "lost", "the session could not be restored in time"},
    {BERTH_E_CHAP, EPROTO, "chap", "the target breaks the rules of CHAP"},
    {BERTH_E_URL, EINVAL, "url", "not a valid iscsi:// URL"},
    {BERTH_E_NAME, EINVAL, "name", "not a valid iSCSI name"},
    {BERTH_E_ADDRESS, EINVAL, "address", "not a valid portal address"},
    {BERTH_E_SECRET, EINVAL, "secret", "the CHAP secret is not acceptable"},
    {BERTH_E_ARGUMENT, EINVAL, "argument", "an argument is out of range"},
    {BERTH_E_QUEUE_FULL, EAGAIN, "queue_full", "the queue is full"},
    {BERTH_E_STATE, EINVAL, "state", "not possible in this state"},
    {BERTH_E_RECORD, EINVAL, "record", "the frozen record is damaged or of another version"},
    {BERTH_E_MEMORY, ENOMEM, "memory", "out of memory"},
    {BERTH_E_SYSTEM, EIO, "system", "a system call failed"},
    {BERTH_E_RESOLVE, EHOSTUNREACH, "resolve", "the host name does not resolve"},
    {BERTH_E_LIMIT, EOVERFLOW, "limit", "a built-in limit was reached"},
    {BERTH_E_LOCAL, EADDRNOTAVAIL, "local", "the local end cannot be had as asked"},
};

static const struct error_row *find(int error)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].error == error)
            return &rows[i];
    return NULL;
}

BERTH_EXPORT const char *berth_error_text(int error)
{
    const struct error_row *row = find(error);
    return row ? row->text : "unknown error";
}

BERTH_EXPORT const char *berth_error_name(int error)
{
    const struct error_row *row = find(error);
    return row ? row->name : "unknown_error";
}

BERTH_EXPORT int berth_error_errno(int error)
{
    const struct error_row *row = find(error);
    return row ? row->number : EIO;
}

BERTH_EXPORT enum berth_scope berth_error_scope(int error)
{
    static const enum berth_scope scopes[] = {BERTH_SCOPE_NONE,    BERTH_SCOPE_TASK,  BERTH_SCOPE_CONNECTION,
                                              BERTH_SCOPE_SESSION, BERTH_SCOPE_USAGE, BERTH_SCOPE_SYSTEM};
    return find(error) ? scopes[-error / 100] : BERTH_SCOPE_SYSTEM;
}
