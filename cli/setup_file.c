/* SPDX-License-Identifier: MIT */
/* The file of `berth serve`: berth-serve.conf(5). Headers of sections are found here, because inih keeps no
 * more than 49 bytes of their names. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "cli/setup.h"
#include "attach/inifile.h"
#include "attach/size.h"

#define SECTION_MAX 512u /* bytes of what stands in the brackets */
#define ALIAS_MAX   255u /* of a text value on the wire */
#define KEY_MAX_LEN 48u  /* inih cuts what is longer */
#define NAMED_MAX   300  /* bytes of a name in a sentence */

struct section_row;

struct parser {
    struct setup *s;
    struct inifile ini;
    const struct section_row *section; /* NULL before the first */
    char name[SECTION_MAX];            /* behind the section's own word: of a user, of a target */
    uint32_t begun;                    /* line of its header */
    uint32_t seen, before;             /* keys of this section, and sections, by row; a bit each */
    const char *user, *secret_file;    /* of the section at hand */
};

/* Returns NULL, or what should have been there, unless it has refused the line itself. */
typedef const char *set_value(struct parser *p, const char *value);

enum key_kind {
    KEY_ONCE,
    KEY_AGAIN,    /* may be repeated */
    KEY_NUMBERED, /* may be repeated, with a number behind: "lun 3" */
};

struct key_row {
    const char *key; /* NULL: any, the row's set() takes them as KEY=VALUE */
    set_value *set;
    enum key_kind kind;
};

struct section_row {
    const char *word;
    const char *named;                      /* what stands behind the word; NULL: nothing */
    const char *(*begin)(struct parser *p); /* as set_value */
    const char *(*end)(struct parser *p);   /* what is missing; NULL: nothing */
    const struct key_row *keys;             /* ends with a row without set() */
};

/* --- refusing --- */

__attribute__((format(printf, 3, 4))) static int refuse(struct parser *p, uint32_t line, const char *format,
                                                        ...)
{
    va_list args;
    va_start(args, format);
    inifile_vfail(&p->ini, line, format, args);
    va_end(args);
    return 0;
}

static const char *refuse_twice(struct parser *p, int len, const char *what)
{
    refuse(p, p->ini.line, "%.*s is there twice: leave one out", len, what);
    return NULL;
}

static void add_word(char *list, size_t size, const char *word, const char *rest)
{
    size_t len = strlen(list);
    snprintf(list + len, size - len, "%s%s%s", len ? ", " : "", word, rest);
}

/* --- values --- */

static const char *keep(struct parser *p, const char *text)
{
    const char *kept = setup_keep(p->s, text, p->ini.line);
    if (!kept)
        refuse(p, p->ini.line, "there is no memory for this line: free some, then try again");
    return kept ? kept : "";
}

static const char *set_yes_no(const char *value, bool *out)
{
    *out = strcmp(value, "yes") == 0;
    return *out || strcmp(value, "no") == 0 ? NULL : "yes or no";
}

static const char *set_listen(struct parser *p, const char *value)
{
    return setup_add_portal(p->s, keep(p, value));
}

static const char *set_no_auth(struct parser *p, const char *value)
{
    return set_yes_no(value, &p->s->config.no_auth);
}

static const char *set_state_dir(struct parser *p, const char *value)
{
    p->s->config.state_dir = keep(p, value);
    return NULL;
}

static const char *set_chap_algorithms(struct parser *p, const char *value)
{
    p->s->config.chap_algorithms = keep(p, value);
    return NULL;
}

static const char *set_log(struct parser *p, const char *value)
{
    return options_log_level(value, &p->s->config.log_level);
}

static const char *set_control(struct parser *p, const char *value)
{
    p->s->control = keep(p, value);
    return NULL;
}

static const char *set_run_as(struct parser *p, const char *value)
{
    p->s->config.run_as.name = keep(p, value);
    return NULL;
}

static const char *set_seccomp(struct parser *p, const char *value)
{
    bool on;
    const char *expected = set_yes_no(value, &on);
    p->s->config.no_seccomp = !on;
    return expected;
}

static const char *set_busy_poll(struct parser *p, const char *value)
{
    return set_yes_no(value, &p->s->config.busy_poll);
}

static const char *set_referee(struct parser *p, const char *value)
{
    return set_yes_no(value, &p->s->referee);
}

static const char *set_user(struct parser *p, const char *value)
{
    p->user = keep(p, value);
    return NULL;
}

static const char *set_secret_file(struct parser *p, const char *value)
{
    p->secret_file = keep(p, value);
    return NULL;
}

