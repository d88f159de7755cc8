/* SPDX-License-Identifier: MIT */
/**
 * @file berth.h
 * libberth: a LUN of an iSCSI target as a block device in user space.
 *
 * Open a LUN by its URL; read and write it with the blocking calls, or submit and reap I/Os in arrays.
 *
 * Threads: there are two ways to open a LUN.
 *  - As it is: a LUN and its queues belong to one thread at a time (different LUNs may be used by different
 *    threads at once). All work happens inside the calls below, on the caller's thread, except that a thread
 * of the library asks for host names, because the system's resolver blocks. A LUN that is not called for
 * longer than the target's patience (its NOP interval) may lose its session; the next call brings it back.
 *  - With options.reactors: all work happens on these threads of the library, whether anybody calls or not.
 * Each thread may have queues of its own, which belong to it; the blocking calls may be used by all at once.
 * The library installs no signal handler, reads no environment, prints nothing and never exits.
 */
#ifndef BERTH_BERTH_H
#define BERTH_BERTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <berth/error.h>
#include <berth/seg.h>
#include <berth/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A target's logical unit, logged in. */
struct berth_lun;
/** A place to submit I/Os to one LUN and to reap them. */
struct berth_queue;
/** Threads of the library that sessions can be placed on. */
struct berth_reactors;

/** What happened, in words: for messages. Filled by the calls that take one when they fail. */
struct berth_detail {
    int error;      /**< enum berth_error */
    char text[512]; /**< one clause, no capital, no full stop: "192.0.2.1:3260: connection refused" */
};

/** Digest policy of one kind (RFC 7143 13.1). */
enum berth_digest {
    BERTH_DIGEST_NONE = 0,   /**< offer None only */
    BERTH_DIGEST_CRC32C = 1, /**< demand CRC32C: the login fails if the target will not */
};

/** What options.notice is told of. More may come: pass over those that you do not know. */
enum berth_notice_kind {
    BERTH_NOTICE_LOST,   /**< the session is lost and being sought; @c error tells why */
    BERTH_NOTICE_BACK,   /**< it is back, the LUN is the same, and I/Os go on */
    BERTH_NOTICE_SIZE,   /**< the LUN has grown or shrunk, to @c size_bytes */
    BERTH_NOTICE_GONE,   /**< the LUN is gone (BERTH_E_NO_LUN), or another is in its place
                            (BERTH_E_CHANGED): I/Os end with this @c error from now on */
    BERTH_NOTICE_WRITES, /**< the LUN failed to keep what it had acknowledged; the next flush fails, too */
    BERTH_NOTICE_SPACE,  /**< the store behind a thin LUN is nearly full */
    BERTH_NOTICE_RIGHTS, /**< reservations or registrations of ours may have been taken away */
    BERTH_NOTICE_GROUP,  /**< the session came back through another portal group, as a new nexus */
    BERTH_NOTICE_ENGINE, /**< its engine could not go on, and another carries the session: nothing is lost */
    BERTH_NOTICE_AWAY, /**< of a LUN that is being opened, see options.open_timeout_ms: an attempt has failed,
                          and there will be others; @c error tells why. Only told when that has changed */
    BERTH_NOTICE_FAILED, /**< the session was given up: all I/Os end with this @c error from now on */
};

/** Something that nobody asked for. */
struct berth_notice {
    uint32_t kind;       /**< enum berth_notice_kind */
    int error;           /**< enum berth_error that I/Os would have for it; 0: none */
    const char *text;    /**< one clause, as in struct berth_detail; never NULL, valid during the call */
    uint64_t size_bytes; /**< with BERTH_NOTICE_SIZE */
};

/** How calls wait for the target. */
enum berth_wait {
    BERTH_WAIT_AS_PAYS, /**< look for some microseconds before sleeping, as long as answers come that soon and
                             little is to come */
    BERTH_WAIT_SLEEP,   /**< sleep at once: the fewest system calls, and the most time to be woken up */
    BERTH_WAIT_POLL,    /**< never sleep: the shortest latency, and all of a processor. A signal does not end
                             such a wait */
};

/** How to open. Set defaults with berth_options_init(), then change what you need. Strings and secrets are
 * copied by berth_lun_open() and berth_discover(); the copies of secrets are wiped when they are no longer
 * needed. */
