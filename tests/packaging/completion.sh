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
all_of() { "$@" --help | sed -n 's/^  \(-., \|    \)\(--[a-z0-9-]*\).*/\2/p' | sort -u | paste -sd ' '; }

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
# What takes a value comes from the parsers' own tables.
wrong='' table=$(gocker help --table) _gocker_rows=$(gocker help --table)
while IFS=$'\037' read -r command option value kind; do
	[ "$option" != args ] || continue
	if got=$(_gocker_kind_of_option gocker "$command" "$option"); then
		[ -n "$value" ] && [ "$got" = "$kind" ] || wrong+=" $command $option"
	else
		[ -z "$value" ] || wrong+=" $command $option"
	fi
done < <(awk -F '\t' -v OFS='\037' '{ print $1, $2, $3, $4 }' <<<"$table")
is "$wrong" "" "which options take a value, and of what kind, is as the parsers' tables say"
check "the table has options with a value and without" grep -q $'^ps\t--user\tUSER\tuser$' <<<"$table"
unset _gocker_rows
is "$(completes gocker run --network '')" "host none private" "the values of an option"
is "$(completes gocker ps --format = j)" json "and after a ="
is "$(completes gocker ps --door =)" "pam run shell" "at once after it"
is "$(completes gocker kill -s SIGTER)" SIGTERM "a signal"
is "$(completes gocker kill -s TER)" TERM "and by its short name"
unlike "$(completes gocker kill -s '')" "EXIT|DEBUG" "what only the shell calls a signal is not offered"
is "$(completes gocker image rm al)" alpine "an image, after a short name"
is "$(completes gocker ps --filter us)" user= "a key of a filter"
echo '10.9.1.2 classroom7' >"$GKT_WORK/hosts"
is "$(HOSTFILE=$GKT_WORK/hosts completes gocker ps --host classr)" classroom7 "a host"
is "$(completes gocker help expl)" explain "a command to get help about"
is "$(completes gocker image verify al)" alpine "an image"
is "$(completes gocker run --image al)" alpine "an image as a value"
add_user zacharias
is "$(completes gocker explain zach)" zacharias "a user"
unlike " $(completes gocker explain '') " " (daemon|sshd|nobody) " "no system account"
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
