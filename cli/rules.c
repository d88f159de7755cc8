/* SPDX-License-Identifier: MIT */
#include "cli/rules.h"
#include "cli/say.h"
#include "attach/utf8.h"

static void tell_json(struct rules_report *r, const char *source, const char *text, uint64_t matched,
                      uint64_t fired)
{
    struct json *j = &r->json;
    if (r->count == 0) {
        j->out = stdout;
        json_put_object(j, NULL);
        json_put_text(j, "schema", r->schema);
        json_put_array(j, "rules");
    }
    json_put_object(j, NULL);
    json_put_text(j, "source", source);
    json_put_text(j, "rule", text);
    json_put_u64(j, "matched", matched);
    json_put_u64(j, "fired", fired);
    json_put_object_end(j);
}

/* A rule that never came true is a test that tested nothing: it is told like the others. */
void rules_tell(struct rules_report *r, const char *source, const char *text, uint64_t matched,
                uint64_t fired)
{
    char plain[512];
    utf8_plain(plain, sizeof plain, text);
    if (r->schema)
        tell_json(r, source, text, matched, fired);
    else if (fired == 0)
        say("%s never came true: %s", source, plain);
    else
        say("%s came true %llu times in %llu: %s", source, (unsigned long long)fired,
            (unsigned long long)matched, plain);
    r->count++;
}

void rules_end(struct rules_report *r)
{
    if (r->count == 0 || !r->schema)
        return;
    json_put_array_end(&r->json);
    json_put_object_end(&r->json);
    putchar('\n');
    fflush(stdout);
}
