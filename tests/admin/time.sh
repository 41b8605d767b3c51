#!/bin/bash
# max_duration and idle_timeout end sessions, with a warning where there is a terminal.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need expect
need_product
add_user alice
set_ini 'max_duration = 6s'
start_sshd
remember_host
mark_syslog

expect_test "max_duration: a warning on the terminal, a word at the end, and it ends [limit max_duration told]" <<'TCL'
spawn -noecho ssh -tt -l alice gocker
want {[$#] }
want {gocker: this session ends in [0-9]+ s \(max_duration\)} 15
want {gocker: this session has ended \(max_duration\)} 15
if {[ended] == 0} { fail "it ended with success" }
TCL
like "$(gocker_log)" 'event=end id=[0-9a-f]{12} reason=max_duration' "the log says why it ended [limit max_duration counted]"
start=$SECONDS
run ssh_as alice 'trap "" HUP TERM; while :; do sleep 1; done'
isnt "$rc" 0 "max_duration without a terminal: ended, though HUP and TERM are ignored [limit max_duration hog]"
check "in time: $((SECONDS - start)) s" test $((SECONDS - start)) -ge 5 -a $((SECONDS - start)) -le 90
is "$out$err" "" "and with no word between the user's bytes"
check_clean "nothing is left"

set_ini 'container_max_duration = 6s' 'max_duration = 1h'
mark_syslog
run ssh_as alice 'trap "" HUP TERM; while :; do sleep 1; done'
isnt "$rc" 0 "container_max_duration ends the container of a login"
like "$(gocker_log)" 'event=end id=[0-9a-f]{12} reason=max_duration' "and is logged as max_duration"
check_clean "nothing is left of it"

# The kernel keeps a terminal's times in steps of eight seconds.
set_ini 'idle_timeout = 12s'
mark_syslog
ssh_as alice 'sleep 30; echo still there' >"$GKT_WORK/quiet" 2>&1 </dev/null &
quiet=$!
# One types for longer than the limit, the other says nothing.
cat >"$GKT_WORK/typing" <<'TCL'
spawn -noecho ssh -tt -l alice gocker
want {[$#] }
for {set i 0} {$i < 10} {incr i} { say {echo typed""x}; want {typedx}; after 2500 }
say {exit 4}
equal [ended] 4
TCL
cat "$GKT_LIB/expect.tcl" "$GKT_WORK/typing" >"$GKT_WORK/typing.exp"
TERM=xterm expect "$GKT_WORK/typing.exp" >"$GKT_WORK/typing.out" 2>&1 </dev/null &
typing=$!
expect_test "idle_timeout: a warning on the terminal, and the end [limit idle_timeout hog] [limit idle_timeout told]" <<'TCL'
spawn -noecho ssh -tt -l alice gocker
want {[$#] }
want {gocker: this session ends in [0-9]+ s \(idle_timeout\)} 40
want {gocker: this session has ended \(idle_timeout\)} 40
if {[ended] == 0} { fail "it ended with success" }
TCL
wait "$typing"
is "$?:$(cat "$GKT_WORK/typing.out")" "0:" "a terminal in use is not idle, for longer than the limit [limit idle_timeout beside]"
wait "$quiet"
is "$(cat "$GKT_WORK/quiet")" "still there" "idle_timeout is of terminals only: a quiet command goes on"
is "$(gocker_log | grep -c 'reason=idle_timeout')" 1 "the log says which ended for it [limit idle_timeout counted]"
check_clean "nothing is left"
