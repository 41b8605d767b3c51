# shellcheck shell=bash
# HAProxy, as conf/haproxy sets it up, in front of three hosts (lib/nodes.sh) with an sshd and an agent each.
PORT=2200
SOCKET=/run/gkt/haproxy.sock

who=anna
declare -A agent_pid

start_agent() { # N
	if [ "$1" = 3 ]; then
		on 3 perl -e "$INETD" "10.9.3.2" "$GOCKER" <"$GKT_TOP/conf/haproxy/inetd.conf" >/dev/null 2>&1 &
	else
		on "$1" systemd-socket-activate -l "10.9.$1.2:9707" --accept --inetd "$GOCKER" agent >/dev/null 2>&1 &
	fi
	agent_pid[$1]=$!
}

# What an inetd does with the line of conf/haproxy, at this address and with this program.
# shellcheck disable=SC2016 # perl's
INETD='use IO::Socket::INET;
my ($address, $program) = @ARGV;
my ($line) = grep { !/^#/ } <STDIN>;
my ($at, $type, $proto, $wait, $user, $path, @words) = split " ", $line;
"$type $proto $wait $user $path $words[0]" eq "stream tcp nowait root /usr/bin/gocker gocker" or die;
my ($port) = $at =~ /:(\d+)$/;
my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => $address, LocalPort => $port, ReuseAddr => 1) or die;
$SIG{CHLD} = "IGNORE";
while (1) {
	my $c = $s->accept or next;
	if (fork) { close $c; next }
	open STDIN, "<&", $c; open STDOUT, ">&", $c; open STDERR, ">&", $c; close $s; close $c;
	exec { $program } @words;
	exit 1;
}'

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
