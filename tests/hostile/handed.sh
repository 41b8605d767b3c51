#!/bin/bash
# timeout: 200
# A57: a descriptor whose close blocks, handed to the set-uid program: no process with uid 0 closes it.
. "$(dirname "$0")/_lib.sh"
need python3
add_user alice
set_ini 'user_sessions_max = 1'
remember_host
roots() { ps -eo ruid,comm | awk '$1 == 0 && $2 ~ /^gocker-/' | wc -l; }
no_roots() { [ "$(roots)" = 0 ]; }

# `gocker run` and `exec`: a command could walk the host through a directory that it has in hand.
run sh -c "$GOCKER run -T -i /bin/true </"
like "$rc:$err" '^125:.*descriptor 0 is open on a directory' "A57 A29: gocker run refuses a directory as stdin"
check "A57 A29 control: and takes a pipe" sh -c "echo | $GOCKER run -T -i /bin/true"

if has_fuse; then
	home=/home/alice/fuse
	as_user alice mkdir $home
	hangfs $home "$(id -u alice)" flush >"$GKT_WORK/fuse" 2>&1 &
	fuse_pid=$!
	wait_until 20 grep -q ready "$GKT_WORK/fuse"
	# A shell that opens it closes a copy of it itself.
	cat >"$GKT_WORK/hand" <<-'HAND'
		import os, sys
		fd, number = os.open(sys.argv[1], os.O_RDWR), int(sys.argv[2])
		if number != fd: os.dup2(fd, number)
		os.set_inheritable(fd, True)
		os.set_inheritable(number, True)
		os.execv(sys.argv[3], ["sh", "-c", "echo ran >~/ran"])
	HAND
	chmod 644 "$GKT_WORK/hand"
	chmod 711 "$GKT_WORK"
	(exec_as_user alice sh -c "exec 3<>$home/f; exec 3<&-") &
	held=$!
	wait_until 20 grep -q fuse_flush "/proc/$held/stack"
	kill -KILL $held
	check "A57 control: who closes such a descriptor can't be ended" grep -q fuse_flush "/proc/$held/stack"

	callers=()
	for fd in 0 1 2 9; do
		(exec_as_user alice python3 "$GKT_WORK/hand" $home/f $fd "$GOCKER_SHELL") >/dev/null 2>&1 </dev/null &
		callers+=($!)
	done
	check "A57 [shell]: as 0, 1, 2 or 9 it leaves no process of root's" wait_until 60 no_roots
	wait "${callers[@]}"
	is "$?" 125 "A57 [shell]: the login is refused, by a deadline"
	check_not "A57 [shell]: and nothing ran" test -e /home/alice/ran
	check "A57 [shell] control: it is held by processes of the user's own" pgrep -u alice -x gocker-stdio
	run as_user alice "$GOCKER_SHELL" -c 'echo in'
	is "$out" in "A57 [shell]: and takes no place of a session"
	stuck() { # COMMAND: the uids of processes of that name that hang in such a close
		local pid
		for pid in $(pgrep -x "$1"); do
			if grep -qs fuse_flush "/proc/$pid/stack"; then stat -c %U "/proc/$pid/task"; fi
		done
	}
	# With a line for /dev/log behind the PAM door: whoever receives it closes what came with it.
	for kernel in here old; do
		[ "$(doors | tail -n 1)" = pam ] || break
		bring alice try
		stack gt
		set_ini "volumes = $home:/srv/handed"
		rm -f "$GKT_WORK/handed" # the round before's is no answer
		deny=()
		[ $kernel = here ] || deny=(deny setsockopt:83 ENOSYS root) # SO_PASSRIGHTS
		"${deny[@]}" "$(command -v pamdrive)" gt alice open try 'exec /home/alice/try hand /dev/log /srv/handed/f' \
			close >"$GKT_WORK/handed" 2>&1 &
		held=$!
		wait_until 30 grep -qE '^(sent|E[A-Z]*)$' "$GKT_WORK/handed"
		answer=$(grep -oE '^(sent|E[A-Z]*)$' "$GKT_WORK/handed")
		if [ "$answer" = sent ]; then
			is "$(stat -c %U "/proc/$(pgrep -x gocker-log)")" alice \
				"A57 [pam]: without SO_PASSRIGHTS a descriptor reaches the relay of the log, which is the user's"
			is "$(stuck gocker-log)" "" "A57 [pam]: and takes none into its hands"
		else
			is "$kernel:$answer" here:EPERM "A57 [pam]: nobody can give a descriptor to who relays the log"
		fi
		is "$(stuck gocker-keeper)" "" "A57 [pam]: the keeper closes none ($kernel)"
		kill -KILL $held
		wait $held 2>/dev/null
		check "A57 [pam]: and ends by its deadlines ($kernel)" wait_until 60 sh -c '! pgrep -x gocker-keeper'
	done
	kill -KILL $fuse_pid
	wait $fuse_pid $held 2>/dev/null
	check "A57 control: with its file system they end" wait_until 20 sh -c "! pgrep -u alice -x gocker-stdio"
	umount -l $home
else
	skip "A57: a descriptor on FUSE" "no FUSE here"
fi

# A leaf whose process hung has been left, and is swept.
"$GOCKER" gc >"$GKT_WORK/gc" 2>&1
set_ini
# What the user may signal is the user's own; killing it ends the session and no more.
(exec_as_user alice "$GOCKER_SHELL" -c 'trap "echo usr1 >~/got" USR1; echo ready >~/ready; while :; do sleep 0.1; done') &
held=$!
wait_until 30 test -s /home/alice/ready
check_not "A41 control: the supervisor is none that its user may signal" as_user alice kill -USR1 $held
as_user alice pkill -USR1 -x gocker-stdio
check "A41 [shell]: a signal to the user's own process in the caller's group reaches the command" wait_until 30 test -s /home/alice/got
as_user alice pkill -KILL -x gocker-stdio
wait $held
is $? 137 "A41 [shell]: KILL ends the session, and is told"
check_clean "A57: nothing is left"
