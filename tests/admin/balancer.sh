#!/bin/bash
# HAProxy, as conf/haproxy sets it up, in front of three hosts with an sshd each.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
. "$GKT_LIB/nodes.sh"
. "$(dirname "$0")/_balancer.sh"
need haproxy systemd-socket-activate ip
need_product
units=$(dirname "$(find /usr/local/lib/systemd /usr/lib/systemd -name gocker-agent.socket | head -n 1)")
service=$units/gocker-agent@.service
check "socket and service are installed" test -s "$service" -a -s "$units/gocker-agent.socket"
unlike "$(cat "$service")" '@[A-Z]+@' "no path is left to fill in"
is "$(systemd-analyze verify --man=no "$service" "$units/gocker-agent.socket" 2>&1 | grep gocker-agent)" "" \
	"systemd finds nothing wrong in them"
set_ini
run setpriv --bounding-set -all --inh-caps -all --no-new-privs "$GOCKER" agent
like "$rc:$out:$err" '^0:ready up [1-9][0-9]*%:$' "it needs no capability"

add_user anna
start_hosts

balancer_conf
run haproxy -c -f "$GKT_WORK/haproxy.cfg"
is "$rc" 0 "HAProxy accepts the sample configuration"
start_balancer
for n in 1 2 3; do check "host $n is up, with the weight that its agent tells$([ "$n" != 3 ] || echo ", by the inetd's line")" becomes "$n" '^UP [1-9]'; done

# Twelve users' addresses, each with its first host.
declare -A first
for i in {1..12}; do first[$i]=$(from "127.0.1.$i" hostname); done
is "$(printf '%s\n' "${first[@]}" | sort -u | paste -sd' ')" "node1 node2 node3" "logins are spread over the hosts"
returned=0 rounds=${GKT_FULL:+10}
for ((round = 0; round < ${rounds:-2}; round++)); do
	for i in {1..10}; do
		[ "$(from "127.0.1.$i" hostname)" != "${first[$i]}" ] || returned=$((returned + 1))
	done
done
is "$returned" $((${rounds:-2} * 10)) "every return from an address reaches the host that it was on"

ssh_line=$(from 127.0.1.1 'echo $SSH_CONNECTION')
read -r address port _ <<<"$ssh_line"
check "HAProxy's log leads from a session's connection to the client's address" \
	wait_until 30 grep -q "ssh client=127.0.1.1:[0-9]* via=$address:$port host=host${first[1]#node} " /var/log/gkt-syslog

# A host is drained with a session open.
n=${first[1]#node}
mkfifo "$GKT_WORK/held"
from 127.0.1.1 'echo in; read x; hostname' >"$GKT_WORK/held.out" 2>&1 <"$GKT_WORK/held" &
held=$!
exec 7>"$GKT_WORK/held"
check "a session is open on a host" wait_until 60 grep -q in "$GKT_WORK/held.out"
on "$n" "$GOCKER" drain upgrade
check "drained, HAProxy knows it" becomes "$n" '^(DOWN|DRAIN)'
wrong=0
for i in {1..12}; do
	run from "127.0.1.$i" hostname
	[[ "$rc:$out" == 0:node? && $out != "node$n" ]] || wrong=$((wrong + 1))
done
is "$wrong" 0 "no login reaches a drained host, and none is refused: those that return to it go elsewhere"
run ssh -p "$SSH_PORT" -o Hostname="10.9.$n.2" -o HostKeyAlias=balancer -l anna gocker true
is "$rc:$err" "125:gocker: this host takes no new sessions: upgrade" "who goes to it past the balancer is refused"
echo >&7
exec 7>&-
wait "$held"
is "$?:$(tail -1 "$GKT_WORK/held.out")" "0:node$n" "the session that was open went on"
on "$n" "$GOCKER" drain --maint
check "in maintenance, HAProxy knows it" becomes "$n" '^MAINT'
on "$n" "$GOCKER" drain --off
check "taken back, it is up again" becomes "$n" '^UP [1-9]'
haproxy_says 'clear table logins' >/dev/null
for i in {1..12}; do from "127.0.2.$i" hostname; done >"$GKT_WORK/after"
check "and has logins again" grep -qx "node$n" "$GKT_WORK/after"

# One that can't contain anybody, and one that is full.
node_ini 1 '[gocker]' 'sessions_max = many'
check "a host whose gocker.ini is broken goes down" becomes 1 '^DOWN'
run from 127.0.3.1 hostname
like "$rc:$out" '^0:node[23]$' "and logins go elsewhere"
node_ini 1
check "mended, it is up" becomes 1 '^UP [1-9]'
node_ini 2 '[gocker]' 'sessions_max = 1'
ssh -p "$SSH_PORT" -o Hostname=10.9.2.2 -o HostKeyAlias=balancer -l anna gocker 'echo in; sleep 1000' \
	>"$GKT_WORK/full" 2>&1 </dev/null &
full=$!
check "a host has all its sessions" wait_until 60 grep -q in "$GKT_WORK/full"
check "it has no weight then" becomes 2 '^(UP|DRAIN) 0$'
for i in {1..6}; do from "127.0.4.$i" hostname; done >"$GKT_WORK/others"
is "$(sort "$GKT_WORK/others" | uniq -c | awk '{ n += $1 } END { print n }'):$(grep -c node2 "$GKT_WORK/others")" 6:0 \
	"and all logins go to the others"
end_client "$full"
check "when it has room it has weight" becomes 2 '^UP [1-9]'

# A host is killed in mid-session.
haproxy_says 'clear table logins' >/dev/null
from 127.0.5.1 'hostname; sleep 1000' >"$GKT_WORK/dies" 2>&1 </dev/null &
dies=$!
check "a session is open on a host" wait_until 60 grep -q node "$GKT_WORK/dies"
n=$(grep -o '[123]$' "$GKT_WORK/dies")
ip link set "to$n" down
wrong=0
for i in 1 {6..14}; do
	run from "127.0.5.$i" hostname
	[[ "$rc:$out" == 0:node? && $out != "node$n" ]] || wrong=$((wrong + 1))
done
is "$wrong" 0 "a host that vanishes refuses nothing on the others, nor to who was on it"
check "HAProxy knows that it is down" becomes "$n" '^DOWN'
end_client "$dies"
others_are_empty() {
	local other
	for other in 1 2 3; do
		[ "$other" = "$n" ] || [ -z "$(on "$other" "$GOCKER" ps -q)" ] || return 1
	done
}
check "no session is left on the others" wait_until 60 others_are_empty