struct berth_options {
    uint32_t size;              /**< sizeof(struct berth_options): set by berth_options_init() */
    const char *initiator_name; /**< our iSCSI name; NULL: one made from the host (see libberth(3)) */
    /** Our part of a session's identity (ISID): 12 hexadecimal digits, or "name" for one made from the
     * initiator name; NULL: a random one for each handle. Of two handles with the same one at one portal
     * group of a target, each ends the other's session. Discovery has a random one always. */
    const char *isid;
    uint16_t isid_offset;      /**< added to the ISID's last two bytes, to tell handles apart; default 0 */
    const char *user;          /**< CHAP name; NULL: no authentication. Overrides the URL's user */
    const void *secret;        /**< CHAP secret, 12..255 bytes */
    size_t secret_len;         /**< bytes */
    const char *mutual_user;   /**< name the target must prove; NULL: it need not */
    const void *mutual_secret; /**< the target's secret, 12..255 bytes, different from @c secret */
    size_t mutual_secret_len;  /**< bytes */
    bool allow_weak_secret;    /**< accept secrets shorter than 96 bits (RFC 7143 9.2.1 advises against it) */
    /** CHAP hashes we may be asked for, the best first: "SHA3-256,SHA256,SHA1,MD5" or some of them. What is
     * left out is refused; NULL: all four, in an order that suits most targets. */
    const char *chap_algorithms;
    uint32_t chap_challenge_min_bytes; /**< shorter challenges are refused, 1..1024; default 16 */
    uint32_t header_digest;            /**< enum berth_digest */
    uint32_t data_digest;              /**< enum berth_digest */
    uint32_t connect_timeout_ms;       /**< for one attempt: name, addresses and login; default 10000 */
    uint32_t command_timeout_ms;       /**< deadline of one command on a live session; default 30000 */
    uint32_t abort_timeout_ms; /**< of each of the two steps by which a late command is ended; default 5000 */
    /** How long a lost session is sought before I/Os fail, or BERTH_FOR_EVER; default 120000. Meanwhile their
     * own deadlines stand still; and a target may have us wait all of it before the first attempt
     * (DefaultTime2Wait). */
    uint32_t recovery_timeout_ms;
    uint32_t ping_interval_ms; /**< silence after which the target is pinged, 0 never; default 5000 */
    uint32_t ping_timeout_ms;  /**< silence after a ping that means the connection is dead; default 5000 */
    uint32_t depth;            /**< commands in flight at once in each session, 1..1024; default 128 */
    /** Sessions to the LUN, 1..512, which together are one device; default 1. Each has an ISID of its own,
     * counted on from the first one's, and must reach the same device (VPD 83h or 80h). See libberth(3) for
     * which I/O takes which, and what cannot be had with several. */
    uint32_t sessions;
    struct berth_reactors *reactors; /**< whose threads do all work; NULL: the caller's does, in its calls */
    /** What to ask for in the negotiation (RFC 7143 13) instead of what the library would, as
     * "MaxBurstLength=65536": HeaderDigest, DataDigest, InitialR2T, ImmediateData, MaxConnections (1),
     * MaxRecvDataSegmentLength, MaxBurstLength, FirstBurstLength, MaxOutstandingR2T (1..7), DefaultTime2Wait,
     * DefaultTime2Retain. Of a key that is there twice the last counts. Read before the call returns. */
    const char *const *keys;
    uint32_t key_count;
    /** Where a target may send us (RFC 7143 11.13.5): "follow" or NULL, anywhere; "none", nowhere; or to the
     * hosts, addresses and networks of a list such as "san2.example,192.0.2.0/24". */
    const char *redirects;
    /** What moves the session's bytes: "sockets" or NULL; "io_uring", which needs Linux 6.1 and may be
     * forbidden; "auto": the second where it is to be had, else the first. */
    const char *engine;
    const char *bind_address; /**< local address to connect from; NULL: what the routes say */
    const char *bind_device;  /**< network device to connect through, whatever the routes say; NULL: any */
    uint16_t first_port;      /**< local ports to connect from, a range; 0: the system's */
    uint16_t last_port;       /**< see @c first_port */
    uint32_t mark;            /**< of our packets, for the host's filters and routing rules; 0 none */
    uint32_t priority;        /**< of our packets in the host's queues; 0 the default */
    uint32_t dscp;            /**< 0..63, of our packets (RFC 2474); default 0 */
    /** enum berth_wait; default BERTH_WAIT_AS_PAYS. It is not for @c reactors, which poll if they were made
     * to, and else wait as pays. */
    uint32_t wait;
    /** Opens whatever the LUN is, disk or not, ready or not, for BERTH_SCSI alone: its size is taken for 0.
     * The URL may also end after the target's name. Then no LUN is asked for anything, and each command is to
     * name its own. */
    bool commands_only;
    /** How long berth_lun_open() goes on trying to reach the portal and to log in, for each session, where
     * waiting may help; or BERTH_FOR_EVER. default 0: it gives up after the first attempt, but for a target
     * that says it cannot serve us now, which has connect_timeout_ms. With @c reactors other LUNs of theirs
     * are neither opened nor closed meanwhile. berth_discover() takes no notice of it. */
    uint32_t open_timeout_ms;
    /** Asked whenever a call has waited a while or was interrupted by a signal; true makes the call return
     * with BERTH_E_ABORTED as soon as it can. May be NULL. */
    bool (*cancelled)(void *arg);
    void *cancelled_arg; /**< handed to @c cancelled */
    /** Told what happens to the session and the LUN by itself, see struct berth_notice; may be NULL. Called
     * inside other calls, or with @c reactors on one of theirs, one notice of a LUN at a time; and must make
     * no call on this LUN but for its facts, counters and detail. */
    void (*notice)(void *arg, const struct berth_notice *notice);
    void *notice_arg; /**< handed to @c notice */
};

