/* SPDX-License-Identifier: MIT */
/* Marks the functions that leave the shared library; everything else is hidden. */
#ifndef BASE_EXPORT_H
#define BASE_EXPORT_H
#define BERTH_EXPORT __attribute__((visibility("default")))
#endif
