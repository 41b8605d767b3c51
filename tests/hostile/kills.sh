#!/bin/bash
# timeout: 1500
# A10, A36: SIGKILL at any moment; sweeps while others log in.
. "$(dirname "$0")/_lib.sh"
add_user alice
add_user bob
use_door shell
remember_host
rounds=$(size 120 5000)

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
# The control takes its time, which is killer's patience with what lives on. Killed before its shell has started
# the background process nothing can live on: where the machine is slow the moments spread over longer.
add_user plain
(
	stayed=0
	for most in 20000 200000 2000000 20000000; do
		killer 3 $most plain /bin/sh -c 'trap "" HUP TERM; (setsid sleep 60 &) ; sleep 0.01; sleep 60' >/dev/null
		stayed=$?
		[ $stayed = 0 ] || break
	done
	pkill -KILL -U plain # no orphan of it is to be counted as the host's
	exit $stayed
) &
control=$!
killers alice bob
is "$rc" 0 "A10: killed at $rounds moments within $((span / 1000)) ms: no process lives on ($killed)"
is "$(for leaf in $(session_leaves); do cat "$leaf/cgroup.procs"; done)" "" "A10: what cgroups are left are empty"
check "A10: and swept by gocker gc" "$GOCKER" gc
check_clean "A10: after that nothing is left"
is "$(find /run/gocker/u -type f -size +0)" "" "A10: no stale record"
run killer "$((rounds / 10))" "$span" alice "$GOCKER_SHELL" -c 'sleep 1000'
run as_user alice "$GOCKER_SHELL" -c 'echo in'
is "$out" in "A10: the user logs in again at once"
pids=()
for _ in $(seq 16); do
	as_user alice "$GOCKER_SHELL" -c 'sleep 0.5' &
	pids+=($!)
done
wait "${pids[@]}"
check_clean "A10: and as many logins as there are places have swept all the rest"

wait "$control"
isnt $? 0 "A10 control: without a container something lives on"

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
lanes=(alice bob)
for i in 1 2 3 4 5 6 7 8; do
	add_user "lane$i"
	lanes+=("lane$i")
done
together=$(size 40 1000)
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
		kill -KILL $(pgrep -f "^(gocker-)?sshd(-session)?: $user") "${victims[@]}" 2>/dev/null
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
logins=$(size 12 2000)
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

# The PAM door: application, keeper and init, each alone and all together.
for _ in $(doors | grep pam); do
	stack gt
	start=${EPOCHREALTIME/./}
	for _ in 1 2 3 4 5; do pamdrive gt alice open try true close >/dev/null; done
	span=$(((${EPOCHREALTIME/./} - start) * 3 / 10)) rounds=$(size 120 3000)
	inside=(root "$(command -v pamdrive)" gt alice open try 'trap "" HUP TERM; sleep 1000' close)
	# A keeper whose application was killed gives what is inside three seconds: six at a time.
	set_ini 'user_sessions_max = 0' 'user_pids_max = none'
	pids=() rc=0
	for i in 1 2 3 4 5 6; do
		killer -k $((rounds / 6)) "$span" "${inside[@]}" >"$GKT_WORK/killed.pam$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || rc=$((rc + $?)); done
	is "$rc" 0 "A10 [pam]: killed at $rounds moments within $((span / 1000)) ms: no process lives on ($(cat "$GKT_WORK"/killed.pam* | tr '\n' ';'))"
	is "$(awk '{ for (i = 1; i < 8; i += 2) n[i] += $i } END { print (n[1] > 0), (n[3] > 0), (n[5] > 0), (n[7] > 0) }' "$GKT_WORK"/killed.pam*)" "1 1 1 1" \
		"A10 [pam]: application, keeper and init alone, and all of them"
	is "$(for leaf in $(session_leaves); do cat "$leaf/cgroup.procs"; done)" "" "A10 [pam]: what cgroups are left are empty"
	check "A10 [pam]: and swept by gocker gc" "$GOCKER" gc
	check_clean "A10 [pam]: after that nothing is left"
	rm -f "$GKT_WORK/stop" "$GKT_WORK/in"
	(while [ ! -e "$GKT_WORK/stop" ]; do "$GOCKER" gc >/dev/null; done) &
	sweeper=$!
	killer -k "$((rounds / 12))" "$span" "${inside[@]}" >/dev/null &
	killing=$!
	logins=$(size 12 2000)
	for ((i = 0; i < logins; i += 2)); do
		pamdrive gt bob open try hostname close >>"$GKT_WORK/in" 2>&1 &
		pamdrive gt bob open try hostname close >>"$GKT_WORK/in" 2>&1
		wait $!
	done
	touch "$GKT_WORK/stop"
	wait $sweeper $killing
	is "$(sort "$GKT_WORK/in" | uniq -c | tr -s ' \n' ' ')" " $logins close: 0 $logins gocker-container $logins open: 0 $logins run: 0 " \
		"A10 A36 [pam]: $logins logins beside sweeps and kills all succeed"
	"$GOCKER" gc >/dev/null
	check_clean "A10 [pam]: nothing is left in the end"
