# Completion of `git-mc` and of `git mc` in fish. Its completion of git asks for this file by itself;
# that of fish 3.6.0 fails to, and needs it to be sourced in config.fish.
function __git_mc_complete
    set -l run git-mc
    set -l words (commandline -opc)
    if test "$words[1]" = git
        # What stands before `mc` says which repository is meant.
        set -l place (contains -i -- mc $words)
        or return
        set run $words[1..$place]
        set -e words[1..$place]
    else
        set -e words[1]
    end
    set -l line (string join " " -- git-mc (string escape -- $words))
    set -l word (commandline -ct)
    set -l before (string match -r -- '^--[^=]*=' $word)
    for answer in (_GIT_MC_COMPLETE=fish_complete COMP_WORDS="$line" COMP_CWORD="$word" $run 2>/dev/null)
        set -l parts (string split -m 1 , -- $answer)
        switch $parts[1]
            case plain
                echo "$before$parts[2]"
            case file
                __fish_complete_path $word
            case dir
                __fish_complete_directories $word
        end
    end
end

complete --no-files --command git-mc --arguments "(__git_mc_complete)"
complete --no-files --command git --condition "__fish_git_using_command mc" --arguments "(__git_mc_complete)"
