# shellcheck shell=bash
# The measurements, by their numbers in tests/bench/README.md.
# shellcheck disable=SC2154 # rounds, uid, home, user, image, work, left_out: run and _peers.sh

# laps FILE: runs the list, keeps the result beside it as FILE.out.
laps() {
	bench-lap -n "$rounds" -w $((2 - quick)) "$1" >"$1.out"
}

measure_1() {
	heading "1  Enter, run true, leave: the whole process ($rounds runs each, in turn); 9  the floor"
	laps "$work/peers"
	show_laps "$work/peers.out" "plain sh"
	[ "${#left_out[@]}" = 0 ] || printf '  not measured: %s\n' "${left_out[@]}"
	local ours
	ours=$(field "$work/peers.out" gocker-shell 4)
	bar "1  gocker-shell -c true / bubblewrap as a user" \
		"$(ratio "$ours" "$(field "$work/peers.out" "bubblewrap (user)" 4)")" "<=" 1.3
	bar "1  gocker-shell -c true / the floor" "$(ratio "$ours" "$(field "$work/peers.out" floor 4)")" "<=" 1.25
	bar "1  gocker-shell -c true with image = host / with Alpine" \
		"$(ratio "$(field "$work/peers.out" "gocker-shell, host" 4)" "$ours")" "<=" 1.1
	bar "1  gocker run / gocker-shell" "$(ratio "$(field "$work/peers.out" "gocker run" 4)" "$ours")" "<=" 1.3
	local name
	for name in "gocker --help" "gocker ps"; do
		bar "1  $name / true" "$(ratio "$(field "$work/peers.out" "$name" 4)" "$(field "$work/peers.out" true 4)")" "<=" 3
	done
}

# Three users of one sshd: a plain one, one behind each door. break_glass lets two of them through the PAM
# door as they are.
start_doors() {
	local module=''
	add_user plain --shell /bin/sh
	add_user pamdoor
	add_group glass
	join_group plain glass
	join_group "$user" glass
	if module=$(pam_module); then
		{
			printf '%s required pam_permit.so\n' auth account
			echo 'session required pam_gocker.so outer break_glass=glass'
			echo 'session required pam_limits.so'
			echo 'session required pam_gocker.so break_glass=glass'
		} >"$SSHD_PAM"
	fi
	start_sshd
}

measure_2() {
	local who one_list=$work/one-connection login_list=$work/logins
	heading "2  The same over SSH: as a session on one connection, and as a full login"
	start_doors
	for who in plain $user pamdoor; do
		start_master "$who"
		add_peer "$one_list" "one connection, $who" 0 /root \
			ssh -l "$who" -o "ControlPath=$work/master-$who" -o ControlMaster=no gocker true
		add_peer "$login_list" "full login, $who" 0 /root ssh -l "$who" gocker true
	done
	laps "$one_list"
	bench-lap -n $((rounds / 4 + 1)) -w $((1 - quick)) "$login_list" >"$login_list.out"
	for who in plain $user pamdoor; do ssh -l "$who" -o "ControlPath=$work/master-$who" -O exit gocker 2>/dev/null; done
	stop_sshd
	sed -i "s/, $user/, shell door/; s/, pamdoor/, PAM door/" "$one_list.out" "$login_list.out"
	show_laps "$one_list.out" "one connection, plain"
	show_laps "$login_list.out" "full login, plain"
	bar "2  one connection: ms over a plain shell" "$(awk -v us="$(less \
		"$(field "$one_list.out" "one connection, shell door" 4)" \
		"$(field "$one_list.out" "one connection, plain" 4)")" 'BEGIN { printf "%.2f", us / 1000 }')" "<=" 3
}

