#!/bin/bash
# timeout: 200
# Getting in without a container, and what a caller can leave behind for a set-uid program.
. "$(dirname "$0")/_lib.sh"
add_user alice --groups students
add_user bob
use_door shell
remember_host
shell=$GOCKER_SHELL
plain() { setpriv --reuid alice --regid alice --init-groups "$@"; }
uncontained() { readlink /proc/self/ns/mnt; }
# contained NAME CMD...: it ran, and its mount namespace is not the host's
contained() {
	local name=$1
	shift
	run "$@"
	if [[ $rc = 0 && $out =~ ^mnt:\[[0-9]+\]$ && $out != "$(uncontained)" ]]; then ok "$name"; else not_ok "$name" "$rc: $out" "$err"; fi
}
which_ns='exec readlink /proc/self/ns/mnt'

# A1, A2, A13: the program refuses where it has no power; nothing tells it that it is inside already.
install -m 755 "$shell" /home/alice/copy
refused "A1 [shell]: a copy without the set-uid bit" 'set-uid|root' plain /home/alice/copy -c "$which_ns"
refused "A1 [shell]: under no_new_privs" 'set-uid|root' plain --no-new-privs "$shell" -c "$which_ns"
refused "A1 [shell]: in a user namespace of one's own" 'namespace' plain unshare -Ur "$shell" -c "$which_ns"
refused "A1 [shell]: in one, with mounts of one's own" 'namespace|root' plain unshare -Urm "$shell" -c "$which_ns"
refused "A1 [shell]: traced" 'set-uid|root' plain strace -f -qq -o /dev/null "$shell" -c "$which_ns"
contained "A1 control: plainly called, it contains" plain "$shell" -c "$which_ns"
contained "A2 [shell]: variables that say it is inside" plain env container=gocker GOCKER=1 GOCKER_SESSION=1 \
	gocker_id=1 SSH_CONNECTION=x "$shell" -c "$which_ns"
touch /.dockerenv /run/.containerenv
contained "A2 [shell]: files that say so" plain "$shell" -c "$which_ns"
rm /.dockerenv /run/.containerenv
contained "A13 [shell]: through /proc/self/fd" plain bash -c "exec 9<$shell; exec /proc/self/fd/9 -c '$which_ns'"
mkdir /home/alice/bin && chown alice /home/alice/bin
ln -s "$shell" /home/alice/bin/sh
contained "A13 [shell]: through a symlink by another name" plain /home/alice/bin/sh -c "$which_ns"
ln "$shell" /usr/local/bin/old-shell
contained "A13 [shell]: through a hard link" plain /usr/local/bin/old-shell -c "$which_ns"
rm /usr/local/bin/old-shell
check_not "A4 [shell]: root is refused, too" "$shell" -c true
contained "A4 [shell]: su to oneself" plain sh -c "exec $shell -c '$which_ns'"
is "$(plain readlink /proc/self/ns/mnt)" "$(uncontained)" "A2 control: without gocker-shell it is the host's"
run ssh_as alice "$which_ns"
isnt "$out" "$(uncontained)" "A3 [shell]: a command over ssh is contained"

# A6: arguments and environments.
run plain python3 -c "import os; os.execve('$shell', [], {})"
check "A6 [shell]: no argument at all: refused or a session, no crash ($rc)" test "$rc" -lt 126
big=$(head -c 120000 /dev/zero | tr '\0' x)
run plain "$shell" -c "echo ${big} | wc -c"
is "$out" 120001 "A6 [shell]: 120 KB of command go through as one string"
run plain "$shell" -c $'printf %s "\xff\xfe\x80" | wc -c'
is "$out" 3 "A6 [shell]: invalid UTF-8 goes through untouched"
many=()
for ((i = 0; i < 6000; i++)); do many+=("GKT_$i=x"); done
contained "A6 [shell]: 6000 variables" plain env "${many[@]}" "$shell" -c "$which_ns"
contained "A6 [shell]: variables without a name or a value, and twice" plain python3 -c "
import os, ctypes
libc = ctypes.CDLL(None)
env = (ctypes.c_char_p * 6)(b'=x', b'novalue', b'PATH=/a', b'PATH=/b', b'', None)
argv = (ctypes.c_char_p * 4)(b'$shell', b'-c', b'$which_ns', None)
libc.execve(b'$shell', argv, env)"

