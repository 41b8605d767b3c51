#!/bin/bash
# S17: the terminal where gocker is not the session leader. The caller's terminal is raw while the
# session has it, and as it was found whenever the session has not.
. "$(dirname "$0")/../lib/test.sh"
need expect script su sudo
need_product
user=relay
add_user $user
set_ini 'pids_max = 50'
for service in su su-l sudo sudo-i; do write_door_pam $service 'session required pam_unix.so'; done
remember_host
door=shell row=S17

# A shell of root's on a terminal, as an administrator has one; `outer` asks it for its modes.
cat >"$GKT_WORK/outer.tcl" <<'TCL'
proc outer_shell {} {
	global spawn_id spawn_out
	spawn -noecho env PS1=OUT> HISTFILE= bash --norc --noprofile --noediting -i
	want {OUT>$}
}
proc outer {command} {
	global expect_out
	say $command
	want {OUT>$}
	set text $expect_out(buffer)
	regsub {^[^\n]*\n} $text {} text
	regsub {OUT>$} $text {} text
	return [string trim $text]
}
proc enter {command} {
	say $command
	want_prompt
	prompt
}
proc same_modes {before} {
	equal [outer {stty -g}] $before
}
# Awaits that the session has the terminal: what is typed before is the outer shell's.
proc taken {} {
	global slow spawn_out
	for {set i 0} {$i < 1200 * $slow} {incr i} {
		if {[regexp {\s-icanon\s} [exec stty -a <$spawn_out(slave,name)]]} { return }
		after 50
	}
	fail "the session does not take the terminal"
}
# The oldest: a child of its own has its name for a moment, until it has one of its own.
proc super {} { return [exec pgrep -xo gocker-super] }
TCL
outer_test() { # NAME: with the functions above
	cat "$GKT_WORK/outer.tcl" - >"$GKT_WORK/outer.now"
	expect_test "$1" <"$GKT_WORK/outer.now"
}

# The ways to a session by which gocker is not the leader of the terminal's session.
ways=("su - $user" "sudo -iu $user" "gocker run -t -u $user sh")
for how in "${ways[@]}" "gocker run -t sh"; do
	outer_test "$how: the outer shell's modes are back after it" <<-TCL
		outer_shell
		set before [outer {stty -g}]
		enter "$how"
		ask {stty -echo; stty echo}
		say {exit 3}
		want {OUT>\$}
		equal [outer {echo \$?}] 3
		same_modes \$before
		enter "$how"
		say {stty raw -echo; kill -9 \$\$}
		want {OUT>\$}
		same_modes \$before
		say exit
		ended
	TCL
	outer_test "$how: the session has size and modes from its first instant, and changes of size" <<-TCL
		outer_shell
		outer {stty rows 31 columns 91 -echoke}
		enter "$how"
		equal [ask {stty size}] "31 91"
		equal [ask {stty -a | grep -c -e -echoke}] 1
		resize 40 100
		becomes {stty size} "40 100"
		say exit
		want {OUT>\$}
		say exit
		ended
	TCL
	outer_test "$how: ^C, ^Z, fg and ^D work inside, and in the outer shell after it" <<-TCL
		outer_shell
		enter "$how"
		say {sleep 1000}
		running {sleep 1000}
		send "\003"
		want_ready
		say {sleep 1001}
		running {sleep 1001}
		send "\032"
		want {Stopped}
		want_ready
		say fg
		want {sleep 1001}
		in_front {sleep 1001}
		send "\003"
		want_ready
		ask false
		send "\004"
		want {OUT>\$}
		equal [outer {echo \$?}] 1
		say {sleep 1002}
		running {sleep 1002}
		send "\032"
		want {Stopped}
		want {OUT>\$}
		say fg
		want {sleep 1002\r\n}
		in_front {sleep 1002}
		send "\003"
		want {OUT>\$}
		equal [outer jobs] ""
		say exit
		ended
	TCL
done

for signal in TSTP STOP; do
	outer_test "stopped by $signal and continued: the outer shell works, then the session again" <<-TCL
		outer_shell
		set before [outer {stty -g}]
		enter "gocker run -t sh"
		exec kill -$signal [super]
		want {Stopped}
		want {OUT>\$}
		same_modes \$before
		equal [outer {echo still here}] "still here"
		say fg
		want {gocker run.*\n}
		taken
		equal [ask {echo inside}] inside
		say {sleep 1000}
		running {sleep 1000}
		send "\003"
		want_ready
		exec kill -$signal [super]
		want {Stopped}
		want {OUT>\$}
		say fg
		taken
		say {exit 7}
		want {OUT>\$}
		equal [outer {echo \$?}] 7
		same_modes \$before
		say exit
		ended
	TCL
