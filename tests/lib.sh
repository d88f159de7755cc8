# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For tests that run programs against each other: starting and stopping them, and judging how a command ended.
#
#     berth=$1
#     . "$(dirname "$0")/../lib.sh"
#
# Everything that a test starts is stopped, by its process id, when the test ends, however it ends; all ports are free ones
# of the loopback interface; all files are in $work.
#
# Every target that serve() starts has the referee: a test fails in the end if an initiator has broken a rule of RFC 7143
# (doc/internals/referee.md) that the test does not say it breaks: see known_fouls and unjudged.
set -Eeu -o pipefail
exec </dev/null

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${TMPDIR:-/tmp}
[ ${#work} -le 40 ] || work=/tmp # the name of a socket has no more than 107 bytes
work=$(mktemp -d "$work/berth-test.XXXXXX")
export PYTHONDONTWRITEBYTECODE=1 # other tests copy the folders that our programs are in
export XDG_CONFIG_HOME=$work/config # and not what the user who tests has there
iqn=iqn.2026-11.io.berth:serve
started=()
# Whoever waits for what is sure to come loses nothing by waiting longer: a busy machine may take so many times as long as the
# tests say.
slack=6
pid="" serving="" portal="" relayed="" standing="" stood="" url="" status=0 took_ms=0 instances=0 limit=30
fouls_known="" fouls_possible=() unjudged="" ports_held=0 port=""

now_us() {
    echo "${EPOCHREALTIME/[.,]/}"
}

tear_down() {
    local code=$? p
    trap - EXIT ERR
    set +e
    for p in "${started[@]}"; do
        is_over "$p" || { kill -KILL "$p" && wait "$p"; }
    done 2>/dev/null
    [ "$code" -ne 0 ] || judged || code=1
    [ "$code" -eq 0 ] || [ "$code" -eq 77 ] || show_outputs
    rm -rf "$work"
    exit "$code"
}

# known_fouls RULE...: the initiators of this test break these rules, all of them and no others. Say why.
known_fouls() {
    fouls_known=$(printf '%s\n' "$@" | sort)
}

# possible_fouls RULE...: it depends on chance whether these are broken. Say why. stop() does not show the status that they
# make.
possible_fouls() {
    fouls_possible=("$@")
}

# unjudged REASON: what speaks to the target in this test is not meant to keep to the rules. The referee is there, but
# neither does a violation count nor does stop() show the status that it makes.
unjudged() {
    [ -n "$1" ] && unjudged=yes
}

fouls() {
    sed -n -E 's/^berth: referee: ([A-Z]+[0-9]+) \(RFC .*/\1/p' "$work"/*.err 2>/dev/null | sort -u |
        grep -v -x -F -e "$(printf '%s\n' - "${fouls_possible[@]}")" || true
}

judged() {
    [ -z "$unjudged" ] && [ "$(fouls)" != "$fouls_known" ] || return 0
    echo "rules that were broken: $(fouls | tr '\n' ' ')- not: $(echo "$fouls_known" | tr '\n' ' ')"
    grep -h '^berth: referee: ' "$work"/*.err | sed -n 1,20p
    return 1
}

show_outputs() {
    local f
    for f in "$work"/*.out "$work"/*.err "$work"/out "$work"/err; do
        [ ! -s "$f" ] || { echo "--- ${f##*/}:" && head -c 4000 "$f" | tr -cd '\11\12\40-\176' && echo; }
    done
}

trap tear_down EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'echo "${BASH_SOURCE[0]##*/}:$LINENO: failed: $BASH_COMMAND" >&2' ERR

die() {
    trap - ERR
    echo "$*"
    exit 1
}

# skip WHY: only for what a machine cannot do, such as IPv6; a missing program is a failure.
skip() {
    echo "skipped: $*"
    exit 77
}

# not COMMAND...: it fails. (A line that begins with ! never ends a script, whatever the command does.)
not() {
    if "$@"; then
        return 1
    fi
}

# need PROGRAM PACKAGE [GROUP]: GROUP is one of scripts/install-deps
need() {
    command -v "$1" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ||
        die "$1 is missing: install the Debian package $2 ('scripts/install-deps ${3:-test}' does)"
}

PATH=$PATH:/usr/sbin:/sbin # where Debian has mkfs and tgtd

# jq 1.6 finds that no input at all satisfies -e, which has to stand first. Here something has to be said.
jq() {
    local said="" code=0
    if [[ $1 != -*e* ]]; then
        command jq "$@"
        return
    fi
    said=$(command jq "$@") || code=$?
    [ -n "$said" ] || return $((code ? code : 4))
    printf '%s\n' "$said"
    return $code
}

# await SECONDS COMMAND...: repeats it until it succeeds; fails if it never does (see $slack).
await() {
    local end=$(($(now_us) + slack * $1 * 1000000))
    shift
    until "$@"; do
        [ "$(now_us)" -lt "$end" ] || return 1
        sleep 0.02
    done
}

# --- programs in the background ---

# launch NAME COMMAND...: its outputs go to $work/NAME.out and .err; sets $pid. It cannot outlive this shell.
launch() {
    local name=$1
    shift
    : >"$work/$name.out" # so that they can be read at once, and have nothing of one that had the name before
    : >"$work/$name.err"
    setpriv --pdeathsig KILL "$@" <&0 >"$work/$name.out" 2>"$work/$name.err" &
    pid=$!
    started+=("$pid")
}

gone() {
    ! kill -0 "$1" 2>/dev/null
}

# is_over PID: the same of a child of this shell. When it has ended, its number may soon be that of somebody else's process.
is_over() {
    local stat=""
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || true
    set -- ${stat##*) }
    [ "${1:-Z}" = Z ] || [ "${2:-}" != "$BASHPID" ]
}

# reap PID SECONDS: waits for its end (see $slack); sets $status.
reap() {
    local p left=()
    await "$2" is_over "$1" || die "process $1 did not end within $2 s"
    status=0
    wait "$1" 2>/dev/null || status=$?
    for p in "${started[@]}"; do
        [ "$p" = "$1" ] || left+=("$p")
    done
    started=("${left[@]}")
}

# stop PID [SIGNAL]: sends TERM or SIGNAL, and waits; sets $status.
stop() {
    kill "-${2:-TERM}" "$1"
    reap "$1" 10
    [ -z "$unjudged${fouls_possible[*]}" ] || [ "$status" -ne 9 ] || status=0
}

listening() {
    portal=$(sed -n 's/^berth: serving .* on //p' "$work/$1.out" | sed -n 1p)
    [ -n "$portal" ] || gone "$pid"
}

# hold_port: sets $port, which nobody else is given until the test ends, at whatever address. For what is to listen at a port of
# our choice, or again where it has listened before. It has to bind with SO_REUSEADDR, as servers do.
hold_port() {
    local name=port$((++ports_held)) mine=$pid
    need python3 python3
    launch "$name" "$tests/held-port"
    await 20 grep -q . "$work/$name.out" || die "no port is to be had: $(cat "$work/$name.err")"
    port=$(cat "$work/$name.out") pid=$mine
}

# serve_at ADDR:PORT OPTION...: starts berth serve; sets $serving (its process), $portal and $url (lacking the LUN).
serve_at() {
    local name=serve$((++instances)) at=$1
    shift
    launch "$name" "$berth" serve --listen "$at" --referee "$@"
    serving=$pid
    await 20 listening "$name" && [ -n "$portal" ] || die "berth serve $* does not listen"
    url=$(sed -n 's|^berth: LUN 0 .* \(iscsi://.*\)/0$|\1|p' "$work/$name.out")
}

serve() {
    serve_at 127.0.0.1:0 "$@"
}

# stand_before PORTAL OPTION...: puts berth proxy before a target, at $stand_at if that is set; sets $standing (its process) and
# $stood, the portal to use instead.
stand_before() {
    local name=proxy$((++instances))
    launch "$name" "$berth" proxy --listen "${stand_at:-127.0.0.1:0}" --to "$@"
    standing=$pid
    await 20 grep -q '^berth: standing before ' "$work/$name.out" || die "berth proxy --to $* does not listen"
    stood=$(sed -n 's/^berth: standing before .* on //p' "$work/$name.out")
}

# at_work CONTROL: one session and no other is there, according to berth serve --control, and a hundred commands of it are done:
# more than it takes to open a LUN.
at_work() {
    "$berth" serve-ctl --control "$1" --json sessions | jq -e '.sessions | length == 1 and .[0].commands > 100' >/dev/null
}

# unused NAME: nobody uses this attachment. Of a file that was closed the kernel tells berth-fuse when it comes to that.
unused() {
    "$berth" status --json "$1" 2>/dev/null | jq -e '.users == []' >/dev/null
}

# nobody_there CONTROL: no session is left
nobody_there() {
    "$berth" serve-ctl --control "$1" --json sessions | jq -e '.sessions == []' >/dev/null
}

frozen() {
    ! grep -hqvE '^[0-9]+ \(.*\) T ' "/proc/$1"/task/*/stat
}

# freeze PID: stops it (SIGSTOP), and returns when none of its threads runs any more, which on a busy machine takes a while.
freeze() {
    kill -STOP "$1"
    await 10 frozen "$1"
}

# hold_when PID COMMAND...: lets the process run for a few milliseconds at a time until the command succeeds; then it is
# left stopped (SIGSTOP).
hold_when() {
    local held=$1 end=$(($(now_us) + slack * 30000000))
    shift
    kill -STOP "$held"
    until "$@"; do
        [ "$(now_us)" -lt "$end" ] || die "never came to be: $*"
        kill -CONT "$held"
        sleep 0.003
        kill -STOP "$held"
        sleep 0.01
    done
}

# more_than BYTES FILE: FILE takes up more than that
more_than() {
    [ "$(stored "$2")" -gt "$1" ]
}

# strange_portal KIND: something that is no target; sets $portal and $pid. KINDs are those of tests/strange-portal.
strange_portal() {
    local name=portal$((++instances))
    need python3 python3
    launch "$name" "$tests/strange-portal" "$1"
    await 20 grep -q '^ready ' "$work/$name.out" || die "strange-portal $1 does not listen"
    portal=$(sed -n 's/^ready //p' "$work/$name.out")
}

# relay PORTAL OPCODE NTH COMMAND...: stands before PORTAL, and before the NTH command with this operation code runs
# COMMAND; sets $relayed, the portal to use instead. $work/upstream holds the portal behind it, which may be replaced.
relay() {
    local name=relay$((++instances))
    need python3 python3
    echo "$1" >"$work/upstream"
    launch "$name" "$tests/relay" "$work/upstream" "${@:2}"
    await 20 grep -q '^ready ' "$work/$name.out" || die "the relay does not listen"
    relayed=$(sed -n 's/^ready //p' "$work/$name.out")
}

# killing PID, as the command of a relay: kills the target behind it, and lets it know of none, for whoever is given its port
# next must not be taken for it.
killing=(sh -c ': >"$0" && kill -KILL "$1"' "$work/upstream")

# --- commands and how they end ---

# run COMMAND...: no longer than $limit seconds (see $slack); sets $status and $took_ms; outputs are in $work/out and $work/err.
run() {
    local begin
    begin=$(now_us)
    status=0
    timeout -k 5 "$((slack * limit))" "$@" >"$work/out" 2>"$work/err" || status=$?
    took_ms=$((($(now_us) - begin) / 1000))
}

complain() {
    echo "--- $1: ${*:2}"
    die "status $status after $took_ms ms"
}

# expect_ok COMMAND...
expect_ok() {
    run "$@"
    [ "$status" -eq 0 ] || complain "should have succeeded" "$@"
}

# one_sentence FILE PATTERN: it holds exactly one line, "berth: ", and then words that match.
one_sentence() {
    [ "$(wc -l <"$1")" -eq 1 ] && grep -Eq "^berth: .*($2)" "$1" && ! grep -q '[.]$' "$1"
}

# expect_exit CODE PATTERN COMMAND...: it fails with this status and one sentence, and prints nothing else.
expect_exit() {
    local code=$1 pattern=$2
    shift 2
    run "$@"
    [ "$status" -eq "$code" ] || complain "should have ended with $code" "$@"
    one_sentence "$work/err" "$pattern" || complain "should have said one sentence with '$pattern'" "$@"
    [ ! -s "$work/out" ] || complain "should have printed nothing" "$@"
}

# took MIN_MS MAX_MS: about the last run.
took() {
    [ "$took_ms" -ge "$1" ] && [ "$took_ms" -le "$2" ] || die "took $took_ms ms, not $1 to $2"
}

# expect_said PATTERN [FILE]
expect_said() {
    grep -Eq "$1" "${2:-$work/err}" || die "'$1' was not said in ${2:-stderr}: $(cat "${2:-$work/err}")"
}

# --- data ---

# random_file FILE BYTES (suffixes of head -c)
random_file() {
    head -c "$2" /dev/urandom >"$1"
}

# secret_file FILE SECRET
secret_file() {
    (umask 077 && printf '%s\n' "$2" >"$1")
}

# Bytes that a file takes up on its disk; 0 as long as there is none.
stored() {
    echo $(($(stat -c '%b * %B' "$1" 2>/dev/null)))
}

# ext4_image FILE SIZE: a file system with files in it.
ext4_image() {
    need mkfs.ext4 e2fsprogs
    mkdir "$work/tree" "$work/tree/folder"
    random_file "$work/tree/large" 3M
    seq 100000 >"$work/tree/folder/numbers"
    cp "$BASH" "$work/tree/folder/program"
    truncate -s "$2" "$1"
    mkfs.ext4 -q -d "$work/tree" "$1"
}
