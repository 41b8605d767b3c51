#!/bin/bash
# What a session's user is told: the banner at a login, what ended at its logout, and df; through both doors.
. "$(dirname "$0")/../lib/test.sh"
need expect
need_product

silent() { # NAME CMD...: neither stdout nor stderr has a word of gocker's
	run "${@:2}"
	unlike "$out$err" 'container|gocker:|ended' "$1: no word of gocker's"
}

rows() {
	local u="told-$door" plain="quiet-$door"
	door_user "$u"
	door_user "$plain"
	set_ini 'pids_max = 50'
	start_sshd
	remember_host
	mark_syslog
	expect_test "$door: a login on a terminal reads what it is in, once, before the prompt" <<-TCL
		spawn -noecho ssh -tt -l $u gocker
		want_prompt
		if {![regexp {This is a container \(image alpine\)\. Kept at logout: /home/$u\.\r+\n} \$seen]} { fail "not what is kept: \$seen" }
		if {![regexp {All else ends with this login\. Limits: 50 tasks, 64M in /tmp\.\r+\n} \$seen]} { fail "not the limits: \$seen" }
		if {[regexp -all {This is a container} \$seen] != 1} { fail "more than once: \$seen" }
		prompt
		equal [ask {df | grep -c ' /proc\| /sys'; df | grep -c ' /\$\| /home/$u\$'}] "0\r\n2"
		say exit
		equal [ended] 0
	TCL
	silent "$door: a command" ssh_as "$u" 'id -un; sleep 300 >/dev/null 2>&1 &'
	silent "$door: a command on a terminal" timeout 300 ssh -tt -l "$u" gocker 'id -un'
	silent "$door: a shell without a terminal" ssh_as "$u" -T <<<'id -un'
	for subsystem in "sftp" "no-such"; do
		silent "$door: a subsystem, $subsystem" timeout 300 ssh -s -l "$u" gocker "$subsystem"
	done
	touch "/home/$plain/.hushlogin"
	expect_test "$door: .hushlogin is kept to" <<-TCL
		spawn -noecho ssh -tt -l $plain gocker
		want_prompt
		if {[regexp {container \(image} \$seen]} { fail "a banner: \$seen" }
		say exit
		ended
	TCL
	printf 'Lab of {user}\nAsk the desk; {pids_max} tasks.\n' >/etc/welcome
	set_ini 'banner = /etc/welcome'
	expect_test "$door: the banner from a file" <<-TCL
		spawn -noecho ssh -tt -l $u gocker
		want_prompt
		if {![regexp {Lab of $u\r+\nAsk the desk; 20 tasks\.\r+\n} \$seen]} { fail "no: \$seen" }
		say exit
		ended
	TCL
	chmod o+w /etc/welcome
	expect_test "$door: a file that others can write is not shown, and the login goes on" <<-TCL
		spawn -noecho ssh -tt -l $u gocker
		want_prompt
		if {[regexp {Lab of} \$seen]} { fail "shown: \$seen" }
		say exit
		equal [ended] 0
	TCL
	like "$(gocker_log)" 'event=missing what=banner reason="/etc/welcome can be written by others' \
		"$door: and the administrator reads why"
	run "$GOCKER" check /etc/gocker.ini
	like "$out$err" 'banner: /etc/welcome can be written by others' "$door: gocker check warns of it"
	chmod o-w /etc/welcome
	set_ini 'banner = none'
	expect_test "$door: banner = none" <<-TCL
		spawn -noecho ssh -tt -l $u gocker
		want_prompt
		if {[regexp {container \(image|Lab of} \$seen]} { fail "a banner: \$seen" }
		say exit
		ended
	TCL
	set_ini
	check_clean "$door: nothing is left"
}
through_each_door rows

# The shell door has the terminal when the shell ends.
open_door shell
start_sshd
logout() { # NAME JOBS WHAT
	expect_test "$1" <<-TCL
		login told-shell
		say {$2}
		want {PROMPT> \$}
		say exit
		want {gocker: $3 ended with this login\r+\n}
		equal [ended] 0
	TCL
}
logout "a logout says that a process ended" 'sleep 300 & true' '1 process'
logout "a logout says how many processes ended" 'sleep 300 & sleep 301 & sleep 302 & true' '3 processes'
expect_test "a logout with nothing left says nothing" <<'TCL'
	login told-shell
	say {sleep 0 & wait}
	want {PROMPT> $}
	say exit
	expect { -re {ended with this login} { fail "it says so" } eof {} timeout { fail "no end" } }
	equal [lindex [wait] 3] 0
TCL

# With share = user: the last one out reads what goes on, and how long.
share() { set_ini 'share = user' "linger = $1"; }
share 8h
logout_of_shared() { # NAME JOBS LINE
	expect_test "$1" <<-TCL
		login told-shell
		say {$2}
		want {PROMPT> \$}
		say exit
		want {gocker: $3\r+\n}
		equal [ended] 0
	TCL
	"$GOCKER" stop told-shell >/dev/null 2>&1
	wait_until 60 no_sessions
}
logout_of_shared "share = user: a logout says what is still running, and for how long" 'sleep 300 & true' \
	'still running: 1 process, ended in 8h unless you log in again'
share forever
logout_of_shared "linger = forever: and that nothing ends it" 'sleep 300 & sleep 301 & true' 'still running: 2 processes'
share none
logout_of_shared "linger = none: it says what has ended" 'sleep 300 & true' '1 process ended with this login'
share 90m
hold_session told-shell
expect_test "where another login is in the container, a logout says nothing" <<'TCL'
	login told-shell
	say exit
	expect { -re {still running|ended with} { fail "it says so" } eof {} timeout { fail "no end" } }
	equal [lindex [wait] 3] 0
TCL
drop_session
"$GOCKER" stop told-shell >/dev/null 2>&1
check "nothing is left of them" wait_until 60 no_sessions
set_ini 'banner = "Hello, {user}. {limits}"'
expect_test "a banner of one line" <<'TCL'
	spawn -noecho ssh -tt -l told-shell gocker
	want_prompt
	if {![regexp {Hello, told-shell\. 20 tasks, 64M in /tmp\r+\n} $seen]} { fail "no: $seen" }
	say exit
	ended
TCL
stop_sshd

# The host's motd: the line of gocker.ini(5), NOTES, that keeps it from contained users, before pam_motd's.
echo 'Welcome to the host' >/etc/motd
add_user plain --shell /bin/sh
motd() { # SKIP...: the stack of a host with pam_motd, these lines before it
	write_door_pam gocker-sshd 'session optional pam_loginuid.so' "$@" 'session optional pam_motd.so noupdate motd=/etc/motd'
	start_sshd
}
reads_motd() { # NAME USER yes|no
	expect_test "$1" <<-TCL
		spawn -noecho ssh -tt -l $2 gocker
		want_prompt
		equal [regexp {Welcome to the host} \$seen] $3
		say exit
		ended
	TCL
}
set_ini
motd
reads_motd "shell door, control: without the line the host's motd is shown" told-shell 1
stop_sshd
motd 'session [success=1 default=ignore] pam_succeed_if.so quiet shell = '"$GOCKER_SHELL"
reads_motd "shell door: the line keeps the host's motd from contained users" told-shell 0
reads_motd "shell door: and from nobody else" plain 1
stop_sshd
if pam_module >/dev/null; then
	door=pam
	set_ini '[group:staff]' 'contain = no'
	add_user boss --shell /bin/sh --groups staff
	motd 'session [success=1 default=ignore] pam_succeed_if.so quiet user notingroup staff'
	reads_motd "PAM door: the line keeps the host's motd from contained users" told-pam 0
	reads_motd "PAM door: and from nobody else" boss 1
	stop_sshd

	# The entry stub shows the banner: it is the shell of whoever has gocker-shell in passwd, or a shell that the image
	# lacks. One that the image has is started by sshd itself.
	open_door pam
	set_ini
	add_user lacks --shell /bin/bash
	add_user has --shell /bin/sh
	start_sshd
	reads_banner() { # NAME USER TIMES
		expect_test "$1" <<-TCL
			spawn -noecho ssh -tt -l $2 gocker
			want_prompt
			prompt
			equal [regexp -all {This is a container \(image alpine\)} \$seen] $3
			equal [ask hostname] gocker-container
			say exit
			ended
		TCL
	}
	reads_banner "PAM door: a user whose passwd shell the image lacks reads the banner, once" lacks 1
	reads_banner "PAM door: one whose passwd shell the image has reads none" has 0
	check "(control: the image has the one and lacks the other)" \
		test -e /var/lib/gocker/images/alpine/bin/sh -a ! -e /var/lib/gocker/images/alpine/bin/bash
	stop_sshd
fi
