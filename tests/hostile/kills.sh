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
[ "$span" -lt 400000 ] || span=400000 # on a machine that is busy with more than this

# killers USER...: each user's share of the rounds beside the others'. Fills killed, and rc: how many stayed.
killers() {
	local user pids=()
	for user; do
		killer $((rounds / $#)) "$span" "$user" "$GOCKER_SHELL" -c 'trap "" HUP TERM; sleep 1000' >"$GKT_WORK/killed.$user" &
		pids+=($!)
	done
	rc=0
	for pid in "${pids[@]}"; do wait "$pid" || rc=$((rc + $?)); done
	killed=$(cat "$GKT_WORK"/killed.* | tr '\n' ';')
}
killers alice bob
is "$rc" 0 "A10: killed at $rounds moments within $((span / 1000)) ms: no process lives on ($killed)"
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

# sshd, at as many moments of the session's life: the user's side, the monitor, or both, by a program that is
# the user's shell and becomes gocker-shell. The client, who may hold the other side, goes at the end. Ten at
# a time.
use_door shell 'user_sessions_max = 0' 'user_pids_max = none'
install -m 4755 "$GKT_HELPERS/latekill" /usr/local/bin/latekill
set_shell alice /usr/local/bin/latekill
echo "$span" >/run/gkt/latekill
: >/run/gkt/latekill.log
remember_host
killed() { [ "$(wc -l </run/gkt/latekill.log)" -ge "$1" ]; }
for ((i = 10; i <= rounds; i += 10)); do
	clients=()
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		ssh -o KexAlgorithms=curve25519-sha256 -l alice gocker 'trap "" HUP TERM; sleep 1000' >/dev/null 2>&1 </dev/null &
		clients+=($!)
	done
	wait_until 90 killed "$i" || break
	kill -KILL "${clients[@]}" 2>/dev/null
	wait "${clients[@]}" 2>/dev/null
done
is "$(awk '{ print $1 }' /run/gkt/latekill.log | sort | uniq -c | awk '{ n += $1; s = s " " $2 } END { print n s }')" \
	"$rounds both monitor side" "A10: sshd killed at $rounds moments within $((span / 1000)) ms: its user's side, its monitor, both"
set_shell alice "$GOCKER_SHELL"
check "A10: and no session lives" wait_until 60 no_sessions
run as_user alice "$GOCKER_SHELL" -c 'echo in'
is "$out" in "A10: the user logs in at once"
"$GOCKER" gc >/dev/null
check_clean "A10: and nothing is left of them"

# sshd, supervisor and init of one login together, where only one session is allowed.
use_door shell 'user_sessions_max = 1'
lanes=(alice bob cora dan)
add_user cora
add_user dan
together=$(size 100 1000)
remember_host
lane() { # USER: this user's share; prints a line for each login that was not admitted
	local user=$1 i record said
	record=/run/gocker/u/$(id -u "$user")/0
	for ((i = 0; i < together / ${#lanes[@]}; i++)); do
		ssh -l "$user" gocker 'trap "" HUP TERM; sleep 1000' >/dev/null 2>&1 </dev/null &
		if ! wait_until 90 grep -q '^init=[1-9]' "$record"; then
			echo "no session began"
			kill -KILL $!
			return
		fi
		mapfile -t victims < <(sed -n 's/^\(supervisor\|init\)=//p' "$record")
		# shellcheck disable=SC2046 # pids
		kill -KILL $(pgrep -f "^(gocker-)?sshd(-session)?: $user") "${victims[@]}"
		wait_until 60 test ! -d "/proc/${victims[0]}" -a ! -d "/proc/${victims[1]}" || echo "${victims[*]} live"
		said=$(as_user "$user" "$GOCKER_SHELL" -c 'echo in' 2>&1 </dev/null)
		[ "$said" = in ] && echo admitted || echo "refused: $said"
		kill -KILL $! 2>/dev/null
		wait $! 2>/dev/null
	done
}
for user in "${lanes[@]}"; do lane "$user" >"$GKT_WORK/lane.$user" 2>&1 & done
wait
is "$(sort "$GKT_WORK"/lane.* | uniq -c | sed 's/^ *//')" "$together admitted" \
	"A10 A36: sshd, supervisor and init killed together $together times: the next login is admitted at once"
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
