#!/bin/bash
# timeout: 900
# share = user: one container for all logins of a user through the shell door, and its end.
. "$(dirname "$0")/../lib/test.sh"
need expect
need_product
add_user alice
add_user bob
start_sshd
set_ini
remember_host

share() { set_ini '[user:alice]' 'share = user' "$@"; }
holder() { pgrep -x gocker-holder; }
container() { "$GOCKER" ps --format '{kind} {id}' | sed -n 's/^container //p'; }
no_logins() { ! "$GOCKER" ps --format '{kind}' | grep -q login; }
dead() { ! kill -0 "$1" 2>/dev/null; }
no_process_like() { ! pgrep -fx "$1" >/dev/null; }
gates() { find /run/gocker/u -name 'gate*' | wc -l; }

# Control: without the key no login sees another's.
hold_session alice 'touch /tmp/mine'
run ssh_as alice 'ls /tmp; ps'
unlike "$out" 'mine|sleep' "share = login: a login sees nothing of another (control)"
drop_session
check_clean "share = login: nothing is left"

share 'linger = none'
hold_session alice 'touch /tmp/mine'
run ssh_as alice 'ls /tmp; ps; exit 7'
is "$rc" 7 "share = user: a login ends with its command's exit status"
like "$out" '^mine' "share = user: it sees the other's /tmp"
like "$out" 'sleep 1000' "share = user: it sees the other's processes"
is "$(session_inits | wc -l)" 1 "share = user: there is one container"
is "$(session_leaves | wc -l)" 1 "share = user: with one cgroup"
is "$("$GOCKER" ps --format '{kind}')" $'container\nlogin' "ps: the container, and the login in it"
run ssh_as bob 'ls /tmp; ps'
unlike "$out" 'mine|sleep 1000' "another user's login is elsewhere"
run "$GOCKER" exec "$(container)" /bin/sh -c 'ls /tmp; id -un'
is "$out" $'mine\nalice' "exec enters the container"
run "$GOCKER" exec alice /bin/ls /tmp
is "$out" mine "exec takes the user's name, since there is one container"
run ssh_as alice -tt 'tty; ps -o pid,tty,args'
like "$out" '/dev/pts/0' "a login has a terminal of the container's own"
run ssh_as alice 'kill -TERM $$; sleep 5'
isnt "$rc" 0 "a command that a signal ends"
drop_session
check_clean "linger = none: the container ends with the last login, whatever ignores HUP and TERM"
is "$(gates)" 0 "and its gate is gone"

# What is kept off the host's network does not get there through the container.
share 'linger = 1h'
hold_session alice
of_host=$(ssh_as alice 'readlink /proc/self/ns/net')
is "$of_host" "$(readlink /proc/self/ns/net)" "a login is in the host's network (control)"
in_jail() { unshare --net setpriv --reuid alice --regid alice --init-groups env HOME=/home/alice "$GOCKER_SHELL" -c "$1"; }
run in_jail 'readlink /proc/self/ns/net; ps'
isnt "${out%%$'\n'*}" "$of_host" "a login from another network stays in that"
unlike "$out" 'sleep 1000' "in a container of its own"
is "$(ssh_as alice 'readlink /proc/self/ns/net')" "$of_host" "which no login of the host's joins"
drop_session
"$GOCKER" kill --user alice >/dev/null
check_clean "networks: nothing is left"

# Limits are the container's.
both_are_in() { [ "$("$GOCKER" ps --format '{kind}' | grep -c login)" = 2 ]; }
share 'pids_max = 8' 'user_sessions_max = 2'
hold_session alice 'for i in 1 2 3 4; do sleep 1000 & done'
run ssh_as alice 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait'
like "$err$out" "can't fork|limit" "pids_max counts the processes of all logins together"
hold_session_pid=$held_pid
ssh -l alice gocker 'exec sleep 1000' </dev/null >/dev/null 2>&1 &
second=$!
wait_until 60 both_are_in
run ssh_as alice true
like "$err" '2 sessions are open already' "user_sessions_max counts the logins, not the container"
kill -KILL $second
wait $second 2>/dev/null
held_pid=$hold_session_pid
drop_session
check_clean "limits: nothing is left"

