/* SPDX-License-Identifier: MIT */
/* Requests of the control socket: each line is answered or refused, and what the target answers the command
 * understands. */
#include "cli/ctl_answer.h"
#include "attach/exit.h"
#include "fuzz.h"
#include "serve/control.h"

#define LINES_MAX 64u

static struct serve_config config;

static struct target *begin(void)
{
    static char text[256];
    const struct reason why = {text, sizeof text};
    config = (struct serve_config){.portals = {"127.0.0.1:0", "127.0.0.1:0,2"},
                                   .portal_count = 2,
                                   .targets = {{.iqn = SERVE_IQN}},
                                   .target_count = 1,
                                   .luns = {{.spec = "ram:1M"}},
                                   .lun_count = 1,
                                   .stop_fd = -1};
    struct target *t = target_new(&config, engine_new("sockets"));
    fuzz_check(t && target_open(t, &why) == 0);
    return t;
}

/* Whatever a path may lead to is no business of a test. */
static bool harmless(const struct control_request *r)
{
    if (r->count == 0 || strcmp(r->words[0], "add-lun") != 0)
        return true;
    for (uint32_t i = 1; i < r->count; i++)
        if (strchr(r->words[i], ':') && strncmp(r->words[i], "ram:", 4) != 0 &&
            strncmp(r->words[i], "null:", 5) != 0 && strncmp(r->words[i], "iqn.", 4) != 0)
            return false;
    return true;
}

static void understood(const char *text, size_t len)
{
    char *shown;
    size_t shown_len;
    for (int json = 0; json < 2; json++) {
        FILE *in = fmemopen((void *)(uintptr_t)text, len, "r"), *out = open_memstream(&shown, &shown_len);
        fuzz_check(in && out);
        fuzz_check(ctl_answer(in, out, json) != STATUS_PROTOCOL);
        fclose(in);
        fclose(out);
        free(shown);
    }
}

static void ask(struct target *t, char *line)
{
    char text[CONTROL_SENTENCE_MAX] = "";
    const struct reason why = {text, sizeof text};
    struct control_request r = {.target = t, .answer = answer_new(), .why = &why};
    size_t len;
    fuzz_check(r.answer);
    if (control_split(line, &r) && harmless(&r)) {
        int error = control_run(&r);
        fuzz_check((error == 0) == (text[0] == '\0'));
        answer_end(r.answer, error, text);
        const char *answer = answer_text_of(r.answer, &len);
        fuzz_check(answer && answer[len - 1] == '\n');
        if (!error) /* of a failure the command makes a sentence for people */
            understood(answer, len);
    }
    answer_free(r.answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *rest = text, *line;
    fuzz_check(text);
    memcpy(text, data, size);
    text[size] = '\0';
    struct target *t = begin();
    for (uint32_t i = 0; i < LINES_MAX && (line = strsep(&rest, "\n")) != NULL; i++)
        ask(t, line);
    target_free(t);
    free(text);
    return 0;
}
