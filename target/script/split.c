/* SPDX-License-Identifier: MIT */
/* One Data-In as several (RFC 7143 11.7): the same data, and status only with its end. */
#include <string.h>
#include "base/bytes.h"
#include "script/scene.h"

/* Bytes [at, at + len) of its data; `last` keeps what the whole one said at its end. */
static bool send_piece(struct bender *b, const struct parcel *p, uint32_t at, uint32_t len, bool last)
{
    struct parcel *piece = parcel_slice(p, at, len);
    if (!piece)
        return false;
    put32(piece->head + 40, get32(p->head + 40) + at);
    piece->fresh |= at > 0 ? FRESH_DATA_SN : 0;
    if (!last) {
        piece->head[1] = 0; /* F, A, O, U, S */
        piece->head[3] = 0;
        memset(piece->head + 24, 0, 4); /* StatSN */
        memset(piece->head + 44, 0, 4); /* residual */
    }
    bender_depart(b, piece);
    return true;
}

bool split_data_in(struct bender *b, const struct parcel *p, const struct action *a)
{
    uint32_t size = a->number < p->data_len ? (uint32_t)a->number : p->data_len;
    uint32_t pieces = a->all ? (size ? (p->data_len - 1) / size : 0) : 1; /* before the last */
    for (uint32_t i = 0; i < pieces; i++)
        if (!send_piece(b, p, i * size, size, false))
            return false;
    return send_piece(b, p, pieces * size, p->data_len - pieces * size, true);
}
