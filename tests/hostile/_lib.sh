# shellcheck shell=bash
# What the hostile family shares. Names of results begin with the attack's id (and the door's); what
# begins "ID control" shows that the attack works where nothing defends. `tests/hostile/_table` makes
# the table of ids, verdicts and controls out of them.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/test.sh"
need_product
FULL=${GKT_FULL:-0}

# small N BIG: how much of a thing to do here, and in `make audit`.
size() { if [ "$FULL" = 1 ]; then echo "$2"; else echo "$1"; fi; }

# The PAM door: its own test's stack for the private sshd. The users' shell stays gocker-shell, which is the
# entry stub inside, so that what they run has the same filter.
if [ -e /usr/local/libexec/gocker/gocker-keeper ] && [ -e "$GKT_TOP/tests/pam/_stack.sh" ]; then
	. "$GKT_TOP/tests/pam/_stack.sh"
	pam_door() { stack gocker-sshd; }
fi

# doors: through which each attack is tried. use_door sets one up; sshd is started by it.
doors() {
	echo shell
	[ "$(type -t pam_door)" != function ] || echo pam
}
use_door() { # DOOR [INI LINE...]
	door=$1
	stop_sshd
	rm -f "$SSHD_PAM"
	set_ini "${@:2}"
	[ "$door" = shell ] || pam_door
	start_sshd
}

# inside USER CMD: in a fresh session, through the door that is in use. Fills rc, out and err.
# A static program of tests/hostile/inside is brought in by the home.
inside() { run timeout $((60 * ${GKT_SLOW:-1})) ssh -l "$1" gocker "${@:2}"; }

# The shell door without sshd, five times as fast.
shell_in() { run timeout $((60 * ${GKT_SLOW:-1})) setpriv --reuid "$1" --regid "$(id -g "$1")" --init-groups --reset-env \
	env HOME="/home/$1" "${in_env[@]}" "$GOCKER_SHELL" -c "$2"; }
in_env=()

bring() { # USER PROGRAM...
	local user=$1 program
	shift
	for program; do
		install -o "$user" -g "$(id -g "$user")" -m 755 "$GKT_HELPERS/$program" "/home/$user/$program"
	done
}

# denied ID TEXT USER ERRORS CMD: inside, the attempt ends with one of the errors and status 1.
denied() {
	inside "$3" "$5"
	like "$rc:$out" "^1:($4)$" "$1 [$door]: $2"
}
