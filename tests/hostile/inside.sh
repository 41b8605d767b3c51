#!/bin/bash
# timeout: 240
# From the inside: what a session can ask of the kernel, of the host and of other sessions.
. "$(dirname "$0")/_lib.sh"
. "$(dirname "$0")/_inside.sh"
add_user alice
add_user bob

walk_control() {
	run as_user alice /home/alice/syscalls
	is "$(grep -vc ' allowed$' <<<"$out")" 0 "A30 A32 control: outside no number is refused"
}

# Whether this kernel has 32-bit calls is asked of it outside, in two ways that must agree: by the instruction,
# and by a program. Where it has none there is nothing that a filter could refuse, here or for an attacker: inside
# the same must be seen. That the filters refuse the architecture is shown for every machine by test_seccomp.
foreign_calls=unknown
foreign_architectures_control() {
	[ "$(uname -m)" = x86_64 ] || return 0
	run as_user alice "$GKT_HELPERS/syscalls" arch
	case $(sed -n 's/^i386-getpid //p; s/^i386-program //p' <<<"$out" | paste -sd ' ') in
	"works works")
		foreign_calls=yes
		ok "A31 control: outside, 32-bit calls and programs work"
		;;
	"SIGSEGV ENOEXEC")
		foreign_calls=no
		skip "A31 control: outside, 32-bit calls and programs work" "this kernel has no 32-bit emulation"
		;;
	*) not_ok "A31 control: outside, the kernel has 32-bit calls or has none" "$out" ;;
	esac
}

foreign_architectures() {
	[ "$(uname -m)" = x86_64 ] || return 0
	local call=ENOSYS program=refused
	[ "$foreign_calls" != no ] || call=SIGSEGV program=ENOEXEC
	inside alice './syscalls arch'
	is "$(grep x32- <<<"$out")" "$(printf 'x32-%s ENOSYS\n' getpid socket execve)" \
		"A31 [$door]: every x32 call is answered with ENOSYS"
	is "$(grep i386- <<<"$out")" "$(printf "i386-%s $call\n" getpid ioctl mount unshare socketcall
		echo "i386-program $program")" "A31 [$door]: every 32-bit call is answered with $call, a 32-bit program's too"
}

# The container's root of `gocker run` is uid 0 to whoever listens on an abstract socket of the host.
abstract_sockets() {
	daemon python3 -c '
import os, signal, socket
if os.fork(): os._exit(0)
a = socket.socket(socket.AF_UNIX); a.bind("\0gkt-root"); a.listen()
open("/run/gkt/listener", "w").write(str(os.getpid()))
signal.pause()'
	wait_until 10 test -s /run/gkt/listener
	run "$GKT_HELPERS/try" abstract gkt-root
	is "$rc:$out" 0:done "A61 control: root outside reaches the host's abstract socket"
	local abi
	abi=$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))')
	run "$GOCKER" run -v /usr/local/libexec/gocker-tests:/mnt/t:ro /mnt/t/try abstract gkt-root
	if [ "$abi" -ge 6 ]; then
		is "$rc:$out" 1:EPERM "A61: the container's root in the host's network does not"
		unlike "$err" "abstract unix sockets" "A61: and nothing is said of it"
	else
		like "$(script -qec "$GOCKER run /bin/true" /dev/null)" 'abstract unix sockets' "A61: on a kernel without Landlock ABI 6 it is told"
	fi
	set_ini 'abstract_sockets = host'
	run "$GOCKER" run --user alice -v /usr/local/libexec/gocker-tests:/mnt/t:ro /mnt/t/try abstract gkt-root
	is "$rc:$out" 0:done "A61 control: a user, who is not uid 0 to it, does with abstract_sockets = host"
	run "$GOCKER" run -v /usr/local/libexec/gocker-tests:/mnt/t:ro /mnt/t/try abstract gkt-root
	[ "$abi" -lt 6 ] || is "$rc:$out" 1:EPERM "A61: and the container's root still does not"
	set_ini
	kill "$(cat /run/gkt/listener)"
	rm /run/gkt/listener
}

