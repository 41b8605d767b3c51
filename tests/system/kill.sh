#!/bin/bash
# SIGKILL for anyone who takes part in a session, with a payload that ignores every other signal:
# no process, mount or cgroup stays.
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
add_user bob
set_ini
start_sshd
remember_host

more='(setsid sleep 1000 &) ; nohup sleep 1000 >/dev/null 2>&1 &'

# The supervisor. Processes and mounts go with it at once; what it would have tidied up (an empty
# cgroup, its record) the next login of that user does.
hold_session alice "$more"
check "a session is found: init $held_init, supervisor $held_supervisor" test "$held_init" -gt 1 -a "$held_supervisor" -gt 1
is "$(live_records | wc -l)" 1 "a living session has a record"
kill -KILL "$held_supervisor"
check "supervisor killed: init goes with it" wait_until 60 test ! -d "/proc/$held_init"
check "supervisor killed: no process of the session lives" wait_until 60 no_sessions
drop_session
is "$(for leaf in $(session_leaves); do cat "$leaf/cgroup.procs"; done)" "" "supervisor killed: its cgroup is empty"
is "$(live_records)" "" "supervisor killed: no record counts as living"
run ssh_as bob true
run ssh_as alice true
is "$rc" 0 "supervisor killed: the user logs in again"
check_clean "supervisor killed: swept by that login"
is "$(stale_records)" "" "supervisor killed: no stale record after it"

hold_session alice "$more"
kill -KILL "$held_supervisor"
drop_session
wait_until 60 no_sessions
check "gocker gc" "$GOCKER" gc
check_clean "supervisor killed: swept by gocker gc"

# init, and the payload.
hold_session alice "$more"
kill -KILL "$held_init"
check "init killed: the session ends" wait_until 60 test ! -d "/proc/$held_supervisor"
wait "$held_pid"
isnt $? 0 "init killed: and not with success"
check_clean "init killed: nothing is left"

hold_session alice "$more"
payload=$(pgrep -P "$held_init" | head -n 1)
kill -KILL "$payload"
wait "$held_pid"
is $? 255 "payload killed: the client learns of the signal"
check_clean "payload killed: nothing is left"

# sshd: the user's side, the monitor, both.
sshd_of() { # PATTERN
	pgrep -f "sshd: $1" | head -n 1
}
hold_session alice "$more"
kill -KILL "$(sshd_of alice@notty)"
check_clean "sshd's user side killed: nothing is left, though the payload ignores HUP"
drop_session
hold_session alice "$more"
kill -KILL "$(sshd_of 'alice \[priv\]')" # the user side lives on, with plain shells too
drop_session
check_clean "sshd's monitor killed: nothing is left once the client goes"
hold_session alice "$more"
kill -KILL "$(sshd_of 'alice \[priv\]')" "$(sshd_of alice@notty)"
check_clean "sshd killed (both sides): nothing is left"
drop_session

# The client, and the parent without sshd.
hold_session alice "$more"
drop_session
check_clean "client killed: nothing is left (S8)"

rm -f "$GKT_WORK/held"
(exec_as_user alice sh -c "$GOCKER_SHELL -c 'trap \"\" HUP TERM; echo ready; while :; do sleep 1000; done' & wait") \
	>"$GKT_WORK/held" </dev/null &
parent=$!
wait_until 60 grep -q ready "$GKT_WORK/held"
kill -KILL $parent
wait $parent 2>/dev/null
check_clean "the caller of the shell killed: the session ends with it"

# A caller that was dead before gocker-shell could look: nobody is at the other ends of its descriptors.
orphan() { # "pipes" or "terminal": gocker-shell as the child of one that has ended
	timeout 30 python3 - "$1" <<-PY
		import os, pty, sys, time, pwd
		kind, alice = sys.argv[1], pwd.getpwnam('alice')
		master, slave = pty.openpty()
		a, b, gone = os.pipe(), os.pipe(), os.pipe()
		said = os.open('$GKT_WORK/orphan', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		if os.fork() == 0:
		    if os.fork() == 0:
		        # Nobody else holds the other ends, as with a caller that was killed.
		        os.close(gone[1]); os.read(gone[0], 1); os.close(gone[0])
		        while os.getppid() != 1: time.sleep(0.01)
		        os.initgroups('alice', alice.pw_gid); os.setgid(alice.pw_gid)
		        if kind == 'terminal':
		            os.fchown(slave, alice.pw_uid, -1); os.setuid(alice.pw_uid); os.close(master)
		            os.login_tty(slave) if hasattr(os, 'login_tty') else (os.setsid(), os.close(os.open(os.ttyname(slave), os.O_RDWR)), [os.dup2(slave, n) for n in range(3)])
		        else:
		            os.setuid(alice.pw_uid); os.setsid(); os.dup2(a[0], 0); os.dup2(b[1], 1); os.dup2(said, 2)
		            for fd in a + b: os.close(fd)
		        os.execv('$GOCKER_SHELL', ['sh', '-c', 'trap "" HUP TERM; touch ~/orphan; while :; do sleep 1000; done'])
		    os._exit(0)
		os.wait(); os.close(slave)
		for fd in a + b + gone: os.close(fd)
		end = time.time() + 20
		while time.time() < end and not os.path.exists('/home/alice/orphan') and not os.path.getsize('$GKT_WORK/orphan'): time.sleep(0.02)
	PY
}
orphan pipes
like "$(cat "$GKT_WORK/orphan")" 'gocker: the calling process is gone' "a caller killed before the first instruction: refused"
check_not "and nothing ran" test -e /home/alice/orphan
orphan terminal
check "a caller killed before the first instruction, with a terminal: the session runs" test -e /home/alice/orphan
check_clean "and ends when that hangs up"
rm -f /home/alice/orphan

# The other signals reach the payload.
hold_session alice 'trap "echo got-term >~/got" TERM'
kill -TERM "$held_supervisor"
check "a TERM for the supervisor is handed on to the payload" wait_until 60 test -s /home/alice/got
drop_session
check_clean "nothing is left"

# At any moment. The shell is killed after 0 to 30 ms, in the midst of its work.
for ((i = 0; i < 60; i++)); do
	(exec_as_user alice "$GOCKER_SHELL" -c 'trap "" HUP TERM; sleep 1000') >/dev/null 2>&1 </dev/null &
	pid=$!
	sleep "0.0$(printf %02d $((i / 2)))"
	kill -KILL $pid
	wait $pid 2>/dev/null
done
check "killed at 60 moments: no process lives" wait_until 60 no_sessions
run ssh_as alice true
is "$rc" 0 "killed at 60 moments: the user logs in (A10)"
# A login sweeps the place that it takes, the lowest free one. An init that was still dying when the next
# round began held it a moment longer, and that round took, and left, the second: gc is for those.
check_not "killed at 60 moments: that login has swept its place (A10)" grep -x "/run/gocker/u/$(id -u alice)/0" <(stale_records)
check "killed at 60 moments: gc sweeps what is left (A10)" "$GOCKER" gc
check_clean "killed at 60 moments: nothing is left of any (A10)"
is "$(stale_records)" "" "killed at 60 moments: no stale record (A10)"
