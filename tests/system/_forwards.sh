# shellcheck shell=bash
# What sshd's forwards reach behind the PAM door, for sessions with a network of their own.

# forward OPTION...: a client in the background, which forwards.
forward() {
	rm -f "$GKT_WORK/up"
	ssh -l "$user" -o ExitOnForwardFailure=yes "$@" gocker 'nc -lk -p 9000 -e echo inside & echo up; sleep 1000' >"$GKT_WORK/up" 2>/dev/null </dev/null &
	held=$!
	wait_until 60 grep -q up "$GKT_WORK/up"
}
read_from() { timeout 60 bash -c 'cat <"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; }
opened() { [ -n "$(read_from "$@")" ]; }

# sshd's forwards end in the session's network, behind the door that has them.
forwards() { # INI LINE...
	local ends=(-L "7101:127.0.0.1:$WORLD_PORT" -L "7102:203.0.113.77:$WORLD_PORT" -L "7103:169.254.169.254:$WORLD_PORT"
		-L "7104:192.0.43.7:$WORLD_PORT" -L 7105:127.0.0.1:9000 -R "7106:192.0.43.7:$WORLD_PORT" -D 7107)
	policy 'network = host'
	forward "${ends[@]}"
	is "$(for port in 7101 7102 7103 7104; do read_from 127.0.0.1 $port; done)" herehereherehere "[$door] control: with network = host -L reaches the host, metadata and the world"
	check "[$door] control: and -R listens on the host" grep -q ':1BC2 ' /proc/net/tcp
	end_client "$held"
	policy "$@"
	forward "${ends[@]}"
	is "$(for port in 7101 7102 7103; do read_from 127.0.0.1 $port; done)" '' "[$door] -L does not reach the host, nor metadata"
	is "$(read_from 127.0.0.1 7104)" here "[$door] it reaches the world"
	check "[$door] and the session's own servers" wait_until 60 opened 127.0.0.1 7105
	check_not "[$door] -R does not listen on the host" grep -q ':1BC2 ' /proc/net/tcp
	local inside
	inside=$(pgrep -u "$user" -x sleep)
	like "$(cat "/proc/$inside/net/tcp")" ':1BC2 ' "[$door] but in the session"
	local address
	for address in 192.0.43.7 203.0.113.77 127.0.0.1; do
		curl -sS --max-time 60 --http0.9 --socks5 127.0.0.1:7107 "http://$address:$WORLD_PORT/"
	done >"$GKT_WORK/socks" 2>/dev/null
	is "$(cat "$GKT_WORK/socks")" here "[$door] -D reaches the world, and not the host"
	end_client "$held"
}
