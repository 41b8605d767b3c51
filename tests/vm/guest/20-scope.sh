#!/bin/bash
# host: systemd
# gocker.scope: made at boot or by the login that finds it gone, kept by its anchor, ended and limited
# with systemctl like any other unit. What is asked of a login here begins behind sshd.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user bob
set_ini 'pids_max = 20' 'user_pids_max = none'
start_sshd ''
unit_is() { [ "$(systemctl is-active "$1")" = "$2" ]; }
gockers() { pgrep -l '^gocker' | grep -v gocker-vm-check; }
answers() { grep -q "^$1$" "$GKT_WORK/answers"; }

# A session that answers: each line it is sent comes back.
talk_open() {
	coproc talk { exec ssh -l alice gocker 'echo ready; while read -r line; do echo "got $line"; done' >"$GKT_WORK/answers" 2>&1; }
	talk_pid=$talk_PID # bash forgets its own as soon as it has seen the end
	wait_until 30 answers ready
}

still_there() { # NAME: the held session answers and a new one can be had
	local word="w$RANDOM"
	echo "$word" >&"${talk[1]}"
	check "$1: a session goes on" wait_until 10 answers "got $word"
	check "$1: a new one can be had" login_of bob true
}

# Gone, and made by a login.
systemctl stop gocker.scope gocker.service 2>/dev/null
check_not "there is no scope to begin with" test -d "$SCOPE"
run login_of alice 'echo in'
if [[ $err == *"could not be made"* ]]; then # within 20 seconds, which a host that is emulated beside others can take
	diag "the first login was refused: $err"
	run login_of alice 'echo in'
fi
is "$out $err" "in " "a login that finds no scope gets in"
check "and has made it" anchor_lives
is "$(systemctl show -P ActiveState gocker.scope)" active "systemd knows the scope"
is "$(systemctl show -P Delegate gocker.scope)" yes "it is delegated"
is "$(systemctl show -P Slice gocker.scope)" gocker.slice "it is in gocker.slice"
is "$(systemctl show -P ControlGroup gocker.scope)" "${SCOPE#/sys/fs/cgroup}" "it is where logins look"
is "$(cat "$SCOPE/cgroup.procs")" "" "no process is in the scope's own group"
is "$(ps -o comm= -p "$(anchor_pid)")" gocker-anchor "the anchor holds it"
is "$(ps -o tty=,sid= -p "$(anchor_pid)" | xargs)" "? $(anchor_pid)" "the anchor has nothing of the login's terminal"
is "$(readlink "/proc/$(anchor_pid)"/fd/* | sort -u)" /dev/null "and no file of its caller's"

