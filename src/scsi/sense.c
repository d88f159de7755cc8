/* SPDX-License-Identifier: MIT */
#include "scsi/sense.h"
#include "base/bytes.h"
#include "base/cursor.h"

/* Response codes (SPC-4 4.5.1). */
#define FIXED_CURRENT       0x70
#define FIXED_DEFERRED      0x71
#define DESCRIPTOR_CURRENT  0x72
#define DESCRIPTOR_DEFERRED 0x73

#define INFORMATION_VALID      0x80
#define INFORMATION_DESCRIPTOR 0x00
#define HEADER_LEN             8u
#define FIXED_LEN              18u

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* SPC-4 table 53. A cut answer may end before the additional length or the ASC: what is missing stays zero.
 */
static void get_fixed(const uint8_t *bytes, size_t len, struct scsi_sense *s)
{
    if (len < 3)
        return;
    s->valid = true;
    s->key = bytes[2] & 0x0f;
    if (len < HEADER_LEN)
        return;
    s->has_information = bytes[0] & INFORMATION_VALID;
    s->information = s->has_information ? get32(bytes + 3) : 0;
    if (least(len, HEADER_LEN + bytes[7]) >= 14)
        s->asc = get16(bytes + 12);
}

/* SPC-4 4.5.2.2: the one descriptor that berth reads. */
static void get_information(const uint8_t *body, size_t len, struct scsi_sense *s)
{
    if (len < 10 || !(body[0] & INFORMATION_VALID))
        return;
    s->has_information = true;
    s->information = get64(body + 2);
}

static void get_descriptors(const uint8_t *bytes, size_t len, struct scsi_sense *s)
{
    struct reader r = reader_over(bytes, len);
    while (reader_left(&r) >= 2) {
        uint8_t type = read8(&r), body_len = read8(&r);
        const uint8_t *body = read_bytes(&r, body_len);
        if (!body)
            return;
        if (type == INFORMATION_DESCRIPTOR)
            get_information(body, body_len, s);
    }
}

static void get_descriptor(const uint8_t *bytes, size_t len, struct scsi_sense *s)
{
    if (len < 4)
        return;
    s->valid = true;
    s->key = bytes[1] & 0x0f;
    s->asc = get16(bytes + 2);
    if (len > HEADER_LEN)
        get_descriptors(bytes + HEADER_LEN, least(len - HEADER_LEN, bytes[7]), s);
}

void scsi_get_sense(const uint8_t *bytes, size_t len, struct scsi_sense *s)
{
    *s = (struct scsi_sense){0};
    if (len == 0)
        return;
    switch (bytes[0] & 0x7f) {
    case FIXED_DEFERRED:
        s->deferred = true; /* fall through */
    case FIXED_CURRENT:
        get_fixed(bytes, len, s);
        break;
    case DESCRIPTOR_DEFERRED:
        s->deferred = true; /* fall through */
    case DESCRIPTOR_CURRENT:
        get_descriptor(bytes, len, s);
        break;
    default:
        break;
    }
    if (!s->valid)
        s->deferred = false;
}

static size_t put_fixed(uint8_t *bytes, const struct scsi_sense *s)
{
    memset(bytes, 0, FIXED_LEN);
    bytes[0] = s->deferred ? FIXED_DEFERRED : FIXED_CURRENT;
    bytes[2] = s->key & 0x0f;
    bytes[7] = FIXED_LEN - HEADER_LEN;
    put16(bytes + 12, s->asc);
    if (s->has_information) {
        bytes[0] |= INFORMATION_VALID;
        put32(bytes + 3, (uint32_t)s->information);
    }
    return FIXED_LEN;
}

static size_t put_descriptor(uint8_t *bytes, const struct scsi_sense *s)
{
    memset(bytes, 0, SCSI_SENSE_PUT_MAX);
    bytes[0] = s->deferred ? DESCRIPTOR_DEFERRED : DESCRIPTOR_CURRENT;
    bytes[1] = s->key & 0x0f;
    put16(bytes + 2, s->asc);
    if (!s->has_information)
        return HEADER_LEN;
    bytes[7] = SCSI_SENSE_PUT_MAX - HEADER_LEN;
    bytes[8] = INFORMATION_DESCRIPTOR;
    bytes[9] = 0x0a;
    bytes[10] = INFORMATION_VALID;
    put64(bytes + 12, s->information);
    return SCSI_SENSE_PUT_MAX;
}

size_t scsi_put_sense(uint8_t *bytes, const struct scsi_sense *s)
{
    bool wide = s->has_information && s->information > UINT32_MAX;
    return wide || s->descriptor ? put_descriptor(bytes, s) : put_fixed(bytes, s);
}

const char *scsi_sense_key_text(uint8_t key)
{
    static const char *const texts[16] = {
        "NO SENSE",       "RECOVERED ERROR", "NOT READY",      "MEDIUM ERROR",
        "HARDWARE ERROR", "ILLEGAL REQUEST", "UNIT ATTENTION", "DATA PROTECT",
        "BLANK CHECK",    "VENDOR SPECIFIC", "COPY ABORTED",   "ABORTED COMMAND",
        "EQUAL",          "VOLUME OVERFLOW", "MISCOMPARE",     "COMPLETED",
    };
    return key < 16 ? texts[key] : "unknown sense key";
}

