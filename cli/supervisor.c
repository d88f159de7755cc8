/* SPDX-License-Identifier: MIT */
#include "cli/supervisor.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "attach/size.h"

#define FIRST_FD   3u
#define GROUP_NAME "group-"
#define WORD_MAX   24u
#define GROUP_MAX  65535u /* of a TargetPortalGroupTag */

/* --- sockets --- */

/* The group in the name of a socket; 0: it has none. */
static uint32_t group_of(const char *name, size_t len)
{
    char digits[8];
    uint32_t group = 0;
    size_t word = strlen(GROUP_NAME);
    if (len <= word || len - word >= sizeof digits || strncmp(name, GROUP_NAME, word) != 0)
        return 0;
    memcpy(digits, name + word, len - word);
    digits[len - word] = '\0';
    return size_count(digits, 1, GROUP_MAX, &group) ? group : 0;
}

/* One name after the other, with colons between them. */
static uint32_t next_group(const char **names)
{
    size_t len = strcspn(*names, ":");
    uint32_t group = group_of(*names, len);
    *names += len + ((*names)[len] == ':');
    return group;
}

static void put_portals(const char *portals[SERVE_PORTALS_MAX], uint32_t count)
{
    static char words[SERVE_PORTALS_MAX][WORD_MAX];
    const char *names = getenv("LISTEN_FDNAMES");
    names = names ? names : "";
    for (uint32_t i = 0; i < count && i < SERVE_PORTALS_MAX; i++) {
        uint32_t group = next_group(&names);
        if (group > 0)
            snprintf(words[i], WORD_MAX, "fd:%u,%u", FIRST_FD + i, group);
        else
            snprintf(words[i], WORD_MAX, "fd:%u", FIRST_FD + i);
        portals[i] = words[i];
    }
}

/* They may have been meant for who started us. */
static bool for_us(void)
{
    const char *pid = getenv("LISTEN_PID");
    uint32_t number;
    return pid && size_count(pid, 1, INT32_MAX, &number) && number == (uint32_t)getpid();
}

uint32_t supervisor_sockets(const char *portals[SERVE_PORTALS_MAX])
{
    const char *fds = getenv("LISTEN_FDS");
    uint32_t count = 0;
    if (!for_us() || !fds || !size_count(fds, 1, INT32_MAX, &count))
        count = 0;
    put_portals(portals, count);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count <= SERVE_PORTALS_MAX ? count : SERVE_PORTALS_MAX + 1;
}

/* --- words --- */

bool supervisor_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat st;
    return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
           st.st_dev == device && st.st_ino == inode;
}
