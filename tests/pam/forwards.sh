#!/bin/bash
# timeout: 180
# Forwards begin and end inside: -L, -R, -D, stream-local and agent sockets (A3, S12, S13).
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need curl perl
need_product
add_user alice
set_ini 'network = none' 'pids_max = 40'
shipped sshd gocker-sshd
start_sshd
remember_host

# A service of the host on loopback, and one inside on the same port.
serve() { # PORT TEXT: a server for one connection after the other
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die;
		while (my $c = $s->accept) { print $c "$ARGV[1]\n"; close $c }' "$1" "$2" >/dev/null 2>&1 </dev/null &
}
# bash's own: what comes out of PORT within two seconds.
fetch() { timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && head -n 1 <&3' "$1" 2>/dev/null; }
# The one inside serves one connection, and then is away for a moment.
patiently() {
	local said
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		said=$("$@") && [ -n "$said" ] && break
		sleep 0.2
	done
	echo "$said"
}
serve 8001 host-service
host_service=$!
wait_until 60 fetch 8001
is "$(fetch 8001)" host-service "(control) the host's service answers the host"
perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die;
	chmod 0666, $ARGV[0];
	while (my $c = $s->accept) { print $c "host-socket\n"; close $c }' /tmp/host.sock >/dev/null 2>&1 </dev/null &
host_socket=$!
said_by() { perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new($ARGV[0]) or exit 1; print scalar <$s>' "$1"; }
wait_until 60 said_by /tmp/host.sock
is "$(as_user alice perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new("/tmp/host.sock"); print scalar <$s>')" host-socket \
	"(control) so does the host's Unix socket, to the user as well"

connection() { # OPTION...: a connection that stays; its shell waits for a file
	ssh -l alice -o ControlMaster=yes -o "ControlPath=$GKT_WORK/fwd" -o ExitOnForwardFailure=yes "$@" \
		-f gocker 'echo inside-1 >/tmp/one; while :; do echo inside-service | nc -l -p 8002 127.0.0.1; done' >/dev/null 2>&1
	wait_until 60 ssh -l alice -o "ControlPath=$GKT_WORK/fwd" -o ControlMaster=no gocker true
}
inside() { ssh -l alice -o "ControlPath=$GKT_WORK/fwd" -o ControlMaster=no gocker "$@"; }
hang_up() { ssh -o "ControlPath=$GKT_WORK/fwd" -O exit gocker 2>/dev/null; }

connection -L 9001:127.0.0.1:8001 -L 9002:127.0.0.1:8002 -D 9003 \
	-R 9004:127.0.0.1:8001 -L "$GKT_WORK/local.sock:127.0.0.1:8002" -R /tmp/remote.sock:127.0.0.1:8001 \
	-L 9008:/tmp/host.sock -L 9009:/tmp/remote.sock
is "$(fetch 9001)" "" "-L to a loopback service of the host gets nothing (S13)"
is "$(patiently fetch 9002)" inside-service "-L to a service inside reaches it"
run timeout 10 curl -s --http0.9 --max-time 3 -x socks5://127.0.0.1:9003 http://127.0.0.1:8001/
isnt "$rc" 0 "-D does not reach the host's services"
through_socks() { curl -s --http0.9 --max-time 3 -x socks5://127.0.0.1:9003 http://127.0.0.1:8002/; }
is "$(patiently through_socks)" inside-service "-D reaches those inside"
is "$(fetch 9004)" "" "-R opens no port on the host"
is "$(inside 'nc -w 3 127.0.0.1 9004 </dev/null')" host-service "-R opens it inside"
is "$(patiently said_by "$GKT_WORK/local.sock")" inside-service "a stream-local -L reaches the inside"
is "$(fetch 9008)" "" "-L to a Unix socket of the host's gets nothing"
is "$(fetch 9009)" host-service "-L to one inside reaches it"
is "$(inside 'ls /tmp/remote.sock')" /tmp/remote.sock "a stream-local -R has its socket inside"
check_not "and not on the host" test -e /tmp/remote.sock
hang_up

# The agent.
eval "$(ssh-agent -s)" >/dev/null
ssh-add -q /root/.ssh/id_ed25519
like "$(ssh -A -l alice gocker 'echo $SSH_AUTH_SOCK; ls -l $SSH_AUTH_SOCK')" 'srw.*alice.*/tmp/ssh-' "the agent's socket is inside (S12)"
is "$(find /tmp -name 'ssh-*' -path '*agent*' -newer /etc/gocker.ini | grep -vc "$SSH_AUTH_SOCK")" 0 "and none below the host's /tmp"
kill "$SSH_AGENT_PID"
unset SSH_AUTH_SOCK SSH_AGENT_PID

# ~/.ssh/rc and the user's environment run inside.
mkdir -p /home/alice/.ssh
echo 'hostname >~/rc-ran' >/home/alice/.ssh/rc
chown -R alice: /home/alice/.ssh
ssh_as alice true
is "$(cat /home/alice/rc-ran)" gocker-container "~/.ssh/rc runs inside (A3)"
rm -r /home/alice/.ssh

# A connection without a command.
ssh -l alice -N -L 9005:127.0.0.1:8001 gocker >/dev/null 2>&1 &
client=$!
wait_until 60 has_leaf
check "its client listens" wait_until 60 eval '(: </dev/tcp/127.0.0.1/9005)'
is "$(fetch 9005)" "" "ssh -N is contained as well (A3)"
end_client $client

# A refused session: each command ends with 254, forwards are dead.
echo nonsense >>/etc/gocker.ini
run ssh_as alice 'echo ran'
is "$rc:$(grep -c ran <<<"$out")" 254:0 "a login that can't be contained: each command ends with 254"
ssh -l alice -N -L 9006:127.0.0.1:8001 -R 9007:127.0.0.1:8001 gocker >/dev/null 2>&1 &
client=$!
check "a client may connect all the same, and listens" wait_until 60 eval '(: </dev/tcp/127.0.0.1/9006)'
is "$(fetch 9006)" "" "its -L is dead"
is "$(fetch 9007)" "" "its -R is dead"
run timeout 10 ssh -l alice -W 127.0.0.1:8001 gocker
unlike "$out" host-service "its -W is dead"
end_client $client
set_ini
kill $host_service $host_socket
wait $host_service $host_socket 2>/dev/null
check_clean "nothing is left"
