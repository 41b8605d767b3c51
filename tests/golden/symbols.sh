#!/bin/bash
# Every public name stands for one function. The linker would not say: it takes a program's own
# function and never looks at the library's, which is then called with the wrong arguments.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}

objects=()
for source in src/*.c src/*/*.c src/*/*/*.c pam/*.c; do
	object=$build/${source%.c}.o
	[ ! -e "$object" ] || objects+=("$object")
done
names=$(nm -g --defined-only "${objects[@]}" | awk 'NF == 3 && $3 !~ /^(main|pam_sm_|_)/ { print $3 }' | sort)
like "$names" gk_fail "the names of the objects are found"
is "$(uniq -d <<<"$names")" "" "no name has two functions or variables"
echo "1..$tap_n"
[ "$tap_failed" = 0 ]
