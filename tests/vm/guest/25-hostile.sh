#!/bin/bash
# suite: bookworm
# What needs a host of its own to be tried. A41: a user who has a cgroup v2 of his own (an administrator's, a container manager's delegation) freezes all
# that is in it. The session is in gocker's own; so is the supervisor, and the time limit holds.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
set_ini 'max_duration = 30s'
start_sshd ''
own=/sys/fs/cgroup/own
mkdir $own
chown -R alice $own
as_user alice mkdir $own/sub
remember_host
frozen() { # CMD...: runs it in the user's cgroup
	rm -f "$GKT_WORK/frozen"
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
is "$(lines)" "$before" "A41 control: users can freeze what is in their cgroup"
freeze 0
check "A41 control: and let go on" wait_until 20 sh -c "test \$(wc -l <$GKT_WORK/frozen) -gt $before"
{ kill -KILL $frozen_pid; wait $frozen_pid; } 2>/dev/null
wait_until 20 sh -c "! grep -q . $own/sub/cgroup.procs"
frozen "$GOCKER_SHELL" -c 'echo in; sleep 600; echo survived'
# What has the caller's descriptors is the caller's, and stays where the caller's processes are counted.
is "$(xargs -r ps -o user=,comm= -p <$own/sub/cgroup.procs | xargs)" "alice gocker-stdio" "A41 [shell]: neither supervisor nor session is in it"
like "$(cat "/proc/$(pgrep -x gocker-super)/cgroup")" 'gocker(\.scope)?/supervisors$' "A41 [shell]: the supervisor is in gocker's own"
freeze 1
check "A41 [shell]: the time limit holds" wait_until 60 no_sessions
unlike "$(cat "$GKT_WORK/frozen")" survived "A41 [shell]: the session did not go on"
freeze 0
wait $frozen_pid
check "A41 [shell]: the caller's own process ends as soon as it can" wait_until 20 sh -c '! pgrep -x gocker-stdio'
check "A41 [shell]: the place for supervisors is empty again" sh -c "! cat /sys/fs/cgroup/gocker/supervisors/cgroup.procs $SCOPE/supervisors/cgroup.procs 2>/dev/null | grep -q ."
rmdir $own/sub $own
set_ini ''
(exec_as_user alice "$GOCKER_SHELL" -c 'sleep 600') >/dev/null 2>&1 &
caller=$!
wait_until 30 pgrep -x gocker-super
unlike "$(cat "/proc/$(pgrep -x gocker-super)/cgroup")" supervisors "A41 [shell] control: out of a cgroup of root's nobody is moved"
{ kill $caller; wait $caller; } 2>/dev/null

# A49: whoever runs su in a cgroup of his own can move it while the stack is run through, here by pam_exec, to a
# scope that says the very limits that are asked for, and that he can change a moment later.
if [ "$GKT_HOST" = systemd ]; then
	ruled=/sys/fs/cgroup/rule.scope
	cp /etc/pam.d/su "$GKT_WORK/su"
	printf '#!/bin/sh\necho $PPID >%s/cgroup.procs\n' $ruled >/usr/local/bin/move-su
	chmod 755 /usr/local/bin/move-su
	printf '%s\n' 'auth required pam_permit.so' 'account required pam_permit.so' 'session required pam_gocker.so outer' \
		'session required pam_exec.so /usr/local/bin/move-su' 'session required pam_gocker.so' >/etc/pam.d/su
	set_ini 'pids_max = 12' 'user_pids_max = none'
	for owner in root alice; do
		mkdir $ruled
		echo 15 >$ruled/pids.max
		chown -R $owner $ruled
		su alice -c 'exec sleep 600' >"$GKT_WORK/su.said" 2>&1 </dev/null &
		caller=$!
		check "A49 [pam]: su that was moved to a scope of $owner's gets in" wait_until 30 pgrep -x -U alice sleep
		[ ! -s "$GKT_WORK/su.said" ] || diag "$(cat "$GKT_WORK/su.said")"
		group=$(cut -d: -f3 "/proc/$(pgrep -x -U alice sleep)/cgroup")
		if [ $owner = root ]; then
			is "$group" /rule.scope "A49 [pam] control: a scope that root alone can change is taken for the session's"
		else
			like "$group" "gocker.scope/u$(uid_of alice)/[0-9a-f]+$" "A49 [pam]: one that the user rules is not: the session has a leaf of gocker's"
		fi
		{ kill -KILL $caller; wait $caller; } 2>/dev/null
		wait_until 30 no_sessions
		wait_until 30 rmdir $ruled
	done
	cp "$GKT_WORK/su" /etc/pam.d/su
	set_ini ''
	check_clean "A49 [pam]: nothing is left"
fi

# A37: a container's root has the host's uid 0, and this file is uid 0's to write.
if [ -e /proc/dynamic_debug/control ]; then
	run "$GOCKER" run /bin/sh -c 'echo "file no-such-file +p" >/proc/dynamic_debug/control'
	like "$rc:$err" '^[12]:.*Read-only' "A37: a container's root can't make the host's kernel talkative"
	check "A37 control: outside it can be written" sh -c 'echo "file no-such-file +p" >/proc/dynamic_debug/control'
else
	skip "A37: the kernel's debug messages" "this kernel has no dynamic_debug"
fi
check_clean "A41: nothing is left"
