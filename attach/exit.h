/* SPDX-License-Identifier: MIT */
/* Exit statuses of the command, and what a user can do about each error of the library. berth(1) lists both.
 */
#ifndef ATTACH_EXIT_H
#define ATTACH_EXIT_H

#include <berth/berth.h>

enum exit_status {
    STATUS_OK = 0,
    STATUS_FAILED = 1,      /* verify found a difference, or the destination was left alone */
    STATUS_USAGE = 2,       /* wrong option, operand, URL, name or secret */
    STATUS_UNREACHABLE = 3, /* not resolved, refused, silent, or lost and not back in time */
    STATUS_DENIED = 4,      /* one side refused the other's login */
    STATUS_ABSENT = 5,      /* no such target or LUN */
    STATUS_IO = 6,          /* the LUN refused or failed an I/O */
    STATUS_PROTOCOL = 7,    /* the peer speaks no iSCSI, or breaks its rules */
    STATUS_SYSTEM = 8,      /* a local file, descriptor or memory */
    STATUS_RULES = 9,       /* an initiator broke a rule, as a referee saw */
    STATUS_SIGNAL = 128,    /* plus the signal's number: 130 after Ctrl-C */
};

struct exit_row {
    int error;        /* enum berth_error */
    int status;       /* enum exit_status */
    const char *next; /* what to do about it, one clause */
};

/* The row of `error`; for an error that has none, a row that says so. Never NULL. */
const struct exit_row *exit_find(int error);

/* The library's words, or `subject` and the error's own if it gave none, and the next action. */
void exit_sentence(char *out, size_t size, int error, const struct berth_detail *detail, const char *subject);

#endif
