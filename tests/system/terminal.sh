#!/bin/bash
# An interactive login on a pty behaves as on any host (S1).
. "$(dirname "$0")/../lib/test.sh"
need expect
need_product
add_user alice
set_ini
start_sshd
remember_host

expect_test "a login has a prompt, and no complaint about job control" <<'TCL'
spawn -noecho ssh -tt -l alice gocker
want_prompt
if {[regexp {job control|access tty} $seen]} { fail "the shell complains" }
equal [regexp {gocker-container} $seen] 1
say "exit 3"
equal [ended] 3
TCL
expect_test "tty names a real path, which is the terminal" <<'TCL'
login alice
set tty [ask tty]
if {![regexp {^/dev/} $tty]} { fail "tty says: $tty" }
equal [ask "test -c $tty && echo yes"] yes
ask "echo direct >$tty"
equal [ask "echo x >/dev/tty && echo yes"] "x\r\nyes"
equal [ask {test -t 0 && test -t 1 && test -t 2 && echo yes}] yes
say exit
equal [ended] 0
TCL
expect_test "the size comes in, and so do its changes (SIGWINCH)" <<'TCL'
login alice
equal [ask {stty size}] "24 80"
say {sh -c 'trap "echo RE\"\"SIZED; exit" WINCH; echo "WAIT""ING"; while :; do sleep 0.1; done'}
want WAITING
resize 50 132
want RESIZED
want_ready
equal [ask {stty size}] "50 132"
say exit
ended
TCL
expect_test "^C interrupts the command and not the shell" <<'TCL'
login alice
say {sleep 1000; echo rc=$?}
running {sleep 1000}
send "\003"
want_ready
equal [ask {echo alive}] alive
say exit
ended
TCL
expect_test "^Z stops, jobs lists, fg goes on" <<'TCL'
login alice
say {sleep 1001}
running {sleep 1001}
send "\032"
want {Stopped}
want_ready
if {![regexp {Stopped.*sleep 1001} [ask jobs]]} { fail "jobs does not list it" }
say {fg}
want {sleep 1001}
in_front {sleep 1001}
send "\003"
want_ready
equal [ask jobs] ""
say exit
ended
TCL
expect_test "a background job that reads the terminal is stopped, not failed" <<'TCL'
login alice
say {cat &}
want_ready
stopped cat
say {}
want {Stopped \(tty input\)|Stopped}
want_ready
say {kill %1; exit}
expect {
	eof {}
	-re {stopped jobs} { say exit; exp_continue }
	timeout { fail "no end" }
}
TCL
expect_test "^D ends the login" <<'TCL'
login alice
send "\004"
equal [ended] 0
TCL
expect_test "8-bit clean in raw mode" <<'TCL'
login alice
say {stty raw -echo; echo "GO""NOW"; head -c 4 | od -An -tx1; stty sane}
want GONOW
fconfigure $spawn_id -translation binary -encoding binary
send "\xc3\x28\xff\x03"
want {c3 28 ff 03}
want_ready
say exit
ended
TCL
expect_test "a command with -t has a terminal and hands its exit status on" <<'TCL'
spawn -noecho ssh -tt -l alice gocker {test -t 0 && echo terminal; exit 42}
want terminal
equal [ended] 42
TCL
expect_test "the shell is the terminal's session leader inside" <<'TCL'
login alice
equal [ask {awk '{ print ($1 == $6) }' /proc/$$/stat}] 1
equal [ask {ps -o pid,tty | awk '$1 == 1 { print $2 }'}] "?"
say exit
ended
TCL

# Hang-ups: the client dies without a word.
hang_up() { # NAME SCRIPT: SCRIPT runs at the prompt when the client is killed
	local name=$1
	expect_test "$name: the client is killed" <<TCL
login alice
say {$2}
want RUNNING
exec kill -9 [exp_pid]
ended
TCL
	check_clean "$name: all of the session is gone (S8)"
}
hang_up "a shell at its prompt" 'echo "RUN""NING"'
hang_up "a command in the foreground" 'echo "RUN""NING"; sleep 1000'
hang_up "a payload that ignores HUP" 'trap "" HUP TERM; echo "RUN""NING"; while :; do sleep 1000; done'
hang_up "nohup and setsid in the background" 'nohup sleep 1000 >/dev/null 2>&1 & setsid sleep 1000 & echo "RUN""NING"'

# Attacks on the terminal that the session shares with its caller.
cp "$GKT_HELPERS/tiocsti" /home/alice/
legacy=$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)
for how in plain high; do
	name="A16: control: TIOCSTI works outside ($how)"
	if [ "$legacy" = 0 ]; then
		skip "$name" "this kernel refuses TIOCSTI everywhere (dev.tty.legacy_tiocsti)"
	else
		check "$name" as_user alice env SHELL=/bin/sh script -qec "/home/alice/tiocsti $how" /dev/null
	fi
done
for how in plain high linux; do
	expect_test "A16: TIOCSTI and TIOCLINUX are refused inside ($how)" <<TCL
login alice
equal [ask {~/tiocsti $how}] "EPERM"
say exit
ended
TCL
done

# Not the session's leader: su makes the shell a child with the caller's terminal.
expect_test "su - USER: a pty inside and a relay outside (S17)" <<'TCL'
spawn -noecho su - alice
want_prompt
prompt
equal [ask hostname] gocker-container
if {![regexp {^/dev/} [ask tty]]} { fail "no terminal's name" }
equal [ask {stty size}] "24 80"
resize 40 100
becomes {stty size} "40 100"
say {sleep 1000}
running {sleep 1000}
send "\003"
want_ready
say {exit 5}
equal [ended] 5
TCL
check_clean "nothing is left"