# A user at the limit can still log in and end what uses it up.
share 'pids_max = 8' 'linger = 1h'
mark_syslog
run ssh_as alice 'for i in 1 2 3 4 5 6 7 8 9; do nohup sleep 2000 >/dev/null 2>&1 & done'
like "$err" "can't fork" "(control: the tasks are used up)"
run ssh_as alice 'sleep 0; echo never'
like "$rc:$err" "can't fork" "a login at pids_max is let in, with one task"
run ssh_as alice 'kill -9 -1'
run ssh_as alice 'sleep 0; echo again'
is "$rc:$out" 0:again "and can end what used them up"
is_logged() { gocker_log | grep -q "event=limit id=$1 limit=pids_max value=8"; }
check "the limit is logged as the container's" wait_until 60 is_logged "$(container)"
is "$(gocker_log | grep 'event=limit' | grep -vc "id=$(container) ")" 0 "and not by each login"
"$GOCKER" stop alice >/dev/null
check_clean "at pids_max: nothing is left"

# linger.
share 'linger = 1h'
run ssh_as alice 'nohup sleep 1234 >/dev/null 2>&1 & echo $!'
first=$(container)
run ssh_as alice 'ps'
like "$out" 'sleep 1234' "linger: a job in the background is there for the next login"
is "$(container)" "$first" "linger: in the same container"
mark_syslog
is "$("$GOCKER" ps --format '{behind}')" false "ps: the container is as gocker.ini says"
share 'linger = 1h' 'pids_max = 30'
is "$("$GOCKER" ps --format '{behind}')" true "ps: marks a container that is behind a changed gocker.ini, with no login in it"
like "$("$GOCKER" ps)" 'behind gocker.ini' "ps: also in the table"
share 'linger = 1h' 'max_duration = 5h'
is "$("$GOCKER" ps --format '{behind}')" false "ps: a limit of logins alone leaves it as it is"
share 'linger = 1h' 'pids_max = 30'
run ssh_as alice true
like "$(gocker_log)" "event=open .* container=$first behind=yes" "a changed policy is logged; the container keeps its own"
run "$GOCKER" stop "$first"
is "$rc:$out" "0:$first" "stop ends the container"
check_clean "stop: nothing is left"
share 'linger = 2s'
mark_syslog
run ssh_as alice 'nohup sleep 1234 >/dev/null 2>&1 &'
isnt "$(container)" "" "linger: the container is there after the last login"
check "linger: and ends" wait_until 60 no_sessions
check_clean "linger: nothing is left"
like "$(gocker_log)" 'event=end id=[0-9a-f]* reason=linger' "linger: the log says why"

# The time of the container.
share 'linger = forever' 'container_max_duration = 3s'
hold_session alice
check "container_max_duration ends the container with a login in it" wait_until 60 no_sessions
check "and the login with it" wait_until 60 dead "$held_pid"
check_clean "container_max_duration: nothing is left"

# stop and kill of one login.
share 'linger = 1h' 'pids_max = 500' 'user_pids_max = 1000'
hold_session alice
login=$("$GOCKER" ps --format '{kind} {id}' | sed -n 's/^login //p')
run "$GOCKER" kill "$login"
is "$rc:$out" "0:$login" "kill of a login"
check "ends that login" wait_until 60 no_logins
drop_session
is "$(session_inits | wc -l)" 1 "kill of a login leaves the container"
"$GOCKER" stop alice >/dev/null
hold_session alice '(
	i=0
	while [ $i -lt 400 ]; do sleep 5555 & i=$((i + 1)); done
	echo full
	wait
) &'
check "a login can have 400 processes" wait_until 60 grep -q full "$GKT_WORK/held"
run "$GOCKER" kill "$("$GOCKER" ps --format '{kind} {id}' | sed -n 's/^login //p')"
is "$rc" 0 "kill of a login with 400 processes"
check "ends that login" wait_until 60 no_logins
check "and each of them" wait_until 60 no_process_like 'sleep 5555'
drop_session
run "$GOCKER" stop alice
check_clean "stop of the user: nothing is left"

