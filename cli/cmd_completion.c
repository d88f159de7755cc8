/* SPDX-License-Identifier: MIT */
/* berth completion: what shells need to complete the command's words, made from the tables of commands and
 * options. */
#include <stdio.h>
#include <string.h>
#include "cli/commands.h"
#include "cli/say.h"

/* --- what words there are --- */

static const struct option_words {
    int id;
    const char *words;
} option_words[] = {
    {OPT_DIGEST, "none header data both"},
    {OPT_RW, "read write randread randwrite randrw"},
    {OPT_ENGINE, "sockets io_uring auto"},
    {OPT_LOG, "quiet normal debug"},
    {OPT_ISID, "name"},
    {OPT_REDIRECTS, "follow none"},
};

#define NAMES "$(berth ls --names 2>/dev/null)"

static const struct {
    const char *command, *words;
} operand_words[] = {
    {"status", NAMES},  {"get", NAMES},           {"set", NAMES},
    {"refresh", NAMES}, {"stat", NAMES},          {"events", NAMES},
    {"detach", NAMES},  {"id", "show unset set"}, {"completion", "bash zsh fish"},
};

/* What comes behind the first operand, where that is something else: keys of settings. */
static const struct key_words {
    const char *command, *end;
    uint32_t has, lacks; /* of enum setting_flags */
} key_words[] = {
    {"get", "", 0, SETTING_INTERNAL},
    {"set", "=", SETTING_LIVE, 0},
};

static const struct key_words *keys_of(const struct command *c)
{
    for (size_t i = 0; i < sizeof key_words / sizeof key_words[0]; i++)
        if (strcmp(key_words[i].command, c->name) == 0)
            return &key_words[i];
    return NULL;
}

static void put_keys(const struct key_words *keys)
{
    const char *between = "";
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const struct setting_row *row = &settings_rows[id];
        if ((row->flags & keys->has) != keys->has || (row->flags & keys->lacks))
            continue;
        printf("%s%s%s", between, row->key, keys->end);
        between = " ";
    }
}

static const struct setting_row *setting_of(const struct option_row *row)
{
    return row->id >= OPT_SETTING ? &settings_rows[row->id - OPT_SETTING] : NULL;
}

/* The word behind it is its value. */
static bool takes_word(const struct option_row *row)
{
    return row->value && !options_is_bare(row);
}

/* NULL: it has none of its own. */
static const char *words_of(const struct option_row *row)
{
    const struct setting_row *setting = setting_of(row);
    if (setting && setting->kind == SETTING_YES_NO)
        return "yes no";
    if (setting && setting->words)
        return setting->words;
    for (size_t i = 0; i < sizeof option_words / sizeof option_words[0]; i++)
        if (option_words[i].id == row->id)
            return option_words[i].words;
    return NULL;
}

static bool is_file(const struct option_row *row)
{
    return row->value && (strcmp(row->value, "FILE") == 0 || strcmp(row->value, "FOLDER") == 0 ||
                          strcmp(row->value, "PATH") == 0);
}

enum operands { OPERANDS_NONE, OPERANDS_FILES, OPERANDS_WORDS };

static enum operands operands_of(const struct command *c, const char **words)
{
    *words = NULL;
    for (size_t i = 0; i < sizeof operand_words / sizeof operand_words[0]; i++)
        if (strcmp(operand_words[i].command, c->name) == 0)
            *words = operand_words[i].words;
    if (*words)
        return OPERANDS_WORDS;
    return strstr(c->operands, "FILE") || strstr(c->operands, "SRC") ? OPERANDS_FILES : OPERANDS_NONE;
}

/* Calls for each option of a command, --help at the end. */
static void each_option(const struct command *c,
                        void (*print)(const struct command *, const struct option_row *))
{
    for (const int *id = c->options; *id != OPT_NONE; id++)
        print(c, options_row(*id));
    print(c, options_row(OPT_HELP));
}

static void each_command(void (*print)(const struct command *))
{
    for (size_t i = 0; commands_row(i); i++)
        print(commands_row(i));
}

/* Between single quotes; `also` are characters that get a backslash before them. */
static void put_quoted(const char *text, const char *also)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", stdout);
        else if (strchr(also, *text))
            putchar('\\');
        putchar(*text);
    }
}

/* --- bash --- */

static void bash_option(const struct command *c, const struct option_row *row)
{
    (void)c;
    printf(" --%s", row->name);
}

static void bash_value(const struct command *c, const struct option_row *row)
{
    (void)c;
    if (!takes_word(row))
        return;
    printf("        --%s) ", row->name);
    if (words_of(row))
        printf("words='%s' ;;\n", words_of(row));
    else
        printf("%s ;;\n", is_file(row) ? "kind=files" : "kind=nothing");
}

/* Behind an equals sign there is a value to come, and no blank. */
static void bash_keys(const struct key_words *keys)
{
    printf("        [ \"$COMP_CWORD\" -eq 2 ] || operands='");
    put_keys(keys);
    printf("'\n");
    if (keys->end[0])
        printf("        [ \"$COMP_CWORD\" -eq 2 ] || compopt -o nospace 2>/dev/null\n");
}

static void bash_command(const struct command *c)
{
    const char *words;
    enum operands operands = operands_of(c, &words);
    printf("    %s)\n        options='", c->name);
    each_option(c, bash_option);
    printf("'\n        ");
    if (operands == OPERANDS_WORDS)
        printf("operands=\"%s\"\n", words);
    else
        printf("%s\n", operands == OPERANDS_FILES ? "rest=files" : "rest=nothing");
    if (keys_of(c))
        bash_keys(keys_of(c));
    printf("        case $before in\n");
    each_option(c, bash_value);
    printf("        esac\n        ;;\n");
}

