#!/bin/bash
# gocker check and gocker explain, as anyone runs them, on files that are no host's.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
gocker=${BUILD:-build}/gocker
cases=tests/golden/cases
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
GKT_WORK=$work

is "$("$gocker" check conf/gocker.ini)" "conf/gocker.ini: no fault found" "the shipped configuration has no fault"

# The profiles in it, taken as a reader would take them.
sed 's/^; \(\[group:\|[a-z_]* = \)/\1/' conf/gocker.ini >"$work/profiles.ini"
is "$(grep -c '^\[group:' "$work/profiles.ini")" 3 "the shipped configuration has three profiles"
run "$gocker" check "$work/profiles.ini"
# image_dir, a default told of, is the one other line that this takes the mark from.
is "$rc:$out" "0:$work/profiles.ini: no fault found" "its profiles have no fault either"

run "$gocker" check "$cases/faults.bad"
is "$rc" 1 "a file with faults: exit status 1"
is "$err" "" "the report goes to stdout"
[ -z "${GOLDEN_UPDATE:-}" ] || printf '%s\n' "$out" >"$cases/faults.check"
is "$out" "$(cat "$cases/faults.check")" "every fault has its line, its reason and what to write instead"
run "$gocker" check --format json "$cases/faults.bad"
is "$rc" 1 "as JSON: exit status 1"
is "$(perl -MJSON::PP -0777 -ne '
	my $report = decode_json($_);
	printf "%s:%d: %s; %s\n", $report->{file}, @$_{qw(line reason hint)} for @{$report->{faults}};
' <<<"$out" 2>&1)" "$(cat "$cases/faults.check")" "as JSON: the same faults"
is "$("$gocker" check --format json conf/gocker.ini | tr -d ' \n')" \
	'{"file":"conf/gocker.ini","ok":true,"faults":[]}' "as JSON: no fault is an empty list"

refuses() { # NAME STATUS STDERR-REGEX CMD...
	local name=$1 status=$2 said=$3
	shift 3
	run "$@"
	is "$rc" "$status" "$name: exit status $status"
	like "$err$out" "$said" "$name: says why"
	is "$(printf '%s\n' "$err$out" | wc -l)" 1 "$name: in one line"
}
mkfifo "$work/fifo"
head -c 2000000 /dev/zero >"$work/big"
printf '[default]\0\n' >"$work/nul"
printf '[default]\nshell = /b\xe4\n' >"$work/latin1"
refuses "a missing file" 125 'No such file' "$gocker" check "$work/missing"
refuses "a directory" 1 'not a regular file' "$gocker" check "$work"
refuses "a FIFO" 1 'not a regular file' timeout 10 "$gocker" check "$work/fifo"
refuses "2 MB of zeros" 1 'larger than' "$gocker" check "$work/big"
refuses "a NUL byte" 1 'NUL' "$gocker" check "$work/nul"
refuses "Latin-1" 1 'latin1:2: .*not UTF-8' "$gocker" check "$work/latin1"
refuses "two files" 2 'one file' "$gocker" check a b
refuses "an unknown option" 2 'unknown option.*--wrong' "$gocker" check --wrong
refuses "an unknown format" 2 'text or json' "$gocker" check --format yaml

me=$(id -un)
cat >"$work/explain.ini" <<EOF
[default]
pids_max = 31
home = none
[user:$me]
cpus = 1.5
[group:nobody-is-in-this]
pids_max = 32
EOF
explain() { "$gocker" explain --config "$work/explain.ini" "$@"; }
line() { explain "$me" | awk -v key="$1" '$1 == key { $1 = ""; print substr($0, 2) }'; }
is "$(line pids_max)" "31 [default] line 2" "explain: a value and the line that decided it"
is "$(line cpus)" "1.500 [user:$me] line 5" "explain: the user's own section"
is "$(line shell)" "/bin/sh built-in" "explain: a default"
is "$(explain "$me" | grep -c '^mount overlay')" 1 "explain: the plan follows"
like "$(explain "$me")" 'arg "-sh"' "explain: a login without a command is a login shell"
like "$(explain --command 'ls "x"' "$me")" 'arg "-c"
arg "ls \\"x\\""' "explain --command: the plan for that command"
like "$(explain --door pam "$me")" '^user.*door pam' "explain --door pam: the other door's plan"
is "$(explain --format json "$me" | perl -MJSON::PP -0777 -ne '
	my $r = decode_json($_);
	print join " ", @{$r->{policy}{pids_max}}{qw(value section line)}, $r->{user}{name},
		$r->{refused} // "null", scalar grep { $_ eq "limit leaf_pids_max 32" } @{$r->{plan}};
' 2>&1)" "31 default 2 $me null 1" "explain --format json: the same, for programs"
refuses "explain an unknown user" 125 'no account' "$gocker" explain --config "$work/explain.ini" no-such-user
refuses "explain under a file with faults" 125 'faults.bad:2: ' "$gocker" explain --config "$cases/faults.bad" "$me"
printf '[default]\nvolumes = /srv:/etc\nhome = none\n[user:%s]\n' "$me" >"$work/refused.ini"
run "$gocker" explain --config "$work/refused.ini" "$me"
is "$rc" 1 "explain a login that would be refused: exit status 1"
like "$err" 'would be refused: the volume /etc' "explain a login that would be refused: says why"
like "$out" 'volumes +/srv:/etc +\[default\] line 2' "explain a login that would be refused: tells the policy all the same"
is "$("$gocker" explain --config "$work/refused.ini" --format json "$me" 2>/dev/null | grep -c '"plan": *null')" 1 \
	"explain a login that would be refused: as JSON without a plan"
echo "1..$tap_n"
[ "$tap_failed" = 0 ]
