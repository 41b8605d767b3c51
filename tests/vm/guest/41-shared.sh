#!/bin/bash
# part: logins
# host: systemd
# timeout: 1800
# share = user beside logind: the container and its holder are in gocker.scope, each login is in its own session's
# scope, and what ends one of them ends that alone. What ends all that a user has ends the container.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user carol --shell /bin/sh
set_ini 'share = user' 'linger = 1h'
start_sshd ''
remember_host

holder() { pgrep -x gocker-holder; }
group_of() { cut -d: -f3 "/proc/$1/cgroup"; }
kinds() { "$GOCKER" ps --format '{kind}' | sort | uniq -c | awk '{ printf "%s%s:%s", (NR > 1) ? " " : "", $2, $1 }'; }
no_logins_inside() { ! "$GOCKER" ps --format '{kind}' | grep -q login; }
session() { logind_sessions "$1" | cut -d ' ' -f 1; }
runs() { pgrep -fx "$1" >/dev/null; }
gone() { ! pgrep -fx "$1" >/dev/null; }
unused() { no_sessions && [ -z "$(session_leaves)" ]; }

# hold USER [SCRIPT]: a login that stays and ignores what asks it to end, in a container that may be there already.
hold() {
	rm -f "$GKT_WORK/held"
	ssh -l "$1" gocker "trap '' HUP TERM
		${2:-:}
		echo ready
		while :; do sleep 1000; done" </dev/null >"$GKT_WORK/held" 2>&1 &
	held=$!
	check "a login of $1 can be held" wait_until 60 grep -q ready "$GKT_WORK/held"
}
drop() {
	kill -KILL $held
	wait $held
} 2>/dev/null

# through DOOR USER: what logind does to a login, and what administrators do to all.
through() {
	local door=$1 user=$2 name=$1
	hold "$user" 'nohup sleep 1111 >/dev/null 2>&1 &'
	like "$(group_of "$(holder)")" 'gocker.scope/' "$name: the holder is in gocker.scope"
	like "$(group_of "$(pgrep -fx 'sleep 1111')")" "gocker.scope/u$(uid_of "$user")/" "$name: the container is, too"
	like "$(logind_sessions "$user")" '^[0-9a-z]+ active$' "$name: loginctl lists the login"
	check "$name: loginctl terminate-session" loginctl terminate-session "$(session "$user")"
	check "$name: ends the login for logind" wait_until 30 no_logins "$user"
	check "$name: and for gocker" wait_until 30 no_logins_inside
	drop
	is "$(kinds)" container:1 "$name: the container stays"
	check "$name: with its job" runs 'sleep 1111'
	run ssh_as "$user" 'ps; exit 3'
	is "$rc" 3 "$name: the next login joins it"
	like "$out" 'sleep 1111' "$name: and sees the job"
	check "$name: and ends for logind, job or not" wait_until 30 no_logins "$user"
	is "$(kinds)" container:1 "$name: the container stays after a logout"
	hold "$user"
	"$GOCKER" stop "$user" >/dev/null
	check "$name: gocker stop ends it with the login in it" wait_until 60 unused
	check "$name: and its jobs" gone 'sleep 1111'
	drop
	check "$name: which ends for logind, too" wait_until 30 no_logins "$user"
	check_clean "$name: nothing is left" 30
}

holder_says() { gocker_log | grep -q "gocker-shell.*event=$1"; }
let_go() { ! loginctl --no-legend list-users | awk '{ print $2 }' | grep -qx "$1"; }

# ends DOOR USER: what ends all that a user has.
ends() {
	local name=$1 user=$2
	hold "$user" 'nohup sleep 1111 >/dev/null 2>&1 &'
	mark_syslog
	check "$name: loginctl terminate-user" loginctl terminate-user "$user"
	check "$name: ends the container with the login in it" wait_until 60 unused
	check "$name: and its jobs" gone 'sleep 1111'
	check "$name: which the log says" wait_until 30 holder_says 'end id=[0-9a-f]* reason=terminate-user'
	drop
	check "$name: the login ends for logind" wait_until 30 no_logins "$user"
	check_clean "$name: nothing is left of it" 30

	kill_user_processes yes
	hold "$user" 'nohup sleep 1111 >/dev/null 2>&1 &'
	mark_syslog
	run ssh_as "$user" 'ps; exit 4'
	like "$rc:$out" '^4:.*sleep 1111' "$name, KillUserProcesses=yes: logins share a container"
	is "$(kinds)" 'container:1 login:1' "$name, KillUserProcesses=yes: which stays while one of them is in it"
	check "$name, KillUserProcesses=yes: with its job" runs 'sleep 1111'
	drop
	check "$name, KillUserProcesses=yes: the last logout ends it" wait_until 60 unused
	check "$name, KillUserProcesses=yes: with what was left running" gone 'sleep 1111'
	check "$name, KillUserProcesses=yes: and the login for logind" wait_until 30 no_logins "$user"
	kill_user_processes yes "KillExcludeUsers=root $user"
	run ssh_as "$user" 'nohup sleep 1111 >/dev/null 2>&1 &'
	check "$name, KillExcludeUsers=$user: a login ends for logind" wait_until 30 no_logins "$user"
	check "$name, KillExcludeUsers=$user: and leaves its job" runs 'sleep 1111'
	"$GOCKER" stop "$user" >/dev/null
	check_clean "$name: nothing is left" 60
}

# One whom logind lets go at once after the last logout is stopping for it, too, and has linger.
goes() { # DOOR USER
	kill_user_processes no UserStopDelaySec=0
	let_runtime_dirs_go
	run ssh_as "$2" 'nohup sleep 1111 >/dev/null 2>&1 &'
	check "$1: after the last logout logind forgets the user" wait_until 60 let_go "$2"
	is "$(kinds)" container:1 "$1: the container stays"
	check "$1: with its job" runs 'sleep 1111'
	"$GOCKER" stop "$2" >/dev/null
	check_clean "$1: nothing is left after it" 60
	kill_user_processes no
}
kill_user_processes no
through shell alice
ends shell alice
goes shell alice
pam_door_on
start_sshd ''
through pam carol
ends pam carol
goes pam carol

# The end of everybody, with a login in one container and none in another.
run ssh_as alice 'nohup sleep 1111 >/dev/null 2>&1 &'
hold carol 'nohup sleep 2222 >/dev/null 2>&1 &'
is "$(kinds)" 'container:2 login:1' "two containers, one of them with a login"
mark_syslog
systemctl stop gocker.scope
check "systemctl stop gocker.scope ends both" wait_until 60 no_sessions
check "and what ran on in them" gone 'sleep [12]{4}'
check "and their holders" wait_until 30 eval '! holder >/dev/null'
check "no live record is left" wait_until 30 eval '[ -z "$(live_records)" ]'
check "the scope is gone" wait_until 30 test ! -d "$SCOPE"
is "$(systemctl is-failed gocker.scope)" inactive "and has not failed"
drop
run ssh_as carol 'ps; exit 5'
is "$rc" 5 "the next login makes a container anew"
unlike "$out" 'sleep' "with nothing of the old one"
"$GOCKER" stop carol >/dev/null
pam_door_off
start_sshd ''
check_clean "nothing is left" 30
no_unit_failed "no unit has failed"
