# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the tests of attachments share: a runtime folder, and that nothing is left in it.
. "$(dirname "$0")/../lib.sh"
need jq jq

export XDG_RUNTIME_DIR=$work/run
mkdir "$XDG_RUNTIME_DIR"
runtime=$XDG_RUNTIME_DIR/berth

# Whatever holds a name ends with the test.
end_attachments() {
    local lock p
    for lock in "$runtime"/*.lock; do
        [ -e "$lock" ] && p=$(cat "$lock") && kill -KILL "$p" 2>/dev/null
    done
    if command -v fusermount3 >/dev/null; then
        for lock in "$runtime"/*/; do
            [ ! -d "$lock" ] || fusermount3 -qu "$lock" 2>/dev/null
        done
    fi
    true
}

end_all() {
    local code=$?
    set +e
    trap - ERR
    end_attachments
    (exit "$code")
    tear_down
}
trap end_all EXIT

pid_of() {
    cat "$runtime/$1.lock"
}

# attach WORD...: succeeds, and says nothing else; $path is what it printed.
attach() {
    expect_ok "$berth" attach "$@"
    [ ! -s "$work/err" ] || complain "should have said nothing" attach "$@"
    [ "$(wc -l <"$work/out")" -eq 1 ] || complain "should have printed one line" attach "$@"
    path=$(cat "$work/out")
}

# status NAME FILTER: what it says of itself satisfies it
status_is() {
    "$berth" status --json "$1" >"$work/status" 2>&1 && jq -e "$2" "$work/status" >/dev/null
}

left_behind() {
    find "$runtime" -type f -o -type s
}

nothing_left() {
    [ -z "$(left_behind)" ]
}

# empty: no file of an attachment is left
empty() {
    nothing_left || die "left behind: $(left_behind)"
}
