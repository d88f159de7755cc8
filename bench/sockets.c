/* SPDX-License-Identifier: MIT */
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "load.h"

static struct sockaddr_in where_is(const char *where)
{
    char address[64] = "127.0.0.1";
    const char *colon = strchr(where, ':');
    bool port_only = !colon && !strchr(where, '.');
    uint16_t port = port_only ? (uint16_t)atoi(where) : colon ? (uint16_t)atoi(colon + 1) : 0;
    if (!port_only)
        snprintf(address, sizeof address, "%.*s", (int)strcspn(where, ":"), where);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    errno = 0;
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1 || (where[strcspn(where, ":.")] == '\0' && !port))
        die("no address; it is an IPv4 address, as 127.0.0.1:3260, or a port of this machine");
    return at;
}

void socket_hurry(int fd)
{
    static const char control[] = "reno";
    int on = 1;
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
        die("TCP_NODELAY");
    if (ntohl(peer.sin_addr.s_addr) >> 24 == 127 &&
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, sizeof control - 1) < 0)
        die("TCP_CONGESTION");
}

int socket_connect(const char *where)
{
    struct sockaddr_in to = where_is(where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die(where);
    socket_hurry(fd);
    return fd;
}

int socket_listen(const char *address)
{
    struct sockaddr_in at = where_is(address);
    socklen_t len = sizeof at;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        die(address);
    printf("%u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int socket_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die("accept");
    socket_hurry(fd);
    return fd;
}
