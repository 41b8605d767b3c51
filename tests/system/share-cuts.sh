#!/bin/bash
# timeout: 900
# share = user: connections that are cut in four ways, work that is found again, and what of a login ends with it.
. "$(dirname "$0")/../lib/test.sh"
need expect tmux python3
need_product
. "$GKT_TOP/tests/system/_last.sh"
make_last_image
image_with last xauth

# How often each kind of cut is made; in the audit 1,000 connections are cut through each door.
if [ "${GKT_FULL:-0}" = 1 ]; then rounds=250; else rounds=3; fi

# The process of sshd that serves the held login, which is root's; the user's is its child.
server() { pgrep -fx "gocker-sshd: $user \[priv\]" | head -n 1; }

cut() { # HOW
	local pid
	case $1 in
	"client killed") kill -KILL "$held" ;;
	"client ended") kill -TERM "$held" ;;
	"sshd killed")
		pid=$(server)
		pkill -KILL -P "$pid"
		kill -KILL "$pid" 2>/dev/null
		;;
	esac
}

cuts() { # HOW
	local how=$1 i lost=0 stayed=0
	for ((i = 0; i < rounds; i++)); do
		OPTIONS=(-o LogLevel=ERROR)
		hold_login "$user" 'tmux -f /dev/null new -A -s main' '\[main\]'
		cut "$how"
		wait_until 60 no_logins || stayed=$((stayed + 1))
		wait "$held" 2>/dev/null
		same_tmux || lost=$((lost + 1))
	done
	is "$stayed" 0 "[$door] $how, $rounds times: the login ends"
	is "$lost" 0 "[$door] $how, $rounds times: the next one finds the same tmux"
}

same_tmux() { [ "$(ssh_as "$user" 'tmux list-sessions -F "#{session_name} #{pid} #{session_created}"')" = "$tmux" ]; }

# The clients are there and say nothing any more: sshd asks them for some seconds, and gives up; ten at a time.
drops() {
	local i j lost=0 stayed=0 clients
	for ((i = 0; i < rounds; i += 10)); do
		clients=()
		for ((j = i; j < i + 10 && j < rounds; j++)); do
			rm -f "$GKT_WORK/dropped.$j"
			ssh -o LogLevel=ERROR -tt -l "$user" gocker 'exec tmux -f /dev/null new -A -s main' </dev/null >"$GKT_WORK/dropped.$j" 2>&1 &
			clients+=($!)
			wait_until 60 grep -q '\[main\]' "$GKT_WORK/dropped.$j" || lost=$((lost + 1))
		done
		kill -STOP "${clients[@]}"
		wait_until 60 no_logins || stayed=$((stayed + 1))
		kill -KILL "${clients[@]}"
		wait "${clients[@]}" 2>/dev/null
		same_tmux || lost=$((lost + 1))
	done
	is "$stayed" 0 "[$door] network dropped, $rounds times: the login ends"
	is "$lost" 0 "[$door] network dropped, $rounds times: the next one finds the same tmux"
}

# What sshd holds for one login.
listens() { # PORT
	ss -ltnH "sport = :$1" | grep -q .
}
quiet() { ! listens "$1"; }
forwards() {
	local display
	check "[$door] no login is open" wait_until 60 eval '[ "$(kinds)" = container:1 ]'
	OPTIONS=(-L 7101:127.0.0.1:22 -R 7102:127.0.0.1:2222 -Y -o ExitOnForwardFailure=yes)
	DISPLAY=:0 hold_login "$user" 'echo "display ${DISPLAY-none}"; nohup sleep 1111 >/dev/null 2>&1 & :'
	OPTIONS=()
	display=$(sed -n 's/^display [^:]*:\([0-9]*\).*/\1/p' "$GKT_WORK/held")
	check "[$door] -L listens (control)" wait_until 60 listens 7101
	check "[$door] -R listens (control)" wait_until 60 listens 7102
	check "[$door] X11 listens (control: display ${display:-none})" wait_until 60 listens $((6000 + ${display:-0}))
	kill -KILL "$held"
	wait "$held" 2>/dev/null
	check "[$door] the login ends" wait_until 60 no_logins
	check "[$door] -R ends with it" wait_until 60 quiet 7102
	check "[$door] X11 ends with it" wait_until 60 quiet $((6000 + ${display:-0}))
	like "$(ssh_as "$user" ps)" 'sleep 1111' "[$door] and its nohup job stays"
}

rows() {
	user=cut-$door
	door_user "$user"
	set_ini 'image = last' 'pids_max = 60' 'share = user' 'linger = 1h'
	# Three answers missed in as many seconds.
	start_sshd 'ClientAliveInterval 1' 'ClientAliveCountMax 3' 'X11Forwarding yes'
	remember_host
	ssh_as "$user" 'tmux -f /dev/null new-session -d -s main "exec sleep 999999"'
	tmux=$(ssh_as "$user" 'tmux list-sessions -F "#{session_name} #{pid} #{session_created}"')
	like "$tmux" '^main [0-9]+ [0-9]+$' "[$door] tmux runs without a login"
	cuts "client killed"
	cuts "client ended"
	cuts "sshd killed"
	drops
	[ "$door" != pam ] || forwards
	"$GOCKER" stop "$user" >/dev/null
	check_clean "[$door] nothing is left"
}
through_each_door rows
