# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For tests of nbdkit's plugin, on top of tests/lib.sh: `SCRIPT BERTH PLUGIN [...]`.
berth=$1 plugin=$2
. "$(dirname "${BASH_SOURCE[0]}")/../../../tests/lib.sh"
need nbdkit nbdkit
need nbdcopy libnbd-bin
need qemu-io qemu-utils
need python3 python3
need jq jq
mkdir -m 700 "$work/run"
export XDG_RUNTIME_DIR=$work/run
socket="" uri="" exporting=""
preload=()
# An instrumented plugin wants its library first in a program that is not. What such a program does after main() is nobody's
# business: a destructor of p11-kit waits for ever then, so it is killed once it is done.
asan=$(ldd "$plugin" | sed -n 's/.*\(libasan[^ ]*\) => \([^ ]*\) .*/\2/p')
[ -z "$asan" ] || preload=(env "LD_PRELOAD=$asan" "ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}")

# export_lun URL [WORD...]: nbdkit makes an export of a LUN; sets $exporting (its process), $socket and $uri. WORDs that begin
# with "-" are nbdkit's own.
export_lun() {
    local name=nbdkit$((++instances)) own=() words=() w
    for w in "${@:2}"; do
        case $w in -*) own+=("$w") ;; *) words+=("$w") ;; esac
    done
    socket=$work/$name.sock
    launch "$name" "${preload[@]}" nbdkit --foreground --unix "$socket" "${own[@]}" "$plugin" "url=$1" "${words[@]}"
    exporting=$pid
    await 20 nbd_answers "$name" || die "nbdkit does not serve: $(cat "$work/$name.err")"
    uri="nbd+unix:///?socket=$socket"
}

nbd_answers() {
    gone "$exporting" || nbdinfo --size "nbd+unix:///?socket=$socket" >/dev/null 2>&1
}

# end_export: as a user would
end_export() {
    if [ -n "$asan" ]; then
        kill -TERM "$exporting"
        sleep 1
        stop "$exporting" KILL || true
        return 0
    fi
    stop "$exporting"
    [ "$status" -eq 0 ] || die "nbdkit ended with $status"
}

# says KEY VALUE: what nbdinfo reads out of the export
says() {
    local got
    got=$(nbdinfo --json "$uri" | jq -r ".exports[0].$1")
    [ "$got" = "$2" ] || die "the export's $1 is $got, not $2"
}
