/* SPDX-License-Identifier: MIT */
/* What command.c and the handlers in cmd_*.c share. */
#ifndef TARGET_CMD_H
#define TARGET_CMD_H

#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "lu/command.h"

/* Limits of VPD B0h: they bound how long one command keeps the others waiting. */
#define CMD_UNMAP_RANGES_MAX 255u /* their list fits into `reply` */
#define CMD_UNMAP_BLOCKS_MAX (1u << 20)
#define CMD_SAME_BLOCKS_MAX  (1u << 15)
#define CMD_COMPARE_MAX      255u /* blocks; the field has 8 bits */

/* The pages of memory and the blocks of most file systems: what can be deallocated. */
#define CMD_PHYSICAL_BLOCK 4096u

/* --- ending a command: command.c --- */
void cmd_fail(struct command *c, uint8_t key, uint16_t asc);
void cmd_invalid_field(struct command *c);           /* ILLEGAL REQUEST 24h/00h */
void cmd_conflict(struct command *c);                /* RESERVATION CONFLICT */
void cmd_miscompare(struct command *c, uint32_t at); /* `at`: of the data-out's first differing byte */
/* What a backend returned; 0 changes nothing. `asc` is for errors of the medium itself. */
void cmd_errno(struct command *c, int error, uint16_t asc, uint64_t lba);
/* Answers with `len` bytes of `reply`, cut to `allocation`. */
void cmd_reply(struct command *c, size_t len, size_t allocation);

/* Begins an I/O of the command, one at a time: `what` says kind, fua, range and data. `then` goes on with
 * what the backend returned, in this call or later; the command ends when its handler and all it has begun
 * have returned. */
typedef void cmd_then(struct command *c, struct lu *lu, int error);
void cmd_start(struct command *c, struct lu *lu, const struct lu_io *what, cmd_then *then);

/* Begins work of several steps. It calls the backend, which may wait, and so perhaps on another thread: it
 * touches nothing but the command's CDB, data-out, reply and answer, and the LU's backend and block length.
 * It returns 0, or from cmd_fault() a negative errno or CMD_DIFFERS, with which the command then ends. */
enum { CMD_DIFFERS = 1 };
void cmd_work(struct command *c, struct lu *lu, bool fua, int (*work)(struct command *c, struct lu *lu));
int cmd_fault(struct command *c, int error, uint16_t asc, uint64_t at);
/* Behind a change: makes it durable if it must be. */
int cmd_settle(const struct command *c, struct lu *lu);

/* An answer that may be longer than `reply` and lies in `memory`, which has `allocation` bytes: what is put
 * is counted, and kept as far as it fits. */
struct cmd_long_reply {
    struct command *command;
    size_t allocation, len;
};
void cmd_long_put(struct cmd_long_reply *r, const void *bytes, size_t len);
void cmd_long_reply(struct cmd_long_reply *r);

/* Parameter data made flat in `reply`: what came of the `told` bytes, and no more than `reply` holds. */
uint32_t cmd_take_parameters(struct command *c, uint32_t told);

/* The LU that the command addresses, or NULL. */
struct lu *cmd_lu(const struct command *c);

/* The most urgent unit attention of the addressed LU, which is cleared by this; 0 for none. */
uint16_t cmd_take_attention(struct command *c);

/* --- handlers: `lu` is NULL only for those that work without one --- */
void cmd_inquiry(struct command *c, struct lu *lu); /* cmd_identity.c */
void cmd_report_luns(struct command *c, struct lu *lu);
void cmd_read_capacity_10(struct command *c, struct lu *lu);
void cmd_read_capacity_16(struct command *c, struct lu *lu);

void cmd_mode_sense_6(struct command *c, struct lu *lu); /* cmd_mode.c */
void cmd_mode_sense_10(struct command *c, struct lu *lu);
void cmd_mode_select_6(struct command *c, struct lu *lu);
void cmd_mode_select_10(struct command *c, struct lu *lu);

void cmd_report_port_groups(struct command *c, struct lu *lu); /* cmd_report.c */
void cmd_report_opcodes(struct command *c, struct lu *lu);
void cmd_report_functions(struct command *c, struct lu *lu);

void cmd_reserve(struct command *c, struct lu *lu); /* cmd_reserve.c */
void cmd_release(struct command *c, struct lu *lu);

void cmd_read_keys(struct command *c, struct lu *lu); /* cmd_persist.c */
void cmd_read_reservation(struct command *c, struct lu *lu);
void cmd_report_capabilities(struct command *c, struct lu *lu);
void cmd_read_full_status(struct command *c, struct lu *lu);
void cmd_register(struct command *c, struct lu *lu);
void cmd_register_and_ignore(struct command *c, struct lu *lu);
void cmd_register_and_move(struct command *c, struct lu *lu);
void cmd_persistent_reserve(struct command *c, struct lu *lu);
void cmd_persistent_release(struct command *c, struct lu *lu);
void cmd_clear(struct command *c, struct lu *lu);
void cmd_preempt(struct command *c, struct lu *lu);
void cmd_preempt_and_abort(struct command *c, struct lu *lu);

void cmd_test_unit_ready(struct command *c, struct lu *lu); /* cmd_state.c */
void cmd_request_sense(struct command *c, struct lu *lu);
void cmd_start_stop_unit(struct command *c, struct lu *lu);
void cmd_send_diagnostic(struct command *c, struct lu *lu);

void cmd_read(struct command *c, struct lu *lu); /* cmd_block.c */
void cmd_write(struct command *c, struct lu *lu);
void cmd_prefetch(struct command *c, struct lu *lu);
void cmd_sync_cache(struct command *c, struct lu *lu);

void cmd_verify(struct command *c, struct lu *lu); /* cmd_verify.c */
void cmd_write_verify(struct command *c, struct lu *lu);
void cmd_or_write(struct command *c, struct lu *lu);

void cmd_compare(struct command *c, struct lu *lu); /* cmd_compare.c */

void cmd_unmap(struct command *c, struct lu *lu); /* cmd_provisioning.c */
void cmd_write_same(struct command *c, struct lu *lu);
void cmd_get_lba_status(struct command *c, struct lu *lu);

/* --- how much data a CDB that passed its row's checks moves, in bytes; 0 when its handler will refuse it ---
 */
uint32_t cmd_read_bytes(const struct command *c, struct lu *lu); /* 0 also when it will peek */
uint32_t cmd_write_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_verify_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_write_verify_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_pair_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_luns_bytes(const struct command *c, struct lu *lu); /* of an answer */
uint32_t cmd_full_status_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_persist_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_move_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_mode_select_6_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_mode_select_10_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_unmap_bytes(const struct command *c, struct lu *lu);
uint32_t cmd_same_bytes(const struct command *c, struct lu *lu);

/* --- ranges and writes: cmd_block.c --- */
bool cmd_in_range(const struct lu *lu, uint64_t lba, uint64_t blocks); /* the LBA itself must exist */
/* Why these blocks cannot be moved in one command, as an ASC; 0 if they can. */
uint16_t cmd_refusal(const struct lu *lu, const struct scsi_rw *rw);
/* Bytes to be written, whole blocks; false when the command has ended because they cannot be. */
bool cmd_check_write(struct command *c, const struct lu *lu, const struct scsi_rw *rw, uint32_t *len);
/* Must a change be durable before it is answered? */
bool cmd_must_settle(const struct lu *lu, bool fua);

/* Where `len` bytes of `reply` differ from the data-out at `at`; `len` if nowhere: cmd_verify.c. */
uint32_t cmd_first_difference(const struct command *c, uint64_t at, uint32_t len);

#endif
