# bash completion for overlay-agent. Asks the program itself, so it knows just the verbs and flags of the one that is installed.

_overlay_agent()
{
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]} help verbs value='' verb=''
    local IFS=$' \t\n'
    # "=" splits words: a value stands behind "--flag" and "=".
    if [[ $word == = ]]; then word=''
    elif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi

    help=$("$program" --help 2>/dev/null) || return
    verbs=$(sed -n '/^verbs/,/^$/s/^  \([a-z][a-z -]*[a-z]\).*/\1/p' <<<"$help" | sed 's/  .*//')
    if ((COMP_CWORD > 1)); then
        verb=$(grep -Fx -e "${COMP_WORDS[1]} ${COMP_WORDS[2]}" -e "${COMP_WORDS[1]}" <<<"$verbs" | tail -n 1)
        # shellcheck disable=SC2086  # a verb may be two words
        if [[ -n $verb ]]; then help=$("$program" help $verb 2>/dev/null); fi
    fi

    # What a flag's value looks like, by the word behind it. The examples of --help begin with the program's name, which is no flag.
    if [[ $previous == -* ]]; then value=$(awk -F '  +' -v flag="$previous" '{ split($2, words, " ") } words[1] == flag { print words[2] }' <<<"$help"); fi
    case $value in
        FILE) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        FOLDER) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        [a-z]*'|'*) mapfile -t COMPREPLY < <(compgen -W "${value//|/ }" -- "$word"); return ;;
        [A-Z]*) return ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^  \(-h, \)\{0,1\}\(--\{0,1\}[a-z][a-z0-9_-]*\).*/\2/p' <<<"$help")" -- "$word")
    elif [[ $COMP_CWORD == 1 || $previous == help ]]; then
        mapfile -t COMPREPLY < <(compgen -W "run $(awk '!seen[$1]++ { print $1 }' <<<"$verbs")" -- "$word")
    elif ((COMP_CWORD == 2)); then
        mapfile -t COMPREPLY < <(compgen -W "$(awk -v first="$previous" '$1 == first { print $2 }' <<<"$verbs")" -- "$word")
    fi
}
complete -F _overlay_agent overlay-agent
