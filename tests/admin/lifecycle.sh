#!/bin/bash
# Sessions that are started, looked at and stopped without a terminal: run --detach and stop.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq
need_product
add_user alice
set_ini 'pids_max = 20'
start_sshd
remember_host
mark_syslog
left() { "$GOCKER" ps -q; }

# run --detach
run "$GOCKER" run -d --log "$GKT_WORK/log" sh -c 'echo out; echo err >&2; cat; echo "eof"; sleep 1000; :'
like "$rc:$out:$err" '^0:[0-9a-f]{12}:$' "run -d prints the session's id, and no more"
id=$out
is "$(left)" "$id" "and the session goes on"
has_said() { [ "$(tr '\n' ' ' <"$GKT_WORK/log")" = "out err eof " ]; }
check "what it prints is in the log; there is nothing to read" wait_until 30 has_said
is "$(stat -c %a:%u "$GKT_WORK/log")" 600:0 "which root alone can read"
is "$("$GOCKER" exec "$id" echo here)" here "gocker exec reaches it"
is "$("$GOCKER" inspect --format json "$id" | jq -r '.[0] | [.door, .tty, .user] | join(" ")')" "run  root" "it has no terminal"
supervisor=$("$GOCKER" inspect --format json "$id" | jq '.[0].supervisor')
is "$(ps -o sid= -p "$supervisor" | tr -d ' ')" "$supervisor" "nor has its supervisor, in a session of its own"
is "$(readlink "/proc/$supervisor"/fd/{0,1,2} | sort -u)" /dev/null "which holds neither the caller's descriptors nor the log"
run "$GOCKER" run -d --log "$GKT_WORK/log" --hostname two sh -c 'hostname; exec sleep 1000'
second=$out
check "several at once, and a log that grows" wait_until 30 grep -qx two "$GKT_WORK/log"
is "$(head -n 1 "$GKT_WORK/log")" out "nothing in it is overwritten"
is "$(left | wc -l)" 2 "both live"

# What can't be started is the caller's to hear.
for case in '127:no/such/command' '126:/etc/passwd'; do
	run "$GOCKER" run -d "${case#*:}"
	is "$rc:$out:$(wc -l <"$GKT_WORK/err")" "${case%%:*}::1" "run -d ${case#*:}: ${case%%:*}, one line on stderr, no id"
done
refused "run -d: an image that is not there" 'nosuch' "$GOCKER" run -d --image nosuch true
refused "run -d: a log that can't be written" 'cannot write to /nowhere/log' "$GOCKER" run -d --log /nowhere/log true
refused "run --log alone" 'goes with --detach' "$GOCKER" run --log "$GKT_WORK/log" true
refused "run -d -t" 'no terminal' "$GOCKER" run -d -t true
run "$GOCKER" run -d sh -c 'exit 42'
like "$rc:$out" '^0:[0-9a-f]{12}$' "run -d of what ends at once has an id as well"
check "its exit status is in the log" wait_until 30 sh -c "grep -q 'event=close id=$out .*status=exit:42' /var/log/gkt-syslog"
# The shell that started one ends; the session does not.
id3=$(setsid sh -c "$GOCKER run -d sleep 1000")
sleep 0.5
is "$(left | grep -c "$id3")" 1 "it outlives the shell that started it"
run "$GOCKER" stop "$id3"
is "$rc:$out" "0:$id3" "a command that takes TERM is stopped"

# stop
run "$GOCKER" stop "$second"
is "$rc:$out:$(left)" "0:$second:$id" "stop ends the session that is meant, prints its id, and no other ends"
"$GOCKER" run -d sh -c 'trap "" TERM HUP; echo ready; while :; do sleep 1000; done' >"$GKT_WORK/stubborn"
stubborn=$(cat "$GKT_WORK/stubborn")
wait_until 30 sh -c "$GOCKER exec $stubborn ps | grep -q 'sleep 1000'"
run "$GOCKER" stop -t 1 "$stubborn" "$id"
is "$rc:$(sort <<<"$out")" "0:$(printf '%s\n' "$stubborn" "$id" | sort)" "stop -t 1: who ignores TERM is killed then; several at once"
is "$(left)" "" "and when it returns they have ended"
like "$(gocker_log)" "event=stop id=$stubborn user=\"root\" by=root" "the log says who did it"
like "$(gocker_log | grep "event=close id=$stubborn")" 'status=(killed|signal:9)' "and how it ended"
run "$GOCKER" stop "$stubborn"
like "$rc:$err" "^1:gocker stop: there is no session $stubborn" "a session that is gone can't be stopped"
run "$GOCKER" stop
is "$rc" 2 "stop without a target is a usage error"
run "$GOCKER" stop -t soon "$id"
is "$rc" 2 "and what is not a time"
run as_user alice "$GOCKER" stop "$id"
is "$rc" 125 "a user can't"

# Sessions of users, through both doors.
start_session alice 'trap "echo ends; exit 3" TERM; echo ready; while :; do sleep 0.1; done'
run "$GOCKER" stop --user alice
wait "$session_pid"
is "$?:$(grep ends "$GKT_WORK/session")" "3:ends" "[shell] stop --user: the user's programs hear TERM and end as they like"
run "$GOCKER" stop --user alice
like "$rc:$err" '^1:.*alice has no session' "stop --user without a session: exit status 1"
stop_sshd
set_shell alice /bin/sh
open_door pam
start_sshd
start_session alice 'trap "" TERM; echo ready; while :; do sleep 1000; done'
run "$GOCKER" stop -t 1 --user alice
is "$rc:$(wc -l <<<"$out")" 0:1 "[pam] stop --user"
wait "$session_pid"
is $? 255 "[pam] the connection ends with its container"
check "[pam] it is gone" wait_until 30 no_session alice
check_clean "nothing is left"
