#!/bin/bash
# timeout: 300
# network = private: through both doors a session reaches the world, and of the host and other sessions nothing; what
# it is kept from is reached with network = host. pasta is nobody's process, and ends with the session; where it can't
# be had, there is no login.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/world.sh"
. "$(dirname "$0")/_forwards.sh"
need ip pasta nft curl
need_product
if ! make_world; then
	skip "network = private" "this machine has no tun device, veth or nf_tables"
	exit 0
fi
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
"$reach" serve "$GKT_WORK/resolver" 53 127.0.0.1 &
wait_until 60 test -s "$GKT_WORK/resolver"
mkdir "$GKT_WORK/web"
head -c 1048576 /dev/zero >"$GKT_WORK/web/megabyte"
in_world python3 -m http.server --bind 192.0.43.7 --directory "$GKT_WORK/web" 8099 >/dev/null 2>&1 &

shut_out=("${HOST_ADDRESSES[@]}" "${METADATA[@]}" 0.0.0.0 ::)
# Where a socket names the interface, no route of the session's own counts.
by_interface=(127.0.0.1 127.0.0.5 198.51.100.2 203.0.113.77 169.254.169.254 100.100.100.200 ::1 2001:db8:7::77)
by_interface=("${by_interface[@]/%/%up0}")

probe() { run ssh_as "$user" "/mnt/t/reach $WORLD_PORT $*"; }
none() { sort -u <<<"$out" | grep -c "$1"; }
policy() { set_ini 'pids_max = 60' "volumes = $GKT_HELPERS:/mnt/t:ro" "$@"; }
pastas() { pgrep -f '^/usr/bin/pasta'; }
gone() { ! pastas >/dev/null && ! pgrep -r D,R,S '^gocker-network' >/dev/null; }
one_pasta() { [ "$(pastas | wc -l)" = 1 ]; }
supervisor() { pgrep -n '^gocker-(super|keeper)$'; }

# hold USER: a login that lasts, as held; it listens on 7070.
hold() {
	rm -f "/home/$1/ready"
	ssh -l "$1" gocker 'touch ready; while :; do echo here | nc -l -p 7070; done' </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 60 test -e "/home/$1/ready"
}

