#!/bin/bash
# timeout: 900
# SIGKILL on the monitor, the keeper or init at random moments of a login (A10, A41). GKT_KILLS says
# how often; GKT_SEED repeats a run.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
kills=${GKT_KILLS:-30}
RANDOM=${GKT_SEED:=$$}
add_user alice
set_ini 'user_sessions_max = 0'
stack gocker-sshd 'required pam_unix.so'
start_sshd
server=$(cat "$SSHD_DIR/pid")
remember_host

monitor() { pgrep -P "$server" | tail -n 1; }
keeper() { pgrep -x gocker-keeper | tail -n 1; }
init() { session_inits | tail -n 1; }
has() { [ -n "$($1)" ]; }
has_init() { [ -n "$(session_inits)" ]; }
no_init() { [ -z "$(session_inits)" ]; }

declare -A hit=()
for ((i = 0; i < kills; i++)); do
	ssh -l alice gocker 'hostname >>~/where; exec sleep 1000' >/dev/null 2>&1 </dev/null &
	client=$!
	victims=(monitor keeper init)
	victim=${victims[i % 3]}
	if ((i % 2)); then # while it is made: from when there is one to kill
		wait_until 30 has "$victim"
		sleep "0.$(printf %03d $((RANDOM % 60)))"
	else # while it runs
		wait_until 30 has_init
		sleep "0.$(printf %03d $((RANDOM % 400)))"
	fi
	pid=$($victim)
	if [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null; then hit[$victim]=$((${hit[$victim]:-0} + 1)); fi
	sleep 0.05
	kill -KILL $client 2>/dev/null
	wait $client 2>/dev/null
done
for victim in monitor keeper init; do
	check "the $victim was hit at least once (${hit[$victim]:-0} of $kills; seed $GKT_SEED)" test "${hit[$victim]:-0}" -gt 0
done
is "$(sort -u /home/alice/where)" gocker-container "no command ever ran outside"
# What only the keeper could have taken down is swept by the next login.
wait_until 60 no_init
is "$(ssh_as alice hostname)" gocker-container "the next login is as any"
"$GOCKER" gc >/dev/null 2>&1
check_clean "nothing stays" 20
