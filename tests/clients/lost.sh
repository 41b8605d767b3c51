#!/bin/bash
# S8: connections that are lost. The session and all its processes end within seconds, whatever they
# ignore, and nothing stays.
. "$(dirname "$0")/../lib/test.sh"
need expect ip
need_product

stubborn='trap "" HUP TERM INT; (trap "" HUP TERM; exec setsid sleep 1000) & nohup sleep 1000 >/dev/null 2>&1 &'

# A session in the background; sets client (ssh's pid).
hold() { # [SSH OPTION...] CMD
	rm -f "$GKT_WORK/held"
	ssh -l "$user" gocker "$@" >"$GKT_WORK/held" 2>&1 </dev/null &
	client=$!
	wait_until 40 grep -q ready "$GKT_WORK/held" || not_ok "a session starts" "$(cat "$GKT_WORK/held")"
}

ends_with() { # NAME CMD...: what makes the connection go
	local name=$1
	shift
	"$@"
	check_clean "$name: all of the session is gone within seconds" 15
	{ kill -KILL "$client" && wait "$client"; } 2>/dev/null
}

rows() {
	row=S8
	user=lost-$door
	door_user "$user"
	set_ini 'pids_max = 50'
	start_sshd 'ClientAliveInterval 1' 'ClientAliveCountMax 3'
	remember_host

	hold 'echo ready; sleep 1000'
	ends_with "exec, the client is ended" end_client "$client"
	hold "$stubborn echo ready; while :; do sleep 1000; done"
	ends_with "exec that ignores all signals, the client is killed" kill -KILL "$client"
	rm -f "/home/$user/got"
	hold 'trap "echo HUP >>got" HUP; trap "echo TERM >>got" TERM; echo ready; exec >/dev/null 2>&1; while :; do sleep 0.1; done'
	ends_with "exec that takes its time, the client is killed" kill -KILL "$client"
	is "$(tr '\n' ' ' <"/home/$user/got")" "HUP TERM " "it had HUP, then TERM, and a while for each, before the kill"
	hold -tt "$stubborn echo ready; while :; do sleep 1000; done"
	ends_with "pty that ignores all signals, the client is killed" kill -KILL "$client"
	hold -tt 'echo ready; exec sleep 1000'
	ends_with "pty, the user's sshd is killed" kill -KILL "$(pgrep -f "sshd: $user@")"
	hold "$stubborn echo ready; while :; do sleep 1000; done"
	# The monitor alone is not the connection: the user's side serves the client without it.
	ends_with "exec, both of the user's sshd are killed" pkill -KILL -f "sshd: $user"

	# In the middle of a transfer, with every buffer full.
	mkfifo "$GKT_WORK/full"
	exec 9<>"$GKT_WORK/full"
	ssh -l "$user" gocker cat </dev/zero >&9 2>/dev/null 9>&- &
	client=$!
	sleep 1
	ends_with "mid-transfer, out blocked" kill -KILL "$client"
	exec 9>&-
	rm "$GKT_WORK/full"
	ssh -l "$user" gocker 'cat >/tmp/x' </dev/zero >/dev/null 2>&1 &
	client=$!
	sleep 0.5
	ends_with "mid-transfer, in" kill -KILL "$client"

	expect_test "a terminal at its prompt is closed" <<-TCL
		login $user
		exec kill -HUP [exp_pid]
		ended
	TCL
	check_clean "a terminal at its prompt is closed: all of the session is gone"
	expect_test "~. in a terminal" <<-TCL
		login $user
		say {sleep 1000}
		running {sleep 1000}
		send "\r~."
		ended
	TCL
	check_clean "~. in a terminal: all of the session is gone"

	hold "$stubborn echo ready; while :; do sleep 1000; done"
	ends_with "the network is cut (sshd notices by ClientAliveInterval)" ip link set lo down
	ip link set lo up
}
through_each_door rows