/* SPC-4 annex E.2, the codes that disks and arrays really send; sorted. */
static const struct {
    uint16_t asc;
    const char *text;
} asc_rows[] = {
    {0x0006, "I/O process terminated"},
    {0x0400, "not ready, cause not reportable"},
    {0x0401, "becoming ready"},
    {ASC_START_REQUIRED, "not ready, start command required"},
    {0x0403, "not ready, manual intervention required"},
    {0x0404, "not ready, format in progress"},
    {0x0407, "not ready, operation in progress"},
    {0x040a, "not accessible, access state transition"},
    {ASC_PORT_IN_STANDBY, "not accessible, target port in standby state"},
    {ASC_PORT_UNAVAILABLE, "not accessible, target port in unavailable state"},
    {0x0414, "not ready, space allocation in progress"},
    {0x0500, "logical unit does not respond to selection"},
    {ASC_COMMUNICATION_FAILURE, "logical unit communication failure"},
    {ASC_COMMUNICATION_TIMEOUT, "logical unit communication time-out"},
    {ASC_WRITE_ERROR, "write error"},
    {0x0c02, "write error, reallocation failed"},
    {0x0c0d, "write error, not enough unsolicited data"},
    {0x1000, "protection information check error"},
    {0x1001, "logical block guard check failed"},
    {0x1003, "logical block reference tag check failed"},
    {ASC_UNRECOVERED_READ, "unrecovered read error"},
    {0x1400, "recorded entity not found"},
    {ASC_PARAMETER_LIST_LENGTH, "parameter list length error"},
    {ASC_MISCOMPARE, "miscompare during verify"},
    {ASC_INVALID_OPCODE, "invalid command operation code"},
    {0x2002, "access denied, no access rights"},
    {ASC_LBA_OUT_OF_RANGE, "logical block address out of range"},
    {ASC_INVALID_FIELD_IN_CDB, "invalid field in CDB"},
    {ASC_LUN_NOT_SUPPORTED, "logical unit not supported"},
    {ASC_INVALID_FIELD_IN_PARAMETERS, "invalid field in parameter list"},
    {0x2601, "parameter not supported"},
    {0x2602, "parameter value invalid"},
    {ASC_INVALID_RELEASE, "invalid release of persistent reservation"},
    {ASC_WRITE_PROTECTED, "write protected"},
    {0x2701, "hardware write protected"},
    {ASC_SOFTWARE_WRITE_PROTECTED, "logical unit software write protected"},
    {ASC_SPACE_ALLOCATION_FAILED, "space allocation failed write protect"},
    {0x2800, "not ready to ready change, medium may have changed"},
    {ASC_POWER_ON, "power on, reset, or bus device reset occurred"},
    {0x2901, "power on occurred"},
    {ASC_BUS_RESET, "SCSI bus reset occurred"},
    {ASC_DEVICE_RESET, "bus device reset function occurred"},
    {0x2904, "device internal reset"},
    {ASC_NEXUS_LOSS, "I_T nexus loss occurred"},
    {ASC_MODE_CHANGED, "mode parameters changed"},
    {ASC_RESERVATIONS_PREEMPTED, "reservations preempted"},
    {ASC_RESERVATIONS_RELEASED, "reservations released"},
    {ASC_REGISTRATIONS_PREEMPTED, "registrations preempted"},
    {ASC_ACCESS_CHANGED, "asymmetric access state changed"},
    {ASC_CAPACITY_CHANGED, "capacity data has changed"},
    {0x2c00, "command sequence error"},
    {0x3100, "medium format corrupted"},
    {0x3807, "thin provisioning soft threshold reached"},
    {ASC_COMMANDS_CLEARED, "commands cleared by another initiator"},
    {ASC_SAVING_NOT_SUPPORTED, "saving parameters not supported"},
    {0x3a00, "medium not present"},
    {0x3e00, "logical unit has not self-configured yet"},
    {0x3e01, "logical unit failure"},
    {ASC_FAILED_SELF_TEST, "logical unit failed self-test"},
    {0x3f01, "microcode has been changed"},
    {0x3f03, "inquiry data has changed"},
    {ASC_LUNS_CHANGED, "reported LUNs data has changed"},
    {ASC_INTERNAL_FAILURE, "internal target failure"},
    {ASC_INVALID_MESSAGE, "invalid message"},
    {0x4700, "SCSI parity error"},
    {0x4703, "information unit iuCRC error detected"},
    {0x4705, "protocol service CRC error"},
    {0x4900, "invalid message error"},
    {0x4b00, "data phase error"},
    {0x4e00, "overlapped commands attempted"},
    {0x5500, "system resource failure"},
    {0x5501, "system buffer full"},
    {0x5503, "insufficient resources"},
    {ASC_NO_REGISTRATION_RESOURCES, "insufficient registration resources"},
    {0x5d00, "failure prediction threshold exceeded"},
    {0x6700, "configuration failure"},
};

const char *scsi_asc_text(uint16_t asc)
{
    for (size_t i = 0; i < sizeof asc_rows / sizeof asc_rows[0]; i++)
        if (asc_rows[i].asc == asc)
            return asc_rows[i].text;
    return "";
}
