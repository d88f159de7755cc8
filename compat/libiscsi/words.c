/* SPDX-License-Identifier: MIT */
/* Codes in words: those that the header gives them. */
#include <stddef.h>
#include "parts.h"

struct word {
    int code;
    const char *text;
};

static const char *find(const struct word *words, size_t count, int code, const char *none)
{
    for (size_t i = 0; i < count; i++)
        if (words[i].code == code)
            return words[i].text;
    return none;
}

#define FIND(words, code, none) find(words, sizeof(words) / sizeof((words)[0]), (int)(code), none)
#define UNKNOWN                 "unknown"

/* --- devices --- */

#define TYPE(name)                                                                                           \
    {                                                                                                        \
        SCSI_INQUIRY_PERIPHERAL_DEVICE_TYPE_##name, #name                                                    \
    }
static const struct word device_types[] = {
    TYPE(DIRECT_ACCESS),
    TYPE(SEQUENTIAL_ACCESS),
    TYPE(PRINTER),
    TYPE(PROCESSOR),
    TYPE(WRITE_ONCE),
    TYPE(MMC),
    TYPE(SCANNER),
    TYPE(OPTICAL_MEMORY),
    TYPE(MEDIA_CHANGER),
    TYPE(COMMUNICATIONS),
    TYPE(STORAGE_ARRAY_CONTROLLER),
    TYPE(ENCLOSURE_SERVICES),
    TYPE(SIMPLIFIED_DIRECT_ACCESS),
    TYPE(OPTICAL_CARD_READER),
    TYPE(BRIDGE_CONTROLLER),
    TYPE(OSD),
    TYPE(AUTOMATION),
    TYPE(SEQURITY_MANAGER),
    TYPE(WELL_KNOWN_LUN),
    TYPE(UNKNOWN),
};

API const char *scsi_devtype_to_str(enum scsi_inquiry_peripheral_device_type type)
{
    return FIND(device_types, type, UNKNOWN);
}

#define QUALIFIER(name)                                                                                      \
    {                                                                                                        \
        SCSI_INQUIRY_PERIPHERAL_QUALIFIER_##name, #name                                                      \
    }
static const struct word qualifiers[] = {
    QUALIFIER(CONNECTED),
    QUALIFIER(DISCONNECTED),
    QUALIFIER(NOT_SUPPORTED),
};

API const char *scsi_devqualifier_to_str(enum scsi_inquiry_peripheral_qualifier qualifier)
{
    return FIND(qualifiers, qualifier, UNKNOWN);
}

static const struct word versions[] = {
    {SCSI_VERSION_SPC, "ANSI INCITS 301-1997 (SPC)"},
    {SCSI_VERSION_SPC2, "ANSI INCITS 351-2001 (SPC-2)"},
    {SCSI_VERSION_SPC3, "ANSI INCITS 408-2005 (SPC-3)"},
};

API const char *scsi_version_to_str(enum scsi_version version)
{
    return FIND(versions, version, UNKNOWN);
}

