#!/bin/bash
# timeout: 420
# Landlock: which ports a session may use (A71), and the host's abstract unix sockets (A61), through both doors,
# by every way to a TCP connection that Landlock by itself does not see. Where the kernel cannot, a policy is
# refused, never ignored.
. "$(dirname "$0")/_lib.sh"
need python3
add_user alice
abi=$(python3 -c 'import ctypes; print(max(0, ctypes.CDLL(None).syscall(444, None, 0, 1)))')
mount_try=(-v /usr/local/libexec/gocker-tests:/mnt/t:ro)

# The host's services on loopback: 3101, which the policy allows, and 3102.
daemon python3 -c '
import os, signal, socket, threading
if os.fork(): os._exit(0)
def serve(s):
    while True:
        c, _ = s.accept()
        try: c.sendall(b"host-service\n")
        except OSError: pass
        c.close()
for port in (3101, 3102):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port)); s.listen(64)
    threading.Thread(target=serve, args=(s,), daemon=True).start()
a = socket.socket(socket.AF_UNIX); a.bind("\0gkt-stream"); a.listen(64)
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind("\0gkt-datagram")
open("/run/gkt/listener.new", "w").write(str(os.getpid()))
os.rename("/run/gkt/listener.new", "/run/gkt/listener")
signal.pause()'
wait_until 60 test -s /run/gkt/listener

allowed() { # ID TEXT CMD
	inside alice "$3"
	is "$rc:$out" 0:done "$1 [$door]: $2"
}

ports() {
	use_door "$door" 'tcp_connect = 3101' 'tcp_bind = 3201-3203 3300'
	start_master alice
	inside() { run timeout $((60 * ${GKT_SLOW:-1})) ssh -l "$1" -o "ControlPath=$GKT_WORK/master-$1" gocker "${@:2}"; }
	allowed A71 "a connection to a port that tcp_connect allows [limit tcp_connect beside]" './try tcp 3101'
	denied A71 "to another port [limit tcp_connect hog]" alice EACCES './try tcp 3102'
	denied A71 "by MPTCP" alice EPROTONOSUPPORT './try tcp 3102 mptcp'
	denied A71 "by MSG_FASTOPEN of sendto" alice EOPNOTSUPP './try tcp 3102 fastopen'
	denied A71 "of sendmsg" alice EOPNOTSUPP './try tcp 3102 msg'
	denied A71 "of sendmmsg" alice EOPNOTSUPP './try tcp 3102 mmsg'
	denied A71 "by TCP_FASTOPEN_CONNECT" alice EACCES './try tcp 3102 deferred'
	denied A71 "an upper layer on the socket" alice ENOENT './try ulp tls'
	denied A71 "io_uring, which could do all of that" alice 'ENOSYS|EPERM' './try io-uring'
	allowed A71 "a port that tcp_bind allows is bound [limit tcp_bind beside]" './try bind 3202'
	allowed A71 "and the last one on its list" './try bind 3300'
	denied A71 "another one is not [limit tcp_bind hog]" alice EACCES './try bind 3204'
	denied A71 "nor one that the kernel chooses" alice EACCES './try bind 0'
	denied A71 "nor by MPTCP" alice EPROTONOSUPPORT './try bind 3204 mptcp'
	stop_master alice
	inside() { run timeout $((60 * ${GKT_SLOW:-1})) ssh -l "$1" gocker "${@:2}"; }

	use_door "$door" 'tcp_connect = none' 'tcp_bind = none'
	denied A71 "tcp_connect = none" alice EACCES './try tcp 3101'
	denied A71 "tcp_bind = none" alice EACCES './try bind 3202'

	use_door "$door" 'tcp_bind = 1024-65535'
	allowed A71 "tcp_bind = 1024-65535: a high port" './try bind 3204'
	allowed A71 "one that the kernel chooses" './try bind 0'
	denied A71 "a low port" alice EACCES './try bind 1023'

	use_door "$door"
	for how in '' mptcp fastopen msg mmsg deferred; do
		allowed "A71 control" "without the keys: ${how:-connect}" "./try tcp 3102 $how"
	done
	allowed "A71 control" "and any port is bound" './try bind 3204'
	allowed "A71 control" "also by MPTCP" './try bind 3204 mptcp'
	for how in mptcp fastopen; do
		allowed "A71 control" "Landlock alone lets $how by" "./try landlock-alone 3102 $how"
	done
	denied "A71 control" "and nothing else" alice EACCES './try landlock-alone 3102'
}

