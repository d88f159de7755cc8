/* SPDX-License-Identifier: MIT */
/* A file of an attachment: taken, or refused with a sentence that names one of its lines. */
#include <sys/mman.h>
#include <unistd.h>
#include "attach/store.h"
#include "fuzz.h"

static int read_back(struct settings *s, int fd, char why[STORE_WHY_MAX])
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    why[0] = '\0';
    int error = store_read(s, path, NULL, NULL, why);
    fuzz_check((error == 0) == (why[0] == '\0'));
    fuzz_check(error == 0 || strncmp(why, path, strlen(path)) == 0);
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[STORE_WHY_MAX], clause[SETTINGS_WHY_MAX];
    int fd = memfd_create("store", MFD_CLOEXEC);
    struct settings *s = settings_new(), *copy;
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    read_back(s, fd, why);
    settings_check(s, SETTINGS_AS_OPTIONS, clause);
    copy = settings_copy(s);
    fuzz_check(settings_differ(s, copy) == SETTINGS_COUNT);
    settings_free(copy);
    settings_free(s);
    close(fd);
    return 0;
}
