#!/bin/bash
# timeout: 240
# At a logout from su, runuser or sudo their terminal is there still: it says what ended, or runs on.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need expect su runuser sudo
need_product
add_user alice
for name in su runuser sudo; do shipped $name; done
cp /etc/pam.d/su /etc/pam.d/su-l
cp /etc/pam.d/runuser /etc/pam.d/runuser-l
cp /etc/pam.d/sudo /etc/pam.d/sudo-i
: >/etc/default/locale
printf 'Defaults !lecture,!use_pty\nroot ALL=(ALL:ALL) NOPASSWD: ALL\n' >/etc/sudoers
chmod 440 /etc/sudoers
set_ini
remember_host

# su hands on what it has open, and jobs stay: none of them is to have a descriptor of the test's.
cat >/usr/local/bin/bare <<'SH'
#!/bin/bash
for fd in /proc/self/fd/*; do
	[ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
done
exec "$@"
SH
chmod 755 /usr/local/bin/bare

# logout NAME COMMAND JOBS LINE: what the terminal says before the program has ended; with no LINE nothing of it.
logout() {
	expect_test "$1" <<-TCL
		spawn -noecho bare $2
		want_prompt
		prompt
		say {$3}
		want_ready
		say exit
		set line {${4:-}}
		if {\$line ne ""} { want "gocker: \$line\r+\n" }
		expect {
			-re {still running|ended with} { fail "it says so, too" }
			eof {}
			timeout { fail "no end" }
		}
		equal [lindex [wait] 3] 0
	TCL
}
logout "su -: a logout says that a process ended" 'su - alice' 'sleep 300 & true' '1 process ended with this login'
check "su -: which is no more" wait_until 60 eval '! pgrep -fx "sleep 300" >/dev/null'
logout "su: it says how many did" 'su alice' 'sleep 300 & sleep 301 & true' '2 processes ended with this login'
logout "runuser -l" 'runuser -l alice' 'sleep 300 & true' '1 process ended with this login'
logout "sudo -iu" 'sudo -iu alice' 'sleep 300 & true' '1 process ended with this login'
logout "a logout with nothing left says nothing" 'su - alice' 'sleep 0 & wait'
is "$(su - alice -c 'sleep 300 >/dev/null 2>&1 &' 2>&1)" "" "a command without a terminal prints nothing of it"
set_ini 'banner = none'
logout "banner = none: it is not said" 'su - alice' 'sleep 300 & true'

# In a container that its user's logins share the last one out reads it.
share() { set_ini 'share = user' "linger = $1"; }
stop() {
	"$GOCKER" stop alice >/dev/null 2>&1
	wait_until 60 no_sessions
}
share 8h
logout "share = user: it says what is still running, and for how long" 'su -P - alice' 'nohup sleep 300 >/dev/null 2>&1 &' \
	'still running: 1 process, ended in 8h unless you log in again'
is "$(pgrep -fx 'sleep 300' | wc -l)" 1 "share = user: as it does"
stop
share forever
logout "linger = forever" 'su -P - alice' 'nohup sleep 300 >/dev/null 2>&1 &' 'still running: 1 process'
stop
share none
logout "linger = none: it says what ends" 'su -P - alice' 'nohup sleep 300 >/dev/null 2>&1 &' '1 process ended with this login'
check "linger = none: it ends" wait_until 60 no_sessions
share 8h
(bare su - alice -c 'touch ~/in; exec sleep 1000' </dev/null >/dev/null 2>&1) &
other=$!
check "(another login is in the container)" wait_until 60 test -e /home/alice/in
logout "where another login is in the container, it says nothing" 'su -P - alice' 'nohup sleep 300 >/dev/null 2>&1 &'
stop
wait $other
check_clean "nothing is left"
