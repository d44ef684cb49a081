#compdef overlay-agent
# zsh completion for overlay-agent. Asks the program itself, so it knows just the verbs and flags of the one that is installed.

local help=$($words[1] --help 2>/dev/null) verb flag=$words[CURRENT-1]
local -a verbs flags seconds choices
verbs=(${(f)"$(sed -n '/^verbs/,/^$/s/^  \([a-z][a-z -]*[a-z]\).*/\1/p' <<<$help | sed 's/  .*//')"})
if (( CURRENT > 2 )); then
    for verb in "$words[2] $words[3]" "$words[2]"; do
        if (( $verbs[(Ie)$verb] )); then help=$($words[1] help ${=verb} 2>/dev/null); break; fi
    done
fi
flags=(${(f)"$(sed -n 's/^  \(-h, \)\{0,1\}\(--\{0,1\}[a-z][a-z0-9_-]*\).*/\2/p' <<<$help)"})
if (( CURRENT == 3 )); then seconds=(${${(M)verbs:#$words[2] *}#* }); fi
# The values that a flag chooses from: of the flag before, or of the one in this word.
if [[ $PREFIX == -*=* ]]; then flag=${PREFIX%%=*}; compset -P '*='; fi
choices=(${(s:|:)"$(awk -F '  +' -v flag="$flag" '{ split($2, words, " ") } words[1] == flag && words[2] ~ /^[a-z].*\|/ { print words[2] }' <<<$help)"})

if (( $#choices )); then
    compadd -- $choices
elif [[ $PREFIX == -* ]]; then
    compadd -- $flags
elif (( CURRENT == 2 )); then
    compadd -- run ${(u)verbs%% *}
elif (( $#seconds )); then
    compadd -- $seconds
else
    _files
fi
