/* SPDX-License-Identifier: MIT */
/* INQUIRY, its vital product data pages, READ CAPACITY, REPORT LUNS, MODE SENSE, LUN addresses: both ways.
 * Readers take what is there (`len` bytes received) and leave zeros for what a short answer does not hold;
 * they return false only when not even the header makes sense (a capacity in blocks of no bytes does not).
 * Writers return the whole length, or 0 when `size` does not hold it; the caller cuts. */
#ifndef SCSI_IDENTITY_H
#define SCSI_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- INQUIRY: inquiry.c --- */
struct scsi_inquiry {
    uint8_t qualifier, device_type; /* 0,0 = a connected disk; 3,1fh = no LU there */
    uint8_t version;
    bool third_party_copy, protect, multi_port, command_queue;
    uint8_t port_groups;                      /* TPGS: 1 implicit, 2 explicit asymmetric access, 3 both */
    char vendor[9], product[17], revision[5]; /* trimmed */
};
#define SCSI_INQUIRY_LEN 96u
size_t scsi_put_inquiry_data(uint8_t out[SCSI_INQUIRY_LEN], const struct scsi_inquiry *q);
bool scsi_get_inquiry_data(const uint8_t *data, size_t len, struct scsi_inquiry *q);

/* --- VPD pages: vpd.c --- */
enum scsi_vpd {
    VPD_SUPPORTED = 0x00,
    VPD_SERIAL = 0x80,
    VPD_IDENTIFICATION = 0x83,
    VPD_EXTENDED = 0x86,
    VPD_LIMITS = 0xb0,
    VPD_CHARACTERISTICS = 0xb1,
    VPD_PROVISIONING = 0xb2
};

/* Is `page` in the list of page 00? */
bool scsi_get_vpd_supported(const uint8_t *data, size_t len, uint8_t page);
size_t scsi_put_vpd_supported(uint8_t *out, size_t size, const uint8_t *pages, size_t count);

size_t scsi_put_vpd_serial(uint8_t *out, size_t size, const char *serial);
bool scsi_get_vpd_serial(const uint8_t *data, size_t len, char *serial, size_t size); /* trimmed, printable */

/* The designator that names the LU best: NAA over EUI-64 over T10 vendor id over SCSI name string. */
#define SCSI_DESIGNATOR_MAX 255u
struct scsi_designator {
    uint8_t type;     /* 1 T10, 2 EUI-64, 3 NAA, 8 SCSI name; 0 none */
    uint8_t code_set; /* 1 binary, 2 ASCII, 3 UTF-8 */
    uint8_t len;
    uint8_t bytes[SCSI_DESIGNATOR_MAX];
};
bool scsi_get_vpd_designator(const uint8_t *data, size_t len, struct scsi_designator *best);
/* Is this one still among those of the LU? */
bool scsi_has_vpd_designator(const uint8_t *data, size_t len, const struct scsi_designator *d);
/* NAA (8 bytes), a T10 vendor designator "vendor" + "serial", and where they are told (not 0, not NULL) the
 * target port, its group, and its name, which for iSCSI is the target's name and the portal group tag. */
struct scsi_identification {
    const uint8_t *naa;
    const char *vendor, *serial;
    uint16_t port, port_group;
    const char *target_name;
};
size_t scsi_put_vpd_identification(uint8_t *out, size_t size, const struct scsi_identification *id);
/* "naa.6001405…", "eui.…", "t10.…" for people; NUL-terminated. */
void scsi_designator_text(const struct scsi_designator *d, char *out, size_t size);

struct scsi_extended { /* page 86h */
    bool simple, ordered, head_of_queue, volatile_cache;
};
size_t scsi_put_vpd_extended(uint8_t *out, size_t size, const struct scsi_extended *x);

struct scsi_limits { /* page B0h; in blocks; 0 = not reported */
    bool wsnz;
    uint8_t max_compare_and_write;
    uint16_t optimal_granularity;
    uint32_t max_transfer, optimal_transfer;
    uint32_t max_unmap_blocks, max_unmap_ranges, unmap_granularity, unmap_alignment;
    bool unmap_alignment_valid;
    uint64_t max_write_same;
};
size_t scsi_put_vpd_limits(uint8_t *out, size_t size, const struct scsi_limits *l);
bool scsi_get_vpd_limits(const uint8_t *data, size_t len, struct scsi_limits *l);