static void bash_name(const struct command *c)
{
    printf(" %s", c->name);
}

static void bash(void)
{
    printf("# berth(1): eval \"$(berth completion bash)\"\n"
           "_berth()\n{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    local options='' operands='' words='' kind='' rest=nothing\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W '");
    each_command(bash_name);
    printf(" --help --version' -- \"$word\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    each_command(bash_command);
    printf("    esac\n"
           "    if [ -n \"$words\" ]; then\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "    elif [ \"$kind\" = nothing ]; then\n"
           "        :\n"
           "    elif [ -z \"$kind\" ] && [[ $word == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
           "    elif [ \"${kind:-$rest}\" = files ]; then\n"
           "        compopt -o filenames 2>/dev/null\n"
           "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
           "    elif [ -n \"$operands\" ]; then\n"
           "        COMPREPLY=($(compgen -W \"$operands\" -- \"$word\"))\n"
           "    fi\n}\n"
           "complete -F _berth berth\n");
}

/* --- zsh --- */

static void zsh_name(const struct command *c)
{
    printf("        '%s:", c->name);
    put_quoted(c->summary, ":\\");
    printf("'\n");
}

static void zsh_option(const struct command *c, const struct option_row *row)
{
    (void)c;
    printf(" \\\n            '*--%s[", row->name);
    put_quoted(row->help, "[]:\\");
    putchar(']');
    if (takes_word(row)) {
        putchar(':');
        put_quoted(row->value, ":\\");
        putchar(':');
        if (words_of(row))
            printf("(%s)", words_of(row));
        else if (is_file(row))
            printf("_files");
    }
    putchar('\'');
}

static void zsh_keys(const struct key_words *keys)
{
    printf(" \\\n            '*:setting:compadd -S \"%s\" -- ", keys->end[0] ? "" : " ");
    put_keys(keys);
    printf("'");
}

static void zsh_command(const struct command *c)
{
    const char *words;
    enum operands operands = operands_of(c, &words);
    printf("    %s)\n        _arguments", c->name);
    each_option(c, zsh_option);
    if (operands == OPERANDS_WORDS)
        printf(" \\\n            \"%s:word:(%s)\"", keys_of(c) ? "1" : "*", words);
    if (keys_of(c))
        zsh_keys(keys_of(c));
    else if (operands != OPERANDS_WORDS && c->operands_max > 0)
        printf(" \\\n            '*:operand:%s'", operands == OPERANDS_FILES ? "_files" : "");
    printf("\n        ;;\n");
}

static void zsh(void)
{
    printf("#compdef berth\n"
           "_berth()\n{\n"
           "    local -a commands\n"
           "    commands=(\n");
    each_command(zsh_name);
    printf("    )\n"
           "    if (( CURRENT == 2 )); then\n"
           "        _describe command commands\n"
           "        return\n"
           "    fi\n"
           "    shift words\n"
           "    (( CURRENT-- ))\n"
           "    case $words[1] in\n");
    each_command(zsh_command);
    printf("    esac\n}\n"
           "compdef _berth berth\n");
}

/* --- fish --- */

static void fish_option(const struct command *c, const struct option_row *row)
{
    printf("complete -c berth -n '__fish_seen_subcommand_from %s' -l %s", c->name, row->name);
    if (takes_word(row))
        printf(is_file(row) ? " -r -F" : " -x");
    if (takes_word(row) && words_of(row))
        printf(" -a '%s'", words_of(row));
    printf(" -d '");
    put_quoted(row->help, "\\");
    printf("'\n");
}

static void fish_keys(const struct key_words *keys)
{
    printf("complete -c berth -n '__fish_seen_subcommand_from %s; and test (count (commandline -opc)) -gt 2' "
           "-a '",
           keys->command);
    put_keys(keys);
    printf("'\n");
}

static void fish_command(const struct command *c)
{
    const char *words;
    enum operands operands = operands_of(c, &words);
    printf("complete -c berth -n __fish_use_subcommand -a %s -d '", c->name);
    put_quoted(c->summary, "\\");
    printf("'\n");
    each_option(c, fish_option);
    if (operands == OPERANDS_WORDS)
        printf("complete -c berth -n '__fish_seen_subcommand_from %s%s' -a '%s'\n", c->name,
               keys_of(c) ? "; and test (count (commandline -opc)) -eq 2" : "",
               words[0] == '$' ? words + 1 : words);
    if (keys_of(c))
        fish_keys(keys_of(c));
    else if (operands == OPERANDS_FILES)
        printf("complete -c berth -n '__fish_seen_subcommand_from %s' -F\n", c->name);
}

static void fish(void)
{
    printf("# berth(1): berth completion fish | source\n"
           "complete -c berth -f\n"
           "complete -c berth -n __fish_use_subcommand -l help -d 'print the commands'\n"
           "complete -c berth -n __fish_use_subcommand -l version -d 'print the version'\n");
    each_command(fish_command);
}

int cmd_completion(const struct options *o)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(o->operands[0], shells[i].shell) != 0)
            continue;
        shells[i].print();
        return STATUS_OK;
    }
    return fail(STATUS_USAGE, "'%s' is no shell that is known here; use bash, zsh or fish", o->operands[0]);
}