# At boot it is gocker.service that makes it.
systemctl stop gocker.scope
check "stopped, it is gone" wait_until 10 test ! -d "$SCOPE"
systemctl daemon-reload
check "gocker.service is enabled and started" systemctl -q enable --now gocker.service
check "gocker.service has made the scope" anchor_lives
is "$(systemctl show -P ActiveState gocker.service)" active "gocker.service stays active"
like "$(systemctl show -P CapEff gocker.service; grep CapEff "/proc/$(anchor_pid)/status")" 'CapEff:.*0000000000000000' "the anchor of the service has no capability"
anchor=$(anchor_pid)
run /usr/local/libexec/gocker/gocker-scope
is "$rc" 0 "the helper finds nothing to do"
is "$(anchor_pid)" "$anchor" "and leaves the anchor alone"
run as_user alice /usr/local/libexec/gocker/gocker-scope
is "$rc" 125 "it is for root only"
is "$(systemd-analyze verify --man=no gocker.service gocker.slice 2>&1)" "" "systemd finds nothing wrong in the units"
exposure=$(systemd-analyze security --no-pager gocker.service | sed -n 's/.*Overall exposure level.*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
check "systemd-analyze security: the unit's exposure is at most 2.0 of 10, in tenths: $exposure" test "${exposure:-100}" -le 20

# An ordinary login talks to nobody but the log.
run strace -f -u alice -o "$GKT_WORK/trace" -e trace=connect,execve,clone3 "$GOCKER_SHELL" -c true
is "$rc $err" "0 " "a login under strace"
is "$(grep "connect(" "$GKT_WORK/trace" | grep -v '"/dev/log"\|"/var/run/nscd/socket"')" "" "an ordinary login makes no D-Bus call, nor any other connection"
unlike "$(cat "$GKT_WORK/trace")" gocker-scope "nor does it start the helper"
systemctl stop gocker.scope
# The anchor it starts would be traced for as long as it lives: KILL lets go of everything.
strace -f -u alice -o "$GKT_WORK/trace" -e trace=connect,execve,clone3 "$GOCKER_SHELL" -c true >/dev/null 2>&1 </dev/null &
tracer=$!
check "control: of one that finds the scope gone the helper is seen" wait_until 30 grep -q 'execve(.*gocker-scope' "$GKT_WORK/trace"
check "control: and its connection" wait_until 30 grep -q 'connect(.*dbus' "$GKT_WORK/trace"
{ kill -KILL $tracer; wait $tracer; } 2>/dev/null
wait_until 30 no_sessions
rm -f "$GKT_WORK/trace"
systemctl restart gocker.service
check "the scope is there again" anchor_lives

# What an administrator does to systemd does nothing to sessions.
talk_open
still_there "to begin with"
limit=$(cat "$(session_leaves "$(uid_of alice)" | head -n 1)/pids.max")
systemctl daemon-reload
still_there "daemon-reload"
systemctl daemon-reexec
still_there "daemon-reexec"
systemctl restart gocker.service
still_there "restart of gocker.service"
systemctl stop gocker.service
still_there "stop of gocker.service"
systemctl start gocker.service
is "$(cat "$(session_leaves "$(uid_of alice)" | head -n 1)/pids.max")" "$limit" "the session's limit is what it was"
kill -KILL "$(anchor_pid)"
check "the anchor is dead" wait_until 5 eval '! anchor_lives'
unit_is gocker.scope active
is $? 0 "the scope outlives its anchor while a session is there"
still_there "death of the anchor"
check "that login has made a new one" anchor_lives
no_unit_failed "no unit has failed"

# Limits on all sessions.
count=$(cat "$SCOPE/pids.current")
systemctl set-property --runtime gocker.scope "TasksMax=$((count + 8))"
is "$(cat "$SCOPE/pids.max")" $((count + 8)) "set-property limits the scope"
run login_of bob "$FILL"
check "and a session feels it: $(last) tasks" test "$(last)" -ge 2 -a "$(last)" -le 8
systemctl set-property --runtime gocker.scope TasksMax=infinity
run login_of bob "$FILL"
is "$(last)" 20 "until it is taken back"
like "$(cat "$SCOPE/../pids.max")" '^[0-9]+$' "all sessions together have a limit, the slice's"

# The end of everybody.
hold_session bob
bob=$held_pid
start=$SECONDS
systemctl stop gocker.scope
# Its own limit is 5 seconds, the default of systemd 90.
check "systemctl stop gocker.scope is done in time ($((SECONDS - start)) s)" test $((SECONDS - start)) -le 60
check "it ends the session that reads" wait_until 10 test ! -d "/proc/$talk_pid"
check "and the one that ignores TERM and HUP" wait_until 10 test ! -d "/proc/$bob"
check "no process of a session lives" wait_until 10 eval '[ -z "$(session_inits)" ]'
check "no supervisor lives" wait_until 10 eval '[ -z "$(gockers)" ]'
check "no live record is left" wait_until 10 eval '[ -z "$(live_records)" ]'
# Its directory is systemd's to remove, which tries once: where a process dies slowly it stays, empty, for the next start.
no_scope() { [ "$(systemctl is-active gocker.scope)" = inactive ] && [ -z "$(find "$SCOPE" -name cgroup.procs -exec cat {} + 2>/dev/null)" ]; }
check "the scope is gone" wait_until 60 no_scope
is "$(systemctl is-failed gocker.scope)" inactive "and has not failed"
run login_of alice 'echo again'
is "$out $err" "again " "the next login gets a new scope"

# Nobody in it and no anchor: it goes away, and no failed unit is left of it.
kill -KILL "$(anchor_pid)"
check "an empty scope goes away by itself" wait_until 10 test ! -d "$SCOPE"
run login_of alice 'echo again'
is "$out $err" "again " "and comes back"
no_unit_failed "no unit has failed in all this"

# Fail closed: no scope to be had, no session. The helper's time is limited by the login, too.
systemctl stop gocker.scope
helper=/usr/local/libexec/gocker/gocker-scope
mv $helper $helper.good
printf '#!/bin/sh\nexec sleep 1000\n' >$helper
chmod 755 $helper
start=$SECONDS
refused "without a scope the login is refused" 'gocker.scope' login_of alice true
check "within the helper's time limit of 25 s ($((SECONDS - start)) s)" test $((SECONDS - start)) -le 75
check_not "a helper that hangs is ended" pgrep -fx 'sleep 1000'
is "$(gockers)" "" "and nothing is left of the attempt"
mv $helper.good $helper
check "when it can be made again, logins work again" login_of alice true

# Many at the same moment find it gone: one makes it, all get in.
systemctl stop gocker.scope
for i in 1 2 3 4; do
	login_of alice "echo $i" >"$GKT_WORK/many.$i" 2>&1 </dev/null &
done
wait
is "$(cat "$GKT_WORK"/many.* | xargs)" "1 2 3 4" "four logins at once find it gone and get in"
is "$(pgrep -xc gocker-anchor)" 1 "and there is one anchor"
