#!/bin/bash
# part: logins
# host: systemd
# The shell door beside logind: the login is a session like any other, and it ends at once.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
set_ini
start_sshd ''
remember_host

for kill in no yes; do
	kill_user_processes "$kill"
	hold_session alice 'setsid sleep 1000 &'
	like "$(logind_sessions alice)" '^[0-9a-z]+ active$' "KillUserProcesses=$kill: loginctl lists the login"
	like "/$(cut -d: -f3 "/proc/$held_supervisor/cgroup")" 'session-[0-9a-z]*.scope' "KillUserProcesses=$kill: the supervisor is in its scope"
	like "/$(cut -d: -f3 "/proc/$held_init/cgroup")" 'gocker.scope/u' "KillUserProcesses=$kill: the session is not"
	drop_session
	check "KillUserProcesses=$kill: a lost connection ends the login for logind" wait_until 10 no_logins alice
	check_clean "KillUserProcesses=$kill: and leaves nothing" 20
	hold_session alice 'setsid sleep 1000 &'
	check "KillUserProcesses=$kill: loginctl terminate-session" loginctl terminate-session "$(logind_sessions alice | cut -d' ' -f1)"
	check "KillUserProcesses=$kill: ends the session" wait_until 20 test ! -d "/proc/$held_init"
	check "KillUserProcesses=$kill: and the login" wait_until 20 no_logins alice
	drop_session
	check_clean "KillUserProcesses=$kill: and leaves nothing" 20
	run ssh_as alice 'setsid sleep 1000 & echo in'
	is "$out" in "KillUserProcesses=$kill: a login that leaves a job behind"
	check "KillUserProcesses=$kill: ends for logind" wait_until 10 no_logins alice
	check_clean "KillUserProcesses=$kill: with that job" 20
done
kill_user_processes no
no_unit_failed "no unit has failed"