measure_3() {
	local lap
	heading "3  The PAM door: pam_open_session and pam_close_session of one process, in ms"
	if ! pam_module >/dev/null; then
		echo "  not measured: the module is not built"
		bar "3  open plus close, ms" "-" "<=" 5
		return 0
	fi
	grep -q '^pamdoor:' /etc/passwd || add_user pamdoor
	lap=$(command -v bench-pamlap)
	printf '%s required pam_permit.so\n' auth account session >/etc/pam.d/bench-none
	{
		printf '%s required pam_permit.so\n' auth account
		printf 'session required pam_gocker.so%s narrow=%s\n' ' outer' "$lap" '' "$lap"
	} >/etc/pam.d/bench-door
	bench-pamlap "$rounds" pamdoor bench-none bench-door >"$work/pam"
	awk -F'\t' '
		NR == 1 { printf "  %-24s %5s %24s %24s %24s\n", "", "runs", "open p50/p95/p99",
			"close p50/p95/p99", "both p50/p95/p99" }
		{ printf "  %-24s %5d", $1 == "bench-none" ? "pam_permit alone" : "with gocker", $2
		  for (k = 4; k <= 10; k += 3) printf " %24s", sprintf("%.2f / %.2f / %.2f", $k / 1e3,
			$(k + 1) / 1e3, $(k + 2) / 1e3)
		  print $3 ? "  (" $3 " failed)" : "" }' "$work/pam"
	bar "3  open plus close, ms" "$(awk -F'\t' '$1 == "bench-door" { printf "%.2f", $10 / 1e3 }' "$work/pam")" "<=" 5
}

measure_4() {
	local at_once=32 runs=$((rounds * 3 < 64 ? 64 : rounds * 3)) name
	[ "$quick" = 0 ] || runs=32
	heading "4  $at_once logins at a time, $runs of each"
	grep -e '^plain sh' -e '^bubblewrap (user)' -e '^floor' -e $'^gocker-shell\t' "$work/peers" >"$work/parallel"
	bench-lap -n "$runs" -j $at_once "$work/parallel" >"$work/parallel.out"
	show_laps "$work/parallel.out" "plain sh"
	for name in "bubblewrap (user)" floor gocker-shell; do
		awk -F'\t' -v name="$name" '$1 == name { printf "  %-24s %.0f a second\n", name, $10 }' "$work/parallel.out"
	done
	bar "4  p99 / p50 of $at_once at a time" "$(ratio "$(field "$work/parallel.out" gocker-shell 6)" \
		"$(field "$work/parallel.out" gocker-shell 4)")" "<=" 3
}

# How many sessions this host can hold: of 5,000, what tasks, pids and memory allow.
most_sessions() {
	local tasks used most=5000 n
	tasks=$(cat "$PIDS_CGROUP/pids.max" 2>/dev/null || echo 4096)
	[ "$tasks" != max ] || tasks=$(cat /proc/sys/kernel/pid_max)
	n=$(($(cat /proc/sys/kernel/pid_max) - 4000))
	[ "$tasks" -lt "$n" ] || tasks=$n
	used=$(ps -e -o pid= | wc -l)
	n=$(((tasks - used - 300) / 3))
	[ "$n" -ge $most ] || most=$n
	n=$(awk '/^MemAvailable/ { print int($2 / 2 / 1536) }' /proc/meminfo)
	[ "$n" -ge "$most" ] || most=$n
	echo "$most"
}

available() { awk '/^MemAvailable/ { print $2 }' /proc/meminfo; }

# crowd COUNT USERS FIRST_UID LIMIT_S CMD...: sets crowd_ready and, from before to all ready and at rest, crowd_kb.
crowd() {
	local before
	sleep 0.3
	before=$(available)
	coproc CROWD { exec bench-crowd "$@"; }
	crowd_pid=$!
	read -r _ crowd_ready <&"${CROWD[0]}"
	sleep 0.5
	crowd_kb=$((before - $(available)))
}
disperse() {
	local to=${CROWD[1]}
	exec {to}>&-
	wait "$crowd_pid"
}

