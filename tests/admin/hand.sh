#!/bin/bash
# What is at hand: filters, templates, users for ids, times of the log, views that go on until ^C.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq expect
need_product
export LC_ALL=C.UTF-8
add_user alice
add_user bob
add_user 'DOM\anna'
add_user idle
set_ini 'user_sessions_max = 64'
start_sshd
remember_host
mark_syslog

run "$GOCKER" ps
is "$rc:$(wc -l <<<"$out")" 0:1 "no session: the titles alone"
like "$out" '^ID +USER' "ps: the titles"
[ "$GKT_CGROUP" != hybrid ] || unlike "$out" MEMORY "what this host does not tell has no column"
pids=()
for user in alice alice bob 'DOM\anna'; do
	start_session "$user" 'echo ready; exec sleep 1000'
	pids+=("$session_pid")
done
mapfile -t ids < <("$GOCKER" ps -q)
bobs=$("$GOCKER" ps -q --user bob)

# --- ps ---
is "$("$GOCKER" ps -q --filter user=alice --filter door=shell | wc -l)" 2 "--filter: all must fit"
is "$("$GOCKER" ps -q --filter user=bob --filter image=nosuch)" "" "and where one does not, nothing is listed"
is "$("$GOCKER" ps -q -f "id=${ids[0]:0:8}")" "${ids[0]}" "--filter id= takes a beginning"
is "$("$GOCKER" ps -q -f 'user=DOM\anna')" "${ids[3]}" "--filter of a name with a backslash"
is "$("$GOCKER" ps -q -f state=frozen)" "" "--filter state="
is "$("$GOCKER" ps -q -n 1)" "${ids[3]}" "-n: the newest"
is "$("$GOCKER" ps -q -n 100 | wc -l)" 4 "-n: more than there are"
quick=$(for _ in 1 2 3 4 5 6; do "$GOCKER" run -d /bin/sleep 1000; done)
is "$("$GOCKER" ps -q --filter door=run)" "$quick" "the order is that of opening, within a second too"
# shellcheck disable=SC2086 # each is an id
"$GOCKER" kill $quick >/dev/null
none_run() { [ -z "$("$GOCKER" ps -q --filter door=run)" ]; }
check "they end" wait_until 60 none_run
run "$GOCKER" ps --filter usr=bob
like "$rc:$err" '^2:.*no key usr; did you mean user\?' "a misspelt key of --filter"
run "$GOCKER" ps --filter state=runing
like "$rc:$err" '^2:.*--filter: state is running, frozen or stale' "a state that no session has"
run "$GOCKER" ps -f door=ssh
like "$rc:$err" '^2:.*--filter: door is shell, pam or run' "a door that there is not"
run "$GOCKER" ps --filter user
like "$rc:$err" '^2:.*--filter is KEY=VALUE' "a filter without a value"
is "$("$GOCKER" ps -f user=bob --format '{id}\t{user} {pids.now}/{pids.limit} {{x} {tty}')" \
	"$bobs"$'\t'"bob 1/20 {x} -" "--format with fields, a tab, a brace, and - for what is not known"
run "$GOCKER" ps --format '{usr}'
like "$rc:$err" '^2:.*no field \{usr\}; did you mean \{user\}\?' "a misspelt field"
run "$GOCKER" ps --format '{pids.nwo}'
like "$rc:$err" '^2:.*did you mean \{pids.now\}\?' "one of an inner object"
run "$GOCKER" ps --format '{id'
like "$rc:$err" '^2:.*a \{ without' "a brace that is not closed"
like "$("$GOCKER" ps)" ' DOM\\anna ' "names are shown as users know them"
like "$("$GOCKER" stats)" ' DOM\\anna ' "in stats, too"
run "$GOCKER" inspect "${ids[3]}"
like "$rc:$out" '^0:.*User +DOM\\anna \(uid ' "in inspect"
run "$GOCKER" logs --file "$GKT_SYSLOG" "${ids[3]}"
like "$rc:$out" "^0:.* open +${ids[3]} +DOM\\\\anna " "and in the log"
unlike "$out" 'x5c' "nowhere else in the line as it is written"
is "$("$GOCKER" logs --file "$GKT_SYSLOG" --format json "${ids[3]}" | jq -r '.[0].user')" 'DOM\x5canna' "the log as JSON stays as it was"
run "$GOCKER" inspect 'DOM\nobody'
like "$rc:$err" '^1:.*there is no session DOM\\nobody;' "an unknown name is shown as it was typed"
run "$GOCKER" logs --file "$GKT_SYSLOG" --user $'DOM\\no\ebody'
like "$rc:$err" '^1:.*there is no user DOM\\no\\x1bbody$' "but for what a terminal obeys"
is "$("$GOCKER" ps --format json | jq -r '.[3].user')" 'DOM\x5canna' "JSON stays as it was"

