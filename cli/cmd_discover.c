/* SPDX-License-Identifier: MIT */
/* berth discover: the targets of a portal, and with --luns what each of them offers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/login.h"
#include "cli/say.h"
#include "attach/size.h"
#include "attach/utf8.h"

#define LUNS_MAX 16384u /* numbers that a LUN may have */
#define URL_MAX  1200u  /* scheme, portal, a name of 223 bytes all escaped, LUN */

struct discovery {
    const struct options *o;
    struct login login;
    struct berth_target *targets;
    int count;
    struct json json;
    uint32_t luns[LUNS_MAX];
    int status; /* the first failure of a LUN listing; the others go on */
};

/* iscsi://portal/name/ with everything escaped that could end the name early. */
static size_t url_of(char *out, size_t size, const char *portal, const struct berth_target *t)
{
    size_t used = (size_t)snprintf(out, size, "iscsi://");
    for (const char *s = portal; *s; s++) /* an interface behind a link-local address: RFC 6874 */
        used += (size_t)snprintf(out + used, size - used, *s == '%' ? "%%25" : "%c", *s);
    out[used++] = '/';
    for (const char *s = t->name; *s && used + 5 < size; s++) {
        bool safe = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_~", *s);
        used += (size_t)snprintf(out + used, size - used, safe ? "%c" : "%%%02X", (unsigned char)*s);
    }
    out[used++] = '/';
    out[used] = '\0';
    return used;
}

static void lun_line(struct discovery *d, uint32_t number, const char *url, const struct berth_lun_info *i)
{
    char vendor[64], product[64];
    if (d->o->json) {
        json_put_object(&d->json, NULL);
        json_put_u64(&d->json, "lun", number);
        json_put_text(&d->json, "url", url);
        json_put_bool(&d->json, "disk", true);
        json_put_u64(&d->json, "size_bytes", i->size_bytes);
        json_put_u64(&d->json, "block_bytes", i->block_bytes);
        json_put_text(&d->json, "vendor", i->vendor);
        json_put_text(&d->json, "product", i->product);
        json_put_text(&d->json, "identity", i->identity);
        json_put_bool(&d->json, "read_only", i->read_only);
        json_put_object_end(&d->json);
        return;
    }
    printf("  LUN %-4" PRIu32 " %10s  %s %s  %s\n", number, size_human(i->size_bytes).s,
           utf8_plain(vendor, sizeof vendor, i->vendor), utf8_plain(product, sizeof product, i->product),
           url);
}

/* Many targets have a controller as LUN 0, and tape drives are LUNs too. */
static void no_disk_line(struct discovery *d, uint32_t number, const char *url)
{
    if (!d->o->json) {
        printf("  LUN %-4" PRIu32 " %10s  no disk  %s\n", number, "-", url);
        return;
    }
    json_put_object(&d->json, NULL);
    json_put_u64(&d->json, "lun", number);
    json_put_text(&d->json, "url", url);
    json_put_bool(&d->json, "disk", false);
    json_put_object_end(&d->json);
}

/* "host" and "host:3260" are the same portal. */
static bool is_given(const struct discovery *d, const char *portal)
{
    const char *given = d->o->operands[0];
    size_t len = strlen(given);
    return strncmp(portal, given, len) == 0 && (portal[len] == '\0' || strcmp(portal + len, ":3260") == 0);
}

/* What is asked of one target, and through which of its portals. */
struct inquiry {
    const struct berth_target *target;
    char url[URL_MAX];
    size_t base;
    int count; /* LUNs, or the error */
    int32_t group;
    struct berth_detail detail;
};

static bool answers(struct discovery *d, struct inquiry *q, const char *portal, int32_t group)
{
    q->base = url_of(q->url, URL_MAX, portal, q->target);
    q->group = group;
    q->count = berth_luns(d->luns, LUNS_MAX, q->url, &d->login.options, &q->detail);
    return q->count >= 0;
}

static bool one_answers(struct discovery *d, struct inquiry *q, bool given)
{
    for (int i = 0; i < d->count; i++) {
        const struct berth_target *t = &d->targets[i];
        if (strcmp(t->name, q->target->name) == 0 && is_given(d, t->portal) == given &&
            answers(d, q, t->portal, t->group))
            return true;
    }
    return false;
}

/* Through each portal of the target until one answers: some may be out of our reach. The one that was given
 * is not, so it comes first if it is among them, and last if it is not: targets behind a translation of
 * addresses name those that only they can see. */