# The proportional share of gocker's own processes, in kB a session.
pss_a_session() {
	local pid file comm
	for pid in /proc/[0-9]*; do
		read -r comm 2>/dev/null <"$pid/comm" || continue
		case $comm in gocker-super | gocker-init) file=$pid/smaps_rollup && cat "$file" 2>/dev/null ;; esac
	done | awk -v n="$1" '/^Pss:/ { sum += $2 } END { printf "%.0f", n ? sum / n : 0 }'
}

make_crowd_users() {
	local i
	! grep -q '^crowd0:' /etc/passwd || return 0
	for ((i = 0; i < 100; i++)); do
		echo "crowd$i:x:$((5000 + i)):$((5000 + i))::/home/crowd$i:$GOCKER_SHELL" >>/etc/passwd
		echo "crowd$i:x:$((5000 + i)):" >>/etc/group
		install -d -m 700 -o $((5000 + i)) -g $((5000 + i)) "/home/crowd$i"
	done
}

measure_5() {
	local most n counts=() base got last='' runs=$((rounds / 4 + 2)) shell_kb limit_s=300
	most=$(most_sessions)
	for n in ${GKT_BENCH_ALIVE:-100 1000 5000}; do counts+=($((n < most ? n : most))); done
	heading "5  With sessions alive ($runs runs each); 6  memory of idle sessions"
	[ "${counts[-1]}" -ge 5000 ] || echo "  5,000 are wanted; this host allows $most (tasks, pids, memory), asked for:" \
		"${GKT_BENCH_ALIVE:-all}"
	make_crowd_users
	grep -e '^bubblewrap (user)' -e '^floor' -e $'^gocker-shell\t' "$work/peers" >"$work/alive"
	printf '  %8s %18s %18s %18s %14s %14s\n' alive 'gocker p50 (x)' 'bubblewrap p50 (x)' 'floor p50 (x)' \
		'PSS kB each' 'in all kB each'
	for n in 0 "${counts[@]}"; do
		[ "$n" != "$last" ] || continue
		last=$n
		crowd "$n" 100 5000 $limit_s gocker-shell -c 'echo; read x'
		local in_all=$crowd_kb ready=$crowd_ready pss=-
		[ "$ready" = "$n" ] || echo "  (only $ready of $n came up)"
		bench-lap -n "$runs" -w 2 "$work/alive" >"$work/alive.$n"
		[ "$ready" = 0 ] || pss=$(pss_a_session "$ready")
		disperse
		# The same number of the same shells, without gocker.
		shell_kb=0
		if [ "$n" -gt 0 ]; then
			crowd "$n" 1 0 $limit_s chroot --userspec=3000:3000 "$image" /bin/sh -c 'echo; read x'
			shell_kb=$crowd_kb
			disperse
		fi
		got=-
		[ "$ready" = 0 ] || got=$(((in_all - shell_kb) / ready))
		[ "$got" = - ] || [ "$got" -gt 0 ] || got=- # others gave back more than the sessions took
		printf '  %8d %18s %18s %18s %14s %14s\n' "$ready" "$(alive_column gocker-shell "$n")" \
			"$(alive_column "bubblewrap (user)" "$n")" "$(alive_column floor "$n")" "$pss" "$got"
		alive_pss=$pss alive_kb=$got
		if [ "$n" = 1000 ]; then pss_1000=$pss kb_1000=$got; fi
	done
	base=$(field "$work/alive.0" gocker-shell 4)
	bar "5  p50 with $ready alive / with none" "$(ratio "$(field "$work/alive.$last" gocker-shell 4)" "$base")" "<=" 1.2
	bar "6  kB PSS a session beyond the user's shell" "${pss_1000:-$alive_pss}" "<=" 300
	bar "6  kB in all a session beyond the user's shell" "${kb_1000:-$alive_kb}" "<=" 1024
}
alive_column() { # NAME COUNT
	local now
	now=$(field "$work/alive.$2" "$1" 4)
	awk -v us="${now:-0}" -v r="$(ratio "$now" "$(field "$work/alive.0" "$1" 4)")" \
		'BEGIN { printf "%.2f (%s)", us / 1e3, r }'
}
measure_6() { case " $only " in *" 5 "*) ;; *) measure_5 ;; esac }

