#!/bin/bash
# Places of users who may have sessions without number: none is left empty, and no sweep takes one from under
# a login.
# timeout: 240
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
need strace
need_product
add_user alice
start_sshd
remember_host

set_ini 'user_sessions_max = 0'
places=/run/gocker/u/$(id -u alice)
check "a login" ssh_as alice true
wait_in() { setpriv --reuid alice --regid alice --init-groups env HOME=/home/alice "$GOCKER_SHELL" -c 'sleep 1000; :' </dev/null & }
sessions() { "$GOCKER" ps -q --user alice | wc -l; }
are_open() { [ "$(sessions)" = "$1" ]; }
for n in 1 2 3; do wait_in; done
check "three sessions, the limit being none" wait_until 30 are_open 3
is "$(spare_places | wc -l)" 3 "each has its place"
touch "$places"/{3,70,65535}
is "$("$GOCKER" gc)" "0 stale sessions removed" "gc"
is "$(spare_places | wc -l):$(find "$places" -name 3 -o -name 70 -o -name 65535)" "3:$places/3" \
	"collects places that are empty and free, and no other; a low one stays"
set_ini 'user_sessions_max = 3'
refused "a limit that is set later counts them, wherever they are" 'limit' ssh_as alice true
set_ini 'user_sessions_max = 0'
sed -i '/^\[gocker\]/a sessions_max = 1' /etc/gocker.ini
wait_in
check "a session of all that the host takes" wait_until 30 are_open 4
refused "one more than the host takes" 'this host is at its limit' ssh_as alice true
is "$(spare_places | wc -l)" 4 "leaves no place behind"
set_ini 'user_sessions_max = 0'

# One that a sweep takes away between a login's opening it and locking it: its lock comes late. The call is found by
# its number among the calls of the login's own process, none of whose children makes as many.
traced() { # OPTION...
	cd /home/alice && exec strace -f -qq -u alice -o "$GKT_WORK/calls" -e trace=fcntl "$@" </dev/null >/dev/null 2>&1
}
(traced "$GOCKER_SHELL" -c true)
lock=$(awk 'NR == 1 { first = $1 } $1 == first { n++ } /F_OFD_SETLK/ { if ($1 == first) print n; exit }' "$GKT_WORK/calls")
check "control: a login locks its place" test "${lock:-0}" -gt 0
(traced -e "inject=fcntl:delay_enter=30s:when=$lock" "$GOCKER_SHELL" -c 'sleep 1000; :') &
slow=$!
opened() { [ "$(spare_places | wc -l)" = 5 ]; }
check "a login has opened its place" wait_until 60 opened
is "$("$GOCKER" gc; spare_places | wc -l)" $'0 stale sessions removed\n4' "and a sweep takes it away"
check "the login has another, in which it is found" wait_until 60 are_open 5
check "control: it came to lock the one that was gone" test "$(grep -c 'F_OFD_SETLK, .*) = 0' "$GKT_WORK/calls")" -ge 2
none_left() { "$GOCKER" kill --user alice >/dev/null 2>&1; are_open 0; } # what still starts can't be killed
check "all end" wait_until 60 none_left
wait $slow
is "$(spare_places)" "" "and take their places with them"
check_clean "nothing is left of them"
