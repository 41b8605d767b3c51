#!/bin/bash
# A user's limit on the tasks of all his sessions, told as that, on kernels that count its events by
# themselves (since 6.11) and on those that count them with the session's.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
start_sshd ''
remember_host

burst='for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do (sleep 20 &) ; done; echo do""ne'
told() { # NAME PATTERN
	mark_syslog
	expect_test "$1: a user on a terminal is told which" <<-TCL
		login alice
		say {$burst}
		want {gocker: $2} 60
		say exit
		ended
	TCL
}
set_ini 'user_pids_max = 8' 'user_sessions_max = 1' 'pids_max = 40'
told "user_pids_max" 'limit of 8 tasks in all sessions together reached'
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=user_pids_max value=8 hits=[1-9]' "user_pids_max: so is the log"
wait_until 30 no_sessions
set_ini 'user_pids_max = 80' 'pids_max = 8'
told "pids_max" 'limit of 8 tasks reached'
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=pids_max value=8 hits=[1-9]' "pids_max: so is the log"
wait_until 30 no_sessions
check_clean "nothing is left" 30
