# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Reads `cells` and `differs`. To be sourced; $here is the folder where they are.
peers=(tgt istgt lio)

rows() { # rows FILE
    grep -v '^#' "$1"
}

# cut_row ROW NAME...: sets variables to its columns.
cut_row() {
    local rest="$1 |" name value
    for name in "${@:2}"; do
        value=${rest%%|*} rest=${rest#*|}
        value=${value#"${value%%[! ]*}"}
        printf -v "$name" %s "${value%"${value##*[! ]}"}"
    done
    [ -z "${rest// /}" ] || { echo "$1: too many columns" >&2 && exit 1; }
}

# read_cell ROW PEER: sets $cell, $kind, $ours and $theirs; $outcome, what comes of it with this peer; $why, if that is not
# what comes of it with others.
read_cell() {
    local row which of instead
    cut_row "$1" cell kind ours theirs outcome
    why=""
    while IFS= read -r row; do
        cut_row "$row" which of instead reason
        [ "$which:$of" != "$2:$cell" ] || outcome=$instead why=$reason
    done < <(rows "$here/differs")
}
