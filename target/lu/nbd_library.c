/* SPDX-License-Identifier: MIT */
#include "lu/nbd_library.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static struct nbd_library library;

static const struct {
    const char *name;
    size_t at;
} functions[] = {
#define ROW(name) {"nbd_" #name, offsetof(struct nbd_library, name)},
    NBD_LIBRARY(ROW)
#undef ROW
};

static bool load(void)
{
    void *file = dlopen(NBD_LIBRARY_FILE, RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; file && i < sizeof functions / sizeof functions[0]; i++) {
        void *found = dlsym(file, functions[i].name);
        if (!found)
            return false;
        memcpy((uint8_t *)&library + functions[i].at, &found, sizeof found);
    }
    return file;
}

const struct nbd_library *nbd_library(void)
{
    static bool loaded;
    loaded = loaded || load();
    return loaded ? &library : NULL;
}
