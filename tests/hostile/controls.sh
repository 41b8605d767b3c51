#!/bin/bash
# timeout: 120
# What succeeds where nothing defends, for attacks that other files try; and A49.
. "$(dirname "$0")/_lib.sh"
add_user alice
set_ini 'pids_max = 7'

is "$(as_user alice sh -c 'umask 0; touch /tmp/open; stat -c %a /tmp/open')" 666 "A11 control: outside, a umask of 0 leaves files open"
mount -t tmpfs later /mnt
check "A26 control: in the host's own namespace a new mount is seen" grep -q ' later ' /proc/self/mountinfo
umount /mnt
install -m 4755 /usr/bin/id /usr/local/bin/id-of-root
like "$(as_user alice /usr/local/bin/id-of-root)" 'euid=0' "A27 control: outside, a set-uid file gives its owner's powers"
rm /usr/local/bin/id-of-root
image=/run/gkt/image
cp -a /var/lib/gocker/images/alpine $image
echo 'alice:x:4321:0::/:/bin/sh' >>$image/etc/passwd
is "$(chroot $image /bin/busybox id -u alice)" 4321 "A28 A51 control: who only changes the root believes the image's passwd"
echo x >$image/proc/sysrq-trigger
is "$(chroot $image /bin/busybox cat /proc/sysrq-trigger)" x "A24 control: and takes its files in /proc for the kernel's"
rm -rf $image
is "$(as_user alice sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 >/dev/null & n=$((${n:-0} + 1)); done; echo $n')" 10 "A34 control: outside, more processes than pids_max"
check "A35 control: outside, /tmp takes more than a session's share" as_user alice sh -c 'head -c 96M /dev/zero >/tmp/big && test $(stat -c %s /tmp/big) -gt 90000000'
rm -f /tmp/big
echo nonsense >>/etc/gocker.ini
refused "A50 [shell]: with a broken configuration a contained user is refused" 'gocker.ini' as_user alice "$GOCKER_SHELL" -c true
check "A50 [shell]: while root, whose shell is another, gets in" su - root -c true
set_ini 'pids_max = 7'
check "A46 A50 control: with nothing broken the login works" as_user alice "$GOCKER_SHELL" -c true

# A49: su in an administrator's login, which has a session and a cgroup of its own.
for _ in $(doors | grep pam); do
	stack su
	cp /etc/pam.d/su /etc/pam.d/su-l
	cgroup=$PIDS_CGROUP/of-admin
	mkdir "$cgroup"
	sh -c "echo \$\$ >$cgroup/cgroup.procs; exec su - alice -c 'echo in; exec sleep 1000'" >"$GKT_WORK/su" 2>&1 </dev/null &
	pid=$!
	check "A49 [pam]: su from a place with a cgroup of its own gets in" wait_until 20 grep -q in "$GKT_WORK/su"
	leaf=$(session_leaves "$(uid_of alice)")
	is "$(cat "$leaf/pids.max")" 9 "A49 [pam]: the limit is that of the policy, with two for init and the child of su"
	check "A49 [pam]: and the user's process is in it" sh -c "for p in \$(cat $leaf/cgroup.procs); do tr '\\0' ' ' </proc/\$p/cmdline; done | grep -q 'sleep 1000'"
	kill -9 $pid
	wait $pid 2>/dev/null
	check "A49 [pam]: nothing of it is left" wait_until 20 sh -c "! pgrep -f '^sleep 1000$'"
done

# A6, A12, A18, A23, A36, A38, A42: what others than gocker let through.
printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >/usr/local/bin/joins-words
chmod 755 /usr/local/bin/joins-words
is "$(as_user alice /usr/local/bin/joins-words -c printf '%s-' 'a b')" a-b- "A6 control: a wrapper that joins its words and reads them again changes them"
is "$(as_user alice "$GOCKER_SHELL" -c "printf '%s-' 'a b'")" "a b-" "A6 [shell]: a command goes through as one string"
(exec_as_user alice sleep 60) &
sleeper=$!
wait_until 5 sh -c "tr '\\0' ' ' </proc/$sleeper/cmdline | grep -q '^sleep'"
if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ]; then
	is "$(as_user alice "$GKT_HELPERS/try" ptrace $sleeper)" "done" "A12 control: outside, a process of the user's own can be traced"
else
	skip "A12 control: outside, a process of the user's own can be traced" "Yama forbids it here"
fi
kill -KILL $sleeper # the tracer left it stopped
{ wait $sleeper; } 2>/dev/null
is "$(realpath -m "/run/gocker/u/../../../etc")" /etc "A18 control: a path made of such a name leads elsewhere"
mkdir -p $image/dev $image/bin
cp /bin/busybox $image/bin/ && echo x >$image/dev/null
is "$(chroot $image /bin/busybox cat /dev/null)" x "A23 control: who only changes the root takes a file for /dev/null"
rm -rf $image
check "A38 control: outside, there are keyrings to ask" as_user alice "$GKT_HELPERS/try" keyctl 0 -4
# In a PID namespace whose next number can be chosen.
# shellcheck disable=SC2016
is "$(unshare -p -f --mount-proc sh -c 'sleep 60 & old=$!; kill $old; wait $old; echo $((old - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 61 & for n in $(seq 600); do tr "\0" " " </proc/$old/cmdline | grep "^sleep" && break; sleep 0.1; done
	kill $!' 2>/dev/null)" "sleep 61 " "A42 control: the number of a process that is gone is another's"
set_ini 'user_sessions_max = 1'
(exec_as_user alice "$GOCKER_SHELL" -c 'sleep 60') &
first=$!
wait_until 10 sh -c "test -n \"\$($GOCKER ps -q)\""
refused "A36 [shell]: a session more than the user may have" '1 session' as_user alice "$GOCKER_SHELL" -c true
set_ini 'user_sessions_max = 2'
check "A36 control: with a larger cap it is let in" as_user alice "$GOCKER_SHELL" -c true
kill -KILL $first
wait $first 2>/dev/null
"$GOCKER" gc >/dev/null
