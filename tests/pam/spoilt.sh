#!/bin/bash
# A50: a spoilt gocker.ini: root and the break-glass group get in, contained users get one line.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
add_user alice
add_user rescue --shell /bin/bash --groups wheel
set_ini
stack gocker-sshd 'required pam_unix.so'
sed -i 's/pam_gocker.so.*/&  break_glass=wheel/' /etc/pam.d/gocker-sshd
start_sshd 'PermitRootLogin yes'
remember_host
is "$(ssh_as alice hostname)" gocker-container "(control) a sound file contains alice"
is "$(ssh_as rescue hostname)" throwaway "and the break-glass group is on the host"

spoil() { # NAME LINE
	set_ini "$2"
	run ssh_as alice hostname
	is "$rc:$(grep -c throwaway <<<"$out")" 254:0 "$1: a contained user runs nothing"
	is "$(grep -c '^gocker: ' <<<"$out$err")" 1 "$1: and gets one line"
	mark_syslog
	is "$(ssh_as root hostname)" throwaway "$1: root gets in"
	like "$(grep -a 'event=uncontained reason=root' "$GKT_SYSLOG" | tail -n 1)" '^<84>' "$1: which is logged at high priority"
	is "$(ssh_as rescue hostname)" throwaway "$1: the break-glass group gets in"
	like "$(grep -a 'reason=break_glass' "$GKT_SYSLOG" | tail -n 1)" '^<81>.*user="rescue"' "$1: which is an alert"
}
spoil "an unknown key" 'pids_maximum = 3'
spoil "an image that is not there" 'image = nothere'
spoil "a section twice over" '[nonsense:x]'
set_ini
chmod 666 /etc/gocker.ini
run ssh_as alice hostname
is "$rc" 254 "a file that others can write is not believed (A19)"
rm /etc/gocker.ini
mkfifo /etc/gocker.ini
run timeout 20 ssh -l alice gocker hostname
is "$rc" 254 "a FIFO in its place hangs nobody (A19)"
is "$(ssh_as root hostname)" throwaway "root gets in all the same"
rm /etc/gocker.ini
set_ini
like "$(ssh_as alice hostname)" gocker-container "a sound file again: alice is contained"
check_clean "nothing is left"
