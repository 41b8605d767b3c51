#!/bin/bash
# Records: sweeps never remove what lives, a hundred logins at once or not; thousands are listed at
# once; a bad edit of the configuration refuses with its line while the administrator gets in.
# timeout: 180
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need jq strace
need_product
add_user alice
set_ini 'user_sessions_max = 200' 'user_pids_max = 4000'
remember_host

# Sweeps all the time, while a hundred sessions begin, live and end.
sweep() { while [ ! -e "$GKT_WORK/over" ]; do "$GOCKER" gc || echo failed; done; }
# A look each four seconds: a hundred that look more often are a load that other tests have to bear.
in='cd /home/alice || exit; echo in >>in; while [ ! -e go ]; do sleep 4; done; exit 42'
shell_login() { setpriv --reuid alice --regid alice --init-groups env HOME=/home/alice "$GOCKER_SHELL" -c "$in"; }
pam_login() { pamdrive gocker-sshd alice open try "$in" close; } # as a daemon, through libpam
all_in() { [ "$(wc -l </home/alice/in)" = 100 ]; }

hundred() { # DOOR
	local pid logins=() sweeps=() wrong=0 n
	rm -f /home/alice/in /home/alice/go "$GKT_WORK/over"
	as_user alice touch /home/alice/in
	for n in 1 2; do
		sweep >"$GKT_WORK/sweep$n" 2>&1 &
		sweeps+=($!)
	done
	for ((n = 0; n < 100; n++)); do
		"$1_login" </dev/null >"$GKT_WORK/said.$n" 2>&1 &
		logins+=($!)
	done
	check "$1: a hundred logins at once get in, between two sweeps" wait_until 60 all_in
	sleep 1
	is "$("$GOCKER" ps -q --door "$1" | wc -l)" 100 "$1: all are listed while both sweep on"
	as_user alice touch /home/alice/go
	for pid in "${logins[@]}"; do
		wait "$pid"
		[ $? = "$2" ] || wrong=$((wrong + 1))
	done
	touch "$GKT_WORK/over"
	wait "${sweeps[@]}"
	is "$wrong" 0 "$1: and each ends as its command did"
	is "$(cat "$GKT_WORK"/said.* | sort | uniq -c | tr -s ' ' | paste -sd,)" "$3" "$1: with no complaint"
	is "$(grep -hv '^0 stale' "$GKT_WORK/sweep1" "$GKT_WORK/sweep2")" "" "$1: no sweep took one for stale, and none failed"
	is "$(spare_places)" "" "$1: no empty place is left"
	check_clean "$1: nothing is left"
}
hundred shell 42 ""
open_door pam
hundred pam 0 ' 100 close: 0, 100 open: 0, 100 run: 42'
rm -f "$SSHD_PAM"
open_door shell
start_sshd
remember_host

# Five thousand records, all of crashed sessions but one.
login_calls() { # how many system calls a login makes, all of its processes together
	(cd /home/alice && exec strace -f -qq -u alice -o "$GKT_WORK/calls" "$GOCKER_SHELL" -c true) && wc -l <"$GKT_WORK/calls"
}
before=$(login_calls)
start_session alice 'echo ready; sleep 1000; :'
id=$(id_of alice)
for ((u = 0; u < 50; u++)); do
	mkdir -m 700 /run/gocker/u/$((100000 + u))
	for ((n = 0; n < 100; n++)); do
		printf 'id=%012x\nuser=u%d\nuid=%d\ndoor=shell\nimage=alpine\ntty=-\nfrom=-\nstarted=1\nsupervisor=1\ninit=1\npids_max=20\ncommand=x\n' \
			$((u * 100 + n)) $u $((100000 + u)) >/run/gocker/u/$((100000 + u))/$n
	done
done
is "$("$GOCKER" ps --all | tail -n +2 | wc -l)" 5001 "5,001 records are listed"
# What other work on the machine does not change: processor time, and the system calls made.
TIMEFORMAT='%U %S %R'
spent=$({ time "$GOCKER" ps --all >/dev/null; } 2>&1)
read -r user sys _ < <(tr -d . <<<"$spent")
check "in under a second of processor time: user, system and wall $spent" test $((10#$user + 10#$sys)) -lt 1000
strace -f -qq -o "$GKT_WORK/calls" "$GOCKER" ps --all >/dev/null
calls=$(($(wc -l <"$GKT_WORK/calls") / 5001))
check "with $calls system calls a record" test "$calls" -le 12
is "$(id_of alice)" "$id" "and the one that lives is found among them"
after=$(login_calls)
check "a login does not mind them: $before system calls without them, $after with" test "$after" -lt $((before + 300))
is "$("$GOCKER" gc)" "5000 stale sessions removed" "gc sweeps them"
is "$(id_of alice)" "$id" "and not the one that lives"
printf 'garbage\0\377\nid=../../..\n' >/run/gocker/u/100000/7
check "a damaged record is no trouble to ps" "$GOCKER" ps --all
check "nor to gc" "$GOCKER" gc
check "nor to a login" ssh_as alice true
end_client "$session_pid"

# A change of configuration.
cp /etc/gocker.ini "$GKT_WORK/draft"
echo 'pids_max = many' >>"$GKT_WORK/draft"
run "$GOCKER" check "$GKT_WORK/draft"
is "$rc" 1 "gocker check finds the fault of a draft before it is moved into place"
like "$out$err" 'draft:6' "and its line"
cp "$GKT_WORK/draft" /etc/gocker.ini
refused "a bad edit refuses logins, with the line" 'gocker.ini:6' ssh_as alice true
is "$(ssh_as root hostname)" throwaway "root gets in all the same"
set_ini 'hostname = changed'
is "$(ssh_as alice hostname)" changed "the next login after the repair is let in, with what has changed"
stop_sshd
open_door pam
add_user carl --shell /bin/sh
cp "$GKT_WORK/draft" /etc/gocker.ini
start_sshd
for n in 1 2; do
	run ssh_as carl hostname
	like "$rc:$out$err" '^254:gocker: [^
]*gocker.ini:6' "PAM door: a bad edit refuses logins, with the line ($n)"
	is "$(ssh_as root hostname)" throwaway "PAM door: root gets in all the same ($n)"
done
set_ini 'hostname = changed'
is "$(ssh_as carl hostname)" changed "PAM door: the next login after the repair is let in"
check_clean "nothing is left"
