#!/bin/bash
# gocker run: a command in a container, for root, as the original did it.
. "$(dirname "$0")/../lib/test.sh"
need expect
need_product
add_user alice --groups students
set_ini
remember_host

run "$GOCKER" run /bin/hostname
is "$rc:$out" "0:gocker-container" "gocker run /bin/hostname"
run "$GOCKER" run /bin/ls -la
is "$rc" 0 "gocker run /bin/ls -la"
like "$out" 'etc.*|proc' "ls shows the container's root"
run "$GOCKER" run /bin/ps aux
like "$out" 'ps aux' "gocker run /bin/ps aux shows itself"
check "and little else: $(wc -l <<<"$out") lines" test "$(wc -l <<<"$out")" -le 4
run "$GOCKER" run cat /etc/os-release
like "$out" 'ID=alpine' "the image is Alpine"
for code in 0 1 42 125 126 127 255; do
	"$GOCKER" run /bin/sh -c "exit $code"
	is $? $code "exit status $code is handed on"
done
run "$GOCKER" run /no/such/command
is "$rc" 127 "a command that is not there: 127"
check "with one line on stderr" test "$(wc -l <"$GKT_WORK/err")" = 1
run "$GOCKER" run /etc/passwd
is "$rc" 126 "a command that can't run: 126"
is "$(perl -e 'system @ARGV; print $? & 127' "$GOCKER" run /bin/sh -c 'kill -TERM $$')" 15 "death by a signal is handed on"
is "$("$GOCKER" run /bin/sh -c 'printf "%s\n" "$@"' x 'a b' '' '*' $'\n' | od -c)" \
	"$(printf '%s\n' 'a b' '' '*' $'\n' | od -c)" "arguments arrive unchanged"
is "$(echo through | "$GOCKER" run cat)" through "stdin and stdout are the caller's"
is "$("$GOCKER" run -- /bin/echo --hostname)" --hostname "what follows the command is the command's"

is "$("$GOCKER" run --hostname lab hostname)" lab "--hostname"
is "$("$GOCKER" run --pids-limit 5 sh -c 'i=1; while sleep 100 & do i=$((i+1)); echo $i; done' 2>/dev/null | tail -n 1)" 5 "--pids-limit"
is "$("$GOCKER" run --user alice sh -c 'id -un; id -G | tr " " "\n" | sort | tr "\n" " "')" \
	$'alice\n'"$(id -G alice | tr ' ' '\n' | sort | tr '\n' ' ')" "--user: the user and his groups"
is "$("$GOCKER" run --user alice sh -c 'grep CapEff /proc/self/status | cut -f2')" 0000000000000000 "--user: no capability"
is "$("$GOCKER" run --image alpine true; echo $?)" 0 "--image"
is "$("$GOCKER" run -w /tmp pwd),$("$GOCKER" run --user alice pwd),$("$GOCKER" run pwd)" /tmp,/home/alice,/ "--workdir, and where a command starts without it"
refused "a --workdir that is not there is no other directory" 'cannot enter /nosuch in the session: No such file' \
	"$GOCKER" run -w /nosuch pwd
refused "nor is one that the user cannot enter" 'cannot enter /root in the session: Permission denied' \
	"$GOCKER" run --user alice -w /root pwd
refused "--image that is not there" 'nosuch' "$GOCKER" run --image nosuch true
run "$GOCKER" run --pids-limit many true
check "a bad value is refused: $rc" test "$rc" -ne 0
is "$out" "" "without a word on stdout"
run "$GOCKER" run
check "no command: refused with $rc" test "$rc" -ne 0

is "$("$GOCKER" run id -u)" 0 "without --user it is the container's root"
caps=$("$GOCKER" run sh -c 'grep CapBnd /proc/self/status | cut -f2')
for bit in 12 16 17 18 19 21 22 23 24 25 27 34 38 39; do # NET_ADMIN, modules, rawio, chroot?, ptrace, admin, …
	[ "$bit" = 18 ] && continue
	[ $(((0x$caps >> bit) & 1)) = 0 ] || not_ok "container root has capability $bit"
done
check "container root's capabilities are bounded: $caps" test "$caps" != "$(awk '/CapBnd/ { print $2 }' /proc/self/status)"
for command in 'mount -t tmpfs none /mnt' 'mknod /dev/disk b 254 0' 'echo 1 >/proc/sys/kernel/printk' \
	'hostname x' 'unshare -m true' 'ls /proc/1/root/gocker' 'chroot /proc/1/root ls /gocker'; do
	run "$GOCKER" run sh -c "$command"
	isnt "$rc" 0 "container root can't: $command"
done

# A terminal, when stdin and stdout are one, or asked for.
expect_test "on a terminal: a shell with job control" <<'TCL'
spawn -noecho gocker run /bin/sh
want_prompt
prompt
equal [ask {test -t 0 && echo yes}] yes
if {![regexp {^/dev/} [ask tty]]} { fail "no terminal's name" }
equal [ask {stty size}] "24 80"
resize 33 99
becomes {stty size} "33 99"
say {sleep 1000}
running {sleep 1000}
send "\003"
want_ready
say {exit 9}
equal [ended] 9
TCL
expect_test "the caller's terminal is as before afterwards" <<'TCL'
spawn -noecho sh -c {stty -a >/tmp/before; gocker run sh -c "stty raw; exit 0"; stty -a >/tmp/after; cmp /tmp/before /tmp/after && echo SAME}
want SAME
TCL
run "$GOCKER" run -t true
like "$rc:$out:$err" '^(2|125)::gocker run: .*terminal' "-t where there is no terminal is refused"

# Several at once.
pids=()
for i in 1 2 3 4 5; do
	"$GOCKER" run sh -c "sleep 0.5; ps >/tmp/ps; wc -l </tmp/ps; exit $i" >"$GKT_WORK/many.$i" 2>&1 </dev/null &
	pids+=($!)
done
for i in 1 2 3 4 5; do
	wait "${pids[i - 1]}"
	is $? $i "several at once: number $i ends with its own status"
done
is "$(sort -u "$GKT_WORK"/many.* | wc -l)" 1 "several at once: none sees another's processes"

run as_user alice "$GOCKER" run true
is "$rc:$out" "125:" "a user can't"
"$GOCKER" run sh -c 'trap "" TERM HUP; echo ready; sleep 1000' >"$GKT_WORK/held" 2>&1 &
pid=$!
wait_until 60 grep -q ready "$GKT_WORK/held"
kill -KILL $pid
wait $pid 2>/dev/null
check "gocker gc" "$GOCKER" gc
check_clean "nothing is left, killed or not"
