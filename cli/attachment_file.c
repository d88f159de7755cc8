/* SPDX-License-Identifier: MIT */
#include "cli/attachment_file.h"
#include <errno.h>
#include <unistd.h>
#include "cli/say.h"

static void pass_over(void *arg, const char *sentence)
{
    (void)arg;
    (void)sentence;
}

int attachment_file_find(struct attachment_file *f, const char *folder, const char *name)
{
    *f = (struct attachment_file){.s = NULL};
    return store_path(folder, name, f->path)
               ? STATUS_OK
               : fail(STATUS_USAGE, "the path of --config-dir is too long; use a shorter one");
}

void attachment_file_free(struct attachment_file *f)
{
    settings_free(f->s);
    f->s = NULL;
}

int attachment_file_read(struct attachment_file *f, const char *name)
{
    char why[STORE_WHY_MAX];
    attachment_file_free(f);
    f->s = settings_new();
    if (!f->s)
        return fail_errno("find memory for", f->path);
    int error = store_read(f->s, f->path, pass_over, NULL, why);
    if (error == BERTH_E_SYSTEM && errno == ENOENT)
        return fail(STATUS_USAGE, "%s is kept in no file; attach it again with --persist, which writes %s",
                    name, f->path);
    if (error == BERTH_E_SYSTEM)
        return fail(STATUS_SYSTEM, "%s%s", why, say_errno_next(errno));
    return error ? fail(STATUS_USAGE, "%s", why) : STATUS_OK;
}

int attachment_file_take(struct attachment_file *f, const json_t *wanted)
{
    char why[SETTINGS_WHY_MAX];
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
    {
        if (settings_take(f->s, key, json_string_value(value), SETTINGS_FILE, why) != 0)
            return fail(STATUS_USAGE, "%s", why);
    }
    return STATUS_OK;
}

int attachment_file_write(const struct attachment_file *f)
{
    char why[STORE_WHY_MAX];
    int error = store_write(f->s, f->path, why);
    if (error == BERTH_E_SYSTEM)
        return fail(STATUS_SYSTEM, "it is changed, but not kept: %s%s", why, say_errno_next(errno));
    return error ? fail(STATUS_USAGE, "it is changed, but not kept: %s", why) : STATUS_OK;
}

bool attachment_file_is_ours(const struct attachment_file *f)
{
    char why[STORE_WHY_MAX];
    struct settings *s = access(f->path, F_OK) == 0 ? settings_new() : NULL;
    bool ours = s && store_read(s, f->path, pass_over, NULL, why) == 0 && settings_said(s, SETTING_URL);
    settings_free(s);
    return ours;
}