/** Sets every field to its default. Any thread. */
void berth_options_init(struct berth_options *options);

/** Where a session's value came from. */
struct berth_negotiated {
    const char *key; /**< RFC 7143 name: "MaxBurstLength" */
    char mine[40];   /**< what we offered; "" if we did not */
    char theirs[40]; /**< what the target offered or answered; "" if it did not */
    char agreed[24]; /**< what is in force */
};

/** Identity, size and limits of an open LUN. Strings stay valid until berth_lun_close(). */
struct berth_lun_info {
    uint64_t size_bytes;
    uint32_t block_bytes; /**< logical block: offsets and lengths are multiples of it */
    uint32_t physical_block_bytes;
    uint64_t max_transfer_bytes;     /**< of one command; longer I/Os are split by the library */
    uint64_t optimal_transfer_bytes; /**< 0 unknown */
    uint64_t max_trim_bytes;         /**< of one command; 0: the LUN cannot trim */
    uint32_t trim_granularity_bytes; /**< 0 unknown */
    uint64_t max_zero_bytes;         /**< of one WRITE SAME; 0: zeros are written as data */
    bool read_only, thin, trim_reads_zeros, write_cache, fua, rotational;
    const char *vendor, *product, *revision, *serial;
    const char *identity; /**< "naa.…", "eui.…" or "t10.…" (VPD page 83h); "" if the LUN has none */
    const char *target_name, *portal; /**< portal as "host:port" */
    const char *target_alias;         /**< "" if the target has none */
    int32_t portal_group;             /**< portal group tag, -1 if the target tells none */
    uint32_t lun;
    bool authenticated, mutual;                /**< CHAP was done; the target proved itself */
    bool header_digest, data_digest;           /**< in force */
    const struct berth_negotiated *negotiated; /**< @c negotiated_count rows */
    uint32_t negotiated_count;
    uint64_t reconnects; /**< sessions brought back since the LUN was opened */
    const char *engine;  /**< what moves the session's bytes now: "sockets", "io_uring" */
};

/**
 * Opens the LUN that @p url names: iscsi://[user@]host[:port]/target-name/lun (percent-decoded, IPv6 in
 * brackets). Resolves, connects, logs in and asks the LUN about itself; waits at most about
 * connect_timeout_ms plus a few command round trips.
 * @param out      receives the handle; NULL on failure. Close with berth_lun_close().
 * @param options  NULL for defaults.
 * @param detail   receives words on failure; may be NULL.
 * @return 0, or a session, connection, usage or system error.
 */
int berth_lun_open(struct berth_lun **out, const char *url, const struct berth_options *options,
                   struct berth_detail *detail);

/** Logs out (waiting at most a second or so) and frees everything. I/Os in flight end with BERTH_E_ABORTED
 * without being reaped. Queues of the LUN are freed with it, so no other thread may be in a call on it or on
 * them: berth_queue_wake() gets them out. NULL is allowed. After fork(2) the session stays the
 * parent's: the child may make no call but this one, and with reactors not even this one. There it says
 * nothing to the target, and gives back memory and descriptors, the queues' too. */
void berth_lun_close(struct berth_lun *lun);

/** Has another engine move the bytes of the session from now on, see options.engine; I/Os in flight go on.
 * A session that is lost, and being sought, will have it. Of several sessions all change. With reactors from
 * any thread.
 * @return 0, BERTH_E_ARGUMENT for a name there is none of, or a system error: berth_lun_detail() tells why it
 * is not to be had. */
