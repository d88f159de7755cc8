/* SPDX-License-Identifier: MIT */
/* The negotiation keys of RFC 7143 section 13 and their result functions, as one table, and the machine that
 * runs a negotiation over it for either role. */
#ifndef WIRE_KEYS_H
#define WIRE_KEYS_H

#include "wire/text.h"

enum wire_key {
    KEY_HEADER_DIGEST,
    KEY_DATA_DIGEST,
    KEY_AUTH_METHOD,
    KEY_SESSION_TYPE,
    KEY_MAX_CONNECTIONS,
    KEY_INITIAL_R2T,
    KEY_IMMEDIATE_DATA,
    KEY_MAX_RECV_DATA_SEGMENT_LENGTH,
    KEY_MAX_BURST_LENGTH,
    KEY_FIRST_BURST_LENGTH,
    KEY_DEFAULT_TIME2WAIT,
    KEY_DEFAULT_TIME2RETAIN,
    KEY_MAX_OUTSTANDING_R2T,
    KEY_DATA_PDU_IN_ORDER,
    KEY_DATA_SEQUENCE_IN_ORDER,
    KEY_ERROR_RECOVERY_LEVEL,
    KEY_TASK_REPORTING,
    KEY_PROTOCOL_LEVEL,
    /* declared strings: no number, kept by whoever asks for them */
    KEY_INITIATOR_NAME,
    KEY_INITIATOR_ALIAS,
    KEY_TARGET_NAME,
    KEY_TARGET_ALIAS,
    KEY_TARGET_ADDRESS,
    KEY_TARGET_PORTAL_GROUP_TAG,
    KEY_SEND_TARGETS,
    /* CHAP: the authentication stage's own keys, 12.1.3 */
    KEY_CHAP_A,
    KEY_CHAP_I,
    KEY_CHAP_C,
    KEY_CHAP_N,
    KEY_CHAP_R,
    /* obsolete, 13.25: answered with Reject or No, never NotUnderstood */
    KEY_IF_MARKER,
    KEY_OF_MARKER,
    KEY_IF_MARK_INT,
    KEY_OF_MARK_INT,
    KEY_COUNT,
    KEY_UNKNOWN = KEY_COUNT,
};

enum key_type { KEY_LIST, KEY_BOOL_AND, KEY_BOOL_OR, KEY_NUMBER_MIN, KEY_NUMBER_MAX, KEY_DECLARED_NUMBER,
                KEY_DECLARED_TEXT, KEY_AUTH, KEY_OBSOLETE };
enum key_transport { KEY_ANY_TRANSPORT, KEY_TCP_ONLY }; /* iSER replaces the TCP-only ones (RFC 7145 6) */

/* When and by whom a key may be sent: bits. */
enum key_where {
    KEY_SECURITY = 1,      /* security negotiation stage */
    KEY_OPERATIONAL = 2,   /* operational negotiation stage */
    KEY_FULL_FEATURE = 4,  /* Text Request in full feature phase */
    KEY_LEADING = 8,       /* leading connection only */
    KEY_BY_INITIATOR = 16,
    KEY_BY_TARGET = 32,
    KEY_SESSION_SCOPE = 64, /* clear: connection scope */
    KEY_NOT_DISCOVERY = 128, /* Irrelevant in a discovery session */
};

struct key_row {
    const char *name;
    const char *section; /* RFC 7143 */
    uint8_t type;        /* enum key_type */
    uint8_t transport;   /* enum key_transport */
    uint8_t where;       /* enum key_where bits */
    uint32_t min, max, initial; /* numbers and booleans; for lists `initial` is the choice in force by default */
    const char *const *choices; /* lists: NULL-terminated; a choice is its index here */
};

extern const struct key_row key_rows[KEY_COUNT];

enum wire_key key_find(struct span name); /* KEY_UNKNOWN if there is no such row */

/* Choices of the list keys, in the order of their rows. */
enum { DIGEST_NONE, DIGEST_CRC32C };
enum { AUTH_NONE, AUTH_CHAP };
enum { SESSION_NORMAL, SESSION_DISCOVERY };
enum { REPORT_RFC3720, REPORT_RESPONSE_FENCE, REPORT_FAST_ABORT };

/* A preference list of choices packed in 32 bits, four bits each, first choice lowest, 0xf ends it. */
#define CHOICES1(a)    (0xfffffff0u | (uint32_t)(a))
#define CHOICES2(a, b) (0xffffff00u | (uint32_t)(b) << 4 | (uint32_t)(a))

enum wire_role { ROLE_INITIATOR, ROLE_TARGET };

/* One side's view of one negotiation. For numbers and booleans `mine` is what we want; for lists it is a
 * CHOICES preference. */
struct negotiation {
    uint8_t role;      /* enum wire_role */
    uint8_t transport; /* enum key_transport: rows of another transport are neither offered nor accepted */
    bool leading;      /* leading connection */
    bool discovery;
    uint16_t pairs;                 /* counted against TEXT_PAIRS_MAX */
    uint32_t mine[KEY_COUNT];
    uint32_t theirs[KEY_COUNT];     /* what the peer offered, declared or answered */
    uint32_t agreed[KEY_COUNT];     /* in force: the default until agreed; lists: a choice */
    uint64_t sent;     /* bit per key: we offered, declared or answered it */
    uint64_t received; /* bit per key: the peer sent it */
    uint64_t open;     /* bit per key: offered by us, not answered yet */
    uint64_t wanted;   /* bit per key: we want to offer it */
};

enum negotiation_result {
    NEGOTIATION_OK = 0,
    NEGOTIATION_BAD = -1,    /* rule broken: illegal value, repeated key, wrong stage or side */
    NEGOTIATION_REFUSED = -2, /* the peer answered Reject to a key that we cannot do without */
    NEGOTIATION_FULL = -3,   /* too many pairs, or the answer does not fit */
};

/* Sets defaults: agreed = initial values, mine = initial values, nothing wanted. */
void negotiation_init(struct negotiation *n, enum wire_role role);

/* Sets what we want for a key, to be offered (or declared) by the next negotiation_offer(). */
void negotiation_want(struct negotiation *n, enum wire_key key, uint32_t mine);

/* Writes every wanted key that may be sent at `where` (KEY_SECURITY, KEY_OPERATIONAL or KEY_FULL_FEATURE) and
 * has not been sent yet. */
void negotiation_offer(struct negotiation *n, uint8_t where, struct writer *w);

/* Takes one pair from the peer: the answer to our offer, an offer (whose answer goes to `w`), a declaration or
 * an unknown key (answered NotUnderstood). Keys of type KEY_DECLARED_TEXT and KEY_AUTH are only checked for
 * stage, side and repetition: their value is the caller's. A key in force is changed only by OK. On BAD or
 * REFUSED `*offender` names the key. */
int negotiation_take(struct negotiation *n, uint8_t where, struct span key, struct span value, struct writer *w,
                     enum wire_key *offender);

/* After the last round: cross-key rules (FirstBurstLength <= MaxBurstLength 13.14; MaxOutstandingR2T 13.17).
 * Open offers without answer are BAD. */
int negotiation_check(const struct negotiation *n, enum wire_key *offender);

/* The result functions by themselves, for tests and for the target: what two offers yield. For lists `a` is
 * the proposer's preference and `b` the responder's. Returns UINT32_MAX when there is no common choice. */
uint32_t key_result(enum wire_key key, uint32_t a, uint32_t b);

/* Value as text ("Yes", "CRC32C", "262144") into `out`; never more than `size` with NUL. */
void key_value_text(enum wire_key key, uint32_t value, char *out, size_t size);

#endif
