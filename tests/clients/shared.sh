#!/bin/bash
# S15: ten sessions at once over one connection. S16: forced commands.
. "$(dirname "$0")/../lib/test.sh"
need_product

ten_at_once() {
	row=S15
	local pids=() i wrong=0
	start_master "$user"
	rm -f "$GKT_WORK/go" "$GKT_WORK"/ten-*
	for i in {1..10}; do
		ssh_over "$user" "echo $i; read x; hostname; exit $i" >"$GKT_WORK/ten-$i" 2>&1 \
			< <(wait_until 200 test -e "$GKT_WORK/go"; echo go) &
		pids+=($!)
	done
	for i in {1..10}; do wait_until 40 grep -q . "$GKT_WORK/ten-$i"; done
	if [ "$door" = shell ]; then
		is "$(session_inits | wc -l)" 10 "ten sessions at once are ten containers"
	elif [ "$door" = pam ]; then
		is "$(session_inits | wc -l)" 1 "ten sessions at once are one login, in one container"
	fi
	touch "$GKT_WORK/go" # all ten are there and were counted
	for i in {1..10}; do
		wait "${pids[i - 1]}"
		[ $? = "$i" ] && [ "$(cat "$GKT_WORK/ten-$i")" = "$i"$'\n'"$inside" ] || wrong=$((wrong + 1))
	done
	is "$wrong" 0 "each has its own streams and status"
	for i in {1..10}; do ssh_over "$user" 'sleep 1000' >/dev/null 2>&1 </dev/null & done
	sleep 1
	stop_master "$user"
	row=S15 check_clean "all end with their connection"
	start_master "$user"
	set_ini 'user_sessions_max = 3'
	if [ "$door" = shell ]; then
		for i in {1..3}; do ssh_over "$user" 'sleep 1000' >/dev/null 2>&1 </dev/null & done
		wait_until 40 eval '[ "$(session_inits | wc -l)" = 3 ]'
		refused "one more than user_sessions_max is refused with a word" 'sessions' ssh_over "$user" true
	elif [ "$door" = pam ]; then
		# The connection that is open is the one login.
		set_ini 'user_sessions_max = 1'
		run ssh_over "$user" 'hostname'
		is "$rc:$out" "0:$inside" "user_sessions_max is of logins, not of what is done over one"
		run ssh_as "$user" true
		like "$rc:$out:$err" '^254::gocker: 1 session' "one more login is refused with a word"
	fi
	stop_master "$user"
	set_ini
}

reconfigured() { # LINE...: appended to sshd's configuration
	cp "$GKT_WORK/sshd_config" "$SSHD_DIR/sshd_config"
	printf '%s\n' "$@" >>"$SSHD_DIR/sshd_config"
	stop_sshd
	daemon "$SSHD_DIR/gocker-sshd" -f "$SSHD_DIR/sshd_config"
	wait_until 40 test -s "$SSHD_DIR/pid"
}

forced_commands() {
	row=S16
	local keys=$SSHD_DIR/forced_keys
	cp "$SSHD_DIR/sshd_config" "$GKT_WORK/sshd_config"
	reconfigured "Match User $user" 'ForceCommand hostname; echo "forced: $SSH_ORIGINAL_COMMAND"; exit 6'
	run ssh_as "$user" 'rm -rf "$HOME"; a'
	is "$rc:$out" "6:$inside"$'\nforced: rm -rf "$HOME"; a' "ForceCommand runs inside and sees SSH_ORIGINAL_COMMAND"
	run ssh_as "$user"
	is "$rc:$out" "6:$inside"$'\nforced: ' "ForceCommand instead of a login"

	sed "s|^|command=\"echo key: \\\\\"\$SSH_ORIGINAL_COMMAND\\\\\" \$(hostname)\",no-pty |" \
		"$SSHD_DIR/authorized_keys" >"$keys"
	reconfigured "Match User $user" "AuthorizedKeysFile $keys"
	run ssh_as "$user" 'some thing'
	is "$rc:$out" "0:key: some thing $inside" "command= in authorized_keys"
	run ssh_as "$user" -tt true
	like "$err" 'PTY allocation request failed' "with its other restrictions"

	[ "$door" != plain ] || return 0
	# The other way to set this door up: a user with an ordinary shell, and gocker-shell forced.
	reconfigured 'Match User forced' "ForceCommand $GOCKER_SHELL"
	run ssh_as forced 'hostname; echo "a  b"; exit 4'
	is "$rc:$out" "4:$inside"$'\na  b' "ForceCommand gocker-shell contains the client's command"
	is "$(echo 'echo $0 $(hostname)' | ssh_as forced -T)" "-sh $inside" "ForceCommand gocker-shell contains a login"
	run timeout 300 ssh -tt -l forced gocker 'test -t 0 && tty'
	like "$rc:$out" '^0:/dev/' "ForceCommand gocker-shell with a terminal"
	run ssh_as forced 'echo "${SSH_ORIGINAL_COMMAND-unset}"'
	is "$rc" 0 "ForceCommand gocker-shell passes commands on unchanged"
	reconfigured "Match User $user" "ForceCommand $GOCKER_SHELL"
	run ssh_as "$user" 'hostname; exit 4'
	is "$rc:$out" "4:$inside" "ForceCommand gocker-shell where it is the passwd shell as well"
	reconfigured "Match User $user" "ForceCommand exec $GOCKER_SHELL"
	run ssh_as "$user" 'hostname; exit 4'
	is "$rc:$out" "4:$inside" "ForceCommand exec gocker-shell where it is the passwd shell as well"
}

rows() {
	user=shared-$door
	inside=gocker-container
	[ "$door" != plain ] || inside=$(hostname)
	door_user "$user"
	id forced >/dev/null 2>&1 || add_user forced --shell /bin/sh
	set_ini
	start_sshd
	remember_host
	ten_at_once
	forced_commands
	check_clean "nothing is left"
}
through_each_door rows
