/* SPDX-License-Identifier: MIT */
/* The PDUs of RFC 7143 section 11 as structures in host order, each with its encoder and decoder.
 *
 * put_X(bhs, &x) writes a whole 48-byte Basic Header Segment, reserved fields zero. TotalAHSLength and
 * DataSegmentLength belong to the framing: put_X() leaves them zero, wire_set_lengths() sets them afterwards.
 * get_X(bhs, &x) reads one; it never fails, for every 48 bytes are some header: what values are legal is for
 * the state machines to say. Both stand together in the family's source file. */
#ifndef WIRE_PDU_H
#define WIRE_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_BHS_LEN    48u
#define WIRE_AHS_MAX    1020u /* 255 words, 11.2.1.5 */
#define WIRE_DIGEST_LEN 4u
#define WIRE_DSL_MAX    0xffffffu   /* DataSegmentLength has 24 bits, 11.2.1.6 */
#define WIRE_TAG_NONE   0xffffffffu /* reserved InitiatorTaskTag and TargetTransferTag */
#define WIRE_CDB_LEN    16u
#define WIRE_CDB_MAX    32u /* the longest CDB berth sends or executes; the rest travels in an AHS */

/* 11.2.1.2 */
enum wire_opcode {
    WIRE_NOP_OUT = 0x00,
    WIRE_SCSI_COMMAND = 0x01,
    WIRE_TMF_REQUEST = 0x02,
    WIRE_LOGIN_REQUEST = 0x03,
    WIRE_TEXT_REQUEST = 0x04,
    WIRE_DATA_OUT = 0x05,
    WIRE_LOGOUT_REQUEST = 0x06,
    WIRE_SNACK_REQUEST = 0x10,
    WIRE_NOP_IN = 0x20,
    WIRE_SCSI_RESPONSE = 0x21,
    WIRE_TMF_RESPONSE = 0x22,
    WIRE_LOGIN_RESPONSE = 0x23,
    WIRE_TEXT_RESPONSE = 0x24,
    WIRE_DATA_IN = 0x25,
    WIRE_LOGOUT_RESPONSE = 0x26,
    WIRE_R2T = 0x31,
    WIRE_ASYNC = 0x32,
    WIRE_REJECT = 0x3f,
    WIRE_OPCODES = 0x40, /* six bits: how many there can be */
};

/* "SCSI Command", "R2T"...; "unknown PDU" for other codes. */
const char *wire_opcode_name(uint8_t opcode);

/* --- common to all headers (11.2.1) --- */
static inline uint8_t wire_opcode(const uint8_t *bhs)
{
    return bhs[0] & 0x3f;
}

static inline bool wire_immediate(const uint8_t *bhs)
{
    return bhs[0] & 0x40;
}

static inline bool wire_final(const uint8_t *bhs)
{
    return bhs[1] & 0x80;
}

uint32_t wire_ahs_len(const uint8_t *bhs);  /* bytes */
uint32_t wire_data_len(const uint8_t *bhs); /* bytes, without padding */
uint32_t wire_itt(const uint8_t *bhs);
void wire_set_lengths(uint8_t *bhs, uint32_t ahs_len, uint32_t data_len); /* ahs_len a multiple of 4 */

static inline uint32_t wire_padding(uint32_t len)
{
    return -len & 3;
}

/* The three counters of every target PDU. */
struct wire_window {
    uint32_t stat_sn;
    uint32_t exp_cmd_sn;
    uint32_t max_cmd_sn;
};

void put_window(uint8_t *bhs, const struct wire_window *w);
void get_window(const uint8_t *bhs, struct wire_window *w);

/* --- SCSI Command 11.3 and Response 11.4: scsi_pdu.c --- */
/* 11.3.1 */
enum wire_task_attr {
    WIRE_ATTR_UNTAGGED = 0,
    WIRE_ATTR_SIMPLE = 1,
    WIRE_ATTR_ORDERED = 2,
    WIRE_ATTR_HEAD = 3,
    WIRE_ATTR_ACA = 4,
};

struct wire_scsi_command {
    bool immediate, final, read, write;
    uint8_t attr; /* enum wire_task_attr */
    uint64_t lun; /* the 8 bytes as one big-endian number */
    uint32_t itt, edtl, cmd_sn, exp_stat_sn;
    uint8_t cdb[WIRE_CDB_LEN];
};

enum wire_residual { WIRE_RESIDUAL_NONE, WIRE_RESIDUAL_UNDERFLOW, WIRE_RESIDUAL_OVERFLOW };

