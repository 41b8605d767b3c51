# shellcheck shell=bash
# Logins ten times a second (or each LOGINS_EVERY seconds), and what became of each while something else went on.
# No more than LOGINS_AT_ONCE are under way: a machine that is too slow for them has fewer, and does the rest as well.

# start_logins USER...: in turn, until stop_logins. Each leaves NUMBER.PHASE, what it printed, and
# NUMBER.PHASE.err.
start_logins() {
	mkdir -p "$GKT_WORK/logins"
	echo before >"$GKT_WORK/logins-phase"
	(
		trap - EXIT
		n=0
		users=("$@")
		while phase=$(cat "$GKT_WORK/logins-phase" 2>/dev/null) && [ -n "$phase" ]; do
			while [ "$(jobs -rp | wc -l)" -ge "${LOGINS_AT_ONCE:-10}" ]; do wait -n; done
			n=$((n + 1))
			at=$GKT_WORK/logins/$n.$phase
			ssh -l "${users[n % $#]}" gocker hostname >"$at" 2>"$at.err" </dev/null &
			sleep "${LOGINS_EVERY:-0.1}"
		done
		wait
	) &
	logins_pid=$!
	wait_until 20 grep -qs . "$GKT_WORK"/logins/1.before
}

# begin_phase NAME: logins that begin from now on are of this phase.
begin_phase() {
	echo "$1" >"$GKT_WORK/logins-phase.new"
	mv "$GKT_WORK/logins-phase.new" "$GKT_WORK/logins-phase"
}

logins_of() { find "$GKT_WORK/logins" -name "*.$1" | wc -l; }

stop_logins() {
	rm -f "$GKT_WORK/logins-phase"
	wait "$logins_pid"
}

# judge_logins LEAST [PHASE]: each that began (in it) was contained or refused, and at least so many were
# contained.
judge_logins() {
	local all contained outside files name=${2:+$2: }
	mapfile -t files < <(find "$GKT_WORK/logins" -name "*.${2:-*}" ! -name '*.err')
	all=${#files[@]}
	contained=$(cat "${files[@]}" /dev/null | grep -cx gocker-container)
	outside=$(cat "${files[@]}" /dev/null | grep -vx gocker-container)
	is "$outside" "" "${name}each of $all logins is contained or refused ($((all - contained)) refused)"
	check "${name}at least $1 are contained" test "$contained" -ge "$1"
	diag "refusals: $(cat "${files[@]/%/.err}" /dev/null | sort | uniq -c | head -n 5)"
}
