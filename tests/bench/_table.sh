# shellcheck shell=bash
# The table. Figures come with the number of runs; a bar is a ratio or a difference within one run.
# shellcheck disable=SC2154 # work: run

bars=()

heading() { printf '\n%s\n' "$*"; }

# show_laps FILE BASE: the lines of bench-lap, in ms, with the ratio of each median to that of BASE.
show_laps() {
	awk -F'\t' -v base="$2" '
		FNR == NR { if ($1 == base) unit = $4; next }
		FNR == 1 { printf "  %-24s %5s %8s %8s %8s %8s %9s %s\n", "", "runs", "p50", "p95", "p99", "CPU",
			"switches", "x " base }
		{ printf "  %-24s %5d %8.2f %8.2f %8.2f %8.2f %9d %s%s\n", $1, $2, $4 / 1e3, $5 / 1e3, $6 / 1e3,
			$8 / 1e3, $9, unit ? sprintf("%.2f", $4 / unit) : "-", $3 ? "  (" $3 " failed)" : "" }
	' "$1" "$1"
}

# field FILE NAME N: the Nth field of the line that begins with NAME.
field() { awk -F'\t' -v name="$2" -v n="$3" '$1 == name { print $n; exit }' "$1"; }

# bar WHAT GOT OP WANTED: remembered for the end. OP is <= or >=.
bar() {
	local verdict
	verdict=$(awk -v got="$2" -v op="$3" -v want="$4" 'BEGIN {
		if (got !~ /^-?[0-9.]+$/) print "not measured"
		else print (op == "<=" ? got + 0 <= want + 0 : got + 0 >= want + 0) ? "met" : "not met" }')
	bars+=("$(printf '%-66s %10s  %s %-6s %s' "$1" "${2:--}" "$3" "$4" "$verdict")")
}

# ratio A B, less A B: with two decimals; "-" where one is missing.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a == "" || b + 0 == 0) print "-"; else printf "%.2f\n", a / b }'; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { if (a == "" || b == "") print "-"; else printf "%.2f\n", a - b }'; }

print_bars() {
	heading "Bars"
	[ "${#bars[@]}" = 0 ] || printf '  %s\n' "${bars[@]}"
	echo "  load $(cut -d' ' -f1-3 /proc/loadavg) at the end"
}
