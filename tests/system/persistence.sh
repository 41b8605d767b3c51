#!/bin/bash
# What stays of a session: the home. What does not: everything else.
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
add_user bob
set_ini
own_images
start_sshd
remember_host

fingerprint() { # of every file of the image: type, mode, owner, size, times, content
	(cd /var/lib/gocker/images/alpine && find . -printf '%p %y %m %U %G %s %T@ %C@ %l\n' | sort &&
		find . -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum
}

before=$(fingerprint)
run ssh_as alice 'echo mine >/tmp/f; echo mine >/home/alice/kept; cat /tmp/f'
is "$out" mine "a file can be written in /tmp"
run ssh_as alice 'ls /tmp/f 2>/dev/null; cat /home/alice/kept'
is "$out" mine "the next login has the home's file, not the one in /tmp"

# The root belongs to root: what users may write to are /tmp and the like; container root may more.
run "$GOCKER" run /bin/sh -c 'echo x >/etc/new; echo x >>/etc/motd; rm /bin/ls; chmod 777 /etc; cat /etc/new'
is "$out" x "container root can write all over the overlay"
run "$GOCKER" run /bin/sh -c 'ls -d /etc/new /bin/ls; stat -c %a /etc'
is "$out" $'/bin/ls\n755' "and the next session sees none of it"
is "$(fingerprint)" "$before" "the image is what it was, byte for byte, times and modes included"

# Two sessions of one user share the home, not the scratch space.
hold_session alice 'echo one >/tmp/which; echo one >/dev/shm/which; echo one >~/which'
run ssh_as alice 'ls /tmp /dev/shm; cat ~/which'
is "$out" $'/dev/shm:\n\n/tmp:\none' "a session at the same time has its own /tmp and /dev/shm, and the same home"
run ssh_as alice 'echo two >~/which'
is "$(cat /home/alice/which)" two "the home is the host's own directory"
drop_session

is "$(ssh_as bob 'ls /home')" bob "another user's home is not even there"
set_ini 'home = tmpfs'
run ssh_as alice 'ls -A ~; echo x >~/gone && cat ~/gone; stat -c %U ~; echo $HOME'
is "$out" $'x\nalice\n/home/alice' "home = tmpfs: an empty home of the user's own"
run ssh_as alice 'ls -A ~'
is "$out" "" "home = tmpfs: gone in the next login"
is "$(cat /home/alice/kept)" mine "home = tmpfs: the host's home is untouched"
set_ini 'home = none'
run ssh_as alice 'ls /home/alice 2>&1; pwd'
unlike "$out" 'kept' "home = none: the host's home is not there"
is "$(tail -n 1 <<<"$out")" / "home = none: a session starts in /"
is "$(fingerprint)" "$before" "the image is still what it was"
check_clean "nothing else is left"
