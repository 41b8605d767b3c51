#!/bin/bash
# host: systemd
# timeout: 1800
# The limits that slow down and do not refuse, each with a session that feels it and, beside it, a user who does not.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user bob
start_sshd ''
remember_host
fields() { "$GOCKER" inspect --format json "$1" | python3 -c 'import json, sys
seen = json.load(sys.stdin)
for path in sys.argv[1:]:
    value = seen[0] if isinstance(seen, list) else seen
    for part in path.split("."):
        value = value[part]
    print(value)' "${@:2}"; }
leaf_of() { session_leaves "$(uid_of "$1")" | head -n 1; }
session_of() { basename "$(leaf_of "$1")"; }

# The user is told once, and the log, by the id of who was slowed down.
is_told() { gocker_log | grep -q "event=limit id=$1 limit=$2$3\$"; }
told_in_log() { # USER KEY [VALUE]
	local id
	id=$(session_of "$1")
	check "$2: the log says who was slowed down, and by what" wait_until 90 is_told "$id" "$2" "${3:+ value=$3}"
	is "$(gocker_log | grep event=limit | grep -vc "id=$id ")" 0 "$2: and it was nobody else"
}

# ---- memory_high ----
set_ini '[user:alice]' 'memory_high = 16M'
hold_session alice 'dd if=/dev/zero of=/dev/null bs=48M count=1 2>/dev/null && echo fits'
like "$(cat "$GKT_WORK/held")" fits "memory_high: who takes three times as much gets it in the end, and is not killed"
mapfile -t seen < <(fields "$(session_of alice)" memory.high_hits memory.oom_kills)
check "memory_high: and was slowed down: ${seen[0]} times [limit memory_high hog]" test "${seen[0]}" -gt 0
is "${seen[1]}" 0 "memory_high: nothing was killed"
like "$("$GOCKER" inspect "$(session_of alice)")" 'slowed down [1-9][0-9]* times \(memory_high\)' "memory_high: gocker inspect tells the administrator [limit memory_high counted]"
drop_session
wait_until 20 no_sessions
hold_session bob 'dd if=/dev/zero of=/dev/null bs=48M count=1 2>/dev/null && echo fits'
is "$(fields "$(session_of bob)" memory.high_hits)" 0 "memory_high: another user was not [limit memory_high beside]"
drop_session
wait_until 20 no_sessions
mark_syslog
hold_session alice '(while :; do dd if=/dev/zero of=/dev/null bs=48M count=1 2>/dev/null; done) &'
told_in_log alice memory_high 16777216
drop_session
wait_until 20 no_sessions
told_on_terminal() { # LIMIT PATTERN COMMAND: which runs until it is stopped
	expect_test "$1: a user on a terminal is told that this limit slows down [limit $1 told]" <<-TCL
		login alice
		say {$3}
		want {gocker: slowed down: $2} 120
		say "\x03"
		say exit
		ended
	TCL
	wait_until 20 no_sessions
}
told_on_terminal memory_high 'more than 16 MiB in use \(memory_high, \[user:alice\]\)' 'while dd if=/dev/zero of=/dev/null bs=48M count=1 2>/dev/null; do :; done'

# ---- cpus, user_cpus, cpu_weight ----
BURN='(while :; do :; done) & (while :; do :; done) &'
burn() { # USER: in a session, until it is stopped
	(exec_as_user "$1" "$GOCKER_SHELL" -c "$BURN echo burning; wait") >"$GKT_WORK/burn.$1" 2>&1 </dev/null &
	wait_until 60 grep -q burning "$GKT_WORK/burn.$1"
}
stop_all() {
	"$GOCKER" stop -t 1 --user alice >/dev/null 2>&1
	"$GOCKER" stop -t 1 --user bob >/dev/null 2>&1
	wait_until 30 no_sessions
}
used() { awk '/^usage_usec/ { print $2 }' "$(sessions_base)/u$(uid_of "$1")/cpu.stat"; }
measure() { # what alice, bob and the clock take meanwhile, in microseconds
	local a b began
	a=$(used alice) b=$(used bob) began=${EPOCHREALTIME/./}
	nap 4
	a=$(($(used alice) - a)) b=$(($(used bob) - b))
	alice=$a bob=$b time=$((${EPOCHREALTIME/./} - began))
}
for key in cpus user_cpus; do
	counter=${key/cpus/cpu}_throttled
	set_ini '[user:alice]' "$key = 0.2"
	mark_syslog
	burn alice
	burn bob
	measure
	check "$key = 0.2: alice has $((alice * 100 / time)) % of a CPU [limit $key hog]" test $((alice * 100 / time)) -le 30
	check "$key = 0.2: and bob the rest, $((bob * 100 / time)) % [limit $key beside]" test "$bob" -gt "$alice"
	held_back=$(fields "$(session_of alice)" "$counter")
	check "$key = 0.2: $counter says $held_back" test "$held_back" -gt 0
	is "$(fields "$(session_of bob)" "$counter")" 0 "$key: and 0 for bob"
	told_in_log alice "$key" 0.200
	like "$("$GOCKER" stats --prometheus -)" "gocker_session_${counter}_total\\{[^}]*user=\"alice\"[^}]*\\} [1-9]" "$key: Prometheus has it too [limit $key counted]"
	stop_all
	like "$(gocker_log)" "event=close .*user=\"alice\".* $counter=[1-9]" "$key: the closing line has the count"
done
set_ini '[user:alice]' 'cpus = 0.5'
expect_test "cpus: a user on a terminal is told once that this limit slows down [limit cpus told]" <<'TCL'
	login alice
	say {while :; do :; done}
	want {gocker: slowed down: limit of 0.50 CPUs reached \(cpus, \[user:alice\]\)}
	never {gocker: slowed down} 12
	say "\x03"
	say exit
	ended
TCL
set_ini '[user:alice]' 'cpu_weight = 10'
burn alice
burn bob
measure
check "cpu_weight = 10: alice has $((alice / 1000)) ms and bob, with 100, $((bob / 1000)) ms [limit cpu_weight hog] [limit cpu_weight beside]" test "$bob" -gt $((alice * 3))
mapfile -t seen < <(fields "$(session_of alice)" cpu_usec; fields "$(session_of bob)" cpu_usec)
check "cpu_weight: cpu_usec says ${seen[0]} of alice and ${seen[1]} of bob [limit cpu_weight counted]" test "${seen[1]}" -gt "${seen[0]}"
is "$(cat "$(sessions_base)/u$(uid_of alice)/cpu.weight" "$(sessions_base)/u$(uid_of bob)/cpu.weight" | xargs)" "10 100" "cpu_weight: as the users' groups have it"
set_ini ''
login_of alice true
is "$(cat "$(sessions_base)/u$(uid_of alice)/cpu.weight")" 100 "cpu_weight: a login without it gives the share back"
stop_all

# ---- io_max ----
disk=$(lsblk -dno MAJ:MIN "$(findmnt -no SOURCE -T /home/alice)" | tr -d ' ')
set_ini '[user:alice]' 'io_max = home:wbps=1M,riops=100 root:wbps=2M'
# How long eight megabytes take, past the page cache, in hundredths of a second.
# shellcheck disable=SC2016
WRITE='s=$(cut -d " " -f 1 /proc/uptime); dd if=/dev/zero of=big bs=64k count=128 oflag=direct 2>/dev/null || exit
	e=$(cut -d " " -f 1 /proc/uptime); stat -c %s big; rm big; echo "$s $e"'
taken() { awk 'END { printf "%d", ($2 - $1) * 100 }' <<<"$out"; }
run login_of alice "$WRITE"
slow=$(taken)
like "$out" '^8388608' "io_max: all of it is written"
check "io_max = home:wbps=1M: 8 MiB take $slow hundredths of a second [limit io_max hog]" test "$slow" -ge 600
run login_of bob "$WRITE"
quick=$(taken)
like "$out" '^8388608' "io_max: another user writes as much"
check "io_max: in less than half of that time, $quick [limit io_max beside]" test $((quick * 2)) -lt "$slow"
# And how long a thousand reads.
# shellcheck disable=SC2016
READS='dd if=/dev/zero of=big bs=64k count=64 oflag=direct 2>/dev/null; s=$(cut -d " " -f 1 /proc/uptime)
	dd if=big of=/dev/null bs=4k count=1000 iflag=direct 2>/dev/null || exit; e=$(cut -d " " -f 1 /proc/uptime); rm big; echo "$s $e"'
run login_of alice "$READS"
slow=$(taken)
check "io_max = home:riops=100: 1000 reads take $slow hundredths of a second [limit io_max hog]" test "$slow" -ge 800
run login_of bob "$READS"
quick=$(taken)
check "io_max: another user's in less than half of that time, $quick [limit io_max beside]" test $((quick * 2)) -lt "$slow"
mark_syslog
hold_session alice '(while :; do dd if=/dev/zero of=big bs=64k count=128 oflag=direct 2>/dev/null; done) &'
is "$(cat "$(leaf_of alice)/io.max")" "$disk rbps=max wbps=1048576 riops=100 wiops=max" "io_max: of two targets on one disk the lower limits apply"
told_in_log alice io_max
stalled=$(fields "$(session_of alice)" io_stalled_usec)
check "io_max: io_stalled_usec says $stalled" test "$stalled" -gt 1000000
like "$("$GOCKER" stats --prometheus -)" 'gocker_session_io_stalled_seconds_total\{[^}]*user="alice"[^}]*\} [1-9]' "io_max: Prometheus has it too [limit io_max counted]"
drop_session
wait_until 20 no_sessions
told_on_terminal io_max 'disks are used up to the limit \(io_max, \[user:alice\]\)' 'while dd if=/dev/zero of=big bs=64k count=128 oflag=direct 2>/dev/null; do :; done'
mkdir /mem
mount -t tmpfs none /mem
set_ini '[user:alice]' 'home = none' 'io_max = home:rbps=1M'
run login_of alice 'echo ran'
is "$out" ran "io_max: a home that is not there has no limit"
set_ini '[user:alice]' 'io_max = /dev/null:rbps=1M'
refused "io_max: what is no disk refuses the login" 'io_max cannot be enforced: /dev/null is not on a disk' as_user alice "$GOCKER_SHELL" -c 'echo ran'
cp -a /home/bob /mem/
mount --bind /mem/bob /home/bob
set_ini '[user:bob]' 'io_max = home:rbps=1M'
refused "io_max: and so does a home on no disk" 'io_max cannot be enforced: /home/bob is not on a disk' as_user bob "$GOCKER_SHELL" -c 'echo ran'
umount /home/bob /mem
rmdir /mem

# ---- io_weight ----
set_ini '[user:alice]' 'io_weight = 10'
refused "io_weight: without a disk that divides, the login is refused" 'io_weight cannot be enforced: no disk of this host' as_user alice "$GOCKER_SHELL" -c 'echo ran'
run "$GOCKER" check
like "$rc:$out" "^1:/etc/gocker.ini:[0-9]*: io_weight cannot be enforced: no disk" "io_weight: gocker check finds that"
modprobe -q bfq
echo bfq >/sys/block/vda/queue/scheduler
READ='dd if=/dev/zero of=big bs=1M count=16 2>/dev/null; sync
	for i in 1 2 3; do (while :; do dd if=big of=/dev/null bs=64k iflag=direct 2>/dev/null; done) & done; echo reading; wait'
read_in() { # USER
	(exec_as_user "$1" "$GOCKER_SHELL" -c "$READ") >"$GKT_WORK/read.$1" 2>&1 </dev/null &
	wait_until 60 grep -q reading "$GKT_WORK/read.$1"
}
bytes() { sed -n "s/^$disk .*rbytes=\([0-9]*\).*/\1/p" "$(sessions_base)/u$(uid_of "$1")/io.stat"; }
echo 1 >/sys/block/vda/queue/iosched/strict_guarantees
# How much more bob reads than alice in six seconds, in per cent. The disk divides only while both wait for it, and an
# emulated processor is often what they wait for: the same weight for both is the control, and it is looked again.
more() {
	local before_a before_b a b
	before_a=$(bytes alice) before_b=$(bytes bob)
	nap 6
	a=$((($(bytes alice) - before_a) >> 10)) b=$((($(bytes bob) - before_b) >> 10))
	echo $((b * 100 / (a + 1)))
}
set_ini '[user:alice]' 'io_weight = 100'
read_in alice
read_in bob
equal=$(more)
check "io_weight: control: with the same weight bob reads $equal % of what alice does" test "$equal" -gt 50
stop_all
set_ini '[user:alice]' 'io_weight = 10'
read_in alice
read_in bob
like "$(cat "$(sessions_base)/u$(uid_of alice)/io.bfq.weight")" '(^| )10$' "io_weight: the user's group has it"
tries=1
until weighted=$(more) && [ "$weighted" -gt $((equal * 6 / 5)) ] || [ $((++tries)) -gt 10 ]; do :; done
check "io_weight = 10: bob, with 100, reads $weighted % of what alice does, and $equal % with the same [limit io_weight hog] [limit io_weight beside]" test "$weighted" -gt $((equal * 6 / 5))
stop_all
echo none >/sys/block/vda/queue/scheduler
set_ini ''
rm -f /home/alice/big /home/bob/big
check_clean "nothing is left" 20
