# bash completion for gocker(8)                                            -*- shell-script -*-
# Commands, options and what their values can be are read from `gocker help --table`, which prints the
# tables of the gocker that runs: "COMMAND<TAB>OPTION<TAB>VALUE<TAB>KIND", with "args" for the arguments.

_gocker_table() { # GOCKER: asked once for each completion
	[ -n "${_gocker_rows-}" ] || _gocker_rows=$("$1" help --table 2>/dev/null)
	printf '%s\n' "$_gocker_rows"
}

_gocker_commands() { # GOCKER [image]: the commands, or those of image
	if [ -n "${2-}" ]; then
		{ _gocker_table "$1" | sed -n 's/^image \([^\t]*\)\targs\t.*/\1/p'; echo ls; echo rm; }
	else
		{ _gocker_table "$1" | sed -n 's/^\([^\t ]*\)\targs\t.*/\1/p'; printf '%s\n' help images pull version; }
	fi
}

_gocker_full_name() { # COMMAND SUBCOMMAND: as the table has it
	case $1:$2 in
	images:*) echo 'image list' ;;
	pull:*) echo 'image pull' ;;
	image:ls) echo 'image list' ;;
	image:rm) echo 'image remove' ;;
	*) echo "$1${2:+ $2}" ;;
	esac
}

_gocker_options() { # GOCKER COMMAND
	_gocker_table "$1" | awk -F '\t' -v command="$2" '$1 == command && $2 ~ /^--/ { print $2 }'
}

_gocker_images() {
	"$1" image list --format json 2>/dev/null | grep -oE '"name": *"[^"]*"' | cut -d '"' -f 4 | sort -u
}

# The users of sessions, and people's accounts: from UID_MIN on, without nobody.
_gocker_users() {
	local least
	least=$(awk '$1 == "UID_MIN" { print $2 }' /etc/login.defs 2>/dev/null)
	getent passwd | awk -F : -v least="${least:-1000}" '$3 >= least && $3 < 65534 { print $1 }'
}

# What a value can be.
_gocker_value() { # GOCKER KIND CURRENT
	case $2 in
	user) compgen -W "$(_gocker_users)" -- "$3" ;;
	group) compgen -g -- "$3" ;;
	service) (cd /etc/pam.d 2>/dev/null && compgen -f -- "$3") ;;
	file) compgen -f -- "$3" ;;
	dir) compgen -d -- "$3" ;;
	image) compgen -W "$(_gocker_images "$1")" -- "$3" ;;
	session) compgen -W "$("$1" ps -q 2>/dev/null)" -- "$3" ;;
	host) compgen -A hostname -- "$3" ;;
	network) compgen -W 'up down status' -- "$3" ;;
	filter) compgen -W 'user= door= image= state= tty= from= id=' -- "$3" ;;
	signal)
		compgen -A signal -- "$3" | grep '^SIG'
		compgen -W "$(compgen -A signal SIG | sed 's/^SIG//')" -- "$3"
		;;
	command) compgen -c -- "$3" ;;
	*) compgen -W "$2" -- "$3" ;;
	esac
}

_gocker_kind_of_option() { # GOCKER COMMAND OPTION: what its value is; fails when it takes none
	local row
	row=$(_gocker_table "$1" | awk -F '\t' -v command="$2" -v option="$3" '$1 == command && $2 == option { print $3 "\t" $4 }')
	[ -n "${row%%$'\t'*}" ] || return 1
	echo "${row#*$'\t'}"
}

_gocker_kind_of_argument() { # GOCKER COMMAND NUMBER: of the arguments the how-many-th, from 1
	_gocker_table "$1" | awk -F '\t' -v command="$2" -v nth="$3" '$1 == command && $2 == "args" {
		n = split($4, kinds, " ")
		print kinds[nth < n ? nth : n]
	}'
}

_gocker() {
	local gocker=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} command='' sub='' n=0 i word kind full='' _gocker_rows
	_gocker_rows=$("$gocker" help --table 2>/dev/null)
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ -z "$command" ]; then
			command=$word
			full=$(_gocker_full_name "$command" "")
		elif [ "$word" = = ]; then # of an option whose value may be left out
			((++i))
		elif [[ $word == -* ]]; then
			# Its value is the next word, or one further when that is a "=" of its own. What stands
			# behind the command of run and exec is that command's.
			if [ "$n" = 0 ] && _gocker_kind_of_option "$gocker" "$full" "$word" >/dev/null; then
				((++i))
				[ "${COMP_WORDS[i]}" != = ] || ((++i))
			fi
		elif [ "$command" = image ] && [ -z "$sub" ]; then
			sub=$word
			full=$(_gocker_full_name "$command" "$sub")
		else
			((++n))
		fi
	done
	[ "$current" != = ] || current=''
	if ((i > COMP_CWORD)); then
		word=${COMP_WORDS[COMP_CWORD - 1]}
		[ "$word" != = ] || word=${COMP_WORDS[COMP_CWORD - 2]}
		kind=$(_gocker_kind_of_option "$gocker" "$full" "$word")
	elif [ -z "$command" ]; then
		kind="$(_gocker_commands "$gocker") --help --version"
	elif [ "$command" = help ]; then
		[ "$n" != 0 ] || kind=$(_gocker_commands "$gocker")
	elif [[ $current == -* ]] && { [ "$n" = 0 ] || [[ $command != run && $command != exec ]]; }; then
		kind=$(_gocker_options "$gocker" "$full")
	elif [ "$command" = image ] && [ -z "$sub" ]; then
		kind=$(_gocker_commands "$gocker" image)
	else
		kind=$(_gocker_kind_of_argument "$gocker" "$full" $((n + 1)))
	fi
	[ -z "$kind" ] || mapfile -t COMPREPLY < <(_gocker_value "$gocker" "$kind" "$current")
	case $kind in
	file | dir) compopt -o filenames 2>/dev/null ;;
	filter) compopt -o nospace 2>/dev/null ;;
	esac
}

complete -F _gocker gocker
