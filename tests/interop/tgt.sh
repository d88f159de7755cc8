# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# tgt, the user space target of Debian. To be sourced behind lib.sh.

# tgt ARGUMENT...: what its administrator types
tgt() {
    tgtadm --lld iscsi "$@" >>"$work/tgtadm.out" 2>&1
}

tgtd_ready() {
    gone "$pid" || tgt --op show --mode sys
}

start_tgtd_at() { # start_tgtd_at PORT [NAME]
    launch "${2:-tgtd}" tgtd -f --iscsi "portal=127.0.0.1:$1"
    await 10 tgtd_ready && ! gone "$pid"
}

# start_tgtd [NAME]: on a port that it can be started at again; sets $portal and $tgtd. Of several, tgt() is about the last one.
start_tgtd() {
    need tgtd tgt
    need tgtadm tgt
    export TGT_IPC_SOCKET=$work/${1:-tgtd}.socket
    hold_port
    start_tgtd_at "$port" "$@" || die "tgtd does not start"
    tgtd=$pid
    portal=127.0.0.1:$port
}

# start_tgt FILE: the same, with the file as LUN 1; sets $url (lacking the LUN).
start_tgt() {
    start_tgtd
    url=iscsi://$portal/iqn.2026-11.test:tgt
    configure_tgt "$1"
}

configure_tgt() { # configure_tgt FILE [WHOM]: with the file as LUN 1 of a target that these may use: ALL, or none yet
    tgt --op new --mode target --tid 1 -T iqn.2026-11.test:tgt
    tgt --op new --mode logicalunit --tid 1 --lun 1 -b "$1" --bstype rdwr
    [ "${2:-ALL}" = none ] || tgt_let_in "${2:-ALL}"
}

tgt_let_in() {
    tgt --op bind --mode target --tid 1 -I "$1"
}

tgt_target_key() { # tgt_target_key KEY VALUE
    tgt --op update --mode target --tid 1 -n "$1" -v "$2"
}
