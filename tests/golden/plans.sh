#!/bin/bash
# The plan of every case: cases/NAME.request under cases/NAME.ini (or the shipped conf/gocker.ini
# where there is none) is cases/NAME.plan. GOLDEN_UPDATE=1 writes the plans anew.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
plan_of=${BUILD:-build}/tests/golden/plan-of
[ "$("$plan_of" --paths)" = "/usr/local/bin /var/lib/gocker" ] || {
	echo "1..0 # SKIP the plans are written down for the default PREFIX and LOCALSTATEDIR"
	exit 0
}

for request in tests/golden/cases/*.request; do
	case=${request%.request}
	ini=$case.ini
	[ -e "$ini" ] || ini=conf/gocker.ini
	got=$("$plan_of" "$ini" "$request" 2>&1) || not_ok "${case##*/}: plan-of runs" "$got"
	[ -z "${GOLDEN_UPDATE:-}" ] || printf '%s\n' "$got" >"$case.plan"
	if difference=$(diff -u "$case.plan" <(printf '%s\n' "$got")); then
		ok "${case##*/}: the plan is as written down"
	else
		not_ok "${case##*/}: the plan is as written down" "$difference"
	fi
done
echo "1..$tap_n"
[ "$tap_failed" = 0 ]
