/* SPDX-License-Identifier: MIT */
/* What happened, in sentences: told to whoever listens, and the last ones kept. Of a kind that strangers can
 * cause at most LOG_BURST are told in LOG_SECONDS, and then how many were not: nobody fills a disk by calling
 * often. */
#ifndef SERVE_LOG_H
#define SERVE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include "serve/serve.h"

#define LOG_BURST        50u
#define LOG_SECONDS      10u
#define LOG_KEPT         256u /* sentences */
#define LOG_SENTENCE_MAX 512u

enum log_kind {
    LOG_SESSION, /* logins and logouts */
    LOG_REFUSAL, /* somebody is not let in */
    LOG_FAULT,   /* a session ends that should not have */
    LOG_CHANGE,  /* what was done to the target through its control socket */
    LOG_COMMAND, /* each SCSI command */
    LOG_KINDS
};

struct log_line {
    uint64_t at_ms; /* since 1970 */
    uint8_t kind;   /* enum log_kind */
    char text[LOG_SENTENCE_MAX];
};

struct log *log_new(const struct serve_config *config); /* NULL: no memory */
void log_free(struct log *l);
void log_say(struct log *l, uint64_t now, enum log_kind kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void log_tick(struct log *l, uint64_t now); /* tells what was left out, when its time has come */
/* Would a sentence of this kind be told or kept? For those that cost something to make. */
bool log_wants(const struct log *l, enum log_kind kind);
const char *log_kind_name(enum log_kind kind);

enum serve_log_level log_level(const struct log *l);
void log_set_level(struct log *l, enum serve_log_level level);
/* The words for levels: "quiet", "normal", "debug". */
const char *log_level_name(enum serve_log_level level);
bool log_level_find(const char *name, enum serve_log_level *level);

uint64_t log_clock_ms(void); /* now, since 1970 */

/* How many are kept, and number `i` of them, the oldest first. */
uint32_t log_count(const struct log *l);
const struct log_line *log_line(const struct log *l, uint32_t i);

#endif
