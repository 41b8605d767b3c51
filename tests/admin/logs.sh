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
