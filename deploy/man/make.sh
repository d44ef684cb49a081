#!/usr/bin/env bash
# Prints the manual page: overlay-agent.8.in, with the options and the verbs as BINARY itself explains them, so that the page
# cannot say anything else than the program.
#
#   deploy/man/make.sh BINARY >overlay-agent.8
set -euo pipefail
folder=$(dirname "${BASH_SOURCE[0]}")
binary=$1

# roff: text in which no character means anything to troff.
roff() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\\([.']\\)/\\\\\&\\1/"; }

# The sections of --help: a heading at the start of a line, then entries that are indented by two. Help text stands in column
# 38, on a line of its own where the entry is too long.
entries() {
    "$binary" --help | roff | awk -v want="$1" '
        function flush() { if (left != "") printf ".TP\n.B %s\n%s\n", left, text; left = text = "" }
        /^$/ { flush(); open = 0; next }
        /^[^ ]/ { flush(); open = 1; heading = $0; isVerbs = heading ~ /^verbs/; named = 0; next }
        !open || (want == "verbs") != isVerbs || heading ~ /^exit status/ || heading ~ /^examples/ { next }
        want != "verbs" && !/^  \\-/ && left == "" { next }
        !named && want != "verbs" { printf ".SS \"%s\"\n", heading; named = 1 }
        /^  [^ ]/ { flush(); left = $0; sub(/^  /, "", left); at = match(left, /   */); if (at) { text = substr(left, at); left = substr(left, 1, at - 1); sub(/^ */, "", text) } next }
        { sub(/^ */, ""); text = text == "" ? $0 : text " " $0 }
        END { flush() }'
}

verbs() {
    local name
    entries verbs
    "$binary" --help | sed -n '/^verbs/,/^$/s/^  \([a-z].*\)/\1/p' | sed 's/  .*//; s/ [^a-z].*//' | while read -r name; do
        printf '.SS "overlay\\-agent %s"\n.nf\n' "$(roff <<<"$name")"
        # shellcheck disable=SC2086  # a verb may be two words
        "$binary" help $name | sed 1,2d | roff
        printf '.fi\n'
    done
}

while IFS= read -r line; do
    case $line in
        @OPTIONS@) entries options ;;
        @VERBS@) verbs ;;
        @TITLE@) printf '.TH OVERLAY\\-AGENT 8 "" "%s" "System Administration"\n' "$("$binary" --version | sed 's/+.*//; s/ (.*//')" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <"$folder/overlay-agent.8.in"
