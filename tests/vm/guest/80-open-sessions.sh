#!/bin/bash
# Leaves sessions open for the host to be restarted with; 81-restarted.sh looks at what became of it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user bob
set_ini '[user:bob]' 'share = user' 'linger = forever'
start_sshd ''
if [ "$GKT_HOST" = systemd ]; then
	systemctl -q enable --now gocker.service
	mkdir -p /var/log/journal # a log that is there after the restart
	journalctl --flush
fi
for user in alice bob; do
	hold_session "$user" 'setsid sleep 1000 &'
	held_pid= # it stays
done
is "$(live_records | wc -l)" 3 "two logins, and the container that one of them shares, are there when the host goes down"
date +%s >/var/lib/gocker-vm/down
