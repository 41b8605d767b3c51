#!/bin/bash
# timeout: 900
# What editors do that keep half of themselves on the remote side: install it, start it, find it again after a cut,
# forward a port, end it. Rebuilt from what VS Code, JetBrains and Zed say of their remote development, with a server
# of node's that lives on (tests/system/ide); in a Debian image and with image = host, through both doors.
. "$(dirname "$0")/../lib/test.sh"
need curl tar jq
need_product
packages=$GKT_TOP/${BUILD:-build}/tests/ide debian=$GKT_TOP/${BUILD:-build}/tests/debian.tar
if ! command -v node >/dev/null || [ ! -e "$packages/node_modules/ws/package.json" ]; then
	missing="there is no node, or npm could not fetch ws (tests/system/ide-packages)"
	if [ "${GKT_FULL:-0}" = 1 ]; then skip_missing "ide.sh" "$missing"; else skip "ide.sh" "$missing"; fi
	exit 0
fi
cp -r "$packages" "$GKT_WORK/ide"
cp "$GKT_TOP"/tests/system/ide/*.js "$GKT_WORK/ide/"
tar -C "$GKT_WORK/ide" -cf "$GKT_WORK/ide.tar" .
client() { (cd "$GKT_WORK/ide" && timeout $((60 * ${GKT_SLOW:-1})) node client.js "$@"); }
# Where the servers of VS Code are fetched from.
(cd "$GKT_WORK" && exec node ide/node_modules/http-server/bin/http-server . -a 127.0.0.1 -p 7000 -s 2>/dev/null) &
http=$!

field() { jq -r ".$1" <<<"$out"; }
listens() { ss -ltnH "sport = :$1" | grep -q .; }
no_logins() { ! "$GOCKER" ps --format '{kind}' | grep -q login; }
servers() { pgrep -u "$user" -f 'server\.js --(port|socket)' | wc -l; }
cut_off() { # CLIENT...
	kill -KILL "$@" 2>/dev/null
	wait "$@" 2>/dev/null
	wait_until 60 no_logins
}
inside_is() { # NAME: what the answer in $out says of where its command ran
	is "$(field out)" "gocker-container $user" "[$what] $1"
}
WHERE='echo "$(hostname) $(id -un)"'
asks() { run client "$1" "$way-$user" "$2"; } # WAY RUN

# finds_again WAY: after a cut the server, and the client's process in it, are those of before.
finds_again() { # WAY
	local server=$1 host=$2
	asks "$3" "$WHERE"
	is "$(field server) $(field host) $(field asked)" "$server $host 2" "[$what] after a cut the client finds its server, and its own process in it"
}
site='mkdir -p ~/site && echo "a page" >~/site/index.html && (nohup node ~/.ide/node_modules/http-server/bin/http-server ~/site -a 127.0.0.1 -p 7001 -s >/dev/null 2>&1 &)'
page() { [ "$(curl -sf "$@")" = "a page" ]; }
ends() { # WAY...
	local each
	for each; do run client "$each" "$way-$user" end; done
	check "[$what] its server ends when it is told to" wait_until 60 no_server
	ssh_as "$user" 'pkill -f [h]ttp-server; rm -rf ~/.ide ~/site /tmp/ide.sock'
}
one_server() { [ "$(servers)" = 1 ]; }
no_server() { [ "$(servers)" = 0 ]; }

# VS Code, one connection: a script on its stdin installs and starts the server and says which port, and a dynamic
# forward of the same connection leads there.
cat >"$GKT_WORK/start" <<'END'
mkdir -p ~/.ide && cd ~/.ide
[ -e server.js ] || curl -sf http://127.0.0.1:7000/ide.tar | tar -x
if ! [ -s pid ] || ! kill -0 "$(cat pid)" 2>/dev/null; then
	nohup node server.js --port=0 >log 2>&1 </dev/null &
	echo $! >pid
fi
until grep -qs listening log; do sleep 0.1; done
sed -n 's/listening on /port==/p' log
while sleep 60; do :; done
END
connect_one() {
	: >"$GKT_WORK/said"
	ssh -T -D 7010 -o ExitOnForwardFailure=yes -l "$user" gocker sh <"$GKT_WORK/start" >"$GKT_WORK/said" 2>&1 &
	line=$!
	wait_until 60 grep -q port== "$GKT_WORK/said" || diag "$(cat "$GKT_WORK/said")"
	port=$(sed -n 's/port==//p' "$GKT_WORK/said")
}
vscode_one() {
	local line port server host
	connect_one
	asks "socks:7010:$port" "$WHERE"
	inside_is "the server is installed, started, and reached through a dynamic forward"
	server=$(field server) host=$(field host)
	cut_off "$line"
	connect_one
	finds_again "$server" "$host" "socks:7010:$port"
	asks "socks:7010:$port" "$site"
	check "[$what] a port of the user's is forwarded" wait_until 60 page --socks5 127.0.0.1:7010 http://127.0.0.1:7001/
	ends "socks:7010:$port"
	cut_off "$line"
}

# VS Code's exec server: the connection's command listens on a socket, and starts the server, which has one, too.
exec_server() {
	: >"$GKT_WORK/said"
	ssh -T -L "7011:$dir/exec.sock" -L "7012:$dir/ide.sock" -l "$user" gocker "cd ~/.ide && exec node server.js --socket=$dir/exec.sock" \
		>"$GKT_WORK/said" 2>&1 &
	line=$!
	wait_until 60 grep -q listening "$GKT_WORK/said" || diag "$(cat "$GKT_WORK/said")"
}
vscode_exec() {
	local line server host dir=/tmp
	# Through the shell door sshd opens sockets on the host, where the home alone is the same.
	[ "$door" = pam ] || dir=/home/$user/.ide
	ssh_as "$user" 'mkdir -p ~/.ide && tar -x -C ~/.ide' <"$GKT_WORK/ide.tar"
	exec_server
	run client port:7011 exec "cd ~/.ide && (nohup node server.js --socket=$dir/ide.sock >log 2>&1 </dev/null &) && until grep -qs listening log; do sleep 0.1; done"
	asks port:7012 "$WHERE"
	inside_is "the exec server starts the server, which is reached by its socket"
	server=$(field server) host=$(field host)
	cut_off "$line"
	# Behind the PAM door a command without a terminal is left alone by sshd, as on any host.
	[ "$door" = shell ] || ssh_as "$user" 'pkill -f [e]xec.sock'
	check "[$what] after a cut one of the two is left" wait_until 60 one_server
	exec_server
	finds_again "$server" "$host" port:7012
	asks port:7012 "$site"
	check "[$what] a port of the user's answers" wait_until 60 page http://127.0.0.1:7001/
	if [ "$door" = shell ]; then
		ssh_as "$user" '(nohup node ~/.ide/server.js --socket=/tmp/ide.sock >/dev/null 2>&1 &); until [ -S /tmp/ide.sock ]; do sleep 0.1; done'
		ssh -N -L 7013:/tmp/ide.sock -l "$user" gocker &
		wait_until 60 listens 7013
		run client port:7013 exec "$WHERE"
		isnt "$rc" 0 "[$what] a socket in /tmp is not reached through the shell door"
		kill $!
		wait $! 2>/dev/null
		ssh_as "$user" 'pkill -f [s]ocket=/tmp/ide.sock'
	fi
	ends port:7012 port:7011
	cut_off "$line"
}

# Several connections: files by scp, the start by a command, a forward and a terminal by connections of their own.
vscode_many() {
	local port server host lines=()
	several() {
		ssh -N -L "7014:127.0.0.1:$port" -o ExitOnForwardFailure=yes -l "$user" gocker &
		lines=($!)
		ssh -tt -l "$user" gocker 'sleep 3333' >/dev/null 2>&1 </dev/null &
		lines+=($!)
		wait_until 60 listens 7014
	}
	ssh_as "$user" 'mkdir -p ~/.ide'
	run scp -q "$GKT_WORK/ide.tar" "$user@gocker:.ide/"
	is "$rc" 0 "[$what] scp brings the server"
	run ssh_as "$user" 'cd ~/.ide && tar -xf ide.tar && (nohup node server.js --port=0 >log 2>&1 </dev/null &) && until grep -qs listening log; do sleep 0.1; done; cat log'
	port=${out##* }
	several
	asks port:7014 "$WHERE"
	inside_is "the server is reached through another connection"
	server=$(field server) host=$(field host)
	cut_off "${lines[@]}"
	several
	finds_again "$server" "$host" port:7014
	asks port:7014 'pgrep -fx "sleep 3333" >/dev/null && echo seen'
	is "$(field out)" seen "[$what] it sees what runs in the user's terminal"
	ends port:7014
	cut_off "${lines[@]}"
}

# JetBrains: one connection with many sessions, files by sftp, a backend that is started and asked by commands, and
# a forward that is added to the connection.
jetbrains() {
	local port server host
	printf 'mkdir .ide\nput %s .ide/ide.tar\n' "$GKT_WORK/ide.tar" >"$GKT_WORK/batch"
	run sftp -q -b "$GKT_WORK/batch" "$user@gocker"
	is "$rc" 0 "[$what] sftp brings the backend"
	start_master "$user"
	ssh_over "$user" 'cd ~/.ide && tar -xf ide.tar && { setsid node server.js --port=0 >log 2>&1 </dev/null & } && until grep -qs listening log; do sleep 0.1; done'
	run ssh_over "$user" 'sed -n "s/listening on //p" ~/.ide/log'
	port=$out
	forward 7015 "$port"
	asks port:7015 "$WHERE"
	inside_is "the backend runs, and is reached through a forward that is added"
	server=$(field server) host=$(field host)
	cut_master
	is "$(servers)" 1 "[$what] the backend stays after a cut"
	start_master "$user"
	forward 7015 "$port"
	finds_again "$server" "$host" port:7015
	asks port:7015 "$site"
	forward 7016 7001
	check "[$what] a port of the user's is forwarded" wait_until 60 page http://127.0.0.1:7016/
	ends port:7015
	stop_master "$user"
	wait_until 60 no_logins
}
forward() { ssh -o "ControlPath=$GKT_WORK/master-$user" -O forward -L "$1:127.0.0.1:$2" gocker; }
cut_master() {
	pkill -KILL -f "ControlPath=$GKT_WORK/master-$user .*-N -f"
	rm -f "$GKT_WORK/master-$user"
	wait_until 60 no_logins
}

# Zed: a shared connection; the proxy is the command of a session, and joins it to a server behind a socket.
zed() {
	local server host proxy="stdio:ssh -T -o ControlPath=$GKT_WORK/master-$user -o ControlMaster=no -l $user gocker 'exec node ~/.ide/proxy.js ~/.ide/zed.sock'"
	start_master "$user"
	run ssh_over "$user" 'uname -sm; mkdir -p ~/.ide'
	is "$out" "$(uname -sm)" "[$what] asks for the machine"
	run scp -q -o "ControlPath=$GKT_WORK/master-$user" "$GKT_WORK/ide.tar" "$user@gocker:.ide/"
	is "$rc" 0 "[$what] scp brings the server"
	ssh_over "$user" 'cd ~/.ide && tar -xf ide.tar'
	asks "$proxy" "$WHERE"
	inside_is "the proxy starts the server, and joins it"
	server=$(field server) host=$(field host)
	cut_master
	start_master "$user"
	finds_again "$server" "$host" "$proxy"
	asks "$proxy" "$site"
	forward 7017 7001
	check "[$what] a port of the user's is forwarded" wait_until 60 page http://127.0.0.1:7017/
	ends "$proxy"
	stop_master "$user"
	wait_until 60 no_logins
}

rows() {
	local image way
	for image in "${images[@]}"; do
		# Each door with one image; in the audit with both.
		[ "${GKT_FULL:-0}" = 1 ] || [ ${#images[@]} = 1 ] || [ "$door $image" = "shell host" ] ||
			[ "$door $image" = "pam debian" ] || continue
		user=$image-$door
		door_user "$user"
		set_ini 'profile = ide' "image = $image"
		start_sshd
		remember_host
		for way in vscode_one vscode_exec vscode_many jetbrains zed; do
			what="$door, $image, $way"
			$way
		done
		"$GOCKER" stop "$user" >/dev/null
		check_clean "[$door, $image] nothing is left"
		stop_sshd
	done
}
images=(host)
if [ -s "$debian" ]; then
	own_images
	mkdir "$GKT_WORK/root"
	tar -C "$GKT_WORK/root" -xf "$debian"
	# As its packages install them. Those of `image tools` bring a loader of their own along, which node would take
	# for its own name when it starts itself.
	for program in $(for p in node curl pgrep pkill scp; do command -v $p; done) /usr/lib/openssh/sftp-server; do
		for file in "$program" $(ldd "$(readlink -f "$program")" | grep -o '/[^ ]*'); do
			[ -e "$GKT_WORK/root$file" ] || install -D "$file" "$GKT_WORK/root$file"
		done
	done
	tar -C "$GKT_WORK/root" -cf "$GKT_WORK/root.tar" .
	run "$GOCKER" image import --quiet debian "$GKT_WORK/root.tar"
	is "$rc" 0 "a Debian image with node"
	rm -rf "$GKT_WORK"/root{,.tar}
	images+=(debian)
else
	skip "a Debian image" "mmdebstrap could not make one (see tests/images/debian-root)"
fi
through_each_door rows

# Control: what finds the server again is the profile's share and linger.
open_door shell
user=alone
door_user alone
set_ini 'profile = ide' 'image = host' 'share = login' 'linger = none'
start_sshd
what=control
connect_one
is "$(servers)" 1 "(control: without them there is a server)"
cut_off "$line"
check "(control: and the end of the connection ends it)" wait_until 60 no_server
stop_sshd
kill $http
wait $http 2>/dev/null
