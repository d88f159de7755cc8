/* SPDX-License-Identifier: MIT */
/* Asynchronous Message (11.9). */
#include "wire/header.h"

void put_async(uint8_t *bhs, const struct wire_async *a)
{
    header_start(bhs, WIRE_ASYNC, false, HEADER_FINAL);
    put64(bhs + 8, a->lun);
    put32(bhs + 16, WIRE_TAG_NONE);
    put_window(bhs, &a->window);
    bhs[36] = a->event;
    bhs[37] = a->vendor_code;
    put16(bhs + 38, a->parameter1);
    put16(bhs + 40, a->parameter2);
    put16(bhs + 42, a->parameter3);
}

void get_async(const uint8_t *bhs, struct wire_async *a)
{
    a->lun = get64(bhs + 8);
    get_window(bhs, &a->window);
    a->event = bhs[36];
    a->vendor_code = bhs[37];
    a->parameter1 = get16(bhs + 38);
    a->parameter2 = get16(bhs + 40);
    a->parameter3 = get16(bhs + 42);
}
