/* SPDX-License-Identifier: MIT */
#include "scsi/reservation.h"
#include "scsi/ascii.h"

#define SPEC_I_PT 0x08 /* byte 20 of PERSISTENT RESERVE OUT's list */
#define ALL_TG_PT 0x04
#define APTPL     0x01
#define PTPL_C    0x01 /* byte 2 of REPORT CAPABILITIES */
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
    out[2] = can_keep ? PTPL_C : 0;
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