int berth_lun_set_engine(struct berth_lun *lun, const char *engine);

/** In a policy's recovery_timeout_ms: a lost session is sought for ever, and I/Os wait for it. */
#define BERTH_FOR_EVER UINT32_MAX

/** What can be changed of an open LUN: the options of these names, with their meaning and range. */
struct berth_policy {
    uint32_t size;                /**< sizeof(struct berth_policy): set by the caller, before either call */
    uint32_t connect_timeout_ms;  /**< from the next attempt on */
    uint32_t command_timeout_ms;  /**< also of what is under way without a time of its own */
    uint32_t abort_timeout_ms;    /**< also of steps that have begun */
    uint32_t recovery_timeout_ms; /**< also of an outage that has begun; or BERTH_FOR_EVER */
    uint32_t ping_interval_ms;    /**< 0 never */
    uint32_t ping_timeout_ms;     /**< also of a ping that is out */
    uint32_t depth; /**< of each session, 1 to what it was opened with; what is in flight comes to its end */
};

/** What is in force. @return 0 or BERTH_E_ARGUMENT for a size that cannot be. */
int berth_lun_policy(const struct berth_lun *lun, struct berth_policy *policy);

/** Puts this in force when it returns, for all sessions, without logging out. I/Os whose time is over by the
 * new policy end in the next round of work. A session that was given up stays so. With reactors from any
 * thread, but not from options.notice.
 * @return 0, or BERTH_E_ARGUMENT: nothing has changed, and berth_lun_detail() has words. */
int berth_lun_set_policy(struct berth_lun *lun, const struct berth_policy *policy);

/** How a LUN, or one of its sessions, stands. */
enum berth_state {
    BERTH_STATE_UP,       /**< I/Os go */
    BERTH_STATE_CHECKING, /**< logged in, and the LUN is being asked who and how it is: I/Os wait */
    BERTH_STATE_SEEKING,  /**< the session is lost, and sought: I/Os wait */
    BERTH_STATE_GONE, /**< logged in, but the LUN is not there or does not say who it is: I/Os fail, and each
                         has it asked again */
    BERTH_STATE_FAILED, /**< given up for good: all I/Os fail */
};

/** Something that went wrong. */
struct berth_trouble {
    int error;      /**< enum berth_error; 0: nothing has since the LUN was opened */
    uint64_t at_ns; /**< when, CLOCK_MONOTONIC */
    char text[512]; /**< as in struct berth_detail */
};

/** How a LUN stands. Times are those of CLOCK_MONOTONIC, in ns. */
struct berth_status {
    uint32_t size;            /**< sizeof(struct berth_status): set by the caller, before the call */
    uint32_t state;           /**< enum berth_state; of several sessions that which keeps most from going */
    uint64_t now_ns;          /**< when it was so */
    uint64_t since_ns;        /**< since when it is so */
    uint64_t attempts;        /**< SEEKING: to reach the portal, of all sessions that are sought */
    uint64_t next_attempt_ns; /**< SEEKING: when the next one begins; 0: one is under way */
    uint64_t gives_up_ns;     /**< SEEKING: when the sessions are given up; 0: never */
    uint32_t in_flight;       /**< commands of I/Os that the target has */
    uint32_t waiting;         /**< I/Os, and commands of I/Os, that wait to be sent */
    uint32_t sessions, sessions_up; /**< of how many */
    struct berth_trouble trouble;   /**< the last one, also if it is over */
};

/** How one of a LUN's sessions stands, and its connection. */
struct berth_session {
    uint32_t size;  /**< sizeof(struct berth_session): set by the caller, before the call */
    uint32_t state; /**< enum berth_state. This and what follows: as in struct berth_status */
    uint64_t now_ns, since_ns, attempts, next_attempt_ns, gives_up_ns;
    uint32_t in_flight, waiting;
    uint64_t reconnects;         /**< times it was brought back */
    int32_t portal_group;        /**< of the target, where the session is or was last; -1 unknown */
    char engine[16];             /**< what moves its bytes, or will */
    char portal[272];            /**< "host:port", where it is or is sought */
    char local[80], remote[80];  /**< addresses of the connection, "192.0.2.1:3260"; "" there is none */
    uint32_t rtt_us, rtt_var_us; /**< of TCP, smoothed, and its variation; 0 unknown */
    uint32_t retransmits;        /**< segments that TCP has sent again on this connection */
    uint32_t unacked;            /**< segments that it has sent, and that are not acknowledged */
    struct berth_trouble trouble;
};

