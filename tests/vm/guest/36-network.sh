#!/bin/bash
# host: systemd
# part: network
# timeout: 1500
# Private networks, by the bridge and by pasta, on a kernel and with an nft of Debian's, through both doors: what a
# session reaches and what it does not, with systemd-resolved's stub (or a name server on the host's loopback), beside
# ufw, rules like docker's and a firewall of nft's; nothing is left.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
. "$GKT_TOP/tests/lib/world.sh"
need_product
remember_host
rules_before=$(nft list ruleset)
make_world || { not_ok "there is a world to reach" "no tun, veth or nf_tables" && exit 1; }
have_user nora
have_user nils --shell /bin/sh
start_sshd ''

shut_out=("${HOST_ADDRESSES[@]}" "${METADATA[@]}")
kind=bridge by_interface=("${shut_out[@]/%/%eth0}")
policy() { set_ini 'pids_max = 60' "volumes = $GKT_HELPERS:/mnt/t:ro" "$@"; }
private() { policy 'network = private' "private_network = $kind" "$@"; }
probe() { run ssh_as "$user" "/mnt/t/reach $WORLD_PORT $*"; }
none() { sort -u <<<"$out" | grep -c "$1"; }
no_port() { ! ip -o link show type veth | grep -q ' gocker-'; }
all() { echo $((2 * $#)); }

# --- who answers questions for names ---

resolver_pids=()
answer() { # ADDRESS, in the host or the world
	rm -f "$GKT_WORK/resolver"
	"${@:2}" "$GKT_HELPERS/reach" serve "$GKT_WORK/resolver" 53 "$1" &
	resolver_pids+=($!)
	wait_until 60 test -s "$GKT_WORK/resolver"
}
resolved() {
	answer 192.0.43.7 ip netns exec world
	mkdir -p /etc/systemd/resolved.conf.d
	printf '[Resolve]\nDNS=192.0.43.7\n' >/etc/systemd/resolved.conf.d/tests.conf
	systemctl start systemd-resolved.service
	cp /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
	like "$(cat /etc/resolv.conf)" 'nameserver 127.0.0.53' "the host's name server is systemd-resolved's stub"
}
local_server() {
	echo 'nameserver 127.0.0.1' >/etc/resolv.conf
	answer 127.0.0.1
}

# --- through the doors ---

reaches() {
	policy 'network = host'
	probe "${shut_out[@]}" "${WORLD_ADDRESSES[@]}"
	is "$(none ' reached$')" "$(all "${shut_out[@]}" "${WORLD_ADDRESSES[@]}")" "$kind [$door]: control: with network = host all are reached"
	private
	probe "${WORLD_ADDRESSES[@]}"
	is "$(none ' reached$')" "$(all "${WORLD_ADDRESSES[@]}")" "$kind [$door]: the world is reached, by TCP and UDP"
	probe "${shut_out[@]}" "${by_interface[@]}"
	is "$(none ' shut$')" "$(all "${shut_out[@]}" "${by_interface[@]}")" "$kind [$door]: the host and metadata are not, nor by the interface"
	run ssh_as "$user" 'cat /etc/resolv.conf; /mnt/t/reach 53 192.0.2.53; nslookup localhost 192.0.2.53'
	like "$out" 'nameserver 192.0.2.53' "$kind [$door]: names are asked of one place"
	# The rules of the bridge lead past the stub; pasta asks it, and it is no server of the test's.
	if [ $kind = bridge ]; then
		is "$(none ' 192.0.2.53 reached$')" 2 "$kind [$door]: which answers"
	else
		like "$out" 'Address: 127\.0\.0\.1' "$kind [$door]: behind which is the stub"
	fi
	private 'net_deny = private' 'net_allow = 10.9.9.9:8080'
	probe 10.9.9.9 192.0.43.7
	is "$(none ' reached$')" 4 "$kind [$door]: net_deny and net_allow"
	private 'net_deny = private'
	probe 10.9.9.9 192.0.43.7
	is "$(none ' 10.9.9.9 shut$'):$(none ' 192.0.43.7 reached$')" 2:2 "$kind [$door]: without the latter"
	private
}

# Two sessions do not reach each other: the first serves on its addresses.
neighbours() {
	rm -f "/home/$user/serves"
	ssh -l "$user" gocker '/sbin/ip -o addr show dev eth0 | sed "s/.*inet6* //; s,/.*,," >at; exec /mnt/t/reach serve serves 7070 $(cat at)' </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 120 test -s "/home/$user/serves"
	mapfile -t at <"/home/$user/at"
	run nsenter --net --target "$(pgrep -n -u "$user" -x reach)" "$GKT_HELPERS/reach" 7070 "${at[@]}"
	is "$(none ' reached$')" 4 "[$door] control: a session reaches what it serves itself"
	run ssh_as "$user" "/mnt/t/reach 7070 ${at[*]} ${at[*]/%/%eth0}"
	is "$(none ' shut$')" 8 "[$door] another session does not"
	end_client "$held"
}

local_server
run "$GOCKER" network status
is "$rc:$out" "1:no bridge gocker0; \`gocker network up\` makes what is missing" "there is no bridge yet"
private
run login_of nora 'echo ran'
is "$rc:$out" 125: "nor a login"
if [ "$GKT_HOST" = systemd ]; then
	resolved
	check "gocker-network.service makes the bridge" systemctl start gocker-network.service
	systemctl restart nftables.service
	check "and the rules again, which nftables.service has flushed" wait_until 120 "$GOCKER" network status
else
	run "$GOCKER" network up
	is "$rc:$err" 0: "gocker network up"
fi
run "$GOCKER" network status
like "$rc:$out" '^0:gocker0: 10.213.0.1/16 fd67:6f63:6b65::1/64' "the bridge is there"
door=shell user=nora
reaches
neighbours
pam_door_on
door=PAM user=nils
reaches
neighbours
pam_door_off
check "no interface is left" wait_until 60 no_port

# --- beside firewalls that drop what is forwarded, as gocker.ini(5) says ---

door=shell user=nora
beside() { # NAME ADDRESS...: what is reached once the firewall lets the bridge pass
	probe "${@:2}"
	is "$(none ' reached$')" $((2 * ($# - 1))) "beside $1: the world is reached"
	probe "${shut_out[@]}"
	is "$(none ' shut$')" "$(all "${shut_out[@]}")" "beside $1: the host and metadata are not"
}
stopped() { # NAME HINT ADDRESS...
	probe "${@:3}"
	is "$(none ' reached$')" 0 "beside $1: control: as it is, nothing is reached"
	run "$GOCKER" doctor
	like "$out" "$2" "beside $1: doctor says what to do"
}
ufw --force enable >/dev/null
stopped ufw 'ufw route allow in on gocker0' "${WORLD_ADDRESSES[@]}"
{ ufw route allow in on gocker0 && ufw allow in on gocker0 to any port 53; } >/dev/null
beside ufw "${WORLD_ADDRESSES[@]}"
run ssh_as "$user" '/mnt/t/reach 53 192.0.2.53'
is "$(none ' reached$')" 2 "beside ufw: the name server is"
{ ufw --force disable && ufw --force reset; } >/dev/null
iptables -P FORWARD DROP
iptables -N DOCKER-USER
iptables -I FORWARD -j DOCKER-USER
stopped "rules like docker's" 'iptables -I DOCKER-USER -i gocker0 -j ACCEPT' 192.0.43.7 10.9.9.9
iptables -I DOCKER-USER -i gocker0 -j ACCEPT
iptables -I DOCKER-USER -o gocker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
beside "rules like docker's" 192.0.43.7 10.9.9.9
iptables -F
iptables -X
iptables -P FORWARD ACCEPT

# --- nothing is left, however sessions end ---

rules=$(nft list table inet gocker)
rounds=3
[ "${GKT_FULL:-0}" != 1 ] || rounds=100
for ((round = 0; round < rounds; round++)); do
	pids=()
	for each in 1 2 3 4; do
		rm -f "/home/nora/up$each"
		login_of nora "echo x >up$each; exec sleep 1000" </dev/null >/dev/null 2>&1 &
		pids+=($!)
	done
	wait_until 120 test -e /home/nora/up1 -a -e /home/nora/up2 -a -e /home/nora/up3 -a -e /home/nora/up4
	pgrep '^gocker-super' | head -n 2 | xargs -r kill -KILL
	pkill -KILL -u nora -x sleep
	wait "${pids[@]}"
done
check "after $((round * 4)) sessions, half of them killed, no interface is left" wait_until 120 no_port
is "$(nft list table inet gocker)" "$rules" "nor a rule"
"$GOCKER" gc >/dev/null
run "$GOCKER" network down
is "$rc:$err" 0: "gocker network down"
check_not "it leaves no bridge" ip link show gocker0
check_not "nor rules" nft list table inet gocker

# --- by pasta, which needs nothing of the host's network ---

kind=pasta by_interface=("${shut_out[@]/%/%up0}")
chmod 666 /dev/net/tun
by_pasta() {
	local rules
	reaches
	private 'devices = /dev/loop-control'
	probe 192.0.43.7 203.0.113.77
	is "$(none ' 192.0.43.7 reached$'):$(none ' 203.0.113.77 shut$')" 2:2 "pasta [$door]: with a filter for devices, too"
	nft -f - <<-'NFT'
		table inet strict {
			chain in { type filter hook input priority 0; policy drop; ct state established,related accept; iifname "lo" accept; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; }
			chain through { type filter hook forward priority 0; policy drop; }
		}
	NFT
	rules=$(nft list ruleset)
	private
	probe 192.0.43.7 203.0.113.77
	is "$(none ' 192.0.43.7 reached$'):$(none ' 203.0.113.77 shut$')" 2:2 "pasta [$door]: beside a firewall that drops what comes in and what is forwarded"
	is "$(nft list ruleset)" "$rules" "pasta [$door]: whose rules stay as they are"
	nft delete table inet strict
	wait_until 60 no_sessions
}
by_pasta
pam_door_on
door=PAM user=nils
by_pasta
pam_door_off

# --- as it was ---

kill "${resolver_pids[@]}" "$(cat "$GKT_WORK/host-serves")" "$(cat "$GKT_WORK/world-serves")" 2>/dev/null
if [ "$GKT_HOST" = systemd ]; then
	systemctl stop gocker-network.service systemd-resolved.service
	rm -r /etc/systemd/resolved.conf.d
fi
ip netns del world
umount /run/netns # which ip(8) has made for it
rmdir /run/netns
ip addr del 203.0.113.77/32 dev lo
ip addr del 2001:db8:7::77/128 dev lo
: >/etc/resolv.conf
check "the world is gone" wait_until 60 test ! -e /sys/class/net/up0
nft flush ruleset
[ -z "$rules_before" ] || nft -f - <<<"$rules_before"
check_clean "nothing is left" 60
