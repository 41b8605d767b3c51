#!/bin/bash
# timeout: 300
# gocker doctor USER says what a session of the user reaches: it tries from inside of one, and says of nothing that it
# is shut where it does not answer the host either.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/world.sh"
need ip pasta nft
need_product
if ! make_world; then
	skip "what a session reaches" "this machine has no tun device, veth or nf_tables"
	exit 0
fi
echo 'nameserver 192.0.43.7' >/etc/resolv.conf
setsid ip netns exec world "$reach" serve "$GKT_WORK/router" 80 198.51.100.1 &
setsid ip netns exec world "$reach" serve "$GKT_WORK/asked" 53 192.0.43.7 &
wait_until 60 test -s "$GKT_WORK/router"
wait_until 60 test -s "$GKT_WORK/asked"
open_door shell
door_user ann
remember_host
ann_reaches() { run "$GOCKER" doctor ann && out=$(grep ' reach ' <<<"$out"); }

set_ini 'network = host'
ann_reaches
like "$out" "ok +reach +a service on the host's loopback \(127.0.0.1\) is reached by a session of ann" "with network = host the loopback is reached"
like "$out" "a service on the host's own address \(198.51.100.2\) is reached" "and the host's own address"
like "$out" 'the metadata service \(169.254.169.254\) is reached' "and metadata"
like "$out" 'the router of the default route \(198.51.100.1\) is reached' "and the neighbour"
like "$out" "a public name server \(192.0.43.7\) is reached" "and the world"

set_ini 'network = private'
ann_reaches
like "$out" "ok +reach +a service on the host's loopback \(127.0.0.1\) is not reached by a session of ann" "with network = private the loopback is not reached"
like "$out" "a service on the host's own address \(198.51.100.2\) is not reached" "nor the host's own address"
like "$out" 'the metadata service \(169.254.169.254\) is not reached' "nor metadata"
like "$out" 'the router of the default route \(198.51.100.1\) is reached' "the neighbour is"
like "$out" "a public name server \(192.0.43.7\) is reached" "and the world"
set_ini 'network = private' 'net_deny = all'
ann_reaches
like "$out" 'the router of the default route \(198.51.100.1\) is not reached' "with net_deny the neighbour is not"
like "$out" "a public name server \(192.0.43.7\) is not reached" "nor the world"
set_ini 'network = none'
ann_reaches
is "$(grep -c 'not reached' <<<"$out")" 5 "with network = none nothing is"
set_ini 'network = host' 'tcp_connect = 80'
run "$GOCKER" doctor ann
case $out in
*'cannot enforce tcp_connect'*) skip "what tcp_connect shuts is not reached" "this kernel's Landlock has no TCP" ;;
*) like "$out" "a public name server \(192.0.43.7\) is not reached" "what tcp_connect shuts is not reached" ;;
esac

# What cannot be told is not told as good.
set_ini 'network = private'
in_world ip addr del 169.254.169.254/32 dev lo
in_world ip route add blackhole 169.254.169.254/32
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
ann_reaches
like "$out" 'read +reach +the metadata service \(169.254.169.254\): not known, it does not answer this host either' "metadata that does not answer the host is not said to be shut"
like "$out" "read +reach +a public name server: not tried, this host has none" "nor a world that the host does not know"

check_clean "nothing is left of the trials"