# What the PAM door's daemon does for the user itself, and programs without gocker's filter.
beside_the_shell() {
	use_door pam 'tcp_connect = 3101' 'tcp_bind = 3202'
	is "$(timeout 60 ssh -l alice -W 127.0.0.1:3101 gocker </dev/null 2>/dev/null)" host-service "A71 [pam]: a forward to a port that is allowed"
	is "$(timeout 60 ssh -l alice -W 127.0.0.1:3102 gocker </dev/null 2>/dev/null)" "" "A71 [pam]: and to another: nothing"
	check "A71 [pam]: a remote forward from a port that is allowed" \
		timeout 60 ssh -l alice -o ExitOnForwardFailure=yes -R 3202:127.0.0.1:9 gocker true
	check_not "A71 [pam]: and from another" \
		timeout 60 ssh -l alice -o ExitOnForwardFailure=yes -R 3204:127.0.0.1:9 gocker true
	stack gt
	as_daemon_starts() { run pamdrive gt alice open user "cd /home/alice; $1; grep Seccomp_filters /proc/self/status" close; }
	for pair in '3102=EACCES' '3102 mptcp=EPROTONOSUPPORT' '3102 fastopen=EOPNOTSUPP' '3101=done'; do
		as_daemon_starts "./try tcp ${pair%=*}"
		is "$(tr -s '\n\t' '  ' <<<"$out")" "open: 0 ${pair#*=} Seccomp_filters: 2 run: 0 close: 0 " \
			"A71 [pam]: without the entry stub: tcp ${pair%=*}"
	done
	as_daemon_starts './try io-uring'
	like "$out" ENOSYS "A71 [pam]: without the entry stub: io_uring"
	set_ini
	as_daemon_starts './try tcp 3102 mptcp'
	is "$(tr -s '\n\t' '  ' <<<"$out")" "open: 0 done Seccomp_filters: 1 run: 0 close: 0 " "A71 control: without the keys there is a filter less"

	set_ini 'tcp_connect = 3101'
	sed "s,narrow=,whole=," /etc/pam.d/gt >/etc/pam.d/gt-whole
	run pamdrive gt-whole alice open try id close
	like "$out" $'said: gocker: tcp_connect and tcp_bind cannot be enforced for a program .*whole=' "A71 [pam]: who enters by itself is refused"
	unlike "$out" uid= "A71 [pam]: and nothing ran"
}

abstract_sockets() {
	use_door "$door"
	start_master alice
	inside() { run timeout $((60 * ${GKT_SLOW:-1})) ssh -l "$1" -o "ControlPath=$GKT_WORK/master-$1" gocker "${@:2}"; }
	denied A61 "a user does not reach the host's abstract socket" alice EPERM './try abstract gkt-stream'
	denied A61 "nor one without a connection" alice EPERM './try abstract gkt-datagram datagram'
	ssh_over alice './try listen-abstract own' >"$GKT_WORK/own" 2>&1 &
	local own=$!
	wait_until 60 grep -q listening "$GKT_WORK/own"
	if [ "$door" = pam ]; then
		# One session: its commands are of one domain.
		allowed A61 "the session's own abstract socket is reached by its other commands" './try abstract own'
		inside alice 'kill $(pgrep -f listen-abstrac[t])'
		wait "$own"
		is "$rc" 0 "A61 [$door]: and one of them is ended by another"
	else
		denied A61 "another session's is not" alice EPERM './try abstract own'
		end_client "$own"
	fi
	inside alice './try listen-abstract own2 >/tmp/o & until grep -q listening /tmp/o; do sleep 0.1; done; ./try abstract own2; kill $!'
	is "$out" "done" "A61 [$door]: a command reaches the abstract sockets of its own programs"
	stop_master alice
	inside() { run timeout $((60 * ${GKT_SLOW:-1})) ssh -l "$1" gocker "${@:2}"; }
	use_door "$door" 'abstract_sockets = host'
	allowed "A61 control" "with abstract_sockets = host it does" './try abstract gkt-stream'
	allowed "A61 control" "and the other one as well" './try abstract gkt-datagram datagram'
}

# The administrator's commands in a session: the same ports; signals go in, and none comes out.
administrator() {
	local id pid
	set_ini 'tcp_connect = 3101'
	use_door shell 'tcp_connect = 3101'
	ssh -l alice gocker 'echo $$; sleep 1000' >"$GKT_WORK/held" 2>/dev/null &
	local held=$!
	wait_until 60 test -s "$GKT_WORK/held"
	id=$("$GOCKER" ps -q)
	run "$GOCKER" exec "$id" /home/alice/try tcp 3102
	is "$rc:$out" 1:EACCES "A71: gocker exec: the session's ports"
	run "$GOCKER" exec "$id" /home/alice/try tcp 3101
	is "$rc:$out" 0:done "A71: gocker exec: a port that is allowed"
	run "$GOCKER" exec "$id" /home/alice/try abstract gkt-stream
	is "$rc:$out" 1:EPERM "A61: gocker exec: no abstract socket of the host's"
	pid=$(cat "$GKT_WORK/held")
	check "A61: gocker exec: its command may signal the session's" "$GOCKER" exec "$id" kill -0 "$pid"
	kill "$held"
	wait "$held" 2>/dev/null
	wait_until 60 no_live_sessions

	# A session's own program, and another one that is not of its Landlock domain.
	for mode in session host; do
		set_ini "abstract_sockets = $mode"
		"$GOCKER" run --user alice -d /bin/sh -c 'until [ -s /tmp/pid ]; do sleep 0.1; done; kill -0 $(cat /tmp/pid) && echo yes >/tmp/said || echo no >/tmp/said; sleep 1000' >"$GKT_WORK/id"
		id=$(cat "$GKT_WORK/id")
		"$GOCKER" exec -T "$id" /bin/sh -c 'echo $$ >/tmp/pid; until [ -s /tmp/said ]; do sleep 0.1; done; cat /tmp/said' >"$GKT_WORK/said"
		if [ $mode = session ]; then
			is "$(cat "$GKT_WORK/said")" no "A61: a session's program signals nobody outside of its Landlock domain"
		else
			is "$(cat "$GKT_WORK/said")" yes "A61 control: with abstract_sockets = host it does"
		fi
		"$GOCKER" kill "$id" >/dev/null
	done

	set_ini 'tcp_connect = 3101' 'tcp_bind = 1024-65535'
	run "$GOCKER" run "${mount_try[@]}" /mnt/t/try tcp 3102
	is "$rc:$out" 1:EACCES "A71: gocker run: the container's root as well"
	run "$GOCKER" run "${mount_try[@]}" /mnt/t/try bind 80
	is "$rc:$out" 1:EACCES "A71: gocker run: and with tcp_bind = 1024-65535 it binds no low port"
	set_ini
	run "$GOCKER" run "${mount_try[@]}" /mnt/t/try bind 80
	is "$rc:$out" 0:done "A71 control: without the key the container's root does"
}
no_live_sessions() { [ -z "$("$GOCKER" ps -q)" ]; }