/* 11.4.3; others are reserved */
enum wire_scsi_response_code {
    WIRE_RESPONSE_COMPLETED = 0,
    WIRE_RESPONSE_TARGET_FAILURE = 1,
    WIRE_RESPONSE_VENDOR = 0x80, /* and above */
};

struct wire_scsi_response {
    uint8_t response, status; /* enum wire_scsi_response_code; 11.4.2 */
    uint8_t residual_kind;    /* enum wire_residual; both bits set reads as 3 = illegal */
    uint8_t bidi_residual_kind;
    uint32_t itt, snack_tag;
    struct wire_window window;
    uint32_t exp_data_sn, bidi_residual, residual;
};

void put_scsi_command(uint8_t *bhs, const struct wire_scsi_command *c);
void get_scsi_command(const uint8_t *bhs, struct wire_scsi_command *c);
void put_scsi_response(uint8_t *bhs, const struct wire_scsi_response *r);
void get_scsi_response(const uint8_t *bhs, struct wire_scsi_response *r);

/* Extended CDB in an AHS (11.2.2.3). put: bytes 16.. of a CDB of `cdb_len` <= WIRE_CDB_MAX; returns the AHS
 * length, a multiple of 4 (0 when cdb_len <= 16). `ahs` has room for WIRE_AHS_CDB_MAX bytes.
 * get: finds the extended CDB among all AHS and writes its bytes behind the first 16 of `cdb`; returns the
 * whole CDB's length, 16 if there is no such AHS, or -1 if the AHS are malformed or longer than WIRE_CDB_MAX
 * allows. Unknown AHS types are skipped (11.2.2.1). */
#define WIRE_AHS_CDB_MAX 20u
uint32_t put_ahs_cdb(uint8_t *ahs, const uint8_t *cdb, uint32_t cdb_len);
int get_ahs_cdb(const uint8_t *ahs, uint32_t ahs_len, uint8_t cdb[WIRE_CDB_MAX]);

/* --- Task management 11.5, 11.6: tmf.c --- */
/* 11.5.1, RFC 7144 for 9.. */
enum wire_tmf {
    WIRE_TMF_ABORT_TASK = 1,
    WIRE_TMF_ABORT_TASK_SET = 2,
    WIRE_TMF_CLEAR_ACA = 3,
    WIRE_TMF_CLEAR_TASK_SET = 4,
    WIRE_TMF_LU_RESET = 5,
    WIRE_TMF_TARGET_WARM_RESET = 6,
    WIRE_TMF_TARGET_COLD_RESET = 7,
    WIRE_TMF_TASK_REASSIGN = 8,
    WIRE_TMF_QUERY_TASK = 9,
    WIRE_TMF_QUERY_TASK_SET = 10,
    WIRE_TMF_IT_NEXUS_RESET = 11,
    WIRE_TMF_QUERY_ASYNC_EVENT = 12,
};

/* 11.6.1 */
enum wire_tmf_response_code {
    WIRE_TMF_COMPLETE = 0,
    WIRE_TMF_NO_TASK = 1,
    WIRE_TMF_NO_LUN = 2,
    WIRE_TMF_STILL_ALLEGIANT = 3,
    WIRE_TMF_NO_REASSIGN = 4,
    WIRE_TMF_UNSUPPORTED = 5,
    WIRE_TMF_AUTH_FAILED = 6,
    WIRE_TMF_SUCCEEDED = 7,
    WIRE_TMF_REJECTED = 255,
};

struct wire_tmf_request {
    bool immediate;
    uint8_t function; /* enum wire_tmf */
    uint64_t lun;
    uint32_t itt, referenced_tag, cmd_sn, exp_stat_sn, ref_cmd_sn, exp_data_sn;
};

struct wire_tmf_response {
    uint8_t response;
    uint32_t itt;
    struct wire_window window;
};

void put_tmf_request(uint8_t *bhs, const struct wire_tmf_request *t);
void get_tmf_request(const uint8_t *bhs, struct wire_tmf_request *t);
void put_tmf_response(uint8_t *bhs, const struct wire_tmf_response *t);
void get_tmf_response(const uint8_t *bhs, struct wire_tmf_response *t);

/* --- SCSI Data-Out and Data-In 11.7, R2T 11.8: data.c --- */
struct wire_data_out {
    bool final;
    uint64_t lun;
    uint32_t itt, ttt, exp_stat_sn, data_sn, buffer_offset;
};

