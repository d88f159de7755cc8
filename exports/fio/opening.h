/* SPDX-License-Identifier: MIT */
/* A LUN opened with the options of a fio job. Knows nothing of fio. */
#ifndef FIO_OPENING_H
#define FIO_OPENING_H

#include <berth/berth.h>

/* As the job has them; NULL: not given. */
struct opening {
    const char *url, *user, *secret_file, *mutual_user, *mutual_secret_file, *initiator_name;
    const char *digest; /* none, header, data or both */
    uint32_t depth;
};

/* 0, or an error with `detail` filled in. */
int opening_lun(struct berth_lun **out, const struct opening *o, struct berth_detail *detail);

#endif
