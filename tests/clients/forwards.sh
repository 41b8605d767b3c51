#!/bin/bash
# S12: agent forwarding. S13: port and socket forwards. S14: X11.
. "$(dirname "$0")/../lib/test.sh"
need curl ssh-agent xauth python3
need_product
image_with hop /usr/bin/ssh /usr/bin/ssh-add /usr/bin/xauth
busybox=$(command -v busybox)

# The lines that gocker's sshd drop-in has for this door.
drop_in() {
	local file=$GKT_TOP/conf/sshd_config.d/gocker-$door.conf
	if [ "$door" = plain ]; then
		return
	elif [ -e "$file" ]; then
		grep -v '^#\|^$\|^Subsystem\|^UsePAM' "$file"
	elif [ "$door" = shell ]; then
		printf '%s no\n' AllowTcpForwarding AllowStreamLocalForwarding X11Forwarding PermitTunnel GatewayPorts
	fi
}

fetch() { curl -sS --max-time 5 "$@"; }
# With forwards in the background: forwarded OPTION... ; the client's words are in $GKT_WORK/ssh.err.
forwarded() {
	# What the last client said must not stand for this one's: the shell truncates it a moment later.
	rm -f "$GKT_WORK/up"
	ssh -l "$user" -o LogLevel=INFO "$@" gocker 'echo up; exec sleep 1000' >"$GKT_WORK/up" 2>"$GKT_WORK/ssh.err" </dev/null &
	client=$!
	wait_until 40 grep -q up "$GKT_WORK/up" || kill -0 "$client"
}
hang_up() { end_client "$client"; }

agents() {
	row=S12
	eval "$(ssh-agent -s)" >/dev/null
	ssh-add -q /root/.ssh/id_ed25519
	local key hop="ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p 2222"
	key=$(ssh-add -l)
	run ssh_as "$user" -A ssh-add -l
	is "$rc:$out" "0:$key" "ssh-add -l inside lists the client's key"
	run ssh_as "$user" -A "$hop second-$door@127.0.0.1 'id -un; hostname'"
	is "$rc:$out" "0:second-$door"$'\n'"$(ssh_as "second-$door" hostname)" "a hop to a second host with the agent's key"
	run ssh_as "$user" -A "$hop -A second-$door@127.0.0.1 ssh-add -l"
	is "$rc:$out" "0:$key" "and the agent is forwarded on"
	run ssh_as "$user" -A -tt 'ssh-add -l; exit 3'
	is "$rc:${out//$'\r'/}" "3:$key" "also with a terminal"
	run ssh_as "$user" -a 'echo "${SSH_AUTH_SOCK-none}"'
	is "$out" none "no agent where none is forwarded"
	# Behind the PAM door sshd makes the socket inside all the same; nothing is told where.
	if [ "$door" != plain ]; then
		set_ini 'image = hop' 'agent = no'
		run ssh_as "$user" -A 'echo "${SSH_AUTH_SOCK-none}"; ssh-add -l'
		like "$rc:$out" '^[12]:none' "agent = no brings none in"
		set_ini 'image = hop'
	fi
	ssh-agent -k >/dev/null
}

# What a client reads when the door refuses forwards, and that nothing got through.
refused_forwards() {
	row=S13
	forwarded -L "7001:127.0.0.1:$web"
	run fetch http://127.0.0.1:7001/
	check "-L: no connection comes about" test "$rc" -ne 0
	hang_up
	like "$(cat "$GKT_WORK/ssh.err")" 'administratively prohibited' "-L: and the client is told why"
	run timeout 300 ssh -l "$user" -o ExitOnForwardFailure=yes -R "7002:127.0.0.1:$web" gocker true
	like "$rc $err" '^255 .*remote port forwarding failed' "-R: refused, and said so"
	forwarded -D 7003
	run fetch --socks5 127.0.0.1:7003 "http://127.0.0.1:$web/"
	check "-D: no connection comes about" test "$rc" -ne 0
	hang_up
	like "$(cat "$GKT_WORK/ssh.err")" 'administratively prohibited' "-D: and the client is told why"
	run timeout 300 ssh -l "$user" -W "127.0.0.1:$web" gocker
	like "$rc $err" '^255 .*stdio forwarding failed' "-W: refused, and said so"
	run timeout 300 ssh -l "$user" -J "$user@gocker" -p 2222 127.0.0.1 true
	like "$rc $err" '^255 .*stdio forwarding failed' "ProxyJump: refused, and said so"
	forwarded -L "7004:/home/$user/web.sock"
	run fetch http://127.0.0.1:7004/
	check "stream-local -L: no connection comes about" test "$rc" -ne 0
	hang_up
	like "$(cat "$GKT_WORK/ssh.err")" 'open failed' "stream-local -L: and the client is told why"
	run timeout 300 ssh -l "$user" -o ExitOnForwardFailure=yes -R "/home/$user/r.sock:127.0.0.1:$web" gocker true
	like "$rc $err" '^255 .*remote port forwarding failed' "stream-local -R: refused, and said so"
	check "stream-local -R: no socket is made" test ! -e "/home/$user/r.sock"
}