# --- users for ids ---
like "$("$GOCKER" inspect bob)" "$bobs" "inspect of a user with one session"
is "$("$GOCKER" exec bob id -un)" bob "exec in the only session of a user"
run "$GOCKER" exec alice true
like "$rc:$err" ":gocker exec: alice has 2 sessions; name one: ${ids[0]} ${ids[1]}" "a user with two: which one is asked"
run "$GOCKER" inspect idle
like "$rc:$err" '^1.*: idle has no session' "a user without a session"
run "$GOCKER" kill nosuch
like "$rc:$err" '^1:.*there is no session nosuch' "neither a session nor a user"
for command in ps stats "logs --file $GKT_SYSLOG"; do
	# shellcheck disable=SC2086 # words
	run "$GOCKER" $command --user nosuch
	like "$rc:$err" "^1:gocker ${command%% *}: there is no user nosuch" "${command%% *} of an unknown user is an error"
done
run "$GOCKER" ps --user idle
is "$rc" 0 "a user without sessions is no error"

# --- logs ---
run "$GOCKER" logs --file "$GKT_SYSLOG" bob
like "$rc:$out" "^0:.*open +$bobs +bob" "logs of a user by name"
sed 's/^<[0-9]*>//' "$GKT_SYSLOG" >"$GKT_WORK/plain"
grep -q event=open "$GKT_WORK/plain" || diag "$(head -3 "$GKT_WORK/plain")"
cat >"$GKT_WORK/log" <<LOG
2026-01-01T10:00:00Z host gocker-shell[1]: event=open id=aaaaaaaaaaaa user="alice"
2026-01-01T12:00:00+01:00 host gocker-shell[1]: event=open id=bbbbbbbbbbbb user="bob"
2026-01-02T10:00:00.123456Z host gocker-shell[1]: event=close id=aaaaaaaaaaaa user="alice"
$(date -d '-5 min' '+%b %e %H:%M:%S') host gocker-shell[1]: event=open id=cccccccccccc user="alice"
LOG
picked() { "$GOCKER" logs --file "$GKT_WORK/log" --format json "$@" | jq -r '.[]|.id[0:1]' | paste -sd' '; }
is "$(picked)" "a b a c" "logs: all"
is "$(picked --since 2026-01-01T10:30Z)" "b a c" "--since"
is "$(picked --until 2026-01-01T11:00:00Z)" "a b" "--until, with the zone that a line has"
is "$(TZ=UTC picked --since 2026-01-02 --until '2026-01-02 23:59')" "a" "both; a date, a date and time"
is "$(picked --since 10m)" "c" "a span, and a line whose time has no year"
is "$(picked --since @1767265200 --until @1767265200)" "b" "seconds since the epoch"
is "$(picked --tail 2)" "a c" "--tail"
run "$GOCKER" logs --since lately
like "$rc:$err" '^2:.*lately is not a time; write ' "what is no time"

# --- views ---
expect_test "stats goes on on a terminal until ^C, and ends with 0" <<'TCL'
spawn -noecho gocker stats
want {ID +USER}
want {ID +USER}
send "\003"
equal [ended] 0
spawn -noecho gocker stats --no-stream
want {ID +USER}
equal [ended] 0
spawn -noecho gocker top
want {4 sessions}
send "\003"
equal [ended] 0
spawn -noecho gocker ps --watch=1
want {ID +USER}
want {ID +USER}
send "\003"
equal [ended] 0
set stty_init "rows 6 columns 80"
spawn -noecho gocker ps --watch=1
want {\033\[H\033\[2JID +USER[^\n]*\n([0-9a-f]{12} [^\n]*\n){3}\(and 1 more\)\r\n}
send "\003"
equal [ended] 0
TCL
expect_test "doctor on a terminal: colours, no line wider than it; NO_COLOR, and check" <<'TCL'
foreach columns {80 200} {
	set stty_init "rows 60 columns $columns"
	spawn -noecho env TERM=xterm gocker doctor
	expect { -timeout 120 eof {} timeout { fail "doctor did not end" } }
	set text $expect_out(buffer)
	wait
	if {![string match "*\033\\\[1;3*" $text]} { fail "no colour: $text" }
	regsub -all {\033\[[0-9;]*m} $text {} text
	foreach line [split $text "\n"] {
		if {[string length [string trimright $line]] > $columns} { fail "wider than $columns: $line" }
	}
	if {![regexp {[0-9]+ bad, [0-9]+ warn; [0-9]+ tried and ok, [0-9]+ only read} $text]} { fail "no summary: $text" }
}
spawn -noecho env NO_COLOR=1 TERM=xterm gocker doctor
expect { -timeout 120 eof {} timeout { fail "doctor did not end" } }
if {[string match "*\033*" $expect_out(buffer)]} { fail "colour in spite of NO_COLOR" }
TCL
unlike "$("$GOCKER" doctor)" $'\e' "no colour without a terminal"

# --- run ---
run "$GOCKER" run alpine true
is "$rc" 127 "run IMAGE CMD, as docker has it"
like "$err" "'alpine' is an image: gocker run --image alpine COMMAND" "is explained"
run "$GOCKER" run nosuch
unlike "$err" 'is an image' "another command that is not there is not"

# --- stop, kill ---
is "$("$GOCKER" stop -t 1 alice | sort | paste -sd' ')" "$(printf '%s\n' "${ids[@]:0:2}" | sort | paste -sd' ')" "stop of a user: all sessions"
is "$("$GOCKER" kill bob 'DOM\anna' | wc -l)" 2 "kill of users"
wait "${pids[@]}" 2>/dev/null
check "all have ended" wait_until 30 eval '[ -z "$("$GOCKER" ps -q)" ]'
check_clean "nothing is left"
