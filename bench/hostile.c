/* SPDX-License-Identifier: MIT */
/* What bench/hostile measures with, in three parts.
 *
 * relay WAY PORT RECORD stands before the target at 127.0.0.1:PORT for one connection, and hands on what the
 * target says in segments that are legal and a burden: with `pdus` each PDU by itself, with `pings` the same
 * and PINGS pings of its own behind each, with `bytes` each byte by itself. It writes to RECORD how long the
 * segments were, and how long it had nothing to send between them.
 *
 * pour RECORD sends zeros in those segments, with those pauses, to one connection.
 *
 * drink PORT receives and forgets, until the end: the least that receiving them can cost.
 *
 * relay and pour print the port they listen at. Sockets are blocking; one thread for each direction. */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cli/clock.h"
#include "load.h"
#include "sockets.h"

#define BHS         48u
#define PIECE       (256u * 1024) /* received at once */
#define SEGMENT_MAX (1u << 20)    /* of a record */
#define PINGS       256u
#define PAUSE_NS    20000u      /* what is shorter is none */
#define PING_TAG    0xf1000000u /* of ours; a target's own are small numbers */
#define NOP_OUT     0x00
#define NOP_IN      0x20
#define LOGIN_IN    0x23
#define DATA_IN     0x25
#define R2T         0x31

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* --- sockets --- */

static int receive_call(void)
{
    int listener = socket_listen("127.0.0.1"), fd = socket_accept(listener);
    close(listener);
    return fd;
}

