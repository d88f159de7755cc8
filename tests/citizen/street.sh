# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Two hosts on one street: the network namespace of this shell, with the interface `near`, and another one with `far`,
# joined by a veth pair. A target listens over there, an initiator is at work here. All of it ends with this shell.
near=berth-near
far=berth-far
port=3260
neighbour=()

# enter SCRIPT ARGUMENT...: runs it in a network namespace of its own, which takes root, or a user namespace.
enter() {
    local as=()
    [ "$(id -u)" -eq 0 ] || as=(--user --map-root-user)
    unshare "${as[@]}" --net true 2>/dev/null || skip "this machine lets us make no network namespace"
    trap - EXIT
    rm -rf "$work"
    BERTH_STREET=yes exec unshare "${as[@]}" --net "$@"
}

over_there() {
    "${neighbour[@]}" "$@"
}

# street FAMILY: sets the two addresses, and as they stand in URLs.
street() {
    launch far unshare --net sleep infinity
    await 10 moved_out "$pid" || die "no second network namespace"
    neighbour=(nsenter "--net=/proc/$pid/ns/net" --)
    ip link add $near type veth peer name $far
    ip link set $near addrgenmode none # the only link-local addresses are those we give
    ip link set $far netns "$pid"
    ip link set lo up
    over_there ip link set $far addrgenmode none
    over_there ip link set lo up
    case $1 in
    ipv4) house 192.0.2.1 192.0.2.2 24 "" ;;
    ipv6) house 2001:db8::1 2001:db8::2 64 nodad ;;
    link-local) house fe80::b:1 fe80::b:2 64 nodad ;;
    esac
    case $1 in
    ipv4) there=$theirs listen=$theirs:$port ;;
    ipv6) there="[$theirs]" listen="[$theirs]:$port" ;;
    link-local) there="[$theirs%25$near]" listen="[$theirs%$far]:$port" ;;
    esac
    ip link set $near up
    over_there ip link set $far up
}

moved_out() {
    [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/$$/ns/net)" ] && [ "$(cat "/proc/$1/comm")" = sleep ]
}

house() { # OURS THEIRS PREFIX FLAGS
    ours=$1 theirs=$2
    ip addr add "$1/$3" dev $near $4
    over_there ip addr add "$2/$3" dev $far $4
}

# A target over there, and a count of what reaches it.
open_shop() {
    over_there nft -f - <<END
table inet watch {
    counter asked { }
    chain in {
        type filter hook prerouting priority -300
        tcp dport $port counter name asked
    }
}
END
    launch serve1 "${neighbour[@]}" "$berth" serve --listen "$listen" --referee --no-auth --lun ram:64M
    serving=$pid
    await 20 listening serve1 && [ -n "$portal" ] || die "berth serve does not listen on $listen"
    url=iscsi://$there:$port/$iqn/0
}

# Bytes of IP that have reached the target so far.
heard() {
    over_there nft list counter inet watch asked | sed -n 's/.* bytes \([0-9]*\).*/\1/p'
}

# goes_on [SINCE]: bytes keep coming.
goes_on() {
    local before
    before=${1:-$(heard)}
    sleep 0.1
    [ "$(heard)" -gt $((before + 100000)) ]
}

# stands_still SECONDS: nothing comes over.
stands_still() {
    local before
    before=$(heard)
    sleep "$1"
    [ "$(heard)" -eq "$before" ]
}

# rules FILE: of nftables, here, until rules_off.
rules() {
    nft -f - <<END
table inet row {
$1
}
END
}

rules_off() {
    nft delete table inet row
}

row_counter() { # NAME: its "packets N bytes N" as "N N"
    nft list counter inet row "$1" | sed -n 's/.*packets \([0-9]*\) bytes \([0-9]*\).*/\1 \2/p'
}