# A7: descriptors.
for closed in '0<&-' '1>&-' '2>&-' '0<&- 1>&-' '0<&- 1>&- 2>&-'; do
	rm -f /home/alice/fds
	run plain sh -c "exec $shell -c 'ls /proc/self/fd | tr \"\\n\" \" \" >/home/alice/fds; readlink /proc/self/ns/mnt >>/home/alice/fds' $closed"
	like "$(cat /home/alice/fds)" '^0 1 2 3 mnt:' "A7 [shell]: started with $closed: 0, 1 and 2 are open inside, nothing else"
done
run plain bash -c "exec 9</ 10</etc/passwd 200</home; exec $shell -c 'ls -l /proc/self/fd; cat /proc/self/fd/9/etc/debian_version'"
unlike "$out" 'passwd|-> /$|^1[0-9]' "A7 A29 [shell]: open directories of the caller do not come in"
run plain bash -c "exec 9</; cat /proc/self/fd/9/etc/debian_version"
is "$rc" 0 "A7 A29 control: outside, such a descriptor leads to the host"
refused "A7 A29 [shell]: a directory as stdin is refused" 'directory' plain sh -c "exec $shell -c true </"

# A8: environment that libraries listen to.
evil=(LD_PRELOAD=/tmp/evil.so LD_LIBRARY_PATH=/tmp/evil LD_AUDIT=/tmp/evil.so LD_DEBUG=all LD_PROFILE=x
	GCONV_PATH=/tmp/evil LOCPATH=/tmp/evil NLSPATH=/tmp/evil/%N TZ=:/tmp/evil/tz TZDIR=/tmp/evil RES_OPTIONS=debug
	HOSTALIASES=/tmp/evil/h LOCALDOMAIN=evil MALLOC_TRACE=/tmp/evil/m MALLOC_CHECK_=3 GETCONF_DIR=/tmp/evil
	IFS=/ ENV=/tmp/evil/rc BASH_ENV=/tmp/evil/rc TMPDIR=/tmp/evil LANG=../../tmp/evil LC_ALL=/tmp/evil
	LANGUAGE=/tmp/evil GLIBC_TUNABLES=glibc.malloc.check=3 NSS_WRAPPER=/tmp/evil SYSTEMD_NSS_BYPASS_BUS=1)
strace -f -u alice -e trace=file -o "$GKT_WORK/trace" "$shell" -c true 2>/dev/null
env "${evil[@]}" strace -f -u alice -e trace=file -o "$GKT_WORK/trace" -E LD_PRELOAD=/tmp/evil.so "$shell" -c "$which_ns" >"$GKT_WORK/out" 2>/dev/null
is "$(grep -v execve "$GKT_WORK/trace" | grep -c evil)" 0 "A8 [shell]: no file is looked for because of ${#evil[@]} variables"
run strace -f -u alice -e trace=file -E LD_PRELOAD=/tmp/evil.so /bin/true
like "$err" 'evil' "A8 control: a program without set-uid looks for one"

# A9: resource limits.
for limit in '-f 0' '-n 0' '-n 3' '-s 64' '-u 0' '-u 1' '-c unlimited' '-l 0' '-i 0' '-q 0' '-d 1024' '-S -t 1'; do
	run plain bash -c "ulimit $limit 2>/dev/null; exec $shell -c '$which_ns'"
	if [[ $out =~ ^mnt: ]]; then
		isnt "$out" "$(uncontained)" "A9 [shell]: ulimit $limit: contained"
	else
		like "$rc:$out" '^(12[567]|139|13[0-9]|1|2|153):$' "A9 [shell]: ulimit $limit: ended, and nothing ran"
	fi
done
run plain bash -c "ulimit -v 5000; exec $shell -c '$which_ns'"
check "A9 [shell]: no address space: nothing ran, or contained ($rc)" test "$out" != "$(uncontained)"
is "$(plain bash -c "ulimit -n 77 -f 99; exec $shell -c 'ulimit -n; ulimit -f'")" $'77\n198' "A9 [shell] control: the payload has its caller's limits"

