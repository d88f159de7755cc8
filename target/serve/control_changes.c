/* SPDX-License-Identifier: MIT */
/* What is done to the target through the control socket. Everything done is a line of the log. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "scsi/identity.h"
#include "scsi/sense.h"
#include "serve/control_verbs.h"

#define LOGOUT_SECONDS     10u /* when nobody says how long */
#define LOGOUT_SECONDS_MAX 3600u

__attribute__((format(printf, 2, 3))) static void note(struct control_request *r, const char *format, ...)
{
    char text[LOG_SENTENCE_MAX];
    struct target *t = r->target;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_say(t->log, engine_now(t->engine), LOG_CHANGE, "%s", text);
}

/* --- LUNs --- */

static int say_usage(struct control_request *r, const char *words)
{
    return serve_refuse(r->why, BERTH_E_ARGUMENT, "write it as: %s %s", r->words[0], words);
}

static uint32_t free_lun(const struct node *n)
{
    uint32_t i = 0;
    while (i < COMMAND_LU_MAX && n->set.lus[i])
        i++;
    return i;
}

static bool request_lun(struct control_request *r, uint32_t word, uint32_t *number)
{
    return request_number(r, word, "a LUN", 0, COMMAND_LU_MAX - 1, number);
}

int verb_add_lun(struct control_request *r)
{
    uint32_t next = 1, number;
    struct node *n = request_node(r, &next);
    if (!n)
        return BERTH_E_NO_TARGET;
    if (next + 2 != r->count)
        return say_usage(r, "[IQN] LUN STORE");
    if (strcmp(r->words[next], "next") == 0)
        number = free_lun(n);
    else if (!request_lun(r, next, &number))
        return BERTH_E_ARGUMENT;
    int error = luns_add(r->target, n, number, r->words[next + 1], r->why);
    if (error)
        return error;
    note(r, "LUN %u of %s added: %s", number, n->config->iqn, n->specs[number]);
    answer_list(r->answer, "luns");
    tell_lun(r->answer, n, number);
    answer_list_end(r->answer);
    return BERTH_OK;
}

int verb_remove_lun(struct control_request *r)
{
    uint32_t next = 1, number;
    struct node *n = request_node(r, &next);
    if (!n)
        return BERTH_E_NO_TARGET;
    if (next + 1 != r->count)
        return say_usage(r, "[IQN] LUN");
    if (!request_lun(r, next, &number))
        return BERTH_E_ARGUMENT;
    int error = luns_remove(r->target, n, number, r->why);
    if (!error)
        note(r, "LUN %u of %s taken away", number, n->config->iqn);
    return error;
}

int verb_resize_lun(struct control_request *r)
{
    uint32_t next = 1, number;
    struct node *n = request_node(r, &next);
    if (!n)
        return BERTH_E_NO_TARGET;
    if (next + 1 != r->count && next + 2 != r->count)
        return say_usage(r, "[IQN] LUN [SIZE]");
    if (!request_lun(r, next, &number))
        return BERTH_E_ARGUMENT;
    int error = luns_resize(n, number, next + 2 == r->count ? r->words[next + 1] : NULL, r->why);
    if (error)
        return error;
    note(r, "LUN %u of %s has %llu bytes now", number, n->config->iqn,
         (unsigned long long)n->set.lus[number]->size);
    answer_list(r->answer, "luns");
    tell_lun(r->answer, n, number);
    answer_list_end(r->answer);
    return BERTH_OK;
}

/* --- sessions --- */

/* Something done to one session, or to all. Returns how many there were for whom it could not be done. */
typedef bool session_deed(struct target_session *ts, void *how);

static uint32_t each_session(struct control_request *r, struct target_session *one, session_deed *deed,
                             void *how)
{
    struct list *head = &r->target->sessions;
    uint32_t failed = 0;
    if (one)
        return !deed(one, how);
    for (struct list *at = head->next, *next; at != head; at = next) {
        struct target_session *ts = list_entry(at, struct target_session, link);
        next = at->next;
        failed += ts->logged_in && !deed(ts, how);
    }
    return failed;
}

static int deaf(struct control_request *r, uint32_t count)
{
    if (count == 0)
        return BERTH_OK;
    return serve_refuse(r->why, BERTH_E_BUSY,
                        "%u sessions cannot be told anything now: try again, or kick them", count);
}

/* Whom a line of the log is about. */
static const char *whom(const struct target_session *one)
{
    static char text[32];
    if (!one)
        return "all sessions";
    snprintf(text, sizeof text, "session %u", one->session->tsih);
    return text;
}

static bool kick(struct target_session *ts, void *how)
{
    (void)how;
    parting_kick(ts);
    return true;
}

int verb_kick(struct control_request *r)
{
    struct target_session *ts;
    if (!request_session(r, 1, &ts))
        return BERTH_E_ARGUMENT;
    note(r, "%s ended", whom(ts));
    each_session(r, ts, kick, NULL);
    return BERTH_OK;
}

static bool ask_logout(struct target_session *ts, void *seconds)
{
    return parting_ask(ts, *(const uint32_t *)seconds);
}

int verb_logout(struct control_request *r)
{
    struct target_session *ts;
    uint32_t seconds = LOGOUT_SECONDS;
    if (!request_session(r, 1, &ts))
        return BERTH_E_ARGUMENT;
    if (r->count > 2 && !request_number(r, 2, "a number of seconds", 0, LOGOUT_SECONDS_MAX, &seconds))
        return BERTH_E_ARGUMENT;
    note(r, "%s asked to log out within %u seconds", whom(ts), seconds);
    return deaf(r, each_session(r, ts, ask_logout, &seconds));
}

