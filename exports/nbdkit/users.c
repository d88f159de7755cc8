/* SPDX-License-Identifier: MIT */
/* Who is connected: nbdkit's handles. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "plugin.h"

#define NAME_MAX_BYTES 64

struct user {
    struct user *next, *previous;
    int64_t pid; /* 0: not known */
    char name[NAME_MAX_BYTES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct user *first;

/* The name of a process of this host, as it calls itself. */
static void name_of(int64_t pid, char name[NAME_MAX_BYTES])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fgets(name, NAME_MAX_BYTES, f))
        name[strcspn(name, "\n")] = '\0';
    fclose(f);
}

static void name_of_address(const struct sockaddr_storage *from, char name[NAME_MAX_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "";
    const void *address = from->ss_family == AF_INET
                              ? (const void *)&((const struct sockaddr_in *)from)->sin_addr
                              : (const void *)&((const struct sockaddr_in6 *)from)->sin6_addr;
    if ((from->ss_family == AF_INET || from->ss_family == AF_INET6) &&
        inet_ntop(from->ss_family, address, host, sizeof host))
        snprintf(name, NAME_MAX_BYTES, "nbd from %s", host);
}

static void find_out(struct user *u)
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof from;
    snprintf(u->name, sizeof u->name, "an NBD client");
    if (nbdkit_peer_name((struct sockaddr *)&from, &size) < 0)
        return;
    if (from.ss_family != AF_UNIX) {
        name_of_address(&from, u->name);
        return;
    }
    int64_t pid = nbdkit_peer_pid();
    u->pid = pid > 0 ? pid : 0;
    if (pid > 0)
        name_of(pid, u->name);
}

void *user_new(void)
{
    struct user *u = calloc(1, sizeof *u);
    if (!u) {
        nbdkit_error("there is no memory for another connection");
        return NULL;
    }
    find_out(u);
    pthread_mutex_lock(&lock);
    u->next = first;
    if (first)
        first->previous = u;
    first = u;
    pthread_mutex_unlock(&lock);
    return u;
}

void user_free(void *user)
{
    struct user *u = user;
    pthread_mutex_lock(&lock);
    if (u->next)
        u->next->previous = u->previous;
    if (u->previous)
        u->previous->next = u->next;
    else
        first = u->next;
    pthread_mutex_unlock(&lock);
    free(u);
}

void users_list(void *arg, attachment_tell_user *tell, void *to)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    for (const struct user *u = first; u; u = u->next)
        tell(to, u->pid, u->name);
    pthread_mutex_unlock(&lock);
}
