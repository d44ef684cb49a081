# fish completion for overlay-agent. Asks the program itself, so it knows just the verbs and flags of the one that is installed.

function __overlay_agent_help
    set -l words (commandline -opc)
    if set -q words[2]; and not string match -q -- '-*' $words[2]; and test $words[2] != run
        overlay-agent help $words[2] 2>/dev/null
    else
        overlay-agent --help 2>/dev/null
    end
end

complete -c overlay-agent -n '__fish_is_first_arg' -f -a 'run (overlay-agent --help 2>/dev/null | sed -n "/^verbs/,/^\$/s/^  \([a-z][a-z-]*\).*/\1/p")'
complete -c overlay-agent -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__overlay_agent_help | sed -n "s/^  \(-h, \)\{0,1\}\(--\{0,1\}[a-z][a-z0-9_-]*\).*/\2/p")'
