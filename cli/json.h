/* SPDX-License-Identifier: MIT */
/* Writes JSON (RFC 8259) to a stream as it goes; keeps nothing but whether a comma is due. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    bool comma; /* something stands before the next value at this level */
};

/* `key` is NULL inside an array and for the outermost value. */
void json_put_object(struct json *j, const char *key);
void json_put_object_end(struct json *j);
void json_put_array(struct json *j, const char *key);
void json_put_array_end(struct json *j);
void json_put_text(struct json *j, const char *key,
                   const char *text); /* bytes that are no UTF-8 become U+FFFD */
void json_put_u64(struct json *j, const char *key, uint64_t value);
void json_put_int(struct json *j, const char *key, int value);
void json_put_real(struct json *j, const char *key, double value); /* NaN and infinities become null */
void json_put_bool(struct json *j, const char *key, bool value);

#endif
