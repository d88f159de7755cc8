/* SPDX-License-Identifier: MIT */
/* A row says what ended the command, what is done about it, which error an I/O has that ends with it, and
 * what else is done. Rows stay lines of one form: the test house.documents.outcomes reads them. */
#include "block/policy.h"
#include <berth/error.h>
#include <stdbool.h>
#include <stddef.h>
#include "scsi/cdb.h"

enum policy_kind { OF_STATUS, OF_SENSE, OF_DEFERRED, OF_NO_SENSE, OF_ANY };

#define FEWER  POLICY_FEWER
#define CHECK  POLICY_CHECK
#define LOSS   POLICY_LOSS
#define SPACE  POLICY_SPACE
#define RIGHTS POLICY_RIGHTS
#define RESET  (POLICY_CHECK | POLICY_VOLATILE)
#define NONE   0

#define SENSE_ANY 0xff /* whatever the key */

#define STATUS(name, verdict, error, effects, why)                                                           \
    {                                                                                                        \
        OF_STATUS, SCSI_##name, 0, 0xffff, POLICY_##verdict, effects, BERTH_E_##error, why                   \
    }
#define SENSE(key, first, last, verdict, error, effects, why)                                                \
    {                                                                                                        \
        OF_SENSE, SENSE_##key, first, last, POLICY_##verdict, effects, BERTH_E_##error, why                  \
    }
#define DEFERRED(key, verdict, error, effects, why)                                                          \
    {                                                                                                        \
        OF_DEFERRED, SENSE_##key, 0, 0xffff, POLICY_##verdict, effects, BERTH_E_##error, why                 \
    }
#define UNREADABLE(verdict, error, effects, why)                                                             \
    {                                                                                                        \
        OF_NO_SENSE, 0, 0, 0xffff, POLICY_##verdict, effects, BERTH_E_##error, why                           \
    }
#define OTHERWISE(verdict, error, effects, why)                                                              \
    {                                                                                                        \
        OF_ANY, 0, 0, 0xffff, POLICY_##verdict, effects, BERTH_E_##error, why                                \
    }

