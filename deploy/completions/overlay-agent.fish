# fish completion for overlay-agent. Asks the program itself, so it knows just the verbs and flags of the one that is installed.

function __overlay_agent_verbs
    overlay-agent --help 2>/dev/null | sed -n '/^verbs/,/^$/s/^  \([a-z][a-z -]*[a-z]\).*/\1/p' | sed 's/  .*//'
end

# The help of the verb on the command line, of one word or two; else the daemon's.
function __overlay_agent_help
    set -l words (commandline -opc) '' ''
    for verb in "$words[2] $words[3]" $words[2]
        if contains -- "$verb" (__overlay_agent_verbs)
            overlay-agent help (string split ' ' -- $verb) 2>/dev/null
            return
        end
    end
    overlay-agent --help 2>/dev/null
end

# The second words of verbs that have two.
function __overlay_agent_seconds
    set -l words (commandline -opc)
    if test (count $words) -eq 2
        __overlay_agent_verbs | string replace -rf -- "^$words[2] " ''
    end
end

# The values that a flag chooses from: of the flag before, or of the one in this word.
function __overlay_agent_choices
    set -l flag (commandline -opc)[-1]
    set -l before ''
    if string match -q -- '-*=*' (commandline -ct)
        set flag (string split -m 1 -- = (commandline -ct))[1]
        set before "$flag="
    end
    __overlay_agent_help | awk -F '  +' -v flag="$flag" '{ split($2, words, " ") } words[1] == flag && words[2] ~ /^[a-z].*\|/ { print words[2] }' |
        string split '|' | string replace -r -- '^' "$before"
end

complete -c overlay-agent -n __fish_is_first_arg -f -a 'run (__overlay_agent_verbs | string replace -r " .*" "")'
complete -c overlay-agent -n 'count (__overlay_agent_seconds) >/dev/null' -f -a '(__overlay_agent_seconds)'
complete -c overlay-agent -n 'count (__overlay_agent_choices) >/dev/null' -f -a '(__overlay_agent_choices)'
complete -c overlay-agent -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__overlay_agent_help | sed -n "s/^  \(-h, \)\{0,1\}\(--\{0,1\}[a-z][a-z0-9_-]*\).*/\2/p")'
