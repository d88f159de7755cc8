/* SPDX-License-Identifier: MIT */
/* A server of the old style of NBD that hangs up, be it on one connection after the other, or is at a write
 * for as long as a test wants: what nbdkit does not do. */
#ifndef NBD_FAKE_H
#define NBD_FAKE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/bytes.h"

#define FAKE_SIZE (64u * 1024)
#define FAKE_MAX  64u /* connections, one after the other */

enum fake_way { FAKE_HANGS_UP, FAKE_HOLDS_FIRST_WRITE, FAKE_SERVES };

static struct fake {
    enum fake_way way;
    int listener;
    pthread_t accepting, talking[FAKE_MAX];
    uint32_t talking_count;
    atomic_uint connections, writes; /* writes: that it has begun with */
    atomic_uint doomed;              /* so many connections, the first, end with their next request */
    atomic_bool released;
    uint8_t memory[FAKE_SIZE];
} fake;

static bool fake_greet(int fd)
{
    uint8_t hello[152] = "NBDMAGIC";
    put64(hello + 8, UINT64_C(0x00420281861253));
    put64(hello + 16, FAKE_SIZE);
    uint32_t several = fake.way == FAKE_SERVES ? 256 : 0;
    put32(hello + 24, 1 | 4 | 8 | several); /* has flags: knows flush, FUA and several connections */
    return send(fd, hello, sizeof hello, MSG_NOSIGNAL) == sizeof hello;
}

static bool fake_take(int fd, void *to, size_t len)
{
    return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

static bool fake_write(int fd, uint8_t *to, uint32_t len)
{
    uint8_t data[FAKE_SIZE];
    if (!fake_take(fd, data, len))
        return false;
    bool first = atomic_fetch_add(&fake.writes, 1) == 0;
    while (first && !atomic_load(&fake.released))
        usleep(1000);
    memcpy(to, data, len);
    return true;
}

/* Reads a request and answers it; false: it was the last one. */
static bool fake_serve(int fd, uint32_t number)
{
    uint8_t ask[28], answer[16 + FAKE_SIZE] = {0x67, 0x44, 0x66, 0x98};
    if (!fake_take(fd, ask, sizeof ask) || fake.way == FAKE_HANGS_UP || ask[7] == 2)
        return false;
    if (number <= atomic_load(&fake.doomed))
        return false;
    uint8_t *at = fake.memory + get64(ask + 16);
    uint32_t len = get32(ask + 24), told = ask[7] == 0 ? len : 0;
    if (ask[7] == 1 && !fake_write(fd, at, len))
        return false;
    memcpy(answer + 8, ask + 8, 8);
    memcpy(answer + 16, at, told);
    send(fd, answer, 16 + told, MSG_NOSIGNAL);
    return true;
}

static void *fake_talk(void *arg)
{
    int fd = (int)(intptr_t)arg;
    uint32_t number = atomic_fetch_add(&fake.connections, 1) + 1;
    if (fake_greet(fd))
        while (fake_serve(fd, number))
            ;
    close(fd);
    return NULL;
}

static void *fake_accept(void *arg)
{
    int fd;
    (void)arg;
    while ((fd = accept(fake.listener, NULL, NULL)) >= 0) {
        pthread_t *talking = &fake.talking[fake.talking_count];
        if (fake.talking_count < FAKE_MAX &&
            pthread_create(talking, NULL, fake_talk, (void *)(intptr_t)fd) == 0)
            fake.talking_count++;
        else
            close(fd);
    }
    return NULL;
}

static bool fake_listen(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    unlink(path);
    fake.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(fake.listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(fake.listener, 16) == 0;
}

static bool fake_begin(const char *path, enum fake_way way)
{
    fake = (struct fake){.way = way};
    return fake_listen(path) && pthread_create(&fake.accepting, NULL, fake_accept, NULL) == 0;
}

/* Nobody is connected any more. */
static void fake_end(void)
{
    atomic_store(&fake.released, true);
    shutdown(fake.listener, SHUT_RDWR);
    pthread_join(fake.accepting, NULL);
    for (uint32_t i = 0; i < fake.talking_count; i++)
        pthread_join(fake.talking[i], NULL);
    close(fake.listener);
}

#endif
