# bash completion for gocker(8)                                            -*- shell-script -*-
# Options are read out of `gocker COMMAND --help`, so that they are those of the gocker that runs.

_gocker_commands() { # the commands that --help of "gocker" or "gocker image" lists
	"$@" --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\)  *[^ ].*/\1/p'
}

_gocker_options() {
	"$@" --help 2>/dev/null | grep -oE -- '(^|[ [])--[a-z][a-z-]*' | tr -d '[ ' | sort -u
}

_gocker_images() {
	"$1" image list --format json 2>/dev/null | grep -oE '"name": *"[^"]*"' | cut -d '"' -f 4 | sort -u
}

# What the value of an option, or of any command's argument, can be.
_gocker_value() { # GOCKER WHAT CURRENT
	case $2 in
	user) compgen -u -- "$3" ;;
	file) compgen -f -- "$3" ;;
	dir) compgen -d -- "$3" ;;
	image) compgen -W "$(_gocker_images "$1")" -- "$3" ;;
	session) compgen -W "$("$1" ps -q 2>/dev/null)" -- "$3" ;;
	signal) compgen -A signal -- "$3" ;;
	command) compgen -c -- "$3" ;;
	*) compgen -W "$2" -- "$3" ;;
	esac
}

_gocker_kind_of_option() { # COMMAND OPTION: what its value is; fails when it takes none
	case $1:$2 in
	*:--format) echo 'text json' ;;
	ps:--door) echo 'shell pam run' ;;
	*:--door) echo 'shell pam' ;;
	kill:-s | *:--signal) echo signal ;;
	disable:-s | *:--shell | *:--config | *:--file | *:--log | *:--prometheus | *:--sshd-config) echo file ;;
	run:-u | exec:-u | ps:-u | top:-u | stats:-u | logs:-u | kill:-u | stop:-u | *:--user) echo user ;;
	*:--service | *:--break-glass) echo '' ;;
	*:--image) echo image ;;
	*:--image-dir | run:-v | *:--volume) echo dir ;;
	*:--network) echo 'host none' ;;
	image:--with) echo command ;;
	run:-h | run:-m | run:-e | run:-w | stop:-t | *:--time | exec:-e | exec:-w | logs:-n | top:-d | *:--delay | *:--hostname | *:--pids-limit | \
		*:--memory | *:--cpus | *:--env | *:--workdir | *:--command | *:--mirror | *:--release | \
		*:--max-size | *:--max-entries | *:--lines) echo '' ;;
	*) return 1 ;;
	esac
}

_gocker_kind_of_argument() { # COMMAND SUBCOMMAND NUMBER: of the arguments the how-many-th, from 1
	case $1:$2 in
	image:import) [ "$3" != 2 ] || echo file ;;
	image:tools | image:edit) if [ "$3" = 1 ]; then echo image; else echo command; fi ;;
	image:*) echo image ;;
	run:) echo command ;;
	exec:) if [ "$3" = 1 ]; then echo session; else echo command; fi ;;
	check:) echo file ;;
	explain: | enable: | disable: | doctor:) echo user ;;
	inspect: | stop: | kill: | freeze: | thaw: | logs:) echo session ;;
	esac
}

_gocker() {
	local gocker=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} command='' sub='' n=0 i word kind
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ -z "$command" ]; then
			command=$word
		elif [ "$word" = = ]; then # of an option whose value may be left out
			((++i))
		elif [[ $word == -* ]]; then
			# Its value is the next word, or one further when that is a "=" of its own. What stands
			# behind the command of run and exec is that command's.
			if [ "$n" = 0 ] && _gocker_kind_of_option "$command" "$word" >/dev/null; then
				((++i))
				[ "${COMP_WORDS[i]}" != = ] || ((++i))
			fi
		elif [ "$command" = image ] && [ -z "$sub" ]; then
			sub=$word
		else
			((++n))
		fi
	done
	[ "$current" != = ] || current=''
	if ((i > COMP_CWORD)); then
		word=${COMP_WORDS[COMP_CWORD - 1]}
		[ "$word" != = ] || word=${COMP_WORDS[COMP_CWORD - 2]}
		kind=$(_gocker_kind_of_option "$command" "$word")
	elif [ -z "$command" ]; then
		kind="$(_gocker_commands "$gocker") --help --version"
	elif [[ $current == -* ]] && { [ "$n" = 0 ] || [[ $command != run && $command != exec ]]; }; then
		kind=$(_gocker_options "$gocker" "$command" ${sub:+"$sub"})
	elif [ "$command" = image ] && [ -z "$sub" ]; then
		kind=$(_gocker_commands "$gocker" image)
	else
		kind=$(_gocker_kind_of_argument "$command" "$sub" $((n + 1)))
	fi
	[ -z "$kind" ] || mapfile -t COMPREPLY < <(_gocker_value "$gocker" "$kind" "$current")
	case $kind in file | dir) compopt -o filenames 2>/dev/null ;; esac
}

complete -F _gocker gocker
