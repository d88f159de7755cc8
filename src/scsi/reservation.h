/* SPDX-License-Identifier: MIT */
/* Parameter data of PERSISTENT RESERVE IN and OUT (SPC-4 6.15, 6.16). */
#ifndef SCSI_RESERVATION_H
#define SCSI_RESERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scsi_pr_type { /* SPC-4 table 61 */
                    PR_NONE = 0,
                    PR_WRITE_EXCLUSIVE = 1,
                    PR_EXCLUSIVE_ACCESS = 3,
                    PR_WRITE_EXCLUSIVE_REGISTRANTS = 5,
                    PR_EXCLUSIVE_ACCESS_REGISTRANTS = 6,
                    PR_WRITE_EXCLUSIVE_ALL = 7,
                    PR_EXCLUSIVE_ACCESS_ALL = 8,
};

bool scsi_pr_known(uint8_t type);       /* one of the six */
bool scsi_pr_exclusive(uint8_t type);   /* keeps others from reading, too */
bool scsi_pr_registrants(uint8_t type); /* shared by those who are registered */
bool scsi_pr_all(uint8_t type);         /* and held by all of them */

/* PERSISTENT RESERVE OUT: the list of all service actions but REGISTER AND MOVE. */
#define SCSI_PR_OUT_LEN 24u
struct scsi_pr_out {
    uint64_t key, action_key; /* RESERVATION KEY, SERVICE ACTION RESERVATION KEY */
    bool spec_i_pt, all_tg_pt, aptpl;
};
void scsi_put_pr_out(uint8_t *list, const struct scsi_pr_out *p);
void scsi_get_pr_out(const uint8_t *list, struct scsi_pr_out *p);

/* The list of REGISTER AND MOVE: to whom a reservation goes. */
#define SCSI_PR_MOVE_LEN 24u /* and the TransportID behind it */
struct scsi_pr_move {
    uint64_t key, action_key;
    bool unregister, aptpl;
    uint16_t port;     /* relative target port identifier */
    const uint8_t *id; /* TransportID, in the list */
    uint32_t id_len;
};
void scsi_put_pr_move(uint8_t *list, const struct scsi_pr_move *m);
/* false: the list's own lengths contradict `len`. */
bool scsi_get_pr_move(const uint8_t *list, size_t len, struct scsi_pr_move *m);

/* The TransportID of an iSCSI initiator port (SPC-4 7.6.4.6, format 01b) as all that name the same port are
 * written here: in lower case and with no more zeros behind it than it takes. Returns its length, 0 for what
 * is none. */
uint32_t scsi_get_transport_id(const uint8_t *id, size_t len, uint8_t *out, size_t size);

/* READ KEYS and READ FULL STATUS: the header; the rest follows, `len` bytes of it. */
#define SCSI_PR_HEADER 8u
void scsi_put_pr_header(uint8_t *out, uint32_t generation, uint32_t len);

/* READ RESERVATION: without the last 16 bytes when `type` is PR_NONE. Returns the length. */
#define SCSI_PR_RESERVATION_MAX 24u
size_t scsi_put_pr_reservation(uint8_t *out, uint32_t generation, uint8_t type, uint64_t key);

/* REPORT CAPABILITIES: all six types, and registrations through all target ports at once; whether
 * registrations can outlive a loss of power, and whether they do. */
#define SCSI_PR_CAPABILITIES_LEN 8u
void scsi_put_pr_capabilities(uint8_t *out, bool can_keep, bool keeps);

/* One descriptor of READ FULL STATUS. */
struct scsi_pr_status {
    uint64_t key;
    uint8_t type; /* of the reservation it holds; PR_NONE: it holds none */
    uint16_t port;
    const uint8_t *id; /* TransportID */
    uint32_t id_len;
};
#define SCSI_PR_STATUS_LEN 24u /* and the TransportID behind it */
size_t scsi_put_pr_status(uint8_t *out, size_t size, const struct scsi_pr_status *s);

#endif
