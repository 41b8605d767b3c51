# shellcheck shell=bash
# The rule that nothing stays: what the host has before a test it has after it, no more, no less.

host_processes() { # all but the test itself and what it runs
	local pid parent comm args
	while read -r pid parent comm args; do
		if [ "$pid" != $$ ] && ! is_ours "$pid" "$parent"; then echo "$comm $args"; fi
	done < <(ps -e -o pid= -o ppid= -o comm= -o args=) | sort
}

is_ours() { # PID PARENT: a direct or later child of this script
	local parent=$2
	while [ "${parent:-0}" -gt 2 ]; do
		[ "$parent" != $$ ] || return 0
		parent=$(awk '/^PPid:/ { print $2 }' "/proc/$parent/status" 2>/dev/null)
	done
	[ "${parent:-0}" = $$ ]
}

host_mounts() { cut -d' ' -f3- /proc/1/mountinfo; }

# remember_host: what must be the same again at `check_clean`. What a login before is still taking
# down is given time to be gone.
remember_host() {
	local now='' last=none end=$((SECONDS + 60 * ${GKT_SLOW:-1}))
	until { [ "$now" = "$last" ] && [[ $now != *"<defunct>"* ]]; } || [ "$SECONDS" -ge "$end" ]; do
		last=$now
		nap "${GKT_POLL:-0.1}"
		now=$(host_processes)
	done
	[ "$now" = "$last" ] || not_ok "the host's processes settle before the test" "$(diff -U0 <(echo "$last") <(echo "$now"))"
	printf '%s\n' "$now" >"$GKT_WORK/processes.before"
	host_mounts >"$GKT_WORK/mounts.before"
}

host_differs() { # prints what is more or less than before
	local what now bad=1
	for what in processes mounts; do
		now=$("host_$what")
		[ "$now" != "$(<"$GKT_WORK/$what.before")" ] || continue
		diff -U0 "$GKT_WORK/$what.before" - <<<"$now" | grep '^[-+][^-+]' && bad=0
	done
	session_leaves | grep . && bad=0
	live_records | grep . && bad=0
	return $bad
}

# check_clean NAME [SECONDS]: no process, mount, cgroup or live record more than remembered; what is
# going is given some seconds to be gone.
check_clean() {
	local end=$((SECONDS + ${2:-10} * ${GKT_SLOW:-1})) left
	while left=$(host_differs); do
		if [ "$SECONDS" -ge "$end" ]; then
			not_ok "$1" "left behind:" "$left"
			return 1
		fi
		nap "${GKT_POLL:-0.1}"
	done
	ok "$1"
}
