#!/bin/bash
# timeout: 240
# Each newer system call denied in turn, as an older kernel or a filter around us denies it: the session
# comes out the same where there is a way round, and is refused where the call is needed: the oldest
# kernel that gocker runs on (5.14) has those. Which is which is written down here.
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
# A kernel without Landlock's scopes has none to put in force; where it says that it has some, it must.
abi=$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))')
landlock_spared=landlock_create_ruleset landlock_needed=
if [ "$abi" -ge 6 ]; then landlock_needed=landlock_restrict_self; else landlock_spared+=' landlock_restrict_self'; fi
spared="statx faccessat2 rseq clock_nanosleep memfd_secret $landlock_spared pidfd_send_signal setns"
needed="$landlock_needed openat2 getrandom prlimit64 close_range clone3 pidfd_open open_tree mount_setattr move_mount pivot_root
	seccomp capset unshare memfd_create signalfd4 setresuid setresgid setgroups prctl socketpair mount umount2"
goes_on() { # CALL ERROR
	with "$1" "$2"
	is "$rc:$out" "0:$reference" "A5 [shell]: $1 denied ($2): the session is the same"
}
is_refused() {
	with "$1" "$2"
	like "$rc:$out" '^(125:|127:)$' "A5 [shell]: $1 denied ($2): refused, and nothing ran"
}
for error in ENOSYS EPERM; do
	for call in $spared; do goes_on "$call" $error; done
	for call in $needed; do is_refused "$call" $error; done
done
# A kernel may be built without keyrings; where there are some, a session gets its own.
goes_on keyctl ENOSYS
is_refused keyctl EPERM
check_clean "A5 [shell]: nothing is left"

# The same behind the PAM door, where the calls are the application's, its keeper's and init's.
for _ in $(doors | grep pam); do
	stack gt
	# libpam takes this where it can't read the service's own file.
	printf '%s required pam_deny.so\n' auth account password session >/etc/pam.d/other
	remember_host
	with() { run deny "$1" "$2" root "$(command -v pamdrive)" gt alice open try "cd; $probe" close; }
	with vhangup ENOSYS
	reference=$out
	like "$reference" $'^open: 0\nuid=.*students.*\nrun: 0\nclose: 0$' "A5 control: an application's session with a call denied that nobody needs"
	for error in ENOSYS EPERM; do
		for call in faccessat2 rseq clock_nanosleep memfd_secret $landlock_spared; do
			with "$call" $error
			is "$rc:$out" "0:$reference" "A5 [pam]: $call denied ($error): the session is the same"
		done
		# The children of an application whose session is open go inside, or end with 254.
		for call in $landlock_needed; do
			with "$call" $error
			is "$rc:$out" $'0:open: 0\nrun: 254\nclose: 0' "A5 [pam]: $call denied ($error): nothing ran"
		done
		for call in statx setns ${needed/$landlock_needed/}; do
			with "$call" $error
			is "$(grep -cx 'open: 6' <<<"$out"):$(grep -c '^said: gocker: ' <<<"$out"):$(grep -cE '^(uid=|run:)' <<<"$out")" 1:1:0 \
				"A5 [pam]: $call denied ($error): refused with one line, and nothing ran"
		done
	done
	check_clean "A5 [pam]: nothing is left"
	# The keeper is asked to end by a signal. An application that may send none has it killed.
	with pidfd_send_signal ENOSYS
	is "$rc:$out" "0:${reference%0}14" "A5 [pam]: pidfd_send_signal denied: the session is the same, and the close says that it had to kill"
	wait_until 20 no_sessions
	"$GOCKER" gc >/dev/null
	check_clean "A5 [pam]: gc sweeps what a killed keeper leaves"
done
