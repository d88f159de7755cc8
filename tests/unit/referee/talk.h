/* SPDX-License-Identifier: MIT */
/* A conversation between an initiator and a target, of which the referee hears every byte: PDUs are made with
 * everything in order, and a trial changes what it is about before it sends them. */
#ifndef REFEREE_TALK_H
#define REFEREE_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "referee/referee.h"
#include "wire/keys.h"

#define TALK_LINES 3u
#define TALK_TSIH  7u
#define TALK_LUN   (1ull << 48)
#define NS_PER_S   1000000000ull

#define INITIATOR_NAME "InitiatorName=iqn.2026-11.test:i\n"
#define TARGET_NAME    "TargetName=iqn.2026-11.test:t\n"
#define NAMES          INITIATOR_NAME TARGET_NAME
#define DISCOVERY      INITIATOR_NAME "SessionType=Discovery\n"
#define GROUP          "TargetPortalGroupTag=1\n"

/* One connection. */
struct line {
    struct referee *r;
    uint32_t cmd_sn, stat_sn; /* the next of each side */
    uint16_t cid, tsih;
    uint8_t port; /* last byte of ISID */
    bool header_digest, data_digest;
};

struct talk {
    struct referee_court *court;
    struct line lines[TALK_LINES];
    struct line *at; /* the connection that is spoken on */
    uint64_t now;
    uint32_t spoil_at; /* the next header's byte... */
    uint8_t spoil;     /* ...is changed in these bits */
    uint8_t padding;   /* of the initiator */
    bool bad_sum;      /* the next PDU of the initiator has a wrong digest: of data if it has some */
    uint32_t heard[RULE_COUNT], told;
    char last[REFEREE_LINE_MAX];
    uint32_t random; /* how the streams are cut */
};

struct talk *talk_new(void);
void talk_free(struct talk *t);
/* Goes on with another connection; the first time it is made. */
void use_line(struct talk *t, uint32_t number);

/* --- PDUs: a text is "Key=value\nKey=value\n" --- */

void say(struct talk *t, uint8_t *bhs, const void *ahs, uint32_t ahs_len, const void *data, uint32_t len);
void reply(struct talk *t, uint8_t *bhs, const void *data, uint32_t len);

struct wire_login_request login_request(struct talk *t); /* of one that is over with its answer */
void say_login(struct talk *t, struct wire_login_request q, const char *text);
struct wire_login_response login_response(struct talk *t);
void reply_login(struct talk *t, struct wire_login_response a, const char *text);
void log_in(struct talk *t, const char *asked, const char *answered); /* keys besides the names */
void log_in_discovery(struct talk *t);

struct wire_scsi_command read_command(struct talk *t, uint32_t itt, uint32_t edtl);
struct wire_scsi_command write_command(struct talk *t, uint32_t itt, uint32_t edtl);
void say_command(struct talk *t, struct wire_scsi_command c, uint32_t data_len);
void reply_status(struct talk *t, uint32_t itt);
void reply_r2t(struct talk *t, uint32_t itt, uint32_t ttt, uint32_t offset, uint32_t len);
struct wire_data_out data_out(struct talk *t, uint32_t itt, uint32_t ttt, uint32_t sn, uint32_t offset);
void say_data(struct talk *t, struct wire_data_out d, uint32_t len); /* not final */
void say_last(struct talk *t, struct wire_data_out d, uint32_t len); /* final */

struct wire_nop_out ping(struct talk *t, uint32_t itt); /* immediate */
void say_nop(struct talk *t, struct wire_nop_out n, uint32_t len);
void reply_nop(struct talk *t, uint32_t itt, uint32_t ttt, uint64_t lun);

struct wire_tmf_request tmf(struct talk *t, uint8_t function, uint32_t itt);
void say_tmf(struct talk *t, struct wire_tmf_request q);
void reply_tmf(struct talk *t, uint32_t itt, uint8_t response);

struct wire_text_request text_request(struct talk *t, uint32_t itt);
void say_text(struct talk *t, struct wire_text_request q, const char *text);
struct wire_text_response text_response(struct talk *t, uint32_t itt);
void reply_text(struct talk *t, struct wire_text_response a, const char *text);

struct wire_logout_request logout_request(struct talk *t, uint32_t itt);
void say_logout(struct talk *t, struct wire_logout_request q);
void reply_async(struct talk *t, uint8_t event, uint16_t seconds);
struct wire_snack snack(struct talk *t, uint8_t type);
void say_snack(struct talk *t, struct wire_snack q);
struct wire_window window(struct talk *t, bool takes_status);

/* --- trials --- */

/* Ends with a violation of one rule and of no other, or, when not `wrong`, with none. */
struct trial {
    enum rule_id rule;
    void (*run)(struct talk *t, bool wrong);
};

extern const struct trial login_trials[], text_trials[], command_trials[], data_trials[], session_trials[];
extern const size_t login_trial_count, text_trial_count, command_trial_count, data_trial_count,
    session_trial_count;

#endif
