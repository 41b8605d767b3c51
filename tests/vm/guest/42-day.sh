#!/bin/bash
# part: logins
# timeout: 1800
# A user's day with share = user, through both doors: tmux and a job, a line that is cut, a login from elsewhere that
# attaches, a logout, a return within linger; and nothing left after it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need tmux expect
need_product
have_user alice
have_user carol --shell /bin/sh

no_logins_inside() { ! "$GOCKER" ps --format '{kind}' | grep -q login; }
logins_inside() { [ "$("$GOCKER" ps --format '{kind}' | grep -c login)" = "$1" ]; }
panes() { ssh_as "$user" 'tmux list-panes -a -F "#{pane_pid} #{session_name}"'; }
attached() { [ "$(ssh_as "$user" 'tmux list-clients -t main | wc -l')" = "$1" ]; }

day() { # DOOR USER
	local door=$1 user=$2 line pane
	set_ini 'image = host' 'pids_max = 60' 'share = user' 'linger = 1h'
	start_sshd ''
	remember_host
	# From home: tmux on a terminal, and a job. Then the line is cut.
	TERM=xterm ssh -tt -l "$user" gocker 'nohup sleep 1111 >/dev/null 2>&1 & exec tmux -f /dev/null new -A -s main' </dev/null \
		>"$GKT_WORK/home" 2>&1 &
	line=$!
	check "$door: a user has started tmux" wait_until 60 attached 1
	pane=$(panes)
	like "$pane" '^[0-9]+ main$' "$door: with a shell in it"
	kill -KILL "$line"
	wait "$line" 2>/dev/null
	check "$door: the line is cut, and the login ends" wait_until 60 no_logins_inside
	# From elsewhere: it is attached again, and left by its own key.
	expect_test "$door: from elsewhere tmux and the job are found" <<-TCL
		set env(TERM) xterm
		spawn -noecho ssh -tt -l $user gocker {pgrep -fx "sleep 1111" >/dev/null && echo job-there; exec tmux -f /dev/null new -A -s main}
		want {job-there}
		want {\[main\]}
		say {echo at-\$((40+2))}
		want {at-42}
		send "\002d"
		want {detached}
		ended
	TCL
	is "$(panes)" "$pane" "$door: it was the same one"
	check "$door: the user has logged out" wait_until 60 no_logins_inside
	# Back within linger.
	is "$(panes)" "$pane" "$door: and comes back to it"
	# A linger that passes.
	"$GOCKER" stop "$user" >/dev/null
	set_ini 'image = host' 'pids_max = 60' 'share = user' 'linger = 3s'
	run ssh_as "$user" 'nohup sh -c "trap \"\" HUP TERM; sleep 1111; sleep 1111" >/dev/null 2>&1 & tmux -f /dev/null new -d -s main'
	is "$rc" 0 "$door: the next day"
	check "$door: after linger nothing of it runs" wait_until 60 no_sessions
	check_clean "$door: and nothing is left" 30
}
day shell alice
pam_door_on
day pam carol
pam_door_off
start_sshd ''
