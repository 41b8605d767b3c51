#!/bin/bash
# timeout: 300
# publish, on the bridge: the same as with pasta, by a process of the session's that has no power, and ends with it.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/world.sh"
. "$(dirname "$0")/_publish.sh"
need ip nft
need_product
if ! make_world || ! own_net_sysctl || ! { ip link add try0 type bridge && ip link del try0; } 2>/dev/null; then
	skip "publish on the bridge" "this machine has no bridge, veth or nf_tables"
	exit 0
fi
kind=bridge
run "$GOCKER" network up
is "$rc:$out$err" 0: "gocker network up"
rules=$(nft list ruleset)

forwarder() { pgrep -x gocker-publish; }
no_forwarder() { ! pgrep -r D,R,S -x gocker-publish >/dev/null; }
supervisor() { pgrep -n '^gocker-(super|keeper)$'; }
# What a server at a port sends to who has sent all.
counted_by() { python3 -c 'import socket,sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
s.sendall(bytes(int(sys.argv[2])))
s.shutdown(socket.SHUT_WR)
print(s.makefile().read().strip())' "$@"; }
ends_by() { python3 -c 'import socket,sys
try: print(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60).recv(1))
except ConnectionResetError: print("reset")' "$@"; }

more_rows() {
	local pid status
	policy 'publish = 8000-8001 198.51.100.2:8010 [2001:db8:1::2]:8011 8000'
	rm -f "/home/$user/ready"
	ssh -l "$user" gocker 'nc -lk -p 8000 -e wc -c & nc -lk -s 127.0.0.1 -p 8010 -e cat & nc -lk -p 8011 -e cat & touch ready; wait' </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 60 test -e "/home/$user/ready"
	is "$(of_ps)" '127.0.0.1:8000-8001 198.51.100.2:8010 [2001:db8:1::2]:8011 127.0.0.1:8000 -' "[$door] a port that is named twice is one"
	is "$(counted_by 8000 3000000)" 3000000 "[$door] who has sent all still receives the answer"
	is "$(ends_by 8001)" reset "[$door] without a server a connection is reset"
	check "[$door] a named address of IPv6 is reached from the world" wait_until 60 world_answers 2001:db8:1::2 8011
	is "$(ask 198.51.100.2 8010)" '' "[$door] a server on the session's loopback is not reached at a named address"
	is "$(nft list ruleset)" "$rules" "[$door] the host has no rule more"

	pid=$(forwarder)
	status=$(cat "/proc/$pid/status")
	check "[$door] it is passed on by a uid that nobody has" [ "$(sed -n 's/^Uid:\t\([0-9]*\)\t.*/\1/p' <<<"$status")" -ge 2000224256 ]
	is "$(grep -E '^(Cap|Groups|NoNewPrivs|Seccomp:)' <<<"$status" | tr -d '\t ' | tr '\n' ' ')" \
		"Groups: CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 CapAmb:0000000000000000 NoNewPrivs:1 Seccomp:2 " \
		"[$door] without a capability, behind a filter"
	is "$(readlink "/proc/$pid/ns/net")" "$(readlink "/proc/$(pgrep -n -u "$user" -x nc)/ns/net")" "[$door] in the session's network"
	is "$(find "/proc/$pid/fd" -type l -printf '%l\n' | sed 's/:.*//' | sort | uniq -c | xargs)" "3 /dev/null 4 socket" "[$door] with nothing open but its ports"
	like "$(cat "/proc/$pid/cgroup")" "/$("$GOCKER" ps -q)" "[$door] within the session's limits"

	# Its death is not the session's.
	mark_syslog
	kill -KILL "$pid"
	check "[$door] its death is told to the log" wait_until 60 logged 'event=publish-ended'
	check "[$door] the session goes on without its ports" kill -0 "$held"
	check "[$door] which are free" free 8000
	end_client "$held"
	wait_until 60 no_sessions

	# The end of a supervisor is the end of both.
	serve "$user" 8000
	kill -KILL "$(supervisor)"
	check "[$door] it ends with a supervisor that is killed" wait_until 60 no_forwarder
	check "[$door] and the ports are free" free 8000
	wait "$held" 2>/dev/null
	"$GOCKER" gc >/dev/null

	# With none of its ports it has no process.
	take 8000
	policy 'publish = 8000'
	serve "$user" 8000
	is "$(of_ps):$(forwarder)" "- 127.0.0.1:8000:" "[$door] for no port there is no process"
	end_client "$held"
	give_back
	wait_until 60 no_sessions
}
through_each_door rows

# The host has IPv6, and the bridge has not.
"$GOCKER" network down
run "$GOCKER" network up --ipv6 none
door=shell
open_door shell
start_sshd
user=pub-shell
policy 'publish = [2001:db8:1::2]:8011'
serve "$user" 8011
check "where sessions have no IPv6, a port at such an address leads to IPv4" wait_until 60 world_answers 2001:db8:1::2 8011
end_client "$held"
wait_until 60 no_sessions
stop_sshd

# What it cannot have refuses the login.
policy 'publish = 8000' 'userns_base = 4294901760'
run as_user "$user" "$GOCKER_SHELL" -c 'echo ran'
is "$rc:$out" 125: "without a uid for it there is no login"
check "and nothing is left" no_forwarder
