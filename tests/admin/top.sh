#!/bin/bash
# gocker top and ps in terminals of 80 and 200 columns: no line is broken, keys do what they say.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need tmux
need_product
export LC_ALL=C.UTF-8 TMUX_TMPDIR=$GKT_WORK
long='echo ready; : äöü ŝĉĝ 日本語 and a command that is far too long for a terminal of eighty columns, and even for one of two hundred columns, which is why it has to be cut somewhere before the edge of the screen; sleep 1000; :'
add_user alice
add_user with-a-very-long-name-that-fills-a-column
set_ini 'user_sessions_max = 64' 'pids_max = 4'
start_sshd
remember_host
for user in alice alice with-a-very-long-name-that-fills-a-column; do
	# The third comes through the other door.
	if [ "$user" != alice ]; then
		stop_sshd
		open_door pam
		start_sshd
	fi
	start_session $user "$long"
	pids+=("$session_pid")
done

screen() { tmux -f /dev/null capture-pane -p -t "$1"; }
shows() { screen "$1" | grep -q "$2"; }
gone() { ! tmux has-session -t "$1"; }
open_terminal() { # NAME WIDTH HEIGHT CMD...
	tmux -f /dev/null new-session -d -s "$1" -x "$2" -y "$3" "${@:4}"
}
type_keys() { tmux send-keys -t "$1" "${@:2}"; }

for width in 80 200; do
	open_terminal ps$width $width 24 "gocker ps; sleep 100"
	check "ps in $width columns" wait_until 30 shows ps$width '^[0-9a-f]\{12\} with'
	text=$(screen ps$width)
	is "$(grep -c . <<<"$text")" 4 "ps in $width columns: a line for the titles and one for each session"
	is "$(grep -cE '^[0-9a-f]{12} ' <<<"$text")" 3 "each begins with its id: none is broken"
	like "$text" 'ID +USER .*PIDS.* COMMAND' "the columns that matter are there"
	open_terminal top$width $width 24 "gocker top; sleep 100"
	check "top in $width columns" wait_until 30 shows top$width '^[0-9a-f]\{12\} with'
	text=$(screen top$width)
	is "$(grep -cE '^[0-9a-f]{12} ' <<<"$text")" 3 "top in $width columns: each session is one line"
	like "$text" 'gocker top .* 3 sessions, [0-9]+ tasks, by tasks' "top in $width columns: the heading"
	like "$text" '\[\|+ +2/4\]' "top in $width columns: a bar for the tasks, half full"
	is "$(sed -n 3,5p <<<"$text" | grep -c '\]')" 3 "top in $width columns: bars are whole"
	like "$(tail -n 1 <<<"$text")" '^up/down move .* q quit' "top in $width columns: the keys"
done
for door in shell pam; do
	like "$(screen top200)" "$door +alpine +- +127.0.0.1 " "200 columns show door ($door), image, terminal and origin"
	like "$(screen ps200)" "$door +alpine +- +127.0.0.1 " "so does ps ($door)"
done

# Narrow ones: fewer columns, and still a line for each session.
for width in 40 8; do
	for command in ps stats top; do
		open_terminal narrow $width 12 "gocker $command; sleep 100"
		check "$command in $width columns" wait_until 30 eval '[ "$(screen narrow | grep -c "^[0-9a-f]\{7\}")" = 3 ]'
		text=$(screen narrow | grep .)
		is "$(grep -vcE '^([0-9a-f]{7}|ID|gocker|s sort|up/down)' <<<"$text")" 0 "$command in $width columns: no line is broken"
		tmux kill-session -t narrow
	done
done

open_terminal watch 80 12 "gocker ps --watch=600 --user alice"
check "ps --watch" wait_until 30 eval '[ "$(screen watch | grep -c "^[0-9a-f]\{12\}")" = 2 ]'
tmux resize-window -t watch -x 44 -y 12
check "ps --watch is drawn anew for another size, long before its time" \
	wait_until 30 eval 'screen watch | grep -q "^ID  *USER  *AGE PIDS COMMAND$"'
is "$(screen watch | grep -c .)" 3 "and no line is broken"
tmux resize-window -t watch -x 80 -y 4
check "more sessions than lines are counted" wait_until 30 shows watch '(and 1 more)'
check "below the titles, which stay" wait_until 30 shows watch '^ID  *USER'
tmux kill-session -t watch
open_terminal watch 80 12 "gocker ps --watch=1"
check "ps --watch shows what lives" wait_until 30 eval '[ "$(screen watch | grep -c "^[0-9a-f]\{12\}")" = 3 ]'

type_keys top80 s s s
check "s sorts by something else" wait_until 30 shows top80 'by age'
type_keys top80 s
check "and by the user" wait_until 30 shows top80 'by user'
like "$(screen top80 | sed -n 5p)" with-a "the last in the alphabet is the last"
type_keys top80 r
check "r turns it round" wait_until 30 shows top80 'by user, least first'
check "and then it is the first" wait_until 30 eval 'screen top80 | sed -n 3p | grep -q with-a'
type_keys top80 Home Enter
check "enter shows everything about a session" wait_until 30 shows top80 'session [0-9a-f]* of with-a'
like "$(screen top80)" 'Tasks +2 of 4 \(\[default\]\)' "as gocker inspect says it"
type_keys top80 x
check "any key goes back" wait_until 30 shows top80 '^gocker top'
type_keys top80 k
check "k asks" wait_until 30 shows top80 'kill session [0-9a-f]* of with-a.*y/n'
type_keys top80 n
check "and n kills nothing" wait_until 30 shows top80 'nothing was killed'
is "$("$GOCKER" ps -q | wc -l)" 3 "all live"
type_keys top80 k y
check "y does" wait_until 30 shows top80 ' was killed'
check "and the session is gone" wait_until 30 no_session with-a-very-long-name-that-fills-a-column
check "from the screen as well" wait_until 30 shows top80 '2 sessions'
check "and from that of ps --watch" wait_until 30 eval '[ "$(screen watch | grep -c "^[0-9a-f]\{12\}")" = 2 ]'
tmux resize-window -t top80 -x 132 -y 10
check "another size is drawn at once" wait_until 30 eval '[ "$(screen top80 | grep -cE "^[0-9a-f]{12} ")" = 2 ]'
tmux resize-window -t top80 -x 30 -y 4
check "even a tiny one" wait_until 30 shows top80 '^gocker top'
type_keys top80 q
tmux kill-server
end_client "${pids[@]}"
wait
run "$GOCKER" top
is "$rc" 2 "without a terminal top is a usage error"
check_clean "nothing is left"
