/* SPDX-License-Identifier: MIT */
/* What came of a conformance suite: as text for people, as JSON, and as JUnit for who collects tests. */
#ifndef CLI_CHECK_REPORT_H
#define CLI_CHECK_REPORT_H

#include <stdio.h>
#include "check/check.h"
#include "cli/json.h"

#define CHECK_TOPICS_MAX 32u

struct check_topic_count {
    const char *topic;
    uint32_t results[CHECK_RESULTS];
};

struct check_report {
    bool as_json, verbose;
    const char *version; /* of berth */
    struct json json;
    FILE *junit, *junit_body; /* NULL: not wanted; the head has numbers that are known in the end only */
    char *junit_text;
    size_t junit_len;
    uint64_t ms;
    struct check_topic_count topics[CHECK_TOPICS_MAX];
    uint32_t topic_count;
    char broken_rules[64][8]; /* each once */
    uint32_t broken_count;
};

/* as_json, verbose and version are set. `junit` is a file's name or NULL. Returns enum exit_status after it
 * said what is wrong. */
int check_report_begin(struct check_report *r, const char *junit);

/* For struct check_options: `report` is a struct check_report. */
void check_report_case(void *report, const struct check_about *about, const struct check_outcome *outcome);

int check_report_end(struct check_report *r, const struct check_totals *totals);

/* The cases alone: likewise. */
void check_report_listed(void *report, const struct check_about *about);

#endif
