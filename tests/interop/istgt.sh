# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# istgt, a user space target of Debian of another family than tgt. To be sourced behind lib.sh.
need istgt istgt
need ss iproute2

# istgt_unit ISTGT NAME FILE LINE...: a target iqn.2026-11.test:NAME with the file as LUN 0, for start_istgt ISTGT.
istgt_unit() {
    local units=$work/$1.units
    touch "$units"
    {
        echo "[LogicalUnit$(($(grep -c '^\[' "$units" || true) + 1))]"
        printf '  %s\n' "TargetName \"$2\"" "Mapping PortalGroup1 InitiatorGroup1" "AuthGroup AuthGroup1" "UseDigest Auto" \
            "UnitType Disk" "LUN0 Storage $3 Auto" "${@:4}"
    } >>"$units"
}

configure_istgt() { # configure_istgt ISTGT PORT [SEGMENT]
    secret_file "$work/istgt.auth" '[AuthGroup1]'
    echo '  Auth "joe" "secret-of-joe-1" "disk" "secret-of-disk-1"' >>"$work/istgt.auth"
    cat - "$work/$1.units" >"$work/$1.conf" <<END
[Global]
  NodeBase "iqn.2026-11.test"
  PidFile $work/$1.pid
  AuthFile $work/istgt.auth
  MediaDirectory $work
  LogFacility "local7"
  DiscoveryAuthMethod Auto
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength ${3:-262144}
[UnitControl]
  AuthMethod Auto
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 127.0.0.1:$2
  Portal DA2 [::1]:$2
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.1
  Netmask [::1]
END
}

# start_istgt ISTGT [SEGMENT]: on a free port, with such a MaxRecvDataSegmentLength; sets $portal and $pid.
start_istgt() {
    hold_port
    portal=127.0.0.1:$port
    configure_istgt "$1" "$port" "${@:2}"
    launch "$1" istgt -D -c "$work/$1.conf"
    await 20 istgt_listens "$port" && ! gone "$pid" || die "istgt does not start"
}

istgt_listens() { # istgt_listens PORT. A connection would cost a second.
    gone "$pid" || [ -n "$(ss -Hltn "sport = :$1")" ]
}
