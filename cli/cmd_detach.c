/* SPDX-License-Identifier: MIT */
/* berth detach and down: ends attachments. What is not there has ended already. */
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/attachment.h"
#include "cli/attachment_end.h"
#include "cli/attachment_file.h"
#include "cli/attachment_text.h"
#include "cli/commands.h"
#include "cli/say.h"

static const char *end_word(enum attachment_end how)
{
    static const char *const words[] = {"ended", "killed", "tidied", "absent"};
    return words[how];
}

static void tell(const char *name, enum attachment_end how)
{
    if (how == END_NOTHING)
        say("%s was not attached", name);
    else if (how == END_TIDIED)
        say("%s had died; what it left is taken away", name);
    else if (how == END_KILLED)
        say("%s did not answer, and was killed; data that nobody had flushed may be lost", name);
}

/* --- its file --- */

/* What --persist has written, so that it is not attached again. */
static int forget(const struct options *o, const char *name)
{
    struct attachment_file f;
    if (o->keep || !store_path(o->config_dir, name, f.path) || !attachment_file_is_ours(&f))
        return STATUS_OK;
    if (unlink(f.path) < 0 && errno != ENOENT)
        return fail_errno("remove", f.path);
    say("%s is not kept any more: %s is removed", name, f.path);
    return STATUS_OK;
}

/* What became of each, for --json. The first failure is the exit status, and the others go on. */
struct ends {
    const struct options *o;
    json_t *list;
    int status;
};

static int end_one(struct ends *e, const char *name)
{
    enum attachment_end how;
    int status = attachment_end_name(name, e->o->force, e->o->timeout_ms, &how);
    e->status = e->status ? e->status : status;
    if (status == STATUS_OK && !e->o->json)
        tell(name, how);
    json_array_append_new(e->list,
                          json_pack("{s:s, s:s, s:i}", "name", name, "was",
                                    status == STATUS_OK ? end_word(how) : "refused", "exit", status));
    return status;
}

static int finish(struct ends *e, const char *schema)
{
    if (e->o->json)
        attachment_print(json_pack("{s:s, s:O}", "schema", schema, "attachments", e->list));
    json_decref(e->list);
    return e->status;
}

int cmd_detach(const struct options *o)
{
    struct ends e = {.o = o, .list = json_array()};
    for (int i = 0; i < o->operand_count; i++)
        if (end_one(&e, o->operands[i]) == STATUS_OK) {
            int status = forget(o, o->operands[i]);
            e.status = e.status ? e.status : status;
        }
    return finish(&e, "berth-detach/1");
}

/* --- down --- */

/* The last one first: what stands on another was attached after it. */
static void end_all(struct ends *e)
{
    struct attachment_names names;
    int status = attachment_names(&names);
    e->status = e->status ? e->status : status;
    for (size_t i = names.count; i > 0; i--)
        end_one(e, names.names[i - 1]);
    attachment_names_free(&names);
}

/* Root's are kept in reserve, or there would be no way back. */
static bool take_rights(uid_t uid, gid_t gid)
{
    return setresgid(gid, gid, 0) == 0 && setgroups(0, NULL) == 0 && setresuid(uid, uid, 0) == 0;
}

static void take_back_rights(void)
{
    if (setresuid(0, 0, 0) < 0 || setresgid(0, 0, 0) < 0)
        abort();
}

/* A user can put into such a folder whatever leads astray: links to sockets of others, or to folders of
 * root's. So everything there is done with this user's rights. */
static void end_those_of(struct ends *e, const char *folder)
{
    struct stat st;
    if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
        return;
    bool change = geteuid() == 0 && st.st_uid != 0;
    if (!change || take_rights(st.st_uid, st.st_gid))
        end_all(e);
    else
        e->status = fail_errno("take the rights of the owner of", folder);
    if (change)
        take_back_rights();
}

/* Those of services, and of users who are logged in: root may ask them all, wherever its own are. */
static void end_those_elsewhere(struct ends *e)
{
    glob_t folders = {.gl_pathc = 0};
    glob("/run/user/*/berth", GLOB_ONLYDIR, NULL, &folders);
    if (glob("/run/berth", GLOB_ONLYDIR | GLOB_APPEND, NULL, &folders) == GLOB_NOSPACE)
        e->status = fail_errno("list", "/run/user");
    for (size_t i = 0; i < folders.gl_pathc; i++) {
        *strrchr(folders.gl_pathv[i], '/') = '\0';
        setenv("XDG_RUNTIME_DIR", folders.gl_pathv[i], 1);
        end_those_of(e, folders.gl_pathv[i]);
    }
    globfree(&folders);
}

int cmd_down(const struct options *o)
{
    if (o->all && geteuid() != 0)
        return fail(STATUS_USAGE, "--all is for root; 'berth down' ends what is yours");
    struct ends e = {.o = o, .list = json_array()};
    end_all(&e);
    if (o->all)
        end_those_elsewhere(&e);
    return finish(&e, "berth-down/1");
}
