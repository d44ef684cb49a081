#compdef overlay-agent
# zsh completion for overlay-agent. Asks the program itself, so it knows just the verbs and flags of the one that is installed.

local help=$($words[1] --help 2>/dev/null)
local -a verbs flags
verbs=(run ${(f)"$(sed -n '/^verbs/,/^$/s/^  \([a-z][a-z -]*[a-z]\).*/\1/p' <<<$help | sed 's/  .*//')"})
if (( CURRENT > 2 )) && (( $verbs[(Ie)$words[2]] )) && [[ $words[2] != run ]]; then help=$($words[1] help $words[2] 2>/dev/null); fi
flags=(${(f)"$(sed -n 's/^  \(-h, \)\{0,1\}\(--\{0,1\}[a-z][a-z0-9_-]*\).*/\2/p' <<<$help)"})

if [[ $PREFIX == *=* ]]; then
    compset -P '*='
    _files
elif [[ $PREFIX == -* ]]; then
    compadd -- $flags
elif (( CURRENT == 2 )); then
    compadd -- $verbs
else
    _files
fi
