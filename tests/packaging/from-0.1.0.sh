#!/bin/bash
# The upgrade from 0.1.0, with its own package and this one's, as packaging/UPGRADING.md tells it: users of both doors
# enabled by the old gocker, sessions alive and logins going on; then both are used and taken back by the new one.
# 0.1.0 is built from the repository's history: the audit does that, and keeps the package for the runs after it.
# timeout: 1200
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_deb.sh"
. "$(dirname "$0")/_walk.sh"
. "$(dirname "$0")/_login-loop.sh"
need dpkg-buildpackage dh dpkg-deb git sudo service jq
need_product
export DEBIAN_FRONTEND=noninteractive
RELEASE=8906508ee9ba01d6e34f95f5dac9f1c4a7e7968d # the last commit before the first change of NEWS.md

# first_deb: prints the path of 0.1.0's package.
first_deb() {
	local dir=$GKT_TOP/build/tests/release-${RELEASE:0:12} source=/tmp/first
	if [ ! -e "$dir" ]; then
		mkdir -p "$source"
		git -C "$GKT_TOP" archive "$RELEASE" | tar -x -C $source || return
		# Its `make deb` takes the files that git knows.
		git init -q $source && git -C $source add -A || return
		MAKEFLAGS='' DEB_BUILD_OPTIONS='noautodbgsym nocheck parallel=2' make -s -C $source deb BUILD=/tmp/first-build >/tmp/first.log 2>&1 || return
		mkdir "$dir.new" && cp /tmp/first-build/deb/gocker_*.deb "$dir.new/" && mv "$dir.new" "$dir"
		rm -rf $source /tmp/first-build
	fi
	ls "$dir"/gocker_*.deb
}
git config --global --add safe.directory '*'
if ! git -C "$GKT_TOP" cat-file -e "$RELEASE" 2>/dev/null; then
	skip "the upgrade from 0.1.0" "this clone's history does not reach it"
	exit 0
elif [ ! -e "$GKT_TOP/build/tests/release-${RELEASE:0:12}" ] && [ "${GKT_FULL:-0}" != 1 ]; then
	skip "the upgrade from 0.1.0" "make audit builds its package"
	exit 0
fi
new=$(cached_deb)
old=$(first_deb)
if [ ! -e "$old" ] || [ ! -e "$new" ]; then
	not_ok "the two packages" "$(tail -n 20 /tmp/first.log)"
	exit 1
fi
bare_host
reader_accounts
reader_sshd
cp -a /etc/pam.d /run/gkt/pam.before

# --- 0.1.0, in use ---

useradd --create-home --shell /bin/bash alice
useradd --create-home --shell /bin/bash ben
useradd --create-home --shell /bin/bash --groups sudo admin
check "0.1.0 is installed" dpkg -i "$old"
printf '%s\n' '[group:sudo]' 'contain = no' >>/etc/gocker.ini
tar -C /run/gkt/alpine -cf /tmp/alpine.tar .
check "its image is imported" "$GOCKER" image import alpine /tmp/alpine.tar
check "its enable contains alice" "$GOCKER" enable alice

held=()
hold() { # NAME USER: a login that lasts
	mkfifo "$GKT_WORK/pipe.$1"
	ssh -l "$2" gocker 'echo "ready in $(hostname)"; read -r line; echo "goes on: $line"' <"$GKT_WORK/pipe.$1" >"$GKT_WORK/held.$1" 2>&1 &
	held+=($!)
	eval "exec {fd_$1}<>'$GKT_WORK/pipe.$1'"
	check "0.1.0: a session of the $1 door is there" wait_until 60 grep -qx 'ready in gocker-container' "$GKT_WORK/held.$1"
}
hold shell alice
check "its enable puts the PAM door into sshd's stack" "$GOCKER" enable --door pam ben
hold pam ben
sessions=$("$GOCKER" ps -q | sort)
is "$(wc -w <<<"$sessions")" 2 "0.1.0 lists both sessions"
cd "$GKT_WORK" || exit 1
block_files "$GKT_TOP/packaging/UPGRADING.md" '## The steps'
pwd >"$GKT_WORK/cwd"
walk_commands "$GKT_WORK/block.01.sh"
run "$GOCKER" drain
is "$(ssh admin@localhost hostname)" "$(hostname)" "control: who is not contained is on the host"
isnt "$rc" 0 "0.1.0 knows no drain, as the page says"

