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

# What comes of each cell with each peer, in Markdown, with notes.
print_table() {
    local row peer verdicts notes=() n
    echo "| cell | tgt | istgt | LIO | berth asks for | the target is set to | what comes out |"
    echo "|---|---|---|---|---|---|---|"
    while IFS= read -r row; do
        verdicts=""
        for peer in "${peers[@]}"; do
            read_cell "$row" "$peer"
            verdict
            verdicts+=" $verdict |"
        done
        cut_row "$row" cell kind ours theirs outcome
        echo "| $cell |$verdicts ${ours// /<br>} | ${theirs// /<br>} | ${outcome// /<br>} |"
    done < <(rows "$here/cells")
    echo
    for ((n = 0; n < ${#notes[@]}; n++)); do
        echo "$((n + 1)). ${notes[n]}"
    done
}

# verdict: sets $verdict to yes, or to the number of a note, to be added to $notes if it is not there.
verdict() {
    local note="" n
    verdict=yes
    case ${why:+$outcome} in
    "") return ;;
    absent) note="Cannot be tried with $peer: $why" ;;
    error) note="$peer: $why berth tells the error." ;;
    wrong) note="$peer: $why berth has no way to notice." ;;
    *) note="$peer: $why" ;;
    esac
    note=${note/lio/LIO}
    for ((n = 0; n < ${#notes[@]}; n++)); do
        [ "${notes[n]}" = "$note" ] && break
    done
    notes[n]=$note
    verdict="[$((n + 1))]"
}
