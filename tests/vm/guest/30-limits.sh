#!/bin/bash
# The limits that only cgroup v2 keeps, each with a hog that feels it and one that does not.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user bob
start_sshd ''
remember_host

# hog MIB: a program in the session uses that much memory at once.
hog() { run login_of alice "dd if=/dev/zero of=/dev/null bs=${1}M count=1 2>/dev/null; echo \$?"; }

set_ini 'memory_max = 48M'
mark_syslog
hog 16
is "$out" 0 "memory_max: what fits runs"
hog 80
is "$out" 137 "memory_max: what does not is killed, and the session goes on [limit memory_max hog]"
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=memory_max value=50331648 hits=1' "memory_max: the log says which limit it was"
like "$(gocker_log)" 'event=close .*oom_kills=1' "memory_max: and how often, at the end [limit memory_max counted]"
# One user's is nobody else's, whatever they have.
beside() { # LIMIT: what bob has stays, while alice's programs are killed
	hold_session bob 'dd if=/dev/zero of=/tmp/held bs=1M count=22 2>/dev/null'
	local leaf
	leaf=$(session_leaves "$(uid_of bob)")
	for _ in 1 2 3; do
		hog 80
		is "$out" 137 "$1: one that takes too much is killed beside another user"
	done
	is "$(awk '$1 == "oom" || $1 == "oom_kill" || $1 == "max" { print $2 }' "$leaf/memory.events" | xargs)" "0 0 0" \
		"$1: who is beside it never meets a limit, and loses nothing [limit $1 beside]"
	drop_session
	wait_until 20 no_sessions
}
beside memory_max
set_ini 'image = host' 'memory_max = 48M'
hog 16
is "$out" 0 "image = host, memory_max: what fits runs"
hog 80
is "$out" 137 "image = host, memory_max: what does not is killed, and the session goes on"
set_ini 'memory_max = 48M'
expect_test "memory_max: a user on a terminal is told why [limit memory_max told]" <<'TCL'
	login alice
	say {dd if=/dev/zero of=/dev/null bs=80M count=1}
	want {gocker: out of memory: a process was killed \(memory_max is 48 MiB, \[default\]\)}
	# It comes beside the shell's prompt, before or after.
	say {echo go""ing on}
	want {going on\r\nPROMPT> $}
	say exit
	ended
TCL

# What is read and written is charged to who does it first, and is no reason to end anybody: it is written out
# and given up for what is asked next. Most of the file is on the disk alone when it is read.
set_ini 'memory_max = 16M' 'user_memory_max = 24M'
mark_syslog
run ssh_as alice '{ dd if=/dev/zero of=big bs=1M count=64 && dd if=big of=/dev/null bs=1M; } 2>/dev/null && stat -c %s big; rm big'
is "$rc:$out" "0:$((64 << 20))" "memory_max: a file of four times the limit is written and read"
unlike "$(gocker_log)" 'event=limit|oom_kills=[1-9]' "memory_max: and nothing is killed for it"

set_ini 'user_memory_max = 48M'
mark_syslog
hog 80
is "$out" 137 "user_memory_max: what does not fit is killed [limit user_memory_max hog]"
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=user_memory_max value=50331648' "user_memory_max: the log says which limit it was [limit user_memory_max counted]"
wait_until 10 no_sessions
expect_test "user_memory_max: a user on a terminal is told which [limit user_memory_max told]" <<'TCL'
	login alice
	say {dd if=/dev/zero of=/dev/null bs=80M count=1}
	want {gocker: out of memory: a process was killed \(user_memory_max is 48 MiB, \[default\]\)}
	say exit
	ended
TCL
wait_until 10 no_sessions
beside user_memory_max
# Little enough to leave room for what the session itself takes.
hold_session alice 'dd if=/dev/zero of=/tmp/held bs=1M count=22 2>/dev/null'
hog 32
is "$out" 137 "user_memory_max: it is over all sessions of a user"
group=$(dirname "$(session_leaves "$(uid_of alice)" | head -n 1)")
in_use() { cat "$group/memory.current" 2>/dev/null || echo 0; }
check "user_memory_max: what a session holds counts: $(in_use)" test "$(in_use)" -gt 20000000
drop_session
wait_until 10 no_sessions
# The kernel takes the mounts of who has exited down a little later (delayed_mntput).
given_back() { [ "$(in_use)" -lt 12000000 ]; }
check "user_memory_max: and is given back when it ends" wait_until 20 given_back
hog 32
is "$out" 0 "user_memory_max: so that another can have it"

# Without systemd the groups are elsewhere; the rest is the kernel's, which is that of Debian 12's other host.
[ "$GKT_HOST" = systemd ] || { check_clean "nothing is left" 20; exit; }

dd if=/dev/zero of=/swap bs=1M count=96 2>/dev/null
chmod 600 /swap
mkswap -q /swap
swapon /swap
set_ini 'memory_max = 48M' 'memory_swap_max = 0'
hog 64
is "$out" 137 "memory_swap_max = 0: nothing goes to swap [limit memory_swap_max hog]"
set_ini 'memory_max = 48M' 'memory_swap_max = 64M'
hog 64
is "$out" 0 "memory_swap_max = 64M: the same goes to swap"
swapoff /swap
rm /swap

# What a session that does nothing but work gets of one processor, in percent of the time it had.
spend() {
	hold_session alice '(while :; do :; done) &'
	local leaf from to began
	leaf=$(session_leaves "$(uid_of alice)")
	from=$(awk '/^usage_usec/ { print $2 }' "$leaf/cpu.stat") began=${EPOCHREALTIME/./}
	sleep 3
	to=$(awk '/^usage_usec/ { print $2 }' "$leaf/cpu.stat")
	spent=$(((to - from) * 100 / (${EPOCHREALTIME/./} - began)))
	throttled=$(awk '/^nr_throttled/ { print $2 }' "$leaf/cpu.stat")
	drop_session
	wait_until 10 no_sessions
}
set_ini 'cpus = 0.2'
spend
check "cpus = 0.2: $spent % are spent" test "$spent" -le 40
check "cpus = 0.2: held back $throttled times" test "$throttled" -gt 0
set_ini
spend
check "cpus not set: $spent % are spent" test "$spent" -gt 40

# Freeze and thaw.
wait_until 10 no_sessions
hold_session alice '(while :; do date +%s.%N >~/ticks; sleep 0.2; done) &'
id=$(basename "$(session_leaves "$(uid_of alice)")")
ticks() { cat /home/alice/ticks; }
ticks_on() { # whether the session's clock is going
	local seen
	seen=$(ticks)
	wait_until "$1" eval '[ "$(ticks)" != "$seen" ]'
}
check "a session runs" ticks_on 5
check "gocker freeze" "$GOCKER" freeze "$id"
wait_until 5 grep -q 'frozen 1' "$(session_leaves "$(uid_of alice)")/cgroup.events"
seen=$(ticks)
sleep 3
is "$(ticks)" "$seen" "frozen, it does not"
check "gocker thaw" "$GOCKER" thaw "$id"
check "thawed, it goes on" ticks_on 5
"$GOCKER" freeze "$id" >/dev/null
drop_session
check_clean "a lost connection ends a frozen session too" 20
