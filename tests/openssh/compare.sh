#!/bin/bash
# OpenSSH's own regression suite (package openssh-tests), for a user with /bin/sh and for one behind
# each door of gocker: what passes for the one must pass for the other, or stand in
# tests/openssh/differences with the reason. OPENSSH_TESTS names the tests, or is "all"; without it, the
# telling set. Each door has a throwaway host of its own. Prints TAP and the counts; the logs of what
# failed are in BUILD/tests/openssh.
# timeout: 1500
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$top" || exit 1
BUILD=${BUILD:-build}
export BUILD
out=$BUILD/tests/openssh
suite=/usr/lib/openssh/regress
telling="connect proxy-connect connect-privsep exit-status exit-status-signal envpass transfer banner
	stderr-data stderr-after-eof broken-pipe yes-head login-timeout agent key-options scp scp3 scp-uri
	localcommand forcecommand"

if [ ! -d $suite ]; then
	if [ "${GOCKER_MUST_WORK:-0}" = 1 ]; then
		echo "not ok 1 - OpenSSH's own suite: the package openssh-tests is not installed"
	else
		echo "ok 1 - OpenSSH's own suite # SKIP the package openssh-tests is not installed"
	fi
	echo "1..1"
	[ "${GOCKER_MUST_WORK:-0}" != 1 ]
	exit
fi
wanted=${OPENSSH_TESTS:-$telling}
if [ "$wanted" = all ]; then
	wanted=$(sed -n '/^LTESTS=/,/^$/p' $suite/Makefile | grep -o '[a-z0-9-]*[a-z0-9]')
fi
read -r -d '' -a names <<<"$wanted"
doors=shell
[ ! -e "$BUILD/pam_gocker.so" ] || doors+=" pam"
doors=${GKT_DOORS:-$doors}

rm -rf "$out"
mkdir -p "$out"
for door in plain $doors; do
	tests/lib/host tests/openssh/suite "$door" "$top/$out/$door" "${names[@]}" >"$out/$door.said" 2>&1 &
done
wait

counts() { # DOOR
	awk '{ n[$2]++; s += $3 } END { printf "%d pass, %d fail, %d skip, %d s\n", n["pass"], n["fail"], n["skip"], s }' \
		"$out/$1"
}
reason() { # DOOR TEST
	sed -n "s/^\($1\|both\)[[:space:]]\+$2[[:space:]]\+//p" tests/openssh/differences
}
verdict() { # DOOR TEST
	awk -v name="$2" '$1 == name { print $2; n++ } END { if (!n) print "none" }' "$out/$1"
}

n=0 failed=0
compare() { # DOOR TEST
	local was is why
	was=$(verdict plain "$2") is=$(verdict "$1" "$2") why=$(reason "$1" "$2")
	n=$((n + 1))
	case $was:$is:$why in
	pass:pass:?*) echo "ok $n - $1: $2 passes: take it off tests/openssh/differences" ;;
	pass:pass:) echo "ok $n - $1: $2 passes" ;;
	pass:*:?*) echo "ok $n - $1: $2 differs: $why" ;;
	pass:*:)
		failed=$((failed + 1))
		echo "not ok $n - $1: $2 passes with /bin/sh, but here: $is"
		tail -n 30 "$out/$1.$2.log" 2>/dev/null | sed 's/^/# /'
		;;
	none:*)
		failed=$((failed + 1))
		echo "not ok $n - $1: $2 did not run with /bin/sh"
		tail -n 30 "$out/plain.said" | sed 's/^/# /'
		;;
	*) echo "ok $n - $1: $2 # SKIP with /bin/sh: $was; here: $is" ;;
	esac
}
for door in $doors; do
	for name in "${names[@]}"; do compare "$door" "$name"; done
done
for door in plain $doors; do printf '# %-6s %s\n' "$door" "$(counts "$door")"; done
echo "1..$n"
[ $failed = 0 ]