/** How it stands. Everything is copied. With reactors from any thread, but not from options.notice.
 * @return 0, or BERTH_E_ARGUMENT for a size that cannot be. */
int berth_lun_status(struct berth_lun *lun, struct berth_status *status);

/** The same of one of its sessions, 0 to status.sessions - 1.
 * @return 0, or BERTH_E_ARGUMENT for a size, or a number, that cannot be. */
int berth_lun_session(struct berth_lun *lun, uint32_t number, struct berth_session *session);

/** Asks the LUN anew who and how it is, as a unit attention of its own would have it asked, and waits for the
 * answers: at most command_timeout_ms, also while the session is sought. I/Os wait meanwhile, options.notice
 * is told of what has changed, and berth_lun_info() has it. With reactors from any thread, but not from
 * options.notice.
 * @return 0; BERTH_E_NO_LUN, BERTH_E_CHANGED, or what else the LUN was refused with; BERTH_E_TIMEOUT: the
 * answers are still to come; BERTH_E_ABORTED when options.cancelled said so; or what the session failed with.
 */
int berth_lun_refresh(struct berth_lun *lun);

/** Facts about @p lun, refreshed in place after reconnects; with several sessions or with reactors, by this
 * call alone, which one thread at a time may make. */
const struct berth_lun_info *berth_lun_info(struct berth_lun *lun);

/** Counters since the LUN was opened. */
struct berth_stats {
    uint64_t syscalls;           /**< made by the library for this LUN; with reactors: by theirs, for all */
    uint64_t rx_bytes, tx_bytes; /**< on the wire */
    uint64_t commands;           /**< SCSI commands completed, without those that look after the LUN */
    uint64_t retries;            /**< commands sent again after BUSY, unit attention or a lost session */
    uint64_t lost_writes; /**< times that the LUN failed to keep something it had acknowledged, or may have */
};
void berth_lun_stats(const struct berth_lun *lun, struct berth_stats *stats);

#define BERTH_OPS       7u  /**< kinds of I/Os, enum berth_op */
#define BERTH_LATENCIES 32u /**< classes of a latency */

/** What became of the I/Os of one kind. */
struct berth_op_counters {
    uint64_t count;  /**< that ended, well or not */
    uint64_t errors; /**< those that did not end well */
    uint64_t bytes;  /**< that the others were about, or of a command of the caller's own moved */
    /** How many of those that ended well took how long, from their first command to the last answer: [n] less
     * than 2^n microseconds and not less than half of that; the last one all that took longer. */
    uint64_t latency_us[BERTH_LATENCIES];
};

/** Why a session was lost. */
enum berth_loss {
    BERTH_LOSS_CONNECTION, /**< closed or reset by the peer or the network, without a word */
    BERTH_LOSS_SILENCE,    /**< a ping got no answer */
    BERTH_LOSS_COMMAND,    /**< begun anew because a command could not be ended otherwise */
    BERTH_LOSS_DIGEST,     /**< something arrived damaged */
    BERTH_LOSS_PROTOCOL,   /**< the target broke a rule */
    BERTH_LOSS_ASKED,      /**< the target asked us to leave, or said that it throws us out */
    BERTH_LOSS_CALLER,     /**< begun anew by berth_lun_reconnect(), or because a freed queue left commands */
    BERTH_LOSS_OTHER,      /**< this host had trouble */
    BERTH_LOSSES,
};

/** Counters since the LUN was opened, of all sessions together. */
struct berth_counters {
    uint32_t size;          /**< sizeof(struct berth_counters): set by the caller, before the call */
    uint32_t ping_sessions; /**< that have had an answer to a ping: its times are theirs */
    struct berth_op_counters ops[BERTH_OPS]; /**< by enum berth_op */
    /* What the LUN answered to commands of I/Os instead of GOOD: */
    uint64_t busy;                 /**< BUSY */
    uint64_t task_set_full;        /**< TASK SET FULL */
    uint64_t conflicts;            /**< RESERVATION CONFLICT */
    uint64_t checks[16];           /**< CHECK CONDITION, by sense key; [6]: unit attentions */
    uint64_t other_statuses;       /**< any other, and sense that cannot be read */
    uint64_t attentions;           /**< news that the target told without having been asked */
    uint64_t retries;              /**< as in struct berth_stats */
    uint64_t losses[BERTH_LOSSES]; /**< sessions lost, by enum berth_loss */
    uint64_t reconnects;           /**< sessions brought back */
    uint64_t attempts;             /**< to reach a portal, opening included */
    uint64_t failures;             /**< of these */
    uint64_t aborts;               /**< ABORT TASK requests */
    uint64_t resets;               /**< LOGICAL UNIT RESET requests, the library\'s and the caller\'s */
    uint64_t pings, pongs;         /**< sent; answered */
    uint64_t ping_last_ns, ping_min_ns, ping_max_ns; /**< how long that took */
    uint64_t window_closed;    /**< times that commands waited because the target took no more */
    uint64_t window_closed_ns; /**< for how long, to the round of work */
};

