#!/bin/bash
# gocker ps, inspect and stats show the sessions that live, and what they use.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq
need_product
add_user alice
add_user bob --groups students
set_ini 'pids_max = 20' '[group:students]' 'pids_max = 7'
start_sshd
remember_host

run "$GOCKER" ps
is "$rc" 0 "ps with no session succeeds"
like "$out" '^ID +USER +DOOR +IMAGE +TTY +FROM +AGE +IDLE +PIDS( +MEMORY)? +COMMAND$' "ps has its columns"
is "$("$GOCKER" ps --format json | jq -c .)" '[]' "ps --format json without a session is an empty list"
run "$GOCKER" inspect 0123
is "$rc" 1 "inspect of a session that is not: exit status 1"
like "$err" 'no session 0123' "and says so"
commands=$("$GOCKER" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
like "$(paste -sd' ' <<<"$commands")" '^run check explain image enable disable doctor ps top .* gc$' "gocker --help lists the commands"
images=$("$GOCKER" image --help | sed -n 's/^  \([a-z]\{1,\}\)[ ].*/image \1/p' | sort -u)
like "$(paste -sd' ' <<<"$images")" '^image edit image fetch .* image verify$' "gocker image --help lists its own"
while read -ra words; do
	command=${words[*]} wrong=2 # a command that runs another's has the convention of env(1)
	[[ $command != run && $command != exec ]] || wrong=125
	run "$GOCKER" "${words[@]}" --help
	is "$rc:${out%% *}:$err" 0:Usage:: "$command --help"
	run "$GOCKER" "${words[@]}" --no-such-option
	is "$rc:$out" "$wrong:" "$command: an unknown option is a usage error"
	like "$err" "^gocker $command: .*--no-such-option.*; see .gocker $command --help" "$command: which says so"
done <<<"$commands"$'\n'"$images"
while read -ra words; do
	run as_user alice "$GOCKER" "${words[@]}"
	like "$rc:$out:$err" '^125::gocker [a-z]*: .*root' "${words[*]} is root's"
done <<-'COMMANDS'
	ps
	stats
	gc
	logs
	top
	doctor
	inspect 0
	exec 0 true
	kill 0
	stop 0
	freeze 0
	thaw 0
	enable alice
	disable alice
	image prune
	image remove alpine
	image import x /dev/null
	run true
COMMANDS

start_session alice ": one; echo ready; sleep 1000; :"
alice_pid=$session_pid
start_session bob "echo ready; sleep 1000; :"
bob_pid=$session_pid
alice_init=$("$GOCKER" ps --user alice --format json | jq '.[0].init')

one() { "$GOCKER" ps --format json "${@:2}" | jq -r ".[0]|$1"; }
is "$("$GOCKER" ps -q | wc -l)" 2 "two sessions are listed"
is "$("$GOCKER" ps -q --user bob | wc -l)" 1 "--user leaves one"
is "$("$GOCKER" ps -q --user nobody)" "" "--user of someone without a session leaves none"
is "$("$GOCKER" ps -q --door shell | wc -l):$("$GOCKER" ps -q --door run | wc -l)" 2:0 "--door"
is "$("$GOCKER" ps -q --image alpine | wc -l):$("$GOCKER" ps -q --image other | wc -l)" 2:0 "--image"
is "$(one '.user,.door,.image,.from,.state' --user alice | paste -sd' ')" "alice shell alpine 127.0.0.1 running" \
	"who, which door, which image, from where"
is "$(readlink "/proc/$alice_init/ns/pid" | grep -cv "$(readlink /proc/self/ns/pid)")" 1 "init is the one of the container"
is "$(one .uid --user alice)" "$(uid_of alice)" "the uid is there"
is "$(one '.pids.now,.pids.limit' --user alice | paste -sd/)" 2/20 "the user's tasks against the limit (a shell, a sleep)"
is "$(one '.pids.limit,.pids.limit_section' --user bob | paste -sd' ')" "7 group:students" "the limit and the section it is from"
like "$(one .command --user alice)" "^: one; echo ready; sleep 1000; :$" "the command"
like "$("$GOCKER" ps --user alice)" "alice +shell +alpine +- +127\.0\.0\.1 +[0-9]+s +- +2/20 " "the same as a table"

id=$(one .id --user alice)
run "$GOCKER" inspect "${id:0:8}"
is "$rc" 0 "inspect takes a beginning of the id"
like "$out" "ID +$id" "inspect: the id"
like "$out" "Tasks +2 of 20 \(\[default\]\), .* limit hit 0 times" "inspect: the limit, its section, the hits"
like "$out" "Processes +$alice_init gocker-init" "inspect: the processes"
is "$("$GOCKER" inspect --format json "$id" | jq '.[0].processes|length')" 3 "inspect --format json: init and the two of the user"

hits() { "$GOCKER" stats --user bob --format json | jq '[.[].pids.limit_hits]|max'; }
is "$(hits)" 0 "a session that never reached its limit has no hits"
start_session bob 'echo ready; for i in 1 2 3 4 5 6 7; do (sleep 1000 &); done; exec sleep 1000'
full=$session_pid
hit() { [ "$(hits)" -ge 1 ]; }
check "stats counts the tasks that a limit refused" wait_until 30 hit
like "$("$GOCKER" stats --user alice)" "ID +USER +PIDS +LIMIT .*
$id +alice +2 +20 " "stats as a table"
# A column that this host can fill for no session is none.
if [ "$GKT_CGROUP" = hybrid ]; then
	unlike "$("$GOCKER" stats --user alice)" 'MEMORY|CPU' "what cgroup v1 does not count has no column"
fi
check "stats --prometheus writes a file" "$GOCKER" stats --prometheus "$GKT_WORK/gocker.prom"
prom=$(<"$GKT_WORK/gocker.prom")
like "$prom" '# TYPE gocker_sessions gauge
gocker_sessions 3' "Prometheus: the number of sessions"
like "$prom" "gocker_session_tasks\{id=\"$id\",user=\"alice\",door=\"shell\",image=\"alpine\"\} 2" "Prometheus: the tasks of one"
is "$(grep -vE '^(# (HELP|TYPE) gocker_[a-z_]+ .+|gocker_[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.]+)$' "$GKT_WORK/gocker.prom")" "" \
	"Prometheus: every line is of the format"
is "$(stat -c %a "$GKT_WORK/gocker.prom"):$(find "$GKT_WORK" -name 'gocker.prom?*' | wc -l)" 644:0 \
	"the file can be read by all, and no other is left"
run "$GOCKER" stats --prometheus /nowhere/file
is "$rc" 125 "a file that can't be written is an error"

# What a crash left.
kill -KILL "$(supervisor_of "$alice_init")"
wait "$alice_pid" 2>/dev/null
is "$("$GOCKER" ps -q --user alice)" "" "a session whose supervisor was killed is not listed"
is "$("$GOCKER" ps --all --user alice --format json | jq -r '.[].state')" stale "--all shows what is left of it"
is "$("$GOCKER" ps -q -f state=stale -f user=alice | wc -l)" 1 "--filter state=stale shows it, too"
is "$("$GOCKER" gc)" "1 stale session removed" "gc sweeps it"
is "$("$GOCKER" ps -q --user bob | wc -l)" 2 "and leaves those that live"

"$GOCKER" run sleep 1000 </dev/null >/dev/null 2>&1 &
runner=$!
running() { [ "$("$GOCKER" ps --door run --format json | jq '.[0].init // 0')" -gt 0 ]; }
check "gocker run is a session too" wait_until 30 running
is "$("$GOCKER" ps --door run --format json | jq -r '.[].command')" "sleep 1000" "with its whole command"
kill -KILL "$("$GOCKER" ps --door run --format json | jq -r '.[].init')"
wait "$runner" 2>/dev/null
kill -KILL "$bob_pid" "$full"
wait "$bob_pid" "$full" 2>/dev/null

expect_test "a session with a terminal: its name and how long it was idle" <<'TCL'
spawn -noecho ssh -tt -l alice gocker
want {[$#] }
if {![regexp {pts/[0-9]+ } [exec gocker ps --user alice]]} { fail "no terminal in ps" }
if {![regexp {^[0-9]+$} [exec gocker ps --user alice --format json | jq {.[0].idle_s}]]} { fail "no idle time" }
say exit
ended
TCL
check_clean "nothing is left"
