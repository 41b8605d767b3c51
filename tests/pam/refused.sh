#!/bin/bash
# timeout: 240
# A refusal is a refusal for every caller: nothing runs on the host, whatever the caller makes of what the
# module returns. And stdout stays the client's.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need sudo su login runuser cron atd at script
need_product
add_user alice --shell /bin/sh
set_ini 'user_sessions_max = 1'
services='su login sudo runuser cron atd'
mkdir "$GKT_WORK/host"
for name in $services; do cp "/etc/pam.d/$name" "$GKT_WORK/host/$name" || exit 1; done
: >/etc/default/locale
echo 'Defaults !lecture' >/etc/sudoers
echo 'root ALL=(ALL:ALL) NOPASSWD: ALL' >>/etc/sudoers
chmod 440 /etc/sudoers
echo alice >/etc/at.allow
mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs /var/spool/cron/atspool /srv/marks
chmod 1777 /srv/marks
printf '@reboot exec touch /srv/marks/cron\n' >/var/spool/cron/crontabs/alice
chown alice:crontab /var/spool/cron/crontabs/alice
chmod 600 /var/spool/cron/crontabs/alice
# `shipped`, with a stack of each that needs no password.
stacks() { # contained | host
	for name in $services; do
		if [ "$1" = contained ]; then
			shipped "$name"
		else
			sed -e 's/^session *required *pam_loginuid.so/session optional pam_loginuid.so/' \
				-e 's/^@include common-auth/auth required pam_permit.so/' "$GKT_WORK/host/$name" >"/etc/pam.d/$name"
		fi
	done
	cp /etc/pam.d/su /etc/pam.d/su-l
	cp /etc/pam.d/runuser /etc/pam.d/runuser-l
	cp /etc/pam.d/sudo /etc/pam.d/sudo-i
}
at_job() { (cd /home/alice && as_user alice at now <<<'touch /srv/marks/atd' 2>/dev/null); }
# Cron looks at its table each minute; a job for the boot is run by the same code at once.
boot_cron() {
	pkill -x cron && wait_until 60 no_cron
	rm -f /run/crond.reboot /run/crond.pid
	daemon cron
}
no_cron() { ! pgrep -x cron; }
# Each way to run a command as alice; it leaves a file on the host when it runs there.
try_all() {
	su - alice -c 'touch /srv/marks/su-l'
	su alice -c 'touch /srv/marks/su'
	su -s /bin/sh alice -c 'touch /srv/marks/su-s'
	runuser -l alice -c 'touch /srv/marks/runuser-l'
	runuser -u alice -- touch /srv/marks/runuser-u
	sudo -u alice touch /srv/marks/sudo
	sudo -iu alice touch /srv/marks/sudo-i
	script -qec 'sudo -u alice touch /srv/marks/sudo-pty' /dev/null
	script -qec "su -P - alice -c 'touch /srv/marks/su-P'" /dev/null
	printf 'touch /srv/marks/login\nexit\n' >/home/alice/.profile
	script -qec 'login -f alice' /dev/null
	rm -f /home/alice/.profile
	at_job
	boot_cron
} </dev/null >>"$GKT_WORK/tried" 2>&1
marks() { (cd /srv/marks && echo *); }
all='atd cron login runuser-l runuser-u su su-P su-l su-s sudo sudo-i sudo-pty'
all_there() { [ "$(marks)" = "$all" ]; }