# The holder killed.
hold_session alice 'nohup sleep 1000 >/dev/null 2>&1 &'
kill -KILL "$(holder)"
check "holder killed: the container goes with it" wait_until 60 no_sessions
check "holder killed: the login ends" wait_until 60 dead "$held_pid"
run ssh_as alice 'ps'
is "$rc" 0 "holder killed: the next login makes a new container"
unlike "$out" 'sleep 1000' "holder killed: with nothing of the old one"
"$GOCKER" stop alice >/dev/null
check_clean "holder killed: nothing is left"
is "$(stale_records)" "" "holder killed: no stale record"
hold_session alice
kill -KILL "$(holder)"
drop_session
wait_until 60 no_sessions
is "$(gates)" 1 "(control: a holder that is killed leaves its gate)"
"$GOCKER" gc >/dev/null
is "$(gates)" 0 "holder killed: gc removes its gate"

# A supervisor killed: its command goes, and the container stays.
hold_session alice 'trap "" HUP TERM'
super=$(pgrep -x gocker-super)
command_is_gone() { ! pgrep -f '^sh -c trap' >/dev/null; }
check_not "(control: its command is there)" command_is_gone
kill -KILL "$super"
check "supervisor killed: its command goes" wait_until 60 command_is_gone
is "$(session_inits | wc -l)" 1 "supervisor killed: the container stays"
# What it had started holds the client's pipe, as on any host.
drop_session
"$GOCKER" stop alice >/dev/null
check_clean "supervisor killed: nothing is left"

# The user inside can't reach the holder, init or a supervisor.
hold_session alice
run ssh_as alice 'kill -KILL 1 2>&1; kill -STOP 1 2>&1; cat /proc/1/environ 2>&1; ls /run/gocker 2>&1; ls -l /proc/1/root 2>&1; id -u'
like "$out" 'not permitted|denied' "a user cannot signal or read init"
is "$(tail -n 1 <<<"$out")" "$(uid_of alice)" "(control: the login ran)"
for pid in $(holder) $(pgrep -x gocker-super); do
	run as_user alice kill -KILL "$pid"
	isnt "$rc" 0 "nor signal $(cat "/proc/$pid/comm") from outside"
done
run as_user alice sh -c 'echo >/run/gocker/u/x'
isnt "$rc" 0 "nor write where the records are"
drop_session
"$GOCKER" stop alice >/dev/null
check_clean "attacks: nothing is left"

