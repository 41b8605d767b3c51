#!/bin/bash
# S17: su, login, sudo, runuser, cron and at: whoever starts the user's shell starts it contained, with
# a working terminal where there is one.
. "$(dirname "$0")/../lib/test.sh"
need expect sudo runuser cron atd at
need_product

# The services that these programs ask, each behind the door.
write_services() {
	local service
	for service in su su-l runuser runuser-l sudo sudo-i login cron atd; do
		write_door_pam $service 'session required pam_unix.so'
	done
}

works_on_a_terminal() { # NAME STATUS COMMAND: COMMAND gives an interactive shell of the user
	expect_test "$1: a terminal with job control, contained" <<-TCL
		spawn -noecho env -u LANG $3
		want_prompt
		prompt
		equal [ask hostname] gocker-container
		equal [ask {id -un}] $user
		equal [ask {test -t 0 && test -t 1 && test -t 2 && echo yes}] yes
		equal [ask {echo x >/dev/tty}] x
		say {sleep 1000}
		running {sleep 1000}
		send "\032"
		want {Stopped}
		want_ready
		say fg
		want {sleep 1000}
		in_front {sleep 1000}
		send "\003"
		want_ready
		say {exit 5}
		equal [ended] $2
	TCL
}

one_command() { # NAME CMD...
	local name=$1
	shift
	run timeout 300 "$@"
	is "$rc:$out:$err" "7:gocker-container $user:to-err" "$name: contained, its streams apart, its status handed on"
}

by_cron() {
	local crontab=/var/spool/cron/crontabs/$user shell=$1
	printf 'SHELL=%s\n@reboot (hostname; id -un) >~/from-cron 2>&1\n' "$shell" >"$crontab"
	chown "$user:crontab" "$crontab"
	chmod 600 "$crontab"
	rm -f /run/crond.reboot /run/crond.pid "/home/$user/from-cron"
	daemon cron
	wait_until 40 grep -q "^$user" "/home/$user/from-cron"
	kill "$(cat /run/crond.pid)"
	rm -f "$crontab"
	tr '\n' ' ' <"/home/$user/from-cron"
}

by_at() {
	rm -f "/home/$user/from-at"
	echo '(hostname; id -un) >~/from-at 2>&1' |
		(cd / && exec_as_user "$user" env SHELL=/bin/sh USER="$user" LOGNAME="$user" at now) >/dev/null 2>&1
	(cd / && exec setsid atd -f -l 100) >/dev/null 2>&1 </dev/null &
	local atd=$!
	wait_until 40 grep -q "^$user" "/home/$user/from-at"
	kill $atd
	wait $atd 2>/dev/null
	tr '\n' ' ' <"/home/$user/from-at"
}

rows() {
	row=S17
	user=called-$door
	door_user "$user"
	set_ini 'pids_max = 50'
	write_services
	remember_host
	works_on_a_terminal "su - USER" 5 "su - $user"
	works_on_a_terminal "su -P - USER" 5 "su -P - $user"
	works_on_a_terminal "login" 0 "login -f $user"
	works_on_a_terminal "sudo -iu USER" 5 "sudo -iu $user"
	echo 'Defaults use_pty' >/etc/sudoers.d/gkt
	works_on_a_terminal "sudo -iu USER with use_pty" 5 "sudo -iu $user"
	rm /etc/sudoers.d/gkt
	works_on_a_terminal "runuser -l USER" 5 "runuser -l $user"
	local script='echo "$(hostname) $(id -un)"; echo to-err >&2; exit 7'
	one_command "su - USER -c" su - "$user" -c "$script"
	one_command "su USER -c" su "$user" -c "$script"
	one_command "runuser -l USER -c" runuser -l "$user" -c "$script"
	one_command "sudo -iu USER CMD" sudo -iu "$user" sh -c "$script"
	is "$(echo 'echo $0 $(hostname)' | su - "$user")" "-sh gocker-container" "su - USER: a script on stdin, in a login shell"
	if [ "$door" = pam ]; then
		is "$(by_cron /bin/sh)" "gocker-container $user " "cron: a job is contained, whatever its SHELL"
		is "$(by_at)" "gocker-container $user " "at: a job is contained"
	else
		# cron takes SHELL from the crontab and at always /bin/sh, neither the passwd entry: through
		# this door alone they are shut by the lists of their own.
		is "$(by_cron "$GOCKER_SHELL")" "gocker-container $user " "cron: a job with SHELL=gocker-shell is contained"
		echo "$user" >>/etc/at.deny
		echo "$user" >>/etc/cron.deny
		run as_user "$user" at now
		like "$rc:$err" "^[1-9].*do not have permission" "at.deny keeps a contained user out of at"
		run as_user "$user" crontab -l
		like "$rc:$err" "^[1-9].*not allowed" "cron.deny keeps a contained user out of cron"
	fi
	check_clean "nothing is left"
}
through_each_door rows
