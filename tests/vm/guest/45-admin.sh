#!/bin/bash
# part: logins
# host: systemd
# The administrator's commands where the kernel tells of memory and CPU, the log is the journal and
# systemd has a say.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
mark_syslog
set_ini 'pids_max = 12' 'memory_max = 64M'
start_sshd ''
remember_host

hold_session alice 'i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); done'
id=$(basename "$(session_leaves "$(uid_of alice)")")
like "$("$GOCKER" ps)" " 2/12 +[0-9.]+[KM] " "ps: tasks of their limit, and memory"
like "$("$GOCKER" ps --format json | tr -d ' \n')" '"memory":\{"now":[1-9][0-9]+,"peak":[1-9][0-9]+,"limit":67108864,"oom_kills":0,"high_hits":0,"low_hits":0\}' "ps --format json: memory in bytes"
like "$("$GOCKER" stats)" "$id +alice +2 +12 +[0-9]+ +0 +0 +[0-9.]+[KM] +[0-9.]+[KM] +64M +0 +[0-9]+\.[0-9]+s" "stats: memory, its peak and limit, CPU time"
run "$GOCKER" stats --prometheus -
like "$out" "gocker_session_memory_bytes\{[^}]*${id}[^}]*\} [1-9]" "stats --prometheus: memory"
like "$out" "gocker_session_cpu_seconds_total\{[^}]*${id}[^}]*\} [0-9.]*[1-9]" "stats --prometheus: CPU time"
like "$("$GOCKER" inspect "$id")" 'Memory +[0-9.]+[KM] of 64M, [0-9.]+[KM] at most so far' "inspect: memory of its limit"
expect_test "top: bars for tasks, memory and CPU" <<'TCL'
	set stty_init "rows 24 cols 120"
	set timeout [expr {20 * $env(GKT_SLOW)}]
	set env(TERM) xterm
	spawn /usr/local/bin/gocker top
	want { 2/12\]}
	want {[KM]/64M\]}
	want {[0-9.]+%}
	send -- q
	expect eof
TCL

# Frozen and killed.
check "gocker freeze" "$GOCKER" freeze "$id"
like "$("$GOCKER" ps --format json | tr -d ' \n')" '"state":"frozen"' "ps tells that a session is frozen"
check "gocker kill ends a frozen session" "$GOCKER" kill "$id"
check "at once" wait_until 10 test ! -d "/proc/$held_init"
drop_session
check_clean "and nothing is left of it" 20

# The journal.
set_ini 'pids_max = no'
ssh_as alice true 2>/dev/null
set_ini
run "$GOCKER" logs --user alice
is "$rc$err" 0 "gocker logs reads the journal"
like "$out" "T[0-9:]{8}Z +open +$id +alice" "logs: the opening"
like "$out" "T[0-9:]{8}Z +close +$id +alice .*duration_ms=" "logs: the close"
like "$out" 'refused +- +alice .*pids_max' "logs: a refusal with its reason"
like "$("$GOCKER" logs "$id")" "freeze +$id .*by=" "logs: what an administrator did"
as_user alice logger -t gocker-shell -p authpriv.info 'event=open id=f0f0f0f0f0f0 user="alice"'
journalctl --sync
unlike "$("$GOCKER" logs --user alice)" f0f0f0f0f0f0 "logs: a line that a user wrote is not shown"

# What doctor finds.
doctor() { run "$GOCKER" doctor; }
doctor
like "$out" 'cgroup.* v2, with .*memory.*pids' "doctor: cgroup v2 and its controllers"
like "$out" 'gocker.scope is delegated' "doctor: the scope is there"
like "$out" 'user@UID.service runs units' "doctor: user managers are a way out"
like "$out" 'cp .*/pam.d/systemd-user /etc/pam.d/systemd-user' "doctor: and what shuts it"
shipped_stack systemd-user
doctor
like "$out" 'user managers are refused' "doctor: shut"
unlike "$out" 'user@UID.service runs units' "doctor: and no more found"
rm -f /etc/pam.d/systemd-user
systemctl set-property "user-$(uid_of alice).slice" TasksMax=50
doctor
like "$out" 'drop-ins? for users. slices \(.*user-.*slice.d\) do(es)? not apply to the shell door' "doctor: limits of a user's slice no longer hold"
systemctl revert "user-$(uid_of alice).slice"
doctor
unlike "$out" 'not apply to the shell door' "doctor: taken back, they are not found"
systemctl stop gocker.scope
doctor
like "$out" 'gocker.scope is not there' "doctor: the scope is gone"
check_clean "nothing is left of all these" 20