struct wire_data_in {
    uint8_t status;                      /* with has_status only, as are the residuals and stat_sn */
    bool final, acknowledge, has_status; /* F, A, S */
    uint8_t residual_kind; /* no neighbour of status: one load of both waits for the stores of both */
    uint64_t lun;
    uint32_t itt, ttt;
    struct wire_window window;
    uint32_t data_sn, buffer_offset, residual;
};

struct wire_r2t {
    uint64_t lun;
    uint32_t itt, ttt;
    struct wire_window window; /* stat_sn is shown, not consumed */
    uint32_t r2t_sn, buffer_offset, desired_len;
};

void put_data_out(uint8_t *bhs, const struct wire_data_out *d);
void get_data_out(const uint8_t *bhs, struct wire_data_out *d);
void put_data_in(uint8_t *bhs, const struct wire_data_in *d);
void get_data_in(const uint8_t *bhs, struct wire_data_in *d);
void put_r2t(uint8_t *bhs, const struct wire_r2t *r);
void get_r2t(const uint8_t *bhs, struct wire_r2t *r);

/* --- Asynchronous Message 11.9: async.c --- */
/* 11.9.1 */
enum wire_async_event {
    WIRE_ASYNC_SCSI = 0,
    WIRE_ASYNC_LOGOUT = 1,
    WIRE_ASYNC_DROP_CONNECTION = 2,
    WIRE_ASYNC_DROP_ALL = 3,
    WIRE_ASYNC_RENEGOTIATE = 4,
    WIRE_ASYNC_TASKS_ENDED = 5,
    WIRE_ASYNC_VENDOR = 255,
};

struct wire_async {
    uint64_t lun;
    struct wire_window window;
    uint8_t event, vendor_code;
    uint16_t parameter1, parameter2, parameter3;
};

void put_async(uint8_t *bhs, const struct wire_async *a);
void get_async(const uint8_t *bhs, struct wire_async *a);

/* --- Text Request 11.10 and Response 11.11: text_pdu.c --- */
struct wire_text_request {
    bool immediate, final, more; /* I, F, C */
    uint64_t lun;
    uint32_t itt, ttt, cmd_sn, exp_stat_sn;
};

struct wire_text_response {
    bool final, more;
    uint64_t lun;
    uint32_t itt, ttt;
    struct wire_window window;
};

void put_text_request(uint8_t *bhs, const struct wire_text_request *t);
void get_text_request(const uint8_t *bhs, struct wire_text_request *t);
void put_text_response(uint8_t *bhs, const struct wire_text_response *t);
void get_text_response(const uint8_t *bhs, struct wire_text_response *t);

/* --- Login Request 11.12 and Response 11.13: login_pdu.c --- */
enum wire_stage { WIRE_STAGE_SECURITY = 0, WIRE_STAGE_OPERATIONAL = 1, WIRE_STAGE_FULL_FEATURE = 3 };

struct wire_login_request {
    bool transit, more; /* T, C */
    uint8_t csg, nsg;   /* enum wire_stage */
    uint8_t version_max, version_min;
    uint8_t isid[6];
    uint16_t tsih, cid;
    uint32_t itt, cmd_sn, exp_stat_sn;
};

struct wire_login_response {
    bool transit, more;
    uint8_t csg, nsg;
    uint8_t version_max, version_active;
    uint8_t isid[6];
    uint16_t tsih;
    uint32_t itt;
    struct wire_window window;
    uint8_t status_class, status_detail;
};

/* 11.13.5: status class << 8 | detail. */
enum wire_login_status {
    WIRE_LOGIN_SUCCESS = 0x0000,
    WIRE_LOGIN_MOVED_TEMPORARILY = 0x0101,
    WIRE_LOGIN_MOVED_PERMANENTLY = 0x0102,
    WIRE_LOGIN_INITIATOR_ERROR = 0x0200,
    WIRE_LOGIN_AUTH_FAILURE = 0x0201,
    WIRE_LOGIN_FORBIDDEN = 0x0202,
    WIRE_LOGIN_NOT_FOUND = 0x0203,
    WIRE_LOGIN_REMOVED = 0x0204,
    WIRE_LOGIN_TOO_MANY_CONNECTIONS = 0x0206,
    WIRE_LOGIN_MISSING_PARAMETER = 0x0207,
    WIRE_LOGIN_CANNOT_INCLUDE = 0x0208,
    WIRE_LOGIN_SESSION_TYPE = 0x0209,
    WIRE_LOGIN_NO_SESSION = 0x020a,
    WIRE_LOGIN_INVALID_REQUEST = 0x020b,
    WIRE_LOGIN_UNSUPPORTED_VERSION = 0x0205,
    WIRE_LOGIN_TARGET_ERROR = 0x0300,
    WIRE_LOGIN_UNAVAILABLE = 0x0301,
    WIRE_LOGIN_OUT_OF_RESOURCES = 0x0302,
};

