#!/bin/bash
# net_rate: a session on the bridge receives and sends as fast as its policy says, another one beside it as fast as the
# host can, and a policy whose network has no rate is refused. No speed of the machine's is asserted: a session that is
# limited takes at least as long as its rate needs, and one beside it is done before.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/world.sh"
need ip nft
need_product
if ! make_world || ! own_net_sysctl || ! "$GOCKER" network up 2>/dev/null; then
	skip "net_rate" "this machine has no bridge, veth or nf_tables"
	exit 0
fi
if ! { ip link add try0 type veth peer name try1 && tc qdisc add dev try0 root tbf rate 1mbit burst 16k limit 64k &&
	ip link del try0; } 2>/dev/null; then
	skip "net_rate" "this kernel has no tbf"
	exit 0
fi
add_user alice
add_user bob
setsid ip netns exec world bench-net serve "$GKT_WORK/net-serves" 9000 &
wait_until 60 test -s "$GKT_WORK/net-serves"
policy() { set_ini 'network = private' 'private_network = bridge' "volumes = $GKT_HELPERS:/mnt/t:ro" "$@"; }
carry() { echo "/mnt/t/bench-net $1 192.0.43.7 9000 $2"; } # up|down MIB
ports() { ip -o link show type veth | grep -c ' gocker-'; }
no_port() { [ "$(ports)" = 0 ]; }
limited=('[user:alice]' 'net_rate = 1M')

remember_host
carried() {
	local user=net-$door way
	door_user "$user"
	policy "[user:$user]" 'net_rate = 1M'
	start_sshd
	for way in up down; do
		run ssh_as "$user" "$(carry $way 2)"
		like "$rc:$out" '^0:[01]$' "[$door] $way: 2 MiB at 1 MiB a second go through, and no faster"
	done
}
through_each_door carried
policy "${limited[@]}"

# ---- another session beside it ----
as_user alice "$GOCKER_SHELL" -c "echo in >at; $(carry down 200); echo done >at" >/dev/null 2>&1 </dev/null &
held=$!
wait_until 60 test -s /home/alice/at
for way in up down; do
	run as_user bob "$GOCKER_SHELL" -c "$(carry $way 32)"
	is "$rc" 0 "another user's session carries eight times as much $way"
done
is "$(cat /home/alice/at)" in "while the limited one is far from its end [limit net_rate hog] [limit net_rate beside]"
net_in() { "$GOCKER" ps --format json | python3 -c 'import json, sys
print(*(s["net"]["in"] for s in json.load(sys.stdin) if s["user"] == "alice"))'; }
received() { [ "$(net_in)" -gt 1000000 ]; }
check "its bytes are counted [limit net_rate counted]" wait_until 60 received

# ---- who keeps it ----
pid=$(pgrep -n -u alice -x bench-net)
port=$(tc qdisc show | awk '/qdisc tbf/ { print $5 }')
like "$port" '^gocker-[0-9]+$' "the host's end has the queue, and it alone"
like "$(nsenter --net -t "$pid" tc qdisc show dev eth0)" 'tbf .* rate 8388Kbit' "and the session's end"
run setpriv --reuid alice --regid alice --clear-groups nsenter --net -t "$pid" tc qdisc del dev eth0 root
isnt "$rc" 0 "which its user cannot take away"
"$GOCKER" kill --user alice >/dev/null
{ wait $held; } 2>/dev/null
wait_until 60 no_port

# ---- refused ----
for network in 'network = host' $'network = private\nprivate_network = pasta'; do
	set_ini "$network" "${limited[@]}"
	refused "with ${network##*$'\n'} a rate is refused" 'net_rate needs network = private and private_network = bridge' \
		as_user alice "$GOCKER_SHELL" -c 'echo ran'
done
set_ini 'network = none' "${limited[@]}"
check "without a network there is nothing to limit" as_user alice "$GOCKER_SHELL" -c true
"$GOCKER" network down
kill "$(cat "$GKT_WORK/net-serves")"
check_clean "nothing is left"
