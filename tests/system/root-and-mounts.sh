#!/bin/bash
# What a session sees as / is the image and what the plan puts there: nothing of the host.
. "$(dirname "$0")/../lib/test.sh"
need_product
need strace
add_user alice
set_ini
start_sshd
remember_host

echo secret >/host-marker
echo secret >/etc/host-marker
echo 'hello' >/home/alice/greeting
chown alice: /home/alice/greeting

run ssh_as alice 'cat /etc/os-release'
like "$out" 'ID=alpine' "the root is Alpine's"
is "$(ssh_as alice 'ls /etc/debian_version /host-marker 2>/dev/null')" "" "the host's files are not there"
for path in /../host-marker /../../etc/host-marker /proc/1/root/host-marker /proc/1/cwd/host-marker \
	/proc/self/root/../host-marker /proc/self/cwd/../../../host-marker; do
	run ssh_as alice "cat $path"
	is "$rc:$out" "1:" "the host is out of reach at $path (A29)"
done
run ssh_as alice 'cd / && cd .. && cd .. && pwd && stat -c %d:%i / /.. /../..'
is "$(sort -u <<<"$out" | wc -l)" 2 "/.. is / (A29)"
run ssh_as alice 'for d in / /etc /tmp /run /dev /home; do find $d -xdev -maxdepth 2 -name "host-marker"; done'
is "$out" "" "no directory holds the host's marker"

# The mount table.
run ssh_as alice 'cat /proc/self/mountinfo'
cp "$GKT_WORK/out" "$GKT_WORK/mountinfo"
targets=$(awk '{ print $5 }' "$GKT_WORK/mountinfo" | sort)
for target in / /proc /dev /dev/pts /dev/shm /tmp /home/alice; do
	is "$(grep -cx "$target" <<<"$targets")" 1 "one mount at $target"
done
type_at() { awk -v at="$1" '$5 == at { for (i = 7; $i != "-"; i++); print $(i + 1) }' "$GKT_WORK/mountinfo"; }
is "$(type_at /)" overlay "/ is an overlay"
is "$(type_at /proc)" proc "/proc is a procfs"
is "$(type_at /dev/pts)" devpts "/dev/pts is a devpts"
for target in /dev /dev/shm /tmp; do is "$(type_at $target)" tmpfs "$target is a tmpfs"; done
plan=$("$GOCKER" explain --plan alice)
is "$(grep -vxF "$(mounts_of_plan <<<"$plan")" <<<"$targets")" "" "no mount is there that is not planned"
is "$(needed_mounts_of_plan <<<"$plan" | grep -vxF "$targets")" "" "every planned mount is there"
is "$(uniq -d <<<"$targets")" "" "none is there twice"
is "$(awk '$6 !~ /nosuid/ { print $5 }' "$GKT_WORK/mountinfo")" "" "every mount is nosuid"
is "$(awk '$6 !~ /nodev/ && $5 !~ "^/dev|^/proc/" { print $5 }' "$GKT_WORK/mountinfo")" "" \
	"every mount but the device nodes is nodev"
is "$(grep -c 'master:\|shared:' "$GKT_WORK/mountinfo")" 0 "no mount propagates anywhere"
unlike "$(cat "$GKT_WORK/mountinfo")" 'gkt-host|/gocker |/var/lib/gocker' \
	"the mount table tells nothing of the host's paths (A37)"

# What is hidden or read-only below /proc: each name that this kernel has, with its flags, and no other.
covered=$(sed -n 's,^mount \(mask_[a-z]*\|bind_ro\) "\(/proc/[^"]*\)".*,\1 \2,p' <<<"$plan")
check "the plan covers names below /proc" test "$(grep -c . <<<"$covered")" -gt 20
while read -r kind target; do
	[ -e "$target" ] || continue
	case $kind in
	mask_file) want='/mask ramfs' ;;
	mask_dir) want='/empty ramfs' ;;
	*) want="/${target##*/} proc" ;;
	esac
	echo "$target $want ro,nosuid,nodev,noexec"
done <<<"$covered" | sort >"$GKT_WORK/want"
awk '$5 ~ "^/proc/" { split($6, f, ","); print $5, $4, $(NF - 2), f[1] "," f[2] "," f[3] "," f[4] }' "$GKT_WORK/mountinfo" |
	sort >"$GKT_WORK/got"
is "$(cat "$GKT_WORK/got")" "$(cat "$GKT_WORK/want")" "what is covered below /proc is what the kernel has of the plan, with its flags (A37)"
# Linux 4.11 took timer_stats away.
is "$(grep -c ' /proc/timer_stats$' <<<"$covered"):$(grep -c '^/proc/timer_stats ' "$GKT_WORK/got")" 1:0 \
	"a name that this kernel lacks is left out"

# Each of the calls that make the mounts fails in turn: nothing is run without one of them.
failing() { # CALL ERROR N
	run strace -f -qq -o "$GKT_WORK/calls" -e trace="$1" -e inject="$1:error=$2:when=$3" "$GOCKER" run /bin/echo ran
}
for call in open_tree move_mount mount_setattr; do
	ran='' n=0
	while n=$((n + 1)) && failing $call EPERM $n && grep -q INJECTED "$GKT_WORK/calls"; do
		[ "$rc:$out" = 125: ] || ran+=" $n"
	done
	is "$ran" "" "none of the $((n - 1)) calls of $call can fail and the command be run (A5)"
	is "$rc:$out" 0:ran "control: with one more $call it is run"
	# A clone of a mask has its flags; what is read-only needs them set.
	least=$(grep -c "$([ $call != mount_setattr ] || echo ' proc ')" "$GKT_WORK/got")
	check "there is one at least for each of the $least mounts" test $n -gt "$least"
