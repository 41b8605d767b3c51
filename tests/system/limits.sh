#!/bin/bash
# pids_max and the other limits hold exactly, and nobody else feels them.
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
add_user bob
set_ini
start_sshd
remember_host

# Starts as many tasks as it can; the last number it prints is how many there are then, itself
# included. The shell says "can't fork" and ends when the limit is reached.
fill='i=1; while sleep 1000 & do i=$((i + 1)); echo $i; [ $i -lt 300 ] || exit 99; done'
# hold_tasks N: a session of alice's in the background with N tasks besides its shell.
hold_tasks() {
	rm -f "$GKT_WORK/full"
	ssh -l alice gocker "i=0; while [ \$i -lt $1 ]; do sleep 1000 & i=\$((i + 1)); done; echo full; wait" \
		>"$GKT_WORK/full" 2>&1 </dev/null &
	full=$!
	wait_until 60 grep -q full "$GKT_WORK/full" || not_ok "a session with $1 tasks can be held"
}
drop_tasks() {
	kill -9 "$full"
	wait "$full" 2>/dev/null
}
last() { tail -n 1 <<<"$out"; }

run ssh_as alice "$fill"
is "$(last)" 20 "without a word about it the limit is 20 tasks: the 21st does not start [limit pids_max hog]"
like "$err" "can't fork" "the shell is told that it can't fork"
for n in 2 5 64; do
	set_ini "pids_max = $n"
	run ssh_as alice "$fill"
	is "$(last)" $n "pids_max = $n: exactly $n tasks"
done
# Less than the ordinary share is the administrator's word as well (pam_limits' priority, nice(1), chrt(1)).
run as_user alice nice -n 7 choom -n 300 -- chrt -b 0 "$GOCKER_SHELL" -c \
	'cut -d" " -f19,41 /proc/self/stat; cat /proc/self/oom_score_adj'
wanted=$(($(nice) + 7))
is "$out" "$((wanted > 19 ? 19 : wanted)) 3"$'\n300' "a caller's nice value, batch class and oom_score_adj go on inside"
run nice -n $((-7 - $(nice))) setpriv --reuid alice --regid alice --init-groups "$GOCKER_SHELL" -c 'cut -d" " -f19,41 /proc/self/stat'
is "$out" '0 0' "a raised priority does not"

set_ini 'pids_max = 8'
cp "$GKT_HELPERS/threads" /home/alice/
run ssh_as alice 'exec ~/threads 100'
is "$out" 8 "pids_max = 8: a program gets 8 threads, the first included"

# The leaf's number says so too, and it is the limit for the whole of the session.
hold_session alice
leaf=$(session_leaves "$(uid_of alice)" | head -n 1)
is "$(cat "$leaf/pids.max")" 9 "the session's cgroup allows pids_max and one more, for init"
# init, the shell that waits, its sleep
is "$(cat "$leaf/pids.current")" 3 "the session's processes are in its cgroup, all of them"
is "$(wc -l <"$leaf/cgroup.procs")" 3 "and nothing else is"
check_not "the supervisor is not in it" grep -qx "$held_supervisor" "$leaf/cgroup.procs"
run ssh_as alice "$fill"
is "$(last)" 8 "a second session of the user has its own limit"
drop_session

# A full session harms nobody.
set_ini 'pids_max = 10'
hold_tasks 9
run ssh_as bob "$fill"
is "$(last)" 10 "another user has all their tasks while one has used up theirs [limit pids_max beside]"
run ssh_as alice 'echo in'
is "$out" in "the user himself can log in again"
drop_tasks
check_clean "a full session ends without a rest"

# A bomb.
(ssh_as alice 'b() { b | b & }; b; sleep 3; echo over' >/dev/null 2>&1 </dev/null) &
bomb=$!
sleep 1
start=$EPOCHREALTIME
run ssh_as bob 'echo fine'
is "$out" fine "another user logs in during a fork bomb (A34)"
took=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
check "and does not wait for it: $took ms (A34)" test "$took" -lt 5000
wait "$bomb"
check_clean "nothing of a fork bomb outlives its session (A34)" 20

# Over all sessions of a user.
set_ini 'pids_max = 10' 'user_pids_max = 15' 'user_sessions_max = 2'
hold_tasks 7
run ssh_as alice "$fill"
is "$(last)" 7 "user_pids_max holds over the sessions of a user: 8 in one, 7 in the other [limit user_pids_max hog]"
run ssh_as bob "$fill"
is "$(last)" 10 "user_pids_max of one user is not another's [limit user_pids_max beside]"
drop_tasks
check_clean "nothing is left"

# What is added to it is for the inits that run, not for those that could.
for sessions in 'user_sessions_max = 16' 'user_sessions_max = 0'; do
	set_ini 'pids_max = 100' 'user_pids_max = 20' "$sessions"
	run ssh_as alice "$fill"
	is "$(last)" 20 "A58: user_pids_max = 20 with $sessions: one session has 20 tasks, not one more"
	for n in 1 2 3; do
		hold_session alice
		held[n]=$held_pid
	done
	is "$(cat "$(dirname "$(session_leaves "$(uid_of alice)" | head -n 1)")/pids.max")" 23 "A58: with three sessions their three inits are added"
	# The limit of the latest login's policy stays, whoever ends.
	set_ini 'pids_max = 100' 'user_pids_max = 12' "$sessions"
	run ssh_as alice "$fill"
	is "$(last)" 6 "A58: a lower limit holds beside three sessions of two tasks each"
	kill -9 "${held[1]}" "${held[2]}"
	wait "${held[1]}" "${held[2]}" 2>/dev/null
	one_left() { [ "$(session_leaves "$(uid_of alice)" | wc -l)" = 1 ]; }
	check "two sessions end" wait_until 30 one_left
	is "$(cat "$(dirname "$(session_leaves "$(uid_of alice)")")/pids.max")" 13 "A58: and what was added for them goes, from the limit of today"
	run ssh_as alice "$fill"
	is "$(last)" 10 "A58: two tasks in one session, ten in the other"
	kill -9 "${held[3]}"
	wait "${held[3]}" 2>/dev/null
	check_clean "nothing is left of them"
done

# Sessions of a user.
set_ini 'user_sessions_max = 2'
hold_session alice
first=$held_pid
hold_session alice
second=$held_pid
mark_syslog
refused "user_sessions_max: one session too many is refused (A36) [limit user_sessions_max hog] [limit user_sessions_max told]" 'session' ssh_as alice true
like "$(gocker_log)" 'event=refused .*reason="2 sessions are open already' "user_sessions_max: the log tells of it [limit user_sessions_max counted]"
check "another user still gets in (A36) [limit user_sessions_max beside]" ssh_as bob true
kill -9 "$first"
wait "$first" 2>/dev/null
check "there is room again when one has ended" wait_until 60 ssh_as alice true
kill -9 "$second"
wait "$second" 2>/dev/null
check_clean "nothing is left of the refused one"

hold_session alice
hold_supervisor=$held_supervisor
kill -9 "$hold_supervisor"
drop_session
hold_session alice
third=$held_pid
check "the place of a session whose supervisor was killed is free again" ssh_as alice true
kill -9 "$third"
wait "$third" 2>/dev/null
check_clean "nothing is left in the end"