# Forwards that work; with `inside` the other end is the container's own network.
working_forwards() {
	row=S13
	forwarded -L "7001:127.0.0.1:$web"
	is "$(fetch http://127.0.0.1:7001/)" web "-L"
	hang_up
	forwarded -R "7002:127.0.0.1:$web"
	is "$(ssh_as "$user" 'wget -qO- http://127.0.0.1:7002/')" web "-R"
	hang_up
	forwarded -D 7003
	is "$(fetch --socks5 127.0.0.1:7003 "http://127.0.0.1:$web/")" web "-D"
	hang_up
	is "$(printf 'GET / HTTP/1.0\r\n\r\n' | timeout 300 ssh -l "$user" -W "127.0.0.1:$web" gocker | tail -n 1)" web "-W"
	run timeout 300 ssh -l "$user" -J "$user@gocker" -p 2222 -o StrictHostKeyChecking=no 127.0.0.1 'echo there'
	is "$rc:$out" 0:there "ProxyJump"
	forwarded -R "/home/$user/r.sock:127.0.0.1:$web"
	is "$(fetch --unix-socket "/home/$user/r.sock" http://x/)" web "stream-local -R"
	ssh -l "$user" -N -L "7004:/home/$user/r.sock" gocker 2>/dev/null &
	local second=$!
	wait_until 40 eval '(: </dev/tcp/127.0.0.1/7004) 2>/dev/null'
	is "$(fetch http://127.0.0.1:7004/)" web "stream-local -L"
	end_client $second
	hang_up
	rm -f "/home/$user/r.sock"
}

forwards_end_inside() {
	row=S13
	set_ini 'network = none'
	forwarded -L "7001:127.0.0.1:$web"
	run fetch http://127.0.0.1:7001/
	check "network = none: -L does not reach the host" test "$rc" -ne 0
	hang_up
	rm -f "$GKT_WORK/up"
	ssh -l "$user" -L 7005:127.0.0.1:9000 gocker 'echo up; echo inside | nc -l -p 9000' >"$GKT_WORK/up" 2>/dev/null </dev/null &
	client=$!
	wait_until 40 grep -q up "$GKT_WORK/up"
	sleep 0.3
	is "$(timeout 60 bash -c 'exec 3<>/dev/tcp/127.0.0.1/7005; cat <&3')" inside "network = none: -L reaches a server inside"
	hang_up
	set_ini
}

x11() {
	row=S14
	local cookie=0123456789abcdef0123456789abcdef server
	set_ini 'image = hop'
	# shellcheck disable=SC2317 # called by run
	x11_as() { env DISPLAY=:0 XAUTHORITY="$GKT_WORK/xauth" timeout 300 ssh -Y -o LogLevel=INFO -l "$user" gocker "$1"; }
	xauth -q -f "$GKT_WORK/xauth" add :0 MIT-MAGIC-COOKIE-1 $cookie 2>/dev/null
	rm -f "$GKT_WORK/x11"
	python3 "$GKT_TOP/tests/clients/x11-server.py" /tmp/.X11-unix/X0 $cookie "$GKT_WORK/x11" &
	server=$!
	wait_until 40 grep -q ready "$GKT_WORK/x11"
	if [ "$door" = shell ]; then
		run x11_as 'echo "${DISPLAY-none}"'
		like "$rc:$out:$err" '^0:none:.*X11 forwarding request failed' "X11 is refused with a word to the user, and the command runs"
	else
		install -m 755 "$(command -v x11-client)" "/home/$user/x11-client"
		run x11_as '~/x11-client "$DISPLAY" "$(xauth list "unix:${DISPLAY#*:}" | sed "s/.* //")"'
		is "$rc:$out" "0:the display was here" "a program inside reaches the client's display, by a cookie of its own"
		unlike "$(ssh_as "$user" xauth list)" $cookie "the display's own cookie stays with the client"
	fi
	if [ "$door" = pam ]; then
		set_ini 'image = alpine'
		run x11_as 'echo "${DISPLAY-none}"'
		like "$rc:$out:$err" '^0:none:.*X11 forwarding request failed' "an image without xauth: refused with a word to the user, and the command runs"
		set_ini 'image = hop'
	fi
	kill $server
	wait $server 2>/dev/null
	rm -f /tmp/.X11-unix/X0
}

rows() {
	user=forward-$door
	door_user "$user"
	door_user "second-$door"
	set_ini 'image = hop'
	local lines
	mapfile -t lines < <(drop_in)
	# Debian's own configuration has X11 on; the first line that says something about it counts.
	start_sshd "${lines[@]}" 'X11Forwarding yes'
	web=8080
	mkdir -p "$GKT_WORK/web"
	echo web >"$GKT_WORK/web/index.html"
	"$busybox" httpd -f -p 127.0.0.1:$web -h "$GKT_WORK/web" &
	local httpd=$!
	remember_host
	agents
	if [ "$door" = shell ]; then refused_forwards; else working_forwards; fi
	[ "$door" != pam ] || forwards_end_inside
	x11
	row=S13
	check_clean "nothing is left"
	kill $httpd
	wait $httpd 2>/dev/null
}
through_each_door rows