static const char *set_access(struct parser *p, const char *value)
{
    struct serve_config *c = &p->s->config;
    c->groups[c->group_count - 1].access = keep(p, value);
    return NULL;
}

static const char *set_script(struct parser *p, const char *value)
{
    return setup_add_script(p->s, keep(p, value));
}

static const char *set_fault(struct parser *p, const char *value)
{
    return setup_add_fault(p->s, keep(p, value));
}

static const char *set_negotiation(struct parser *p, const char *value)
{
    struct serve_config *c = &p->s->config;
    uint32_t count = c->key_count;
    const char *expected = setup_add_key(p->s, keep(p, value));
    if (!expected && c->key_count == count)
        return refuse_twice(p, (int)strcspn(value, "="), value);
    return expected;
}

static uint32_t target(const struct parser *p)
{
    return p->s->config.target_count - 1;
}

static struct serve_target *target_at_hand(struct parser *p)
{
    return &p->s->config.targets[target(p)];
}

static const char *set_alias(struct parser *p, const char *value)
{
    target_at_hand(p)->alias = keep(p, value);
    return strlen(value) <= ALIAS_MAX ? NULL : "a text of at most 255 bytes";
}

static const char *set_allow(struct parser *p, const char *value)
{
    return setup_add_allowed(p->s, target(p), keep(p, value));
}

static const char *set_redirect(struct parser *p, const char *value)
{
    target_at_hand(p)->redirect.address = keep(p, value);
    return NULL;
}

static const char *set_redirect_permanent(struct parser *p, const char *value)
{
    return set_yes_no(value, &target_at_hand(p)->redirect.permanent);
}

static const char *refuse_number(struct parser *p, int len, const char *number)
{
    refuse(p, p->ini.line, "'%.*s' is no LUN: use a number from 0 to %u", len, number, SERVE_LUNS_MAX - 1);
    return NULL;
}

/* `value` is "3=STORE", or "=STORE" for the next number. */
static const char *set_lun(struct parser *p, const char *value)
{
    char digits[16];
    size_t len = strcspn(value, "=");
    uint32_t number = setup_next_lun(p->s, target(p));
    snprintf(digits, sizeof digits, "%.*s", (int)len, value);
    if (len > 0 && (len >= sizeof digits || !size_count(digits, 0, SERVE_LUNS_MAX - 1, &number)))
        return refuse_number(p, (int)len, value);
    return setup_add_lun(p->s, target(p), number, keep(p, value + len + 1));
}

/* --- sections --- */

static const char *begin_account(struct parser *p)
{
    p->user = p->secret_file = NULL;
    for (uint32_t i = 0; i < p->s->config.account_count; i++)
        if (strcmp(p->s->config.accounts[i].name, p->name) == 0)
            return refuse_twice(p, NAMED_MAX, p->name);
    p->user = keep(p, p->name);
    return setup_add_account(p->s, p->user, NULL);
}

static const char *end_account(struct parser *p)
{
    setup_add_account(p->s, p->user, p->secret_file);
    return p->secret_file ? NULL : "secret-file = FILE";
}

static const char *begin_mutual(struct parser *p)
{
    p->user = p->secret_file = NULL;
    return NULL;
}

static const char *end_mutual(struct parser *p)
{
    p->s->config.mutual.name = p->user;
    p->s->mutual_file = p->secret_file;
    if (!p->user)
        return "user = NAME";
    return p->secret_file ? NULL : "secret-file = FILE";
}

/* A group is numbered as LUNs are: 01 is 1. */
static const char *begin_group(struct parser *p)
{
    struct serve_config *c = &p->s->config;
    uint32_t tag;
    if (!size_count(p->name, 1, UINT16_MAX, &tag))
        return "numbered from 1 to 65535";
    for (uint32_t i = 0; i < c->group_count; i++)
        if (c->groups[i].tag == tag)
            return refuse_twice(p, NAMED_MAX, p->name);
    if (c->group_count == SERVE_PORTALS_MAX)
        return "one of at most 8 groups";
    c->groups[c->group_count++] = (struct serve_group){.tag = (uint16_t)tag};
    return NULL;
}

static const char *end_group(struct parser *p)
{
    const struct serve_config *c = &p->s->config;
    return c->groups[c->group_count - 1].access ? NULL
                                                : "access = optimized, non-optimized, standby or unavailable";
}

static const char *begin_target(struct parser *p)
{
    for (uint32_t i = 0; i < p->s->config.target_count; i++)
        if (strcmp(p->s->config.targets[i].iqn, p->name) == 0)
            return refuse_twice(p, NAMED_MAX, p->name);
    return setup_add_target(p->s, keep(p, p->name));
}

