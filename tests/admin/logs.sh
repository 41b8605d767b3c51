#!/bin/bash
# gocker logs finds gocker's own lines in a host's log, whatever else stands there.
. "$(dirname "$0")/../lib/test.sh"
need jq
need_product
add_user alice
add_user bob
set_ini 'user_sessions_max = 1'
start_sshd
ssh_as alice 'exit 3'
ssh_as bob true
echo 'pids_max = none' >>/etc/gocker.ini
ssh_as alice true 2>/dev/null
set_ini
logger -t sshd -p authpriv.info 'Invalid user gocker-shell[1]: event=open id=forged00 user="alice" from here'
logger -t gocker-shell -p authpriv.info 'no event at all'
logger -t sshd -p authpriv.info 'Invalid user pam_gocker(sshd:session): event=open id=forged00 from here'

logs() { run "$GOCKER" logs --file "$GKT_SYSLOG" "$@"; }
logs
is "$rc:$(wc -l <"$GKT_WORK/out")" 0:5 "two opens, two closes and a refusal"
unlike "$out" forged "a line of another program that quotes gocker is not believed"
logs --user alice
is "$(awk '{ print $2 }' <<<"$out" | paste -sd' ')" "open close refused" "--user"
like "$out" 'close +[0-9a-f]{12} alice +uid=[0-9]+ status=exit:3 duration_ms=[0-9]+ pids_peak=[0-9-]+ pids_hits=0' \
	"how it closed, how long it was, whether limits were hit"
like "$out" 'refused +- +alice .*reason=.*pids_max' "the reason of a refusal"
id=$("$GOCKER" logs --file "$GKT_SYSLOG" --user bob --format json | jq -r '.[0].id')
logs "${id:0:6}"
is "$(awk '{ print $2, $4 }' <<<"$out" | paste -sd,)" "open bob,close bob" "a beginning of an id"
logs --format json
is "$(jq -r '.[-1].event' <<<"$out")" refused "--format json"
logs -n 2
is "$(awk '{ print $2 }' <<<"$out" | paste -sd' ')" "close refused" "-n: the last"

"$GOCKER" run --user bob true </dev/null
logs --user bob
is "$(awk '{ print $2, $4 }' <<<"$out" | tail -n 2 | paste -sd,)" "open bob,close bob" "--user finds the opening of a command by hand, too"

printf '%s\n' '<80>sshd[7]: pam_gocker(sshd:session): event=uncontained reason=root user="root"' \
	'<83>su[8]: pam_gocker(su:session): event=refused door=pam user="bob" reason="refused: no image"' >"$GKT_WORK/module"
run "$GOCKER" logs --file "$GKT_WORK/module"
like "$out" '^- +uncontained +- +root ' "what the module logs in a daemon's name"
unlike "$out" refused "but not again what the keeper has told"

sed 's/^<[0-9]*>gocker/Nov  3 22:01:38 host gocker/' "$GKT_SYSLOG" >/var/log/auth.log
run "$GOCKER" logs --user bob
like "$out" '^Nov  3 22:01:38 +open ' "/var/log/auth.log with traditional times"
sed 's/^<[0-9]*>gocker/2026-11-03T22:01:38.123456+01:00 host gocker/' "$GKT_SYSLOG" >/var/log/auth.log
run "$GOCKER" logs --user bob
like "$out" '^2026-11-03T22:01:38\.123456\+01:00 open ' "and with those of RFC 3339"
rm -f /var/log/auth.log* /var/log/secure /var/log/messages /var/log/syslog
run "$GOCKER" logs
is "$rc" 125 "a host without a log is an error"
like "$err" 'name one with --file' "that says what to do"
run "$GOCKER" logs -n 0
is "$rc" 2 "-n 0 is a usage error"

# --follow: what is there, then what comes, also after a rotation.
log=$GKT_WORK/followed
session_line() { echo "Nov  3 22:01:38 host gocker-shell[7]: event=$1 id=$2 ${3:+user=\"$3\"}"; }
session_line open 00000000000a alice >"$log"
"$GOCKER" logs --follow --file "$log" --user alice >"$GKT_WORK/text" 2>&1 &
follower=$!
"$GOCKER" logs -f --file "$log" --format json >"$GKT_WORK/json" 2>&1 &
json_follower=$!
lines() { [ "$(grep -c . "$GKT_WORK/$1")" = "$2" ]; }
check "--follow begins with what is there" wait_until 30 lines text 1
session_line open 00000000000b bob >>"$log"
session_line limit 00000000000a >>"$log"
check "and goes on with what comes" wait_until 30 lines text 2
like "$(cat "$GKT_WORK/text")" 'limit +00000000000a' "of that user's sessions"
whole=$(session_line close 00000000000a alice)
printf '%s' "${whole:0:50}" >>"$log"
sleep 0.6
printf '%s\n' "${whole:50}" >>"$log"
check "a line that comes in two parts is one" wait_until 30 lines text 3
mv "$log" "$log.1"
session_line refused 00000000000c alice >>"$log.1"
sleep 0.1
session_line open 00000000000d alice >"$log"
check "a rotated file is read to its end, and then the new one" wait_until 30 lines text 5
wait_until 30 lines json 6
: >"$log"
session_line limit 00000000000d >>"$log"
check "a file that was emptied is read from its beginning" wait_until 30 lines text 6
is "$(awk '{ print $4 ":" $5 }' "$GKT_WORK/text" | paste -sd' ')" \
	"open:00000000000a limit:00000000000a close:00000000000a refused:00000000000c open:00000000000d limit:00000000000d" "all in order, and none twice"
check "--format json: an object a line" wait_until 30 lines json 7
is "$(jq -r .id "$GKT_WORK/json" | paste -sd' ')" \
	"00000000000a 00000000000b 00000000000a 00000000000a 00000000000c 00000000000d 00000000000d" "as they come"
kill $follower $json_follower
wait

# The journal, by a stand-in that takes the options which gocker gives; the real one wants systemd.
mkdir -p /run/systemd/journal
rm -f /usr/bin/journalctl
cat >/usr/bin/journalctl <<'SH'
#!/bin/sh
entry() { # CURSOR PROGRAM MESSAGE
	echo "{\"__CURSOR\":\"$1\",\"__REALTIME_TIMESTAMP\":\"1793743298000000\",\"SYSLOG_IDENTIFIER\":\"$2\",\"MESSAGE\":\"$3\"}"
}
case " $* " in
*" -o json "*" _UID=0 SYSLOG_FACILITY=10 --follow --no-tail --after-cursor=c4 "*)
	entry c5 gocker-shell 'event=close id=00000000000f user=\"alice\"'
	;;
*" -o json "*" _UID=0 SYSLOG_FACILITY=10 "*)
	entry c1 gocker-shell 'event=open id=00000000000f user=\"alice\"'
	entry c2 sshd 'event=open id=00000000000e user=\"not ours\"'
	entry c3 su 'pam_gocker(su:session): event=exempt service=\"su\" user=\"root\"'
	entry c4 gocker-shell 'no event'
	;;
esac
SH
chmod 755 /usr/bin/journalctl
run "$GOCKER" logs
is "$rc:$(awk '{ print $1, $2, $3 }' <<<"$out" | head -n 1)" "0:2026-11-03T22:01:38Z open 00000000000f" "the journal, where there is one"
is "$(awk '{ print $2 }' <<<"$out" | paste -sd' ')" "open exempt" "the module's lines are in it, nobody else's"
run "$GOCKER" logs --follow
is "$rc:$(awk '{ print $2 }' <<<"$out" | paste -sd' ')" "0:open exempt close" "--follow goes on behind the last entry that was read"
