#!/bin/bash
# timeout: 120
# A69: descriptors in number. A session that has more of them under way in sockets than a process may have open
# keeps every process of its user's, which has no capability, from sending any (unix(7), ETOOMANYREFS); a caller
# hands the set-uid program a full table.
. "$(dirname "$0")/_lib.sh"
need python3
add_user alice
add_user bob
bring alice try
set_ini
remember_host
chmod 711 "$GKT_WORK"

cat >"$GKT_WORK/send" <<'SEND'
import array, socket
a, b = socket.socketpair()
try:
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
    print("sent")
except OSError as e:
    print(e.errno)
SEND
chmod 644 "$GKT_WORK/send"
send_as() { as_user "$1" sh -c 'ulimit -S -n 1024; exec python3 "$0"' "$GKT_WORK/send"; } # USER
is "$(send_as alice)" sent "A69 control: a process of alice's sends a descriptor"
(exec_as_user alice "$GOCKER_SHELL" -c 'exec ~/try fly 3000') >"$GKT_WORK/fly" 2>&1 </dev/null &
held=$!
wait_until 30 grep -q . "$GKT_WORK/fly"
is "$(cat "$GKT_WORK/fly")" flying "A69: a session has 3000 under way"
is "$(send_as alice)" 109 "A69 control: from then on no process of alice's sends any"
is "$(send_as bob)" sent "A69 control: while bob's do"
for door in $(doors); do
	if [ "$door" = shell ]; then
		run as_user alice "$GOCKER_SHELL" -c 'echo in'
	else
		stack gt
		run pamdrive gt alice open user 'echo in' close
	fi
	like "$out" '(^|[[:space:]])in($|[[:space:]])' "A69 [$door]: alice can log in all the same"
done
end_client $held

cat >"$GKT_WORK/full" <<'FULL'
import os, resource, sys
n, hard = int(sys.argv[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
# The loader of the C library needs some.
n = hard - 8 if n == 0 else n
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
fd = os.open("/dev/null", os.O_RDONLY)
for i in range(fd + 1, n): os.dup2(fd, i)
os.set_inheritable(fd, True)
os.execv(sys.argv[2], ["sh", "-c", "ls /proc/self/fd | wc -l"])
FULL
chmod 644 "$GKT_WORK/full"
# ls has one of its own.
for n in 1024 5000 0; do
	run as_user alice python3 "$GKT_WORK/full" $n "$GOCKER_SHELL"
	is "$rc:$out" 0:4 "A69 A7 [shell]: a caller with $([ $n = 0 ] && echo nearly all || echo $n) descriptors is let in with three"
done
run as_user alice python3 "$GKT_WORK/full" 5000 /bin/sh
is "$out" 5001 "A69 A7 control: another shell gets them all"
check_clean "A69: nothing is left"