struct scsi_characteristics {
    uint16_t rotation_rate; /* B1h: 0 unknown, 1 solid state */
};
size_t scsi_put_vpd_characteristics(uint8_t *out, size_t size, const struct scsi_characteristics *c);
bool scsi_get_vpd_characteristics(const uint8_t *data, size_t len, struct scsi_characteristics *c);

struct scsi_provisioning { /* page B2h */
    bool unmap, write_same_16, write_same_10, read_zeros, anchor;
    uint8_t type; /* 1 resource, 2 thin */
};
size_t scsi_put_vpd_provisioning(uint8_t *out, size_t size, const struct scsi_provisioning *p);
bool scsi_get_vpd_provisioning(const uint8_t *data, size_t len, struct scsi_provisioning *p);

/* --- READ CAPACITY, GET LBA STATUS: capacity.c --- */
struct scsi_capacity {
    uint64_t last_lba;
    uint32_t block_bytes;
    bool thin, read_zeros, protected; /* LBPME, LBPRZ, PROT_EN: (16) only */
    uint8_t physical_exponent;
};
#define SCSI_CAPACITY_10_LEN 8u
#define SCSI_CAPACITY_16_LEN 32u
void scsi_put_capacity_10(uint8_t *out, const struct scsi_capacity *c); /* ffffffffh when it does not fit */
void scsi_put_capacity_16(uint8_t *out, const struct scsi_capacity *c);
bool scsi_get_capacity_10(const uint8_t *data, size_t len, struct scsi_capacity *c);
bool scsi_get_capacity_16(const uint8_t *data, size_t len, struct scsi_capacity *c);

struct scsi_lba_status {
    uint64_t lba;
    uint32_t blocks;
    uint8_t provisioning; /* 0 mapped, 1 deallocated, 2 anchored */
};
size_t scsi_put_lba_status(uint8_t *out, size_t size, const struct scsi_lba_status *s); /* one descriptor */
bool scsi_get_lba_status(const uint8_t *data, size_t len, uint32_t i, struct scsi_lba_status *s);

/* --- MODE SENSE and MODE SELECT: mode.c --- */
struct scsi_mode {
    bool write_protected, dpo_fua, write_cache, read_cache_disabled;
    bool changeable; /* the pages are masks (PC 01b): fields set here may be changed, all others may not */
    bool descriptor_sense, software_write_protect; /* D_SENSE and SWP of the control page */
};
/* Both return 0 for an unknown page. */
size_t scsi_put_mode_6(uint8_t *out, size_t size, const struct scsi_mode *m, uint8_t page);
size_t scsi_put_mode_10(uint8_t *out, size_t size, const struct scsi_mode *m, uint8_t page);
bool scsi_get_mode_6(const uint8_t *data, size_t len, struct scsi_mode *m);

/* A parameter list of MODE SELECT on top of the mode that is: *mode becomes what it asks for. Returns 0, or
 * the ASC of what is wrong with it, such as a change of a field that is not set in `can`; *mode is then as it
 * was.
 */
uint16_t scsi_get_mode_select_6(const uint8_t *list, size_t len, const struct scsi_mode *can,
                                struct scsi_mode *mode);
uint16_t scsi_get_mode_select_10(const uint8_t *list, size_t len, const struct scsi_mode *can,
                                 struct scsi_mode *mode);

/* --- LUN addresses (SAM-5 4.7) and REPORT LUNS: luns.c --- */
uint64_t scsi_lun_encode(uint32_t number);            /* peripheral below 256, flat to 16383, else all ones */
bool scsi_lun_decode(uint64_t lun, uint32_t *number); /* single level peripheral or flat; false otherwise */
/* The other form that a target may have a number in: flat below 256, and above it what SAM-5 takes for a bus
 * and a unit on it, which is how Linux's target counts on. */
uint64_t scsi_lun_encode_other(uint32_t number);
bool scsi_lun_decode_any(uint64_t lun, uint32_t *number);      /* either form */
uint32_t scsi_get_luns_count(const uint8_t *data, size_t len); /* entries that are really there */
uint64_t scsi_get_lun(const uint8_t *data, uint32_t i);
size_t scsi_put_luns(uint8_t *out, size_t size, const uint64_t *luns, uint32_t count);

#endif
