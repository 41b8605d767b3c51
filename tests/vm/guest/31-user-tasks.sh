#!/bin/bash
# host: systemd
# A user's limit on the tasks of all his sessions, told as that, on kernels that count its events by
# themselves (since 6.11) and on those that count them with the session's.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
start_sshd ''
remember_host

burst='for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do (sleep 20 &) ; done; echo do""ne'
# The counts: OWN and USERS are patterns.
told() { # NAME PATTERN OWN USERS
	mark_syslog
	expect_test "$1: a user on a terminal is told which, and inspect and stats count it as that [limit $1 told]" <<-TCL
		login alice
		say {$burst}
		want {gocker: $2} 60
		set id [exec gocker ps -q --user alice]
		set all [exec gocker inspect \$id][exec gocker stats --prometheus -]
		if {![regexp {limit hit $3 times} \$all]} { fail \$all }
		if {![regexp {user_pids_max\) hit $4 times} \$all]} { fail \$all }
		if {![regexp {session_tasks_limit_hits_total\{[^\}]*\} $3\n} \$all]} { fail \$all }
		if {![regexp {session_user_tasks_limit_hits_total\{[^\}]*\} $4\n} \$all]} { fail \$all }
		say exit
		ended
	TCL
}
set_ini 'user_pids_max = 8' 'user_sessions_max = 1' 'pids_max = 40'
told "user_pids_max" 'limit of 8 tasks in all sessions together reached' 0 '[1-9][0-9]*'
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=user_pids_max value=8 hits=[1-9]' "user_pids_max: so is the log [limit user_pids_max counted]"
wait_until 30 no_sessions
like "$(gocker_log)" 'event=close .* pids_hits=0 user_pids_hits=[1-9]' "user_pids_max: the closing line has the count [limit user_pids_max counted]"
set_ini 'user_pids_max = 80' 'pids_max = 8'
told "pids_max" 'limit of 8 tasks reached' '[1-9][0-9]*' 0
like "$(gocker_log)" 'event=limit id=[0-9a-f]* limit=pids_max value=8 hits=[1-9]' "pids_max: so is the log"
wait_until 30 no_sessions
like "$(gocker_log)" 'event=close .* pids_hits=[1-9][0-9]* user_pids_hits=0' "pids_max: the closing line has the count [limit pids_max counted]"
check_clean "nothing is left" 30
