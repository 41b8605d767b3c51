#!/bin/bash
# A session has namespaces of its own, and sees no process of the host.
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
add_user bob
set_ini
start_sshd
remember_host

ns_of() { # NAME, inside of a new session of $2
	ssh_as "$2" "readlink /proc/self/ns/$1"
}

# Numbers of namespaces are used again: one session is held while the other is looked at.
hold_session alice 'for n in mnt pid uts ipc cgroup net user; do readlink /proc/self/ns/$n; done'
for ns in mnt pid uts ipc cgroup; do
	held=$(grep "^$ns:" "$GKT_WORK/held")
	other=$(ns_of $ns bob)
	same_user=$(ns_of $ns alice)
	host=$(readlink /proc/self/ns/$ns)
	like "$held" "^$ns:\[[0-9]+\]$" "a session has a $ns namespace"
	isnt "$held" "$host" "the $ns namespace is not the host's"
	isnt "$held" "$other" "the $ns namespace is not another user's"
	isnt "$held" "$same_user" "the $ns namespace is not another session's of the same user"
done
is "$(grep ^net: "$GKT_WORK/held")" "$(readlink /proc/self/ns/net)" "network = host: the host's network"
is "$(grep ^user: "$GKT_WORK/held")" "$(readlink /proc/self/ns/user)" \
	"no user namespace: uids mean the same inside"

sleep 54321 &
marker=$!
run ssh_as bob 'ps -o pid,args'
unlike "$out" 54321 "a process of the host is not visible"
is "$(grep -c '^ *1 ' <<<"$out")" 1 "ps shows a process 1"
run ssh_as bob 'ls -d /proc/[0-9]* | wc -l'
check "the process list holds only the session's own: $out" test "$out" -le 5
run ssh_as bob 'echo $PPID; test $$ -ne 1 && echo not-first'
is "$out" $'1\nnot-first' "PID 1 is init and the shell its child"
run ssh_as bob "kill -0 $marker"
isnt "$rc" 0 "a process of the host can't be signalled"
check "the host's process is alive" kill -0 $marker
kill $marker
run ssh_as alice 'ps -o args | grep -c "[s]leep 1000"'
is "$out" 0 "another session's processes of the same user are not visible (A48)"
run ssh_as alice 'kill -9 -1; sleep 1; echo survived'
check "kill -9 -1 in one session leaves the other session of the user alone (A48)" \
	kill -0 "$held_init"

is "$(ssh_as bob hostname)" gocker-container "the host name is gocker-container"
is "$(hostname)" throwaway "the host's own name is what it was"
run ssh_as bob 'hostname other'
isnt "$rc" 0 "a user can't change the host name"
set_ini 'hostname = lab-7'
is "$(ssh_as bob hostname)" lab-7 "the host name is the policy's"

shm=$(ipcmk -M 4096 | sed 's/.*: //')
run ssh_as bob 'wc -l </proc/sysvipc/shm'
is "$out" 1 "the host's SysV shared memory is not visible (A40)"
ipcrm -m "$shm"
touch /dev/shm/host-marker
run ssh_as bob 'ls -A /dev/shm'
is "$out" "" "the host's POSIX shared memory is not visible (A40)"
rm /dev/shm/host-marker

run ssh_as bob 'cut -d: -f2- /proc/self/cgroup'
is "$(grep -v ':/$' <<<"$out")" "" "the session's cgroup is its root: no path of the host's shows (A33)"
run ssh_as bob 'find /sys -name cgroup.procs 2>/dev/null | wc -l'
is "$out" 0 "no cgroup file is visible (A33)"
drop_session
check_clean "namespaces and all are gone after the sessions"
