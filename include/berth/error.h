/* SPDX-License-Identifier: MIT */
/**
 * @file error.h
 * Error codes of libberth.
 *
 * Every code is negative. Its range tells how far the damage reaches, so that a caller can decide by
 * comparison alone: a task error leaves the connection usable, a connection error leaves the session
 * recoverable, and so on. berth_error_scope() names the range.
 */
#ifndef BERTH_ERROR_H
#define BERTH_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/** How far an error reaches. */
enum berth_scope {
    BERTH_SCOPE_NONE,       /**< no error */
    BERTH_SCOPE_TASK,       /**< one I/O failed; everything else goes on */
    BERTH_SCOPE_CONNECTION, /**< one TCP connection is lost; the session may recover */
    BERTH_SCOPE_SESSION,    /**< the session is lost or was refused; opening again may help */
    BERTH_SCOPE_USAGE,      /**< the caller asked for something that cannot be */
    BERTH_SCOPE_SYSTEM,     /**< the operating system said no (memory, descriptors, names) */
};

enum berth_error {
    BERTH_OK = 0,

    /* task: -100..-199 */
    BERTH_E_SCSI = -100,      /**< the target ended the command with a SCSI status other than GOOD */
    BERTH_E_TARGET = -101,    /**< iSCSI response "target failure" (RFC 7143 11.4.3): status unknown */
    BERTH_E_TIMEOUT = -102,   /**< the deadline passed: it was ended, and any part of it may have been done */
    BERTH_E_UNKNOWN = -103,   /**< outcome unknown: the connection died and a replay would not be safe */
    BERTH_E_SHORT = -104,     /**< the target moved fewer bytes than asked and did not say why */
    BERTH_E_REJECTED = -105,  /**< the target rejected the PDU (RFC 7143 11.17) */
    BERTH_E_ABORTED = -106,   /**< taken back by the caller, or by closing the device */
    BERTH_E_RANGE = -107,     /**< past the end of the LUN, or no multiple of its block */
    BERTH_E_READ_ONLY = -108, /**< the LUN may not be written */
    BERTH_E_UNSUPPORTED = -109, /**< the LUN does not know this operation */
    BERTH_E_MEDIUM = -110,      /**< the LUN reports damaged data (sense MEDIUM or HARDWARE ERROR) */
    BERTH_E_NO_SPACE = -111,    /**< the LUN's backing store is full (sense 27h/07h) */
    BERTH_E_RESERVED = -112,    /**< another initiator holds a reservation */

    /* connection: -200..-299 */
    BERTH_E_CLOSED = -200,        /**< the peer closed the connection */
    BERTH_E_REFUSED = -201,       /**< nobody listens at that address and port */
    BERTH_E_UNREACHABLE = -202,   /**< no route, or the network is down */
    BERTH_E_NO_ANSWER = -203,     /**< the peer stayed silent for longer than the limit */
    BERTH_E_PROTOCOL = -204,      /**< the peer broke a rule of RFC 7143 */
    BERTH_E_NOT_ISCSI = -205,     /**< whatever listens there does not speak iSCSI */
    BERTH_E_HEADER_DIGEST = -206, /**< a header arrived damaged */
    BERTH_E_DATA_DIGEST = -207,   /**< a data segment arrived damaged */
    BERTH_E_RESET = -208,         /**< the connection was reset */

    /* session: -300..-399 */
    BERTH_E_AUTH = -300,           /**< the target refused our credentials */
    BERTH_E_AUTH_REQUIRED = -301,  /**< the target demands a login and none was given */
    BERTH_E_AUTH_DOWNGRADE = -302, /**< a login was demanded of the target and it would not give one */
    BERTH_E_TARGET_AUTH = -303,    /**< the target failed to prove who it is (mutual CHAP) */
    BERTH_E_NO_TARGET = -304,      /**< no target of that name there */
    BERTH_E_NO_LUN = -305,         /**< the target has no such logical unit */
    BERTH_E_LOGIN = -306,          /**< the target refused the login for another reason */
    BERTH_E_NEGOTIATION = -307,    /**< no common ground in the text negotiation */
    BERTH_E_REDIRECT = -308,       /**< the target sent us elsewhere, too often or to no valid place */
    BERTH_E_BUSY = -309,           /**< the target has no room for another session now */
    BERTH_E_LOST = -310,           /**< the session could not be brought back within its time */
    BERTH_E_CHAP = -311,           /**< the target's side of CHAP breaks its rules, or is unsafe to answer */
    BERTH_E_CHANGED = -312,        /**< another device answers where the LUN was: nothing is sent to it */

    /* usage: -400..-499 */
    BERTH_E_URL = -400,        /**< not a valid iscsi:// URL */
    BERTH_E_NAME = -401,       /**< not a valid iSCSI name (RFC 7143 4.2.7) */
    BERTH_E_ADDRESS = -402,    /**< not a valid portal address */
    BERTH_E_SECRET = -403,     /**< CHAP secret too short, too long, or the same both ways */
    BERTH_E_ARGUMENT = -404,   /**< an argument is out of its documented range */
    BERTH_E_QUEUE_FULL = -405, /**< the queue holds as many I/Os as its depth allows; reap first */
    BERTH_E_STATE = -406,      /**< not possible in the present state of the handle */
    BERTH_E_RECORD = -407,     /**< a frozen record is damaged or of another version */

    /* system: -500..-599 */
    BERTH_E_MEMORY = -500,  /**< out of memory */
    BERTH_E_SYSTEM = -501,  /**< a system call failed; the detail text names it */
    BERTH_E_RESOLVE = -502, /**< the host name has no address */
    BERTH_E_LIMIT = -503,   /**< one of berth's own limits was reached; the detail text names it */
    BERTH_E_LOCAL = -504,   /**< the local address, device, ports or mark that were asked for cannot be had */
};

/** A constant English phrase for @p error, without capital or full stop; never NULL. Any thread. */
const char *berth_error_text(int error);

/** The constant's name without its prefix, in lower case: "auth_required". "unknown_error" for others. */
const char *berth_error_name(int error);

/** The errno that comes closest, positive, for programs that have to answer with one: EIO where none does,
 * and for others; 0 for BERTH_OK. Any thread; errno itself is left alone. */
int berth_error_errno(int error);

/** How far @p error reaches. */
enum berth_scope berth_error_scope(int error);

#ifdef __cplusplus
}
#endif
#endif