static const struct word version_descriptors[] = {
    {SCSI_VERSION_DESCRIPTOR_ISCSI, "iSCSI"},
    {SCSI_VERSION_DESCRIPTOR_SBC, "SBC"},
    {SCSI_VERSION_DESCRIPTOR_SBC_ANSI_INCITS_306_1998, "SBC ANSI INCITS 306-1998"},
    {SCSI_VERSION_DESCRIPTOR_SBC_T10_0996_D_R08C, "SBC T10/0996-D revision 08c"},
    {SCSI_VERSION_DESCRIPTOR_SBC_2, "SBC-2"},
    {SCSI_VERSION_DESCRIPTOR_SBC_2_ISO_IEC_14776_322, "SBC-2 ISO/IEC 14776-322"},
    {SCSI_VERSION_DESCRIPTOR_SBC_2_ANSI_INCITS_405_2005, "SBC-2 ANSI INCITS 405-2005"},
    {SCSI_VERSION_DESCRIPTOR_SBC_2_T10_1417_D_R16, "SBC-2 T10/1417-D revision 16"},
    {SCSI_VERSION_DESCRIPTOR_SBC_2_T10_1417_D_R5A, "SBC-2 T10/1417-D revision 5A"},
    {SCSI_VERSION_DESCRIPTOR_SBC_2_T10_1417_D_R15, "SBC-2 T10/1417-D revision 15"},
    {SCSI_VERSION_DESCRIPTOR_SBC_3, "SBC-3"},
    {SCSI_VERSION_DESCRIPTOR_SPC, "SPC"},
    {SCSI_VERSION_DESCRIPTOR_SPC_ANSI_INCITS_301_1997, "SPC ANSI INCITS 301-1997"},
    {SCSI_VERSION_DESCRIPTOR_SPC_T10_0995_D_R11A, "SPC T10/0995-D revision 11a"},
    {SCSI_VERSION_DESCRIPTOR_SPC_2, "SPC-2"},
    {SCSI_VERSION_DESCRIPTOR_SPC_2_ISO_IEC_14776_452, "SPC-2 ISO/IEC 14776-452"},
    {SCSI_VERSION_DESCRIPTOR_SPC_2_ANSI_INCITS_351_2001, "SPC-2 ANSI INCITS 351-2001"},
    {SCSI_VERSION_DESCRIPTOR_SPC_2_T10_1236_D_R20, "SPC-2 T10/1236-D revision 20"},
    {SCSI_VERSION_DESCRIPTOR_SPC_2_T10_1236_D_R12, "SPC-2 T10/1236-D revision 12"},
    {SCSI_VERSION_DESCRIPTOR_SPC_2_T10_1236_D_R18, "SPC-2 T10/1236-D revision 18"},
    {SCSI_VERSION_DESCRIPTOR_SPC_2_T10_1236_D_R19, "SPC-2 T10/1236-D revision 19"},
    {SCSI_VERSION_DESCRIPTOR_SPC_3, "SPC-3"},
    {SCSI_VERSION_DESCRIPTOR_SPC_3_ISO_IEC_14776_453, "SPC-3 ISO/IEC 14776-453"},
    {SCSI_VERSION_DESCRIPTOR_SPC_3_ANSI_INCITS_408_2005, "SPC-3 ANSI INCITS 408-2005"},
    {SCSI_VERSION_DESCRIPTOR_SPC_3_T10_1416_D_R7, "SPC-3 T10/1416-D revision 7"},
    {SCSI_VERSION_DESCRIPTOR_SPC_3_T10_1416_D_R21, "SPC-3 T10/1416-D revision 21"},
    {SCSI_VERSION_DESCRIPTOR_SPC_3_T10_1416_D_R22, "SPC-3 T10/1416-D revision 22"},
    {SCSI_VERSION_DESCRIPTOR_SPC_3_T10_1416_D_R23, "SPC-3 T10/1416-D revision 23"},
    {SCSI_VERSION_DESCRIPTOR_SPC_4, "SPC-4"},
    {SCSI_VERSION_DESCRIPTOR_SPC_4_T10_1731_D_R16, "SPC-4 T10/1731-D revision 16"},
    {SCSI_VERSION_DESCRIPTOR_SPC_4_T10_1731_D_R18, "SPC-4 T10/1731-D revision 18"},
    {SCSI_VERSION_DESCRIPTOR_SPC_4_T10_1731_D_R23, "SPC-4 T10/1731-D revision 23"},
    {SCSI_VERSION_DESCRIPTOR_SSC, "SSC"},
    {SCSI_VERSION_DESCRIPTOR_UAS_T10_2095D_R04, "UAS T10/2095-D revision 04"},
};

API const char *scsi_version_descriptor_to_str(enum scsi_version_descriptor version_descriptor)
{
    return FIND(version_descriptors, version_descriptor, UNKNOWN);
}

