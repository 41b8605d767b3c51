#!/bin/bash
# part: logins
# Devices of the host that the policy names, through both doors and under gocker run: they are there, with the host's
# permissions, and no other can be opened, whoever tries it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user carol --shell /bin/sh
modprobe -qa loop fuse tun
# As udev has them, which not every host here has.
chmod 666 /dev/fuse /dev/net/tun
start_sshd ''

# Where they are from: loop is a block device with a content, the last two are as /dev/null is.
printf 'what the loop device has%512s' '' >/disk
losetup /dev/loop7 /disk
chmod 604 /dev/loop7
mkdir -m 755 /dev/gkt
mknod -m 666 /dev/gkt/hole c 1 3
mknod -m 660 /dev/gkt/of-the-group c 1 3
ln -s gkt/hole /dev/gkt-link
remember_host

set_ini 'devices = /dev/gkt/* /dev/gkt-link /dev/loo[p]7 /dev/fuse /dev/net/tun /dev/gkt-missing'
# Each line is what can be opened, as who asks.
OPEN='for d in gkt/hole gkt-link gkt/of-the-group loop7 fuse net/tun loop0 gkt-missing; do
	if (: </dev/$d) 2>/dev/null; then echo "$d opens"; else echo "$d no"; fi; done'
OPENED='gkt/hole opens
gkt-link opens
gkt/of-the-group no
loop7 opens
fuse opens
net/tun opens
loop0 no
gkt-missing no'
MORE='echo word >/dev/gkt/hole && head -c 24 /dev/loop7 && echo && stat -c "%t:%T %a %u" /dev/fuse /dev/loop7
	rm /dev/gkt/hole 2>/dev/null || echo "none can be removed"; chmod 666 /dev/loop7 2>/dev/null || echo "nor changed"'
TOLD='what the loop device has
a:e5 666 0
7:7 604 0
none can be removed
nor changed'

run login_of alice "$OPEN"
is "$out" "$OPENED" "devices [shell]: a user opens those that are named, as far as the modes of the host's nodes allow"
run login_of alice "$MORE"
is "$out" "$TOLD" "devices [shell]: and uses them, and changes no node"
set_ini 'devices = /dev/gkt/* /dev/loo[p]7' 'share = user' 'linger = 1m'
run login_of alice 'head -c 24 /dev/loop7'
is "$out" "what the loop device has" "devices [shell]: with share = user the first login has them"
run login_of alice 'head -c 24 /dev/loop7; sh -c ": </dev/net/tun"'
is "$out" "what the loop device has" "devices [shell]: and so has one that joins"
"$GOCKER" stop --user alice >/dev/null 2>&1
wait_until 30 no_sessions

# The container's root passes every mode, and opens what is named and nothing else.
set_ini 'devices = /dev/gkt/* /dev/gkt-link /dev/loo[p]7 /dev/fuse /dev/net/tun /dev/gkt-missing'
run "$GOCKER" run /bin/sh -c "$OPEN"
is "$out" "${OPENED/group no/group opens}" "devices [run]: the container's root opens all that are named"
run "$GOCKER" run --userns /bin/sh -c "$OPEN"
is "$out" "${OPENED/group no/group opens}" "devices [run]: and so does the root of a user namespace"
run "$GOCKER" run /bin/sh -c 'mknod /tmp/m c 1 1 || echo no node; : </dev/mem'
like "$out" 'no node' "devices [run]: it makes no node"

# A node of a device that is not named, where the user can see it; and root with all of its powers in the session's cgroup.
mknod -m 666 /home/alice/zero c 1 5
run as_user alice sh -c 'head -c 1 /home/alice/zero | wc -c'
is "$out" 1 "devices control: a node in a home opens outside"
run login_of alice 'head -c 1 ~/zero | wc -c'
is "$out" 0 "devices [shell]: a node in the home opens nothing"
rm /home/alice/zero
try_in() { # LEAF DEVICE: opens it as the host's root in that cgroup
	# shellcheck disable=SC2016
	bash -c 'echo $$ >"$1/cgroup.procs" && : <"$2" && echo opened' - "$1" "$2" 2>/dev/null
}
hold_session alice
leaf=$(session_leaves "$(uid_of alice)")
is "$(try_in "$leaf" /dev/loop7)" opened "devices [shell]: the filter of the cgroup lets root open a device that is named"
is "$(try_in "$leaf" /dev/net/tun)" opened "devices [shell]: and another"
for device in /dev/mem /dev/vda /dev/kmsg /dev/loop0 /dev/loop-control; do
	[ -e "$device" ] || continue
	is "$(try_in /sys/fs/cgroup "$device")" opened "devices control: root opens $device"
	is "$(try_in "$leaf" "$device")" "" "devices [shell]: not $device in the session's cgroup [limit devices hog]"
done
drop_session
wait_until 20 no_sessions
set_ini ''
hold_session alice
is "$(try_in "$(session_leaves "$(uid_of alice)")" /dev/kmsg)" opened "devices control: without the key there is no filter, and no node either"
drop_session
run login_of alice 'ls /dev'
unlike "$out" 'gkt|loop|fuse|net' "devices: a later session without the key has none of them [limit devices beside]"
wait_until 20 no_sessions

# The whole login, and what root's daemon starts before it is the user.
pam_door_on
set_ini 'devices = /dev/gkt/* /dev/gkt-link /dev/loo[p]7 /dev/fuse /dev/net/tun /dev/gkt-missing'
run ssh_as carol "$OPEN"
is "$out" "$OPENED" "devices [pam]: a user opens those that are named"
run ssh_as carol "$MORE"
is "$out" "$TOLD" "devices [pam]: and uses them, and changes no node"
expect_test "devices [pam]: a terminal is as ever" <<'TCL'
	login carol
	say {tty && echo word >/dev/gkt/hole && echo do""ne}
	want {/dev/pts/0\r\ndone}
	say exit
	ended
TCL
hold_session carol
leaf=$(session_leaves "$(uid_of carol)")
like "$leaf" '/[0-9a-f]{12}$' "devices [pam]: the login is in a leaf of gocker's"
is "$(try_in "$leaf" /dev/loop7)" opened "devices [pam]: the filter lets root open a device that is named"
is "$(try_in "$leaf" /dev/kmsg)" "" "devices [pam]: and no other"
drop_session
[ "$GKT_HOST" = plain ] || wait_until 20 no_logins carol
wait_until 20 no_sessions
pam_door_off
set_ini ''

run "$GOCKER" check
is "$rc" 0 "a policy without devices is in order"
set_ini 'devices = /dev/gkt/* /dev/gkt-missing'
run "$GOCKER" check
like "$out" 'devices: this host has no ./dev/gkt-missing' "gocker check: a device that is missing is a warning"
rm -r /dev/gkt /dev/gkt-link
losetup -d /dev/loop7
check_clean "devices: nothing is left" 20
