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

enum key_type {
    KEY_LIST,
    KEY_BOOL_AND,
    KEY_BOOL_OR,
    KEY_NUMBER_MIN,
    KEY_NUMBER_MAX,
    KEY_DECLARED_NUMBER,
    KEY_DECLARED_TEXT,
    KEY_AUTH,
    KEY_OBSOLETE,
    KEY_DECLARED_CHOICE, /* SessionType: one of its choices, declared */
};
enum key_transport { KEY_ANY_TRANSPORT, KEY_TCP_ONLY }; /* iSER replaces the TCP-only ones (RFC 7145 6) */

/* When and by whom a key may be sent: bits. */
enum key_where {
    KEY_SECURITY = 1,     /* security negotiation stage */
    KEY_OPERATIONAL = 2,  /* operational negotiation stage */
    KEY_FULL_FEATURE = 4, /* Text Request in full feature phase */
    KEY_LEADING = 8,      /* leading connection only */
    KEY_BY_INITIATOR = 16,
    KEY_BY_TARGET = 32,
    KEY_SESSION_SCOPE = 64,  /* clear: connection scope */
    KEY_NOT_DISCOVERY = 128, /* Irrelevant in a discovery session */
};

struct key_row {
    const char *name;
    const char *section;        /* RFC 7143, unless it names another */
    uint8_t type;               /* enum key_type */
    uint8_t transport;          /* enum key_transport */
    uint8_t where;              /* enum key_where bits */
    uint32_t min, max;          /* numbers; booleans 0 and 1; choices: the last one */
    uint32_t initial;           /* in force by default */
    const char *const *choices; /* lists: NULL-terminated; a choice is its index here */
};

extern const struct key_row key_rows[KEY_COUNT];

/* The answers that stand for no value (6.2); nobody may propose them. */
enum constant { CONSTANT_NONE, CONSTANT_REJECT, CONSTANT_IRRELEVANT, CONSTANT_NOT_UNDERSTOOD };
enum constant constant_of(struct span value);

enum wire_key key_find(struct span name); /* KEY_UNKNOWN if there is no such row */

/* Choices of the list keys, in the order of their rows. */
enum { DIGEST_NONE, DIGEST_CRC32C };
enum { AUTH_NONE, AUTH_CHAP };
enum { SESSION_NORMAL, SESSION_DISCOVERY };
enum { REPORT_RFC3720, REPORT_RESPONSE_FENCE, REPORT_FAST_ABORT };

/* A preference list of choices packed in 32 bits, four bits each, first choice lowest, 0xf ends it. */
#define CHOICES1(a)       (0xfffffff0u | (uint32_t)(a))
#define CHOICES2(a, b)    (0xffffff00u | (uint32_t)(b) << 4 | (uint32_t)(a))
#define CHOICES3(a, b, c) (0xfffff000u | (uint32_t)(c) << 8 | (uint32_t)(b) << 4 | (uint32_t)(a))

enum wire_role { ROLE_INITIATOR, ROLE_TARGET };

/* Largest data segment of a login PDU, whatever has been declared (13.12 counts from full feature phase on).
 */
#define LOGIN_SEGMENT_MAX 8192u

/* One side's view of the negotiations of one connection. For numbers and booleans `mine` is what we want; for
 * lists it is a CHOICES preference, for SessionType the choice.
 *
 * A declared number has two values, one per direction: of MaxRecvDataSegmentLength, `theirs` limits what we
 * send and `mine` what we receive; `agreed` of such a row keeps the default and means nothing.
 *
 * It is a plain value: a negotiation in full feature phase that may fail (7.12) is run on a copy, which
 * replaces the original once it has succeeded. */
