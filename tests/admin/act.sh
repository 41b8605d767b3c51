#!/bin/bash
# gocker kill, freeze and exec act on the session that is meant and on no other.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq
need_product
add_user alice
add_user bob
set_ini 'pids_max = 20'
start_sshd
remember_host

# kill
start_session bob 'echo ready; sleep 1000; :'
bob_pid=$session_pid
start_session alice 'trap "" TERM HUP; echo ready; while :; do sleep 1000; done'
mark_syslog
id=$(id_of alice)
run "$GOCKER" kill "$id"
is "$rc:$out" "0:$id" "kill prints the id"
wait "$session_pid"
is $? 255 "kill without a signal ends a session that ignores TERM"
check "and it is gone" wait_until 30 no_session alice
like "$(gocker_log)" "event=kill id=$id user=\"alice\" signal=9 by=root" "the log says who did it"
run "$GOCKER" kill "$id"
is "$rc" 1 "a session that is gone can't be killed"
like "$err" "no session $id" "and kill says so"
is "$(id_of bob | wc -l)" 1 "another user's session lives on"

start_session alice 'trap "echo got USR1; exit 7" USR1; echo ready; while :; do sleep 0.1; done'
run "$GOCKER" kill -s USR1 "$(id_of alice)"
wait "$session_pid"
is "$?:$(grep got "$GKT_WORK/session")" "7:got USR1" "kill --signal USR1 reaches the user's processes"
start_session alice 'echo ready; exec sleep 1000'
run "$GOCKER" kill --signal SIGTERM "$(id_of alice)"
wait "$session_pid"
check "kill --signal SIGTERM ends one that takes it" wait_until 30 no_session alice
run "$GOCKER" kill --signal NONE 0
is "$rc" 2 "an unknown signal is a usage error"
run "$GOCKER" kill
is "$rc" 2 "kill without a target is a usage error"

start_session alice 'echo ready; sleep 1000; :'
start_session alice 'echo ready; sleep 1000; :'
run "$GOCKER" kill --user alice
is "$rc:$(wc -l <"$GKT_WORK/out")" 0:2 "kill --user ends all of a user's sessions"
check "they are gone" wait_until 30 no_session alice
is "$(id_of bob | wc -l)" 1 "and no other is"
run "$GOCKER" kill --user alice
is "$rc" 1 "kill --user without a session: exit status 1"

# The number in the record is not believed: whoever has it must be a member of the session's cgroup.
start_session alice 'echo ready; sleep 1000; :'
record=$(grep -l "^id=$(id_of alice)" /run/gocker/u/*/*)
sleep 1000 &
stranger=$!
init=$(sed -n 's/^init=//p' "$record")
sed "s/^init=.*/init=$stranger/" "$record" >"$GKT_WORK/record"
cat "$GKT_WORK/record" >"$record"
run "$GOCKER" kill "$(id_of alice)"
is "$rc" 1 "a record that names a stranger's process is refused"
check "and the stranger lives" kill -0 $stranger
sed -i "s/^init=.*/init=$init/" "$GKT_WORK/record"
cat "$GKT_WORK/record" >"$record"
kill $stranger

# freeze and thaw
id=$(id_of alice)
if [ "$GKT_CGROUP" = hybrid ]; then
	run "$GOCKER" freeze "$id"
	is "$rc" 1 "freeze on cgroup v1 is refused"
	like "$err" 'cgroup v1; boot it with cgroup v2' "with the reason and what to do"
	run "$GOCKER" thaw "$id"
	is "$rc" 1 "so is thaw"
else
	run "$GOCKER" freeze "$id"
	is "$rc:$out" "0:$id" "freeze prints the id"
	is "$("$GOCKER" ps --user alice --format json | jq -r '.[].state')" frozen "ps shows a frozen session"
	run timeout 300 "$GOCKER" exec "$id" true
	is "$rc" 125 "exec in a frozen session is refused"
	check "thaw" "$GOCKER" thaw "$id"
	is "$("$GOCKER" ps --user alice --format json | jq -r '.[].state')" running "and after thaw it runs"
	"$GOCKER" freeze "$id" >/dev/null
	check "a frozen session can be killed" "$GOCKER" kill "$id"
	check "it is gone" wait_until 30 no_session alice
fi
"$GOCKER" kill --user alice >/dev/null 2>&1
end_client "$bob_pid"
wait 2>/dev/null
check_clean "nothing is left"
