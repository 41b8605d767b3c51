#!/bin/bash
# gocker run --userns: the container's root is nobody in particular outside.
. "$(dirname "$0")/../lib/test.sh"
need expect
need_product
set_ini
remember_host
manifest() { (cd "$GKT_IMAGE_DIR/alpine" && find . -printf '%p %u %g %m %s\n' | sort | sha256sum); }
GKT_IMAGE_DIR=/var/lib/gocker/images
before=$(manifest)

# uid_outside PATTERN: the real uid, on this host, of the process whose command line matches.
uid_outside() {
	local pid
	for pid in $(pgrep -f "$1"); do
		awk '/^Uid:/ { print $2 }' "/proc/$pid/status"
	done | sort -u | tr '\n' ' '
}
hold() { # NAME OPTION...: a session in the background that sleeps for 4NAME seconds; sets held
	local name=$1
	shift
	"$GOCKER" run "$@" sleep "4000$name" </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 60 pgrep -f "^sleep 4000$name\$" >/dev/null
}

run "$GOCKER" run --userns sh -c 'id; cat /proc/self/uid_map /proc/self/gid_map'
is "$(head -n 1 <<<"$out")" "uid=0(root) gid=0(root) groups=0(root)" "--userns: root inside"
like "$(tr -s ' \n' ' ' <<<"$out")" ' 0 ([0-9]+) 65536 0 \1 65536 $' "0 to 65535 inside are a range of the host's uids and gids"
isnt "$("$GOCKER" run --userns readlink /proc/self/ns/user)" "$(readlink /proc/self/ns/user)" "its user namespace is not the host's"
is "$("$GOCKER" run readlink /proc/self/ns/user)" "$(readlink /proc/self/ns/user)" "control: without --userns it is"

hold 1
is "$(uid_outside '^sleep 40001$')" "0 " "control: without --userns the host sees root"
kill "$held"
wait "$held" 2>/dev/null
hold 2 --userns
one=$held first=$(uid_outside '^sleep 40002$')
hold 3 --userns
two=$held second=$(uid_outside '^sleep 40003$')
check "the host sees a uid of the range: $first" test "$first" -ge 2000224256 -a "$first" -lt 2067333120
isnt "$first" "$second" "two sessions at a time have different ones"
is "$(((first - second) % 65536))" 0 "and do not overlap"
id=$("$GOCKER" ps --format json | jq -r ".[] | select(.userns_base == $first) | .id")
like "$("$GOCKER" inspect "$id")" "User ids +0 to 65535 inside are ${first% } to $((first + 65535)) outside" "inspect tells which"
is "$("$GOCKER" exec "$id" sh -c 'id -u; readlink /proc/self/ns/user')" \
	$'0\n'"$(readlink "/proc/$(pgrep -f '^sleep 40002$')/ns/user")" "gocker exec: root of the same user namespace"
is "$("$GOCKER" exec "$id" sh -c 'grep Cap /proc/self/status')" \
	"$("$GOCKER" run sh -c 'grep Cap /proc/self/status')" "with the capabilities of a container's root, and no more"
is "$("$GOCKER" exec "$id" kill -0 2 && echo signalled)" signalled "and may signal what the session runs"
is "$(awk '/^Uid:/ { print $2 }' "/proc/$("$GOCKER" inspect --format json "$id" | jq '.[0].init')/status")" 0 "control: init is root's"
is "$("$GOCKER" exec "$id" ps -o user,pid | awk '$2 == 1 { print $1 }')" nobody "who is nobody inside"
kill "$one" "$two"
wait "$one" "$two" 2>/dev/null

# What its root can do in the root, and what of the host's it can't.
run "$GOCKER" run --userns sh -c 'set -e; touch /etc/new; chown 1000:1000 /etc/new; stat -c %u:%g /etc/new /bin/busybox /etc/passwd /
	rm /bin/true; echo x >>/etc/profile; stat -c %u /etc/profile; echo x >/tmp/a; echo x >/dev/null; stat -c %u /dev/null /tmp'