# Where the kernel has no Landlock; denied here as an older kernel does it.
refused_where_it_cannot() {
	local old='cannot be enforced: this kernel.s Landlock has ABI 0, and 4 \(Linux 6.7\) is needed'
	for line in 'tcp_connect = 22' 'tcp_bind = 3000-3010'; do
		set_ini "$line"
		refused "A71 [shell]: ${line%% *} without Landlock is refused" "${line%% *} $old" \
			deny landlock_create_ruleset ENOSYS alice "$GOCKER_SHELL" -c id
		stack gt
		run deny landlock_create_ruleset ENOSYS root "$(command -v pamdrive)" gt alice open try id close
		like "$out" "said: gocker: ${line%% *} $old" "A71 [pam]: ${line%% *} without Landlock is refused"
		unlike "$out" uid= "A71 [pam]: and nothing ran"
		run deny landlock_create_ruleset ENOSYS root "$GOCKER" check
		like "$rc:$out$err" "^1:.*:4: ${line%% *} $old" "check says so, with the line"
		run deny landlock_create_ruleset ENOSYS root "$GOCKER" doctor
		like "$out" "bad +landlock +ABI 0 cannot enforce ${line%% *}: logins with it are refused" "doctor says so"
		run deny landlock_create_ruleset ENOSYS root "$GOCKER" explain alice
		like "$rc:$err" "^1:.*would be refused: ${line%% *} $old" "explain says so"
	done
	set_ini
	run deny landlock_create_ruleset ENOSYS alice "$GOCKER_SHELL" -c 'echo in'
	is "$rc:$out" 0:in "A71 control: a policy without them needs no Landlock"
	run deny landlock_create_ruleset ENOSYS root "$GOCKER" doctor
	like "$out" "warn +landlock +ABI 0: sessions in the host's network reach its abstract unix sockets" "doctor warns"
	run "$GOCKER" doctor
	like "$out" "landlock +ABI $abi: " "doctor tells the ABI"

	# The kernel's own check of low ports is what tcp_bind = 1024-65535 rests on.
	mkdir -p /tmp/proc
	mount -t proc proc /tmp/proc
	echo 80 >/tmp/proc/sys/net/ipv4/ip_unprivileged_port_start
	set_ini 'tcp_bind = 1024-65535'
	refused "A71 [shell]: tcp_bind = 1024-65535 where users may bind lower ports is refused" 'ip_unprivileged_port_start is 80' \
		as_user alice "$GOCKER_SHELL" -c id
	set_ini 'tcp_bind = 1024-65535' 'network = none'
	run as_user alice "$GOCKER_SHELL" -c 'echo in'
	is "$rc:$out" 0:in "A71 [shell]: with a network of its own it is not"
	echo 1024 >/tmp/proc/sys/net/ipv4/ip_unprivileged_port_start
	umount /tmp/proc
	set_ini 'tcp_bind = 1024-65535'
	run as_user alice "$GOCKER_SHELL" -c 'echo in'
	is "$rc:$out" 0:in "A71 [shell]: nor where they may not"
}

bring alice try
remember_host
if [ "$abi" -ge 6 ]; then
	for a_door in $(doors); do
		door=$a_door
		ports
		abstract_sockets
	done
	! doors | grep -q pam || beside_the_shell
	administrator
else
	skip "A71: ports" "this kernel's Landlock has ABI $abi"
	skip "A61: abstract unix sockets" "this kernel's Landlock has ABI $abi"
fi
refused_where_it_cannot
stop_sshd
check_clean "A71: nothing of all that is left"
kill "$(cat /run/gkt/listener)"
