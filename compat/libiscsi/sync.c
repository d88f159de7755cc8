/* SPDX-License-Identifier: MIT */
/* Calls that wait. Meanwhile the callbacks of others are made, as in iscsi_service(). */
#include "parts.h"

void answer_cb(struct iscsi_context *iscsi, int status, void *command_data, void *private_data)
{
    struct answer *answer = private_data;
    (void)iscsi;
    (void)command_data;
    answer->status = status;
    answer->done = true;
}

int answer_wait(struct iscsi_context *iscsi, struct answer *answer)
{
    io_work(iscsi, &answer->done);
    if (!answer->done)
        return say(iscsi, "there is no session to wait for");
    return answer->status == SCSI_STATUS_GOOD ? 0 : -1;
}

API struct scsi_task *iscsi_scsi_command_sync(struct iscsi_context *iscsi, int lun, struct scsi_task *task,
                                              struct iscsi_data *data)
{
    struct answer answer = {0};
    if (iscsi_scsi_command_async(iscsi, lun, task, answer_cb, data, &answer) != 0)
        return NULL;
    answer_wait(iscsi, &answer);
    return answer.done ? task : NULL;
}
