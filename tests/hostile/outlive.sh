#!/bin/bash
# timeout: 200
# A41, A9, A36: what a user outside of a container can do so that gocker's own processes do not do their work:
# a session that goes on past its time limit, processes of root's that pile up.
. "$(dirname "$0")/_lib.sh"
need python3 strace
add_user alice
add_user bob
set_ini 'max_duration = 2s' 'user_sessions_max = 2'
remember_host
names_in() { while read -r pid; do cat "/proc/$pid/comm"; done <"$1/cgroup.procs"; } # CGROUP
ticks() { wc -l <"$1" 2>/dev/null || echo 0; }

# A session that writes a line every tenth of a second for ten seconds; its limit is two. prefix: what calls it.
ticking='i=0; while [ $i -lt 100 ]; do echo x; i=$((i + 1)); usleep 100000; done; echo survived'
outlives() { # FILE PREFIX...
	local file=$1
	shift
	as_user alice timeout 30 "$@" "$GOCKER_SHELL" -c "$ticking" >"$file" 2>&1 </dev/null
}

outlives "$GKT_WORK/plain" env
unlike "$(cat "$GKT_WORK/plain")" survived "A41 control: max_duration ends a session"

# Timers that may be late by ten days: inherited by a set-uid program (prctl(2), PR_SET_TIMERSLACK).
cat >"$GKT_WORK/slack" <<'SLACK'
import ctypes, os, sys
ctypes.CDLL(None).prctl(29, ctypes.c_ulong(10**15), 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
SLACK
cat >"$GKT_WORK/late" <<'LATE'
import select, time
start = time.time()
select.select([], [], [], 0.2)
print("late" if time.time() - start > 2 else "in time")
LATE
chmod 644 "$GKT_WORK/slack" "$GKT_WORK/late"
chmod 711 "$GKT_WORK"
run timeout 3 setpriv --reuid alice --regid alice --init-groups python3 "$GKT_WORK/slack" python3 "$GKT_WORK/late"
isnt "$out" "in time" "A41 control: outside, a timer that may be late by days does not come"
outlives "$GKT_WORK/slack.out" python3 "$GKT_WORK/slack"
unlike "$(cat "$GKT_WORK/slack.out")" survived "A41 [shell]: with such a timer slack the session ends as well"
run as_user alice python3 "$GKT_WORK/slack" "$GOCKER_SHELL" -c 'cat /proc/self/timerslack_ns'
is "$out" 50000 "A41 [shell]: and inside it is the ordinary one"

# Job control: ^Z on a terminal that the caller has made cooked again stops the supervisor.
cat >"$GKT_WORK/stop" <<'STOP'
import os, pty, select, signal, subprocess, sys, termios, time
ticks = lambda: os.path.getsize("/home/alice/ticks") if os.path.exists("/home/alice/ticks") else 0
pid, fd = pty.fork()
if pid == 0:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(sys.argv[1], sys.argv[1:])
    # Once the session runs, and again should gocker have set the modes after us.
    while ticks() < 3: time.sleep(0.05)
    got = 0
    while got == 0:
        modes = termios.tcgetattr(0)
        # Without an echo, and without losing what is said when the key is seen.
        modes[3] = (modes[3] | termios.ISIG | termios.NOFLSH) & ~termios.ECHO
        modes[6][termios.VSUSP] = b"\x1a"
        termios.tcsetattr(0, termios.TCSANOW, modes)
        time.sleep(0.2)
        got, status = os.waitpid(child, os.WUNTRACED | os.WNOHANG)
    time.sleep(1)
    before = ticks()
    end = time.time() + 60
    if os.environ.get("GO_ON"):
        # Any process of her own she can continue, also what is inside.
        lives = lambda: subprocess.call(["pkill", "-CONT", "-U", "alice", "-x", "ticker"]) == 0
        while lives() and time.time() < end: time.sleep(0.1)
    else:
        time.sleep(2)
    print("stopped" if os.WIFSTOPPED(status) else "ended", before, ticks(), int(end - time.time()), "end", flush=True)
    # What is not read before the session's leader ends is lost.
    while not os.path.exists("/home/alice/seen"): time.sleep(0.05)
    sys.exit(0)
end, said = time.time() + 60, b""
while time.time() < end and b" end" not in said:
    try:
        if select.select([fd], [], [], 0.2)[0]:
            said += os.read(fd, 1000)
            continue
    except OSError:
        break
    try:
        # Not before there is a session: it would stop whoever is on the way to it.
        if ticks() >= 3: os.write(fd, b"\x1a")
    except OSError:
        pass
open("/home/alice/seen", "w").close()
sys.stdout.write(said.decode().replace("^Z", ""))
STOP
chmod 644 "$GKT_WORK/stop"
sed 's/^max_duration.*/max_duration = 300s/' /etc/gocker.ini >"$GKT_WORK/ini"
cp /etc/gocker.ini "$GKT_WORK/ini.before"
cat "$GKT_WORK/ini" >/etc/gocker.ini
run as_user alice timeout 70 python3 "$GKT_WORK/stop" "$GOCKER_SHELL" -c "touch ~/ticks; while :; do echo >>~/ticks; usleep 100000; done"
like "$out" 'stopped' "A41 control: a supervisor can be stopped by job control"
like "$out" 'stopped ([0-9]+) \1 [0-9]+ end' "A41 [shell]: nothing runs inside while it is"
check "A41 [shell]: and when it goes on it is over" wait_until 20 no_sessions
rm -f /home/alice/ticks /home/alice/seen
# What is inside she can continue, while the supervisor that would look at the clock stays stopped: init does then.
sed 's/^max_duration.*/max_duration = 10s/' "$GKT_WORK/ini.before" >/etc/gocker.ini
printf '#!/bin/sh\nwhile :; do echo >>~/ticks; i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done; done\n' >/home/alice/ticker
chmod 755 /home/alice/ticker
run as_user alice env GO_ON=1 timeout 90 python3 "$GKT_WORK/stop" "$GOCKER_SHELL" -c 'exec ~/ticker'
before=$(sed -n 's/.*stopped \([0-9]*\) .*/\1/p' <<<"$out") after=$(sed -n 's/.*stopped [0-9]* \([0-9]*\) .*/\1/p' <<<"$out")
check "A41 control: what is inside goes on when its user continues it, though the supervisor is stopped" test "${after:-0}" -gt "${before:-0}"
like "$out" 'stopped [0-9]+ [0-9]+ [1-9][0-9]* end' "A41 [shell]: and is ended by init soon after max_duration"
check "A41 [shell]: nor is a session left of it" wait_until 20 no_sessions
rm -f /home/alice/ticks /home/alice/seen /home/alice/ticker
cat "$GKT_WORK/ini.before" >/etc/gocker.ini

# A cgroup of the user's own (delegated to him): he freezes what is in it.
own=/sys/fs/cgroup
[ "$GKT_CGROUP" = unified ] || own+=/unified
if [ -e $own/cgroup.procs ] && mkdir "$own/own"; then
	chown -R alice "$own/own"
	# Root puts the caller in, since alice may not take herself out of where she is.
	frozen_in() { # FILE CMD...
		local file=$1
		shift
		rm -f "$file"
		as_user alice mkdir -p "$own/own/sub"
		sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$own/own/sub" setpriv --reuid alice --regid alice --init-groups --reset-env \
			"$@" >"$file" 2>&1 </dev/null &
		frozen_pid=$!
	}
	frozen_in "$GKT_WORK/frozen" sh -c 'i=0; while [ $i -lt 30 ]; do echo x; i=$((i + 1)); sleep 0.1; done; echo survived'
	wait_until 10 grep -q . "$GKT_WORK/frozen"
	as_user alice sh -c "echo 1 >$own/own/sub/cgroup.freeze"
	sleep 4
	unlike "$(cat "$GKT_WORK/frozen")" survived "A41 control: what is in a user's own cgroup he can freeze"
	as_user alice sh -c "echo 0 >$own/own/sub/cgroup.freeze"
	wait $frozen_pid
	frozen_in "$GKT_WORK/frozen" "$GOCKER_SHELL" -c "$ticking"
	wait_until 20 grep -q . "$GKT_WORK/frozen"
	# What has the caller's descriptors is the caller's, and stays where the caller's processes are counted.
	in_own=$(xargs -r ps -o user=,comm= -p <"$own/own/sub/cgroup.procs" | sort | uniq | xargs)
	is "$in_own" "alice gocker-stdio" "A41 [shell]: the session's processes are not in the caller's own cgroup, nor is the supervisor"
	as_user alice sh -c "echo 1 >$own/own/sub/cgroup.freeze"
	check "A41 [shell]: so that freezing it stops no supervisor: the time limit holds" wait_until 20 no_sessions
	unlike "$(cat "$GKT_WORK/frozen")" survived "A41 [shell]: and the session did not go on"
	as_user alice sh -c "echo 0 >$own/own/sub/cgroup.freeze"
	wait $frozen_pid
	check "A41 [shell]: and the caller's own process ends as soon as it can" wait_until 20 sh -c '! pgrep -x gocker-stdio'
	# Nor before that: from the first lock on. This one waits with a lock in hand.
	as_user alice mkdir -p "$own/own/sub"
	sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$own/own/sub" strace -D -f -o "$GKT_WORK/locks" -u alice -e trace=flock \
		-e inject=flock:delay_exit=60000000:when=1 "$GOCKER_SHELL" -c true >/dev/null 2>&1 </dev/null &
	frozen_pid=$!
	holds_lock() { grep -qE "FLOCK .* $frozen_pid [0-9a-f]+:[0-9a-f]+:" /proc/locks; }
	check "A41 control: the program holds a lock before there is a session" wait_until 60 holds_lock
	is "$(grep -cx $frozen_pid "$own/own/sub/cgroup.procs")" 0 "A41 [shell]: it is not in the caller's own cgroup by then"
	like "$(names_in "$own/own/sub")" gocker-stdio "A41 [shell] control: it came from there"
	kill -KILL $frozen_pid
	wait $frozen_pid 2>/dev/null
	wait_until 20 sh -c "! grep -q . '$own/own/sub/cgroup.procs'"
	"$GOCKER" gc >/dev/null
	for _ in $(doors | grep pam); do
		stack gt
		sed -i '/^max_duration/d' /etc/gocker.ini
		as_user alice mkdir -p "$own/own/sub"
		rm -f "$GKT_WORK/frozen"
		sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$own/own/sub" pamdrive gt alice open try 'echo in; sleep 3' close >"$GKT_WORK/frozen" 2>&1 </dev/null &
		frozen_pid=$!
		wait_until 20 grep -q '^in' "$GKT_WORK/frozen"
		unlike "$(names_in "$own/own/sub")" gocker "A41 [pam]: no keeper and no init is in the caller's own cgroup"
		like "$(names_in "$own/own/sub")" pamdrive "A41 [pam] control: the caller is"
		wait $frozen_pid
		like "$(cat "$GKT_WORK/frozen")" 'close: 0' "A41 [pam]: and the session ends as any"
		set_ini 'max_duration = 2s' 'user_sessions_max = 2'
	done
	rmdir "$own/own/sub" "$own/own"
	# What is root's alone is left alone.
	mkdir "$own/roots"
	sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$own/roots" setpriv --reuid alice --regid alice --init-groups --reset-env \
		"$GOCKER_SHELL" -c 'echo in; sleep 3' >"$GKT_WORK/roots" 2>&1 </dev/null &
	wait_until 20 grep -q in "$GKT_WORK/roots"
	wait_until 10 grep -q gocker-super "/proc/$!/comm"
	is "$(cat "/proc/$!/comm"):$(grep -cx $! "$own/roots/cgroup.procs")" gocker-super:1 "A41 [shell] control: out of a cgroup of root's nobody is moved"
	wait $!
	wait_until 10 rmdir "$own/roots"
else
	skip "A41: a cgroup of the user's own" "no cgroup v2 here"
fi

# What a command has left behind in a session keeps its pipe or terminal, and writes to it for ever: the
# administrator's gocker exec, which no ^C reaches then, comes to its end all the same.
cat >"$GKT_WORK/admin" <<'ADMIN'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
end, n, got = time.time() + 60, 0, 0
while time.time() < end and got == 0:
    try:
        if select.select([fd], [], [], 0.1)[0]: n += len(os.read(fd, 65536))
    except OSError:
        time.sleep(0.1)
    got, status = os.waitpid(pid, os.WNOHANG)
print("ended" if got else "goes on", n > 100000)
if got == 0: os.kill(pid, 9)
ADMIN
sed -i '/^max_duration/d' /etc/gocker.ini
(exec_as_user alice "$GOCKER_SHELL" -c 'sleep 600') &
held=$!
wait_until 20 sh -c "test -n \"\$($GOCKER ps -q)\""
id=$("$GOCKER" ps -q)
run timeout 2 sh -c '(setsid yes & echo $! >/run/gkt/yes; sleep 0.2) | cat >/dev/null'
is "$rc" 124 "A41 control: who reads a pipe up to its end waits for what was left behind"
kill "$(cat /run/gkt/yes)" 2>/dev/null
run timeout 90 python3 "$GKT_WORK/admin" "$GOCKER" exec -T "$id" sh -c 'trap "" HUP; setsid yes & sleep 1'
is "$out" "ended True" "A41 [shell]: gocker exec ends with its command, though its pipe is written to for ever"
# The terminal is hung up with its leader, but its name can be opened again.
run timeout 90 python3 "$GKT_WORK/admin" "$GOCKER" exec -t "$id" sh -c 't=$(tty); trap "" HUP; (setsid sh -c "while :; do yes >$t; done" 2>/dev/null &) ; sleep 1'
is "$out" "ended True" "A41 [shell]: or its terminal"
{ kill $held; wait $held; } 2>/dev/null
check "A41: and the session ends" wait_until 20 no_sessions

# Lines of a user's own in /dev/log behind the PAM door go nowhere. To look who wrote each costs the keeper, which
# no limit of the user's counts, more than it costs to write: so it looks at some tens in a tenth of a second.
bring alice try
for _ in $(doors | grep pam); do
	stack gt
	run pamdrive gt alice open user 'exec /home/alice/try flood /dev/log 3' close
	taken=$(sed -n 's/^\([0-9]*\)$/\1/p' <<<"$out")
	check "A34 A36 [pam]: a flood of lines in /dev/log does not keep the keeper busy: ${taken:-$out} in three seconds" test "${taken:-999999}" -lt 3000
	python3 -c 'import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("/run/gkt/drain"); os.chmod("/run/gkt/drain", 0o666)
while True: s.recv(100)' &
	drain=$!
	wait_until 10 test -S /run/gkt/drain
	run as_user alice /home/alice/try flood /run/gkt/drain 3
	check "A34 A36 control: who reads each line at once reads thrice as many, however busy the machine: $out" test "${out:-0}" -gt $((3 * ${taken:-999999}))
	{ kill $drain; wait $drain; } 2>/dev/null
done

# Refusals that nobody reads: each waits to be written to a full pipe, as a process of the user's.
printf 'nonsense\n' >>/etc/gocker.ini
cat >"$GKT_WORK/pile" <<'PILE'
import fcntl, os, subprocess, sys, time
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
try:
    while True:
        os.write(w, b"x" * 4096)
except BlockingIOError:
    pass
fcntl.fcntl(w, fcntl.F_SETFL, 0)
children = [subprocess.Popen([sys.argv[1], "-c", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=w) for _ in range(8)]
time.sleep(2)
for c in children:
    with open("/proc/%d/status" % c.pid) as f:
        print([line.split()[1:] for line in f if line.startswith("Uid:")][0])
    c.kill()
print([c.wait() for c in children])
PILE
chmod 644 "$GKT_WORK/pile"
run as_user alice python3 "$GKT_WORK/pile" "$GOCKER_SHELL"
uid=$(id -u alice)
is "$(sort -u <<<"$out")" "$(printf '%s\n' "['$uid', '$uid', '$uid', '$uid']" "[-9, -9, -9, -9, -9, -9, -9, -9]" | sort)" \
	"A9 A36 [shell]: what waits to tell of a refusal is a process of the user's, who can end it"
sleep 60 &
check_not "A9 A36 control: a process of root's he can't end" as_user alice kill -9 $!
kill $!
wait $! 2>/dev/null
check_clean "A41: nothing of all that is left"