struct negotiation {
    uint8_t role;      /* enum wire_role */
    uint8_t transport; /* enum key_transport: rows of another transport are neither offered nor accepted */
    bool leading;      /* leading connection */
    bool discovery;    /* set by SessionType=Discovery, wanted here or declared by the peer */
    uint16_t pairs;    /* counted against TEXT_PAIRS_MAX; the caller clears it when a text exchange begins */
    uint32_t mine[KEY_COUNT];
    uint32_t theirs[KEY_COUNT]; /* what the peer offered, declared or answered; lists: CHOICES we know */
    uint32_t agreed[KEY_COUNT]; /* in force: the default until agreed; lists and SessionType: a choice */
    uint64_t sent;              /* bit per key: we offered, declared or answered it */
    uint64_t received;          /* bit per key: the peer sent it */
    uint64_t open;              /* bit per key: offered by us, not answered yet */
    uint64_t wanted;            /* bit per key: we want to offer it */
};

enum negotiation_result {
    NEGOTIATION_OK = 0,
    NEGOTIATION_BAD = -1,     /* rule broken: illegal value, repeated key, wrong stage or side */
    NEGOTIATION_REFUSED = -2, /* no agreement on a key whose default we cannot live with */
    NEGOTIATION_FULL = -3,    /* too many pairs, or the answer does not fit */
};

/* Sets defaults: agreed, mine and theirs = initial values, nothing wanted; a leading connection over TCP of a
 * normal session. */
void negotiation_init(struct negotiation *n, enum wire_role role);

/* Sets what we want for a key, to be offered (or declared) by the next negotiation_offer() whose stage allows
 * it. Numbers are clamped to the row's range. A key of which we only say what we would answer needs `mine`
 * alone. */
void negotiation_want(struct negotiation *n, enum wire_key key, uint32_t mine);

/* Writes every wanted key that we may send at `where` (KEY_SECURITY, KEY_OPERATIONAL or KEY_FULL_FEATURE) and
 * that has not been sent yet in this login. Keys that do not fit stay wanted, and w->ok tells. An offered
 * boolean that settles the result by itself (No to AND, Yes to OR; 6.2.2) is in force at once. */
void negotiation_offer(struct negotiation *n, uint8_t where, struct writer *w);

/* Takes one pair from the peer: the answer to our offer, an offer (whose answer goes to `w`), a declaration
 * or an unknown key (answered NotUnderstood). Keys of type KEY_DECLARED_TEXT and KEY_AUTH are only checked
 * for stage, side and repetition: their value is the caller's. A key in force is changed only by OK.
 * `*offender` names the key of this pair.
 *
 * Reject and NotUnderstood as an answer leave the default in force, and are REFUSED where our own offer rules
 * the default out (a list without it, say), as is a list's default that was not offered; so is an offer that
 * we had to answer with Reject ourselves. Irrelevant is taken as OK for all but lists. In full feature phase
 * a key may come again, for that is another negotiation. */
int negotiation_take(struct negotiation *n, uint8_t where, struct span key, struct span value,
                     struct writer *w, enum wire_key *offender);

/* After the last round: cross-key rules (FirstBurstLength <= MaxBurstLength, 13.14, if the former was
 * negotiated and matters; MaxOutstandingR2T = 1, 13.19). Open offers without answer are BAD, but for those
 * that need none: booleans that settled themselves, and the two keys younger than RFC 3720. */
int negotiation_check(const struct negotiation *n, enum wire_key *offender);

/* The result functions by themselves, for tests and for the target: what two offers yield. For lists `a` is
 * the proposer's preference and `b` the responder's. Returns UINT32_MAX when there is no common choice. */
uint32_t key_result(enum wire_key key, uint32_t a, uint32_t b);

/* Value as text ("Yes", "CRC32C", "262144") into `out`; "" if it does not fit in `size` with its NUL or the
 * key has no such value. */
void key_value_text(enum wire_key key, uint32_t value, char *out, size_t size);

/* The reverse, for one value (a choice, not a list): false unless it is well-formed and in the row's range.
 */
bool key_value_read(enum wire_key key, struct span text, uint32_t *value);

/* A list of choices as text to CHOICES: choices unknown to us are left out, of repeated ones the first
 * counts. */
uint32_t key_choices_read(enum wire_key key, struct span text);

/* CHOICES as text: "CRC32C,None". */
void key_choices_text(enum wire_key key, uint32_t choices, char *out, size_t size);

/* Has the preference list this choice? */
bool choices_have(uint32_t choices, uint32_t choice);

#endif