namespaces_control() {
	for how in mmap memfd; do
		run as_user alice /home/alice/try huge $how
		like "$out" '^(done|ENOMEM|EINVAL|ENOSYS)$' "A35 control: outside, only a lack of huge pages keeps them from $how: $out"
	done
	run as_user alice /home/alice/try socket 2 1 132
	like "$out" '^(done|EPROTONOSUPPORT)$' "A32 control: outside, the kernel is asked for SCTP: $out"

	check "A30 control: outside, a user namespace can be had" as_user alice /home/alice/try unshare 0x10000000
	check "A30 control: outside, clone takes CLONE_NEWUSER" as_user alice /home/alice/try clone 0x10000000
	check "A30 control: outside, a clone3 works" as_user alice /home/alice/try clone3 0
	check "A30 control: root outside can chroot out of a chroot" \
		unshare -m "$GKT_HELPERS/try" chroot-escape /etc/gocker.ini
	run "$GOCKER" run -v /usr/local/libexec/gocker-tests:/mnt/t:ro /mnt/t/try chroot-escape /etc/gocker.ini
	unlike "$out" "done" "A30: the container's root may chroot, and does not get out by it"
}

proc_window() {
	local file
	for file in kcore keys key-users kmsg kallsyms timer_list sched_debug vmallocinfo kpagecount latency_stats locks; do
		inside alice "test -e /proc/$file || echo absent; head -c 1 /proc/$file 2>/dev/null | wc -c"
		like "$out" '^(absent.)?0$' "A37 [$door]: /proc/$file tells nothing"
	done
	for file in sysrq-trigger sys/kernel/core_pattern sys/kernel/modprobe sys/kernel/hostname \
		sys/vm/drop_caches irq/default_smp_affinity dynamic_debug/control; do
		inside alice "test -e /proc/$file || exit 9; echo x >/proc/$file"
		like "$rc" '^[129]$' "A37 [$door]: /proc/$file can't be written"
		run "$GOCKER" run /bin/sh -c "test -e /proc/$file || exit 9; echo 0 >/proc/$file"
		like "$rc:$err" '^(9:|[12]:.*(Read-only|ermission))' "A37: nor by a container's root"
	done
	inside alice 'ls -d /proc/[0-9]* | wc -l'
	check "A37 [$door]: only the session's own processes are in /proc: $out" test "$out" -le 6
	domainname site.example
	inside alice 'cat /proc/sys/kernel/domainname'
	is "$out" "(none)" "A37 [$door]: the host's NIS domain name is not told"
	is "$(cat /proc/sys/kernel/domainname)" site.example "A37 [$door] control: outside it is"
	hold_session alice
	check "A37 [$door] control: outside, /proc/locks has the lock of a session" grep -q ' OFDLCK .*:' /proc/locks
	drop_session
	inside alice 'cat /proc/self/mountinfo'
	# At its own path inside stands the PAM door's entry stub, a file of the host's on purpose.
	unlike "$(grep -v " $GOCKER_SHELL " <<<"$out")" 'gkt-host|/gocker |/var/lib/gocker|/run/gocker' "A37 [$door]: mountinfo tells no place of the host's"
	inside alice 'ls -A /sys; find / -name release_agent 2>/dev/null; grep -E -- "- (cgroup|sysfs)" /proc/self/mountinfo'
	is "$out" "" "A33 [$door]: there is no sysfs, no cgroup file, no release_agent"
	inside alice 'cut -d: -f3 /proc/self/cgroup | sort -u'
	is "$out" / "A33 [$door]: the cgroup has no path"
	check "A33 control: outside there are cgroup files" test -e "$PIDS_CGROUP/cgroup.procs"
	check "A37 control: outside, /proc/timer_list or /proc/kallsyms speaks" sh -c 'head -c 1 /proc/kallsyms | grep -q .'
}

