#!/bin/bash
# The administrator's commands and sessions that came through the PAM door.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq expect
need_product
add_user alice --shell /bin/sh
add_user bob --shell /bin/sh
set_ini 'pids_max = 9' '[user:bob]' 'max_duration = 8s'
sed -e 's/^session *required *pam_loginuid.so/session optional pam_loginuid.so/' \
	-e 's/^@include common-auth/auth required pam_permit.so/' /usr/local/share/gocker/pam.d/sshd >/etc/pam.d/gocker-sshd
start_sshd
remember_host
mark_syslog

start_session alice 'echo secret >/tmp/mine; echo ready; sleep 1000; :'
id=$(id_of alice)
one() { "$GOCKER" ps --format json --user alice | jq -r ".[0]|$1"; }
is "$(one '.user,.door,.image,.from,.state' | paste -sd' ')" "alice pam alpine 127.0.0.1 running" "ps: who, the door, from where"
is "$(one '.pids.now,.pids.limit' | paste -sd/)" 2/9 "ps: the user's tasks, without what sshd needs"
is "$("$GOCKER" ps -q --door pam):$("$GOCKER" ps -q --door shell)" "$id:" "ps --door"
like "$("$GOCKER" inspect "$id")" 'Tasks +2 of 9 \(\[default\]\)' "inspect"
like "$("$GOCKER" stats --prometheus -)" "gocker_session_tasks\{id=\"$id\",user=\"alice\",door=\"pam\"" "stats"

is "$(one .command)" 'sh -c echo secret >/tmp/mine; echo ready; sleep 1000; :' "ps: the command, without sshd's own"
add_user carol --shell /bin/sh
expect_test "ps: the terminal that sshd made inside, how long it was idle, the shell on it" <<'TCL'
spawn -noecho ssh -tt -l carol gocker
want {[$#] }
after 2500
equal [exec gocker ps --format json --user carol | jq -r {.[0] | [.tty, .command] | join(" ")}] "/dev/pts/0 -sh"
set idle [exec gocker ps --format json --user carol | jq {.[0].idle_s}]
if {$idle < 2 || $idle > 60} { fail "idle: $idle" }
if {![regexp {carol +pam +alpine +pts/0 +127.0.0.1 +[0-9]+[sm] +[0-9]+s +1/9 } [exec gocker ps --no-trunc]]} { fail [exec gocker ps] }
say {exit}
ended
TCL
run "$GOCKER" exec "$id" cat /tmp/mine
is "$rc:$out" 0:secret "exec: inside"
run "$GOCKER" exec "$id" sh -c 'id -un; grep -E "^(CapBnd|NoNewPrivs|Seccomp:)" /proc/self/status'
is "$out" "$(printf 'alice\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2')" "exec: as the user, with no power"
run "$GOCKER" exec "$id" sh -c 'i=0; while sleep 100 & do i=$((i + 1)); echo $i; [ $i -lt 50 ] || break; done'
like "$err" "can't fork" "exec: within the session's limit"
pkill -KILL -f '^sleep 100$'

run "$GOCKER" kill -s USR1 "$id"
is "$rc" 0 "a signal that ends the user's processes"
wait "$session_pid"
isnt $? 0 "ends the login"
check "and its session" wait_until 30 no_session alice
check "sshd lives, and the next login works" ssh_as alice true
start_session alice 'trap "" TERM HUP; echo ready; while :; do sleep 1000; done'
run "$GOCKER" kill --user alice
is "$rc" 0 "kill --user"
wait "$session_pid"
check "the session is gone" wait_until 30 no_session alice
start=$SECONDS
run ssh_as bob 'trap "" TERM HUP; while :; do sleep 1; done'
isnt "$rc" 0 "max_duration ends a login"
check "in time: $((SECONDS - start)) s" test $((SECONDS - start)) -ge 6 -a $((SECONDS - start)) -le 90
expect_test "max_duration: a warning on the terminal, a word at the end, and it ends" <<'TCL'
spawn -noecho ssh -tt -l bob gocker
want {[$#] }
want {gocker: this session ends in [0-9]+ s \(max_duration\)} 60
want {gocker: this session has ended \(max_duration\)} 60
if {[ended] == 0} { fail "it ended with success" }
TCL
is "$(gocker_log | grep -c 'event=end .*reason=max_duration')" 2 "the log says why both ended"
run "$GOCKER" logs --file "$GKT_SYSLOG" --user alice
like "$out" "open +$id +alice" "logs: the opening"
like "$out" "close +$id +alice .* pids_hits=[1-9]" "logs: the close, with the hits of the limit"
like "$out" "kill +[0-9a-f]{12} +alice +signal=9 by=root" "logs: what the administrator did"
check_clean "nothing is left"