static const char *end_target(struct parser *p)
{
    const struct serve_redirect *r = &target_at_hand(p)->redirect;
    return r->permanent && !r->address ? "redirect = ADDR:PORT beside redirect-permanent" : NULL;
}

static const struct key_row serve_keys[] = {
    {"listen", set_listen, KEY_AGAIN},
    {"no-auth", set_no_auth, KEY_ONCE},
    {"chap-algorithms", set_chap_algorithms, KEY_ONCE},
    {"state-dir", set_state_dir, KEY_ONCE},
    {"busy-poll", set_busy_poll, KEY_ONCE},
    {"control", set_control, KEY_ONCE},
    {"referee", set_referee, KEY_ONCE},
    {"log", set_log, KEY_ONCE},
    {"run-as", set_run_as, KEY_ONCE},
    {"seccomp", set_seccomp, KEY_ONCE},
    {"script", set_script, KEY_AGAIN},
    {"fault", set_fault, KEY_AGAIN},
    {NULL, NULL, KEY_ONCE},
};
static const struct key_row user_keys[] = {
    {"secret-file", set_secret_file, KEY_ONCE},
    {NULL, NULL, KEY_ONCE},
};
static const struct key_row mutual_keys[] = {
    {"user", set_user, KEY_ONCE},
    {"secret-file", set_secret_file, KEY_ONCE},
    {NULL, NULL, KEY_ONCE},
};
static const struct key_row group_keys[] = {
    {"access", set_access, KEY_ONCE},
    {NULL, NULL, KEY_ONCE},
};
static const struct key_row negotiation_keys[] = {
    {NULL, set_negotiation, KEY_AGAIN},
    {NULL, NULL, KEY_ONCE},
};
static const struct key_row target_keys[] = {
    {"alias", set_alias, KEY_ONCE},       {"allow", set_allow, KEY_AGAIN},
    {"redirect", set_redirect, KEY_ONCE}, {"redirect-permanent", set_redirect_permanent, KEY_ONCE},
    {"lun", set_lun, KEY_NUMBERED},       {NULL, NULL, KEY_ONCE},
};

static const struct section_row sections[] = {
    {"serve", NULL, NULL, NULL, serve_keys},
    {"user", "NAME", begin_account, end_account, user_keys},
    {"mutual", NULL, begin_mutual, end_mutual, mutual_keys},
    {"group", "N", begin_group, end_group, group_keys},
    {"negotiation", NULL, NULL, NULL, negotiation_keys},
    {"target", "IQN", begin_target, end_target, target_keys},
};
#define SECTION_COUNT (sizeof sections / sizeof sections[0])

static int refuse_section(struct parser *p, const char *title)
{
    char known[256] = "";
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "[%s%s%s]", sections[i].word, sections[i].named ? " " : "",
                 sections[i].named ? sections[i].named : "");
        add_word(known, sizeof known, name, "");
    }
    return refuse(p, p->ini.line, "there is no section [%s]: use %s", title, known);
}

static int refuse_key(struct parser *p, const char *key)
{
    char known[256] = "";
    for (const struct key_row *row = p->section->keys; row->set; row++)
        add_word(known, sizeof known, row->key ? row->key : "those of RFC 7143",
                 row->kind == KEY_NUMBERED ? " N" : "");
    return refuse(p, p->ini.line, "'%s' is no key of [%s]: use %s", key, p->section->word, known);
}

static void end_section(struct parser *p)
{
    const char *missing = p->section && p->section->end && !p->ini.failed ? p->section->end(p) : NULL;
    if (missing)
        refuse(p, p->begun, "[%s%s%s] lacks a line: add %s", p->section->word, p->section->named ? " " : "",
               p->section->named ? p->name : "", missing);
}

static const struct section_row *find_section(const char *word, size_t len)
{
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (strlen(sections[i].word) == len && memcmp(sections[i].word, word, len) == 0)
            return &sections[i];
    return NULL;
}

/* Only sections with names may come again. */
static bool came_before(struct parser *p)
{
    uint32_t bit = 1u << (p->section - sections);
    bool came = p->before & bit && !p->section->named;
    p->before |= bit;
    return came;
}

static int begin_named(struct parser *p, const char *title)
{
    const char *expected;
    if (p->section->named && !p->name[0])
        return refuse(p, p->ini.line, "[%s] lacks a name: write it as [%s %s]", title, title,
                      p->section->named);
    if (came_before(p))
        return refuse(p, p->ini.line, "[%s] is there twice: put its lines into one section", title);
    expected = p->section->begin ? p->section->begin(p) : NULL;
    return expected ? refuse(p, p->ini.line, "[%s] must be %s: take it out", title, expected)
                    : !p->ini.failed;
}

