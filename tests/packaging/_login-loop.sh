# shellcheck shell=bash
# Logins ten times a second (or each LOGINS_EVERY seconds), and what became of each.

# start_logins USER...: in turn, until stop_logins.
start_logins() {
	mkdir -p "$GKT_WORK/logins"
	: >"$GKT_WORK/logins-go"
	(
		trap - EXIT
		n=0
		users=("$@")
		while [ -e "$GKT_WORK/logins-go" ]; do
			n=$((n + 1))
			ssh -l "${users[n % $#]}" gocker hostname >"$GKT_WORK/logins/$n" 2>"$GKT_WORK/logins/$n.err" </dev/null &
			sleep "${LOGINS_EVERY:-0.1}"
		done
		wait
	) &
	logins_pid=$!
	wait_until 20 grep -qs . "$GKT_WORK"/logins/1
}

stop_logins() {
	rm -f "$GKT_WORK/logins-go"
	wait "$logins_pid"
}

# judge_logins LEAST: each was contained or refused, and at least so many were contained.
judge_logins() {
	local all contained outside
	all=$(find "$GKT_WORK/logins" -type f ! -name '*.err' | wc -l)
	contained=$(grep -lx gocker-container -r "$GKT_WORK/logins" | wc -l)
	outside=$(grep -L 'gocker-container' -r "$GKT_WORK/logins" --exclude='*.err' | xargs -r grep -l .)
	is "$outside" "" "each of $all logins is contained or refused ($((all - contained)) refused)"
	check "and at least $1 are contained" test "$contained" -ge "$1"
	diag "refusals: $(cat "$GKT_WORK"/logins/*.err | sort | uniq -c | head -n 5)"
}