/* First match wins. Statuses are those of SAM-5 5.3.1, keys and codes those of SPC-4 4.5.6 and annex E. */
/* clang-format off */
static const struct policy_row rows[] = {
    STATUS(BUSY, LATER, SCSI, NONE, "the LUN cannot take a command now"),
    STATUS(TASK_SET_FULL, LATER, SCSI, FEWER, "it has as many commands as it can hold"),
    STATUS(TASK_ABORTED, AGAIN, SCSI, NONE, "another initiator ended it"),
    STATUS(RESERVATION_CONFLICT, FAIL, RESERVED, NONE, "another initiator keeps us out, and will until it lets go"),
    STATUS(ACA_ACTIVE, FAIL, SCSI, NONE, "somebody's NACA holds the task set; no command of the library's has it"),
    STATUS(CONDITION_MET, FAIL, SCSI, NONE, "the answer to a command that is none of an I/O's"),

    DEFERRED(RECOVERED, AGAIN, SCSI, NONE, "an earlier command had trouble and was done; this one was not begun"),
    DEFERRED(UNIT_ATTENTION, AGAIN, SCSI, CHECK, "news told late; this one was not begun"),
    DEFERRED(ANY, AGAIN, MEDIUM, LOSS, "an earlier write failed after it was acknowledged; this one was not begun"),
    UNREADABLE(FAIL, SCSI, NONE, "sense that is missing or cannot be read says nothing"),

    SENSE(NO_SENSE, 0x0000, 0xffff, AGAIN, SCSI, NONE, "a failure without a reason, and no success either"),
    SENSE(RECOVERED, 0x0000, 0xffff, FINE, SCSI, NONE, "done, with some effort"),

    SENSE(NOT_READY, 0x0401, 0x0401, LATER, SCSI, NONE, "becoming ready"),
    SENSE(NOT_READY, 0x0405, 0x040a, LATER, SCSI, NONE, "rebuilding, testing itself, changing its access state, or otherwise at work"),
    SENSE(NOT_READY, 0x0411, 0x0411, LATER, SCSI, NONE, "spinning up"),
    SENSE(NOT_READY, 0x0414, 0x0414, LATER, SCSI, NONE, "allocating space"),
    SENSE(NOT_READY, 0x041a, 0x041a, LATER, SCSI, NONE, "starting or stopping"),
    SENSE(NOT_READY, 0x0000, 0xffff, FAIL, SCSI, NONE, "stopped, being formatted or erased, on another path, or without a medium: no waiting helps"),

    SENSE(MEDIUM_ERROR, 0x0000, 0xffff, FAIL, MEDIUM, NONE, "the LUN has tried what it can"),
    SENSE(HARDWARE_ERROR, 0x0000, 0xffff, FAIL, MEDIUM, NONE, "the LUN has tried what it can"),

    SENSE(ILLEGAL_REQUEST, 0x2000, 0x2000, FAIL, UNSUPPORTED, NONE, "it does not know the command"),
    SENSE(ILLEGAL_REQUEST, 0x2100, 0x21ff, FAIL, RANGE, CHECK, "past the end, which was elsewhere when we asked"),
    SENSE(ILLEGAL_REQUEST, 0x2400, 0x2400, FAIL, UNSUPPORTED, NONE, "it does not know a part of the command"),
    SENSE(ILLEGAL_REQUEST, 0x2500, 0x25ff, FAIL, NO_LUN, CHECK, "the LUN is gone"),
    SENSE(ILLEGAL_REQUEST, 0x0000, 0xffff, FAIL, SCSI, NONE, "asked once more it would say the same"),

    SENSE(UNIT_ATTENTION, 0x2800, 0x28ff, AGAIN, SCSI, CHECK, "the medium may have changed"),
    SENSE(UNIT_ATTENTION, 0x2900, 0x2901, AGAIN, SCSI, RESET, "power on, or a reset: everything may have changed, and caches be empty"),
    SENSE(UNIT_ATTENTION, 0x2904, 0x2904, AGAIN, SCSI, RESET, "the device has reset itself: the same"),
    SENSE(UNIT_ATTENTION, 0x2900, 0x29ff, AGAIN, SCSI, CHECK, "a reset by somebody, or a lost nexus: everything but what caches hold may have changed"),
    SENSE(UNIT_ATTENTION, 0x2a00, 0x2a02, AGAIN, SCSI, CHECK, "parameters have changed: caches, write protection"),
    SENSE(UNIT_ATTENTION, 0x2a03, 0x2a05, AGAIN, SCSI, RIGHTS, "reservations or registrations were taken away"),
    SENSE(UNIT_ATTENTION, 0x2a06, 0x2a07, AGAIN, SCSI, NONE, "asymmetric access: the next answer tells whether this path still serves"),
    SENSE(UNIT_ATTENTION, 0x2a09, 0x2a09, AGAIN, SCSI, CHECK, "the capacity has changed"),
    SENSE(UNIT_ATTENTION, 0x2f00, 0x2fff, AGAIN, SCSI, NONE, "another initiator has cleared the commands"),
    SENSE(UNIT_ATTENTION, 0x3807, 0x3807, AGAIN, SCSI, SPACE, "a threshold of thin provisioning is reached"),
    SENSE(UNIT_ATTENTION, 0x3f00, 0x3fff, AGAIN, SCSI, CHECK, "microcode, inquiry data, identifiers or the list of LUNs have changed"),
    SENSE(UNIT_ATTENTION, 0x0000, 0xffff, AGAIN, SCSI, NONE, "news of no consequence"),

    SENSE(DATA_PROTECT, 0x2707, 0x2707, FAIL, NO_SPACE, NONE, "a thin LUN's store is full"),
    SENSE(DATA_PROTECT, 0x0000, 0xffff, FAIL, READ_ONLY, NONE, "write protected"),

    SENSE(ABORTED_COMMAND, 0x1000, 0x10ff, FAIL, MEDIUM, NONE, "protection information does not match the data"),
    SENSE(ABORTED_COMMAND, 0x0000, 0xffff, AGAIN, SCSI, NONE, "damaged on its way (47h), crossed by another (2Fh, 4Eh), or out of luck"),

    SENSE(BLANK_CHECK, 0x0000, 0xffff, FAIL, SCSI, NONE, "not for disks"),
    SENSE(VENDOR, 0x0000, 0xffff, FAIL, SCSI, NONE, "whatever the vendor means by it"),
    SENSE(COPY_ABORTED, 0x0000, 0xffff, FAIL, SCSI, NONE, "not for reads and writes"),
    SENSE(MISCOMPARE, 0x0000, 0xffff, FAIL, SCSI, NONE, "it compared, and found a difference"),
    OTHERWISE(FAIL, SCSI, NONE, "what no standard in force knows"),
};
/* clang-format on */

static bool is_current(const struct policy_row *row, const struct scsi_sense *s)
{
    return s->valid && !s->deferred && row->value == s->key && s->asc >= row->first && s->asc <= row->last;
}

static bool fits(const struct policy_row *row, uint8_t status, const struct scsi_sense *s)
{
    bool checked = status == SCSI_CHECK_CONDITION;
    switch ((enum policy_kind)row->kind) {
    case OF_STATUS:
        return row->value == status;
    case OF_SENSE:
        return checked && is_current(row, s);
    case OF_DEFERRED:
        return checked && s->valid && s->deferred && (row->value == s->key || row->value == SENSE_ANY);
    case OF_NO_SENSE:
        return checked && !s->valid;
    case OF_ANY:
        break;
    }
    return true;
}

const struct policy_row *policy_find(uint8_t status, const struct scsi_sense *sense)
{
    const struct policy_row *row = rows;
    while (!fits(row, status, sense)) /* the last one fits everything */
        row++;
    return row;
}
