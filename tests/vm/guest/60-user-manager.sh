#!/bin/bash
# part: logins
# host: systemd
# A47: systemd runs units out of a user's own ~/.config/systemd/user on the host. A contained user who
# plants one and logs in again must not get it run, through either door.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product

plant='mkdir -p ~/.config/systemd/user/default.target.wants && cd ~/.config/systemd/user &&
	printf "[Service]\nType=oneshot\nExecStart=/bin/sh -c \"hostname >%s/ran; sleep 1000\"\n" "$HOME" >evil.service &&
	ln -sf ../evil.service default.target.wants/evil.service'

# two_logins USER NAME: plants the unit in one login, comes back in the next. Sets took, in seconds.
two_logins() {
	local user=$1 start
	rm -rf "/home/$user/.config" "/home/$user/ran"
	run ssh_as "$user" "$plant"
	is "$rc$err" 0 "$2: the user plants a unit"
	wait_until 10 no_logins "$user"
	wait_until 10 no_manager "$user"
	start=$SECONDS
	run ssh_as "$user" 'echo in'
	took=$((SECONDS - start))
	is "$out" in "$2: and logs in again"
}
no_manager() { ! pgrep -u "$1" -f 'systemd --user' >/dev/null; }

# A login that waits for the manager it is refused would wait each time: the best of some is looked at.
as_fast() { # USER
	local try start
	for try in 1 2 3 4; do
		[ "$took" -gt $((free_took + 10)) ] || return 0
		start=$SECONDS
		ssh_as "$1" true
		took=$((SECONDS - start))
	done
	return 1
}

set_ini
start_sshd ''
kill_user_processes no UserStopDelaySec=0
user_manager_on
have_user alice
have_user carol --shell /bin/sh
for door in shell pam; do
	user=alice
	if [ "$door" = pam ]; then
		user=carol
		pam_door_on
	fi
	rm -f /etc/pam.d/systemd-user
	two_logins "$user" "A47: $door door: control"
	check "A47: $door door: control: without gocker's line that unit runs" wait_until 20 test -s "/home/$user/ran"
	is "$(cat "/home/$user/ran")" gocker-vm "A47: $door door: control: on the host"
	free_took=$took
	pkill -u "$user"
	wait_until 10 no_manager "$user"
	wait_until 10 no_logins "$user"

	shipped_stack systemd-user
	remember_host
	mark_syslog
	two_logins "$user" "A47: $door door"
	check_not "A47: $door door: the unit never runs" wait_until 1 test -e "/home/$user/ran"
	check "A47: $door door: no manager of the user's runs" no_manager "$user"
	check "A47: $door door: the login is as fast as before, where it took $free_took s" as_fast "$user"
	diag "$took s"
	like "$(host_log)" "event=refused door=pam service=\"systemd-user\" user=\"$user\"" "A47: $door door: the log tells of it"
	check "A47: $door door: no failed unit is left of it" wait_until 10 none_failed
	check_clean "A47: $door door: nothing is left" 20
done
pam_door_off
kill_user_processes no
user_manager_off

# Without a manager systemd of before 255 removes the runtime directory with the last session and makes it with
# the next. As long as something knows its unit, here one that is ordered after it and elsewhere another session
# that comes or goes at that moment, its starts are counted. Two an hour are the most here: in ten seconds a busy
# machine may not come to a third.
[ "$(systemctl --version | awk 'NR == 1 { print $2 }')" -lt 255 ] || exit 0
pam_door_on
shipped=/usr/local/lib/systemd/system/user-runtime-dir@.service.d/gocker.conf
mkdir -p '/run/systemd/system/user-runtime-dir@.service.d'
printf '%s\n' '[Unit]' StartLimitBurst=2 StartLimitIntervalSec=1h >'/run/systemd/system/user-runtime-dir@.service.d/few.conf'
mv "$shipped" "$GKT_WORK/"
systemctl daemon-reload
systemd-run -q --unit=knows -p "After=user-runtime-dir@$(uid_of carol).service" sleep infinity
too_many() { host_log | grep -q 'user-runtime-dir@.*Start request repeated too quickly'; }
come_and_go() { su carol -c true && wait_until 10 no_logins carol; }
several() { for _ in 1 2 3 4; do come_and_go || return; done; }
till_too_many() { for _ in 1 2 3; do several && ! too_many || return 0; done; }
mark_syslog
check "control: sessions that come and go" till_too_many
check "control: are more starts of the runtime directory's unit than systemd takes" too_many
mv "$GKT_WORK/gocker.conf" "$shipped"
systemctl daemon-reload
systemctl reset-failed
mark_syslog
check "as many sessions with the unit's drop-in" several
check_not "are not too many starts" too_many
no_unit_failed "and no unit has failed"
systemctl stop knows.service
rm -r '/run/systemd/system/user-runtime-dir@.service.d'
systemctl daemon-reload
pam_door_off