reaches() {
	policy 'network = host'
	probe "${shut_out[@]}" "${WORLD_ADDRESSES[@]}"
	is "$(none ' reached$')" $((2 * (${#shut_out[@]} + ${#WORLD_ADDRESSES[@]}))) "[$door] control: with network = host all are reached"
	hold "$user"
	run ssh_as "$user" 'until nc -w 5 198.51.100.2 7070; do :; done'
	is "$out" here "[$door] control: another session is, too"
	end_client "$held"

	policy 'network = private'
	probe "${WORLD_ADDRESSES[@]}"
	is "$(none ' reached$')" $((2 * ${#WORLD_ADDRESSES[@]})) "[$door] the world is reached, by TCP and UDP"
	probe "${shut_out[@]}"
	is "$(none ' shut$')" $((2 * ${#shut_out[@]})) "[$door] the host's loopback, its addresses and metadata are not"
	probe "${by_interface[@]}"
	is "$(none ' shut$')" $((2 * ${#by_interface[@]})) "[$door] nor by a socket that names the interface"
	policy 'network = private' 'net_deny = private 192.0.43.0/24:9000-9001 192.0.43.8/24:8080 [2001:db8:9::/48]:8080'
	probe "${WORLD_ADDRESSES[@]}"
	is "$(none ' shut$')" $((2 * ${#WORLD_ADDRESSES[@]})) "[$door] what net_deny names is not reached"
	policy 'network = private' 'net_deny = all' 'net_allow = 192.0.43.7:8000-8080 203.0.113.77 127.0.0.0/8 169.254.0.0/16 [2001:db8:9::7]:8081'
	probe "${WORLD_ADDRESSES[@]}" 203.0.113.77 127.0.0.5%up0 169.254.169.254
	is "$(grep 'reached$' <<<"$out" | sort)" $'tcp 192.0.43.7 reached\nudp 192.0.43.7 reached' "[$door] what net_allow names is, and nothing of the host"
	policy 'network = host' 'net_deny = private'
	run ssh_as "$user" 'echo ran'
	is "$out" '' "[$door] without a network of its own net_deny is no policy"
	policy 'network = private'
	run ssh_as "$user" 'cat /etc/resolv.conf; /mnt/t/reach -u 53 192.0.2.53; ping -c 1 -W 1 "$(hostname)" 2>&1'
	like "$out" 'nameserver 192.0.2.53' "[$door] names are asked of one place"
	like "$out" 'udp 192.0.2.53 reached' "[$door] which is the host's resolver on its loopback"
	like "$out" '127.0.1.1' "[$door] the session's host name resolves"
}

lives() {
	hold "$user"
	run ssh_as "$user" 'nc -w 5 198.51.100.2 7070 || echo shut'
	is "$out" shut "[$door] another session is not reached"
	local pid status
	wait_until 60 one_pasta
	pid=$(pastas)
	status=$(cat "/proc/$pid/status")
	check "[$door] pasta has a uid that nobody has" [ "$(sed -n 's/^Uid:\t\([0-9]*\)\t.*/\1/p' <<<"$status")" -ge 2000224256 ]
	like "$status" 'NoNewPrivs:.1' "[$door] and can gain nothing"
	is "$(tr '\0' '\n' <"/proc/$pid/environ" | sort | tr '\n' ' ')" 'LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin ' "[$door] it has nothing of the login's environment"
	check_not "[$door] nor a socket or pipe of it" grep -F -x -f <(find "/proc/$pid/fd" -type l -printf '%l\n' | grep -E '^(socket|pipe):') \
		<(find "/proc/$(supervisor)/fd" -type l -printf '%l\n')
	check_not "[$door] its user does not reach the network's owner from outside" as_user "$user" nsenter --target "$pid" --user true

	# Its death is not the session's.
	mark_syslog
	kill -KILL "$pid"
	check "[$door] its death is told to the log" wait_until 60 logged 'event=network-ended'
	check "[$door] the session goes on without it" kill -0 "$held"
	check "[$door] nothing of it is left" wait_until 60 gone
	end_client "$held"

	# The end of a supervisor is the end of both.
	hold "$user"
	kill -KILL "$(supervisor)"
	check "[$door] pasta ends with a supervisor that is killed" wait_until 60 gone
	wait "$held" 2>/dev/null
	"$GOCKER" gc >/dev/null
}

# What it receives and sends is counted.
counts() {
	policy 'network = private'
	mark_syslog
	rm -f "/home/$user/ready"
	ssh -l "$user" gocker 'wget -qO- http://192.0.43.7:8099/megabyte | wc -c >got; touch ready; sleep 1000' </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 60 test -e "/home/$user/ready"
	is "$(cat "/home/$user/got")" 1048576 "[$door] a session that gets a megabyte from the world"
	local bytes
	bytes=$("$GOCKER" ps --format '{user} {net.in}' | sed -n "s/^$user //p")
	check "[$door] is known to have received it ($bytes)" [ "$bytes" -ge 1048576 -a "$bytes" -lt 1400000 ]
	like "$("$GOCKER" stats --no-stream | sed -n "1p;/$user/p")" 'NET IN +NET OUT.* 1\.[0-3]M +[0-9.]+K?' "[$door] stats shows it"
	like "$("$GOCKER" stats --prometheus -)" "gocker_session_network_receive_bytes_total.id=[^}]*user=.${user}[^}]*} 1[0-3][0-9]{5}" "[$door] for Prometheus, too"
	end_client "$held"
	check "[$door] and the log at its end" wait_until 60 logged 'event=close .* net_in=1[0-3][0-9]\{5\} net_out=[1-9]'
}

# An address that the host gets while a network runs is shut by a rule of the host's own, as gocker.ini(5) has it.
later() { # ADDRESS...: what the session that is held reaches of them now, by TCP, and of names
	rm -f "/home/$user/late"
	echo "$*" >"/home/$user/go.new"
	mv "/home/$user/go.new" "/home/$user/go"
	wait_until 60 test -e "/home/$user/late"
	sort "/home/$user/late"
}
late_addresses() {
	policy 'network = private' 'publish = 8000'
	rm -f "/home/$user/ready"
	ssh -l "$user" gocker 'nc -lk -p 8000 -e echo inside & touch ready; while :; do until [ -e go ]; do sleep 0.1; done; which=$(cat go); rm -f go
		{ /mnt/t/reach -p 7777 8080 $which; /mnt/t/reach -u 53 192.0.2.53; } >not-yet 2>&1; mv not-yet late; done' </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 60 test -e "/home/$user/ready"
	ip addr add 203.0.113.88/32 dev lo
	"$reach" serve "$GKT_WORK/late-serves" "$WORLD_PORT" 203.0.113.88 &
	local server=$!
	wait_until 60 test -s "$GKT_WORK/late-serves"
	like "$(later 203.0.113.88)" 'tcp 203.0.113.88 reached' "[$door] control: an address that the host gets later is reached"
	# As the manual page prints it.
	sed -n '/^table inet gocker_late/,/^}/p' "$GKT_TOP/packaging/man/gocker.ini.5" >"$GKT_WORK/late.nft"
	check "[$door] the rules of gocker.ini(5) load" nft -f "$GKT_WORK/late.nft"
	# The version of Debian 12 says nothing of it inside: it is not waited for so long by interface.
	is "$(later 203.0.113.88%up0 192.0.43.7)" $'tcp 192.0.43.7 reached\ntcp 203.0.113.88%up0 shut\nudp 192.0.2.53 reached' \
		"[$door] with them it is not, and the world and names are"
	check "[$door] and so are published ports" wait_until 60 opened 127.0.0.1 8000
	nft delete table inet gocker_late
	end_client "$held"
	kill "$server"
	wait "$server" 2>/dev/null
	ip addr del 203.0.113.88/32 dev lo
}

logged() { gocker_log | grep -q "$1"; }

rows() {
	user=net-$door
	door_user "$user"
	start_sshd
	remember_host
	reaches
	lives
	counts
	[ "$door" != pam ] || forwards 'network = private'
	[ "$door" != shell ] || late_addresses
	check_clean "[$door] nothing is left"

	policy 'network = private' 'share = user'
	hold "$user"
	run ssh_as "$user" 'readlink /proc/self/ns/net'
	local first=$out
	run ssh_as "$user" "readlink /proc/self/ns/net; /mnt/t/reach $WORLD_PORT 127.0.0.1 203.0.113.77 192.0.43.7; nc 127.0.0.1 7070"
	like "$out" "^${first//[/\\[}" "[$door] logins that share a container share its network"
	check "[$door] of which there is one" one_pasta
	like "$out" 'udp 192.0.43.7 reached' "[$door] it reaches the world"
	is "$(none ' shut$')" 4 "[$door] and not the host"
	like "$out" '[[:space:]]here' "[$door] the logins' own servers are on its loopback"
	end_client "$held"
	check "[$door] it ends with the container" wait_until 60 gone
	wait_until 60 no_sessions
	check_clean "[$door] nothing is left of it"
}
no_sessions() { [ -z "$("$GOCKER" ps -q)" ]; }
through_each_door rows

# `gocker run`, and what can't be had.
policy 'network = host'
run "$GOCKER" run --user net-shell --network private -- /mnt/t/reach "$WORLD_PORT" 192.0.43.7 203.0.113.77
is "$(none 'udp 192.0.43.7 reached'):$(none ' 203.0.113.77 shut')" 1:2 "gocker run --network private"
run "$GOCKER" run --network private --userns -- /bin/sh -c 'id -u; ip link del up0; ip link show up0'
like "$out" '^0' "root in a user namespace has it"
like "$out" 'up0' "and no power over it"
run "$GOCKER" run --network private -- true
is "$rc" 125 "root without one could undo it, and is refused"
like "$err" 'add --userns or --user NAME, or choose --network host or none' "with what to do"

without() { # WHAT: refused through both doors
	local each
	policy 'network = private'
	for each in $(doors); do
		open_door "$each"
		start_sshd
		run ssh_as "net-$each" 'echo ran'
		is "$rc:$out" "$([ "$each" = pam ] && echo 254 || echo 125):" "[$each] without $1 there is no login"
		stop_sshd
	done
}
chmod 600 /dev/net/tun
without /dev/net/tun
run "$GOCKER" check
like "$err$out" 'network = private: this host has no /dev/net/tun' "check tells that"
run "$GOCKER" doctor
like "$out" 'bad +network' "and doctor"
chmod 666 /dev/net/tun
for program in /usr/bin/pasta /usr/sbin/nft; do
	mv "$program" "$program.away"
	without "$program"
	printf '#!/bin/sh\nexit 1\n' >"$program"
	chmod 755 "$program"
	without "a $program that works"
	mv "$program.away" "$program"
done
check "and nothing is left of the attempts" gone