# Two sessions of one user: what one holds open, the other can't take. The bomb goes off when the test says so.
no_service() { ! grep -q ' /home/alice/service$' /proc/net/unix; }
between_sessions() {
	rm -f /home/alice/service /home/alice/go
	hold_session alice './try listen ~/service & until grep -q "00010000 .*/service$" /proc/net/unix; do sleep 0.1; done
		sleep 4321 & (until test -e ~/go; do sleep 0.1; done; b() { b | b & }; b) 2>/dev/null &' || return
	inside alice 'cat /proc/[0-9]*/cmdline | tr "\0" " "'
	unlike "$out" 4321 "A48 [$door]: the other session's processes are not visible"
	inside alice 'kill -9 -1; sleep 0.3; true'
	check "A48 [$door]: kill -9 -1 ends only one's own session" kill -0 "$held_init"
	denied A48 "a descriptor of the other session's process can't be taken (SO_PEERPIDFD, pidfd_getfd)" \
		alice 'EPERM|ENOPROTOOPT' './try steal ~/service'
	# What the other does with all its tasks is its own limit's business.
	as_user alice touch /home/alice/go
	wait_until 60 grep -q 'max [1-9]' "$(session_leaves "$(uid_of alice)" | head -n 1)/pids.events"
	inside alice 'for i in 1 2 3 4 5; do sleep 0.1 & done; wait; echo fine'
	is "$out" fine "A34 A48 [$door]: nor does a full session take the other's tasks"
	inside alice 'ls -A /tmp /dev/shm | grep -v :; ls /dev/pts'
	unlike "$out" '^[0-9]' "A40 [$door]: nor its /tmp, shared memory or terminals"
	denied A48 "nor is it reached by a signal to such a pidfd" alice 'EINVAL|ENOPROTOOPT' './try steal ~/service 9'
	drop_session
	rm -f /home/alice/service /home/alice/go
	# The session's own, of the same name, is seen until its last process is gone.
	wait_until 60 no_service
	setpriv --reuid alice --regid alice --init-groups "$GKT_HELPERS/try" listen /home/alice/service >/dev/null &
	local pid=$!
	wait_until 60 grep -q '00010000 .*/home/alice/service$' /proc/net/unix
	run as_user alice /home/alice/try steal /home/alice/service
	if [[ $out == ENOPROTOOPT* ]]; then
		skip "A48 control: outside, a descriptor can be taken that way" "no SO_PEERPIDFD before Linux 6.5"
	else
		is "$out" "done" "A48 control: outside, a descriptor can be taken that way"
	fi
	denied A48 "a process of the host's is not reached by a signal to its pidfd" alice 'EINVAL|ENOPROTOOPT' './try steal ~/service 9'
	denied A48 "a descriptor of a process of the host can't be taken" alice 'EPERM|ENOPROTOOPT' './try steal ~/service'
	run as_user alice /home/alice/try steal /home/alice/service 9
	[[ $out == ENOPROTOOPT* ]] || is "$out" "done" "A48 control: outside, a signal reaches it that way"
	{ kill $pid; wait $pid; } 2>/dev/null
	rm -f /home/alice/service
}

outliving() {
	inside alice '(setsid sh -c "trap \"\" HUP TERM INT; sleep 5432" >/dev/null 2>&1 </dev/null &) ; nohup sleep 5432 >/dev/null 2>&1 & exit 0'
	check "A41 [$door]: nothing outlives the logout" wait_until 60 sh -c '! pgrep -x sleep -a | grep 5432'
	run as_user alice sh -c '(setsid sleep 5432 >/dev/null 2>&1 </dev/null &)'
	# By its own name: until it has that, pkill does not find it.
	check "A41 control: outside, it does" wait_until 60 sh -c 'pgrep -x sleep -a | grep 5432'
	pkill -U alice -x sleep
}

terminals() {
	bring bob try
	start_master bob
	local most
	most=$("$GOCKER" explain --plan bob | sed -n 's/^limit terminals_max //p')
	run ssh_over bob './try ptys'
	is "$(grep -m 1 -o '[0-9]*' <<<"$out")" "$most" \
		"A72 [$door]: a session gets as many of the host's terminals as the plan says, ${most:=0}, and no more [limit session_terminals hog]"
	check "A72 [$door]: all sessions of a user together get half of those that containers have, at most" \
		test "$most" -gt 0 -a $((most * 16)) -le 1536
	stop_master bob
	run "$GKT_HELPERS/try" ptys
	check "A72 control: outside, one process gets many more: $out" test "$out" -gt 128
}