static bool luns_of(struct discovery *d, struct inquiry *q)
{
    q->count = BERTH_E_NO_TARGET;
    if (one_answers(d, q, true) || one_answers(d, q, false))
        return true;
    struct inquiry last = {.target = q->target};
    bool far = berth_error_scope(q->count) == BERTH_SCOPE_CONNECTION || q->count == BERTH_E_RESOLVE;
    if (far && answers(d, &last, d->o->operands[0], -1)) {
        *q = last;
        return true;
    }
    d->status = d->status ? d->status : exit_find(q->count)->status;
    fail_error(q->count, &q->detail, q->target->name);
    return false;
}

/* Through a portal group of another number than discovery had, the target is another nexus than we were told
 * of (RFC 7143 6.3.1). Said once. */
static void compare_groups(struct inquiry *q, const struct berth_lun_info *i)
{
    if (q->group >= 0 && i->portal_group >= 0 && q->group != i->portal_group)
        say("%s is of portal group %" PRId32 " by its login, and of %" PRId32 " by discovery", i->portal,
            i->portal_group, q->group);
    q->group = -1;
}

/* A LUN that cannot be opened costs a sentence and the exit status, not the rest of the list. */
static void show_lun(struct discovery *d, struct inquiry *q, uint32_t number)
{
    struct berth_detail detail = {0};
    struct berth_lun *lun;
    int error, status;
    snprintf(q->url + q->base, URL_MAX - q->base, "%" PRIu32, number);
    error = berth_lun_open(&lun, q->url, &d->login.options, &detail);
    if (error == BERTH_E_UNSUPPORTED) {
        no_disk_line(d, number, q->url);
    } else if (error) {
        status = fail_error(error, &detail, q->url);
        d->status = d->status ? d->status : status;
    } else {
        lun_line(d, number, q->url, berth_lun_info(lun));
        compare_groups(q, berth_lun_info(lun));
        berth_lun_close(lun);
    }
}

static void show_luns(struct discovery *d, int first)
{
    struct inquiry q = {.target = &d->targets[first]};
    if (!luns_of(d, &q))
        return;
    for (uint32_t i = 0; i < (uint32_t)q.count && i < LUNS_MAX; i++)
        show_lun(d, &q, d->luns[i]);
}

static bool seen_before(const struct discovery *d, int i)
{
    for (int k = 0; k < i; k++)
        if (strcmp(d->targets[k].name, d->targets[i].name) == 0)
            return true;
    return false;
}

static void show_text(struct discovery *d)
{
    for (int i = 0; i < d->count; i++) {
        char name[256], portal[300];
        printf("%s %s %" PRId32 "\n", utf8_plain(name, sizeof name, d->targets[i].name),
               utf8_plain(portal, sizeof portal, d->targets[i].portal), d->targets[i].group);
        if (d->o->luns && !seen_before(d, i))
            show_luns(d, i);
    }
}

static void show_json(struct discovery *d)
{
    struct json *j = &d->json;
    *j = (struct json){.out = stdout};
    json_put_object(j, NULL);
    json_put_text(j, "schema", "berth-discover/1");
    json_put_array(j, "targets");
    for (int i = 0; i < d->count; i++) {
        json_put_object(j, NULL);
        json_put_text(j, "name", d->targets[i].name);
        json_put_text(j, "portal", d->targets[i].portal);
        json_put_int(j, "group", d->targets[i].group);
        if (d->o->luns && !seen_before(d, i)) {
            json_put_array(j, "luns");
            show_luns(d, i);
            json_put_array_end(j);
        }
        json_put_object_end(j);
    }
    json_put_array_end(j);
    json_put_object_end(j);
    putchar('\n');
}

static int discover(struct discovery *d)
{
    struct berth_detail detail = {0};
    const char *portal = d->o->operands[0];
    d->count = berth_discover(&d->targets, portal, &d->login.options, &detail);
    if (d->count < 0)
        return fail_error(d->count, &detail, portal);
    if (d->o->json)
        show_json(d);
    else
        show_text(d);
    if (d->count == 0)
        say("%s offers us no target; check which initiator names it lets in", portal);
    berth_targets_free(d->targets);
    return d->status;
}

int cmd_discover(const struct options *o)
{
    struct discovery d = {.o = o};
    int status = login_prepare(&d.login, o, o->operands, 1);
    if (status == STATUS_OK)
        status = discover(&d);
    login_wipe(&d.login);
    return status;
}
