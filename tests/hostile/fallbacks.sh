#!/bin/bash
# timeout: 120
# Each newer system call denied in turn, as an older kernel or a filter around us denies it: the session
# comes out the same, or is refused with 125; nothing in between. All calls but those with a way
# round here are in the oldest kernel that gocker runs on (5.14), and are needed.
. "$(dirname "$0")/_lib.sh"
add_user alice --groups students
use_door shell
remember_host
probe='id; umask; ulimit -a; ulimit -Ha; grep -E "^(Cap|NoNew|Sig[BI])" /proc/self/status; ls -A ~ /dev; cat /etc/passwd /etc/group
	cut -d" " -f5- /proc/self/mountinfo | sed "s/fd.[0-9]*//g"; readlink /proc/self/ns/user; env | sort'
with() { run deny "$1" "$2" alice "$GOCKER_SHELL" -c "$probe"; }

with vhangup ENOSYS
reference=$out
like "$rc:$reference" '^0:uid=.*students.*NoNewPrivs:.1' "A5 control: with a call denied that nobody needs, a session"
optional='openat2 statx faccessat2 rseq getrandom clock_nanosleep memfd_secret landlock_restrict_self prlimit64'
required='close_range clone3 pidfd_open pidfd_send_signal open_tree mount_setattr move_mount pivot_root seccomp
	capset setns unshare keyctl memfd_create signalfd4 setresuid setresgid setgroups prctl socketpair mount umount2'
for call in $optional $required; do
	for error in ENOSYS EPERM; do
		with "$call" $error
		if [ "$rc" = 0 ]; then
			is "$out" "$reference" "A5 [shell]: $call denied ($error): the session is the same"
		else
			like "$rc:$out" '^(125:|127:)$' "A5 [shell]: $call denied ($error): refused, and nothing ran"
		fi
	done
done
for call in openat2 statx faccessat2; do
	with $call ENOSYS
	echo "# $call: $rc ${err:0:100}"
done
check_clean "A5 [shell]: nothing is left"