descriptors() {
	local hard
	hard=$(ulimit -Hn)
	[ "$hard" != unlimited ] && [ "$hard" -lt 16384 ] || hard=16384
	inside alice 'ulimit -Hn; ulimit -n 70000 2>/dev/null && echo raised; exec sh -c "ulimit -Hn"'
	is "$out" "$hard"$'\n'"$hard" "A73 [$door]: a process has the policy's number of descriptors at most, and cannot raise it [limit nofile hog]"
	set_ini 'nofile = 99'
	inside alice 'ulimit -Sn; ulimit -Hn'
	is "$out" $'99\n99' "A73 [$door]: a soft limit above it goes down with it"
	set_ini 'nofile = none'
	inside alice 'ulimit -Hn'
	is "$out" "$(ulimit -Hn)" "A73 [$door] control: nofile = none leaves the daemon's"
	set_ini
}

core_and_env() {
	local limits="awk '/core file/ { print \$5, \$6 }' /proc/self/limits"
	inside alice "$limits"
	is "$out" "1 1" "A45 [$door]: a core limit of 1, soft and hard: no file, no handler of the host's"
	inside alice "ulimit -Sc 0; ulimit -c 0; $limits; ulimit -c unlimited; $limits"
	is "$out" $'1 1\n1 1' "A45 [$door]: and none can have it otherwise, not even lower"
	run as_user alice bash -c "ulimit -Sc 0; $limits"
	like "$out" '^0 ' "A45 control: outside, it can be lowered"
	check "A45 control: outside, the hard limit can be other than 0" sh -c 'ulimit -Hc | grep -qv "^0$"'
}

# A daemon that has a filter and no_new_privs already hands both on: gocker's own filter comes on top.
hardened_daemon() {
	stack gkt-hardened
	run hardened pamdrive gkt-hardened alice open user "exec $GOCKER_SHELL -c '/home/alice/try keyctl 0 -4
		ulimit -Sc 0; ulimit -c 0; grep -o \"core file size *[0-9]* *[0-9]*\" /proc/self/limits; grep Seccomp_filters /proc/self/status'" close
	is "$(tr -s ' \n\t' '   ' <<<"$out")" "open: 0 EPERM core file size 1 1 Seccomp_filters: 3 run: 0 close: 0 " \
		"A32 A45 [$door]: from a daemon with a filter of its own: gocker's is on top of it"
	run hardened pamdrive gkt-hardened alice open user '/home/alice/try keyctl 0 -4' close
	like "$out" "done" "A32 [$door] control: without the entry stub keys are not refused"
}

network_none() {
	use_door "$door" 'network = none'
	daemon python3 -c '
import os, signal, socket
if os.fork(): os._exit(0)
a = socket.socket(socket.AF_UNIX); a.bind("\0gkt-abstract"); a.listen()
b = socket.socket(); b.bind(("127.0.0.1", 3999)); b.listen()
open("/run/gkt/listener", "w").write(str(os.getpid()))
signal.pause()'
	wait_until 60 test -s /run/gkt/listener
	inside alice 'cat /proc/net/unix | grep -c gkt-abstract; nc -w 1 127.0.0.1 3999 </dev/null; echo $?'
	is "$out" $'0\n1' "A39 [$door]: network = none: no abstract socket, no loopback service of the host"
	use_door "$door"
	inside alice 'cat /proc/net/unix | grep -c gkt-abstract; nc -w 1 127.0.0.1 3999 </dev/null; echo $?'
	is "$out" $'1\n0' "A39 [$door] control: with the host's network both can be reached"
	kill "$(cat /run/gkt/listener)"
	rm /run/gkt/listener
}

foreign_architectures_control
for a_door in $(doors); do
	use_door "$a_door"
	bring alice syscalls try
	remember_host
	walk_syscalls
	foreign_architectures
	start_master alice
	inside() { run timeout 60 ssh -l "$1" -o "ControlPath=$GKT_WORK/master-$1" gocker "${@:2}"; }
	namespaces
	kernel_doors
	proc_window
	own_processes
	core_and_env
	stop_master alice
	inside() { run timeout 60 ssh -l "$1" gocker "${@:2}"; }
	between_sessions
	outliving
	terminals
	descriptors
	[ "$door" = shell ] || hardened_daemon
	network_none
	check_clean "A41 [$door]: nothing of all that is left"
done
walk_control
namespaces_control
abstract_sockets