/* --- identities --- */

#define PAGE(name)                                                                                           \
    {                                                                                                        \
        SCSI_INQUIRY_PAGECODE_##name, #name                                                                  \
    }
static const struct word pages[] = {
    PAGE(SUPPORTED_VPD_PAGES), PAGE(UNIT_SERIAL_NUMBER),           PAGE(DEVICE_IDENTIFICATION),
    PAGE(BLOCK_LIMITS),        PAGE(BLOCK_DEVICE_CHARACTERISTICS), PAGE(LOGICAL_BLOCK_PROVISIONING),
};

API const char *scsi_inquiry_pagecode_to_str(int pagecode)
{
    return FIND(pages, pagecode, UNKNOWN);
}

#define PROTOCOL(name)                                                                                       \
    {                                                                                                        \
        SCSI_PROTOCOL_IDENTIFIER_##name, #name                                                               \
    }
static const struct word protocols[] = {
    PROTOCOL(FIBRE_CHANNEL), PROTOCOL(PARALLEL_SCSI), PROTOCOL(SSA), PROTOCOL(IEEE_1394), PROTOCOL(RDMA),
    PROTOCOL(ISCSI),         PROTOCOL(SAS),           PROTOCOL(ADT), PROTOCOL(ATA),
};

API const char *scsi_protocol_identifier_to_str(int identifier)
{
    return FIND(protocols, identifier, UNKNOWN);
}

#define CODESET(name)                                                                                        \
    {                                                                                                        \
        SCSI_CODESET_##name, #name                                                                           \
    }
static const struct word codesets[] = {CODESET(BINARY), CODESET(ASCII), CODESET(UTF8)};

API const char *scsi_codeset_to_str(int codeset)
{
    return FIND(codesets, codeset, UNKNOWN);
}

#define ASSOCIATION(name)                                                                                    \
    {                                                                                                        \
        SCSI_ASSOCIATION_##name, #name                                                                       \
    }
static const struct word associations[] = {
    ASSOCIATION(LOGICAL_UNIT),
    ASSOCIATION(TARGET_PORT),
    ASSOCIATION(TARGET_DEVICE),
};

API const char *scsi_association_to_str(int association)
{
    return FIND(associations, association, UNKNOWN);
}

#define DESIGNATOR(name)                                                                                     \
    {                                                                                                        \
        SCSI_DESIGNATOR_TYPE_##name, #name                                                                   \
    }
static const struct word designators[] = {
    DESIGNATOR(VENDOR_SPECIFIC),
    DESIGNATOR(T10_VENDORT_ID),
    DESIGNATOR(EUI_64),
    DESIGNATOR(NAA),
    DESIGNATOR(RELATIVE_TARGET_PORT),
    DESIGNATOR(TARGET_PORT_GROUP),
    DESIGNATOR(LOGICAL_UNIT_GROUP),
    DESIGNATOR(MD5_LOGICAL_UNIT_IDENTIFIER),
    DESIGNATOR(SCSI_NAME_STRING),
};

API const char *scsi_designator_type_to_str(int association)
{
    return FIND(designators, association, UNKNOWN);
}

static const struct word reservations[] = {
    {SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE, "Write Exclusive"},
    {SCSI_PERSISTENT_RESERVE_TYPE_EXCLUSIVE_ACCESS, "Exclusive Access"},
    {SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY, "Write Exclusive, Registrants Only"},
    {SCSI_PERSISTENT_RESERVE_TYPE_EXCLUSIVE_ACCESS_REGISTRANTS_ONLY, "Exclusive Access, Registrants Only"},
    {SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE_ALL_REGISTRANTS, "Write Exclusive, All Registrants"},
    {SCSI_PERSISTENT_RESERVE_TYPE_EXCLUSIVE_ACCESS_ALL_REGISTRANTS, "Exclusive Access, All Registrants"},
};

