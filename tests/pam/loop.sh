#!/bin/bash
# timeout: 600
# One process that opens and closes again and again: as at the start. GKT_OPENS says how often.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need pamtester
need_product
opens=${GKT_OPENS:-300}
add_user alice
set_ini
NAMED=narrow=$(command -v pamtester)
stack gt # nothing else: pam_limits and others leave what they looked up in the handle
# pamtester stands still where it is asked for a password.
sed -i 's|^auth .*|auth required pam_exec.so expose_authtok quiet /bin/true|' /etc/pam.d/gt

# What the first rounds leave in caches of the C library and libpam is no leak.
operations=()
rounds() { # TIMES, and then a stop
	local i
	for ((i = 0; i < $1; i++)); do operations+=(open_session close_session); done
	operations+=(authenticate)
}
rounds 20
rounds "$opens"
operations+=(open_session authenticate close_session)
mkfifo "$GKT_WORK/password"
pamtester gt alice "${operations[@]}" <"$GKT_WORK/password" >"$GKT_WORK/said" 2>"$GKT_WORK/asked" &
tester=$!
exec 7>"$GKT_WORK/password"
has_stopped() { [ "$(grep -o 'Password:' "$GKT_WORK/asked" | wc -l)" = "$1" ] || [ ! -e "/proc/$tester/exe" ]; }
stop() { # N: waits for the Nth
	wait_until 1200 has_stopped "$1"
	check "pamtester stands still (stop $1)" test -e "/proc/$tester/exe"
}

# The process, and what the host has because of it.
state() {
	local link
	for link in "/proc/$tester"/{fd,ns}/* "/proc/$tester/cwd"; do echo "${link#/proc/*/} $(readlink "$link")"; done
	stat -Lc 'root %d:%i' "/proc/$tester/root"
	grep -vE '^(Vm|Rss|SigQ|.*ctxt_switches)' "/proc/$tester/status" # SigQ is all of root's
	(cd "/proc/$tester" && cat cgroup limits mountinfo timerslack_ns oom_score_adj)
	echo "children $(cat "/proc/$tester/task/"*/children)"
	find /sys/fs/cgroup -type d -path '*gocker*'
	find /run/gocker
}
kb() { awk -v what="$1:" '$1 == what { print $2 }' "/proc/$tester/status"; }

stop 1
remember_host
before=$(state) rss=$(kb VmRSS) data=$(kb VmData)
like "$before" $'^fd/0 .*\nns/pid_for_children .*\nroot .*\nCapBnd:.*\nNoNewPrivs:\t0\n.*\nchildren *\n' "(control) what it has is seen"
echo x >&7
stop 2
is "$(diff <(echo "$before") <(state))" "" "$opens times open and close in one process: its fds, mounts, namespaces, cgroups, capabilities and children are as before"
grown=$(($(kb VmRSS) - rss)) more=$(($(kb VmData) - data))
check "its memory grew by $grown kB, less than 64, and what it may write by $more" test $grown -lt 64 -a $more -lt 64
check_clean "no process, mount, cgroup or record is left of any"
echo x >&7
stop 3
isnt "$(state)" "$before" "(control) in an open session it is not as before"
echo x >&7
exec 7>&-
wait $tester
is "$?" 0 "pamtester succeeds"
is "$(sort "$GKT_WORK/said" | uniq -c | tr -s ' \n' ' ')" \
	" $((opens + 21)) pamtester: session has successfully been closed. 3 pamtester: successfully authenticated $((opens + 21)) pamtester: successfully opened a session " \
	"in each of its steps"
check_clean "nothing is left of it"
