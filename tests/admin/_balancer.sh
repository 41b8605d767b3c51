# shellcheck shell=bash
# HAProxy, as conf/haproxy sets it up, in front of three hosts (lib/nodes.sh) with an sshd and an agent each.
PORT=2200
SOCKET=/run/gkt/haproxy.sock

who=anna
declare -A agent_pid

start_agent() { # N
	on "$1" systemd-socket-activate -l "10.9.$1.2:9707" --accept --inetd "$GOCKER" agent >/dev/null 2>&1 &
	agent_pid[$1]=$!
}

haproxy_says() { # COMMAND, on its control socket
	perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Peer => shift) or exit 1; print $s shift, "\n"; print <$s>' \
		"$SOCKET" "$1"
}

state_of() { # N: HAProxy's word for the host and its weight
	haproxy_says 'show stat' | awk -F, -v s="host$1" '$1 == "logins" && $2 == s { print $18, $19 }'
}

becomes() { # N PATTERN
	wait_until 60 eval "state_of $1 | grep -qE '$2'"
}

from() { # ADDRESS [CMD]: a login through the balancer, of $who
	ssh -p "$PORT" -b "$1" -o HostKeyAlias=balancer -l "$who" gocker "${@:2}"
}

start_hosts() {
	local n
	start_sshd
	stop_sshd
	for n in 1 2 3; do
		start_node "$n"
		node_sshd "$n"
		start_agent "$n"
	done
}

balancer_conf() { # [SED-OPTION...]: the sample configuration with these hosts, and with what is to be otherwise
	sed -e "s/^	bind .*/	bind 127.0.0.1:$PORT/" -e 's/inter 2s/inter 200ms/g' -e 's/maxconn .*/maxconn 100/' \
		-e "s|^global|&\n	stats socket $SOCKET mode 600 level admin|" \
		-e "s/192\.0\.2\.1\([123]\):22/10.9.\1.2:$SSH_PORT/" "$@" "$GKT_TOP/conf/haproxy/haproxy.cfg" >"$GKT_WORK/haproxy.cfg"
}

start_balancer() {
	haproxy -db -f "$GKT_WORK/haproxy.cfg" >"$GKT_WORK/haproxy.log" 2>&1 &
	balancer_pid=$!
	wait_until 60 test -S "$SOCKET" || {
		not_ok "HAProxy starts" "$(cat "$GKT_WORK/haproxy.log")"
		exit 1
	}
}
