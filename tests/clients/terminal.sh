#!/bin/bash
# S1: an interactive login on a pty behaves as on any host, and so does its end.
. "$(dirname "$0")/../lib/test.sh"
need expect
need_product

rows() {
	row=S1
	local user=term-$door home
	door_user "$user"
	home=/home/$user
	set_ini 'pids_max = 50'
	start_sshd
	remember_host
	expect_test "a prompt comes at once, with no complaint about job control" <<-TCL
		spawn -noecho ssh -tt -l $user gocker
		set began [clock milliseconds]
		want {[\$#] \$}
		if {[clock milliseconds] - \$began > 5000} { fail "it took longer" }
		if {[regexp {job control|access tty} \$seen]} { fail "the shell complains: \$seen" }
		say "exit 3"
		equal [ended] 3
	TCL
	expect_test "tty names a real path, which is the terminal" <<-TCL
		login $user
		set tty [ask tty]
		if {![regexp {^/dev/} \$tty]} { fail "tty says: \$tty" }
		equal [ask "test -c \$tty && echo x >\$tty && echo y >/dev/tty"] "x\r\ny"
		equal [ask {test -t 0 && test -t 1 && test -t 2 && echo yes}] yes
		equal [ask {for i in 0 1 2; do readlink /proc/\$\$/fd/\$i; done | sort -u}] \$tty
		say exit
		equal [ended] 0
	TCL
	expect_test "the size comes in, and its changes (SIGWINCH)" <<-TCL
		login $user
		equal [ask {stty size}] "24 80"
		say {sh -c 'trap "echo RE""SIZED; exit" WINCH; echo "GO""NOW"; while :; do sleep 0.1; done'}
		want GONOW
		resize 50 132
		want RESIZED
		want {PROMPT> \$}
		equal [ask {stty size}] "50 132"
		say exit
		ended
	TCL
	expect_test "^C, ^\\, ^Z, jobs, bg and fg" <<-TCL
		login $user
		say {sleep 1000; echo rc=\$?}
		running {sleep 1000}
		send "\003"
		want {PROMPT> \$}
		say {sleep 1001}
		running {sleep 1001}
		send "\034"
		want {PROMPT> \$}
		say {sleep 1002}
		running {sleep 1002}
		send "\032"
		want {Stopped}
		want {PROMPT> \$}
		if {![regexp {Stopped.*sleep 1002} [ask jobs]]} { fail "jobs does not list it" }
		ask bg
		if {[regexp {Stopped.*sleep 1002} [ask jobs]]} { fail "bg did not continue it" }
		say {fg}
		want {sleep 1002}
		in_front {sleep 1002}
		send "\003"
		want {PROMPT> \$}
		equal [ask jobs] ""
		say exit
		ended
	TCL
	expect_test "^D ends the login with the last status" <<-TCL
		login $user
		ask false
		send "\004"
		equal [ended] 1
	TCL
	# All 256 bytes, read by a program that has put the terminal into raw mode.
	perl -e 'print pack "C*", 0..255' >"$GKT_WORK/all"
	expect_test "8-bit clean both ways in raw mode" <<-TCL
		login $user
		say {stty raw -echo; echo "GO""NOW"; head -c 256 >all; cat all; stty sane; echo}
		want GONOW
		fconfigure \$spawn_id -translation binary -encoding binary
		set file [open $GKT_WORK/all rb]
		send -- [read \$file]
		want {PROMPT> \$}
		equal [ask {sha256sum <all | cut -c1-64}] [lindex [exec sha256sum $GKT_WORK/all] 0]
		say exit
		ended
	TCL
	run timeout 300 ssh -tt -l "$user" gocker 'stty raw -echo; cat all'
	check "every byte comes out as it was written" cmp "$GKT_WORK/all" "$GKT_WORK/out"
	run timeout 300 ssh -tt -l "$user" gocker 'test -t 0 && test -t 2 && exit 42'
	is "$rc" 42 "a command with -t has a terminal and hands its exit status on"
	run timeout 300 ssh -tt -l "$user" gocker 'i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i + 1)); done; exit 9'
	is "$rc:$(tr -d '\r' <<<"$out" | sha256sum)" "9:$(seq 0 19999 | sha256sum)" \
		"100 KB written just before the end all arrive"
	rm -f "$home/all"
	check_clean "nothing is left"
}
through_each_door rows
