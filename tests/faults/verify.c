/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "load.h"

#define AT_ONCE 256u /* blocks */

static bool verify_piece(struct load *l, struct berth_lun *lun, uint8_t *buf, uint64_t block, uint64_t count)
{
    struct ledger_view began[AT_ONCE];
    bool ok = true;
    for (uint64_t i = 0; i < count; i++)
        began[i] = ledger_look(&l->chart.ledger, block + i);
    int error = berth_read(lun, buf, count * LOAD_UNIT, block * LOAD_UNIT);
    if (error) {
        load_wrong(l, "the LUN cannot be read in the end: %s", berth_lun_detail(lun)->text);
        return false;
    }
    for (uint64_t i = 0; i < count; i++)
        ok &= judge_block(l, block + i, &began[i], buf + i * LOAD_UNIT);
    return ok;
}

bool verify(struct load *l)
{
    struct berth_detail why;
    struct berth_lun *lun;
    uint8_t *buf = malloc(AT_ONCE * LOAD_UNIT);
    bool ok = buf != NULL;
    if (berth_lun_open(&lun, l->options.urls[0], &l->options.lun, &why) < 0) {
        load_wrong(l, "the LUN does not open in the end: %s", why.text);
        ok = false;
    }
    for (uint64_t block = 0; ok && block < l->chart.ledger.count; block += AT_ONCE) {
        uint64_t left = l->chart.ledger.count - block;
        ok = verify_piece(l, lun, buf, block, left < AT_ONCE ? left : AT_ONCE);
    }
    berth_lun_close(lun);
    free(buf);
    return ok;
}
