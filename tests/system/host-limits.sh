#!/bin/bash
# timeout: 180
# image = host: tasks, memory, what can be written in the root, and the network are limited as in an image, through both
# doors.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../pam/_stack.sh"
need_product
need perl python3
add_user alice
set_ini 'image = host'
stack gt
install -m 755 "$GKT_HELPERS/threads" /home/alice/threads
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 7000, Listen => 5, ReuseAddr => 1) or die;
	while (my $c = $s->accept) { print $c "the host\n" }' &
server=$!
wait_until 60 grep -q ':1B58 00000000:0000 0A' /proc/net/tcp
remember_host

session() { # CMD
	case $door in
	shell) run as_user alice "$GOCKER_SHELL" -c "$1" ;;
	pam)
		run pamdrive gt alice open try "$1" close
		err=$(sed -n 's/^said: //p' <<<"$out")$err
		if grep -qx 'open: 0' <<<"$out"; then rc=0; else rc=125; fi
		out=$(grep -v '^\(open\|run\|close\|said\): ' <<<"$out")
		;;
	esac
}
# Megabytes that fit into a file there, of 40; whatever the tool says.
fill='f() { dd if=/dev/zero of=$1/f bs=1M count=40 2>/dev/null; stat -c %s $1/f; rm -f $1/f; }'
many='python3 -c "
import os
try:
    for i in range(2000): os.close(os.open(\"/var/tmp/%d\" % i, os.O_CREAT | os.O_WRONLY))
except OSError: pass
print(len(os.listdir(\"/var/tmp\")))"'
reach='python3 -c "import socket; print(socket.create_connection((\"127.0.0.1\", 7000), 5).recv(99).decode().strip())" 2>&1 | tail -n 1'

for door in shell pam; do
	# The PAM door has room for sshd's side of the user, which pamdrive has not.
	extra=0
	[ "$door" = shell ] || extra=1
	set_ini 'image = host' 'pids_max = 100'
	session "exec ~alice/threads 60"
	is "$out" 60 "control [$door]: 60 tasks are no trouble"
	for n in 5 20; do
		set_ini 'image = host' "pids_max = $n"
		session "exec ~alice/threads 60"
		is "$out" "$((n + extra))" "[$door] pids_max = $n: so many tasks, and no more"
	done
	set_ini 'image = host' 'pids_max = 50' 'user_pids_max = 12'
	session "exec ~alice/threads 60"
	is "$out" 12 "[$door] user_pids_max = 12: so many"

	if [ "$GKT_CGROUP" = unified ]; then
		set_ini 'image = host' 'memory_max = 64M' 'memory_swap_max = 0'
		session 'python3 -c "b = bytearray(200 << 20); print(len(b))"; echo after'
		is "$out" after "[$door] memory_max: what does not fit is killed, and the session goes on"
		set_ini 'image = host' 'memory_max = 512M'
		session 'python3 -c "b = bytearray(200 << 20); print(len(b))"'
		is "$out" $((200 << 20)) "control [$door]: what fits runs"
	else
		set_ini 'image = host' 'memory_max = 64M'
		session 'echo ran'
		is "$rc:$out" 125: "[$door] memory_max: a host without cgroup v2 refuses, and does not run without the limit"
		like "$err" 'memory_max' "[$door] and says so"
	fi

	set_ini 'image = host'
	session "$fill; f /var/tmp; f /tmp"
	is "$out" $((40 << 20))$'\n'$((40 << 20)) "control [$door]: 40 megabytes fit into /var/tmp and /tmp"
	set_ini 'image = host' 'root_size = 8M' 'tmp_size = 4M'
	session "$fill; f /var/tmp; f /tmp"
	mapfile -t size <<<"$out"
	check "[$door] root_size = 8M: ${size[0]} bytes fit into /var/tmp" test "${size[0]}" -gt 1000000 -a "${size[0]}" -le $((8 << 20))
	check "[$door] tmp_size = 4M: ${size[1]} into /tmp" test "${size[1]}" -gt 1000000 -a "${size[1]}" -le $((4 << 20))
	set_ini 'image = host' 'root_inodes = 400'
	session "$many"
	check "[$door] root_inodes = 400: $out files, and no more" test "$out" -gt 10 -a "$out" -lt 400
	set_ini 'image = host'
	session "$many"
	is "$out" 2000 "control [$door]: without it, 2000"

	set_ini 'image = host' 'root = readonly'
	session 'for d in / /usr /etc /var/tmp /run/lock /opt; do touch $d/x 2>&1; done | grep -vc "Read-only"; touch ~alice/x /tmp/x && echo home'
	is "$out" $'0\nhome' "[$door] root = readonly: nothing but the home and /tmp can be written"
	set_ini 'image = host'
	session 'touch /var/tmp/x && echo written; touch /usr/x /opt/x 2>&1 | grep -c "Read-only"'
	is "$out" $'written\n2' "[$door] root = overlay: what is the session's own can be, and the host's parts still can't"
	check_not "[$door] and nothing of it is on the host" test -e /var/tmp/x

	session "$reach"
	is "$out" "the host" "control [$door]: with the host's network a session reaches its services"
	set_ini 'image = host' 'network = none'
	session "$reach; sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev"
	is "$out" "ConnectionRefusedError: [Errno 111] Connection refused"$'\nlo' "[$door] network = none: it does not, and has a loopback of its own alone"
done
kill "$server"
check_clean "nothing is left"
