# shellcheck shell=bash
# What publish.sh and publish-bridge.sh share: with private_network = $kind a user's own servers in a network of their
# own are reached at the ports that the policy names, and at no other; from the host's loopback, or at an address of the
# host. A port leads to one session at a time.

policy() { set_ini 'pids_max = 60' "volumes = $GKT_HELPERS:/mnt/t:ro" 'network = private' "private_network = $kind" "$@"; }
logged() { gocker_log | grep -q "$1"; }

tells_of() { grep -q "not reachable from outside, because another session or program has it: $1" "$GKT_WORK/second"; }

# serve USER [ADDRESS:]PORT...: a login that lasts, as held; its servers give back what they get.
serve() {
	local who=$1 port servers=
	shift
	for port; do servers+="nc -lk -p ${port##*:} $([[ $port = *:* ]] && echo "${port%:*}") -e cat & "; done
	rm -f "/home/$who/ready"
	ssh -l "$who" gocker "$servers"'touch ready; wait' </dev/null >/dev/null 2>&1 &
	held=$!
	wait_until 60 test -e "/home/$who/ready"
}

# ask ADDRESS PORT: what a server there gives back; it has to be asked first. Nothing where there is none.
ask() { timeout "${patience:-60}" bash -c 'exec 3<>"/dev/tcp/$0/$1" && echo hello >&3 && head -n 1 <&3' "$1" "$2" 2>/dev/null; }
world_asks() { in_world timeout "${patience:-60}" bash -c 'exec 3<>"/dev/tcp/$0/$1" && echo hello >&3 && head -n 1 <&3' "$1" "$2" 2>/dev/null; }
answers() { [ "$(ask "$@")" = hello ]; }
world_answers() { [ "$(patience=2 world_asks "$@")" = hello ]; }
# As a server binds, which cares not about connections that have ended.
free() { python3 -c 'import socket,sys; socket.create_server(("127.0.0.1", int(sys.argv[1])))' "$1"; }
of_ps() { "$GOCKER" ps --format '{user} {published} {unpublished}' | sed -n "s/^$user //p"; }

