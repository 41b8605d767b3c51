#!/bin/bash
# timeout: 1500
# A10, A36: SIGKILL at any moment; sweeps while others log in.
. "$(dirname "$0")/_lib.sh"
add_user alice
add_user bob
use_door shell
remember_host
rounds=$(size 300 5000)

# How long a session takes here, so that the moments cover all of it.
start=${EPOCHREALTIME/./}
for _ in 1 2 3 4 5; do as_user alice "$GOCKER_SHELL" -c true; done
span=$(((${EPOCHREALTIME/./} - start) * 3 / 10))

run killer "$rounds" "$span" alice "$GOCKER_SHELL" -c 'trap "" HUP TERM; sleep 1000'
is "$rc" 0 "A10: killed at $rounds moments within $((span / 1000)) ms: no process lives on ($out)"
is "$(for leaf in $(session_leaves); do cat "$leaf/cgroup.procs"; done)" "" "A10: what cgroups are left are empty"
check "A10: and swept by gocker gc" "$GOCKER" gc
check_clean "A10: after that nothing is left"
is "$(find /run/gocker/u -type f -size +0)" "" "A10: no stale record"
run killer "$((rounds / 10))" "$span" alice "$GOCKER_SHELL" -c 'sleep 1000'
run as_user alice "$GOCKER_SHELL" -c 'echo in'
is "$out" in "A10: the user logs in again at once"
for _ in $(seq 16); do as_user alice "$GOCKER_SHELL" -c 'sleep 0.5' & done
wait
check_clean "A10: and as many logins as there are places have swept all the rest"
run killer 3 20000 alice /bin/sh -c 'trap "" HUP TERM; (setsid sleep 30 &) ; sleep 0.01; sleep 30'
isnt "$rc" 0 "A10 control: without a container something lives on"
pkill -KILL -U alice

# sshd's monitor and the user's side, at random moments of a real login.
for ((i = 0; i < $(size 8 100); i++)); do
	ssh -l alice gocker 'trap "" HUP TERM; sleep 1000' >/dev/null 2>&1 </dev/null &
	client=$!
	sleep "0.$(printf %03d $((RANDOM % 300)))"
	kill -KILL $client 2>/dev/null
	pkill -KILL -f '^(gocker-)?sshd: alice'
	wait $client 2>/dev/null
done
check "A10: sshd killed at $i moments: no session lives" wait_until 10 sh -c 'test -z "$(awk "/^NSpid:/ && NF == 3 && \$3 == 1" /proc/[0-9]*/status 2>/dev/null)"'
"$GOCKER" gc >/dev/null
check_clean "A10: and nothing is left of them"

# sshd, supervisor and init of one login together, where only one session is allowed.
use_door shell 'user_sessions_max = 1'
together=$(size 100 1000) admitted=0 said=''
remember_host
for ((i = 0; i < together; i++)); do
	hold_session alice
	# shellcheck disable=SC2046 # pids
	kill -KILL $(pgrep -f '^(gocker-)?sshd: alice') "$held_supervisor" "$held_init"
	wait_until 10 sh -c "test ! -d /proc/$held_supervisor && test ! -d /proc/$held_init"
	run as_user alice "$GOCKER_SHELL" -c 'echo in'
	if [ "$rc:$out" = 0:in ]; then admitted=$((admitted + 1)); else said="$rc: $out $err"; fi
	drop_session
done
[ -z "$said" ] || diag "$said"
is "$admitted" "$together" "A10 A36: sshd, supervisor and init killed together $together times: the next login is admitted at once"
"$GOCKER" gc >/dev/null
check_clean "A10 A36: and nothing is left of them"
use_door shell
remember_host

# Sweeps and logins side by side: no sweep ends a living session, no login is refused for a sweep.
hold_session bob
survivor=$held_init
(while [ ! -e "$GKT_WORK/stop" ]; do "$GOCKER" gc >/dev/null; done) &
sweeper=$!
killer "$((rounds / 10))" "$span" alice "$GOCKER_SHELL" -c 'sleep 1000' >/dev/null &
killing=$!
logins=$(size 30 2000)
for ((i = 0; i < logins; i += 2)); do
	as_user bob "$GOCKER_SHELL" -c 'echo in' >>"$GKT_WORK/in" 2>>"$GKT_WORK/refused" &
	as_user bob "$GOCKER_SHELL" -c 'echo in' >>"$GKT_WORK/in" 2>>"$GKT_WORK/refused"
	wait $!
done
touch "$GKT_WORK/stop"
wait $sweeper $killing
is "$(grep -c in "$GKT_WORK/in"):$(sort -u "$GKT_WORK/refused")" "$logins:" \
	"A10 A36: $logins logins beside sweeps and kills all succeed"
check "A10: the sweeps left the living session alone" kill -0 "$survivor"
drop_session
"$GOCKER" gc >/dev/null
check_clean "A10: nothing is left in the end"

# A flood of one user's: 50 sessions that fill every place they can write to.
use_door shell 'user_sessions_max = 50' 'user_pids_max = 400' 'pids_max = 8' 'root_size = 2M' 'tmp_size = 2M'
for ((i = 0; i < $(size 30 50); i++)); do
	shell_in_bg() { as_user alice "$GOCKER_SHELL" -c 'for d in /tmp /dev/shm /run; do head -c 64M /dev/zero >$d/x; done 2>/dev/null
		b() { b | b & }; b 2>/dev/null; sleep 20'; }
	shell_in_bg >/dev/null 2>&1 &
done
sleep 2
start=${EPOCHREALTIME/./}
run ssh_as bob 'echo in'
took=$(((${EPOCHREALTIME/./} - start) / 1000))
is "$out" in "A34 A35 A36 [$door]: another user logs in during a flood of $i sessions"
check "A34 A36 [$door]: within $took ms" test "$took" -lt 10000
check "A35: the host's /tmp and /run have room" sh -c 'head -c 1M /dev/zero >/run/gkt/room && head -c 1M /dev/zero >/tmp/room'
pkill -KILL -U alice
"$GOCKER" gc >/dev/null
wait
check_clean "A34 A36 [$door]: nothing of the flood is left" 30
