#!/bin/bash
# boot: 2
# After a restart with sessions open.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
took=$(($(sed -n 's/^btime //p' /proc/stat) - $(cat /var/lib/gocker-vm/down)))
diag "the host went down and came back in $took s"
if [ "$GKT_HOST" = systemd ]; then
	# What does not end is waited for, 90 s if nobody says otherwise, and systemd tells so. How long it all
	# takes says nothing where the host is slow.
	run journalctl -q -b -1 --since "@$(cat /var/lib/gocker-vm/down)"
	like "$out" 'Stopped gocker.scope' "the log tells of the way down"
	unlike "$out" 'Stopping timed out|[^a-z]timed out\. (Killing|Aborting|Terminating)' "no session held it up"
fi
is "$(live_records)$(session_leaves)" "" "no session is left"
is "$(find /run/gocker -type f -size +0 2>/dev/null)" "" "and no record"
if [ "$GKT_HOST" = systemd ]; then
	is "$(systemctl is-active gocker.service)" active "gocker.service has started"
	check "and made the scope, with nobody logged in yet" anchor_lives
	is "$(systemctl show -P ActiveState gocker.scope)" active "which systemd knows"
	rm -rf /run/gocker
	systemd-tmpfiles --create --prefix=/run/gocker --prefix=/var/lib/gocker
	is "$(stat -c '%a %U' /run/gocker /var/lib/gocker | xargs)" "700 root 755 root" "tmpfiles.d makes gocker's directories"
	run journalctl -q -b -1 --since "@$(cat /var/lib/gocker-vm/down)" -u gocker.scope -u gocker.service
	unlike "$out" '[Ff]ailed|SIGABRT|core' "the log of the way down tells of no failure"
	diag "$(tail -n 6 <<<"$out")"
	no_unit_failed "no unit has failed"
fi
start_sshd ''
mark_syslog
run ssh_as alice 'echo in; cat /proc/self/cgroup'
like "$out" $'^in\n0::/$' "a user gets in"
remember_host
check_clean "and leaves nothing" 20
