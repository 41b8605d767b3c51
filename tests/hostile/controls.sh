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
	is "$(cat "$leaf/pids.max")" 10 "A49 [pam]: the limit is that of the policy, with three for init and the daemon"
	check "A49 [pam]: and the user's process is in it" sh -c "for p in \$(cat $leaf/cgroup.procs); do tr '\\0' ' ' </proc/\$p/cmdline; done | grep -q 'sleep 1000'"
	kill -9 $pid
	wait $pid 2>/dev/null
	check "A49 [pam]: nothing of it is left" wait_until 20 sh -c "! pgrep -f '^sleep 1000$'"
done
