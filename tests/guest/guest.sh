# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Machines that QEMU emulates. To be sourced behind lib.sh.
#
# A guest has two serial ports: the first is its console, which is shown if the test fails; on the second it says how far it
# has come, line by line. It reaches 127.0.0.1 of this machine as 10.0.2.2. No KVM: what is tested is the same everywhere.

# What takes a while to make is kept here between runs. It may be removed at any time.
cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/berth-guest
guest=""

[ "$(dpkg --print-architecture)" = amd64 ] || skip "the guests are amd64 machines with packages of this machine's Debian"
need qemu-system-x86_64 qemu-system-x86

show_outputs() {
    local f
    for f in "$work"/*.err "$work"/{out,err,console,steps}; do
        [ ! -s "$f" ] || { echo "--- the end of ${f##*/}:" && tail -n 60 "$f" | tr -cd '\11\12\40-\176' && echo; }
    done
}

# kept NAME MAKER: sets $kept to a folder of the cache that MAKER FOLDER makes, once for each version of MAKER.
kept() {
    kept=$cache/$1-$(cksum <"$2" | tr ' ' -)
    mkdir -p "$cache"
    limit=900 expect_ok flock "$cache/$1.lock" "$2" "$kept"
}

# boot_guest OPTION...: starts QEMU; sets $guest.
boot_guest() {
    : >"$work/console" >"$work/steps"
    launch qemu qemu-system-x86_64 -accel tcg -cpu max -m 512 -nodefaults -no-user-config -display none -no-reboot \
        -serial "file:$work/console" -serial "file:$work/steps" \
        -netdev user,id=net,restrict=off -device virtio-net-pci,netdev=net,romfile= "$@"
    guest=$pid
}

# await_step SECONDS STEP: the guest says that line.
await_step() {
    await "$1" stepped "$2" || die "the guest does not come to '$2' within $1 s"
    grep -Eq "^$2" "$work/steps" || die "the guest does not come to '$2'"
}

stepped() {
    grep -Eq -e "^$1" -e ^failed "$work/steps" || gone "$guest"
}
