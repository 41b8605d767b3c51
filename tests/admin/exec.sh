#!/bin/bash
# gocker exec runs a command inside a session: its namespaces, its limits, its confinement.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq expect
need_product
add_user alice --groups staff
add_user bob --groups staff
set_ini 'pids_max = 6' 'network = none'
start_sshd
remember_host

start_session alice 'echo secret >/tmp/mine; echo ready; sleep 1000; :'
id=$(id_of alice)
inside() { run "$GOCKER" exec "$id" "$@"; }

inside cat /tmp/mine
is "$rc:$out" 0:secret "the session's own files are there"
inside sh -c 'echo $$; exit 7'
is "$rc" 7 "the exit status is handed on"
check "the number is one of the session's PID namespace: $out" test "$out" -lt 100
run "$GOCKER" exec "$id" sh -c 'echo out; echo err >&2'
is "$out:$err" out:err "stdout and stderr are apart"
is "$(echo through | "$GOCKER" exec -i "$id" cat)" through "-i: stdin goes in"
is "$(printf '%s\n' "$id" "$id" | while read -r each; do "$GOCKER" exec "$each" sh -c 'cat; echo once'; done)" \
	"$(printf 'once\nonce')" "without it the command's is empty, and a loop keeps its list"
# Who has the session could take a descriptor over from the command, and read what root types for as long as he stays.
on_terminal() { script -qec "$*" /dev/null </dev/null | tr -d '\r'; }
is "$(on_terminal "$GOCKER exec -T $id sh -c 'for n in 0 1 2; do readlink /proc/self/fd/\$n; done'" | sed 's/:.*//')" $'/dev/null\npipe\npipe' \
	"A29: without a terminal of its own the command has none of the caller's"
is "$(on_terminal "$GOCKER exec $id sh -c 'readlink /proc/self/fd/2 >&2; seq 2000' | tail -n 1; echo \${PIPESTATUS[0]}" | sed 's/:.*//' | sort)" $'0\n2000\npipe' \
	"A29: nor where only stderr is one, and all of the output comes"
like "$(printf 'typed\n' | script -qec "$GOCKER exec -i -T $id sh -c 'read x; echo got \$x; readlink /proc/self/fd/0'" /dev/null)" 'got typed.*pipe:' \
	"A29: -i: what is typed comes through a pipe"
like "$(on_terminal "readlink /proc/self/fd/1")" '^/dev/pts/' "A29 control: a program of the host's has it"
like "$(on_terminal "$GOCKER exec -T $id sh -c 'echo out; echo err >&2; exit 5'; echo \$?")" 'out.*5$' "its output and status come through"
like "$(on_terminal "$GOCKER exec -T $id no-such-program; echo \$?")" 'gocker exec: .*127$' "and gocker's own words"
inside sh -c 'kill -TERM $$'
is "$rc" 143 "a death by signal is handed on"
inside no-such-program
is "$rc" 127 "a command that is not there: 127"
inside /tmp
is "$rc" 126 "one that can't be run: 126"
run "$GOCKER" exec 000000000000 true
is "$rc" 125 "no such session: 125"
run "$GOCKER" exec "$id"
is "$rc" 125 "no command: wrong use, with a status that is not the command's"
run "$GOCKER" exec -t "$id" true </dev/null
is "$rc" 125 "-t without a terminal is wrong use"
run "$GOCKER" exec --user alice "$id" id -un
is "$rc:$out" 0:alice "--user: the session's own user"
for other in root 0 0:0 1 bob "$(uid_of bob)"; do
	run "$GOCKER" exec --user "$other" "$id" id
	is "$rc:$out" 125: "--user $other: nobody else's command runs in a user's session"
done
like "$err" "session $id is alice's" "and why"

inside id
is "$out" "$(ssh_as alice id)" "it runs as the user, with the groups of their login"
inside grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status
is "$out" "$(ssh_as alice "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")" \
	"capabilities, no_new_privs and seccomp are those of a login"
first=$(pgrep -f '^sleep 1000$' | head -n 1)
for ns in mnt pid uts ipc cgroup net; do
	inside readlink /proc/self/ns/$ns
	is "$out" "$(readlink "/proc/$first/ns/$ns")" "it is in the session's $ns namespace"
