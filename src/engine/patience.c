/* SPDX-License-Identifier: MIT */
#include "engine/patience.h"
#include "engine/link.h"

/* With so much of read data to come, there is as much to do after a sleep as the sleep costs, and more comes
 * meanwhile: looking would keep a processor busy for nothing but latency. */
#define PLENTY_BYTES (96u * 1024)

/* So many are asked: to ask more, each in memory of its own, costs more than it saves. */
#define PLENTY_LINKS 8u

static bool plenty(const struct list *links)
{
    uint64_t due = 0;
    uint32_t asked = 0;
    list_each (node, links) {
        const struct link *l = list_entry(node, struct link, node);
        due += l->conn ? conn_rx_due(l->conn, PLENTY_BYTES) : 0;
        if (due >= PLENTY_BYTES || ++asked == PLENTY_LINKS)
            break;
    }
    return due >= PLENTY_BYTES;
}

bool patience_begins(struct patience *p, enum engine_wait how, const struct list *links)
{
    if (how != ENGINE_WAITS_AS_PAYS)
        return how == ENGINE_POLLS;
    if (p->left_ns == 0)
        return false;
    if (p->skip == 0)
        return !plenty(links);
    p->skip--;
    return false;
}