measure_7() {
	local mib=256 list=$work/flow kind runs=$((rounds / 10 + 1))
	[ "$quick" = 0 ] || mib=16
	heading "7  Throughput of $mib MiB out of a command, $runs runs each, in MiB/s"
	install -m 755 "$GKT_HELPERS/bench-spout" "$home/spout"
	chown "$uid:$uid" "$home/spout"
	for kind in pipe pty relay; do
		add_peer "$list" "$kind, plain sh" $kind "$uid" "$home" /bin/sh -c "./spout $mib"
		add_peer "$list" "$kind, gocker-shell" $kind "$uid" "$home" gocker-shell -c "./spout $mib"
	done
	bench-flow "$runs" $mib "$list" >"$list.out"
	awk -F'\t' 'NR == 1 { printf "  %-24s %5s %8s %8s %8s\n", "", "runs", "p50", "least", "most" }
		{ printf "  %-24s %5d %8.0f %8.0f %8.0f%s\n", $1, $2, $4, $5, $6, $3 ? "  (" $3 " failed)" : "" }' "$list.out"
	for kind in pipe pty; do
		bar "7  $kind: gocker-shell / plain sh (equal within noise)" \
			"$(ratio "$(field "$list.out" "$kind, gocker-shell" 4)" "$(field "$list.out" "$kind, plain sh" 4)")" ">=" 0.9
	done
	bar "7  relay / plain sh on the same kind of terminal" "$(ratio "$(field "$list.out" "relay, gocker-shell" 4)" \
		"$(field "$list.out" "relay, plain sh" 4)")" ">=" 0.8
}

measure_8() {
	local name line calls steps ours=''
	heading "8  Instructions in user space and system calls, all processes together"
	printf '  %-24s %14s %14s\n' '' instructions 'system calls'
	while IFS=$'\t' read -r -a line; do
		name=${line[0]}
		case $name in
		"plain sh" | bubblewrap* | floor | gocker-shell* | crun) ;;
		*) continue ;;
		esac
		calls=$(timeout 120 bench-steps -s "${line[@]:1}" 2>/dev/null)
		steps=-
		[ "$name" = crun ] || [ "$quick" = 1 ] || steps=$(timeout 300 bench-steps "${line[@]:1}" 2>/dev/null)
		printf '  %-24s %14s %14s\n' "$name" "${steps:--}" "${calls:--}"
		[ "$name" != gocker-shell ] || ours=$calls
	done <"$work/peers"
	bar "8  system calls of gocker-shell -c true" "$ours" "<=" 800
}

# A login that joins a container (share = user): measure 1 has it beside the others; here how much longer than a plain
# shell it takes, and what it leaves in memory while it sleeps.
measure_11() {
	local n=$((quick ? 5 : 100)) before with pid pid_in
	[ -s "$work/peers.out" ] || measure_1
	heading "11  A login that joins its user's container, beside podman exec and bubblewrap in one run"
	awk -F'\t' '$1 ~ /^(plain sh|bubblewrap \(user\)|podman exec|gocker-shell|gocker-shell, join)$/ {
		printf "  %-24s p50 %.2f\n", $1, $4 / 1e3 }' "$work/peers.out"
	bar "11  joining: ms over a plain shell" "$(awk -v us="$(less "$(field "$work/peers.out" "gocker-shell, join" 4)" \
		"$(field "$work/peers.out" "plain sh" 4)")" 'BEGIN { printf "%.2f", us / 1000 }')" "<=" 1.5
	before=$(pss_of_gocker)
	coproc JOINED { exec bench-crowd "$n" 1 $((uid + 2)) 120 gocker-shell -c 'echo; read x'; }
	pid=$JOINED_PID
	read -r _ crowd_ready <&"${JOINED[0]}"
	sleep 0.5
	with=$(pss_of_gocker)
	[ "$crowd_ready" = "$n" ] || echo "  (only $crowd_ready of $n came up)"
	printf '  %d joined: %s kB PSS of gocker%s, the holder and init, which are there once, not counted\n' "$crowd_ready" \
		"$((with - before))" "'s own processes"
	bar "11  kB PSS a joined login beyond its shell" "$(((with - before) / (crowd_ready ? crowd_ready : 1)))" "<=" 100
	pid_in=${JOINED[1]}
	exec {pid_in}>&-
	wait "$pid"
}
pss_of_gocker() {
	local file comm
	for file in /proc/[0-9]*; do
		read -r comm 2>/dev/null <"$file/comm" || continue
		case $comm in gocker-*) cat "$file/smaps_rollup" 2>/dev/null ;; esac
	done | awk '/^Pss:/ { sum += $2 } END { printf "%.0f", sum }'
}

