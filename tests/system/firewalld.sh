#!/bin/bash
# timeout: 300
# network = private beside a running firewalld: neither breaks the other, and its reload takes nothing of gocker's.
# pasta needs nothing of it; to the bridge it has to be told what gocker.ini(5) says. Ports that are published are
# behind it. Left out without the packages firewalld and dbus.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/../lib/world.sh"
need ip pasta nft
need_product
for program in firewalld firewall-cmd dbus-daemon; do
	if ! command -v "$program" >/dev/null; then
		skip "private networks beside firewalld" "$program is not installed"
		exit 0
	fi
done
if ! make_world || ! own_net_sysctl || ! { ip link add try0 type bridge && ip link del try0; } 2>/dev/null; then
	skip "private networks beside firewalld" "this machine has no bridge, veth, tun device or nf_tables"
	exit 0
fi
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
"$reach" serve "$GKT_WORK/resolver" 53 127.0.0.1 &
wait_until 60 test -s "$GKT_WORK/resolver"

policy() { set_ini 'pids_max = 60' "volumes = $GKT_HELPERS:/mnt/t:ro" 'network = private' "$@"; }
probe() { run ssh_as "$user" "/mnt/t/reach $WORLD_PORT $*; /mnt/t/reach -u 53 192.0.2.53"; }
bridge=('private_network = bridge')
both=$'tcp 192.0.43.7 reached\ntcp 203.0.113.77 shut\nudp 192.0.2.53 reached\nudp 192.0.43.7 reached\nudp 203.0.113.77 shut'
its_rules() { nft list table inet firewalld; }
our_rules() { nft list table inet gocker; }
from_world() { in_world "$reach" "$WORLD_PORT" 198.51.100.2%down0 | grep -c ' reached$'; }
# The first line of a server, once it has been spoken to.
world_asks() { in_world timeout 5 bash -c 'exec 3<>"/dev/tcp/198.51.100.2/8010" && echo hello >&3 && head -n 1 <&3' 2>/dev/null; }
world_is_answered() { [ "$(world_asks)" = hello ]; }

# ---- firewalld ----

is "$(from_world)" 2 "control: without a firewall the world reaches the host"
mkdir -p /run/dbus
setsid dbus-daemon --system --fork --nopidfile
setsid firewalld --nofork --nopid >"$GKT_WORK/firewalld" 2>&1 &
if ! wait_until 120 firewall-cmd --state >/dev/null 2>&1 || ! its_rules >/dev/null 2>&1; then
	skip "private networks beside firewalld" "it does not run here: $(tail -n 1 "$GKT_WORK/firewalld")"
	exit 0
fi
is "$(from_world)" 0 "firewalld keeps the world from the host"
before=$(its_rules)
policy "${bridge[@]}"
run "$GOCKER" network up
is "$rc:$out$err" 0: "gocker network up beside it"
is "$(its_rules)" "$before" "leaves its rules as they are"
is "$(from_world)" 0 "and it goes on keeping the world out"
ours=$(our_rules)

# ---- sessions ----

published() {
	policy "private_network = $kind" 'publish = 198.51.100.2:8010'
	rm -f "/home/$user/ready"
	ssh -l "$user" gocker 'nc -lk -p 8010 -e cat & touch ready; wait' </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 60 test -e "/home/$user/ready"
	is "$(world_asks)" '' "[$door] [$kind] a port that is published is behind the firewall"
	firewall-cmd --quiet --add-port=8010/tcp
	check "[$door] [$kind] which can open it" wait_until 60 world_is_answered
	firewall-cmd --quiet --remove-port=8010/tcp
	end_client "$held"
}

rows() {
	user=fw-$door
	door_user "$user"
	start_sshd
	policy
	probe 192.0.43.7 203.0.113.77
	is "$(sort <<<"$out")" "$both" "[$door] with pasta a session reaches the world and names, and not the host"
	for kind in pasta bridge; do published; done

	policy "${bridge[@]}"
	probe 192.0.43.7 203.0.113.77
	is "$(grep -c ' 192.0.43.7 shut$' <<<"$out")" 2 "[$door] what comes from the bridge it drops"
	run "$GOCKER" doctor
	like "$out" 'bad +network +.*inet firewalld' "[$door] which doctor tells"
	like "$out" 'forward from and to gocker0 \(with firewalld: `firewall-cmd --permanent --zone=trusted --add-interface=gocker0` and `firewall-cmd --reload`\)' "[$door] with what firewalld is to be told"
	firewall-cmd --quiet --permanent --zone=trusted --add-interface=gocker0
	firewall-cmd --quiet --reload
	is "$(our_rules)" "$ours" "[$door] its reload leaves gocker's rules as they are"
	probe 192.0.43.7 203.0.113.77
	is "$(sort <<<"$out")" "$both" "[$door] with the bridge in its zone trusted a session reaches the world and names, and not the host"
	firewall-cmd --quiet --complete-reload
	is "$(our_rules)" "$ours" "[$door] so does a complete reload"
	probe 192.0.43.7 203.0.113.77
	is "$(sort <<<"$out")" "$both" "[$door] after which all is the same"
	unlike "$("$GOCKER" doctor)" 'bad +network' "[$door] and doctor has nothing to tell"
	firewall-cmd --quiet --permanent --zone=trusted --remove-interface=gocker0
	firewall-cmd --quiet --reload
}
through_each_door rows

is "$(from_world)" 0 "the world is kept out of the host to the end"
run "$GOCKER" network down
is "$rc:$out$err" 0: "gocker network down beside it"
is "$(its_rules | grep -c .)" "$(grep -c . <<<"$before")" "leaves its rules, too"
