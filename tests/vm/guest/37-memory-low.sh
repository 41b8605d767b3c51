#!/bin/bash
# host: systemd
# suite: trixie
# timeout: 1800
# memory_low: what a user's sessions keep while all sessions together are short of memory, by a limit on gocker.slice.
# What they have is page cache: memory that the kernel takes first, and without a disk's help. A shortage of the whole
# host says nothing here: with its generations of pages (lru_gen) the kernel takes protected memory as well, if later.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user bob
start_sshd ''
remember_host
SLICE=/sys/fs/cgroup/gocker.slice
leaf_of() { session_leaves "$(uid_of "$1")" | head -n 1; }
mib_of() { echo $(($(cat "$(leaf_of "$1")/memory.current") >> 20)); }
low_of() { cat "$1/memory.low"; }
hold() { # USER: a session that has a file of 40 MiB in the page cache, which it has read twice
	(exec_as_user "$1" "$GOCKER_SHELL" -c 'dd if=big of=/dev/null bs=1M 2>/dev/null; dd if=big of=/dev/null bs=1M 2>/dev/null
		echo ready; while :; do sleep 1000; done') >"$GKT_WORK/hold.$1" 2>&1 </dev/null &
	check "a session of $1 can be held" wait_until 90 grep -q ready "$GKT_WORK/hold.$1"
}
stop_all() {
	"$GOCKER" stop -t 1 --user alice >/dev/null 2>&1
	"$GOCKER" stop -t 1 --user bob >/dev/null 2>&1
	wait_until 30 no_sessions
}
for user in alice bob; do
	dd if=/dev/zero of=/home/$user/big bs=1M count=40 2>/dev/null
	chown $user: /home/$user/big
done
dd if=/dev/zero of=/home/bob/more bs=1M count=160 2>/dev/null
chown bob: /home/bob/more
fresh() { # nothing of the files is in the page cache, so that who reads them has it
	sync
	echo 1 >/proc/sys/vm/drop_caches
}
set_slice() { systemctl set-property --runtime gocker.slice "$@"; }

# ---- who has it, and what stands above ----
set_ini '[user:alice]' 'memory_low = 64M'
fresh
hold alice
hold bob
is "$(low_of "$(leaf_of alice)") $(low_of "$(dirname "$(leaf_of alice)")")" "$((64 << 20)) $((64 << 20))" "memory_low: the session has it, and the user"
is "$(low_of "$(dirname "$(leaf_of bob)")")" 0 "memory_low: another user has none"
is "$(low_of "$SCOPE") $(low_of $SLICE)" "$((64 << 20)) $((64 << 20))" "memory_low: and those above have as much"

stop_all
is "$(low_of "$SCOPE") $(low_of $SLICE)" "0 0" "memory_low: with the user's last session it is gone above, too"

# Control: what they have is memory that the kernel takes. It is asked for it until alice has little.
set_ini ''
fresh
hold alice
hold bob
check "memory_low: alice has her file in memory ($(mib_of alice) MiB)" test "$(mib_of alice)" -ge 40
alice_lost() {
	echo 16M >/sys/fs/cgroup/memory.reclaim
	[ "$(mib_of alice)" -le 12 ]
} 2>/dev/null
check "memory_low: control: without it a shortage takes alice's memory" wait_until 120 alice_lost
stop_all

# ---- all sessions together are at the limit of gocker.slice: a session takes too much ----
set_slice MemoryMax=120M
set_ini '[user:alice]' 'memory_low = 64M'
fresh
hold alice
run login_of bob 'dd if=more of=/dev/null bs=1M 2>/dev/null; dd if=more of=/dev/null bs=1M 2>/dev/null; echo read'
is "$out" read "memory_low: who reads more than is left gets it"
check "memory_low: and takes none of alice's ($(mib_of alice) MiB) [limit memory_low hog] [limit memory_low beside]" test "$(mib_of alice)" -ge 40
session=$(basename "$(leaf_of alice)")
low_hits() { "$GOCKER" inspect --format json "$session" | python3 -c 'import json, sys
seen = json.load(sys.stdin)
print((seen[0] if isinstance(seen, list) else seen)["memory"]["low_hits"])'; }
is "$(low_hits)" 0 "memory_low: inspect says that it was kept"
# What cannot be kept: nothing but protected memory is left below the limit.
set_slice MemoryMax=20M
check "memory_low: where it could not be kept, inspect counts ($(low_hits))" test "$(low_hits)" -gt 0
like "$("$GOCKER" stats --prometheus -)" 'gocker_session_memory_low_hits_total\{[^}]*user="alice"[^}]*\} [1-9]' "memory_low: and Prometheus has it [limit memory_low counted]"
stop_all
set_slice MemoryMax=infinity

# ---- what systemd and the administrator do beside it ----
set_ini '[user:alice]' 'memory_low = 64M' '[user:bob]' 'memory_low = 32M'
hold alice
hold bob
is "$(low_of "$SCOPE") $(low_of $SLICE)" "$((96 << 20)) $((96 << 20))" "memory_low: above is the sum of all users'"
systemctl daemon-reload
is "$(low_of "$SCOPE") $(low_of $SLICE)" "$((96 << 20)) $((96 << 20))" "memory_low: a reload of systemd does not change it"
set_slice MemoryHigh=infinity TasksMax=50%
login_of alice true
is "$(low_of "$SCOPE") $(low_of $SLICE)" "$((96 << 20)) $((96 << 20))" "memory_low: after a change of the slice the next login has it again"
set_slice MemoryLow=200M
login_of alice true
is "$(low_of $SLICE)" $((200 << 20)) "memory_low: more that the administrator gave the slice stays"
set_slice MemoryLow=0
set_ini '[user:alice]' 'memory_low = 64M'
login_of bob true
is "$(low_of "$(dirname "$(leaf_of bob)")") $(low_of "$SCOPE") $(low_of $SLICE)" "0 $((64 << 20)) $((64 << 20))" "memory_low: a login without it gives the user's back"
stop_all
is "$(low_of "$SCOPE") $(low_of $SLICE)" "0 0" "memory_low: and nothing is left of it"
set_ini ''
rm -f /home/alice/big /home/bob/big /home/bob/more
check_clean "nothing is left" 20
