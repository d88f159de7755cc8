/* SPDX-License-Identifier: MIT */
/** @file version.h Version of libberth. The shared library's soname follows the major number. */
#ifndef BERTH_VERSION_H
#define BERTH_VERSION_H

#define BERTH_VERSION_MAJOR 0
#define BERTH_VERSION_MINOR 1
#define BERTH_VERSION_PATCH 0
#define BERTH_VERSION       "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the library in use, like BERTH_VERSION. */
const char *berth_version(void);

#ifdef __cplusplus
}
#endif
#endif
