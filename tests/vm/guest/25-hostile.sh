#!/bin/bash
# What needs a host of its own to be tried. A41: a user who has a cgroup v2 of his own (an administrator's, a container manager's delegation) freezes all
# that is in it. The session is in gocker's own; so is the supervisor, and the time limit holds.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
set_ini 'max_duration = 3s'
start_sshd ''
own=/sys/fs/cgroup/own
mkdir $own
chown -R alice $own
as_user alice mkdir $own/sub
remember_host
frozen() { # CMD...: runs it in the user's cgroup
	sh -c "echo 0 >$own/sub/cgroup.procs && exec \"\$@\"" sh setpriv --reuid alice --regid alice --init-groups --reset-env "$@" \
		>"$GKT_WORK/frozen" 2>&1 </dev/null &
	frozen_pid=$!
	wait_until 30 grep -q in "$GKT_WORK/frozen"
}
freeze() { as_user alice sh -c "echo $1 >$own/sub/cgroup.freeze"; }

lines() { wc -l <"$GKT_WORK/frozen"; }
frozen sh -c 'echo in; while :; do echo tick; sleep 0.2; done'
freeze 1
sleep 2
before=$(lines)
sleep 3
is "$(lines)" "$before" "A41 control: what is in his cgroup he can freeze"
freeze 0
check "A41 control: and let go on" wait_until 20 sh -c "test \$(wc -l <$GKT_WORK/frozen) -gt $before"
{ kill -KILL $frozen_pid; wait $frozen_pid; } 2>/dev/null
wait_until 20 sh -c "! grep -q . $own/sub/cgroup.procs"
frozen "$GOCKER_SHELL" -c 'echo in; sleep 600; echo survived'
is "$(cat $own/sub/cgroup.procs)" "" "A41 [shell]: neither supervisor nor session is in it"
like "$(cat "/proc/$(pgrep -x gocker-super)/cgroup")" 'gocker(\.scope)?/supervisors$' "A41 [shell]: the supervisor is in gocker's own"
freeze 1
check "A41 [shell]: the time limit holds" wait_until 60 no_sessions
unlike "$(cat "$GKT_WORK/frozen")" survived "A41 [shell]: the session did not go on"
freeze 0
wait $frozen_pid
check "A41 [shell]: the place for supervisors is empty again" sh -c "! cat /sys/fs/cgroup/gocker/supervisors/cgroup.procs $SCOPE/supervisors/cgroup.procs 2>/dev/null | grep -q ."
rmdir $own/sub $own
set_ini ''
(exec_as_user alice "$GOCKER_SHELL" -c 'sleep 600') >/dev/null 2>&1 &
caller=$!
wait_until 30 pgrep -x gocker-super
unlike "$(cat "/proc/$(pgrep -x gocker-super)/cgroup")" supervisors "A41 [shell] control: out of a cgroup of root's nobody is moved"
{ kill $caller; wait $caller; } 2>/dev/null

# A37: a container's root has the host's uid 0, and this file is uid 0's to write.
if [ -e /proc/dynamic_debug/control ]; then
	run "$GOCKER" run /bin/sh -c 'echo "file no-such-file +p" >/proc/dynamic_debug/control'
	like "$rc:$err" '^[12]:.*Read-only' "A37: a container's root can't make the host's kernel talkative"
	check "A37 control: outside it can be written" sh -c 'echo "file no-such-file +p" >/proc/dynamic_debug/control'
else
	skip "A37: the kernel's debug messages" "this kernel has no dynamic_debug"
fi
check_clean "A41: nothing is left"