# A10, A11: signals, umask, cwd.
run plain python3 -c "
import os, signal
for s in range(1, 65):
    if s not in (9, 19, 32, 33): signal.signal(s, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); signal.setitimer(signal.ITIMER_REAL, 0.001)
os.execv('$shell', ['sh', '-c', 'sleep 0.1; grep SigIgn /proc/self/status'])"
is "$out" "$(plain "$shell" -c 'sleep 0.1; grep SigIgn /proc/self/status')" "A10 [shell]: everything ignored and blocked, an alarm pending: a session all the same, nothing ignored in it"
for mask in 000 777; do
	run plain bash -c "umask $mask; exec $shell -c 'umask'"
	is "$out" 0$mask "A11 [shell]: umask $mask is handed on"
	is "$(find /run/gocker ! -user root -o -perm /077 | grep -v '^/run/gocker$')" "" "A11 [shell]: umask $mask: gocker's files are root's alone"
done
mkdir -m 700 /root/secret /home/alice/gone
chown alice /home/alice/gone
contained "A11 [shell]: from a directory that is deleted" plain sh -c "cd /home/alice/gone && rmdir ../gone && exec $shell -c '$which_ns'"
(cd /root/secret && run plain "$shell" -c 'pwd' && is "$out" /home/alice "A11 [shell]: from a directory without access: starts in the home") || not_ok "A11 [shell]: cwd"
tap_n=$((tap_n + 1))

# A15: groups.
is "$(plain "$shell" -c 'id -G' | tr ' ' '\n' | sort | tr '\n' ' ')" "$(id -G alice | tr ' ' '\n' | sort | tr '\n' ' ')" "A15 [shell]: the groups are the host's"
run setpriv --reuid alice --regid alice --groups 0,6 "$shell" -c 'id -G'
unlike " $out " ' (0|6) ' "A15 [shell]: groups left over in the caller are not kept"
run setpriv --reuid alice --regid alice --groups 0,6 id -G
like " $out " ' 0 ' "A15 control: outside they are"

# A17: hostile strings; tests/hostile/badinput.sh has the table of what is refused.
mark_syslog
run plain env TERM="$(printf 'x\n\033]0;evil\007y')" SSH_CONNECTION="$(printf '1\nevil 2')" "$shell" -c $'true # \n\033[31mevil\nevent=open user=root'
is "$rc" 0 "A17 [shell]: line breaks and escapes in variables and command: a session"
unlike "$(gocker_log)" $'\033|^evil' "A17 [shell]: the log has neither"
is "$(gocker_log | grep -c 'event=open.*user="root"')" 0 "A17 [shell]: and no line of the attacker's"
hold_session alice
is "$("$GOCKER" ps | awk '$2 == "alice" { print $6 }')" 127.0.0.1 "A17 [shell] control: of a login through sshd the address is told"
drop_session
# Its record goes after its last process.
wait_until 30 sh -c "! $GOCKER ps | grep -q alice"
(exec_as_user alice env SSH_CONNECTION='192.0.2.66 1 192.0.2.1 22' "$shell" -c 'sleep 1000') &
forger=$!
wait_until 10 sh -c "$GOCKER ps | grep -q alice"
is "$("$GOCKER" ps | awk '$2 == "alice" { print $6 }')" - "A17 [shell]: who starts the shell himself can't say where he comes from"
kill -KILL $forger
wait $forger 2>/dev/null
"$GOCKER" gc >/dev/null
printf 'Nov  3 22:01:38 host gocker[1]: event=open id=abc user="\033]0;evil\007\302\233\233x" reason="a\rb"\n' >"$GKT_WORK/log"
run "$GOCKER" logs --file "$GKT_WORK/log"
like "$out" 'user|evil' "A17 control: a line that anyone can write to the host's log is shown"
is "$(LC_ALL=C tr -d '\n -~' <"$GKT_WORK/out" | wc -c)" 0 "A17: without a byte that a terminal obeys (gocker logs)"
run "$GOCKER" logs --format json --file "$GKT_WORK/log"
is "$(LC_ALL=C tr -d '\n -~' <"$GKT_WORK/out" | wc -c)" 0 "A17: as JSON, too"

check_clean "A5 [shell]: nothing is left of all this"
