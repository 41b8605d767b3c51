#!/bin/bash
# What draws for an administrator, on terminals of 80 and 200 columns, with no session, with one, and in the audit with
# 200: no line is wider than the terminal, and each session has its line.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need expect
need_product
add_user alice
set_ini 'user_sessions_max = 300' 'user_pids_max = none' 'hostname = a-host-name-that-is-long-enough-to-be-cut-off'
own_images
remember_host

# drawn WIDTH CMD...: what it writes on a terminal, without colours, in $GKT_WORK/drawn.
drawn() {
	cat >"$GKT_WORK/draw" <<-TCL
		set timeout 120
		set stty_init "rows 60 columns $1"
		match_max -d 1000000
		log_user 0
		spawn -noecho env TERM=xterm ${@:2}
		expect { eof {} timeout { exit 3 } }
		puts -nonewline \$expect_out(buffer)
		exit [lindex [wait] 3]
	TCL
	expect "$GKT_WORK/draw" </dev/null | tr -d '\r' | sed 's/\x1b\[[0-9;]*[mHJK]//g' >"$GKT_WORK/drawn"
}
widest() { awk '{ if (length > n) n = length } END { print n + 0 }' "$GKT_WORK/drawn"; }
fits() { # NAME WIDTH
	local most
	most=$(LC_ALL=C.UTF-8 widest)
	check "$1: no line is wider than $2 columns" test "$most" -le "$2" || diag "$(awk -v n="$2" 'length > n' "$GKT_WORK/drawn")"
}
# rows of sessions that a table has
rows() { grep -cE '^[0-9a-f]{7,12} ' "$GKT_WORK/drawn"; }

open_sessions() { # MORE ALL
	local n
	for ((n = 0; n < $1; n++)); do
		as_user alice "$GOCKER_SHELL" -c 'sleep 1000 & wait' >/dev/null 2>&1 </dev/null &
	done
	check "$2 sessions are open" wait_until 300 eval '[ "$("$GOCKER" ps -q | wc -l)" = '"$2"' ]'
}

# whole TEXT COLUMN: the column has all of the text, over as many lines as it took. Columns are found by the title.
whole() {
	local cell
	cell=$(awk -v title="$2" '
		NR == 1 { at = index($0, title); rest = substr($0, at + length(title)); wide = match(rest, /[^ ]/) ? length(title) + RSTART - 2 : 80; next }
		{ line = substr($0, at, wide); gsub(/ /, "", line); printf "%s", line }' "$GKT_WORK/drawn")
	like "$cell" "$1" "image list, 80 columns: nothing of $2 is cut off" || cat "$GKT_WORK/drawn"
}

look() { # SESSIONS
	local width
	for width in 80 200; do
		drawn $width "$GOCKER ps"
		fits "ps, $1 sessions" $width
		is "$(rows)" "$1" "ps, $1 sessions, $width columns: a line for each"
		drawn $width "$GOCKER stats --no-stream"
		fits "stats, $1 sessions" $width
		is "$(rows)" "$1" "stats, $1 sessions, $width columns: a line for each"
		drawn $width "$GOCKER image list"
		fits "image list, $1 sessions" $width
		is "$(grep -c '^alpine ' "$GKT_WORK/drawn")" 1 "image list, $1 sessions, $width columns: a line for the image"
		drawn $width "$GOCKER doctor"
		fits "doctor, $1 sessions" $width
		like "$(tail -n 1 "$GKT_WORK/drawn")" 'bad, [0-9]+ warn; [0-9]+ tried and ok, [0-9]+ only read$' \
			"doctor, $1 sessions, $width columns: the summary"
	done
}

look 0
open_sessions 1 1
look 1
if [ "${GKT_FULL:-}" = 1 ]; then
	open_sessions 199 200
	look 200
fi
# An image with a long name and source, in use by users with long names: nothing is left out at 80 columns.
long_name=an-image-with-a-name-that-is-long
source=$GKT_WORK/a-directory/for-archives/that-are-images.tar
mkdir -p "${source%/*}"
tar -C /var/lib/gocker/images/alpine -cf "$source" .
check "an image of a long name" "$GOCKER" image import -q $long_name "$source"
for user in a-first-user-of-it a-second-user-of-it; do
	add_user $user
	set_ini "image = $long_name"
	as_user $user "$GOCKER_SHELL" -c 'sleep 1000 & wait' >/dev/null 2>&1 </dev/null &
	# One after the other: the list names them in the order of opening.
	wait_until 60 eval '[ -n "$("$GOCKER" ps -q --user $user)" ]'
done
check "both have" wait_until 60 eval '[ "$("$GOCKER" ps -q --filter image=$long_name | wc -l)" = 2 ]'
drawn 80 "$GOCKER image list $long_name"
fits "image list, long cells" 80
whole "^$long_name\$" NAME
whole "^$source\$" SOURCE
whole "^a-first-user-of-it,a-second-user-of-it\$" "USED BY"
whole "^AlpineLinuxv[0-9.]*\$" WHAT
for user in a-first-user-of-it a-second-user-of-it; do "$GOCKER" kill --user $user >/dev/null; done
check "all are ended" "$GOCKER" kill --user alice
check "and gone" wait_until 120 eval '[ -z "$("$GOCKER" ps -q)" ]'
check_clean "nothing is left"
