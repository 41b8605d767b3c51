#!/bin/bash
# The terminal of who calls gocker run stays outside: what the command has is a pipe, or a terminal of its own.
. "$(dirname "$0")/../lib/test.sh"
need expect script jq
need_product
set_ini
remember_host
on_terminal() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; } # COMMAND LINE, with a terminal as fds 0-2
# What a command says that its fds 0-2 are: a line each, of which numbers are no part.
fds='for n in 0 1 2; do readlink /proc/self/fd/\$n; done'
kinds() { sed 's/\^@//; s/:.*//; s#/[0-9]*$##' | paste -sd' '; }
# Descriptors of the host's terminals that processes of the only session have.
terminals() {
	local pid
	while read -r pid; do
		find "/proc/$pid/fd" -lname '/dev/pts/*' -o -lname '/dev/tty*'
	done <"$(session_leaves 0 | head -n 1)/cgroup.procs" 2>/dev/null
}

is "$(on_terminal "sh -c \"$fds\"" | kinds)" "/dev/pts /dev/pts /dev/pts" \
	"control: what is started on a terminal has it"
is "$(on_terminal "$GOCKER run sh -c \"$fds\" | cat" | kinds)" "/dev/null pipe pipe" "a command before a pipe"
is "$(on_terminal "$GOCKER run -T sh -c \"$fds\"" | kinds)" "/dev/null pipe pipe" "one without a terminal (-T)"
echo in >"$GKT_WORK/in"
is "$(on_terminal "$GOCKER run sh -c \"cat; $fds\" <$GKT_WORK/in" | kinds)" "in $GKT_WORK/in pipe pipe" "one whose input is a file, which is handed on"
is "$(on_terminal "$GOCKER run sh -c \"$fds\" 2>/dev/tty" | kinds)" "/dev/pts /dev/pts pipe" \
	"one with a terminal of its own, whose stderr is the caller's by another descriptor"
in_order() { on_terminal "$GOCKER run $1 sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo \$i; echo \$i >&2; done'" | paste -sd' '; }
is "$(in_order -T)" "1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9" "what it says and complains of comes in order"
is "$(on_terminal "$GOCKER run -T sh -c 'seq 20000; exit 5'; echo \$?" | md5sum)" "$( (seq 20000; echo 5) | md5sum)" \
	"all of it, and then its exit status"
is "$(on_terminal "$GOCKER run sh -c 'echo lost >&2' | cat")" lost "and what it complains of before a pipe"
like "$(on_terminal "$GOCKER run -T no-such-program; echo \$?")" 'gocker run: .*
127$' "so do gocker's own words"
like "$(on_terminal "$GOCKER run --image nosuch true | cat")" 'gocker run: .*nosuch' "and those of a refusal"

expect_test "keys: -i hands them on, ^D ends them, ^C ends the command" <<'TCL'
spawn -noecho sh
say {PS1="PRO""MPT> "}
want_ready
say {gocker run -i -T sh -c 'read x; echo "got $x"; cat; echo en""ded'}
say typed
want {got typed}
send "\004"
want {ended}
want_ready
say {gocker run sleep 12345 | cat}
running {sleep 12345}
send "\003"
want_ready
say {gocker run sh -c 'read x; echo "got -$x-"' | cat}
want {got --}
want_ready
say {exit}
ended
TCL
check_clean "nothing is left"

# Seen from the host, while it lives.
check_no_pump() { ! pgrep -x gocker-pump >/dev/null; }
is_gone() { [ -z "$(session_leaves 0)" ]; }
sleeps() { pgrep -fx 'sleep 54321' >/dev/null; }
for how in "run -T" "run -d" "run --userns -T"; do
	on_terminal "$GOCKER $how sleep 54321" >"$GKT_WORK/said" 2>&1 &
	holder=$!
	check "$how: runs" wait_until 30 sleeps
	is "$(terminals)" "" "$how: no descriptor of a host's terminal is in the session"
	id=$("$GOCKER" ps -q)
	if [ "$how" = "run -T" ]; then
		is "$(on_terminal "$GOCKER exec -T $id sh -c \"$fds\"" | kinds)" "/dev/null pipe pipe" "exec: nor in what it runs"
		kill -KILL "$("$GOCKER" ps --format json | jq '.[0].supervisor')"
		check "a supervisor that is killed takes who carries with it" wait_until 30 check_no_pump
	else
		"$GOCKER" kill "$id" >/dev/null
	fi
	wait $holder
	"$GOCKER" gc >/dev/null
	check "$how: ends" wait_until 30 is_gone
done
like "$(on_terminal "$GOCKER run -d --log /dev/tty true; echo \$?")" 'cannot write to /dev/tty: it is a terminal
125' "run -d: a terminal is no log"
check_clean "nothing is left"
