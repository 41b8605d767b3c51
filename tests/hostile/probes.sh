#!/bin/bash
# What is known to have led out of other containers, tried by a container's root (gocker run), who has the most;
# and what tools that look a container over (amicontained, deepce and kin) find in a user's session.
. "$(dirname "$0")/_lib.sh"
add_user alice
bring alice try
set_ini
remember_host
for n in {3..15}; do # CVE-2024-21626
	run "$GOCKER" run -w "/proc/self/fd/$n" /bin/sh -c 'pwd; cat ../../../../etc/debian_version'
	echo "$rc:$out:${err//$n/N}"
done >"$GKT_WORK/places"
is "$(grep -cE '^125::gocker run: cannot enter /proc/self/fd/N in the session: (No such file or|Not a) directory$' "$GKT_WORK/places")" 13 \
	"A29: no descriptor as working directory leads out (gocker run -w /proc/self/fd/N)" || cat "$GKT_WORK/places"
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
run "$GOCKER" run -v /usr/local/libexec/gocker-tests:/mnt/t:ro /mnt/t/try handle /mnt/t/try
is "$out" EPERM "A29 A32: nor open a file by its handle (shocker)"
run "$GKT_HELPERS/try" handle /root
like "$out" '^(done|EOPNOTSUPP|ESTALE)$' "A32 control: root outside is not refused: $out"

# What a look around a user's session tells.
probe='exec 2>/dev/null
	grep -hE "^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):" /proc/self/status | tr -s "\t " " "
	for s in /run /var/run; do find $s/ -type s; done
	find / -xdev -perm -4000 -user root -exec test -u {} \; -print | head -n 3
	find / \( -path /proc -o -path /dev \) -prune -o \( -type b -o -type c \) -print
	for f in /etc/shadow /etc/sudoers /root/.ssh /var/lib/docker /sys/kernel/uevent_helper /sys/firmware /proc/sys/kernel/core_pattern; do
		if test -w $f; then echo writes $f; fi; done
	cat /root/.ssh/id_ed25519 /var/lib/gocker/images/alpine/etc/os-release /var/log/gkt-syslog | head -n 1'
wanted='CapInh: 0000000000000000
CapPrm: 0000000000000000
CapEff: 0000000000000000
CapBnd: 0000000000000000
CapAmb: 0000000000000000
NoNewPrivs: 1
Seccomp: 2'
for a_door in $(doors); do
	use_door "$a_door"
	inside alice "$probe"
	# The daemon of the PAM door keeps its bounding set, which nothing inside can make use of.
	[ "$door" = shell ] || wanted=$(grep -v CapBnd <<<"$wanted") out=$(grep -v CapBnd <<<"$out")
	is "$out" "$wanted" "A29 A32 A37 A43 [$door]: a look around finds no capability, no socket, no device, no set-uid program of root's, nothing of the host's to read or write"
	start_master alice
	inside() { run timeout 60 ssh -l "$1" -o "ControlPath=$GKT_WORK/master-$1" gocker "${@:2}"; }
	denied A32 "a file by its handle" alice EPERM './try handle /home/alice'
	for way in 'unshare -Ur true' 'unshare -Urm sh -c "mount -t cgroup -o rdma x /mnt"' 'mount -t overlay x /mnt' 'nsenter -t 1 -m true' 'chroot / true' \
		'mknod /tmp/sda b 8 0' 'dmesg' 'modprobe nf_tables' 'ip link add x type dummy' 'hostname x' 'sysctl -w kernel.core_pattern=x'; do
		inside alice "$way"
		isnt "$rc" 0 "A30 A32 A37 [$door]: $way fails"
	done
	stop_master alice
	inside() { run timeout 60 ssh -l "$1" gocker "${@:2}"; }
done
run as_user alice sh -c "$probe"
stop_sshd
isnt "$(grep -v CapBnd <<<"$out" | head -n 6)" "$wanted" "A32 A37 control: outside, the same look finds more"
check "A30 control: outside, unshare -Ur works" as_user alice unshare -Ur true
check_clean "nothing is left"
