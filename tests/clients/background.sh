#!/bin/bash
# S18: background jobs, nohup, setsid, tmux and screen work inside and end with the session.
. "$(dirname "$0")/../lib/test.sh"
need expect tmux screen
need_product
# What programs of the host take for granted: a UTF-8 locale and descriptions of terminals.
cp -a /var/lib/gocker/images/alpine "$GKT_WORK/root"
mkdir -p "$GKT_WORK/root/usr/lib/locale" "$GKT_WORK/root/lib/terminfo"
cp -a /usr/lib/locale/C.utf8 "$GKT_WORK/root/usr/lib/locale/"
cp -a /lib/terminfo/[stx] "$GKT_WORK/root/lib/terminfo/"
own_images
tar -C "$GKT_WORK/root" -c . | "$GOCKER" image import -q mux -
image_with mux tmux screen

rows() {
	row=S18
	user=back-$door
	door_user "$user"
	set_ini 'image = mux' 'pids_max = 50'
	start_sshd
	remember_host

	run ssh_as "$user" 'sleep 0.3 && echo from-job >job & wait; cat job'
	is "$out" from-job "a background job runs, and can be waited for"
	run ssh_as "$user" 'nohup sh -c "sleep 0.3; echo hup >nohup-ran" >/dev/null 2>&1 & sleep 1; cat nohup-ran'
	is "$out" hup "nohup"
	run ssh_as "$user" 'setsid sh -c "sleep 0.3; echo sid >setsid-ran" & sleep 1; cat setsid-ran'
	is "$out" sid "setsid"
	SECONDS=0
	# Through the PAM door the session is the login's, and sshd waits for who holds stdout, as ever.
	local apart=''
	[ "$door" = shell ] || apart='exec >/dev/null 2>&1;'
	run ssh_as "$user" "$apart nohup sleep 1000 >/dev/null 2>&1 & setsid sleep 1000 & (sleep 1000 &) ; exit 5"
	is "$rc" 5 "what is left in the background does not change the status"
	check "nor hold the session: $SECONDS s" test $SECONDS -lt 900
	check_clean "and ends with it"

	expect_test "tmux: a window, detached and attached again" <<-TCL
		login $user
		say {tmux new-session -s work "sh -c 'echo MUX\\\$((40+2)); exec sh'"}
		want {MUX42}
		after 300
		send "\002d"
		want {detached}
		want_ready
		if {![regexp {work: 1 windows} [ask {tmux ls}]]} { fail "tmux ls" }
		say {tmux attach -t work}
		want {MUX42}
		after 300
		send "\002d"
		want {detached}
		want_ready
		say exit
		equal [ended] 0
	TCL
	check_clean "tmux: its server ends with the session"
	expect_test "screen: a window, detached and attached again" <<-TCL
		login $user
		ask {mkdir -p -m 700 ~/.screen; export SCREENDIR=~/.screen}
		say {screen -S work sh -c 'echo SCR\$((40+2)); exec sh'}
		want {SCR42}
		after 300
		send "\001d"
		want {detached}
		want_ready
		if {![regexp {work} [ask {screen -ls}]]} { fail "screen -ls" }
		say {screen -r work}
		want {SCR42}
		after 300
		send "\001d"
		want {detached}
		want_ready
		say exit
		ended
	TCL
	check_clean "screen: its server ends with the session"
}
through_each_door rows
