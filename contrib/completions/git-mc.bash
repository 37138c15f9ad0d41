# Completion of `git mc` and of `git-mc` in bash.
#
# Git's own completion calls _git_mc for `git mc`, in zsh, too, where its wrapper for zsh is used; it
# loads this file by itself where it lies among the completions of bash.

# Print what the words may go on with: $1 is the place of the last one, from 0 on, and the rest are
# the words from `git-mc` on. What of it runs git mc is $__git_mc_run.
__git_mc_ask () {
	local place=$1 line
	shift
	COMP_WORDS="$*" COMP_CWORD=$place _GIT_MC_COMPLETE=bash_complete $__git_mc_run 2>/dev/null |
		while IFS= read -r line; do
			case $line in plain,*) printf '%s\n' "${line#plain,}" ;; esac
		done
}

_git_mc () {
	local start=$((__git_cmd_idx + 1)) __git_mc_run="__git mc" part=$cur
	case $cur in --*=*) part=${cur#*=} ;; esac
	# $start and not start: zsh reads this, too.
	__gitcomp_nl "$(__git_mc_ask $((cword - start + 1)) git-mc "${words[@]:$start}")" "" "$part"
}

if [ -n "${BASH_VERSION-}" ]; then
	_git_mc_alone () {
		local IFS=$' \t\n' __git_mc_run="git-mc" word last=""
		local -a whole=()
		# Bash takes `--option=value` for three words.
		for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
			if [ ${#whole[@]} -gt 0 ] && { [ "$word" = = ] || [ "$last" = = ]; }; then
				whole[${#whole[@]}-1]+=$word
			else
				whole+=("$word")
			fi
			last=$word
		done
		IFS=$'\n'
		COMPREPLY=($(IFS=' ' __git_mc_ask $((${#whole[@]} - 1)) "${whole[@]}"))
	}
	complete -o bashdefault -o default -F _git_mc_alone git-mc
fi