done
inside sh -c 'ls /proc/self/fd | wc -l'
is "$out" 4 "no descriptor but 0-2 comes in (and ls's own)"
inside sh -c 'ls -d /work /gocker /etc/gocker.ini /.. 2>/dev/null; ls /../etc/gocker.ini'
is "$out" "/.." "the host's files are not there"
inside sh -c 'ulimit -n; ulimit -c'
is "$out" "$(ssh_as alice 'ulimit -n; ulimit -c')" "resource limits are those of a login"
run env SECRET=x "$GOCKER" exec -e GREETING='hello you' "$id" env
unlike "$out" SECRET "the caller's environment stays out"
like "$out" "GREETING=hello you" "--env brings a variable in"
like "$out" "HOME=/home/alice" "HOME is the user's"
run "$GOCKER" exec -w /tmp "$id" pwd
is "$out" /tmp "--workdir"
ln -s /proc/self/fd /home/alice/fds
run "$GOCKER" exec -w /home/alice/fds/3 "$id" ls -d gocker work
is "$out" "" "a working directory that leads through a descriptor of gocker's leads nowhere (CVE-2024-21626)"

# The session has 6 tasks: sh and sleep, so four more.
inside sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 100 & echo $i; done; wait'
like "$err" "can't fork" "the session's limit of tasks applies to the command"
is "$(grep -c . <<<"$out")" 3 "it had what was left of it: itself and three more"
pkill -KILL -f '^sleep 100$'
like "$(gocker_log)" 'event=exec id='"$id"' user="alice" as=[0-9]+ by=root command="cat"' "the log says who ran what"

expect_test "with a terminal: its own, with the right size, and ^C" <<TCL
spawn -noecho gocker exec -t $id sh
want {[\$#] }
say {tty; stty size}
want {/dev/pts/[0-9]+}
want {24 80}
say {sleep 1001; echo rc=\$?}
running {sleep 1001}
send "\003"
want {[\$#] }
say {exit 5}
equal [ended] 5
TCL
"$GOCKER" kill --user alice >/dev/null
wait "$session_pid"
check "the session has ended" wait_until 30 no_session alice

# A command that runs when the session ends, ends with it.
start_session alice 'echo ready; sleep 1000; :'
"$GOCKER" exec "$(id_of alice)" sleep 1002 </dev/null >/dev/null 2>&1 &
running=$!
check "a command runs" wait_until 30 pgrep -f '^sleep 1002'
"$GOCKER" kill --user alice >/dev/null
wait $running
is $? 137 "a command ends with its session"
wait "$session_pid"

# The container's root keeps what gocker run gives, and no more.
"$GOCKER" run sleep 1000 </dev/null >/dev/null 2>&1 &
runner=$!
run_id() { "$GOCKER" ps -q --door run | grep .; }
check "gocker run" wait_until 30 run_id
sleep 0.3
is "$("$GOCKER" exec "$(run_id)" grep CapEff /proc/self/status)" \
	"$("$GOCKER" run grep CapEff /proc/self/status)" "in the container of gocker run: the capabilities of gocker run"
is "$("$GOCKER" exec "$(run_id)" id -u)" 0 "as its root"
as() { "$GOCKER" exec --user "$1" "$(run_id)" sh -c 'id -u; id -g; id -G; grep -E "^(CapEff|NoNewPrivs|Seccomp:)" /proc/self/status' | tr -s '\t\n' ' '; }
is "$(as bob)" "$(uid_of bob) $(id -g bob) $(id -G bob) CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 " \
	"--user NAME there: as a user of the host, with his groups and no power"
is "$(as 65534)" "65534 65534 65534 CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 " "--user UID"
is "$(as 12:34)" "12 34 34 CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 " "--user UID:GID"
like "$(as 0)" "^0 0 0 CapEff: 0*[1-9a-f]" "--user 0: its root"
for wrong in 1: :1 1:2:3 4294967295 99999999999 -1 nobody-knows; do
	run "$GOCKER" exec "--user=$wrong" "$(run_id)" id
	is "$rc:$out" 125: "--user $wrong is refused"
done
"$GOCKER" kill "$(run_id)" >/dev/null
wait $runner
check_clean "nothing is left"