static bool send_all(int fd, const uint8_t *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, bytes + done, len - done, MSG_NOSIGNAL);
        if (n < 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* --- records: runs of segments of one length, and the pause before them --- */

struct run {
    uint32_t len, count, pause_us;
};

struct record {
    FILE *file;
    struct run run;
    uint64_t sent_at; /* when the last segment was handed over */
};

static void record_end(struct record *r)
{
    if (r->run.count && fwrite(&r->run, sizeof r->run, 1, r->file) != 1)
        die("record");
    r->run.count = 0;
}

static void record_add(struct record *r, uint32_t len)
{
    uint64_t pause = r->sent_at ? clock_ns() - r->sent_at : 0;
    bool paused = pause >= PAUSE_NS;
    if (r->run.len != len || r->run.count == UINT32_MAX || paused)
        record_end(r);
    if (r->run.count++ == 0)
        r->run = (struct run){len, 1, paused ? (uint32_t)(pause / 1000) : 0};
}

/* --- relay --- */

struct relay {
    int initiator, target;
    bool bytes, pings; /* the way */
    bool full_feature;
    uint32_t stat_sn; /* the target's next */
    uint8_t window[8];
    uint32_t next_ping;
    struct record record;
};

static bool segment(struct relay *r, const uint8_t *at, uint32_t len)
{
    record_add(&r->record, len);
    bool sent = send_all(r->initiator, at, len);
    r->record.sent_at = clock_ns();
    return sent;
}

static bool ping(struct relay *r)
{
    uint8_t bhs[BHS] = {NOP_IN, 0x80};
    put32(bhs + 16, 0xffffffff);
    put32(bhs + 20, PING_TAG | (r->next_ping++ & 0xffffff));
    put32(bhs + 24, r->stat_sn);
    memcpy(bhs + 28, r->window, sizeof r->window);
    return segment(r, bhs, BHS);
}

static void note(struct relay *r, const uint8_t *bhs)
{
    uint8_t opcode = bhs[0] & 0x3f;
    bool counts = opcode == DATA_IN ? bhs[1] & 1
                                    : opcode != R2T && !(opcode == NOP_IN && get32(bhs + 16) == 0xffffffff);
    if (counts)
        r->stat_sn = get32(bhs + 24) + 1;
    memcpy(r->window, bhs + 28, sizeof r->window);
    if (opcode == LOGIN_IN && bhs[1] == 0x87) /* T, from the operational stage to full feature phase */
        r->full_feature = true;
}

/* One whole PDU of the target. */
static bool hand_on(struct relay *r, const uint8_t *pdu, uint32_t len)
{
    note(r, pdu);
    for (uint32_t i = 0; r->bytes && i < len; i++)
        if (!segment(r, pdu + i, 1))
            return false;
    if (!r->bytes && !segment(r, pdu, len))
        return false;
    for (uint32_t i = 0; r->pings && r->full_feature && i < PINGS; i++)
        if (!ping(r))
            return false;
    return true;
}

static uint32_t pdu_len(const uint8_t *bhs)
{
    uint32_t data = get32(bhs + 4) & 0xffffff;
    return BHS + bhs[4] * 4u + data + (-data & 3);
}

/* Calls `take` for each whole PDU of a stream, until one of the sides is gone. */
static void cut(struct relay *r, int from, bool (*take)(struct relay *, const uint8_t *, uint32_t))
{
    size_t have = 0, room = 2 * PIECE + SEGMENT_MAX;
    uint8_t *bytes = malloc(room);
    ssize_t n;
    if (!bytes)
        die("memory");
    while ((n = recv(from, bytes + have, PIECE, 0)) > 0) {
        size_t at = 0;
        have += (size_t)n;
        while (have - at >= BHS && have - at >= pdu_len(bytes + at)) {
            uint32_t len = pdu_len(bytes + at);
            if (!take(r, bytes + at, len))
                break;
            at += len;
        }
        memmove(bytes, bytes + at, have - at);
        have -= at;
        if (have > room - PIECE)
            break; /* no PDU of these tests is so long */
    }
    free(bytes);
    shutdown(r->initiator, SHUT_RDWR);
    shutdown(r->target, SHUT_RDWR);
}

/* The answers to our own pings stay here. */
static bool hand_back(struct relay *r, const uint8_t *pdu, uint32_t len)
{
    bool ours = (pdu[0] & 0x3f) == NOP_OUT && (get32(pdu + 20) & 0xff000000) == PING_TAG;
    return ours || send_all(r->target, pdu, len);
}

static void *from_initiator(void *relay)
{
    struct relay *r = relay;
    cut(r, r->initiator, hand_back);
    return NULL;
}

static int relay(const char *way, const char *port, const char *record)
{
    struct relay r = {.bytes = strcmp(way, "bytes") == 0, .pings = strcmp(way, "pings") == 0};
    pthread_t thread;
    r.record.file = fopen(record, "wb");
    if (!r.record.file)
        die(record);
    r.initiator = receive_call();
    r.target = socket_connect(port);
    if (pthread_create(&thread, NULL, from_initiator, &r) != 0)
        die("thread");
    cut(&r, r.target, hand_on);
    pthread_join(thread, NULL);
    record_end(&r.record);
    return fclose(r.record.file) == 0 ? 0 : 2;
}

/* --- raw --- */

/* Without sleep, which never ends when it should. */
static void rest(uint32_t us)
{
    for (uint64_t until = clock_ns() + us * 1000ull; us && clock_ns() < until;)
        ;
}

static int pour(const char *record)
{
    static const uint8_t zeros[SEGMENT_MAX];
    struct run run;
    FILE *file = fopen(record, "rb");
    if (!file)
        die(record);
    int fd = receive_call();
    while (fread(&run, sizeof run, 1, file) == 1) {
        rest(run.pause_us);
        for (uint32_t i = 0; i < run.count; i++)
            if (run.len > SEGMENT_MAX || !send_all(fd, zeros, run.len))
                die("send");
    }
    fclose(file);
    close(fd);
    return 0;
}

static int drink(const char *port)
{
    static uint8_t bytes[64 * 1024];
    uint64_t all = 0;
    int fd = socket_connect(port);
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        all += (uint64_t)n;
    printf("%llu\n", (unsigned long long)all);
    return n < 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "relay") == 0)
        return relay(argv[2], argv[3], argv[4]);
    if (argc == 3 && strcmp(argv[1], "pour") == 0)
        return pour(argv[2]);
    if (argc == 3 && strcmp(argv[1], "drink") == 0)
        return drink(argv[2]);
    fprintf(stderr, "usage: bench_hostile relay pdus|pings|bytes PORT RECORD | pour RECORD | drink PORT\n");
    return 2;
}