/* `title` is what stands in the brackets. */
static int begin_section(struct parser *p, const char *title)
{
    size_t word = strcspn(title, " \t");
    const char *name = title + word + strspn(title + word, " \t");
    end_section(p);
    p->section = find_section(title, word);
    p->begun = p->ini.line;
    p->seen = 0;
    snprintf(p->name, sizeof p->name, "%s", name);
    if (!p->section || (!p->section->named && *name))
        return refuse_section(p, title);
    return begin_named(p, title);
}

/* --- keys --- */

static bool key_fits(const struct key_row *row, const char *key)
{
    if (!row->key)
        return true;
    size_t len = strlen(row->key);
    if (row->kind == KEY_NUMBERED && strncmp(key, row->key, len) == 0 &&
        (key[len] == ' ' || key[len] == '\t'))
        return true;
    return strcmp(row->key, key) == 0;
}

/* Rows for several keys get the rest of the key as well. */
static const char *set_value_of(struct parser *p, const struct key_row *row, const char *key,
                                const char *value)
{
    char whole[SETUP_LINE_MAX + KEY_MAX_LEN + 2];
    const char *rest = key + (row->key ? strlen(row->key) : 0);
    if (row->key && row->kind != KEY_NUMBERED)
        return row->set(p, value);
    snprintf(whole, sizeof whole, "%s=%s", rest + strspn(rest, " \t"), value);
    return row->set(p, whole);
}

static int set(struct parser *p, const struct key_row *row, const char *key, const char *value)
{
    uint32_t bit = 1u << (row - p->section->keys);
    const char *expected = NULL;
    if (p->seen & bit && row->kind == KEY_ONCE)
        refuse_twice(p, NAMED_MAX, key);
    else if (!*value)
        refuse(p, p->ini.line, "%s has no value: write one behind the =", key);
    else if ((expected = set_value_of(p, row, key, value)))
        refuse(p, p->ini.line, "%s must be %s, not '%s'", key, expected, value);
    p->seen |= bit;
    return !p->ini.failed;
}

static int take_pair(void *parser, const char *section, const char *key, const char *value)
{
    struct parser *p = parser;
    (void)section;
    if (!p->section)
        return refuse(p, p->ini.line, "'%s' stands in no section: begin with one, such as [serve]", key);
    for (const struct key_row *row = p->section->keys; row->set; row++)
        if (key_fits(row, key) && strlen(key) <= KEY_MAX_LEN)
            return set(p, row, key, value);
    return refuse_key(p, key);
}

/* --- lines --- */

/* What stands behind the bracket would be passed over. */
static bool only_comment(const char *rest)
{
    rest += strspn(rest, " \t\r\n");
    return *rest == '\0' || *rest == ';' || *rest == '#';
}

struct title {
    const char *at;
    int len;
};

/* What stands between the brackets, without blanks around it. */
static struct title title_of(const char *line, size_t bracket)
{
    size_t begin = 1 + strspn(line + 1, " \t");
    while (bracket > begin && strchr(" \t", line[bracket - 1]))
        bracket--;
    return (struct title){line + begin, bracket > begin ? (int)(bracket - begin) : 0};
}

static void look_for_section(void *parser, const char *line)
{
    struct parser *p = parser;
    char text[SECTION_MAX];
    size_t bracket = strcspn(line, "]");
    if (line[0] != '[' || line[bracket] == '\0')
        return;
    struct title title = title_of(line, bracket);
    snprintf(text, sizeof text, "%.*s", title.len, title.at);
    if (title.len >= (int)sizeof text)
        refuse(p, p->ini.line, "the section's name is longer than %u bytes: use a shorter one",
               SECTION_MAX - 1);
    else if (!only_comment(line + bracket + 1))
        refuse(p, p->ini.line, "something stands behind [%s]: begin a new line for it", text);
    else
        begin_section(p, text);
}

int setup_read(struct setup *s, FILE *file, const char *name, char why[SETUP_WHY_MAX])
{
    struct parser p = {.s = s};
    p.ini = (struct inifile){.file = file,
                             .name = name,
                             .section = "SECTION",
                             .line_max = SETUP_LINE_MAX,
                             .look = look_for_section,
                             .pair = take_pair,
                             .arg = &p,
                             .why = why,
                             .why_size = SETUP_WHY_MAX};
    s->file = name;
    bool broken = inifile_read(&p.ini) < 0;
    end_section(&p);
    if (broken)
        snprintf(why, SETUP_WHY_MAX, "%s cannot be read: check that it is a text file", name);
    return broken || p.ini.failed ? -1 : 0;
}
