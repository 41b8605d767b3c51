#!/bin/bash
# host: systemd
# A47: systemd runs units out of a user's own ~/.config/systemd/user on the host. A contained user who
# plants one and logs in again must not get it run, through either door.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product

plant='mkdir -p ~/.config/systemd/user/default.target.wants && cd ~/.config/systemd/user &&
	printf "[Service]\nType=oneshot\nExecStart=/bin/sh -c \"hostname >%s/ran; sleep 1000\"\n" "$HOME" >evil.service &&
	ln -sf ../evil.service default.target.wants/evil.service'

# two_logins USER: plants the unit in one login, comes back in the next. Sets took, in seconds.
two_logins() {
	local user=$1 start
	rm -rf "/home/$user/.config" "/home/$user/ran"
	run ssh_as "$user" "$plant"
	is "$rc$err" 0 "A47: $user plants a unit"
	wait_until 10 no_logins "$user"
	wait_until 10 no_manager "$user"
	start=$SECONDS
	run ssh_as "$user" 'echo in'
	took=$((SECONDS - start))
	is "$out" in "A47: $user logs in again"
}
no_manager() { ! pgrep -u "$1" -f 'systemd --user' >/dev/null; }

set_ini
start_sshd ''
kill_user_processes no UserStopDelaySec=0
user_manager_on
have_user free --shell /bin/sh
two_logins free
check "A47: control: on a host without gocker's line that unit runs" wait_until 20 test -s /home/free/ran
is "$(cat /home/free/ran)" gocker-vm "A47: control: and it runs on the host"
pkill -u free
wait_until 10 no_manager free
free_took=$took

have_user alice
have_user carol --shell /bin/sh
for door in shell pam; do
	case $door in
	shell) user=alice && shipped_stack systemd-user ;;
	pam) user=carol && pam_door_on ;;
	esac
	remember_host
	mark_syslog
	two_logins "$user"
	check_not "A47: $door door: the unit never runs" wait_until 2 test -e "/home/$user/ran"
	check "A47: $door door: no manager of the user's runs" no_manager "$user"
	check "A47: $door door: the login is as fast as before: $took s, $free_took s without" test "$took" -le $((free_took + 10))
	like "$(host_log)" "event=refused door=pam service=\"systemd-user\" user=\"$user\"" "A47: $door door: the log tells of it"
	check "A47: $door door: no failed unit is left of it" wait_until 10 none_failed
	check_clean "A47: $door door: nothing is left" 20
done
pam_door_off
kill_user_processes no
user_manager_off
