# shellcheck shell=bash
# TAP: every assertion prints one result with the behaviour it is about as its name.

tap_n=0
tap_failed=0
rc=0 out='' err='' # of the last `run`

# What stands before each name; tests/lib/doors.sh says the row and the door there.
tap_prefix() { :; }

diag() { # TEXT: explains the result before it
	local line
	while IFS= read -r line; do printf '# %s\n' "$line"; done <<<"${1//[^[:print:][:space:]]/?}"
}

ok() { # NAME
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $(tap_prefix)$1"
}

not_ok() { # NAME [TEXT...]
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $(tap_prefix)$1"
	local text
	for text in "${@:2}"; do diag "$text"; done
	return 1
}

# A skip says why. `skip` is for what this machine can't do; it must not hide what it could have.
skip() { # NAME REASON
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $(tap_prefix)$1 # SKIP $2"
}

# For what is missing but could be there (a package, a file): no skip where everything must work.
skip_missing() { # NAME REASON
	if [ "${GOCKER_MUST_WORK:-0}" = 1 ]; then
		not_ok "$1" "must work here, but: $2"
	else
		skip "$1" "$2"
	fi
}

need() { # PROGRAM...: ends the script with a skip if one is missing
	local program
	for program; do
		command -v "$program" >/dev/null && continue
		skip_missing "$(basename "$0")" "$program is not installed"
		exit 0
	done
}

is() { # GOT WANTED NAME
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3" "got:    ${1:0:2000}" "wanted: ${2:0:2000}"
	fi
}

isnt() { # GOT UNWANTED NAME
	if [ "$1" != "$2" ]; then ok "$3"; else not_ok "$3" "got what must not be: ${1:0:2000}"; fi
}

like() { # GOT REGEX NAME: an extended regular expression
	if [[ $1 =~ $2 ]]; then ok "$3"; else not_ok "$3" "got:    ${1:0:2000}" "wanted: $2"; fi
}

unlike() { # GOT REGEX NAME
	if [[ $1 =~ $2 ]]; then not_ok "$3" "got:      ${1:0:2000}" "unwanted: $2"; else ok "$3"; fi
}

check() { # NAME CMD [ARG...]: the command must succeed
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "failed ($?): $*" "$said"; fi
}

check_not() { # NAME CMD [ARG...]: the command must fail
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then not_ok "$name" "succeeded: $*" "$said"; else ok "$name"; fi
}

# Runs a command and keeps what came of it in $rc, $out and $err (also as the files
# $GKT_WORK/out and $GKT_WORK/err, for bytes that a variable can't hold).
# shellcheck disable=SC2034
run() { # CMD [ARG...]
	"$@" >"$GKT_WORK/out" 2>"$GKT_WORK/err" </dev/null
	rc=$?
	out=$(tr -d '\0' <"$GKT_WORK/out")
	err=$(tr -d '\0' <"$GKT_WORK/err")
}

# wait_until SECONDS CMD [ARG...]: until the command succeeds; fails if it never does. GKT_SLOW
# multiplies the time limits of tests on a machine that is that much slower, which looks each GKT_POLL
# seconds.
wait_until() {
	local end=$((SECONDS + $1 * ${GKT_SLOW:-1} + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		nap "${GKT_POLL:-0.02}"
	done
}

# nap SECONDS: between two looks. Where starting a process costs much there is one that starts none.
nap() { sleep "$1"; }

# Runs an expect script from stdin as one test; tests/lib/expect.tcl says what it may use.
expect_test() { # NAME
	local said
	cat "$GKT_LIB/expect.tcl" - >"$GKT_WORK/expect"
	if said=$(TERM=xterm expect "$GKT_WORK/expect" 2>&1 </dev/null); then
		ok "$1"
	else
		not_ok "$1" "$(tail -c 3000 <<<"$said")"
	fi
}

tap_end() {
	local status=$?
	trap - EXIT
	stop_sshd
	if [ "$status" != 0 ] && [ "$status" != 1 ]; then
		echo "# ended early, exit status $status"
		exit "$status"
	fi
	echo "1..$tap_n"
	[ "$tap_failed" = 0 ] || exit 1
	exit "$status"
}
