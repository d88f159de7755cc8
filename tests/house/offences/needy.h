/* SPDX-License-Identifier: MIT */
/* A header that needs another one and does not include it: the header test must find it. */
uint32_t house_needy(void);
