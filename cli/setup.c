/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "cli/say.h"
#include "cli/setup.h"

/* --- texts of the file --- */

struct note {
    struct note *next;
    uint32_t line;
    char text[];
};

const char *setup_keep(struct setup *s, const char *text, uint32_t line)
{
    size_t size = strlen(text) + 1;
    struct note *n = malloc(sizeof *n + size);
    if (!n)
        return NULL;
    memcpy(n->text, text, size);
    n->line = line;
    n->next = s->notes;
    s->notes = n;
    return n->text;
}

const char *setup_place(void *setup, const char *text)
{
    static char place[SETUP_WHY_MAX];
    const struct setup *s = setup;
    text = text == s->control_path ? s->control : text;
    for (const struct note *n = s->notes; n; n = n->next) {
        if (n->text != text)
            continue;
        snprintf(place, sizeof place, "%s:%u: ", s->file, n->line);
        return place;
    }
    return "";
}

void setup_free(struct setup *s)
{
    struct note *next;
    for (struct note *n = s->notes; n; n = next) {
        next = n->next;
        free(n);
    }
    s->notes = NULL;
    for (uint32_t i = 0; i < SERVE_ACCOUNTS_MAX; i++)
        secret_wipe(&s->secrets[i]);
    secret_wipe(&s->mutual);
}

/* --- filling it in --- */

const char *setup_add_portal(struct setup *s, const char *portal)
{
    if (s->config.portal_count == SERVE_PORTALS_MAX)
        return "one of at most 8 portals";
    s->config.portals[s->config.portal_count++] = portal;
    return NULL;
}

static bool same_key(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return strcspn(b, "=") == len && strncmp(a, b, len) == 0;
}

const char *setup_add_key(struct setup *s, const char *key)
{
    struct serve_config *c = &s->config;
    uint32_t i = 0;
    while (i < c->key_count && !same_key(c->keys[i], key))
        i++;
    if (i == SERVE_KEYS_MAX)
        return "one of at most 32 keys";
    c->keys[i] = key;
    c->key_count += i == c->key_count;
    return NULL;
}

const char *setup_add_account(struct setup *s, const char *name, const char *secret_file)
{
    struct serve_config *c = &s->config;
    uint32_t i = 0;
    while (i < c->account_count && strcmp(c->accounts[i].name, name) != 0)
        i++;
    if (i == SERVE_ACCOUNTS_MAX)
        return "one of at most 64 users";
    c->accounts[i].name = name;
    s->secret_files[i] = secret_file;
    c->account_count += i == c->account_count;
    return NULL;
}

const char *setup_add_target(struct setup *s, const char *iqn)
{
    if (s->config.target_count == SERVE_TARGETS_MAX)
        return "one of at most 64 targets";
    s->config.targets[s->config.target_count++] = (struct serve_target){.iqn = iqn};
    return NULL;
}

const char *setup_add_allowed(struct setup *s, uint32_t target, const char *name)
{
    struct serve_config *c = &s->config;
    if (c->allowed_count == SERVE_ALLOWED_MAX)
        return "one of at most 256 names";
    c->allowed[c->allowed_count++] = (struct serve_allowed){name, (uint16_t)target};
    return NULL;
}

const char *setup_add_lun(struct setup *s, uint32_t target, uint32_t number, const char *store)
{
    struct serve_config *c = &s->config;
    if (c->lun_count == SERVE_LUNS_MAX || number >= SERVE_LUNS_MAX)
        return "one of at most 1024 LUNs";
    c->luns[c->lun_count++] = (struct serve_lun){store, (uint16_t)target, (uint16_t)number};
    return NULL;
}

const char *setup_add_script(struct setup *s, const char *file)
{
    if (s->config.script_count == SERVE_SCRIPTS_MAX)
        return "one of at most 16 scripts";
    s->config.scripts[s->config.script_count++] = file;
    return NULL;
}

const char *setup_add_fault(struct setup *s, const char *rule)
{
    if (s->config.fault_count == SERVE_FAULTS_MAX)
        return "one of at most 64 rules";
    s->config.faults[s->config.fault_count++] = rule;
    return NULL;
}

uint32_t setup_next_lun(const struct setup *s, uint32_t target)
{
    uint32_t i = s->config.lun_count;
    while (i > 0 && s->config.luns[i - 1].target != target)
        i--;
    return i > 0 ? s->config.luns[i - 1].number + 1u : 0;
}

/* --- secrets --- */

/* A secret file is named in a line of its own, so its faults are that line's. */
static int load(struct setup *s, struct serve_account *a, struct secret *secret, const char *file)
{
    say_place(file ? setup_place(s, file) : "");
    int status = secret_load(secret, file, a->name, false);
    say_place("");
    a->secret = secret->bytes;
    a->secret_len = secret->len;
    return status;
}

int setup_load_secrets(struct setup *s)
{
    struct serve_config *c = &s->config;
    int status = STATUS_OK;
    for (uint32_t i = 0; i < c->account_count && status == STATUS_OK; i++)
        status = load(s, &c->accounts[i], &s->secrets[i], s->secret_files[i]);
    if (status == STATUS_OK && c->mutual.name)
        status = load(s, &c->mutual, &s->mutual, s->mutual_file);
    return status;
}
