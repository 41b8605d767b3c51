#!/bin/bash
# A signal that a client asks for (RFC 4254, 6.9) reaches the command, and how that ended is told.
. "$(dirname "$0")/../lib/test.sh"
need_product
/usr/bin/python3 -c 'import paramiko' 2>/dev/null || { skip_missing "signals over the channel" "python3-paramiko is not installed"; exit; }
add_user alice
add_user plain --shell /bin/sh
add_user forced --shell /bin/dash
set_ini
start_sshd 'Match User forced' "    ForceCommand exec $GOCKER_SHELL" 'Match all'
remember_host
send() { run timeout 60 /usr/bin/python3 "$GKT_TOP/tests/system/signal-client.py" "$@"; } # USER SIGNAL COMMAND

# Said by the program that is to be ended: a shell may ignore QUIT until its exec, as bash and busybox do.
waits='echo ready >r; test -p f || mkfifo f; exec cat r f'
for name in TERM INT HUP QUIT USR1 USR2 KILL; do
	send plain $name "$waits"
	is "$rc:$out" "0:$name" "$name control: without gocker it ends a command, and is told"
	send alice $name "$waits"
	is "$rc:$out" "0:$name" "$name ends the command, and is told"
done
send alice TERM 'trap "echo caught; exit 3" TERM; echo ready; while :; do sleep 0.1; done'
is "$out" "caught 3" "a command may catch it, and end as it likes"
send alice USR1 'trap "echo caught" USR1; echo ready; i=0; while [ $i -lt 20 ]; do sleep 0.1; i=$((i + 1)); done'
is "$out" "caught 0" "and go on: nothing else comes after it"
send alice TERM 'setsid sh -c "trap \"echo wrong\" TERM; while :; do sleep 0.1; done" & echo ready; exec sleep 1000'
is "$out" TERM "it is for the command's process group, as without gocker"
# sshd itself turns a signal away where a command is forced (session_signal_req); how it ended is told.
run timeout 60 ssh -v -l forced gocker 'kill -USR1 $$'
like "$rc $err" '^255.*exit.signal' "under ForceCommand a death by a signal is told, where the shell leaves its place to it"
check_clean "nothing is left"
