/* SPDX-License-Identifier: MIT */
/* A line of an attachment's control socket: a request with a verb, or a refusal with a sentence. */
#include "attach/verbs.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct refusal why = {.name = NULL};
    char *line = (char *)fuzz_copy(data, size);
    json_t *request = request_parse(line, size, &why);
    const struct verb *verb = request ? verbs_find(request, &why) : NULL;
    fuzz_check((verb == NULL) == (why.name != NULL));
    fuzz_check(verb || why.text[0]);
    json_decref(request);
    free(line);
    return 0;
}
