#!/bin/bash
# Users whose containers last (share = user, linger) come back through HAProxy: each login reaches the host where the
# container is, whatever has changed in the weights since.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
. "$GKT_LIB/nodes.sh"
. "$(dirname "$0")/_balancer.sh"
need haproxy systemd-socket-activate ip
need_product
USERS=10 ROUNDS=2
[ "${GKT_FULL:-0}" != 1 ] || ROUNDS=10
set_ini
for ((i = 1; i <= USERS; i++)); do add_user "user$i"; done
start_hosts
for n in 1 2 3; do
	node_ini "$n" '[gocker]' 'sessions_max = 20'
	printf '%s\n' 'share = user' 'linger = 1h' >>"$GKT_WORK/node$n/gocker.ini"
done
balancer_conf
start_balancer
for n in 1 2 3; do check "host $n is up" becomes "$n" '^UP [1-9]'; done

weights() { for n in 1 2 3; do state_of "$n"; done | paste -sd' '; }
before=$(weights)
for ((i = 1; i <= USERS; i++)); do
	who=user$i
	from "127.0.1.$i" "echo $who >/tmp/mark; nohup sleep 7654 >/dev/null 2>&1 & hostname"
done >"$GKT_WORK/first"
is "$(sort -u "$GKT_WORK/first" | paste -sd' ')" "node1 node2 node3" "the first logins are spread over the hosts"
check "so the weights are others now" wait_until 60 eval "[ \"\$(weights)\" != '$before' ]"
returned=0 elsewhere=''
for ((round = 0; round < ROUNDS; round++)); do
	for ((i = 1; i <= USERS; i++)); do
		who=user$i
		run from "127.0.1.$i" 'cat /tmp/mark; pgrep -x sleep | wc -l'
		if [ "$out" = "$who"$'\n1' ]; then returned=$((returned + 1)); else elsewhere+=" $who:$out"; fi
	done
done
is "$returned of $((ROUNDS * USERS)):$elsewhere" "$((ROUNDS * USERS)) of $((ROUNDS * USERS)):" \
	"every return reaches the user's container, in which the user's process goes on"
who=user1
run from 127.0.9.1 'cat /tmp/mark 2>/dev/null; hostname'
like "$rc:$out" '^0:' "a user who comes from another address is let in, wherever that is"
n=$(sed -n '1s/node//p' "$GKT_WORK/first")
on "$n" "$GOCKER" drain upgrade
check "a host is drained" becomes "$n" '^(DOWN|DRAIN)'
run from 127.0.1.1 'cat /tmp/mark 2>/dev/null; hostname'
like "$rc:$out" '^0:node[123]$' "a return to a drained host goes to another, into a new container"
is "$(on "$n" "$GOCKER" ps --user user1 --format '{kind}' | grep -c container)" 1 "the one on the drained host lives on"
for n in 1 2 3; do on "$n" "$GOCKER" ps -q | xargs -r nsenter -t "${node_pid[$n]}" -m -u -n "$GOCKER" kill; done >/dev/null 2>&1
no_containers() { [ -z "$(for n in 1 2 3; do on "$n" "$GOCKER" ps -q; done)" ]; }
check "and all end when they are killed" wait_until 60 no_containers
