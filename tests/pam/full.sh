#!/bin/bash
# timeout: 180
# share = user at pids_max: sshd's user side can enter the container, and can't fork there. Who logs in is told.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
add_user alice --shell /bin/sh
shipped sshd gocker-sshd
shipped su
start_sshd
leaf() { session_leaves "$(uid_of alice)" | head -n 1; }
# For good: the subshell whose fork failed leaves a place for a moment.
is_full() { # DIRECTORY
	local i
	for i in 1 2 3 4 5; do
		[ "$(cat "$1/pids.current")" -ge "$(cat "$1/pids.max")" ] || return 1
		sleep 0.2
	done
}
fill() { # a login that takes what is left, and stays
	ssh -l alice gocker '(while sleep 1000 & do :; done); sleep 1000 & exec sleep 1000' >"$GKT_WORK/full" 2>&1 </dev/null &
	filler=$!
	wait_until 60 has_leaf
}
set_ini 'share = user' 'linger = 1h' 'pids_max = 12' '[user:alice]' 'user_pids_max = 300'
remember_host
is "$(ssh_as alice 'echo in')" in "control: with room a login gets in"
fill
check "a shared container can be filled" wait_until 60 is_full "$(leaf)"
run ssh_as alice 'echo never'
like "$rc:$out:$err" '^25[45]::.*limit of 12 tasks reached \(\[default\]\)' "a login that finds it full is told so, and which limit it is"
unlike "$err" 'exec request failed' "in place of a channel that fails"
refusal() { gocker_log | grep -q 'event=refused .*limit of 12 tasks reached'; }
check "the log has it" wait_until 60 refusal
run su alice -c 'echo in; kill -9 -1'
like "$out" '^in' "su needs no more than to be moved inside: there the user can end what uses it up"
wait "$filler"
is "$(ssh_as alice 'echo in')" in "then a login gets in"
"$GOCKER" stop alice >/dev/null
check_clean "pids_max: nothing is left"

set_ini 'share = user' 'linger = 1h' 'pids_max = 300' '[user:alice]' 'user_pids_max = 14'
fill
check "so can all of a user's" wait_until 60 is_full "$(dirname "$(leaf)")"
run ssh_as alice 'echo never'
like "$rc:$out:$err" '^25[45]::.*limit of 14 tasks in all sessions together reached \(\[user:alice\]\)' "user_pids_max: a login is told which limit it is"
"$GOCKER" stop alice >/dev/null
wait "$filler"
check_clean "user_pids_max: nothing is left"