measure_9() { case " $only " in *" 1 "*) ;; *) measure_1 ;; esac }

# Networks of the session's own, beside the host's and none: what a login costs, and what goes through. The world is
# a network namespace behind a veth pair.
measure_10() {
	local mode way kinds=(none host bridge) list=$work/networks mib=256 runs=$((rounds / 10 + 1)) i
	[ "$quick" = 0 ] || mib=16
	heading "10  Networks: none, the host's, the bridge and pasta; $mib MiB by one TCP connection, $runs runs each"
	# shellcheck source=tests/lib/world.sh
	. "$GKT_TOP/tests/lib/world.sh"
	if ! make_world || ! own_net_sysctl || ! "$GOCKER" network up; then
		echo "  not measured: no bridge, veth or nf_tables"
		bar "10  a login on the bridge: ms over network = none" - "<=" 5
		for way in up down; do bar "10  throughput on the bridge / the host's, $way" - ">=" 0.9; done
		return 0
	fi
	[ ! -x /usr/bin/pasta ] || kinds+=(pasta)
	set_ini 'network = private' 'user_sessions_max = 64' "volumes = $GKT_HELPERS:/mnt/t:ro" '[user:net-none]' 'network = none' \
		'[user:net-host]' 'network = host' '[user:net-bridge]' 'private_network = bridge'
	for i in "${!kinds[@]}"; do
		add_user "net-${kinds[i]}" --uid $((59000 + i))
		add_peer "$list" "${kinds[i]}" $((59000 + i)) "/home/net-${kinds[i]}" gocker-shell -c true
	done
	laps "$list"
	show_laps "$list.out" none
	bar "10  a login on the bridge: ms over network = none" "$(awk -v us="$(less "$(field "$list.out" bridge 4)" \
		"$(field "$list.out" none 4)")" 'BEGIN { printf "%.2f", us / 1000 }')" "<=" 5
	setsid ip netns exec world bench-net serve "$work/net-serves" 9000 &
	wait_until 60 test -s "$work/net-serves"
	for ((i = 0; i < runs; i++)); do
		for mode in "${kinds[@]:1}"; do
			for way in up down; do
				printf '%s %s\t%s\n' "$mode" $way "$(as_user "net-$mode" gocker-shell -c "/mnt/t/bench-net $way 192.0.43.7 9000 $mib")"
			done
		done
	done | sort -t $'\t' -k 1,1 -k 2,2n >"$work/net-rates"
	awk -F'\t' '{ rates[$1] = rates[$1] " " $2; n[$1]++ }
		END { for (name in rates) { split(rates[name], r, " "); printf "%s\t%d\t%d\n", name, n[name], r[int((n[name] + 1) / 2)] } }' \
		"$work/net-rates" | sort >"$work/net-medians"
	awk -F'\t' '{ printf "  %-24s %5d %8d MiB/s\n", $1, $2, $3 }' "$work/net-medians"
	for way in up down; do
		bar "10  throughput on the bridge / the host's, $way" "$(ratio "$(field "$work/net-medians" "bridge $way" 3)" \
			"$(field "$work/net-medians" "host $way" 3)")" ">=" 0.9
	done
	kill "$(cat "$work/net-serves")" "$(cat "$GKT_WORK/host-serves")" "$(cat "$GKT_WORK/world-serves")"
	"$GOCKER" network down
}