# --- the upgrade ---

LOGINS_AT_ONCE=4 LOGINS_EVERY=0.3 start_logins alice ben
begin_phase upgrade
upgraded=0
until [ "$(logins_of upgrade)" -ge 8 ] || [ "$upgraded" != 0 ]; do
	dpkg --force-confold -i "$new" >>"$GKT_WORK/upgrade" 2>&1
	upgraded=$?
done
begin_phase after
wait_until 300 eval '[ "$(logins_of after)" -ge 4 ]'
stop_logins
is "$upgraded" 0 "dpkg -i upgrades it while users log in" || diag "$(cat "$GKT_WORK/upgrade")"
# With files of both versions a login may be refused, and 0.1.0's refusal stands among what sshd says on stdout.
is "$(cat "$GKT_WORK"/logins/*.upgrade | grep -cx "$(hostname)")" 0 "of $(logins_of upgrade) logins during the upgrade none is on the host"
is "$(cat "$GKT_WORK"/logins/*.after | sort -u)" gocker-container "each after it is contained"
like "$(tail -n 1 /etc/gocker.ini)" 'contain = no' "the changed gocker.ini is kept"
walk_commands "$GKT_WORK/block.03.sh"
is "$("$GOCKER" ps -q | sort)" "$sessions" "the new gocker lists them"
is "$("$GOCKER" ps --format '{user} {door} {state}' | sort)" $'alice shell running\nben pam running' "with user, door and state"
like "$("$GOCKER" image list)" 'alpine +current .* alice,ben ' "image list names who is on the image"
for user in alice ben; do
	run "$GOCKER" exec "$("$GOCKER" ps -q --user $user)" id -un
	is "$rc:$out" "0:$user" "exec runs a command in $user's session of 0.1.0"
	like "$("$GOCKER" inspect $user)" 'Tasks +[0-9]+ of 20' "inspect tells its tasks"
	"$GOCKER" explain $user >/dev/null || not_ok "explain $user"
done
echo after >"$GKT_WORK/pipe.shell"
wait "${held[0]}"
is "$(tail -n 1 "$GKT_WORK/held.shell")" "goes on: after" "the shell door's session of 0.1.0 went on, and ended"
check "stop ends the PAM door's session of 0.1.0" "$GOCKER" stop ben
wait "${held[1]}"
check "nothing of 0.1.0 is left" wait_until 60 eval '[ -z "$("$GOCKER" ps -aq)" ]'

# --- the new one takes over what the old one wrote ---

like "$("$GOCKER" doctor --quiet)" 'sshd has no account line of pam_gocker.so with check' "doctor names what 0.1.0's stack lacks"
check "disable --door pam takes 0.1.0's lines out" "$GOCKER" disable --door pam
is "$(diff -r /run/gkt/pam.before /etc/pam.d)" "" "the stacks are those from before 0.1.0"
check "enable --door pam writes its own" "$GOCKER" enable --door pam --yes ben
unlike "$("$GOCKER" doctor --quiet)" 'no account line' "with the account line"
for user in alice ben; do
	run ssh "$user@localhost" hostname
	is "$rc:$out" "0:gocker-container" "$user is contained"
done
check "disable --door pam, again" "$GOCKER" disable --door pam
check "disable gives back the shell that 0.1.0 took" "$GOCKER" disable alice
is "$(getent passwd alice | cut -d: -f7)" /bin/bash "which is alice's"
is "$(diff -r /run/gkt/pam.before /etc/pam.d)" "" "and the stacks are as before"
is "$(ssh alice@localhost hostname)" "$(hostname)" "alice is on the host again"
check "dpkg -P" dpkg -P gocker
is "$(find /etc/gocker.ini* /var/lib/gocker /run/gocker /usr/bin/gocker* /usr/libexec/gocker 2>/dev/null)" "" "after it nothing is left"
stop_reader