is "$rc:$(tr '\n' ' ' <<<"$out")" "0:1000:1000 0:0 0:0 0:0 0 0 0 " "the image's files are root's, and can be changed in the session"
is "$(manifest)" "$before" "the image is as it was, owners too"
is "$("$GOCKER" run --userns sh -c 'grep CapEff /proc/self/status | cut -f2')" \
	"$("$GOCKER" run sh -c 'grep CapEff /proc/self/status | cut -f2')" "its capabilities are the ones of any container's root"
mkdir -p /srv/of-root
echo secret >/srv/of-root/secret
chmod 700 /srv/of-root
is "$("$GOCKER" run -v /srv/of-root:/mnt/v cat /mnt/v/secret)" secret "control: without --userns root reads root's volume"
run "$GOCKER" run --userns -v /srv/of-root:/mnt/v cat /mnt/v/secret
like "$rc:$err" '^1:.*Permission denied' "with it that volume is somebody else's"
run "$GOCKER" run --userns -v /srv/of-root:/mnt/v chown 0 /mnt/v
isnt "$rc" 0 "and can't be taken over"
run "$GOCKER" run --userns --read-only touch /x
like "$rc:$err" '^1:.*Read-only' "--read-only goes with it"
run "$GOCKER" run --userns --network none ip -o link
like "$out" '^1: lo:' "--network none goes with it"
run "$GOCKER" run --userns sh -c 'exit 42'
is "$rc" 42 "an exit status is handed on"
for command in 'mount -t tmpfs none /mnt' 'hostname x' 'unshare -U true' 'echo 1 >/proc/sys/kernel/printk'; do
	run "$GOCKER" run --userns sh -c "$command"
	isnt "$rc" 0 "its root can't: $command"
done
expect_test "a terminal of the session's own is root's inside" <<'TCL'
spawn -noecho gocker run --userns /bin/sh
want_prompt
prompt
equal [ask {tty}] /dev/pts/0
equal [ask {stat -c %u:%g /dev/pts/0}] "0:5"
say {exit 9}
equal [ended] 9
TCL

mkdir /srv/images
cp -a "$GKT_IMAGE_DIR/alpine" /srv/images/
is "$(stat -f -c %T /srv/images)" overlayfs "control: /srv is on an overlay"
is "$("$GOCKER" run --image-dir /srv/images id -u)" 0 "an image there can be used"
refused "but not with --userns, which is said with what to do" \
	'the file system of image_dir cannot do that, as overlay cannot; put the images on ext4, .*, or leave --userns out' \
	"$GOCKER" run --image-dir /srv/images --userns id
refused "--user has no use for it" "has the user's own ids" "$GOCKER" run --userns --user root id
printf '[gocker]\nuserns_base = 3000000000\n' >/etc/gocker.ini
is "$("$GOCKER" run --userns awk '{ print ($2 >= 3000000000 && $2 < 3067108864) }' /proc/self/uid_map)" 1 "userns_base says where the ranges begin"
printf '[gocker]\nuserns_base = 1000\n' >/etc/gocker.ini
refused "one that lies among the accounts is refused" 'userns_base' "$GOCKER" run --userns id
set_ini

# The ranges are given back, also by who is killed.
held_ranges() {
	local file
	for file in /run/gocker/ranges/*; do
		# shellcheck disable=SC2046,SC2183 # three words: device and inode as the kernel writes them
		grep -c " OFDLCK .* $(printf '%02x:%02x:%d' $(stat -c '%Hd %Ld %i' "$file")) " /proc/locks
	done | grep -c 1
}
is "$(held_ranges)" 0 "no range is held when no session lives"
hold 4 --userns
is "$(held_ranges)" 1 "control: one is while one does"
init=$("$GOCKER" ps --format json | jq '.[0].init')
kill -KILL "$held"
wait "$held" 2>/dev/null
check "a killed supervisor takes its session along" wait_until 60 sh -c "! kill -0 $init 2>/dev/null"
"$GOCKER" gc >/dev/null
is "$(held_ranges)" 0 "and gives its range back"
check_clean "nothing is left"