done
# ENOENT is said of a name that the kernel lacks, and not believed of the mask itself.
strace -f -qq -o "$GKT_WORK/calls" -e trace=open_tree "$GOCKER" run /bin/true
n=$(grep -n '"mask"' "$GKT_WORK/calls" | cut -d: -f1)
failing open_tree ENOENT "$n"
is "$rc:$out" 125: "a mask that is missing is no reason to do without (A37)"
failing open_tree ENOENT $((n + 1))
is "$rc:$out" 125: "nor is a clone of it"

# /proc and /dev.
for file in sysrq-trigger kcore keys timer_list; do
	run ssh_as alice "head -c 1 /proc/$file | wc -c"
	is "$out" 0 "/proc/$file tells nothing (A37)"
done
run ssh_as alice 'echo 1 2>/dev/null >/proc/sys/kernel/domainname; awk "\$5 == \"/proc/sys\" { print \$6 }" /proc/self/mountinfo'
like "$out" '^ro' "/proc/sys is read-only (A37)"
run ssh_as alice 'ps; free; uptime; nproc'
is "$rc" 0 "ps, free, uptime and nproc work"
run ssh_as alice 'ls /dev'
for node in null zero full random urandom tty ptmx pts shm fd stdin stdout stderr; do
	is "$(grep -cx $node <<<"$out")" 1 "/dev/$node is there"
done
unlike "$out" 'sd[a-z]|vd[a-z]|mem|kmsg|loop|tty[0-9]|fuse' "no other device is there"
run ssh_as alice 'stat -c "%t:%T" /dev/null /dev/zero /dev/urandom; echo x >/dev/null; head -c 3 /dev/zero | wc -c'
is "$out" $'1:3\n1:5\n1:9\n3' "the device nodes are the real ones and work"
run ssh_as alice 'mknod /tmp/disk b 254 0'
isnt "$rc" 0 "a device node can't be made"
for command in 'mount -t tmpfs none /mnt' 'umount /home/alice' 'chroot / true' 'unshare -m true'; do
	run ssh_as alice "$command"
	isnt "$rc" 0 "refused inside: $command"
done

# Names and places.
is "$(ssh_as alice 'cat /etc/resolv.conf')" "$(cat /etc/resolv.conf)" "resolv.conf is the host's"
like "$(ssh_as alice 'cat /etc/hosts')" 'localhost' "/etc/hosts knows localhost"
is "$(ssh_as alice 'date +%Z')" "$(date +%Z)" "the time zone is the host's"
is "$(ssh_as alice 'pwd; cat greeting')" $'/home/alice\nhello' "a session starts in the home"

# Modes of the root.
set_ini 'root = readonly'
run ssh_as alice 'touch /etc/x'
like "$rc:$err" '1:.*Read-only' "root = readonly: / can't be written"
run ssh_as alice 'touch /tmp/x /run/x /dev/shm/x ~/x; ls /tmp /run /dev/shm ~ | grep -c "^x$"'
like "$out" '^[34]$' "root = readonly: /tmp, /dev/shm and the home can"
rm -f /home/alice/x

# What can be written is bounded.
set_ini 'root_size = 8M' 'tmp_size = 4M' 'root_inodes = 500'
for at in /tmp /dev/shm; do
	run ssh_as alice "dd if=/dev/zero of=$at/big bs=64k count=1024; du -k $at/big | cut -f1"
	like "$err" 'No space left' "$at is bounded (A35) [limit root_size told]"
	check "$at holds at most root_size + tmp_size: ${out}K (A35) [limit root_size hog]" test "${out:-0}" -le 12288
done
run as_user alice "$GOCKER_SHELL" -c 'for at in /tmp /dev/shm /run; do head -c 67108864 /dev/zero >$at/big; done 2>/dev/null
	cat /tmp/big /dev/shm/big /run/big 2>/dev/null | wc -c'
check "all of a session together stays below root_size + tmp_size: $out bytes (A35)" \
	test "$out" -le $((12 * 1024 * 1024))
run as_user alice "$GOCKER_SHELL" -c \
	'i=0; while [ $i -lt 3000 ] && true >/tmp/f$i; do i=$((i + 1)); done 2>/dev/null; ls /tmp | wc -l'
check "inodes are bounded: $out files (A35)" test "$out" -lt 1100

# The host's later mounts stay outside, and what a session makes stays inside.
set_ini
hold_session alice
mkdir -p /home/alice/later
mount -t tmpfs gkt-later /home/alice/later
touch /home/alice/later/x
run nsenter -m -t "$held_init" ls /home/alice/later
is "$out" "" "a later mount of the host does not show inside (A26)"
umount /home/alice/later
rmdir /home/alice/later
check "a mount below a home can be taken away while a session lives" test ! -e /home/alice/later
drop_session
rm -f /host-marker /etc/host-marker
check_clean "the root of a session is gone with it"
