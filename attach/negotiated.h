/* SPDX-License-Identifier: MIT */
#ifndef ATTACH_NEGOTIATED_H
#define ATTACH_NEGOTIATED_H

#include <berth/berth.h>

/* Whose wish the agreed value is: "both", "us", "target", "rule", "default" or "each for itself". */
const char *negotiated_asked_by(const struct berth_negotiated *n);

#endif
