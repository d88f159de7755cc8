# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For tests of berth-fuse, on top of tests/lib.sh: `SCRIPT BERTH BERTH-FUSE [...]`. Each runs in a mount namespace of its own,
# so that no mount outlives it, however it ends.
if [ -z "${BERTH_TEST_NAMESPACE:-}" ]; then
    own=(--mount --propagation private)
    [ "$(id -u)" -eq 0 ] || own+=(--user --map-root-user)
    if [ ! -w /dev/fuse ] || ! unshare "${own[@]}" true 2>/dev/null; then
        echo "skipped: this machine lets us open no /dev/fuse, or make no mount namespace"
        exit 77
    fi
    BERTH_TEST_NAMESPACE=1 exec unshare "${own[@]}" "$0" "$@"
fi
berth=$1 fuse=$2
. "$(dirname "${BASH_SOURCE[0]}")/../../../tests/lib.sh"
mkdir -m 700 "$work/run"
export XDG_RUNTIME_DIR=$work/run
mounts=() loops=() serving_file="" file=""

# What still holds the file goes first; what still is mounted then is cut off.
fuse_tear_down() {
    local code=$? i
    trap - ERR
    set +e
    for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
        umount -l "${mounts[i]}" 2>/dev/null
    done
    for i in "${loops[@]}"; do
        losetup -d "$i" 2>/dev/null
    done
    [ -z "$file" ] || umount -l "${file%/*}" 2>/dev/null
    (exit "$code")
    tear_down
}
trap fuse_tear_down EXIT

# attach URL [WORD...]: makes $file of a LUN; $serving_file is the process that does it.
attach() {
    local name=fuse$((++instances))
    launch "$name" "$fuse" "${@:2}" "$1" "$work/mnt"
    serving_file=$pid file=$work/mnt/disk
    await 20 grep -q . "$work/$name.out" || die "berth-fuse does not mount: $(cat "$work/$name.err")"
    [ "$(cat "$work/$name.out")" = "$file" ] || die "berth-fuse said '$(cat "$work/$name.out")'"
}

# detach: as a user would; it ends by itself then. The kernel may let go of the file a moment after the last one who had it open has
# ended: what was read and written asynchronously, a loop device.
detach() {
    await 10 umount "$work/mnt" 2>"$work/umount" || die "$(tail -n 1 "$work/umount")"
    reap "$serving_file" 20
    [ "$status" -eq 0 ] || die "berth-fuse ended with $status"
}

# is_refused PATTERN COMMAND...: it fails, and says so.
is_refused() {
    local pattern=$1
    shift
    run "$@"
    [ "$status" -ne 0 ] || complain "should have failed" "$@"
    expect_said "$pattern"
}

# Holes and data as "0 d 4096 h ...": where each begins.
extents() {
    qemu-img map -f raw --output=json "$file" |
        jq -r 'map("\(.start) \(if .data then "d" else "h" end)") | join(" ")'
}