/* --- asynchronous messages (11.9) --- */

enum field { PARAMETER1, PARAMETER2, PARAMETER3, VENDOR, LUN, FIELD_COUNT };

static const struct {
    const char *word;
    uint32_t max;
} fields[FIELD_COUNT] = {[PARAMETER1] = {"parameter1=", UINT16_MAX},
                         [PARAMETER2] = {"parameter2=", UINT16_MAX},
                         [PARAMETER3] = {"parameter3=", UINT16_MAX},
                         [VENDOR] = {"vendor=", UINT8_MAX},
                         [LUN] = {"lun=", COMMAND_LU_MAX - 1}};

struct message {
    uint32_t values[FIELD_COUNT];
    struct wire_async async;
    uint8_t data[2 + COMMAND_SENSE_MAX]; /* SenseLength and sense data (11.9.4) */
    uint32_t data_len;
};

static bool put_sense(struct message *m, const char *value)
{
    unsigned key, asc, ascq;
    char rest;
    if (sscanf(value, "%2x/%2x/%2x%c", &key, &asc, &ascq, &rest) != 3 || key > 0xf)
        return false;
    const struct scsi_sense sense = {.key = (uint8_t)key, .asc = (uint16_t)(asc << 8 | ascq)};
    size_t len = scsi_put_sense(m->data + 2, &sense);
    put16(m->data, (uint16_t)len);
    m->data_len = (uint32_t)(2 + len);
    return true;
}

static bool put_number(uint32_t *out, const char *value, uint32_t max)
{
    char *end;
    unsigned long number = strtoul(value, &end, 0);
    *out = (uint32_t)number;
    return value[0] >= '0' && value[0] <= '9' && *end == '\0' && number <= max;
}

static bool put_word(struct message *m, const char *word)
{
    if (strncmp(word, "sense=", 6) == 0)
        return put_sense(m, word + 6);
    for (int i = 0; i < FIELD_COUNT; i++) {
        size_t len = strlen(fields[i].word);
        if (strncmp(word, fields[i].word, len) == 0)
            return put_number(&m->values[i], word + len, fields[i].max);
    }
    return false;
}

static int read_message(struct control_request *r, struct message *m)
{
    uint32_t event;
    if (!request_number(r, 2, "an event", 0, UINT8_MAX, &event))
        return BERTH_E_ARGUMENT;
    for (uint32_t i = 3; i < r->count; i++)
        if (!put_word(m, r->words[i]))
            return serve_refuse(r->why, BERTH_E_ARGUMENT,
                                "'%s' is nothing a message has: use parameter1=N (2, 3), vendor=N, lun=N or "
                                "sense=KEY/ASC/ASCQ in hexadecimal",
                                r->words[i]);
    m->async = (struct wire_async){.event = (uint8_t)event,
                                   .parameter1 = (uint16_t)m->values[PARAMETER1],
                                   .parameter2 = (uint16_t)m->values[PARAMETER2],
                                   .parameter3 = (uint16_t)m->values[PARAMETER3],
                                   .vendor_code = (uint8_t)m->values[VENDOR],
                                   .lun = scsi_lun_encode(m->values[LUN])};
    return BERTH_OK;
}

static bool send_message(struct target_session *ts, void *message)
{
    const struct message *m = message;
    if (!conn_send_async(ts->conn, &m->async, m->data, m->data_len))
        return false;
    link_kick(&ts->wire);
    return true;
}

int verb_async(struct control_request *r)
{
    struct target_session *ts;
    struct message m = {0};
    if (!request_session(r, 1, &ts))
        return BERTH_E_ARGUMENT;
    int error = read_message(r, &m);
    if (error)
        return error;
    note(r, "asynchronous message %u to %s", m.async.event, whom(ts));
    return deaf(r, each_session(r, ts, send_message, &m));
}

/* --- paths --- */

static void send_away(struct target *t, const struct node *n)
{
    list_each (at, &t->sessions) {
        struct target_session *ts = list_entry(at, struct target_session, link);
        if (ts->logged_in && ts->node == n)
            parting_ask(ts, LOGOUT_SECONDS);
    }
}

/* Who is logged in is asked to come again, and goes there then. */
int verb_redirect(struct control_request *r)
{
    uint32_t next = 1;
    struct node *n = request_node(r, &next);
    if (!n)
        return BERTH_E_NO_TARGET;
    bool off = next < r->count && strcmp(r->words[next], "off") == 0;
    bool permanent = next + 2 == r->count && !off && strcmp(r->words[next + 1], "permanent") == 0;
    if (next + 1 + permanent != r->count)
        return say_usage(r, "[IQN] ADDR:PORT [permanent] | off");
    int error = node_redirect(n, off ? NULL : r->words[next], permanent, r->why);
    if (error)
        return error;
    note(r, "logins to %s go %s", n->config->iqn, off ? "nowhere else any more" : r->words[next]);
    if (!off)
        send_away(r->target, n);
    return BERTH_OK;
}

int verb_access(struct control_request *r)
{
    uint32_t tag;
    if (!request_number(r, 1, "a portal group", 1, UINT16_MAX, &tag))
        return BERTH_E_ARGUMENT;
    int error = group_set_access(r->target, (uint16_t)tag, r->words[2], r->why);
    if (!error)
        note(r, "portal group %u is %s", tag, r->words[2]);
    return error;
}

int verb_stop(struct control_request *r)
{
    struct target *t = r->target;
    note(r, "asked to stop");
    t->stopped = true;
    engine_wake(t->engine);
    return BERTH_OK;
}
