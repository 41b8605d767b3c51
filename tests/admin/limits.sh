#!/bin/bash
# A limit that bites is explained: to the user on the terminal, to the administrator by its count.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq expect strace
need_product
add_user alice --groups students
set_ini 'pids_max = 20' 'contact = "the desk, room 12"' '[group:students]' 'pids_max = 6'
start_sshd
remember_host
mark_syslog

expect_test "the terminal says which limit, its value and the section it is from; once per burst [limit pids_max told]" <<'TCL'
spawn -noecho ssh -tt -l alice gocker
want {[$#] }
say {for i in 1 2 3 4 5 6 7 8 9 10 11 12; do (sleep 3 &) ; done; echo do""ne}
want {gocker: limit of 6 tasks reached \(\[group:students\]\); ask the desk, room 12\r}
never {gocker: limit of} 4
set id [exec gocker ps -q --user alice]
if {[exec gocker stats --format json | jq {.[0].pids.limit_hits}] < 1} { fail "stats does not count it" }
if {![regexp {limit hit [1-9][0-9]* times} [exec gocker inspect $id]]} { fail "inspect does not count it" }
say {exit}
ended
TCL
closed() { gocker_log | grep -q event=close; }
check "the session is closed" wait_until 30 closed
log=$(gocker_log)
like "$log" 'event=limit id=[0-9a-f]{12} limit=pids_max value=6 hits=[1-9]' "the log tells of it"
like "$log" 'event=close .* pids_hits=[1-9][0-9]* user_pids_hits=0' "the closing line has the count, as the session's own [limit pids_max counted]"
is "$(grep -c event=limit <<<"$log")" 1 "one line for a burst"

run ssh_as alice 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done 2>/dev/null; wait'
unlike "$out$err" 'gocker: limit' "without a terminal nothing of gocker's gets between the user's bytes"
mark_syslog
ssh_as alice true
wait_until 30 closed
like "$(gocker_log)" 'event=close .* pids_hits=0 user_pids_hits=0' "a session without hits says 0"

# The limit of all sessions together is another, and told as that.
all_together() {
	door_user "bob-$door"
	set_ini "[user:bob-$door]" 'user_pids_max = 12' 'user_sessions_max = 1' 'pids_max = 40'
	start_sshd
	mark_syslog
	expect_test "$door: user_pids_max is told as that, with its value and section [limit user_pids_max told]" <<-TCL
		spawn -noecho ssh -tt -l bob-$door gocker
		want {[\$#] }
		say {for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do (sleep 3 &) ; done; echo do""ne}
		want {gocker: limit of 12 tasks in all sessions together reached \(\[user:bob-$door\]\)}
		set id [exec gocker ps -q --user bob-$door]
		if {![regexp {limit hit 0 times\n.* \(user_pids_max\) hit [1-9][0-9]* times} [exec gocker inspect \$id]]} { fail "inspect does not count it as that" }
		equal [exec gocker inspect --format json \$id | jq {.[0].pids | .limit_hits == 0 and .user_limit_hits >= 1}] true
		equal [exec gocker stats --user bob-$door | awk {\$6 == "HITS" && \$7 == "UHITS" || \$6 == "0" && \$7 ~ /^[1-9]/ {n++} END {print n}}] 2
		equal [exec gocker stats --prometheus - | awk {/^gocker_session_tasks_limit_hits_total.*bob-$door.* 0\$/ || /^gocker_session_user_tasks_limit_hits_total.*bob-$door.* [1-9]/ {n++} END {print n}}] 2
		say {exit}
		ended
	TCL
	like "$(gocker_log)" 'event=limit id=[0-9a-f]{12} limit=user_pids_max value=12 hits=[1-9]' "$door: the log tells of it"
	check "$door: the session is closed" wait_until 30 closed
	like "$(gocker_log)" 'event=close .* pids_hits=0 user_pids_hits=[1-9]' "$door: the closing line has the count, as that limit's [limit user_pids_max counted]"
}

# A terminal takes one writer at a time, and the shell may be at it: what is turned away is said a moment later.
turned_away() {
	local of=gocker-super
	[ "$door" = shell ] || of=gocker-keeper
	door_user "tim-$door"
	set_ini "[user:tim-$door]" 'pids_max = 6'
	start_sshd
	expect_test "$door: words that meet another writer are told" <<-TCL
		spawn -noecho ssh -tt -l tim-$door gocker
		want {[\$#] }
		exec strace -qq -o $GKT_WORK/turned.$door -e trace=write -e inject=write:error=EAGAIN:when=1..3 -p [exec pgrep -x $of] &
		exec sh -c "until grep -q 'TracerPid:.*\[1-9\]' /proc/[exec pgrep -x $of]/status; do sleep 0.1; done"
		say {for i in 1 2 3 4 5 6 7 8 9; do (sleep 3 &) ; done; echo do""ne}
		want {gocker: limit of 6 tasks reached}
		say {exit}
		ended
	TCL
	is "$(grep -c 'gocker: limit.*EAGAIN.*INJECTED' "$GKT_WORK/turned.$door")" 3 "$door control: three times they were turned away"
}

# The same for as long as another writer waits for room: nobody reads what fills the terminal.
after_a_flood() {
	local home=/home/flo-$door limit=$((4 + ${#door}))
	door_user "flo-$door"
	set_ini "[user:flo-$door]" "pids_max = $limit"
	start_sshd
	mkfifo -m 666 "$home/go"
	expect_test "$door: words that come while the terminal is full are told after that" <<-TCL
		proc until {check} {exec bash -c "for i in {1..1200}; do \$check && exit; sleep 0.1; done 2>/dev/null; exit 1"}
		spawn -noecho ssh -tt -l flo-$door gocker
		want {[\$#] }
		say {dd if=/dev/zero bs=64k count=128 2>/dev/null & read go <~/go; for i in 1 2 3 4 5 6 7 8 9; do (sleep 3 &) ; done; wait; echo do""ne}
		until {grep -q n_tty_write /proc/\$(pgrep -n -u flo-$door -x dd)/stack}
		exec sh -c "echo go >$home/go"
		until {grep -q "event=limit .*limit=pids_max value=$limit " $GKT_SYSLOG}
		want {gocker: limit of $limit tasks reached}
		say {exit}
		ended
	TCL
}
stop_sshd
through_each_door all_together
stop_sshd
through_each_door turned_away
stop_sshd
through_each_door after_a_flood
start_sshd
check_clean "nothing is left"
