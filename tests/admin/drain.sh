#!/bin/bash
# gocker drain: a host that takes no new logins, through either door, and says why.
# timeout: 240
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need_product
state=/var/lib/gocker/drain

run "$GOCKER" drain --status
is "$rc:$out" "1:not drained" "a host is not drained"
run "$GOCKER" agent
like "$rc:$out" '^0:ready up [1-9][0-9]*%$' "and a load balancer is told how free it is"

both_doors() {
	row=drain
	door_user "$door-user"
	[ "$door" = shell ] || set_shell "$door-user" /bin/sh
	set_ini
	start_sshd
	remember_host
	run ssh_as "$door-user" hostname
	is "$rc:$out" 0:gocker-container "a login before"
	mkfifo "$GKT_WORK/$door"
	ssh_as "$door-user" 'echo in; read x; hostname' >"$GKT_WORK/live" 2>&1 <"$GKT_WORK/$door" &
	local live=$!
	exec 7>"$GKT_WORK/$door"
	check "and one that stays" wait_until 60 grep -q in "$GKT_WORK/live"
	mark_syslog
	run "$GOCKER" drain new kernel, back at 14:00
	is "$rc:$out:$err" 0:: "drained"
	like "$(gocker_log)" 'event=drain maint=no until_reboot=no reason="new kernel, back at 14:00" by=root' \
		"the log says who and why"
	run ssh_as "$door-user" hostname
	if [ "$door" = shell ]; then
		is "$rc:$out:$err" "125::gocker: this host takes no new sessions: new kernel, back at 14:00" \
			"a login is refused and reads why"
	else
		is "${rc/25[45]/refused}:$out" "refused:" "a login is refused"
		like "$err" 'gocker: this host takes no new sessions: new kernel, back at 14:00' "and reads why"
	fi
	like "$(gocker_log)" 'event=refuse.*takes no new sessions' "as the log does"
	run "$GOCKER" run hostname
	is "$rc:$out" 0:gocker-container "gocker run works"
	run "$GOCKER" drain --status
	like "$rc:$out" '^0:drained since 20..-..-..T..:..:..Z: new kernel, back at 14:00$' "--status tells"
	is "$("$GOCKER" agent)" "drain down #takes no new sessions" "and so does the agent"
	like "$("$GOCKER" stats --prometheus -)" 'gocker_drained 1' "and the figures for Prometheus"
	run "$GOCKER" drain --wait=1 new kernel
	is "$rc" 1 "--wait tells that a session is left"
	like "$err" '1 session is left' "in words"
	echo >&7
	exec 7>&-
	wait "$live"
	is "$?:$(tail -1 "$GKT_WORK/live")" 0:gocker-container "the session that was open went on to its own end"
	run "$GOCKER" drain --wait new kernel
	is "$rc" 0 "--wait ends when none is left"
	run "$GOCKER" drain --maint
	is "$rc:$("$GOCKER" agent)" 0:maint "in maintenance"
	run ssh_as "$door-user" hostname
	like "$err" 'this host takes no new sessions now; try again later' "without a reason the user is told to come again"
	run "$GOCKER" drain --off
	is "$rc:$(ls "$state" 2>&1)" "0:ls: cannot access '$state': No such file or directory" "taken back"
	run ssh_as "$door-user" hostname
	is "$rc:$out" 0:gocker-container "a login after"
	like "$("$GOCKER" stats --prometheus -)" 'gocker_drained 0' "and the figures"
	check_clean "nothing is left"
}
through_each_door both_doors

open_door shell
add_user anna
start_sshd
"$GOCKER" drain --until-reboot
run "$GOCKER" drain --status
like "$out" 'until the next boot$' "--until-reboot is shown"
refused "and refuses" 'no new sessions' ssh_as anna true
like "$("$GOCKER" doctor)" 'warn +drain +this host takes no new sessions' "doctor says so, too"
sed -i 's/^boot=....../boot=000000/' "$state"
run ssh_as anna hostname
is "$rc:$out" 0:gocker-container "but not after another boot"
unlike "$("$GOCKER" doctor)" 'takes no new sessions' "which doctor knows"
"$GOCKER" drain
sed -i 's/^/x/' "$state"
refused "a state that cannot be understood refuses" 'no new sessions' ssh_as anna true
rm "$state"
mkdir "$state"
refused "nor one that cannot be read" 'no new sessions' ssh_as anna true
rmdir "$state"

run "$GOCKER" drain $'two\nlines'
like "$rc:$err" '^2:gocker drain: a reason is one line' "a reason is one line"
run "$GOCKER" drain "$(printf '%0250d' 0)"
like "$rc:$err" '^2:gocker drain: a reason has at most 200 bytes' "of 200 bytes at most"
run "$GOCKER" drain --off --maint
is "$rc" 2 "--off with --maint is a usage error"
run "$GOCKER" drain --wait=no
is "$rc" 2 "--wait takes seconds"
is "$("$GOCKER" drain --status)" "not drained" "none of these changed the state"
echo 'pids_max = many' >>/etc/gocker.ini
run "$GOCKER" agent
is "$rc:$out" "0:ready fail #gocker.ini can't be used: see gocker check" "a host where no login could succeed says so"
set_ini
sed -i '1a sessions_max = 1' /etc/gocker.ini
ssh_as anna 'echo in; sleep 1000' >"$GKT_WORK/one" 2>&1 </dev/null &
one=$!
check "a session takes the only slot" wait_until 60 grep -q in "$GKT_WORK/one"
is "$("$GOCKER" agent)" "ready up 0%" "a host without a free slot has no weight"
end_client "$one"
check "when it is free again it has" wait_until 60 eval "[ \"\$('$GOCKER' agent)\" != 'ready up 0%' ]"
