#!/bin/bash
# timeout: 300
# private_network = bridge: through both doors a session has a port of the host's bridge and reaches the world, and of
# the host and other sessions nothing; what it is kept from is reached with network = host. Each of the two sets of
# rules, the session's and the host's, holds by itself; without bridge or rules there is no login.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/world.sh"
. "$(dirname "$0")/_forwards.sh"
need ip nft curl
need_product
if ! make_world || ! own_net_sysctl || ! { ip link add try0 type bridge && ip link del try0; } 2>/dev/null; then
	skip "private_network = bridge" "this machine has no bridge, veth or nf_tables"
	exit 0
fi
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
"$reach" serve "$GKT_WORK/resolver" 53 127.0.0.1 &
wait_until 60 test -s "$GKT_WORK/resolver"

gateways=(10.213.0.1 fd67:6f63:6b65::1)
shut_out=("${HOST_ADDRESSES[@]}" "${METADATA[@]}" 0.0.0.0 :: "${gateways[@]}")
# Where a socket names the interface, no route of the session's own counts.
by_interface=(127.0.0.1 127.0.0.5 198.51.100.2 203.0.113.77 10.213.0.1 169.254.169.254 100.100.100.200 ::1
	2001:db8:7::77 fd67:6f63:6b65::1)
by_interface=("${by_interface[@]/%/%eth0}")
bridge=('network = private' 'private_network = bridge')

probe() { run ssh_as "$user" "/mnt/t/reach $WORLD_PORT $*"; }
none() { sort -u <<<"$out" | grep -c "$1"; }
policy() { set_ini 'pids_max = 60' "volumes = $GKT_HELPERS:/mnt/t:ro" "$@"; }
ports() { ip -o link show type veth | grep -c ' gocker-'; }
no_port() { [ "$(ports)" = 0 ]; }
supervisor() { pgrep -n '^gocker-(super|keeper)$'; }
host_rules() { nft list table inet gocker; }

# hold USER: a login that lasts, as held; it serves on port 7070 of its addresses, held_at.
hold() {
	rm -f "/home/$1/serves" "/home/$1/at"
	ssh -l "$1" gocker 'ip -o addr show dev eth0 | sed "s/.*inet6* //; s,/.*,," >at
		exec /mnt/t/reach serve serves 7070 $(cat at)' </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 60 test -s "/home/$1/serves"
	mapfile -t held_at <"/home/$1/at"
}
inside() { nsenter --net --target "$(pgrep -n -u "$user" -x reach)" "$@"; }

# ---- without it ----

refused_without() { # WHAT: through both doors
	local each
	policy "${bridge[@]}"
	for each in $(doors); do
		open_door "$each"
		id "net-$each" >/dev/null 2>&1 || door_user "net-$each"
		start_sshd
		run ssh_as "net-$each" 'echo ran'
		is "$rc:$out" "$([ "$each" = pam ] && echo 254 || echo 125):" "[$each] without $1 there is no login"
		stop_sshd
	done
	check "and no interface" no_port
}
refused_without "a bridge"
run "$GOCKER" check
like "$err$out" 'network = private: this host has no bridge gocker0' "check tells that"
run "$GOCKER" doctor
like "$out" 'bad +network +no bridge gocker0' "and doctor"
run "$GOCKER" network status
is "$rc:$out" "1:no bridge gocker0; \`gocker network up\` makes what is missing" "and status"

# ---- up ----

nft add table ip other
nft 'add chain ip other forward { type filter hook forward priority 0; policy accept; }'
others=$(nft list table ip other)
cat /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/forwarding >"$GKT_WORK/forwarding"
run "$GOCKER" network up
is "$rc:$out$err" 0: "gocker network up"
rules=$(host_rules)
setsid "$reach" serve "$GKT_WORK/gateway-serves" "$WORLD_PORT" "${gateways[@]}" &
wait_until 60 test -s "$GKT_WORK/gateway-serves"
run "$GOCKER" network up
is "$rc:$out$err" 0: "it can be called again"
is "$(host_rules)" "$rules" "and changes nothing then"
run "$GOCKER" network up --ipv4 10.99.0.1/24
like "$rc:$err" '^125:.*another network' "nor does it change the network below sessions"
run "$GOCKER" network status
like "$rc:$out" '^0:gocker0: 10.213.0.1/16 fd67:6f63:6b65::1/64 mtu 1500, sessions: 0' "status tells what there is"
is "$(nft list table ip other)" "$others" "the host's other rules are as they were"

