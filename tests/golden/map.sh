#!/bin/bash
# The maps (README.md in src, its rooms, pam and tests) name what is there and nothing else, and src/README.md
# tells which files run with privilege and how long they are.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}

quoted() { # FILE...: what stands in backticks, one a line
	sed '/^```/,/^```/d' "$@" | grep -oE '`[^`]+`' | tr -d '`'
}

# --- each file is named ---

# unnamed_in MAP FILE...: those that the map does not name, with or without their ending.
unnamed_in() {
	local map=$1 file base words
	shift
	words=$(quoted "$map" | tr ' ' '\n')
	for file in "$@"; do
		base=${file##*/}
		grep -qxE "(${file#src/}|$base|${base%.*})" <<<"$words" || echo "$file"
	done
}
is "$(unnamed_in src/README.md src/*.c src/{base,plan,tools}/*.c)" "" "src/README.md names every source file of its own"
is "$(unnamed_in src/run/README.md src/run/*/*.c)" "" "src/run/README.md every one of run/"
is "$(unnamed_in src/cli/README.md src/cli/*.c src/cli/*/*.c)" "" "src/cli/README.md every one of cli/"
is "$(unnamed_in src/image/README.md src/image/*.c)" "" "src/image/README.md every one of images"
is "$(unnamed_in pam/README.md pam/*.c)" "" "pam/README.md every one of the PAM door"
headers=
for file in src/*/*.h src/*/*/*.h pam/*.h; do [ -e "${file%.h}.c" ] || headers+=" $file"; done
# shellcheck disable=SC2086 # words
is "$(for file in $headers; do grep -q "\`[a-z/]*${file##*/}\`" {src,src/run,src/cli,src/image,pam}/README.md || echo "$file"; done)" \
	"" "and the headers that stand alone"

# --- nothing is named that is not there ---

# missing_of MAP FOLDER...: words of the map that look like files and are in none of the folders.
missing_of() {
	local map=$1 word folder
	shift
	quoted "$map" | tr ' ' '\n' | grep -E '^[A-Za-z0-9_.][A-Za-z0-9_./-]*\.(c|h|sh|md|mk|ini|map)$' | sort -u | while read -r word; do
		for folder in "$@"; do [ ! -e "$folder/$word" ] || continue 2; done
		echo "$word"
	done
}
is "$(missing_of src/README.md . src src/base src/plan src/run src/run/* src/cli src/cli/* src/image | grep -vx gocker.ini)" "" "src/README.md names no file that is not there"
is "$(missing_of src/run/README.md . src src/run src/run/* | grep -vx gocker.ini)" "" "nor does src/run/README.md"
is "$(missing_of src/cli/README.md . src/cli src/cli/*)" "" "nor src/cli/README.md"
is "$(missing_of src/image/README.md . src/image src | grep -vx info.json)" "" "nor does src/image/README.md"
is "$(missing_of pam/README.md . pam src | grep -vx gocker.ini)" "" "nor pam/README.md"
is "$(missing_of tests/README.md . tests tests/* tests/vm/guest conf)" "" "nor tests/README.md"
is "$(missing_of README.md . packaging | grep -vx 'draft.ini\|new.ini\|gocker.ini')" "" "nor README.md"

# --- where each limit is shown ---

rows=$(sed -n '/^<!-- limits/,/^<!-- .limits -->/p' tests/README.md | grep '^| ' | tail -n +2)
named=$(cut -d'|' -f2 <<<"$rows")
is "$(sed -n 's/^limit \(leaf_\)\?\([a-z_]*\) .*/\2/p' tests/golden/cases/full.plan | sed 's/_milli$//; s/_s$//; s/^terminals_max$/terminals/' |
	while read -r limit; do grep -qwF "$limit" <<<"$named" || echo "$limit"; done)" "" "tests/README.md has a row for each limit of a plan"
is "$(awk -F'|' '{ for (i = 2; i < NF; i++) if ($i ~ /^ *$/) print $2; if (NF != 7) print $2 }' <<<"$rows")" "" "and no empty cell in it"
is "$(grep -oE '[0-9a-z/-]+\.sh' <<<"$rows" | sort -u | while read -r file; do
	[ -e "tests/$file" ] || [ -e "tests/vm/guest/$file" ] || echo "$file"
done)" "" "and names files that are there"
is "$(tests/lib/limits --marks)" "" "and those that have a result for the cell, and all of them"

# --- what runs with privilege ---

table=$(sed -n '/^## What runs with privilege/,/^## /s/^| \(.*\) | \([0-9]*\) | \(`.*`\) |$/\2 \3/p' src/README.md | tr -d '`')
is "$(wc -l <<<"$table")" 5 "the table has its five rows"
while read -r said files; do
	# shellcheck disable=SC2086
	lines=$(cd src && cat $files | wc -l)
	off=$((lines > said ? lines - said : said - lines))
	check "the row of ${files%% *} has about $said lines ($lines)" test "$off" -le 150
done <<<"$table"
# The compiler wrote the name of each source file into the program; a sanitizer's own are none of ours.
linked=$(readelf --debug-dump=info --dwarf-depth=1 "$build/gocker-shell" 2>/dev/null |
	grep -oE 'src/(base/|plan/|run/[a-z]+/)?[a-z_-]+\.c' | sort -u)
if [ -z "$linked" ]; then
	skip "the table has the files of gocker-shell" "built without -g"
else
	is "$(cut -d' ' -f2- <<<"$table" | tr ' ' '\n' | sed 's,^,src/,' | sort)" "$linked" "the table has the files of gocker-shell, all and no others"
fi
echo "1..$tap_n"
[ "$tap_failed" = 0 ]
