/* SPDX-License-Identifier: MIT */
/* The built-in target as a program: what `berth serve` runs. */
#ifndef TARGET_SERVE_H
#define TARGET_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVE_PORTALS_MAX 8u
#define SERVE_LUNS_MAX    1024u

struct serve_config {
    const char *iqn;                       /* NULL: "iqn.2026-11.io.berth:serve" */
    const char *listen[SERVE_PORTALS_MAX]; /* "ADDR:PORT"; none: 127.0.0.1:3260. Port 0 = any free one */
    uint32_t listen_count;
    const char *luns[SERVE_LUNS_MAX]; /* specs of lu_open(), LUN 0.. in order */
    uint32_t lun_count;
    const char *user; /* CHAP demanded when set */
    const uint8_t *secret;
    size_t secret_len;
    const char *mutual_user; /* we prove ourselves with this when asked */
    const uint8_t *mutual_secret;
    size_t mutual_secret_len;
    const char *state_dir; /* where reservations that are to last (APTPL) are kept; NULL: nowhere */
    bool busy_poll; /* never sleeps: waking a sleeping peer would cost the initiator that is being measured */
    bool no_auth;   /* allows a portal that is not loopback without CHAP */
    /* Tells each bound portal once all are up: print "listening on HOST:PORT". */
    void (*ready)(void *arg, const char *const *portals, uint32_t count);
    void *ready_arg;
    int stop_fd; /* readable: stop (a signalfd); -1 none */
};

/* Serves until stopped. Returns 0 after a stop, or an enum berth_error with one sentence in `why`. */
int serve_run(const struct serve_config *config, char *why, size_t why_size);

#endif
