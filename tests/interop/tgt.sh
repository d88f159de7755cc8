# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# tgt, the user space target of Debian. To be sourced behind lib.sh.

free_port() {
    need python3 python3
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

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

# start_tgtd [NAME]: on a free port; sets $portal and $tgtd. A free port may be taken before tgtd has it: then another one is
# tried. Of several, tgt() is about the last one.
start_tgtd() {
    need tgtd tgt
    need tgtadm tgt
    local port
    export TGT_IPC_SOCKET=$work/${1:-tgtd}.socket
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        rm -f "$TGT_IPC_SOCKET".*
        ! start_tgtd_at "$port" "$@" || break
    done
    tgtd=$pid
    portal=127.0.0.1:$port
}

# start_tgt FILE: the same, with the file as LUN 1; sets $url (lacking the LUN).
start_tgt() {
    start_tgtd
    url=iscsi://$portal/iqn.2026-11.test:tgt
    configure_tgt "$1"
}

configure_tgt() {
    tgt --op new --mode target --tid 1 -T iqn.2026-11.test:tgt
    tgt --op new --mode logicalunit --tid 1 --lun 1 -b "$1" --bstype rdwr
    tgt --op bind --mode target --tid 1 -I ALL
}

tgt_target_key() { # tgt_target_key KEY VALUE
    tgt --op update --mode target --tid 1 -n "$1" -v "$2"
}
