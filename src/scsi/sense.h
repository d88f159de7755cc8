/* SPDX-License-Identifier: MIT */
/* Sense data (SPC-4 4.5), fixed and descriptor format, both ways, and its words. */
#ifndef SCSI_SENSE_H
#define SCSI_SENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scsi_sense_key {
    SENSE_NO_SENSE = 0,
    SENSE_RECOVERED = 1,
    SENSE_NOT_READY = 2,
    SENSE_MEDIUM_ERROR = 3,
    SENSE_HARDWARE_ERROR = 4,
    SENSE_ILLEGAL_REQUEST = 5,
    SENSE_UNIT_ATTENTION = 6,
    SENSE_DATA_PROTECT = 7,
    SENSE_BLANK_CHECK = 8,
    SENSE_VENDOR = 9,
    SENSE_COPY_ABORTED = 10,
    SENSE_ABORTED_COMMAND = 11,
    SENSE_MISCOMPARE = 14,
};

/* ASC << 8 | ASCQ of the codes berth itself produces or acts on. */
enum scsi_asc {
    ASC_NONE = 0x0000,
    ASC_START_REQUIRED = 0x0402,
    ASC_PORT_IN_STANDBY = 0x040b,
    ASC_PORT_UNAVAILABLE = 0x040c,
    ASC_COMMUNICATION_FAILURE = 0x0800,
    ASC_COMMUNICATION_TIMEOUT = 0x0801,
    ASC_WRITE_ERROR = 0x0c00,
    ASC_UNRECOVERED_READ = 0x1100,
    ASC_MISCOMPARE = 0x1d00,
    ASC_INVALID_OPCODE = 0x2000,
    ASC_LBA_OUT_OF_RANGE = 0x2100,
    ASC_INVALID_FIELD_IN_CDB = 0x2400,
    ASC_LUN_NOT_SUPPORTED = 0x2500,
    ASC_INVALID_FIELD_IN_PARAMETERS = 0x2600,
    ASC_INVALID_RELEASE = 0x2604,
    ASC_PARAMETER_LIST_LENGTH = 0x1a00,
    ASC_WRITE_PROTECTED = 0x2700,
    ASC_SOFTWARE_WRITE_PROTECTED = 0x2702,
    ASC_SPACE_ALLOCATION_FAILED = 0x2707,
    ASC_POWER_ON = 0x2900,
    ASC_BUS_RESET = 0x2902,
    ASC_DEVICE_RESET = 0x2903,
    ASC_NEXUS_LOSS = 0x2907,
    ASC_MODE_CHANGED = 0x2a01,
    ASC_RESERVATIONS_PREEMPTED = 0x2a03,
    ASC_RESERVATIONS_RELEASED = 0x2a04,
    ASC_REGISTRATIONS_PREEMPTED = 0x2a05,
    ASC_ACCESS_CHANGED = 0x2a06,
    ASC_CAPACITY_CHANGED = 0x2a09,
    ASC_COMMANDS_CLEARED = 0x2f00,
    ASC_SAVING_NOT_SUPPORTED = 0x3900,
    ASC_FAILED_SELF_TEST = 0x3e03,
    ASC_LUNS_CHANGED = 0x3f0e,
    ASC_INTERNAL_FAILURE = 0x4400,
    ASC_INVALID_MESSAGE = 0x4900,
    ASC_NO_REGISTRATION_RESOURCES = 0x5504,
};

struct scsi_sense {
    bool valid; /* the bytes were sense data at all */
    bool deferred;
    uint8_t key;
    uint16_t asc; /* ASC << 8 | ASCQ */
    bool has_information;
    uint64_t information;
    bool descriptor; /* written in descriptor format (D_SENSE) */
};

/* Reads what is there of `len` bytes; short or foreign data gives valid = false, never a read past `len`. */
void scsi_get_sense(const uint8_t *bytes, size_t len, struct scsi_sense *s);

/* Fixed format, 18 bytes, or descriptor format, 8 or 20, when it is asked for or the information needs 64
 * bits. Returns the length. */
#define SCSI_SENSE_PUT_MAX 20u
size_t scsi_put_sense(uint8_t *bytes, const struct scsi_sense *s);

const char *scsi_sense_key_text(uint8_t key); /* "ILLEGAL REQUEST"; never NULL */
const char *scsi_asc_text(uint16_t asc);      /* words, or "" for codes without a row */

#endif
