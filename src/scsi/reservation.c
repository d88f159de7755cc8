/* SPDX-License-Identifier: MIT */
#include "scsi/reservation.h"
#include "scsi/ascii.h"

#define SPEC_I_PT 0x08 /* byte 20 of PERSISTENT RESERVE OUT's list */
#define ALL_TG_PT 0x04
#define APTPL     0x01
#define UNREG     0x02 /* byte 17 of REGISTER AND MOVE's, and APTPL */
#define PTPL_C    0x01 /* byte 2 of REPORT CAPABILITIES */
#define ATP_C     0x04
#define TMV       0x80 /* byte 3 */
#define PTPL_A    0x01
#define R_HOLDER  0x01 /* byte 12 of a descriptor of READ FULL STATUS */

bool scsi_pr_known(uint8_t type)
{
    return type == PR_WRITE_EXCLUSIVE || type == PR_EXCLUSIVE_ACCESS || scsi_pr_registrants(type);
}

bool scsi_pr_exclusive(uint8_t type)
{
    return type == PR_EXCLUSIVE_ACCESS || type == PR_EXCLUSIVE_ACCESS_REGISTRANTS ||
           type == PR_EXCLUSIVE_ACCESS_ALL;
}

bool scsi_pr_registrants(uint8_t type)
{
    return type >= PR_WRITE_EXCLUSIVE_REGISTRANTS && type <= PR_EXCLUSIVE_ACCESS_ALL;
}

bool scsi_pr_all(uint8_t type)
{
    return type == PR_WRITE_EXCLUSIVE_ALL || type == PR_EXCLUSIVE_ACCESS_ALL;
}

void scsi_put_pr_out(uint8_t *list, const struct scsi_pr_out *p)
{
    memset(list, 0, SCSI_PR_OUT_LEN);
    put64(list, p->key);
    put64(list + 8, p->action_key);
    list[20] =
        (uint8_t)((p->spec_i_pt ? SPEC_I_PT : 0) | (p->all_tg_pt ? ALL_TG_PT : 0) | (p->aptpl ? APTPL : 0));
}

void scsi_get_pr_out(const uint8_t *list, struct scsi_pr_out *p)
{
    *p = (struct scsi_pr_out){.key = get64(list), .action_key = get64(list + 8)};
    p->spec_i_pt = list[20] & SPEC_I_PT;
    p->all_tg_pt = list[20] & ALL_TG_PT;
    p->aptpl = list[20] & APTPL;
}

void scsi_put_pr_move(uint8_t *list, const struct scsi_pr_move *m)
{
    memset(list, 0, SCSI_PR_MOVE_LEN);
    put64(list, m->key);
    put64(list + 8, m->action_key);
    list[17] = (uint8_t)((m->unregister ? UNREG : 0) | (m->aptpl ? APTPL : 0));
    put16(list + 18, m->port);
    put32(list + 20, m->id_len);
    memcpy(list + SCSI_PR_MOVE_LEN, m->id, m->id_len);
}

bool scsi_get_pr_move(const uint8_t *list, size_t len, struct scsi_pr_move *m)
{
    if (len < SCSI_PR_MOVE_LEN || get32(list + 20) != len - SCSI_PR_MOVE_LEN)
        return false;
    *m = (struct scsi_pr_move){.key = get64(list),
                               .action_key = get64(list + 8),
                               .unregister = list[17] & UNREG,
                               .aptpl = list[17] & APTPL,
                               .port = get16(list + 18),
                               .id = list + SCSI_PR_MOVE_LEN,
                               .id_len = get32(list + 20)};
    return true;
}

/* --- TransportIDs --- */

#define ID_HEADER  4u
#define ID_MIN     20u  /* of the additional length */
#define ISCSI_PORT 0x45 /* format 01b, protocol 5: a name and an ISID */
#define ISID_AT    5u   /* in ",i,0x" and 12 digits */
#define SUFFIX_LEN 17u

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_suffix(const uint8_t *text)
{
    if (memcmp(text, ",i,0x", ISID_AT) != 0)
        return false;
    for (size_t i = ISID_AT; i < SUFFIX_LEN; i++)
        if (!memchr("0123456789abcdef", lower(text[i]), 16))
            return false;
    return true;
}

/* The text of a well formed one ends with a NUL inside of it. */
static size_t text_len(const uint8_t *id, size_t len)
{
    size_t told = len < ID_HEADER ? 0 : get16(id + 2);
    if (told < ID_MIN || told % 4 || told > len - ID_HEADER || id[0] != ISCSI_PORT)
        return 0;
    const uint8_t *text = id + ID_HEADER, *end = memchr(text, 0, told);
    size_t n = end ? (size_t)(end - text) : 0;
    return n > SUFFIX_LEN && is_suffix(text + n - SUFFIX_LEN) ? n : 0;
}

uint32_t scsi_get_transport_id(const uint8_t *id, size_t len, uint8_t *out, size_t size)
{
    size_t n = text_len(id, len), padded = (n + 1 + 3) / 4 * 4;
    if (n == 0 || ID_HEADER + padded > size)
        return 0;
    memset(out, 0, ID_HEADER + padded);
    out[0] = ISCSI_PORT;
    put16(out + 2, (uint16_t)padded);
    for (size_t i = 0; i < n; i++)
        out[ID_HEADER + i] = lower(id[ID_HEADER + i]);
    return (uint32_t)(ID_HEADER + padded);
}

/* --- PERSISTENT RESERVE IN --- */

void scsi_put_pr_header(uint8_t *out, uint32_t generation, uint32_t len)
{
    put32(out, generation);
    put32(out + 4, len);
}

size_t scsi_put_pr_reservation(uint8_t *out, uint32_t generation, uint8_t type, uint64_t key)
{
    memset(out, 0, SCSI_PR_RESERVATION_MAX);
    scsi_put_pr_header(out, generation, type == PR_NONE ? 0 : 16);
    if (type == PR_NONE)
        return SCSI_PR_HEADER;
    put64(out + 8, key);
    out[21] = type; /* scope 0: the LU */
    return SCSI_PR_RESERVATION_MAX;
}

void scsi_put_pr_capabilities(uint8_t *out, bool can_keep, bool keeps)
{
    memset(out, 0, SCSI_PR_CAPABILITIES_LEN);
    put16(out, SCSI_PR_CAPABILITIES_LEN);
    out[2] = (uint8_t)(ATP_C | (can_keep ? PTPL_C : 0));
    out[3] = (uint8_t)(TMV | (keeps ? PTPL_A : 0));
    out[4] = 1 << PR_WRITE_EXCLUSIVE | 1 << PR_EXCLUSIVE_ACCESS | 1 << PR_WRITE_EXCLUSIVE_REGISTRANTS |
             1 << PR_EXCLUSIVE_ACCESS_REGISTRANTS | 1 << PR_WRITE_EXCLUSIVE_ALL;
    out[5] = 1 << (PR_EXCLUSIVE_ACCESS_ALL - 8);
}

size_t scsi_put_pr_status(uint8_t *out, size_t size, const struct scsi_pr_status *s)
{
    struct writer w = writer_over(out, size);
    write64(&w, s->key);
    write32(&w, 0);
    write8(&w, s->type == PR_NONE ? 0 : R_HOLDER);
    write8(&w, s->type);
    write32(&w, 0);
    write16(&w, s->port);
    write32(&w, s->id_len);
    write_bytes(&w, s->id, s->id_len);
    return writer_result(&w);
}
