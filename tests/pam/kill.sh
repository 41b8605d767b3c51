#!/bin/bash
# timeout: 900
# SIGKILL on sshd's monitor, the keeper or init at random moments of a login (A10, A41). GKT_KILLS says how
# often.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_stack.sh"
need_product
kills=${GKT_KILLS:-120}
lanes=(a b c d e f g h i j)
for user in "${lanes[@]}"; do add_user "$user"; done
set_ini 'user_sessions_max = 2'
stack gocker-sshd 'required pam_unix.so'
start_sshd
for _ in 1 2; do ssh_as a true; done
start=${EPOCHREALTIME/./}
for _ in 1 2 3; do ssh_as a true; done
span=$(((${EPOCHREALTIME/./} - start) / 3))
[ "$span" -lt 400000 ] || span=400000 # on a machine that is busy with more than this
echo "$span" >/run/gkt/latekill
sed -i "/pam_gocker.so outer/a session required pam_exec.so quiet type=open_session $GKT_HELPERS/latekill" /etc/pam.d/gocker-sshd
remember_host

# What a login is doing that is killed: it stays, it ignores what asks it to end, it is ending.
commands=('exec sleep 1000' 'trap "" HUP TERM; sleep 1000' 'sleep 0.02')
left_of() { # USER MONITOR: what lives of his logins. An empty cgroup may stay until his next.
	local uid leaf pid
	uid=$(uid_of "$1")
	[ ! -e "/proc/$2" ] || ps -o pid=,stat=,wchan:20=,args= -p "$2"
	for leaf in $(session_leaves "$uid"); do
		while read -r pid; do echo "$leaf: $(ps -o pid=,ppid=,stat=,wchan:20=,args= -p "$pid")"; done <"$leaf/cgroup.procs"
	done 2>/dev/null
	live_records_of "$uid"
}
is_over() { [ -z "$(left_of "$@")" ]; }
has_told() { mapfile -t told <"/run/gkt/latekill.$1" && [ ${#told[@]} = "$2" ]; } 2>/dev/null # USER LOGINS
lane() { # USER: one login after the other until his share of them was killed; prints what is wrong
	local user=$1 hit=0 n what victim moment monitor rc told said
	for ((n = 1; hit * ${#lanes[@]} < kills; n++)); do
		said=$(timeout -k 5 $((120 * ${GKT_SLOW:-1})) ssh -o KexAlgorithms=curve25519-sha256 -l "$user" gocker \
			"hostname >>~/where; ${commands[n % 3]}" 2>&1 </dev/null)
		rc=$?
		sleep 0.1 # the others may have the processors
		wait_until 60 has_told "$user" $n
		read -r what victim moment monitor <<<"${told[n - 1]:-}"
		if [ $rc = 124 ] || [ -z "$monitor" ] || ! wait_until 60 is_over "$user" "$monitor"; then
			echo "login $n of $user, ${commands[n % 3]}: $what $victim at $moment; status $rc, $said"
			left_of "$user" "$monitor"
			return
		fi
		[ "$what" = missed ] || hit=$((hit + 1))
	done
}
for user in "${lanes[@]}"; do lane "$user" >"$GKT_WORK/lane.$user" 2>&1 & done
for job in $(jobs -p); do wait "$job"; done
hits() { cat /run/gkt/latekill.? | grep -c "^hit ${1:-}"; }
is "$(cat "$GKT_WORK"/lane.*)" "" "killed at $(hits) moments within $((span / 1000)) ms: each login is over, and no process of it lives on"
check "which were as many as asked for" test "$(hits)" -ge "$kills"
for victim in monitor keeper init; do
	check "the $victim was hit ($(hits $victim) times)" test "$(hits $victim)" -gt $((kills / 10))
done
is "$(sort -u /home/*/where)" gocker-container "no command ever ran outside ($(cat /home/*/where | wc -l) had begun)"
sed -i '/latekill/d' /etc/pam.d/gocker-sshd
for user in "${lanes[@]}"; do ssh_as "$user" hostname; done >"$GKT_WORK/next" 2>&1
is "$(uniq -c "$GKT_WORK/next" | tr -s ' ')" " ${#lanes[@]} gocker-container" "the next login of each is as any"
check_clean "and has swept what was left: nothing stays" 20