# Who works beside a user that is at a limit and goes on trying. The control is the same work alone, before and after.
measure_12() {
	local limit setting hog list=$work/neighbour alone again at=()
	heading "12  A fixed piece of work of one user's, alone and beside another user who is at a limit"
	add_user benchhog --uid $((uid + 3))
	# shellcheck disable=SC2016 # the session's
	add_peer "$list" neighbour "$uid" "$home" gocker-shell -c 'i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done'
	# LIMIT|LINE|what the other does
	local all=('pids_max|pids_max = 20|while :; do sh -c "while sleep 1000 & do :; done" 2>/dev/null; done'
		'tmp_size|tmp_size = 8M|while :; do dd if=/dev/zero of=/tmp/big bs=64k 2>/dev/null; done')
	[ "$GKT_CGROUP" != unified ] || all+=('memory_max|memory_max = 48M|while :; do dd if=/dev/zero of=/dev/null bs=80M count=1 2>/dev/null; done'
		'cpus|cpus = 0.2|(while :; do :; done) & (while :; do :; done) & while :; do :; done')
	neighbour_laps alone
	alone=$(field "$list.out" neighbour 4)
	for limit in "${all[@]}"; do
		IFS='|' read -r limit setting hog <<<"$limit"
		set_ini 'user_sessions_max = 64' 'user_pids_max = 4000' '[user:benchhog]' "$setting"
		(exec_as_user benchhog "$GOCKER_SHELL" -c "echo in >~/at; $hog") >/dev/null 2>&1 </dev/null &
		wait_until 60 test -e /home/benchhog/at
		neighbour_laps "beside $limit"
		at+=("$limit=$(field "$list.out" neighbour 4)")
		"$GOCKER" kill --user benchhog >/dev/null
		{ wait $!; } 2>/dev/null
		wait_until 60 no_hog
		rm -f /home/benchhog/at
	done
	neighbour_laps "alone, again"
	again=$(field "$list.out" neighbour 4)
	show_laps "$list.shown" alone
	for limit in "${at[@]}"; do
		bar "12  beside who is at ${limit%=*} / alone (again: $(ratio "$again" "$alone"))" "$(ratio "${limit#*=}" "$alone")" "<=" 1.2
	done
}
neighbour_laps() { # WHEN
	laps "$list"
	sed "s/^neighbour/$1/" "$list.out" >>"$list.shown"
}
no_hog() { [ -z "$(session_leaves "$((uid + 3))")" ]; }

# What Landlock adds to a login: its scopes, which network = host has by default, and lists of TCP ports.
measure_13() {
	local i kinds=(none scopes ports) list=$work/landlock
	heading "13  A login without Landlock, with its scopes, and with lists of ports as well, in turn ($rounds runs each)"
	set_ini 'user_sessions_max = 64' '[user:landlock-none]' 'abstract_sockets = host' '[user:landlock-ports]' \
		'tcp_connect = 22 80 443' 'tcp_bind = 1024-65535'
	"$GOCKER" check >/dev/null || kinds=(none scopes) # a kernel before Linux 6.7
	for i in "${!kinds[@]}"; do
		add_user "landlock-${kinds[i]}" --uid $((59100 + i))
		add_peer "$list" "${kinds[i]}" $((59100 + i)) "/home/landlock-${kinds[i]}" gocker-shell -c true
	done
	laps "$list"
	show_laps "$list.out" none
	for i in scopes ports; do
		bar "13  with Landlock's $i: us of processor time over a login without" \
			"$(less "$(field "$list.out" $i 8)" "$(field "$list.out" none 8)")" "<=" 100
	done
}