done
outer_test "su - USER stopped and continued by its supervisor" <<-TCL
	outer_shell
	set before [outer {stty -g}]
	enter "su - $user"
	exec kill -TSTP [super]
	want {Stopped}
	want {OUT>\$}
	same_modes \$before
	say fg
	want {su - $user.*\n}
	taken
	equal [ask {echo inside}] inside
	say exit
	want {OUT>\$}
	same_modes \$before
	say exit
	ended
TCL
for signal in TERM HUP; do
	outer_test "the supervisor is ended by $signal: the terminal is given back" <<-TCL
		outer_shell
		set before [outer {stty -g}]
		enter "gocker run -t sh"
		exec kill -$signal [super]
		want {OUT>\$}
		same_modes \$before
		say exit
		ended
	TCL
done
# A shell that does not look after the terminal itself: only gocker can have given it back.
outer_test "the supervisor is killed: the terminal is given back" <<-TCL
	outer_shell
	set before [outer {stty -g}]
	say {was=\$(stty -g); sh -c "gocker run -t sh; for i in \\\$(seq 100); do [ \\\$(stty -g) != \$was ] || break; sleep 0.1; done; stty -g | sed s/^/MODES:/"}
	want_prompt
	prompt
	exec kill -KILL [super]
	want {MODES:[0-9a-f:]+}
	if {![string match *MODES:\$before* \$seen]} { fail "they stay raw: \$seen" }
	say exit
	ended
TCL
"$GOCKER" gc >/dev/null # the empty cgroup that a killed supervisor leaves
outer_test "started in the background it leaves the terminal alone, and takes it with fg" <<-TCL
	outer_shell
	set before [outer {stty -g}]
	outer "gocker run -t -u $user sh -c 'read x; echo got \\\$x; read x' &"
	after 700
	same_modes \$before
	say fg
	want {gocker run}
	taken
	say hello
	want {got hello}
	say {}
	want {OUT>\$}
	same_modes \$before
	say exit
	ended
TCL
outer_test "su - USER -c, which has no controlling terminal: typed input reaches the command" <<-TCL
	outer_shell
	set before [outer {stty -g}]
	say "su - $user -c 'read x; echo got \\\$x; exit 4'"
	taken
	say hello
	want {got hello}
	want {OUT>\$}
	equal [outer {echo \$?}] 4
	same_modes \$before
	say exit
	ended
TCL
perl -e 'print pack "C*", 0..255' >"/home/$user/all"
cp "/home/$user/all" "$GKT_WORK/all"
for how in "${ways[@]}"; do
	outer_test "$how: 8-bit clean both ways in raw mode" <<-TCL
		outer_shell
		enter "$how"
		ask {cd /home/$user; rm -f in}
		say {stty raw -echo; echo "GO""NOW"; head -c 256 >in; cat all; stty sane; echo}
		want GONOW
		fconfigure \$spawn_id -translation binary -encoding binary
		set file [open $GKT_WORK/all rb]
		send -- [read \$file]
		want_ready
		equal [ask {cmp in all && echo same}] same
		say exit
		want {OUT>\$}
		say exit
		ended
	TCL
done

# Bytes through `script`, which makes a terminal and writes down what comes out of it.
mkfifo "$GKT_WORK/typing"
exec 8<>"$GKT_WORK/typing"
on_a_tty() { timeout $((60 * ${GKT_SLOW:-1})) script -qec "$1" /dev/null <&8; }
for how in "su - $user -c" "sudo -iu $user sh -c" "gocker run -t -u $user sh -c"; do
	on_a_tty "$how 'stty raw; cat /home/$user/all'" >"$GKT_WORK/out"
	check "$how: every byte comes out as it was written" cmp "$GKT_WORK/all" "$GKT_WORK/out"
	wrong=0
	for i in {1..6}; do
		on_a_tty "$how 'seq 1 3000; printf last; exit 9'" >"$GKT_WORK/out"
		[ $? = 9 ] && cmp -s <(tr -d '\r' <"$GKT_WORK/out") <(seq 1 3000; printf last) || wrong=$((wrong + 1))
	done
	is "$wrong" 0 "$how: no last byte is lost, and no status, in $i runs"
done
on_a_tty "su - $user -c 'seq 1 1000000'" >"$GKT_WORK/out"
is "$(tr -d '\r' <"$GKT_WORK/out" | sha256sum)" "$(seq 1 1000000 | sha256sum)" "7 MB through a terminal are exact"

for how in "${ways[@]}"; do
	expect_test "$how: the caller's terminal hangs up" <<-TCL
		spawn -noecho $how
		want_prompt
		prompt
		say {trap "" HUP TERM; echo "RUN""NING"; while :; do sleep 1000; done}
		want RUNNING
		close
		wait
	TCL
	check_clean "$how: the caller's terminal hangs up: all of the session is gone"
done
