#!/bin/bash
# What --format json prints is JSON, with the names that gocker(8) promises and no others, through both
# doors; and what Prometheus reads is in its format.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq perl
need_product
set_ini 'pids_max = 20'

# promised COMMAND: the names that the page gives it, one a line.
promised() {
	sed -n '/^\.Sh JSON/,/^\.Sh ENV/p' "$GKT_TOP/packaging/man/gocker.8" |
		awk -v want="$1" '/^\.It / { on = index(" " $0 " ", " " want " ") > 0 } on && /^\.Cm / { $1 = ""; print }' |
		grep -oE '[a-z_0-9]+(\.[a-z_]+)*' | sort -u
}
# names: of an object or of all in an array, with those of objects inside as OUTER.INNER.
names() { jq -r '[paths | map(select(type == "string")) | join(".")] | unique | .[] | select(. != "")' | sort -u; }

# told NAME WHAT COMMAND...: the command prints JSON, whose names are WHAT and no others.
told() {
	local name=$1 said
	shift
	said=$("$GOCKER" "${@:2}" 2>"$GKT_WORK/err")
	if ! jq -e . <<<"$said" >/dev/null; then
		not_ok "$name: is JSON" "$said" "$(cat "$GKT_WORK/err")"
		return
	fi
	is "$(names <<<"$said" | paste -sd' ')" "$(sort -u <<<"$1" | paste -sd' ')" "$name: has the names of gocker(8)"
}

of_sessions=$(promised ps | grep -v '^processes' | grep -vx inspect; echo pids; echo memory; echo net)
one_door() {
	door_user "$door" --groups users
	start_sshd
	start_session "$door" 'echo ready; sleep 1000; :'
	id=$(id_of "$door")
	told "$door door: ps" "$of_sessions" ps --format json
	told "$door door: stats" "$of_sessions" stats --format json --user "$door"
	told "$door door: inspect" "$of_sessions"$'\nprocesses\nprocesses.comm\nprocesses.pid' inspect --format json "$id"
	is "$("$GOCKER" ps --format json | jq -c '.[0]|[.started,.pids.limit,.state,.uid]')" \
		"[\"$("$GOCKER" ps --format json | jq -r '.[0].started' | grep -xE '[0-9-]{10}T[0-9:]{8}Z')\",20,\"running\",$(uid_of "$door")]" \
		"$door door: times, numbers and words are of the kinds that it says"
	told "$door door: explain" "$(explained)" explain --format json --door "$door" "$door"
	check "$door door: Prometheus" prometheus "$GKT_WORK/$door.prom"
	"$GOCKER" kill "$id" >/dev/null
	wait "$session_pid"
	told "$door door: logs" "$(printf '%s\n' time event id user; "$GOCKER" logs --file "$GKT_SYSLOG" "$id" | grep -oE ' [a-z_]+=' | tr -d ' =')" \
		logs --format json --file "$GKT_SYSLOG" "$id"
	rm -f "$SSHD_PAM"
}

# The plan has many names; those of the page, and of the policy a value, section, line and profile for each key.
explained() {
	local key keys
	promised explain | grep -vxE 'value|section|line|profile'
	echo user
	mapfile -t keys < <(sed -n 's/^\.It Cm \([a-z_]*\).*/\1/p' "$GKT_TOP/packaging/man/gocker.ini.5")
	for key in "${keys[@]}"; do
		printf "policy.$key%s\n" '' .value .section .line .profile
	done
	"$GOCKER" explain --format json --door "$door" "$door" | names | grep '^plan\.'
}

# prometheus FILE: the exposition format, line by line: a HELP and a TYPE before each metric's samples, all
# of a metric together, no sample twice, escaped labels; and promtool's own opinion where there is one.
prometheus() {
	"$GOCKER" stats --prometheus "$1" || return 1
	perl -ne '
		our (%type, %seen, %done, $now);
		if (/^# HELP ([a-z_:][a-z0-9_:]*) \S.*$/) { die "$.: again\n" if $type{$1}; $help = $1; next }
		if (/^# TYPE (\S+) (gauge|counter)$/) {
			die "$.: no HELP\n" if $1 ne $help; $type{$1} = $2; $now = $1;
			die "$.: a counter is named _total\n" if ($2 eq "counter") != ($1 =~ /_total$/); next }
		/^([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,(?!\}))?)+\})? (-?[0-9.]+)$/ or die "$.: $_";
		die "$.: no TYPE\n" if $1 ne $now; die "$.: twice\n" if $seen{"$1$2"}++; $n++;
		END { die "nothing\n" if !$n }' "$1" || return 1
	! command -v promtool >/dev/null || promtool check metrics <"$1"
}

through_each_door one_door
told doctor "$(promised doctor)" doctor -q --format json
told check "$(promised check | grep -v '^faults\.\|^warnings\.')" check --format json
printf '[default]\npids_max = lots\n' >"$GKT_WORK/bad.ini"
printf '[default]\nenv_pass = KRB5CCNAME\n' >"$GKT_WORK/vain.ini"
is "$(for file in bad vain; do "$GOCKER" check --format json "$GKT_WORK/$file.ini" | names; done | sort -u | paste -sd' ')" \
	"$(promised check | paste -sd' ')" "check: faults and warnings have the names of gocker(8)"
own_images
tar -C /var/lib/gocker/images/alpine -cf "$GKT_WORK/a.tar" .
"$GOCKER" image import -q two "$GKT_WORK/a.tar" && "$GOCKER" image edit -q two touch /etc/more
of_image=$(promised 'image show' | grep -vxE 'tools|digest|ref|architecture|layers|config|base_digest|pinned'; "$GOCKER" image show --format json two | names | grep '^made_harmless\.')
told "image show" "$of_image" image show --format json two
told "image list" "$of_image"$'\n'used_by image list --format json two
file=$(find /var/lib/gocker/images -path '*two*/etc/more')
echo other >"${file:?}"
is "$("$GOCKER" image verify --format json two | names | paste -sd' ')" "$(promised 'image verify' | paste -sd' ')" \
	"image verify: a difference has the names of gocker(8)"

# What is not UTF-8 comes out as something that is.
printf 'Nov  3 22:01:38 host gocker-shell[7]: event=refused door=shell user="a\377b" code=125\n' >"$GKT_WORK/log"
"$GOCKER" logs --file "$GKT_WORK/log" --format json >"$GKT_WORK/out"
check "logs: bytes that are not UTF-8" iconv -f UTF-8 -t UTF-8 -o /dev/null "$GKT_WORK/out"
is "$(jq -r '.[0].user' "$GKT_WORK/out")" 'a?b' "are shown as such"