rows() {
	user=pub-$door
	door_user "$user"
	start_sshd
	remember_host

	policy
	serve "$user" 8000
	run ask 127.0.0.1 8000
	is "$out" '' "[$door] control: without publish a server inside is not reached"
	end_client "$held"

	policy 'publish = 8000-8005 198.51.100.2:8010 [::1]:8011'
	serve "$user" 8000 127.0.0.1:8005 8006 8010 8011
	check "[$door] a server is reached on the host's loopback" wait_until 60 answers 127.0.0.1 8000
	check "[$door] also one on the session's loopback" wait_until 60 answers 127.0.0.1 8005
	check "[$door] and over IPv6" wait_until 60 answers ::1 8011
	# The first second of its life pasta does not know where to send what comes from there.
	check "[$door] a named address is reached from the world" wait_until 60 world_answers 198.51.100.2 8010
	is "$(ask 198.51.100.2 8010)" hello "[$door] and from the host"
	is "$(world_asks 198.51.100.2 8000):$(ask 198.51.100.2 8000)" : "[$door] the loopback's port is not reached at that address"
	is "$(ask 127.0.0.1 8006):$(ask 198.51.100.2 8006)" : "[$door] nor a port that is not published"
	like "$("$GOCKER" ps | sed -n "1p;/$user/p")" "PORTS.*127.0.0.1:8000-8005" "[$door] ps shows it"
	like "$("$GOCKER" inspect "$user")" 'Published +127.0.0.1:8000-8005 198.51.100.2:8010 \[::1\]:8011' "[$door] and inspect"
	run ssh_as "$user" "/mnt/t/reach 8010 198.51.100.2"
	is "$(sort <<<"$out")" $'tcp 198.51.100.2 shut\nudp 198.51.100.2 shut' "[$door] another session reaches none"

	# Of two sessions the first has them; the other is told.
	mark_syslog
	ssh -tt -l "$user" gocker 'echo in; exec sleep 1000' </dev/null >"$GKT_WORK/second" 2>/dev/null &
	second=$!
	check "[$door] a second login gets in without the ports, which the log tells" wait_until 60 logged 'event=unpublished .*ports="127.0.0.1:8000-8005 198.51.100.2:8010 \[::1\]:8011"'
	check "[$door] and its terminal" wait_until 60 tells_of 127.0.0.1:8000-8005
	check "[$door] it goes on" wait_until 60 grep -q '^in' "$GKT_WORK/second"
	is "$(grep -c 'not reachable' "$GKT_WORK/second")" 1 "[$door] it is told once"
	end_client "$second"
	check "[$door] the first one keeps them" answers 127.0.0.1 8000
	end_client "$held"
	wait_until 60 no_sessions
	check "[$door] they are free at its end" free 8000

	# A part is taken by a program of the host.
	take 8002
	policy 'publish = 8000-8005'
	serve "$user" 8000 8005
	is "$(of_ps)" '127.0.0.1:8000-8001 127.0.0.1:8003-8005 127.0.0.1:8002' "[$door] only the port that is taken is left out"
	check "[$door] the others are reached" wait_until 60 answers 127.0.0.1 8005
	end_client "$held"
	give_back

	# What is published opens no way out.
	policy 'publish = 8000'
	run ssh_as "$user" '/mnt/t/reach -p 8000 8080 192.0.43.7'
	is "$out" "tcp 192.0.43.7 reached" "[$door] control: a connection out from a published port"
	run ssh_as "$user" '/mnt/t/reach -p 8000 8080 198.51.100.2'
	is "$out" "tcp 198.51.100.2 shut" "[$door] does not reach the host"
	policy 'publish = 8000 198.51.100.2:8010' 'net_deny = all'
	run ssh_as "$user" '/mnt/t/reach -p 8000 8080 192.0.43.7'
	is "$out" "tcp 192.0.43.7 shut" "[$door] nor what net_deny shuts"
	serve "$user" 8010
	check "[$door] which does not keep answers back" wait_until 60 world_answers 198.51.100.2 8010
	end_client "$held"

	# Each user has a slice.
	local first=$((20000 + ($(id -u "$user") - 1000) * 5))
	policy 'publish = 20000-40000/5'
	serve "$user" $first $((first + 5))
	is "$(of_ps)" "127.0.0.1:$first-$((first + 4)) -" "[$door] a slice of a range"
	check "[$door] is reached" wait_until 60 answers 127.0.0.1 "$first"
	is "$(ask 127.0.0.1 $((first + 5)))" '' "[$door] and the next user's is not"
	like "$("$GOCKER" explain --plan "$user")" "publish 127.0.0.1 $first-$((first + 4))" "[$door] explain shows which"
	end_client "$held"
	policy 'publish = 20000-20004/5'
	run ssh_as "$user" 'echo ran'
	is "$out" '' "[$door] who has no slice does not get in"
	run "$GOCKER" explain "$user"
	like "$err" 'publish = 20000-20004/5 has slices for the uids 1000 to 1000' "[$door] and explain tells why"

	! declare -F more_rows >/dev/null || more_rows

	policy 'publish = 8000' 'share = user'
	serve "$user" 8000
	check "[$door] a shared container's are reached" wait_until 60 answers 127.0.0.1 8000
	run ssh_as "$user" 'echo ran'
	is "$out:$("$GOCKER" ps --format '{kind} {unpublished}' | grep -c 'container -')" ran:1 "[$door] by all logins together, none of which misses them"
	end_client "$held"
	wait_until 60 no_sessions

	take 8000
	mark_syslog
	policy 'publish = 8000-8001' 'share = user'
	serve "$user" 8001
	check "[$door] of a shared container's port that is taken the log is told" wait_until 60 logged 'event=unpublished .*ports="127.0.0.1:8000"'
	ssh -tt -l "$user" gocker 'echo in; exec sleep 1000' </dev/null >"$GKT_WORK/second" 2>/dev/null &
	second=$!
	check "[$door] and the terminal of each login that joins" wait_until 60 tells_of 127.0.0.1:8000
	check "[$door] which goes on" wait_until 60 grep -q '^in' "$GKT_WORK/second"
	is "$(grep -c 'not reachable' "$GKT_WORK/second"):$(gocker_log | grep -c event=unpublished)" 1:1 "[$door] each is told once"
	end_client "$second"
	end_client "$held"
	give_back
	wait_until 60 no_sessions
	check_clean "[$door] nothing is left"
}
no_sessions() { [ -z "$("$GOCKER" ps -q)" ]; }

# take PORT: a program of the host has it, until give_back.
take() {
	rm -f "$GKT_WORK/taken"
	python3 -c 'import socket,sys,time; s=socket.create_server(("127.0.0.1", int(sys.argv[1]))); print(flush=True); time.sleep(900)' "$1" >"$GKT_WORK/taken" &
	taken=$!
	wait_until 60 test -s "$GKT_WORK/taken"
}
give_back() {
	kill "$taken"
	wait "$taken" 2>/dev/null
}
