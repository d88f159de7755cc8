# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Machines that QEMU emulates. To be sourced behind lib.sh.
#
# A guest has two serial ports: the first is its console, whose end is shown if the test fails; on the second it may say how
# far it has come, line by line. No KVM: so it is the same everywhere.

# What takes a while to make is kept here between runs. It may be removed at any time.
cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/berth-guest
guest=""

[ "$(dpkg --print-architecture)" = amd64 ] || skip "the guests are amd64 machines with packages of this machine's Debian"
need qemu-system-x86_64 qemu-system-x86

show_outputs() {
    local f
    for f in "$work"/*.{out,err} "$work"/{out,err,steps}; do
        [ ! -s "$f" ] || { echo "--- the end of ${f##*/}:" && tail -n 60 "$f" | tr -cd '\11\12\40-\176' && echo; }
    done
}

# For kernels whose console is looked at: an emulated machine may have stood still for a while, and is not to be told off for it.
patient="nowatchdog nosoftlockup rcupdate.rcu_cpu_stall_suppress=1 workqueue.watchdog_thresh=0 sysctl.kernel.hung_task_timeout_secs=0"

# kept NAME MAKER [FILE...]: sets $kept to a folder of the cache that MAKER FOLDER FILE... makes, once for each version of
# these.
kept() {
    kept=$cache/$1-$(cat "${@:2}" | cksum | tr ' ' -)
    mkdir -p "$cache"
    limit=900 expect_ok flock "$cache/$1.lock" "$2" "$kept" "${@:3}"
}

# boot_guest OPTION...: starts QEMU; sets $guest.
boot_guest() {
    : >"$work/steps"
    mkfifo "$work/keys"
    exec {keys}<>"$work/keys"
    launch console qemu-system-x86_64 -accel tcg -cpu max -m 512 -nodefaults -no-user-config -display none -no-reboot \
        -serial stdio -serial "file:$work/steps" "$@" <&"$keys"
    guest=$pid
}

# enter LINE: on the guest's console
enter() {
    echo "$1" >&"$keys"
}

# await_console SECONDS PATTERN: the guest's console shows it.
await_console() {
    await "$1" shown "$2" && grep -Eq "$2" "$work/console.out" || die "the guest's console shows no '$2' within $1 s"
}

shown() {
    grep -Eq "$1" "$work/console.out" || gone "$guest"
}

# await_step SECONDS PATTERN: the guest says such a line on its second port.
await_step() {
    await "$1" said "$2" && grep -Eq "^$2" "$work/steps" || die "the guest does not come to '$2' within $1 s"
}

said() {
    grep -Eq -e "^$1" -e ^failed "$work/steps" || gone "$guest"
}

# guest_program PROGRAM ROOT: it and its libraries go into the folder that becomes a part of an initramfs.
guest_program() {
    local library
    mkdir -p "$2/bin"
    cp "$1" "$2/bin"
    for library in $(ldd "$1" | grep -o '/[^ ]*'); do
        mkdir -p "$2${library%/*}"
        cp -L "$library" "$2$library"
    done
}
