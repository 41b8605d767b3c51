#!/bin/bash
# timeout: 600
# share = user through both doors: terminals, agents, X11, work that survives a disconnect, and its end.
. "$(dirname "$0")/../lib/test.sh"
need expect tmux ssh-agent
need_product
. "$GKT_TOP/tests/system/_last.sh"
make_last_image

rows() {
	local other
	user=last-$door
	door_user "$user"
	set_ini 'image = last' 'pids_max = 60' 'share = user' 'linger = 1h'
	start_sshd
	remember_host

	run ssh_as "$user" 'echo kept >/tmp/kept; exit 6'
	is "$rc" 6 "[$door] a login has its command's exit status"
	run ssh_as "$user" 'cat /tmp/kept'
	is "$rc:$out" 0:kept "[$door] the next one is in the same container"
	is "$(kinds)" container:1 "[$door] which stays without a login"

	# Jobs and tmux survive the end of the connection.
	hold_login "$user"
	run ssh_as "$user" 'nohup sleep 1111 >/dev/null 2>&1 & tmux -f /dev/null new-session -d -s main "echo MUX; exec sleep 2222"'
	like "$(kinds)" 'container:1 login:1' "[$door] ps lists the logins and their container"
	kill -KILL "$held"
	wait "$held" 2>/dev/null
	check "[$door] a client that vanishes ends its login" wait_until 60 no_logins
	run ssh_as "$user" 'ps; tmux ls'
	like "$out" 'sleep 1111' "[$door] a nohup job survives"
	like "$out" 'main: 1 windows' "[$door] a tmux session survives"
	unlike "$out" 'sleep 3333' "[$door] what hung on the terminal does not"
	expect_test "[$door] tmux is attached again by the next login, and follows its size" <<-TCL
		login $user
		say {tmux -f /dev/null attach -t main}
		want {MUX}
		after 300
		send "\002d"
		want {detached}
		want_ready
		say {tty}
		want {/dev/pts/}
		want_ready
		stty rows 33 columns 99 < \$spawn_out(slave,name)
		say {sleep 1; stty size}
		want {33 99}
		want_ready
		say exit
	TCL

	# Terminals: one each, by the name that the login is told.
	run ssh_as "$user" -tt 'tty; echo "$SSH_TTY"; readlink /proc/self/fd/0'
	is "$(tr -d '\r' <<<"$out" | sort -u | wc -l)" 1 "[$door] tty, SSH_TTY and stdin are one terminal of the container's"
	like "$out" '^/dev/pts/[0-9]+' "[$door] of its own devpts"

	# Agents: each login has its own, which ends with it.
	eval "$(ssh-agent -s)" >/dev/null
	ssh-add -q /root/.ssh/id_ed25519
	key=$(ssh-add -l)
	run ssh_as "$user" -A 'echo "$SSH_AUTH_SOCK" >/tmp/agent; ssh-add -l'
	is "$rc:$out" "0:$key" "[$door] an agent is forwarded"
	run ssh_as "$user" 'SSH_AUTH_SOCK=$(cat /tmp/agent) ssh-add -l'
	isnt "$rc" 0 "[$door] and is not there for the next login"
	run ssh_as "$user" 'echo "${SSH_AUTH_SOCK-none}"'
	is "$out" none "[$door] a login without an agent has none"
	ssh -A -l "$user" gocker 'echo "$SSH_AUTH_SOCK" >/tmp/first; sleep 4444' </dev/null >/dev/null 2>&1 &
	other=$!
	wait_until 60 ssh_as "$user" 'test -s /tmp/first'
	run ssh_as "$user" -A 'ssh-add -l; test "$SSH_AUTH_SOCK" != "$(cat /tmp/first)" && SSH_AUTH_SOCK=$(cat /tmp/first) ssh-add -l'
	is "$rc:$out" "0:$key"$'\n'"$key" "[$door] two logins at a time have an agent each"
	kill -KILL $other
	wait $other 2>/dev/null
	ssh-agent -k >/dev/null
	check "[$door] that login ends" wait_until 60 no_logins
	if [ "$door" = shell ]; then
		run ssh_as "$user" 'ls /run/ssh-agents; touch /run/ssh-agents/x'
		isnt "$rc" 0 "[$door] the directory of the agents is not the user's"
	fi

	# The administrator's commands, on one login and on the container.
	hold_login "$user" 'trap "" HUP TERM'
	run "$GOCKER" stop -t 20 "$(login)"
	is "$rc" 0 "[$door] stop of a login"
	check "[$door] ends it, though it ignores HUP and TERM" wait_until 60 no_logins
	wait "$held" 2>/dev/null
	run ssh_as "$user" 'ps'
	unlike "$out" 'sleep 3333' "[$door] with its processes"
	like "$out" 'sleep 1111' "[$door] and nothing else of the container"
	hold_login "$user" 'trap "" HUP TERM'
	run "$GOCKER" kill "$(login)"
	check "[$door] kill of a login ends it" wait_until 60 no_logins
	wait "$held" 2>/dev/null
	like "$("$GOCKER" exec "$(container)" /bin/ps)" 'sleep 1111' "[$door] and leaves the container"

	# Its end.
	run "$GOCKER" stop "$(container)"
	is "$rc" 0 "[$door] stop of the container"
	check_clean "[$door] nothing is left"
	set_ini 'image = last' 'share = user' 'linger = 2s' 'pids_max = 60'
	run ssh_as "$user" 'trap "" HUP TERM; nohup sleep 1111 >/dev/null 2>&1 & tmux -f /dev/null new-session -d'
	check "[$door] linger: the container ends after it" wait_until 60 no_sessions
	check_clean "[$door] linger: nothing is left"
	set_ini 'image = last' 'share = user' 'linger = 1h' 'max_duration = 4s' 'pids_max = 60'
	hold_login "$user" 'trap "" HUP TERM'
	check "[$door] max_duration ends a login" wait_until 90 no_logins
	wait "$held" 2>/dev/null
	is "$(kinds)" container:1 "[$door] and not the container"
	"$GOCKER" stop "$user" >/dev/null
	check_clean "[$door] max_duration: nothing is left"
}

through_each_door rows

# One container for a user who comes in by one door and then by the other: the shell door's container
# has what the PAM door needs.
if [[ $(doors) == *pam* ]]; then
	set_ini 'share = user' 'linger = 1h'
	open_door shell
	door_user both
	start_sshd
	remember_host
	run ssh_as both 'echo shell >/tmp/by'
	stop_sshd
	open_door pam
	start_sshd
	run ssh_as both 'cat /tmp/by; echo pam >>/tmp/by'
	is "$out" shell "through the PAM door into a container that the shell door has made"
	stop_sshd
	open_door shell
	start_sshd
	run ssh_as both 'cat /tmp/by'
	is "$out" $'shell\npam' "and back"
	"$GOCKER" stop both >/dev/null
	check_clean "both doors: nothing is left"
fi