# Between logins: nothing of one that joins is in reach of what runs inside. A process that has taken
# on the user's ids is the user's, and can be stopped; before that none can be.
cat >"$GKT_WORK/lurk" <<'END'
# Tries to stop and read each process that comes, until told to end. It forks nothing, to be fast.
uid_of() {
	u=
	while read -r key u _; do
		[ "$key" != Uid: ] || return 0
	done <"/proc/$1/status"
	u=gone
}
is_root() { uid_of "$1" 2>/dev/null && [ "$u" = 0 ]; }
until [ -e ~/lurk-end ]; do
	for p in /proc/[0-9]*; do
		n=${p#/proc/}
		[ "$n" = 1 ] || [ "$n" = $$ ] || ! is_root $n || {
			# Stopped, it keeps the uid that it had.
			kill -STOP $n 2>/dev/null && is_root $n && echo "stopped $n" >>~/lurk-got
			read -r line <$p/environ && is_root $n && echo "environ $n" >>~/lurk-got
			[ -e $p/fd/0 ] && is_root $n && echo "fds $n" >>~/lurk-got
			kill -CONT $n
			echo "$n" >>~/lurk-met
		} 2>/dev/null
	done
done
END
install -m 755 "$GKT_WORK/lurk" /home/alice/lurk
share 'linger = 1h'
hold_session alice 'rm -f ~/lurk-*; sh ~/lurk & :'
failed=0
for i in $(seq 200); do
	[ "$i" -le 20 ] || [ ! -s /home/alice/lurk-met ] || break
	run ssh_as alice 'echo in'
	[ "$rc:$out" = 0:in ] || failed=$((failed + 1))
done
is "$failed" 0 "a hostile program that waits for the next login stops none of $i"
check "(control: it met processes of root's that were on their way in)" test -s /home/alice/lurk-met
is "$(cat /home/alice/lurk-got 2>/dev/null)" "" "and could not signal or read one"
touch /home/alice/lurk-end
drop_session
"$GOCKER" stop alice >/dev/null
rm -f /home/alice/lurk*
check_clean "a hostile program: nothing is left"

# Root, where a section of its own contains it.
set_ini '[user:root]' 'share = user' 'contain = yes' 'home = none' 'linger = 1h'
run "$GOCKER_SHELL" -c 'echo mine >/tmp/x; id -u'
is "$rc:$out" 0:0 "root, too, can share"
run "$GOCKER_SHELL" -c 'cat /tmp/x; grep CapEff /proc/self/status; kill -KILL 1 2>&1; readlink /proc/1/fd/3 2>&1; cat /proc/1/environ 2>&1 | tr "\\0" " "; echo "status $?"; readlink /proc/1/exe; echo "exe $?"'
like "$out" '^mine' "root's logins are in one container"
like "$out" 'CapEff:.*0000000000000000' "without a capability"
like "$out" 'denied|not permitted' "and out of reach of its init's descriptors"
"$GOCKER" stop root >/dev/null
check_clean "root: nothing is left"

# `gocker run --join`.
share 'linger = 1h'
run "$GOCKER" run --user alice --join /bin/sh -c 'touch /tmp/by-run; id -un; exit 4'
is "$rc:$out" 4:alice "run --join: a command in the user's container, made for it"
run ssh_as alice 'ls /tmp'
is "$out" by-run "run --join: it is that of the logins"
run "$GOCKER" run --user alice /bin/ls /tmp
is "$rc:$out" 0: "run without it has a container of its own"
run "$GOCKER" run --user bob --join true
like "$rc:$err" '^125:.*container for each login' "run --join: refused where logins share none"
run "$GOCKER" run --user alice --join --pids-limit 9 true
like "$rc:$err" '^125:.*about the container' "run --join: goes with no option about the container"
"$GOCKER" stop alice >/dev/null
check_clean "run --join: nothing is left"

# At a terminal that nobody else has open, as sshd's is: one that is closed by all for a moment has hung up for its reader.
share 'linger = 1h'
run ssh_as alice true
cat >"$GKT_WORK/terminals" <<'TCL'
log_user 0
set timeout 120
set lost 0
for {set i 0} {$i < 100} {incr i} {
	spawn -noecho setpriv --reuid alice --regid alice --init-groups [lindex $argv 0] -c {echo ready; read x}
	expect ready { send "\r"; expect eof } timeout { incr lost } eof { incr lost }
	wait
}
puts "$lost lost"
TCL
run expect "$GKT_WORK/terminals" "$GOCKER_SHELL"
is "$out" "0 lost" "100 logins at a terminal of their own: none loses it"
"$GOCKER" stop alice >/dev/null
check_clean "terminals: nothing is left"

# A join against the end of the last login.
share 'linger = none'
refused=0 rounds=25
[ "${GKT_FULL:-0}" != 1 ] || rounds=2500
for ((i = 0; i < rounds; i++)); do
	ends=()
	for _ in 1 2 3 4; do
		(exec_as_user alice "$GOCKER_SHELL" -c 'exit 3' </dev/null) >/dev/null 2>"$GKT_WORK/race.$RANDOM$RANDOM" &
		ends+=($!)
	done
	for pid in "${ends[@]}"; do
		wait "$pid"
		[ $? = 3 ] || refused=$((refused + 1))
	done
done
is "$refused" 0 "$((4 * rounds)) logins that race with the end of the last one: none is refused"
[ "$refused" = 0 ] || diag "$(cat "$GKT_WORK"/race.* | sort | uniq -c)"
check_clean "races: nothing is left"
is "$(gates)" 0 "races: no gate is left"
