# shellcheck shell=bash
# What the tests of the administrator's commands share.

# start_session USER SCRIPT...: ssh in the background, by its own pid in $session_pid; the script says
# "ready" when it is.
start_session() {
	rm -f "$GKT_WORK/session"
	ssh -l "$1" gocker "$2" >"$GKT_WORK/session" 2>&1 </dev/null &
	session_pid=$!
	wait_until 30 grep -q ready "$GKT_WORK/session" || echo "# no session: $(cat "$GKT_WORK/session")"
}

# What a living session is called, of the only one of USER.
id_of() { "$GOCKER" ps -q --user "$1"; }
no_session() { [ -z "$(id_of "$1")" ]; }

# Files of places, but for empty ones among the lowest 64 of a user, which stay.
spare_places() { find /run/gocker/u -type f -printf '%f %s %p\n' | awk '$1 >= 64 || $2 > 0 { print $3 }'; }
