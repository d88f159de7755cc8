# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For tests that need a target: `serve OPTIONS...` starts $berth serve on a free loopback port and sets $portal; it is
# stopped when the test ends. $work is a folder of the test's own.
work=$(mktemp -d)
serving=""

stop_serving() {
    [ -z "$serving" ] || { kill "$serving" && wait "$serving" || true; } 2>/dev/null
    serving=""
}
trap 'stop_serving; rm -rf "$work"' EXIT

serve() {
    "$berth" serve --listen 127.0.0.1:0 "$@" >"$work/serve.out" 2>"$work/serve.err" &
    serving=$!
    for _ in $(seq 100); do
        portal=$(sed -n 's/^berth: serving .* on //p' "$work/serve.out" | head -n 1)
        [ -z "$portal" ] || return 0
        kill -0 "$serving" 2>/dev/null || break
        sleep 0.05
    done
    echo "berth serve does not listen:"
    cat "$work/serve.out" "$work/serve.err"
    return 1
}
