#!/bin/bash
# timeout: 120
# Least privilege, shown: what the parts that stay hold, and how the programs are built.
. "$(dirname "$0")/_lib.sh"
need readelf
add_user alice
add_user bob
use_door shell
remember_host

status() { awk -v key="$2:" '$1 == key { $1 = ""; print substr($0, 2) }' "/proc/$1/status"; }
fds_of() { # PID: what each descriptor is, without numbers of its own
	local fd
	for fd in "/proc/$1/fd/"*; do readlink "$fd"; done |
		sed -E 's/:\[[0-9]+\]//; s|u[0-9]+/[0-9a-f]{12}|u/LEAF|; s|gocker/u[0-9]+$|gocker/u|; s|u/[0-9]+/[0-9]+$|u/UID/PLACE|' | sort | tr '\n' ' '
}

hold_session alice
for who in supervisor init; do
	pid=held_$who
	pid=${!pid}
	is "$(status "$pid" Uid)" "0 0 0 0" "A41: $who has uid 0"
	want=0000000000000000
	[ $who = supervisor ] || want=0000000000000020
	is "$(status "$pid" CapEff)$(status "$pid" CapPrm)" $want$want "A41: $who: capabilities $want"
	is "$(status "$pid" CapInh)$(status "$pid" CapAmb)" 00000000000000000000000000000000 "A41: $who: none to pass on"
	is "$(status "$pid" NoNewPrivs)$(status "$pid" Seccomp)" 12 "A41: $who: no_new_privs, and a filter of its own"
	is "$(stat -c %U "/proc/$pid/fd")" root "A12: $who is not dumpable"
	like "$(awk '/Max core/ { print $5, $6 }' "/proc/$pid/limits")" '^1 1' "A12 A45: $who has no core file, and no handler of the host's is run for it"
	run as_user alice "$GKT_HELPERS/try" ptrace "$pid"
	is "$out" EPERM "A12 [shell]: the user can't trace $who"
	run as_user alice "$GKT_HELPERS/try" readmem "$pid"
	is "$out" EPERM "A12 [shell]: nor read its memory"
	for signal in 9 15 19; do
		run as_user alice "$GKT_HELPERS/try" kill "$pid" $signal
		is "$out" EPERM "A41 [shell]: nor send it signal $signal"
	done
done
setpriv --reuid alice --regid alice --init-groups sleep 60 &
sleeper=$!
wait_until 5 sh -c "grep -q '^Uid:.*$(uid_of alice)' /proc/$sleeper/status"
run as_user alice "$GKT_HELPERS/try" kill $sleeper 19
is "$out" "done" "A41 control: a process of the user's own is stopped"
kill -9 $sleeper
wait $sleeper 2>/dev/null

# Without a terminal: three times nothing, the log, the session's cgroup (base, user, leaf), the number
# of its limit hits, its place, the caller and init, the status socket, the signals.
is "$(fds_of "$held_init")" "/dev/null /dev/null /dev/null socket " "A7 [shell]: init holds its status socket alone"
got=$(fds_of "$held_supervisor")
echo "# supervisor: $got"
unlike "$got" 'pipe|pts|/home|/etc|/proc|mnt|images/[^ ]*root' "A7 [shell]: the supervisor holds none of the user's descriptors, no directory of the user's"
check "A7 [shell]: the supervisor holds no more than 15 descriptors: $(wc -w <<<"$got")" test "$(wc -w <<<"$got")" -le 15
unlike "$(tr ' ' '\n' <<<"$got" | grep -vE '^(/dev/null|socket|anon_inode:.(pidfd|signalfd).|.*/gocker(/u(/LEAF(/pids.events)?)?)?|/run/gocker/.*PLACE|/sys/fs/cgroup.*|/u/LEAF.*|/gocker.*|)$' | tr '\n' ' ')" \
	'[a-z]' "A7 [shell]: each is a pidfd, a socket, a signal fd, part of its cgroup, or its place"
ns_same=yes
for ns in pid mnt net user; do
	[ "$(readlink "/proc/$held_supervisor/ns/$ns")" = "$(readlink /proc/self/ns/$ns)" ] || ns_same=no
done
is $ns_same yes "A42 [shell]: the supervisor is outside of the session's namespaces"
drop_session
check_clean "A41 [shell]: nothing is left"

# What is installed.
is "$(cd "$GKT_TOP/build/tests/stage" 2>/dev/null && find . -perm /6000 -type f)" "./usr/local/bin/gocker-shell" \
	"A43: exactly one installed file is set-uid, and none set-gid"
is "$(stat -c '%a %U:%G' "$GOCKER_SHELL")" "4755 root:root" "A43: it is root's, mode 4755"
# libc alone: iniparser is linked in, the filters are made at build time, no PAM, no JSON, no archive.
is "$(readelf -d "$GOCKER_SHELL" | awk -F'[][]' '/NEEDED/ { print $2 }' | tr '\n' ' ')" "libc.so.6 " \
	"A8: the set-uid program's libraries: libc alone"
check_not "A8: no RPATH or RUNPATH" sh -c "readelf -d $GOCKER_SHELL | grep -E 'RPATH|RUNPATH'"
for program in "$GOCKER_SHELL" "$GOCKER" /usr/local/libexec/gocker/*; do
	[ "$(head -c 4 "$program" 2>/dev/null)" = $'\177ELF' ] || continue
	name=$(basename "$program")
	header=$(readelf -hlW "$program") dynamic=$(readelf -dW "$program") symbols=$(readelf -sW "$program")
	like "$(grep 'Type: ' <<<"$header")" DYN "A13: $name is position-independent"
	like "$header" 'GNU_STACK.* RW +0x' "A13: $name: no executable stack"
	unlike "$header" 'LOAD.* RWE ' "A13: $name: nothing writable and executable"
	if [[ $dynamic == *"(NEEDED)"* ]]; then
		like "$header" GNU_RELRO "A13: $name: relro"
		like "$dynamic" 'BIND_NOW|FLAGS_1.*NOW' "A13: $name: bound at once"
		like "$symbols" __stack_chk_fail "A13: $name: stack protector"
		like "$symbols" '_chk@' "A13: $name: fortified"
	fi
done
printf 'int main(void){return 0;}\n' | cc -x c -no-pie -z execstack -z norelro -o /tmp/weak - 2>/dev/null
unlike "$(readelf -hlW /tmp/weak)" 'Type: +DYN|GNU_RELRO' "A13 control: a program built without these is seen"
