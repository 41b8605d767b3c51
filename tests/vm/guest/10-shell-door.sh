#!/bin/bash
# The shell door on a whole host: real logins through the host's own sshd and PAM.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice

# The first session of all, of a policy without a limit of all sessions of a user (20-scope has the same).
[ "$GKT_HOST" = systemd ] || find /sys/fs/cgroup/gocker -depth -type d -exec rmdir {} + 2>/dev/null
set_ini 'user_pids_max = none'
run as_user alice "$GOCKER_SHELL" -c 'echo in'
is "$out$err" in "user_pids_max = none: the first session of a host has its limits"

set_ini 'pids_max = 12' 'user_pids_max = 40' 'memory_max = 100M' 'user_memory_max = 300M' 'cpus = 1.5'
start_sshd ''
remember_host
mark_syslog

diag "a contained login takes $(hundredths ssh_as alice true) hundredths of a second"
run ssh_as alice 'hostname; cat /proc/self/cgroup; ps -o pid,comm | head -n 2; exit 3'
is "$rc" 3 "a command's exit status is handed on"
like "$out" ^gocker-container "it runs in a container"
like "$out" $'\n0::/\n' "the session's cgroup is the root of what it sees of cgroups"
like "$(gocker_log)" 'event=open .*user="alice"' "the host's log tells of the login"
expect_test "a terminal session works" <<'TCL'
	login alice
	equal [ask "echo \$((6 * 7)); tty"] "42\r\n/dev/console"
	say exit
	equal [ended] 0
TCL

# Nested limits: of a user, of a session.
hold_session alice
base=$(sessions_base)
leaf=$(session_leaves "$(uid_of alice)")
is "$(dirname "$leaf")" "$base/u$(uid_of alice)" "sessions are where they belong: BASE/u<uid>/<id>"
like "/$(cut -d: -f3 "/proc/$held_init/cgroup")" "${leaf#/sys/fs/cgroup}" "init is in the session's group"
is "$(cat "$leaf/pids.max")" 13 "the session's tasks are limited"
is "$(cat "$leaf/memory.max")" $((100 << 20)) "and its memory"
is "$(cat "$leaf/cpu.max")" "150000 100000" "and its share of the processors"
is "$(cat "$leaf/../memory.max")" $((300 << 20)) "the user's memory is limited over all sessions"
check "and the user's tasks" test "$(cat "$leaf/../pids.max")" -ge 40 -a "$(cat "$leaf/../pids.max")" -le 80
check_not "the supervisor is not in the session's group" grep -qx "$held_supervisor" "$leaf/cgroup.procs"
run ssh_as alice "$FILL"
is "$(last)" 12 "a second session can have its own 12 tasks"
drop_session
check_clean "a lost connection leaves nothing" 20
set_ini 'pids_max = 30' 'user_pids_max = 8' 'user_sessions_max = 2'
run login_of alice "$FILL"
is "$(last)" 8 "where the user's limit is the smaller one, it holds"

# The kernel puts the first process into the session's group itself: no moment outside of it.
run strace -f -u alice -o "$GKT_WORK/trace" -e trace=clone,clone3,connect,execve "$GOCKER_SHELL" -c true
is "$rc $err" "0 " "a session can be traced by root"
like "$(cat "$GKT_WORK/trace")" 'clone3\(\{flags=[A-Z_|]*CLONE_INTO_CGROUP' "the session is cloned straight into its group"
check_clean "nothing is left in the end" 20
