#!/bin/bash
# What is known to have led out of other containers, tried by a container's root (gocker run), who has the most.
. "$(dirname "$0")/_lib.sh"
set_ini
remember_host
for n in {3..15}; do # CVE-2024-21626
	"$GOCKER" run -w "/proc/self/fd/$n" /bin/sh -c 'pwd; cat ../../../../etc/debian_version' 2>/dev/null
done | sort -u >"$GKT_WORK/places"
is "$(cat "$GKT_WORK/places")" / "A29: no descriptor as working directory leads out (gocker run -w /proc/self/fd/N)"
is "$("$GOCKER" run /bin/sh -c 'for f in /proc/self/fd/* /proc/self/cwd /proc/self/root; do cat $f/../../../../etc/debian_version; done' 2>/dev/null)" "" "A29: nor does one that is open inside"
check "A29 control: outside, the working directory leads there" sh -c 'cd /usr && cat /proc/self/cwd/../etc/debian_version'
for type in 'cgroup -o rdma' cgroup2 proc sysfs debugfs overlay; do # release_agent and kin
	run "$GOCKER" run /bin/sh -c "mount -t $type x /mnt"
	like "$rc:$err" '^[1-9].*ermi' "A30 A33: a container's root can't mount $type"
done
run "$GOCKER" run nsenter -t 1 -m true
like "$rc:$err" '^1:.*ermission' "A30: nor enter init's namespaces by /proc"
run "$GOCKER" run dmesg
like "$rc:$err" '^1:.*not permitted' "A37: nor read the kernel's log"
is "$("$GOCKER" run ls /dev | tr '\n' ' ')" "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero " "A43: /dev has no device of the host's: no mem, kmem, port, kvm, fuse or disk"
check_clean "nothing is left"
