/* SPDX-License-Identifier: MIT */
/* What a session's commands have come to: counted, and at level debug told one by one. */
#include <stdio.h>
#include "scsi/cdb.h"
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "serve/target.h"

#define SENSE_WORDS 64u

static void sense_words(const struct command *c, char out[SENSE_WORDS])
{
    struct scsi_sense s;
    out[0] = '\0';
    scsi_get_sense(c->sense, c->sense_len, &s);
    if (s.valid)
        snprintf(out, SENSE_WORDS, ", %s %02X/%02X", scsi_sense_key_text(s.key), s.asc >> 8, s.asc & 0xff);
}

static void tell(const struct job *job)
{
    const struct command *c = &job->command;
    const struct target_session *ts = job->ts;
    struct target *t = ts->target;
    char sense[SENSE_WORDS];
    uint32_t lun = 0;
    scsi_lun_decode(c->lun, &lun);
    sense_words(c, sense);
    log_say(t->log, engine_now(t->engine), LOG_COMMAND, "%s LUN %u: %s: %s%s", ts->from, lun, command_name(c),
            scsi_status_text(c->status), sense);
}

void traffic_note(const struct job *job)
{
    const struct command *c = &job->command;
    struct traffic *t = &job->ts->traffic;
    t->commands++;
    t->failed += c->status != SCSI_GOOD;
    t->read_bytes += job->task->read ? job->task->data.len : 0;
    t->written_bytes += job->task->write ? job->task->moved : 0;
    if (log_wants(job->ts->target->log, LOG_COMMAND))
        tell(job);
}
