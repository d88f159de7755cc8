/* SPDX-License-Identifier: MIT */
/* Writes the first 4 KiB of a LUN to standard output: read_block iscsi://host/target-name/lun | hexdump -C */
#include <stdio.h>
#include <berth/berth.h>

int main(int argc, char **argv)
{
    static char block[4096];
    struct berth_detail why;
    struct berth_lun *lun;
    int error = berth_lun_open(&lun, argc > 1 ? argv[1] : "", NULL, &why);

    if (error) {
        fprintf(stderr, "read_block: %s\n", why.text);
        return 1;
    }
    error = berth_read(lun, block, sizeof block, 0);
    if (error)
        fprintf(stderr, "read_block: %s\n", berth_lun_detail(lun)->text);
    else
        fwrite(block, 1, sizeof block, stdout);
    berth_lun_close(lun);
    return error != 0;
}