/** With reactors from any thread, but not from options.notice; each session is asked for its own between two
 * rounds of its work, one after the other.
 * @return 0, or BERTH_E_ARGUMENT for a size that cannot be. */
int berth_lun_counters(struct berth_lun *lun, struct berth_counters *counters);

/** What the last failed call on this LUN had to say. Never NULL. With reactors: of whichever thread's call,
 * and to be read while no other thread makes one. */
const struct berth_detail *berth_lun_detail(const struct berth_lun *lun);

/* --- threads of the library
 * ------------------------------------------------------------------------------------ */

enum berth_reactors_flags {
    BERTH_REACTORS_POLL = 1, /**< never sleep: look for bytes all the time, at the cost of a CPU for each */
};

/**
 * Starts @p count threads, 1..64, for options.reactors. Each LUN that is opened with them has its sessions
 * placed where the fewest are. They block all signals.
 * @param cpus  NULL, or @p count numbers of CPUs: the one that each thread is bound to.
 * @param flags enum berth_reactors_flags
 * @return 0, BERTH_E_ARGUMENT, BERTH_E_MEMORY or BERTH_E_SYSTEM.
 */
int berth_reactors_new(struct berth_reactors **out, uint32_t count, const int *cpus, uint32_t flags);
/** Ends them. @return 0, or BERTH_E_STATE while a LUN that uses them is open. NULL is allowed. */
int berth_reactors_free(struct berth_reactors *reactors);

/* --- asynchronous: submit and reap in arrays
 * ------------------------------------------------------------------ */

enum berth_op {
    BERTH_READ,  /**< segs receive */
    BERTH_WRITE, /**< segs are sent */
    BERTH_FLUSH, /**< all completed writes become durable; offset, len and segs unused */
    BERTH_TRIM,  /**< contents no longer needed; may read as anything unless trim_reads_zeros */
    BERTH_ZERO,  /**< reads as zeros afterwards */
    BERTH_SCSI,  /**< any command: see struct berth_command; offset and flags unused */
    BERTH_RESET, /**< ends what is under way at the LUN, or at all of the target's: see enum berth_reset */
};

/** What BERTH_RESET resets (RFC 7143 11.5.1), in place of flags; offset, len and segs are unused. Commands of
 * this session that it ends are reaped with BERTH_E_ABORTED; those of other initiators end, too. It waits
 * while the session is lost, is sent at once otherwise, and ends with an error if the target has not said
 * that it was done. Not with several sessions, whose commands it would end unheard. */
enum berth_reset {
    BERTH_RESET_LUN,         /**< the handle's LUN, or the one that io.command names */
    BERTH_RESET_TARGET_WARM, /**< all LUNs */
    BERTH_RESET_TARGET_COLD, /**< all LUNs, and all connections end: those of this handle come back */
};

enum berth_flags {
    BERTH_FUA = 1,      /**< WRITE, ZERO: durable before it completes */
    BERTH_MAY_TRIM = 2, /**< ZERO: holes are welcome */
};

enum berth_direction {
    BERTH_DATA_NONE,
    BERTH_DATA_IN,  /**< segs receive */
    BERTH_DATA_OUT, /**< segs are sent */
};

/** Task attributes (SAM-5 8.9). */
enum berth_attribute {
    BERTH_ATTRIBUTE_SIMPLE,
    BERTH_ATTRIBUTE_ORDERED,
    BERTH_ATTRIBUTE_HEAD, /**< head of queue */
    BERTH_ATTRIBUTE_ACA,
};

#define BERTH_CDB_MAX   32u  /**< bytes of the longest CDB */
#define BERTH_SENSE_MAX 252u /**< bytes of the longest sense data */

/** A command of the caller's own making, and what the LUN answered. It is sent as it is and its status is the
 * caller's to judge: nothing is sent again because of a status. When the session is lost with the command on
 * the wire, one that does the same when done twice (reads and writes of blocks, inquiries: libberth(3)) is
 * sent again; any other ends with BERTH_E_UNKNOWN. */
