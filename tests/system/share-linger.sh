#!/bin/bash
# timeout: 300
# linger: what logins leave running ends when it is over, whatever it ignores, and nothing is left; many users at once,
# and 1,000 containers in the audit.
. "$(dirname "$0")/../lib/test.sh"
need_product
users=() rounds=1 most=8
if [ "${GKT_FULL:-0}" = 1 ]; then rounds=25 most=40; fi
for ((i = 0; i < most; i++)); do
	add_user "user$i"
	users+=("user$i")
done
set_ini 'share = user' 'linger = 1s'
remember_host

login_of() { (exec_as_user "$1" "$GOCKER_SHELL" -c "$2" </dev/null) >"$GKT_WORK/$1.$3" 2>&1; }
gates() { find /run/gocker/u -name 'gate*' | wc -l; }
# Two logins: one leaves processes that ignore what asks them to end, the other sees them before both leave.
leave() { # USER
	rm -f "/home/$1"/{up,go}
	login_of "$1" 'trap "" HUP TERM; touch /tmp/mine
		setsid sleep 7777 & (while :; do sleep 7778; done) >/dev/null 2>&1 &
		touch ~/up; until [ -e ~/go ]; do sleep 0.1; done' first &
	wait_until 60 test -e "/home/$1/up"
	login_of "$1" 'ls /tmp/mine && pgrep -fx "sleep 7777" >/dev/null && echo seen' second
	touch "/home/$1/go"
	wait
}

unseen=0 stayed=0 untidy=0
for ((round = 0; round < rounds; round++)); do
	for user in "${users[@]}"; do leave "$user" & done
	wait
	for user in "${users[@]}"; do grep -q seen "$GKT_WORK/$user.second" || unseen=$((unseen + 1)); done
	[ "$round" != 0 ] || like "$(pgrep -fx 'sleep 7777' | wc -l):$("$GOCKER" ps --format '{kind}' | sort -u)" \
		'^[0-9]+:(container)?$' "(control: no login is open when linger begins)"
	wait_until 120 no_sessions || stayed=$((stayed + 1))
	[ "$(session_leaves)$(live_records)$(stale_records)$(gates)$(pgrep -f 'sleep 777[78]')" = 0 ] || untidy=$((untidy + 1))
done
n=$((rounds * most))
is "$unseen" 0 "$n containers: the second login of each is in the first one's"
[ "$unseen" = 0 ] || diag "$(cat "$GKT_WORK"/user*.* | sort | uniq -c | head -n 20)"
is "$stayed" 0 "$n containers: each ends after linger"
is "$untidy" 0 "$n containers: and leaves no process, cgroup, record or gate"
check_clean "nothing is left"