done

# A flood of one user's: 50 sessions that fill every place they can write to and have all their tasks, a bomb
# among them. All of the user's together have room for that: a shell that can't fork would end its session. What
# it takes of the processors is bounded by `cpus` alone (cgroup v2).
flood='exec 2>/dev/null
	for d in /tmp /var/tmp /dev/shm /run /mnt /; do dd if=/dev/zero of=$d/x bs=1048576 count=64; done
	cd /dev/shm && seq 1 20000 | xargs touch
	for i in 1 2 3 4 5 6; do sleep 300 & done
	exec sleep 300'
# By a child of the shell that stays: the bomb may leave it no task to light the second half with.
bomb='b() { b | b & }; (b) 2>/dev/null; exec sleep 300'
login_ms() { # USER: fills took, and out
	local start=${EPOCHREALTIME/./}
	run ssh_as "$1" 'echo in; head -c 1000000 /dev/zero >/tmp/x && echo room'
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
}
for a_door in $(doors); do
	use_door "$a_door" 'user_sessions_max = 50' 'user_pids_max = 600' 'pids_max = 8' 'root_size = 2M' 'tmp_size = 2M'
	[ "$door" = shell ] || stack gt
	login_ms bob
	alone=$took
	remember_host
	free_before=$(df --output=avail -k / /run /tmp /dev/shm | tail -n +2 | tr '\n' ' ')
	pids=()
	for ((i = 0; i < 50; i++)); do
		what=$flood
		[ $i -gt 0 ] || what=$bomb
		if [ "$door" = shell ]; then
			(exec_as_user alice "$GOCKER_SHELL" -c "$what") >"$GKT_WORK/flood.$i" 2>&1 &
		else
			pamdrive gt alice open try "$what" close >"$GKT_WORK/flood.$i" 2>&1 &
		fi
		pids+=($!)
	done
	check "A34 A36 [$door]: all 50 are in" wait_until 300 sh -c "test \$($GOCKER ps -q | wc -l) = 50" ||
		diag "$("$GOCKER" ps -q | wc -l) are: $(sort "$GKT_WORK"/flood.* | uniq -c)"
	# Each has filled its places when it has started its tasks.
	full() { [ "$(session_leaves "$(uid_of alice)" | while read -r leaf; do cat "$leaf/pids.current"; done | awk '$1 >= 8' | wc -l)" -ge 45 ]; }
	check "A34 A36 [$door]: and are as large as they may be" wait_until 300 full
	login_ms bob
	is "$out" $'in\nroom' "A34 A35 A36 [$door]: another user logs in during a flood of $i sessions, and has his own room [limit root_size beside]"
	check "A34 A36 [$door]: within $took ms, $alone ms without it" test "$took" -lt $((5000 + 10 * alone))
	check "A35 [$door]: the host's /tmp and /run have room" sh -c 'head -c 1M /dev/zero >/run/gkt/room && head -c 1M /dev/zero >/tmp/room'
	rm -f /run/gkt/room /tmp/room
	echo "# free before: $free_before, during: $(df --output=avail -k / /run /tmp /dev/shm | tail -n +2 | tr '\n' ' ')"
	{ kill -KILL "${pids[@]}" && wait "${pids[@]}"; } 2>/dev/null
	wait_until 30 no_sessions
	"$GOCKER" gc >/dev/null
	check_clean "A34 A36 [$door]: nothing of the flood is left" 30
done