struct berth_command {
    uint8_t cdb[BERTH_CDB_MAX];
    uint8_t cdb_len;   /**< 1..BERTH_CDB_MAX */
    uint8_t direction; /**< enum berth_direction: in both at once is not offered. Without room for a byte the
                          LUN still says how many it would have moved */
    uint8_t attribute; /**< enum berth_attribute */
    /** It is for the LUN @c lun of the target and not for the handle's, which then must have been opened with
     * options.commands_only. Nothing is known of that LUN: if the session is lost with the command on the
     * wire, it is judged by what kind of device the handle's is. */
    bool names_lun;
    uint32_t lun; /**< 0..16383, with @c names_lun */
    /* Filled in when the I/O is reaped: */
    uint8_t status;          /**< SAM-5 status, if there was one: error is 0 or done.scsi_status is set */
    uint8_t sense_len;       /**< bytes of sense data that came, 0 none */
    uint64_t moved_bytes;    /**< received, or taken by the LUN */
    uint64_t overflow_bytes; /**< how many more the LUN would have moved */
    uint8_t sense[BERTH_SENSE_MAX];
};

/** One I/O. The structure itself is copied by berth_queue_submit(); the segment array and the memory it names
 * must stay as they are until the I/O is reaped. */
struct berth_io {
    uint32_t op;           /**< enum berth_op */
    uint32_t flags;        /**< enum berth_flags */
    uint64_t offset_bytes; /**< multiple of the block */
    uint64_t len_bytes;    /**< multiple of the block; equal to the sum of the segments */
    const struct berth_seg *segs;
    uint32_t seg_count;            /**< 0..BERTH_SEGS_MAX */
    uint64_t tag;                  /**< returned with the completion */
    struct berth_command *command; /**< SCSI: stays the caller's, and in place until the I/O is reaped */
    uint32_t timeout_ms; /**< how long it may wait to be sent, and each of its commands to be answered;
                            0: options.command_timeout_ms */
};

/** One completion. */
struct berth_done {
    uint64_t tag;
    int error;               /**< enum berth_error */
    uint8_t scsi_status;     /**< of the command that failed */
    uint8_t sense_key;       /**< with scsi_status 2 */
    uint16_t asc;            /**< additional sense code << 8 | qualifier */
    uint64_t residual_bytes; /**< not moved; 0 with error 0, but for SCSI */
    /** with BERTH_E_MEDIUM: where the first damaged block begins, if the LUN said; else UINT64_MAX */
    uint64_t bad_offset_bytes;
};

/**
 * Makes a queue of up to @p depth I/Os. Several queues may feed one LUN; completions return to the queue that
 * submitted. With reactors any thread may make one, which then belongs to it: its calls but for
 * berth_queue_wake() are made by one thread at a time.
 * @return 0, BERTH_E_ARGUMENT, BERTH_E_MEMORY or BERTH_E_SYSTEM.
 */
int berth_queue_new(struct berth_queue **out, struct berth_lun *lun, uint32_t depth);
/** Takes back what is in flight, unreaped, and waits at most half a second until the target has let go of it:
 * if it has not by then, the session is begun anew. NULL is allowed. */
void berth_queue_free(struct berth_queue *queue);

/**
 * Submits up to @p count I/Os in order. Without reactors nothing is sent until berth_queue_reap(), so
 * that commands gather. I/Os are independent: order them by reaping.
 * @return how many were taken (possibly fewer: the queue is full), or BERTH_E_QUEUE_FULL if none was, or a
 * usage error for the first I/O (BERTH_E_RANGE, BERTH_E_ARGUMENT, BERTH_E_UNSUPPORTED, BERTH_E_READ_ONLY).
 */
int berth_queue_submit(struct berth_queue *queue, const struct berth_io *ios, uint32_t count);

/**
 * Works on the LUN and returns completions.
 * @param min        waits until that many are there (or nothing is outstanding); 0 does not wait.
 * @param timeout_ms waits no longer; -1 without limit. I/Os end by themselves at their deadlines.
 * @return number of completions written to @p done (0..@p max), or BERTH_E_ABORTED when options.cancelled
 * said so. Also returns early, possibly with 0, when a signal handler of the caller interrupts the wait, or
 * the kernel does, as it may when a ring of io_uring has just gone; and after berth_queue_wake().
 */
int berth_queue_reap(struct berth_queue *queue, struct berth_done *done, uint32_t min, uint32_t max,
                     int timeout_ms);

