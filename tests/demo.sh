#!/bin/bash
# The demonstration behind `make demo`: real ssh logins that land in containers. It happens on a
# throwaway host (tests/lib/host) with its own /etc, /home, sshd and network: when it ends, by itself
# or by ^C, nothing of it is left. As root, on Debian; what it needs it installs.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
user=visitor
BUILD=${BUILD:-build}

if [ -t 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' dim='' green='' red='' plain=''
fi

title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
note() { printf '  %s%s%s\n' "$dim" "$1" "$plain"; }
# shows CMD...: the command as a person would type it.
shows() { printf '  %s$ %s%s\n' "$dim" "$*" "$plain"; }
indent() { sed 's/^/    /'; }

failures=0
proven() { # TEXT CMD...: a tick if the command succeeds
	local text=$1
	shift
	if "$@"; then
		printf '  %s✓%s %s\n' "$green" "$plain" "$text"
	else
		printf '  %s✗ not so: %s%s\n' "$red" "$text" "$plain"
		failures=$((failures + 1))
	fi
}

# --- on the machine ---------------------------------------------------------------------------

# step WHAT CMD...: says what it does; ends with the demo, whatever ends that.
step() {
	printf '  %s ...\n' "$1"
	"${@:2}" &
	child=$!
	wait $child
}
quietly() { "$@" >/dev/null; }
interrupted() {
	trap '' INT TERM HUP
	kill -TERM "$child" 2>/dev/null
	wait
	exit 130
}

prepare() {
	[ "$(id -u)" = 0 ] || { echo "The demo makes namespaces and needs root: sudo make demo" >&2; exit 1; }
	cd "$top" || exit 1
	echo "Getting ready (the first time this takes a minute):"
	child=''
	trap interrupted INT TERM HUP
	step "packages that are missing" make -s deps || exit 1
	if ! step "the program" quietly make -s -j"$(nproc)" build ||
		! step "what the throwaway host needs" quietly make -s -j"$(nproc)" test-stage test-helpers; then
		echo "The build failed; make shows why." >&2
		exit 1
	fi
	# Without a reachable mirror gocker says so and makes a root of the distribution's busybox.
	step "Alpine's root, if it is not there yet" "$BUILD/gocker" image fetch --quiet --image-dir "$top/$BUILD/images" --fallback --if-missing alpine ||
		exit 1
	echo "  the throwaway host ..."
	GKT_IMAGES=$top/$BUILD/images exec tests/lib/host tests/demo.sh --inside
}

# --- on the throwaway host --------------------------------------------------------------------

ssh_in() { ssh_as "$user" "$@" </dev/null; }

set_up() {
	set_ini
	add_user "$user"
	start_sshd
	title "gocker: each login in its own container"
	note "a private sshd on loopback; the user '$user' has this line in /etc/passwd:"
	grep "^$user:" /etc/passwd | indent
}

show_release() {
	local inside
	title "1. The host is one system, the login lands in another"
	shows "grep PRETTY_NAME /etc/os-release"
	grep PRETTY_NAME /etc/os-release | indent
	shows "ssh $user@gocker cat /etc/os-release"
	inside=$(ssh_in cat /etc/os-release)
	indent <<<"$inside"
	proven "the login runs in $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' <<<"$inside")" \
		test "$inside" = "$(cat /var/lib/gocker/images/alpine/etc/os-release)"
}

show_hostname() {
	local inside
	title "2. It has a host name of its own"
	shows "ssh $user@gocker hostname"
	inside=$(ssh_in hostname)
	indent <<<"$inside"
	proven "$inside, while the host's is $(hostname)" test "$inside" = gocker-container
}

show_processes() {
	local inside
	title "3. It sees its own processes and no others ($(find /proc -maxdepth 1 -name '[0-9]*' | wc -l) run on the host)"
	shows "ssh $user@gocker ps"
	inside=$(ssh_in ps)
	indent <<<"$inside"
	proven "$(($(wc -l <<<"$inside") - 1)) processes, and none of them sshd" \
		test -z "$(grep sshd <<<"$inside")"
}

show_limit() {
	local inside
	title "4. 20 processes are the limit"
	shows "ssh $user@gocker 'n=1; while sleep 60 & do n=\$((n+1)); echo \"process \$n runs\"; done'"
	inside=$(ssh_in 'n=1; while sleep 60 & do n=$((n+1)); echo "process $n runs"; done' 2>&1)
	{ echo ...; tail -n 3 <<<"$inside"; } | indent
	proven "the 20th process starts, the 21st does not" \
		test "$(grep -c 'process 20 runs' <<<"$inside"):$(grep -c 'process 21 runs' <<<"$inside")" = 1:0
	proven "and they are all gone with the login" wait_until 10 no_sleepers
}

no_sleepers() { ! pgrep -x sleep; }

show_files() {
	local first second
	title "5. What a login writes is gone in the next one; the home stays"
	shows "ssh $user@gocker 'echo hello | tee /tmp/note ~/note'"
	first=$(ssh_in 'echo hello | tee /tmp/note ~/note')
	indent <<<"$first"
	shows "ssh $user@gocker 'cat /tmp/note; cat ~/note'"
	second=$(ssh_in 'cat /tmp/note; cat ~/note' 2>&1)
	indent <<<"$second"
	proven "/tmp/note is gone" test -n "$(grep 'No such file' <<<"$second")"
	proven "~/note is still there" test -n "$(grep -x hello <<<"$second")"
}

show_exit() {
	local code
	title "6. Exit codes come through"
	shows "ssh $user@gocker 'exit 42'; echo \$?"
	ssh_in 'exit 42'
	code=$?
	echo $code | indent
	proven "42 it is" test $code = 42
}

# The other door: the whole login inside, sshd's own work for the user included.
show_pam_door() {
	local files
	title "7. The PAM door contains the whole login, what sshd itself does for it included"
	note "two lines in sshd's PAM stack, pam_gocker.so, first and last; sftp is served by sshd itself:"
	stop_sshd
	printf '%s\n' 'auth required pam_permit.so' 'account required pam_unix.so' \
		'session required pam_gocker.so outer' 'session required pam_unix.so' \
		'session required pam_gocker.so' >/etc/pam.d/gocker-sshd
	start_sshd 'Subsystem internal internal-sftp'
	shows "echo 'get /etc/os-release' | sftp -s internal $user@gocker"
	rm -f "$GKT_WORK/release"
	echo "get /etc/os-release $GKT_WORK/release" >"$GKT_WORK/batch"
	sftp -q -s internal -b "$GKT_WORK/batch" "$user@gocker" >/dev/null 2>&1 </dev/null
	files=$(cat "$GKT_WORK/release" 2>/dev/null)
	indent <<<"$files"
	proven "sftp sees the container's files, not the host's" \
		test "$files" = "$(cat /var/lib/gocker/images/alpine/etc/os-release)"
	shows "ssh $user@gocker ps"
	files=$(ssh_in ps)
	indent <<<"$files"
	proven "the user's side of sshd itself is inside" test -n "$(grep sshd <<<"$files")"
	proven "and through both doors there is one container" test "$(grep -c gocker-init <<<"$files")" = 1
}

offer_login() {
	[ -t 0 ] && [ -t 1 ] || return 0
	title "Try it yourself"
	read -r -p "  Press Enter for a login of your own, or n to end: " answer || return 0
	[ -z "$answer" ] || return 0
	note "ls /, ps, top, id, a fork bomb: it is a throwaway. exit or ^D ends it."
	ssh -l "$user" -t gocker
	note "logged out."
}

show() {
	# shellcheck source=tests/lib/test.sh
	. "$GKT_LIB_DIR/test.sh"
	trap stop_sshd EXIT
	set_up
	show_release
	show_hostname
	show_processes
	show_limit
	show_files
	show_exit
	show_pam_door
	offer_login
	title "Done"
	if [ "$failures" = 0 ]; then
		note "everything shown is true; the throwaway host is gone with this line."
	else
		note "$failures of the things shown did not hold."
	fi
	[ "$failures" = 0 ]
}

case ${1:-} in
--inside) GKT_LIB_DIR=$top/tests/lib show ;;
*) prepare ;;
esac
