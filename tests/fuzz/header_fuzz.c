/* SPDX-License-Identifier: MIT */
/* Headers: what a decoder took from any 48 bytes, encoder and decoder give back unchanged. Then the
 * additional header segments behind them. */
#include "fuzz.h"
#include "wire/pdu.h"

#define ROUND_TRIP(type)                                                                                     \
    static void type##_round_trip(const uint8_t *bhs)                                                        \
    {                                                                                                        \
        uint8_t again[WIRE_BHS_LEN];                                                                         \
        struct wire_##type first, second;                                                                    \
        memset(&first, 0, sizeof first);                                                                     \
        memset(&second, 0, sizeof second);                                                                   \
        get_##type(bhs, &first);                                                                             \
        put_##type(again, &first);                                                                           \
        get_##type(again, &second);                                                                          \
        fuzz_check(memcmp(&first, &second, sizeof first) == 0);                                              \
    }

ROUND_TRIP(scsi_command)
ROUND_TRIP(scsi_response)
ROUND_TRIP(tmf_request)
ROUND_TRIP(tmf_response)
ROUND_TRIP(data_out)
ROUND_TRIP(r2t)
ROUND_TRIP(async)
ROUND_TRIP(text_request)
ROUND_TRIP(text_response)
ROUND_TRIP(login_request)
ROUND_TRIP(login_response)
ROUND_TRIP(logout_request)
ROUND_TRIP(logout_response)
ROUND_TRIP(reject)
ROUND_TRIP(snack)
ROUND_TRIP(nop_out)
ROUND_TRIP(nop_in)
ROUND_TRIP(data_in)

static void (*const round_trips[])(const uint8_t *) = {
    scsi_command_round_trip,    scsi_response_round_trip,  tmf_request_round_trip,
    tmf_response_round_trip,    data_out_round_trip,       r2t_round_trip,
    async_round_trip,           text_request_round_trip,   text_response_round_trip,
    login_request_round_trip,   login_response_round_trip, logout_request_round_trip,
    logout_response_round_trip, reject_round_trip,         snack_round_trip,
    nop_out_round_trip,         nop_in_round_trip,         data_in_round_trip,
};

static void extended_cdb(const uint8_t *ahs, size_t size)
{
    uint8_t cdb[WIRE_CDB_MAX] = {0};
    uint8_t *copy = fuzz_copy(ahs, size);
    int len = get_ahs_cdb(copy, (uint32_t)size, cdb);
    fuzz_check(len == -1 || (len >= (int)WIRE_CDB_LEN && len <= (int)WIRE_CDB_MAX));
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < WIRE_BHS_LEN)
        return 0;
    for (size_t i = 0; i < sizeof round_trips / sizeof round_trips[0]; i++)
        round_trips[i](data);
    fuzz_check(wire_ahs_len(data) <= WIRE_AHS_MAX && wire_data_len(data) <= WIRE_DSL_MAX);
    size -= WIRE_BHS_LEN;
    extended_cdb(data + WIRE_BHS_LEN, size < WIRE_AHS_MAX ? size : WIRE_AHS_MAX);
    return 0;
}