API const char *scsi_pr_type_str(enum scsi_persistent_out_type pr_type)
{
    return FIND(reservations, pr_type, NULL);
}

/* --- sense --- */

#define KEY(name)                                                                                            \
    {                                                                                                        \
        SCSI_SENSE_##name, #name                                                                             \
    }
static const struct word keys[] = {
    KEY(NO_SENSE),
    KEY(RECOVERED_ERROR),
    KEY(NOT_READY),
    KEY(MEDIUM_ERROR),
    KEY(HARDWARE_ERROR),
    KEY(ILLEGAL_REQUEST),
    KEY(UNIT_ATTENTION),
    KEY(DATA_PROTECTION),
    KEY(BLANK_CHECK),
    KEY(VENDOR_SPECIFIC),
    KEY(COPY_ABORTED),
    KEY(COMMAND_ABORTED),
    KEY(OBSOLETE_ERROR_CODE),
    KEY(OVERFLOW_COMMAND),
    KEY(MISCOMPARE),
};

API const char *scsi_sense_key_str(int key)
{
    return FIND(keys, key, NULL);
}

#define CODE(name)                                                                                           \
    {                                                                                                        \
        SCSI_SENSE_ASCQ_##name, #name                                                                        \
    }
static const struct word codes[] = {
    CODE(NO_ADDL_SENSE),
    CODE(SANITIZE_IN_PROGRESS),
    CODE(UNREACHABLE_COPY_TARGET),
    CODE(COPY_TARGET_DEVICE_NOT_REACHABLE),
    CODE(WRITE_AFTER_SANITIZE_REQUIRED),
    CODE(PARAMETER_LIST_LENGTH_ERROR),
    CODE(MISCOMPARE_DURING_VERIFY),
    CODE(MISCOMPARE_VERIFY_OF_UNMAPPED_LBA),
    CODE(INVALID_OPERATION_CODE),
    CODE(LBA_OUT_OF_RANGE),
    CODE(INVALID_FIELD_IN_CDB),
    CODE(LOGICAL_UNIT_NOT_SUPPORTED),
    CODE(INVALID_FIELD_IN_PARAMETER_LIST),
    CODE(TOO_MANY_TARGET_DESCRIPTORS),
    CODE(UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE),
    CODE(TOO_MANY_SEGMENT_DESCRIPTORS),
    CODE(UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE),
    CODE(WRITE_PROTECTED),
    CODE(HARDWARE_WRITE_PROTECTED),
    CODE(SOFTWARE_WRITE_PROTECTED),
    CODE(BUS_RESET),
    CODE(POWER_ON_OCCURED),
    CODE(SCSI_BUS_RESET_OCCURED),
    CODE(BUS_DEVICE_RESET_FUNCTION_OCCURED),
    CODE(DEVICE_INTERNAL_RESET),
    CODE(TRANSCEIVER_MODE_CHANGED_TO_SINGLE_ENDED),
    CODE(TRANSCEIVER_MODE_CHANGED_TO_LVD),
    CODE(NEXUS_LOSS),
    CODE(MODE_PARAMETERS_CHANGED),
    CODE(CAPACITY_DATA_HAS_CHANGED),
    CODE(THIN_PROVISION_SOFT_THRES_REACHED),
    CODE(MEDIUM_NOT_PRESENT),
    CODE(MEDIUM_NOT_PRESENT_TRAY_CLOSED),
    CODE(MEDIUM_NOT_PRESENT_TRAY_OPEN),
    CODE(INQUIRY_DATA_HAS_CHANGED),
    CODE(INTERNAL_TARGET_FAILURE),
    CODE(MEDIUM_LOAD_OR_EJECT_FAILED),
    CODE(MEDIUM_REMOVAL_PREVENTED),
    CODE(INVALID_FIELD_IN_INFORMATION_UNIT),
};

API const char *scsi_sense_ascq_str(int ascq)
{
    return FIND(codes, ascq, NULL);
}
