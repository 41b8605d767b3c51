#!/bin/bash
# bash's completion of gocker, driven as the shell drives it.
. "$(dirname "$0")/../lib/test.sh"
need_product
# shellcheck source=packaging/completions/gocker.bash
. /usr/local/share/bash-completion/completions/gocker
set_ini

# completes WORD...: what the last word can become, sorted, on one line. Words are as the shell cuts
# them: "=" is one of its own.
completes() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_gocker
	printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '
}
all_of() { "$@" --help | grep -oE -- '(^|[ [])--[a-z][a-z-]*' | tr -d '[ ' | sort -u | paste -sd ' '; }

is "$(complete -p gocker)" "complete -F _gocker gocker" "gocker has a completion"
is "$(completes gocker ex)" "exec explain" "a command that is begun"
for command in $("$GOCKER" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p'); do
	like " $(completes gocker '') " " $command " "gocker $command is offered"
	is "$(completes gocker "$command" --)" "$(all_of "$GOCKER" "$command")" "and its options"
done
for sub in $("$GOCKER" image --help | sed -n 's/^  \([a-z]\{1,\}\) \[.*/\1/p'); do
	like " $(completes gocker image '') " " $sub " "gocker image $sub is offered"
	is "$(completes gocker image "$sub" --)" "$(all_of "$GOCKER" image "$sub")" "and its options"
done
# An option that takes a value has a word in capitals behind it in the help text.
options_of() { # WITH|WITHOUT CMD...: -x and --long, one a line
	local line=' [A-Z]' which=$1
	shift
	"$@" --help | sed -n 's/^  \(-., \|    \)\(--[a-z-]\{1,\}.\{0,2\}\).*/\1\2/p' |
		if [ "$which" = with ]; then grep "$line"; else grep -v "$line"; fi | grep -oE -- '-(-[a-z][a-z-]*|[a-zA-Z],)' | tr -d ,
}
for command in $("$GOCKER" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p'); do
	wrong=
	subs=''
	[ "$command" != image ] || subs=$("$GOCKER" image --help | sed -n 's/^  \([a-z]\{1,\}\) \[.*/\1/p')
	for sub in $subs ''; do
		for option in $(options_of with "$GOCKER" "$command" ${sub:+"$sub"}); do
			_gocker_kind_of_option "$command" "$option" >/dev/null || wrong+=" $option"
		done
		for option in $(options_of without "$GOCKER" "$command" ${sub:+"$sub"}); do
			! _gocker_kind_of_option "$command" "$option" >/dev/null || wrong+=" $option"
		done
	done
	is "$wrong" "" "gocker $command: which of its options take a value is known"
done
is "$(completes gocker run --network '')" "host none" "the values of an option"
is "$(completes gocker ps --format = j)" json "and after a ="
is "$(completes gocker ps --door =)" "pam run shell" "at once after it"
is "$(completes gocker kill -s SIGTER)" SIGTERM "a signal"
is "$(completes gocker image verify al)" alpine "an image"
is "$(completes gocker run --image al)" alpine "an image as a value"
add_user zacharias
is "$(completes gocker explain zach)" zacharias "a user"
is "$(completes gocker enable -n zach)" zacharias "a user after an option"
is "$(completes gocker run --user zach)" zacharias "a user as a value"
is "$(completes gocker run ls --)" "" "the options of a command that is run are its own"
mkdir "$GKT_WORK/d" && : >"$GKT_WORK/d/new.ini"
is "$(completes gocker check "$GKT_WORK/d/n")" "$GKT_WORK/d/new.ini" "a file"
start_sshd
remember_host
hold_session zacharias
id=$("$GOCKER" ps -q)
is "$(completes gocker kill "${id:0:4}")" "$id" "a session"
is "$(completes gocker exec "$id" tru)" "$(compgen -c tru | sort | paste -sd ' ')" "a command for it"
drop_session
check_clean "nothing is left"
