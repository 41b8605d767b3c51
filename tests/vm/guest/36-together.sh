#!/bin/bash
# host: systemd
# timeout: 1800
# What bounds many users together: systemd's gocker.slice all of them, and a group the most sessions that its members
# may have, each with its limits, as gocker.ini(5) says.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user bob
have_user mallory
getent group pupils >/dev/null || add_group pupils
for user in alice bob; do join_group $user pupils; done
start_sshd ''
remember_host
SLICE=/sys/fs/cgroup/gocker.slice
hold() { # USER SCRIPT: a session that runs it and stays until it is stopped
	(exec_as_user "$1" "$GOCKER_SHELL" -c "$2
		echo ready; while :; do sleep 1000; done") >"$GKT_WORK/hold.$1" 2>&1 </dev/null &
	check "a session of $1 can be held" wait_until 60 grep -q ready "$GKT_WORK/hold.$1"
}
stop_all() {
	"$GOCKER" stop -t 1 --user alice >/dev/null 2>&1
	"$GOCKER" stop -t 1 --user bob >/dev/null 2>&1
	wait_until 30 no_sessions
}
# A program that uses so many MiB at once, and how it ends.
hog() { echo "dd if=/dev/zero of=/dev/null bs=${1}M count=1 2>/dev/null; echo \$?"; }
set_slice() { systemctl set-property --runtime gocker.slice "$@"; }

# ---- all users: gocker.slice ----
set_ini ''
login_of alice true
set_slice MemoryMax=64M MemorySwapMax=0
is "$(cat $SLICE/memory.max)" $((64 << 20)) "gocker.slice: MemoryMax is over all sessions"
hold alice 'dd if=/dev/zero of=/tmp/held bs=1M count=24 2>/dev/null'
mark_syslog
run login_of bob "$(hog 56)"
is "$out" 137 "gocker.slice: what one user has is missing for another, whose process is killed [limit all_sessions hog]"
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=host-memory hits=1' "gocker.slice: the log says that it was no limit of a policy [limit all_sessions told]"
like "$(gocker_log)" 'event=close .*user="bob".* oom_kills=1' "gocker.slice: and who lost a process"
check "gocker.slice: the other session goes on" test -n "$(session_leaves "$(uid_of alice)")"
run as_user mallory sh -c "$(hog 56)"
is "$out" 0 "gocker.slice: who is outside of it is not held back [limit all_sessions beside]"
stop_all
run login_of bob "$(hog 32)"
is "$out" 0 "gocker.slice: what the other has given back can be had"
systemctl daemon-reload
is "$(cat $SLICE/memory.max)" $((64 << 20)) "gocker.slice: systemd keeps it"
set_slice MemoryMax=infinity MemorySwapMax=infinity
run login_of bob "$(hog 56)"
is "$out" 0 "gocker.slice: control: without the limit it fits"

BURN='(while :; do :; done) & (while :; do :; done) &'
hold alice "$BURN"
hold bob "$BURN"
used() { awk '/^usage_usec/ { print $2 }' $SLICE/cpu.stat; }
share() { # what all sessions have of a processor, in per cent
	local from began
	from=$(used) began=${EPOCHREALTIME/./}
	nap 4
	echo $((($(used) - from) * 100 / (${EPOCHREALTIME/./} - began)))
}
set_slice CPUQuota=20%
limited=$(share)
check "gocker.slice: CPUQuota=20% leaves both users $limited % of a processor" test "$limited" -le 30
set_slice CPUQuota=
free=$(share)
check "gocker.slice: control: without it they have $free %" test "$free" -gt "$limited"
set_slice CPUWeight=50 IOWeight=50
is "$(cat $SLICE/cpu.weight)" 50 "gocker.slice: CPUWeight is its share beside the rest of the host"
stop_all

count=$(cat $SLICE/pids.current)
set_slice TasksMax=$((count + 16))
hold alice 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done'
run login_of bob "$FILL"
check "gocker.slice: TasksMax leaves another user what is left: $(last) tasks" test "0$(last)" -le 6
stop_all
set_slice TasksMax=50% CPUWeight= IOWeight=
run login_of bob "$FILL"
is "$(last)" 20 "gocker.slice: control: and else what the policy says"

# ---- a group: so many sessions of its members, each with its limits ----
set_ini '[group:pupils]' 'group_sessions_max = 2' 'memory_max = 24M' 'pids_max = 8' 'memory_swap_max = 0'
taken='dd if=/dev/zero of=/tmp/held bs=1M count=12 2>/dev/null'
for user in alice bob; do
	hold $user "$taken; $(hog 40)"
	like "$(cat "$GKT_WORK/hold.$user")" '^137' "a group: a session of $user's has no more than its memory_max"
done
refused "a group: there is no third session" 'your group' as_user alice "$GOCKER_SHELL" -c true
all=0
for leaf in $(session_leaves); do all=$((all + $(cat "$leaf/memory.max"))); done
is "$all" $((2 * (24 << 20))) "a group: its members together have at most group_sessions_max times memory_max"
run login_of mallory "$(hog 40)"
is "$out" 0 "a group: who is no member has what it likes"
stop_all
set_ini ''
check_clean "nothing is left" 20
no_unit_failed "no unit has failed"
