#!/bin/bash
# gocker ps --host: the sessions of several hosts, asked over ssh, each with an sshd in a network of its own.
# timeout: 120
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
. "$GKT_LIB/nodes.sh"
need ip ssh sudo jq
need_product
set_ini
add_user anna
add_user berta
add_user olga --shell /bin/bash
start_sshd
stop_sshd
cp /root/.ssh/config "$GKT_WORK/gocker.conf"
for n in 1 2; do
	start_node "$n"
	node_sshd "$n"
	printf 'Host host%s\n\tHostName 10.9.%s.2\n' "$n" "$n" >>/root/.ssh/config
done
{
	printf 'Host nowhere\n\tHostName 10.9.1.2\n\tPort 9\nHost *\n'
	sed -n '/IdentityFile/,/ConnectTimeout/p' "$GKT_WORK/gocker.conf"
	printf 'Host host* liar\n\tPort %s\nHost liar\n\tHostName 10.9.2.2\n\tUser liar\n' "$SSH_PORT"
} >>/root/.ssh/config

# session_on N USER: a session that stays.
session_on() {
	ssh -l "$2" "host$1" 'echo in; exec sleep 1000' >"$GKT_WORK/session$1" 2>&1 </dev/null &
	check "$2 is on host$1" wait_until 60 grep -q in "$GKT_WORK/session$1"
}

run "$GOCKER" ps --host host1,host2 --format json
is "$rc:$(jq -c . <<<"$out"):$err" "0:[]:" "two hosts without sessions are an empty list"
session_on 1 anna
session_on 2 berta
run "$GOCKER" ps --host host2,host1 --format json
is "$rc:$err" 0: "two hosts answer"
is "$(jq -c '.[] | [.host, .user, .state]' <<<"$out" | paste -sd' ')" \
	'["host2","berta","running"] ["host1","anna","running"]' "their sessions are one list, in the order of the hosts"
is "$(jq -c '.[1] | del(.host, .age_s, .idle_s, .cpu_usec)' <<<"$out")" \
	"$(on 1 "$GOCKER" ps --format json | jq -c '.[0] | del(.age_s, .idle_s, .cpu_usec)')" \
	"each as the host itself shows it"
run "$GOCKER" ps --host host1,host2
like "$rc:$(tr -s ' ' <<<"$out")" $'^0:HOST ID USER .*\nhost1 [0-9a-f]+ anna .*\nhost2 [0-9a-f]+ berta ' "the table has their names"
unlike "$("$GOCKER" ps)" 'HOST' "that of this host has no such column"
run "$GOCKER" ps --host host1,host2 --format '{host} {user}' --filter "user=berta"
is "$rc:$out" "0:host2 berta" "templates and filters work"
run "$GOCKER" ps --host host1 --filter "command=it's; exit 9 \$(id)"
is "$rc:$(wc -l <<<"$out"):$err" "0:1:" "a filter is one word there, whatever is in it"
run "$GOCKER" ps --host host1,host2 --format '{user}' --last 1
is "$rc:$out" $'0:anna\nberta' "the newest are those of each host"
run as_user olga "$GOCKER" ps --host host1
isnt "$rc" 0 "a user who reaches no host sees nothing"
unlike "$rc:$err" 'only root can' "but may ask"

# One host that fails, and the others.
run "$GOCKER" ps --host host1,nowhere,host2 --format '{host} {user}'
is "$rc:$out" $'1:host1 anna\nhost2 berta' "of three hosts one is not there: the others are shown"
like "$err" $'^gocker ps: nowhere: .*[Rr]efused.*\ngocker ps: nowhere: its sessions are not shown .exit status 255.$' \
	"and the one is reported, with what ssh said"
run "$GOCKER" ps --host host1,host2 --user anna --format '{host}'
is "$rc:$out" 0:host1 "--user asks each host"
run "$GOCKER" ps --host host1,host2 --user nobody-of-this-name
is "$rc:$(grep -c 'gocker ps: host[12]: there is no user' <<<"$err")" 1:2 "who is no user there is reported for each"
run "$GOCKER" ps --host olga@host1,root@host2 --format '{host} {user}'
is "$rc:$out" "1:root@host2 berta" "a host where the user may not is not shown"
like "$err" '^gocker ps: olga@host1: sudo: ' "and sudo says why"
echo "olga ALL=(root) NOPASSWD: $GOCKER ps *" >/etc/sudoers.d/olga
run "$GOCKER" ps --host "ssh://olga@host1:$SSH_PORT" --format '{host} {user}'
is "$rc:$out:$err" "0:ssh://olga@host1:$SSH_PORT anna:" "with sudo's leave it is; a URL names user and port"

# A host that lies reaches no terminal.
lie() { # TEXT
	printf '%s' "$1" >"$GKT_WORK/lie"
	run "$GOCKER" ps --host liar,host2 --format '{host} {user}'
}
chmod 755 "$GKT_WORK"
printf '#!/bin/sh\ncat %s/lie\n' "$GKT_WORK" >/usr/local/bin/liar
chmod 755 /usr/local/bin/liar
add_user liar --shell /usr/local/bin/liar
lie '[{"user": "eve"}]'
is "$rc:$out" $'0:liar eve\nhost2 berta' "control: an answer in gocker's form is taken"
for text in '[{"user": "\u001b[2Jeve"}]' '[{"user": "eve\u0000"}]' '[{"us\u001ber": 1}]' '{"user": "eve"}' \
	'[{"user": {"a": {"b": "\u202eeve"}}}]' '["eve"]' '[{"user": ["eve"]}]' 'hello' ''; do
	lie "$text"
	is "$rc:$out:$err" "1:host2 berta:gocker ps: liar: its answer is not what gocker prints" "an answer is refused: ${text:-nothing}"
done
lie '[{"user": "eve", "host": "host2", "age_s": "x", "pids": 3, "idle_s": {}}]'
is "$rc:$out" $'0:liar eve\nhost2 berta' "a host has the name that it was asked by"
run "$GOCKER" ps --host liar
like "$rc:$(tr -s ' ' <<<"$out")" $'^0:HOST .*\nliar - eve ' "what is of another kind does no harm in the table"

for list in '' 'host1,' ,host1 -oProxyCommand=x 'a b' 'a;b' "$(printf 'h,%.0s' {1..128})h"; do
	run "$GOCKER" ps --host "$list"
	like "$rc:$out:$err" '^2::gocker ps: --host' "no list of hosts: ${list:0:20}"
done
run "$GOCKER" ps --host host1 -q
like "$rc:$err" '^2:gocker ps: an id is of one host' "-q is not for several hosts"
run "$GOCKER" ps --format '{host}'
like "$rc:$err" '^2:gocker ps: --format: no field \{host\}' "without --host there is no such field"
on 1 "$GOCKER" kill --user anna
on 2 "$GOCKER" kill --user berta
no_session_there() { [ -z "$("$GOCKER" ps --host host1,host2 --format "{id}")" ]; }
check "when the sessions have ended the list is empty again" wait_until 60 no_session_there