/** Ends the berth_queue_reap() that waits, or the next one that would, early and possibly with 0. From any
 * thread, and from signal handlers. The first one of a queue may be noticed some milliseconds late. */
void berth_queue_wake(struct berth_queue *queue);

/**
 * Wants I/Os back: all of the queue that have this @p tag and are not done. Does not wait. Each is reaped
 * like any other, with BERTH_E_ABORTED, or with its true outcome if that comes first; what was not sent yet
 * is reaped at once, the rest when the target has let go of it, at most two times abort_timeout_ms later. Of
 * a write that ends with BERTH_E_ABORTED any part may have been done.
 * @return how many there were.
 */
int berth_queue_cancel(struct berth_queue *queue, uint64_t tag);

/** A descriptor that is readable when berth_queue_reap() has something to do; for foreign event loops, which
 * call reap with min 0 then. Without reactors call it at least every ping_interval_ms all the same. The
 * descriptor is the same for as long as the queue lives, and stays the library's. */
int berth_queue_fd(const struct berth_queue *queue);

/* --- blocking wrappers
 * ------------------------------------------------------------------------------------------ */

/** Each waits for its completion and returns its error. Without reactors not to be mixed with unreaped I/Os
 * of berth_queue calls from another thread; with them from any thread, by many at once. */
int berth_read(struct berth_lun *lun, void *buf, uint64_t len_bytes, uint64_t offset_bytes);
int berth_write(struct berth_lun *lun, const void *buf, uint64_t len_bytes, uint64_t offset_bytes,
                uint32_t flags);
int berth_flush(struct berth_lun *lun);
int berth_trim(struct berth_lun *lun, uint64_t len_bytes, uint64_t offset_bytes);
int berth_zero(struct berth_lun *lun, uint64_t len_bytes, uint64_t offset_bytes, uint32_t flags);

/** Sends one command, see struct berth_command. @p buf has room for, or holds, @p len_bytes; it is not
 * written to with BERTH_DATA_OUT. Its deadline is @p timeout_ms, or if that is 0 options.command_timeout_ms.
 * @return 0 if the status is GOOD or CONDITION MET. */
int berth_scsi(struct berth_lun *lun, struct berth_command *command, void *buf, uint64_t len_bytes,
               uint32_t timeout_ms);

/** Provisioning of a run of blocks from @p offset_bytes on (GET LBA STATUS): sets @p len_bytes to the run's
 * length and
 *  @p hole if it is deallocated. A LUN that cannot tell has no holes. */
int berth_extent(struct berth_lun *lun, uint64_t offset_bytes, uint64_t *len_bytes, bool *hole);

/* --- discovery
 * ------------------------------------------------------------------------------------------------- */

/** One answer line of SendTargets (RFC 7143 appendix C). */
struct berth_target {
    char name[224];
    char portal[272]; /**< "host:port", IPv6 in brackets */
    int32_t group;    /**< portal group tag, -1 unknown */
};

/** Asks @p portal ("host", "host:port", "[v6]:port") for its targets.
 *  @return the number of entries in *@p targets (freed with berth_targets_free()), or an error. */
int berth_discover(struct berth_target **targets, const char *portal, const struct berth_options *options,
                   struct berth_detail *detail);
void berth_targets_free(struct berth_target *targets);

/** Numbers of the LUNs that the target of @p url (its LUN part is ignored and may be missing) reports; at
 * most @p max are written. @return how many there are, or an error. */
int berth_luns(uint32_t *luns, uint32_t max, const char *url, const struct berth_options *options,
               struct berth_detail *detail);

/** Ends the connection, as if it had been lost, and seeks the session anew: for callers who know better than
 * the library that it is no good any more. I/Os wait, and go on as after any loss.
 * @return 0, or BERTH_E_STATE if the session was given up for good. */
int berth_lun_reconnect(struct berth_lun *lun);

#define BERTH_NAME_SIZE 224u /**< bytes of the longest iSCSI name, and its NUL */

/** The iSCSI name that a session goes by whose options.initiator_name is @p wanted: with its letters made
 * small, or for NULL the one made from the host. Any thread.
 * @return 0, or BERTH_E_NAME: then @p name is "". */
int berth_initiator_name(char name[BERTH_NAME_SIZE], const char *wanted, struct berth_detail *detail);

/** Name of the bulk CRC32C in use ("isa-l", "crc32q", "armv8", "table"); for reports. Any thread. */
const char *berth_crc32c_name(void);

#ifdef __cplusplus
}
#endif
#endif