# ---- through the doors ----

reaches() {
	policy 'network = host'
	probe "${shut_out[@]}" "${WORLD_ADDRESSES[@]}"
	is "$(none ' reached$')" $((2 * (${#shut_out[@]} + ${#WORLD_ADDRESSES[@]}))) "[$door] control: with network = host all are reached"

	policy "${bridge[@]}"
	mark_syslog
	probe "${WORLD_ADDRESSES[@]}"
	is "$(none ' reached$')" $((2 * ${#WORLD_ADDRESSES[@]})) "[$door] the world is reached, by TCP and UDP"
	check "[$door] the log has the bytes" wait_until 60 counted
	probe "${shut_out[@]}"
	is "$(none ' shut$')" $((2 * ${#shut_out[@]})) "[$door] the host's loopback, its addresses and metadata are not"
	probe "${by_interface[@]}"
	is "$(none ' shut$')" $((2 * ${#by_interface[@]})) "[$door] nor by a socket that names the interface"
	policy "${bridge[@]}" 'net_deny = private 192.0.43.0/24:9000-9001 192.0.43.8/24:8080 [2001:db8:9::/48]:8080'
	probe "${WORLD_ADDRESSES[@]}"
	is "$(none ' shut$')" $((2 * ${#WORLD_ADDRESSES[@]})) "[$door] what net_deny names is not reached"
	policy "${bridge[@]}" 'net_deny = all' 'net_allow = 192.0.43.7:8000-8080 203.0.113.77 127.0.0.0/8 169.254.0.0/16 [2001:db8:9::7]:8081'
	probe "${WORLD_ADDRESSES[@]}" 203.0.113.77 127.0.0.5%eth0 169.254.169.254
	is "$(grep 'reached$' <<<"$out" | sort)" $'tcp 192.0.43.7 reached\nudp 192.0.43.7 reached' "[$door] what net_allow names is, and nothing of the host"
	policy "${bridge[@]}"
	run ssh_as "$user" 'cat /etc/resolv.conf; /mnt/t/reach 53 192.0.2.53; ping -c 1 -W 1 "$(hostname)" 2>&1'
	like "$out" 'nameserver 192.0.2.53' "[$door] names are asked of one place"
	is "$(none ' 192.0.2.53 reached')" 2 "[$door] which is the host's resolver on its loopback, by UDP and TCP"
	like "$out" '127.0.1.1' "[$door] the session's host name resolves"
}

counted() { gocker_log | grep -q 'event=close .* net_in=[1-9][0-9]* net_out=[1-9]'; }

lives() {
	local first
	hold "$user"
	run inside "$reach" 7070 "${held_at[@]}"
	is "$(none ' reached$')" 4 "[$door] control: a session reaches what it serves itself"
	run ssh_as "$user" "/mnt/t/reach 7070 ${held_at[*]} ${held_at[*]/%/%eth0}"
	is "$(none ' shut$')" 8 "[$door] another session does not, nor by the interface"
	in_world ip route add 10.213.0.0/16 via 198.51.100.2
	in_world ip route add fd67:6f63:6b65::/64 via 2001:db8:1::2
	run in_world "$reach" 7070 "${held_at[@]/%/%down0}"
	is "$(none ' shut$')" 4 "[$door] nor does the world"
	in_world ip route del 10.213.0.0/16
	in_world ip route del fd67:6f63:6b65::/64

	end_client "$held"
	first=${held_at[0]}
	hold "$user"
	isnt "${held_at[0]}" "$first" "[$door] the next session has another address"
	kill -KILL "$(supervisor)"
	check "[$door] nothing is left of a session whose supervisor is killed" wait_until 60 no_port
	wait "$held" 2>/dev/null
	"$GOCKER" gc >/dev/null
}

# The same through whichever door.
layers() {
	hold "$user"
	# The host's rules without the session's.
	inside nft flush ruleset
	run inside "$reach" "$WORLD_PORT" 192.0.43.7%eth0
	is "$(none ' reached$')" 2 "without rules of its own it reaches the world"
	run inside "$reach" "$WORLD_PORT" "${by_interface[@]}"
	is "$(none ' shut$')" $((2 * ${#by_interface[@]})) "and no more of the host than before"
	end_client "$held"
	hold "$user"

	# The session's without the host's, as another firewall's `flush ruleset` leaves it.
	nft flush ruleset
	run inside "$reach" "$WORLD_PORT" "${shut_out[@]}" "${by_interface[@]}"
	is "$(none ' shut$')" $((2 * (${#shut_out[@]} + ${#by_interface[@]}))) "without the host's rules it does not, either"
	run ssh_as "$user" 'echo ran'
	is "$out" '' "and there is no new login"
	run "$GOCKER" network status
	is "$rc:$out" "1:no rules for gocker0; \`gocker network up\` makes what is missing" "status tells that"
	"$GOCKER" network up
	run inside "$reach" "$WORLD_PORT" 192.0.43.7%eth0
	is "$(none ' reached$')" 2 "network up mends it, for the session too"

	# A firewall of the host that drops is obeyed.
	nft add table ip other
	nft 'add chain ip other forward { type filter hook forward priority 0; policy drop; }'
	run inside "$reach" "$WORLD_PORT" 192.0.43.7%eth0
	is "$(none ' shut$')" 2 "a firewall that drops what is forwarded is obeyed"
	run "$GOCKER" doctor
	like "$out" 'bad +network +.*ip other' "and doctor names it"
	nft delete table ip other
	end_client "$held"
}

rows() {
	user=net-$door
	start_sshd
	remember_host
	reaches
	lives
	[ "$door" != shell ] || layers
	[ "$door" != pam ] || forwards "${bridge[@]}"
	check_clean "[$door] nothing is left"

	policy "${bridge[@]}" 'share = user'
	hold "$user"
	run ssh_as "$user" "/mnt/t/reach 7070 ${held_at[*]}"
	is "$(none ' reached$')" 4 "[$door] logins that share a container share its network"
	probe 192.0.43.7 203.0.113.77
	is "$(none ' reached$'):$(none ' shut$')" 2:2 "[$door] it reaches the world and not the host"
	is "$(ports)" 1 "[$door] it has one port"
	end_client "$held"
	check "[$door] it ends with the container" wait_until 60 no_port
	wait_until 60 no_sessions
	check_clean "[$door] nothing is left of it"
}
no_sessions() { [ -z "$("$GOCKER" ps -q)" ]; }
through_each_door rows

# ---- gocker run ----

policy 'private_network = bridge'
run "$GOCKER" run --network private -- /bin/sh -c "id -u; ip link set eth0 down; ip addr flush dev eth0
	ip route del default; /mnt/t/reach $WORLD_PORT 192.0.43.7 203.0.113.77"
like "$out" '^0' "root in a container has it"
is "$(none ' reached$'):$(none ' shut$')" 2:2 "and no power over it"
run "$GOCKER" run --network private --userns -- /bin/sh -c "ip link set eth0 down
	/mnt/t/reach $WORLD_PORT 192.0.43.7 203.0.113.77"
is "$(none ' reached$'):$(none ' shut$')" 2:2 "nor has root in a user namespace"

# ---- many ----

# The addresses of sessions that live at a time are different, and nothing is left, however they end.
rounds=12
[ "${GKT_FULL:-0}" != 1 ] || rounds=1000
policy "${bridge[@]}" 'user_sessions_max = 64' 'user_pids_max = none'
user=net-shell
many() {
	local pids=() i
	rm -f "/home/$user"/at.*
	for i in 1 2 3 4 5 6; do
		as_user "$user" "$GOCKER_SHELL" -c "ip -o -4 addr show dev eth0 >at.$i; mv at.$i at.$i.done; exec sleep 1000" </dev/null >/dev/null 2>&1 &
		pids+=($!)
	done
	wait_until 60 six_tell
	[ "$(sed 's/.*inet //; s,/.*,,' "/home/$user"/at.*.done | sort -u | wc -l)" = 6 ] || twice=$((twice + 1))
	# Half of them end with their supervisors, the others with their users' programs.
	pgrep '^gocker-super$' | head -n 3 | xargs kill -KILL
	pkill -KILL -u "$user" -x sleep
	wait "${pids[@]}"
}
six_tell() { [ "$(find "/home/$user" -name 'at.*.done' | wc -l)" = 6 ]; }
host_links() { ip -o link show | sed 's/^[0-9]*: //; s/@.*//; s/:.*//' | sort; }
before="$(host_rules; host_links; ip addr show dev gocker0; ip route)"
twice=0
stop_sshd
for ((round = 0; round < rounds / 6; round++)); do many; done
is "$twice" 0 "of $((round * 6)) sessions, six at a time, no two have the same address"
check "no interface of them is left" wait_until 60 no_port
is "$(host_rules; host_links; ip addr show dev gocker0; ip route)" "$before" "nor a rule, an address or a route"
"$GOCKER" gc >/dev/null

# ---- a host that is no router ----

# Beside it is a network that its neighbours do not reach through it.
ip netns add aside
ip link add aside0 type veth peer name there0 netns aside
ip addr add 198.51.101.1/24 dev aside0
ip link set aside0 up
ip netns exec aside ip addr add 198.51.101.2/24 dev there0
ip netns exec aside ip link set there0 up
ip netns exec aside ip route add default via 198.51.101.1
setsid ip netns exec aside "$reach" serve "$GKT_WORK/aside-serves" "$WORLD_PORT" 198.51.101.2 &
wait_until 60 test -s "$GKT_WORK/aside-serves"
in_world ip route add 198.51.101.0/24 via 198.51.100.2
passes() { in_world "$reach" "$WORLD_PORT" "198.51.101.2%down0" | grep -c ' reached$'; }
is "$(passes)" 0 "the host forwards nothing for its neighbours"
echo 1 >/proc/sys/net/ipv4/conf/all/forwarding
"$GOCKER" network up
is "$(passes)" 2 "control: where the host is a router anyway, it does, and network up leaves it to it"
echo 0 >/proc/sys/net/ipv4/conf/all/forwarding
ip link del aside0

# ---- down ----

start_sshd
policy "${bridge[@]}"
"$GOCKER" network up
hold "$user"
run "$GOCKER" network down
is "$rc:$out$err" 0: "gocker network down"
check "the session that had it goes on" kill -0 "$held"
is "$(inside ip -o link show | grep -vc ' lo:')" 0 "without a network"
end_client "$held"
check_not "the bridge is gone" ip link show gocker0
check_not "and the rules" host_rules
is "$(cat /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/forwarding)" "$(cat "$GKT_WORK/forwarding")" "forwarding is as it was"
run "$GOCKER" network down
is "$rc:$out$err" 0: "it can be called again"
run ssh_as "$user" 'echo ran'
is "$out" '' "there is no login then"
# systemd-resolved's stub answers on lo alone; its own list of servers has one that answers others.
ip netns exec world "$reach" serve "$GKT_WORK/world-resolver" 53 192.0.43.7 &
wait_until 60 test -s "$GKT_WORK/world-resolver"
install -d /run/systemd/resolve
echo 'nameserver 192.0.43.7' >/run/systemd/resolve/resolv.conf
echo 'nameserver 127.0.0.53' >/etc/resolv.conf
"$GOCKER" network up
run ssh_as "$user" 'cat /etc/resolv.conf; /mnt/t/reach 53 192.0.2.53'
like "$out" 'nameserver 192.0.2.53' "where the host asks systemd-resolved, sessions ask the same place"
is "$(none ' 192.0.2.53 reached')" 2 "which is resolved's own server"
rm -r /run/systemd
"$GOCKER" network down
run "$GOCKER" network up --ipv4 198.51.100.9/24
like "$rc:$err" '^125:.*up0 has an address' "a network that the host is in is refused"
run "$GOCKER" network up --ipv4 10.77.0.1/29 --ipv6 none --dns 192.0.43.7
is "$rc:$err" 0: "addresses and name server can be chosen"
run ssh_as "$user" "/mnt/t/reach $WORLD_PORT 192.0.43.7; ip -o addr show dev eth0"
like "$out" 'udp 192.0.43.7 reached' "and work"
like "$out" 'inet 10\.77\.0\.[2-6]/32' "within the network"
unlike "$out" inet6 "without IPv6 where it is not wanted"