/* The status in words, for messages: "target not found". Never NULL. */
const char *wire_login_status_text(uint16_t status);

void put_login_request(uint8_t *bhs, const struct wire_login_request *l);
void get_login_request(const uint8_t *bhs, struct wire_login_request *l);
void put_login_response(uint8_t *bhs, const struct wire_login_response *l);
void get_login_response(const uint8_t *bhs, struct wire_login_response *l);

/* --- Logout Request 11.14 and Response 11.15: logout.c --- */
enum wire_logout_reason {
    WIRE_LOGOUT_SESSION = 0,
    WIRE_LOGOUT_CONNECTION = 1,
    WIRE_LOGOUT_RECOVERY = 2,
};

/* 11.15.1 */
enum wire_logout_response_code {
    WIRE_LOGOUT_CLOSED = 0,
    WIRE_LOGOUT_NO_CID = 1,
    WIRE_LOGOUT_NO_RECOVERY = 2,
    WIRE_LOGOUT_CLEANUP_FAILED = 3,
};

struct wire_logout_request {
    bool immediate;
    uint8_t reason; /* enum wire_logout_reason */
    uint16_t cid;
    uint32_t itt, cmd_sn, exp_stat_sn;
};

struct wire_logout_response {
    uint8_t response; /* enum wire_logout_response_code */
    uint32_t itt;
    struct wire_window window;
    uint16_t time2wait_s, time2retain_s;
};

void put_logout_request(uint8_t *bhs, const struct wire_logout_request *l);
void get_logout_request(const uint8_t *bhs, struct wire_logout_request *l);
void put_logout_response(uint8_t *bhs, const struct wire_logout_response *l);
void get_logout_response(const uint8_t *bhs, struct wire_logout_response *l);

/* --- Reject 11.17 and SNACK 11.16: reject.c --- */
/* 11.17.1 */
enum wire_reject_reason {
    WIRE_REJECT_RESERVED = 0x01,
    WIRE_REJECT_DATA_DIGEST = 0x02,
    WIRE_REJECT_SNACK = 0x03,
    WIRE_REJECT_PROTOCOL = 0x04,
    WIRE_REJECT_COMMAND = 0x05,
    WIRE_REJECT_TOO_MANY_IMMEDIATE = 0x06,
    WIRE_REJECT_TASK_IN_PROGRESS = 0x07,
    WIRE_REJECT_INVALID_DATA_ACK = 0x08,
    WIRE_REJECT_INVALID_FIELD = 0x09,
    WIRE_REJECT_LONG_OPERATION = 0x0a,
    WIRE_REJECT_NEGOTIATION_RESET = 0x0b, /* deprecated; ends the login */
    WIRE_REJECT_WAITING_FOR_LOGOUT = 0x0c,
};

struct wire_reject {
    uint8_t reason;
    struct wire_window window;
    uint32_t data_sn;
};

struct wire_snack {
    uint8_t type;
    uint64_t lun;
    uint32_t itt, ttt_or_tag, exp_stat_sn, beg_run, run_length;
};

const char *wire_reject_text(uint8_t reason); /* the reason in words; never NULL */
void put_reject(uint8_t *bhs, const struct wire_reject *r);
void get_reject(const uint8_t *bhs, struct wire_reject *r);
void put_snack(uint8_t *bhs, const struct wire_snack *s);
void get_snack(const uint8_t *bhs, struct wire_snack *s);

/* --- NOP-Out 11.18 and NOP-In 11.19: nop.c --- */
struct wire_nop_out {
    bool immediate;
    uint64_t lun;
    uint32_t itt, ttt, cmd_sn, exp_stat_sn;
};

struct wire_nop_in {
    uint64_t lun;
    uint32_t itt, ttt;
    struct wire_window window;
};

void put_nop_out(uint8_t *bhs, const struct wire_nop_out *n);
void get_nop_out(const uint8_t *bhs, struct wire_nop_out *n);
void put_nop_in(uint8_t *bhs, const struct wire_nop_in *n);
void get_nop_in(const uint8_t *bhs, struct wire_nop_in *n);

#endif
