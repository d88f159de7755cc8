/* SPDX-License-Identifier: MIT */
/* A target that does nothing unusual. */
#include "check/case.h"

static const struct check_case cases[] = {
    {.id = "plain-read",
     .topic = TOPIC_DATA,
     .section = "11.3",
     .sentence = "nothing unusual; a few blocks are read",
     .op = OP_READ,
     SHORT,
     .end = END_SUCCESS},
    {.id = "plain-write",
     .topic = TOPIC_DATA,
     .section = "11.3",
     .sentence = "nothing unusual; a few blocks are written, and found again",
     .op = OP_WRITE_READ,
     SHORT,
     .end = END_SUCCESS},
    {.id = "plain-read-long",
     .topic = TOPIC_DATA,
     .section = "11.7",
     .sentence = "nothing unusual; twelve MiB are read",
     .op = OP_READ,
     LONG,
     .end = END_SUCCESS},
    {.id = "plain-write-long",
     .topic = TOPIC_DATA,
     .section = "11.7",
     .sentence = "nothing unusual; twelve MiB are written, and found again",
     .op = OP_WRITE_READ,
     LONG,
     .end = END_SUCCESS},
};

const struct case_group cases_plain = {cases, sizeof cases / sizeof cases[0]};