daemon atd -f &
sleep 0.5
stacks host
try_all
check "control: with the host's own stacks every one of the callers runs the command on the host" wait_until 100 all_there
stacks contained
rm -f /srv/marks/*

refusals() { grep -c "pam_gocker($1:session): event=refused" /var/log/gkt-syslog; } # SERVICE
daemons_refused() { [ "$(refusals cron)" -gt "$of_cron" ] && [ "$(refusals atd)" -gt "$of_atd" ]; }
refused_all() { # NAME
	of_cron=$(refusals cron) of_atd=$(refusals atd)
	try_all
	check "$1: cron and atd have come to it as well" wait_until 100 daemons_refused
	is "$(marks)" '*' "$1: su, runuser, sudo, login, cron and atd run nothing on the host"
	rm -f /srv/marks/*
}
set_ini 'image = nosuch'
refused_all "an image that is missing"
set_ini 'pids_max = many'
refused_all "a broken policy"
set_ini 'user_sessions_max = 1'
shipped sshd gocker-sshd
start_sshd
hold_session alice
refused_all "user_sessions_max reached"
drop_session
pkill -x cron
pkill -x atd
remember_host

# A program that goes on all the same.
set_ini 'image = nosuch'
stack gt
drive gt alice open user 'touch /srv/marks/fork' root 'touch /srv/marks/root'
is "$(grep -c '^run: 254' <<<"$out"):$(marks)" '2:*' "what it forks after the refusal comes to nothing"
drive gt alice open raw 'sleep 1000; touch /srv/marks/raw'
like "$out" 'run: 137' "a process of the user's that it makes without fork(3) is killed"
drive gt alice open raw 'for i in 1 2 3 4 5 6 7 8; do (sleep 1000; :) & done; wait'
like "$out" 'run: 137' "and so is one that has started others"
gone() { ! pgrep -u alice >/dev/null; }
check "none of which outlives its parent" wait_until 20 gone
set_ini '[user:alice]' 'contain = no'
drive gt alice open user 'touch /srv/marks/fork' raw '(sleep 20; :) & touch /srv/marks/raw'
check_not "control: what such a process has started outlives it" gone
pkill -KILL -u alice
is "$(marks)" 'fork raw' "control: both run on the host when the user is not contained"
rm -f /srv/marks/*
set_ini
stack gt 'requisite pam_deny.so'
drive gt alice open user 'touch /srv/marks/fork' raw 'sleep 1000; touch /srv/marks/raw'
is "$(grep -c '^open: 14' <<<"$out"):$(grep -c '^run: 254' <<<"$out"):$(marks)" '1:1:*' "the same where another module ended the stack before the last line"

# sshd: the words go to stderr, and stdout has nothing that is not the client's.
set_ini 'image = nosuch'
stop_sshd
echo 'message of the day' >/etc/motd
start_sshd 'Subsystem internal internal-sftp' 'PrintMotd no'
run ssh_as alice 'echo ran'
is "$rc:$out" 254: "sshd, a command: refused, and stdout is empty"
like "$err" "gocker: there is no image 'nosuch'" "the reason is on stderr"
for server in internal /usr/lib/openssh/sftp-server; do
	run timeout 60 sftp -q -s $server -b /dev/null alice@gocker
	isnt "$rc" 0 "sftp ($server) is refused"
	unlike "$out$err" 'Received message too long' "sftp ($server): no word is taken for a packet"
done
mark_syslog
run timeout 60 ssh -N -l alice gocker
is "$rc" 255 "ssh -N: the connection is ended"
check "and nothing of alice's is left" wait_until 60 gone
like "$(gocker_log)" 'event=killed' "control: the keeper ended the user's side of sshd"

# The account line: the connection is refused at once, with a banner that has the reason.
no_sessions_of() { ! gocker_log | grep 'session opened'; }
sed -i '0,/^account.*/s//&\naccount required pam_gocker.so check/' /etc/pam.d/gocker-sshd
for fault in 'image = nosuch:no image' 'pids_max = many:pids_max'; do
	set_ini "${fault%:*}"
	mark_syslog
	run ssh_as alice -o LogLevel=INFO 'echo ran' # the client hides banners from ERROR on
	like "$rc:$out:$err" "^255::.*gocker: .*${fault#*:}" "check, ${fault%:*}: the connection is refused, the reason is on stderr"
	check "${fault%:*}: no session was opened" no_sessions_of
done
# Forty clients that ask for no command: each connection is closed by sshd itself. Control: with the session
# lines alone (above) the keeper has had to end the user's side.
set_ini 'image = nosuch'
sshd_pid=$(cat "$SSHD_DIR/pid")
mark_syslog
for _ in {1..10}; do # fewer at a time than sshd's MaxStartups
	clients=()
	for _ in {1..4}; do
		timeout 120 ssh -N -l alice -o LogLevel=INFO gocker 2>>"$GKT_WORK/refusals" &
		clients+=($!)
	done
	wait "${clients[@]}"
done
is "$(grep -c "gocker: there is no image 'nosuch'" "$GKT_WORK/refusals")" 40 "40 x ssh -N: each client prints the reason"
nothing_of_it() { ! pgrep -P "$sshd_pid" >/dev/null && ! pgrep -u alice >/dev/null; }
check "no process of sshd's or of alice's is left" wait_until 60 nothing_of_it
unlike "$(gocker_log)" 'event=killed' "and the keeper had none to end"
set_ini 'user_sessions_max = 1'
hold_session alice
run ssh_as alice -o LogLevel=INFO 'echo ran'
like "$rc:$out:$err" '^255::.*gocker: 1 session' "check, user_sessions_max reached: the same"
drop_session
wait_until 60 no_leaves
run ssh_as alice 'hostname'
is "$rc:$out" 0:gocker-container "control: the next login gets in, and is contained"
set_ini
run ssh_as alice 'echo ran'
is "$rc:$out" 0:ran "control: the command runs, and stdout has its output alone"
run sftp -q -s internal -b /dev/null alice@gocker
is "$rc" 0 "control: sftp works"
check_clean "nothing is left" 20
