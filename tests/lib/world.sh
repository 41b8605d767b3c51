# shellcheck shell=bash
# A world outside of the throwaway host: a network namespace behind its default route, in which there are a server,
# a metadata service and a name server. The host has services on its loopback and on an address more.

WORLD_PORT=8080
HOST_ADDRESSES=(127.0.0.1 198.51.100.2 203.0.113.77 ::1 2001:db8:1::2 2001:db8:7::77)
WORLD_ADDRESSES=(192.0.43.7 10.9.9.9 2001:db8:9::7)
METADATA=(169.254.169.254 100.100.100.200 fd00:ec2::254)

in_world() { ip netns exec world "$@"; }

# make_world: before remember_host. Needs iproute2 and nftables. Fails where the machine cannot have it.
make_world() {
	local address
	if ! [ -e /dev/net/tun ]; then
		mkdir -p /dev/net
		mknod -m 666 /dev/net/tun c 10 200
	fi
	{ : <>/dev/net/tun && nft list ruleset; } >/dev/null 2>&1 || return 1
	ip link set lo up
	ip netns add world
	ip link add up0 type veth peer name down0 netns world || return 1
	ip addr add 198.51.100.2/24 dev up0
	ip addr add 2001:db8:1::2/64 dev up0 nodad
	ip link set up0 up
	ip addr add 203.0.113.77/32 dev lo
	ip addr add 2001:db8:7::77/128 dev lo nodad
	in_world ip link set lo up
	in_world ip addr add 198.51.100.1/24 dev down0
	in_world ip addr add 2001:db8:1::1/64 dev down0 nodad
	in_world ip link set down0 up
	for address in "${WORLD_ADDRESSES[@]}" "${METADATA[@]}"; do
		case $address in
		*:*) in_world ip addr add "$address/128" dev lo nodad ;;
		*) in_world ip addr add "$address/32" dev lo ;;
		esac
	done
	ip route add default via 198.51.100.1
	ip -6 route add default via 2001:db8:1::1
	reach=$GKT_HELPERS/reach
	setsid "$reach" serve "$GKT_WORK/host-serves" $WORLD_PORT "${HOST_ADDRESSES[@]}" &
	setsid ip netns exec world "$reach" serve "$GKT_WORK/world-serves" $WORLD_PORT "${WORLD_ADDRESSES[@]}" "${METADATA[@]}" &
	wait_until 60 test -s "$GKT_WORK/host-serves"
	wait_until 60 test -s "$GKT_WORK/world-serves"
}

# own_net_sysctl: the settings of this host's network can be written, which are no other's.
own_net_sysctl() {
	local proc=$GKT_WORK/proc
	mkdir -p "$proc"
	mount -t proc proc "$proc" && mount --bind "$proc/sys/net" /proc/sys/net && umount "$proc"
}
