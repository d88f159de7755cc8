/* SPDX-License-Identifier: MIT */
#include "attach/protections.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "attach/url.h"

#define OOM_FILE       "/proc/self/oom_score_adj"
#define OOM_LEAST      "-1000"
#define MAPS_FILE      "/proc/self/maps"
#define SEGMENT_MAX    (64ul * 1024 * 1024) /* what is larger is data, and nobody needs all of it at once */
#define STACK_DEEP     (64u * 1024)
#define IO_FLUSHER_SET 57 /* PR_SET_IO_FLUSHER, Linux 5.6 */
#define IO_FLUSHER_GET 58
#define POPULATE_READ  22 /* MADV_POPULATE_READ, Linux 5.14 */
#define HOST_MAX       256u

const char *protections_word(enum protection_id id)
{
    static const char *const words[PROTECTIONS_COUNT] = {"oom-score", "io-flusher", "memory-locked",
                                                         "prefaulted", "no-names"};
    return words[id];
}

__attribute__((format(printf, 4, 5))) static void tell(struct protections *p, enum protection_id id,
                                                       bool holds, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    p->rows[id].holds = holds;
    vsnprintf(p->rows[id].why, sizeof p->rows[id].why, format, args);
    va_end(args);
}

/* --- whom the kernel kills --- */

/* Reads back what is there afterwards. */
static bool oom_score(char now[16])
{
    int fd = open(OOM_FILE, O_RDWR | O_CLOEXEC);
    ssize_t n = fd >= 0 ? write(fd, OOM_LEAST, strlen(OOM_LEAST)) : -1;
    int error = n < 0 ? errno : 0;
    n = fd >= 0 ? pread(fd, now, 15, 0) : -1;
    now[n > 0 ? strcspn(now, "\n") % 15 : 0] = '\0';
    if (fd >= 0)
        close(fd);
    errno = error;
    return strcmp(now, OOM_LEAST) == 0;
}

static void set_oom_score(struct protections *p)
{
    char now[16] = "";
    if (oom_score(now))
        tell(p, PROTECTION_OOM_SCORE, true, "the kernel kills others before this process");
    else
        tell(p, PROTECTION_OOM_SCORE, false, "the score stays %s: %s; CAP_SYS_RESOURCE is needed",
             now[0] ? now : "unknown", strerror(errno));
}

static void set_io_flusher(struct protections *p)
{
    int error = prctl(IO_FLUSHER_SET, 1, 0, 0, 0) < 0 ? errno : 0;
    if (prctl(IO_FLUSHER_GET, 0, 0, 0, 0) == 1)
        tell(p, PROTECTION_IO_FLUSHER, true,
             "what this process allocates starts no write-back that would wait for it");
    else
        tell(p, PROTECTION_IO_FLUSHER, false,
             "PR_SET_IO_FLUSHER: %s; CAP_SYS_RESOURCE and Linux 5.6 are needed",
             strerror(error ? error : ENOSYS));
}

/* --- names --- */

static bool is_address(const char *host)
{
    struct in6_addr six;
    struct in_addr four;
    return host[0] == '[' || inet_pton(AF_INET6, host, &six) == 1 || inet_pton(AF_INET, host, &four) == 1;
}

static void look_at_names(struct protections *p, const struct settings *s)
{
    char host[HOST_MAX];
    const char *url = settings_text(s, SETTING_URL), *from = "";
    size_t len = url ? url_host(url, &from) : 0;
    snprintf(host, sizeof host, "%.*s", len < sizeof host ? (int)len : (int)sizeof host - 1, from);
    if (is_address(host))
        tell(p, PROTECTION_NO_NAMES, true, "the portal is an address: nobody is asked for a name");
    else
        tell(p, PROTECTION_NO_NAMES, false,
             "the name %.64s is asked for when the session is lost; give an address", host);
}

/* --- memory --- */

/* Text and constants of the program and its libraries: from now on they are there. */
static bool populate(const char *line)
{
    unsigned long from, to;
    char rights[5] = "";
    if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || rights[0] != 'r' || !strchr(line, '/') ||
        to - from > SEGMENT_MAX)
        return true;
    return madvise((void *)from, to - from, POPULATE_READ) == 0 || errno == EFAULT;
}

/* As deep as anything of ours goes. */
static void touch_stack(void)
{
    volatile char deep[STACK_DEEP];
    for (size_t i = 0; i < sizeof deep; i += 1024)
        deep[i] = 0;
}

static bool prefault(void)
{
    char *line = NULL;
    size_t size = 0;
    FILE *maps = fopen(MAPS_FILE, "re");
    bool all = maps != NULL;
    while (maps && getline(&line, &size, maps) > 0)
        all &= populate(line);
    free(line);
    if (maps)
        fclose(maps);
    touch_stack();
    return all;
}

/* Without memory that is locked it would go away again, and cost what it takes until then. */
static void set_prefaulted(struct protections *p)
{
    if (!p->rows[PROTECTION_MEMORY_LOCKED].holds)
        tell(p, PROTECTION_PREFAULTED, false, "only with locked memory");
    else if (prefault())
        tell(p, PROTECTION_PREFAULTED, true, "program, libraries and stacks are in memory");
    else
        tell(p, PROTECTION_PREFAULTED, false, "not all of it: %s; Linux 5.14 is needed", strerror(errno));
}

/* What is not touched takes no memory: the library reserves more than it needs. */
static int lock_memory(struct protections *p, bool must)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) {
        tell(p, PROTECTION_MEMORY_LOCKED, true, "what was in memory once stays there");
        return 0;
    }
    tell(p, PROTECTION_MEMORY_LOCKED, false,
         "mlockall: %s; CAP_IPC_LOCK, or LimitMEMLOCK=infinity, is needed", strerror(errno));
    return must ? BERTH_E_SYSTEM : 0;
}

void protections_begin(struct protections *p, const struct settings *s)
{
    set_oom_score(p);
    set_io_flusher(p);
    look_at_names(p, s);
    tell(p, PROTECTION_MEMORY_LOCKED, false, "not yet");
    tell(p, PROTECTION_PREFAULTED, false, "not yet");
}

int protections_complete(struct protections *p, const struct settings *s)
{
    enum { AUTO, YES, NO };
    uint32_t wanted = settings_number(s, SETTING_MLOCK);
    int error = wanted == NO ? 0 : lock_memory(p, wanted == YES);
    if (wanted == NO)
        tell(p, PROTECTION_MEMORY_LOCKED, false, "mlock is set to no");
    set_prefaulted(p);
    return error;
}
