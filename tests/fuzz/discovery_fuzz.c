/* SPDX-License-Identifier: MIT */
/* SendTargets answered with anything: what is made of it is a list of names and portals that are valid ones,
 * or an error. */
#include "fuzz.h"

#include "lab.h"
#include "wire/name.h"

struct answer {
    const uint8_t *bytes;
    size_t len;
};

static void targets(void *arg, struct writer *out)
{
    const struct answer *a = arg;
    write_bytes(out, a->bytes, a->len < writer_left(out) ? a->len : writer_left(out));
}

static uint32_t chance(void *arg)
{
    (void)arg;
    return 0;
}

static void check(const struct berth_target *t)
{
    struct portal p;
    fuzz_check(name_usable((struct span){t->name, strlen(t->name)}));
    fuzz_check(portal_parse((struct span){t->portal, strlen(t->portal)}, &p));
    fuzz_check(t->group >= -1 && t->group <= 65535);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer a = {data, size};
    const struct mini_config config = {.targets = targets, .random = chance, .arg = &a};
    struct world *w = world_new(1, NULL);
    struct berth_target *found = NULL;
    struct berth_options options;
    world_target(w, &config);
    berth_options_init(&options);
    int n = lun_discover(&found, "host", &options, &w->reach, NULL);
    for (int i = 0; i < n; i++)
        check(&found[i]);
    fuzz_check(n >= 0 || !found);
    berth_targets_free(found);
    world_free(w);
    return 0;
}
