/* SPDX-License-Identifier: MIT */
/* Additional header segments: an extended CDB is found whole or not at all, and is put back the same. */
#include "fuzz.h"
#include "wire/pdu.h"

static void check_ahs(const uint8_t *ahs, uint32_t len)
{
    uint8_t cdb[WIRE_CDB_MAX + 1], again[WIRE_CDB_MAX], out[WIRE_AHS_CDB_MAX];
    memset(cdb, 0x5a, sizeof cdb);
    int cdb_len = get_ahs_cdb(ahs, len, cdb);
    fuzz_check(cdb_len == -1 || (cdb_len >= (int)WIRE_CDB_LEN && cdb_len <= (int)WIRE_CDB_MAX));
    fuzz_check(cdb[WIRE_CDB_MAX] == 0x5a && cdb[0] == 0x5a && cdb[WIRE_CDB_LEN - 1] == 0x5a);
    if (cdb_len <= (int)WIRE_CDB_LEN)
        return;
    uint32_t out_len = put_ahs_cdb(out, cdb, (uint32_t)cdb_len);
    fuzz_check(out_len > 4 && out_len <= sizeof out && out_len % 4 == 0);
    memset(again, 0x5a, sizeof again);
    fuzz_check(get_ahs_cdb(out, out_len, again) == cdb_len);
    fuzz_check(memcmp(again, cdb, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= WIRE_AHS_MAX)
        check_ahs(data, (uint32_t)size);
    return 0;
}
