#!/bin/bash
# Whatever is wrong, nothing runs: one line on stderr, nothing on stdout, exit 125, no shell, and
# nothing left behind.
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
add_user bob
set_ini
own_images
start_sshd
remember_host
images=/var/lib/gocker/images

# try NAME PATTERN: a login is refused; the command would leave a file behind if it ran.
try() {
	rm -f /home/alice/ran
	refused "$1" "$2" as_user alice "$GOCKER_SHELL" -c 'touch /home/alice/ran; echo ran'
	[ ! -e /home/alice/ran ] || not_ok "$1: nothing ran"
}

# What can be wrong with the configuration, with images and homes: tests/hostile/badinput.sh has the
# table. Here is what it has not.

# Image.
set_ini 'image = bad'
cp -a $images/alpine $images/bad
rm -rf $images/bad/proc
ln -s /tmp $images/bad/proc
run as_user alice "$GOCKER_SHELL" -c 'stat -f -c %T /proc; ls -A /tmp'
is "$rc:$out" "0:proc" "image: its /proc is a symlink: not followed (A22)"
rm -rf $images/bad
mkdir $images/bad
run as_user alice "$GOCKER_SHELL" -c 'echo ran'
is "$rc:$out:$(wc -l <"$GKT_WORK/err")" "127::1" "image: empty: 127, for it has no shell, and one line"
rmdir $images/bad
ln -s alpine $images/bad
run as_user alice "$GOCKER_SHELL" -c 'echo ran'
like "$rc:$out" '^(125:|0:ran)$' "image: a root-owned symlink is followed or refused, nothing else"
rm $images/bad
set_ini

# Home.
mv /home/alice /home/alice.away
su -s /bin/sh alice -c 'ln -s /home/alice.away /tmp/link'
usermod -d /tmp/link alice
try "home: a symlink in a directory that the user can write to (A20)" '/tmp/link'
usermod -d /home/alice alice
rm /tmp/link
mv /home/alice.away /home/alice

# cgroup.
mount -t tmpfs gkt-nothing /sys/fs/cgroup
try "cgroup: none mounted" 'cgroup'
umount /sys/fs/cgroup
mount -o remount,bind,ro "$PIDS_CGROUP"
try "cgroup: read-only" 'cgroup'
mount -o remount,bind,rw "$PIDS_CGROUP"

# State.
mv /run/gocker /run/gocker.away 2>/dev/null
ln -s /tmp /run/gocker
try "state: /run/gocker is a symlink (A44)" '/run/gocker'
rm /run/gocker
mkdir -m 777 /run/gocker
try "state: /run/gocker is anybody's (A44)" '/run/gocker'
rmdir /run/gocker
mkdir /run/gocker
chown alice /run/gocker
try "state: /run/gocker is a user's (A44)" '/run/gocker'
rmdir /run/gocker
mv /run/gocker.away /run/gocker 2>/dev/null
check "control: with everything as it was, the login works" as_user alice "$GOCKER_SHELL" -c true

# Set-uid bit.
cp --no-preserve=mode "$GOCKER_SHELL" /home/alice/shell
chmod 755 /home/alice/shell
rm -f /home/alice/ran
refused "A1: a copy without the set-uid bit" 'set-uid|root' as_user alice /home/alice/shell -c 'touch ~/ran'
refused "A1: under no_new_privs" 'set-uid|root' \
	setpriv --reuid alice --regid alice --init-groups --no-new-privs "$GOCKER_SHELL" -c 'touch ~/ran'
refused "A1: in a user namespace of one's own" 'namespace|set-uid|root' \
	as_user alice unshare -Ur "$GOCKER_SHELL" -c 'touch ~/ran'
refused "A1: traced" 'set-uid|root' as_user alice strace -qq -o /dev/null "$GOCKER_SHELL" -c 'touch ~/ran'
refused "root is refused unless the policy names it" 'root' "$GOCKER_SHELL" -c 'touch ~/ran'
check "nothing ran" test ! -e /home/alice/ran -a ! -e /root/ran
for args in '-x' '--help' '-c' '-c a b c d' 'file.sh' '-i -l -z'; do
	# shellcheck disable=SC2086
	run as_user alice "$GOCKER_SHELL" $args
	check "arguments that no login uses end, contained or refused: $args" test "$rc" -ne 0 -o -z "$out"
done
add_user nobody2 --home /nonexistent --no-home
refused "a home that does not exist" '/nonexistent' as_user nobody2 "$GOCKER_SHELL" -c 'echo ran'
refused "a uid without a name" 'uid|user' setpriv --reuid 54321 --regid 54321 --clear-groups "$GOCKER_SHELL" -c 'echo ran'

# Through ssh, and what the administrator is told (S21).
set_ini 'no_such_key = 1'
mark_syslog
refused "through ssh: exit 125, one line, nothing on stdout" 'gocker.ini' ssh_as alice 'echo ran'
logged() { gocker_log | grep -aq 'gocker.*alice\|gocker.*user'; }
check "syslog has a line for it" wait_until 60 logged
like "$(gocker_log)" 'no_such_key' "syslog has the reason"
run scp -O -q /etc/hostname alice@gocker:
isnt "$rc" 0 "scp sees a failure"
is "$out" "" "and nothing that it could take for its protocol"
run bash -c 'echo "echo ran" | ssh -T -l alice gocker'
is "$rc:$out" "125:" "a login without a command is refused the same way"
set_ini
is "$(ssh_as alice 'echo in')" in "and as soon as the configuration is right, logins work"
rm -f /home/alice/shell
check_clean "nothing of any refusal is left"
