#!/bin/bash
# timeout: 1500
# A75: logins with a network of their own, many at a time, that end or are killed at any moment. Of none does anything
# stay: no interface, no network namespace, no process, no file, no port.
. "$(dirname "$0")/_lib.sh"
. "$(dirname "$0")/../lib/world.sh"
need ip pasta nft
if ! make_world; then
	skip "A75: networks of many sessions" "this machine has no tun device, veth or nf_tables"
	exit 0
fi
kinds=(pasta)
if own_net_sysctl && { ip link add try0 type bridge && ip link del try0; } 2>/dev/null; then
	kinds+=(bridge)
	"$GOCKER" network up
else
	skip "A75: networks of many sessions on the bridge" "this machine has no bridge"
fi
add_user alice
add_user bob
each=$(size 3 125) # logins by each of four; then as many are killed

# What there is of each kind; a slot's file stays when it is empty.
counted() {
	echo "interfaces: $(ls /sys/class/net)"
	echo "namespaces: $(readlink /proc/[0-9]*/ns/net 2>/dev/null | sort -u | wc -l)"
	echo "files: $(find /run/gocker /tmp /dev/shm -type f -size +0 2>/dev/null | sort)"
	echo "listening: $(grep -c ' 0A ' /proc/net/tcp)"
	echo "pasta: $(pgrep -c -f '^/usr/bin/pasta') gocker-publish: $(pgrep -c -x gocker-publish)"
	echo "gocker-network: $(pgrep -c -r D,R,S '^gocker-network') rules: $(nft list ruleset | cksum)"
}
same() { [ "$(counted)" = "$before" ]; }

# many COUNT USER: so many logins one after the other; prints how many had their network.
many() {
	local i got=0
	for ((i = 0; i < $1; i++)); do
		[ "$(as_user "$2" "$GOCKER_SHELL" -c "$GKT_INSIDE")" != "$inside" ] || got=$((got + 1))
	done
	echo $got
}
GKT_INSIDE="grep -o -e up0 -e eth0 /proc/net/dev"

rounds() { # KIND PROCESS INTERFACE
	kind=$1
	local process=$2 logins killed user pid start span
	inside=$3
	use_door shell 'network = private' "private_network = $kind" 'publish = 8000-8003' 'user_sessions_max = 64'
	remember_host
	before=$(counted)

	# The count sees them.
	rm -f /home/alice/ready
	as_user alice "$GOCKER_SHELL" -c 'touch ready; exec sleep 1000' &
	held=$!
	wait_until 60 test -e /home/alice/ready
	now=$(counted)
	like "$now" "$process: 1" "A75 control: [$kind] a session has a process for its network"
	like "$now" 'gocker-network: 1' "A75 control: [$kind] and one that keeps it"
	check_not "A75 control: [$kind] which is not what there was before" same
	kill -KILL "$(pgrep -o -x gocker-super)"
	wait "$held" 2>/dev/null

	logins=()
	for user in alice bob alice bob; do
		many "$each" $user >"$GKT_WORK/got.${#logins[@]}" &
		logins+=($!)
	done
	wait "${logins[@]}"
	is "$(($(cat "$GKT_WORK"/got.* | paste -sd+)))" $((each * 4)) "A75: [$kind] all of $((each * 4)) logins, four at a time, have a network"
	check "A75: [$kind] and leave nothing" wait_until 60 same

	# Killed within the time that a login takes here.
	start=${EPOCHREALTIME/./}
	many 3 alice >/dev/null
	span=$(((${EPOCHREALTIME/./} - start) / 2))
	killed=()
	for user in alice bob; do
		killer $((each * 2)) "$span" "$user" "$GOCKER_SHELL" -c 'trap "" HUP TERM; sleep 1000' >"$GKT_WORK/killed.$user" &
		killed+=($!)
	done
	rc=0
	for pid in "${killed[@]}"; do wait "$pid" || rc=$((rc + $?)); done
	is "$rc" 0 "A75: [$kind] killed at $((each * 4)) moments within $((span / 1000)) ms: no process lives on"
	check "A75: [$kind] swept by gocker gc" "$GOCKER" gc
	check "A75: [$kind] nothing is left of them" wait_until 60 same || diff <(echo "$before") <(counted) | sed 's/^/# /'
	check_clean "A75: [$kind] nor on the host"
	run as_user alice "$GOCKER_SHELL" -c "$GKT_INSIDE"
	is "$out" "$inside" "A75: [$kind] the user logs in again at once"
}
rounds pasta pasta up0
[ ${#kinds[@]} = 1 ] || rounds bridge gocker-publish eth0
