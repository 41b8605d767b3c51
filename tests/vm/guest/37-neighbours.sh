#!/bin/bash
# host: systemd
# timeout: 1800
# Who takes all that a policy with every limit leaves, and a user beside it whose work takes hardly longer than alone.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user bob
start_sshd ''
remember_host

# The work of the innocent: computing, processes, and a file that is written to the disk and read.
WORK='i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done
	for i in 1 2 3 4 5 6 7 8 9 10; do cat /etc/passwd >/dev/null; done
	dd if=/dev/zero of=work bs=64k count=16 conv=fsync 2>/dev/null; cat work >/dev/null; rm work'
work() { hundredths login_of bob "$WORK"; }

LIMITS=('pids_max = 20' 'memory_max = 24M' 'memory_swap_max = 0' 'cpus = 0.05' 'cpu_weight = 10'
	'io_max = home:rbps=256K,wbps=256K,riops=20,wiops=20')
start_hog() { # SCRIPT
	(exec_as_user alice "$GOCKER_SHELL" -c "echo begun; $1") >"$GKT_WORK/hog" 2>/dev/null </dev/null &
	hog=$!
	wait_until 120 grep -q begun "$GKT_WORK/hog"
}
counter() { # PATH: of alice's session, as inspect has it
	"$GOCKER" inspect --format json "$("$GOCKER" ps -q --user alice)" | python3 -c 'import json, sys
value = json.load(sys.stdin)
value = value[0] if isinstance(value, list) else value
for part in sys.argv[1].split("."):
    value = value[part]
print(value)' "$1"
}
has_counted() {
	counted=$(counter "$1")
	[ "${counted:-0}" -gt 0 ]
}
stop_hog() {
	"$GOCKER" kill --user alice >/dev/null 2>&1
	wait "$hog" 2>/dev/null
	wait_until 60 no_sessions
}

# The least that the work takes, of as many rounds as it needs: whatever else this machine is busy with takes time from
# a single one. In each round both are measured, one after the other.
within() { [ $((beside * 10)) -le $((alone * 12)) ]; }
longer() { ! within; }
least() { # UNTIL COUNTER SCRIPT: sets alone, beside, counted
	local round now
	alone=999999 beside=999999 counted=0
	for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
		now=$(work)
		alone=$((now < alone ? now : alone))
		start_hog "$3"
		wait_until 120 has_counted "$2"
		now=$(work)
		beside=$((now < beside ? now : beside))
		stop_hog
		if [ "$round" -gt 1 ] && "$1"; then break; fi
	done
	echo "# $beside hundredths of a second beside it, $alone alone, in $round rounds"
}
stays() { # NAME COUNTER SCRIPT
	least within "${@:2}"
	check "$1: who takes too much feels it: $2 is $counted" test "$counted" -gt 0
	check "$1: a user beside it works within 1.2 of the time that it takes alone" within
}

set_ini
run login_of bob "$WORK; echo done"
is "$rc:$out" 0:done "the work can be done"

# Without limits it takes longer.
BURN='while :; do :; done'
least longer pids.now "for i in 1 2 3 4 5 6; do ($BURN) & done; wait"
check "control: beside one without limits the work takes longer" longer

set_ini "[user:alice]" "${LIMITS[@]}"
stays cpus cpu_throttled "for i in 1 2 3 4 5 6; do ($BURN) & done; wait"
stays pids_max pids.limit_hits 'awk "BEGIN { while (1) system(\"sleep 100 &\") }"'
stays memory_max memory.oom_kills 'while :; do dd if=/dev/zero of=/dev/null bs=200M count=1; done'
set_ini "[user:alice]" "${LIMITS[@]}" 'memory_high = 12M'
stays memory_high memory.high_hits 'while :; do dd if=/dev/zero of=/dev/null bs=20M count=1; done'
stays io_max io_stalled_usec 'for i in 1 2 3 4; do (while :; do dd if=/dev/zero of=big$i bs=1M count=8 conv=fsync; done) & done; wait'

rm -f /home/alice/big*
check_clean "nothing is left" 20
