#!/bin/bash
# packaging/UPGRADING.md: its commands as they are written, around an installation over the one that is there, with
# sessions of both doors and a shared container alive.
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_walk.sh"
need_product
export PATH=$PATH:/usr/local/bin
cd "$GKT_WORK" || exit 1
libexec=/usr/local/libexec/gocker

hold() { # NAME USER: a login that lasts; says "ready", and where it is
	ssh -l "$2" gocker 'echo ready; hostname; read -r line; echo "goes on: $line"' <"$GKT_WORK/pipe.$1" >"$GKT_WORK/held.$1" 2>&1 &
	held+=($!)
}
is_ready() { grep -q ready "$GKT_WORK/held.$1"; }

doors=(shell)
pam_module >/dev/null && doors+=(pam)
held=()
for each in "${doors[@]}"; do
	open_door "$each"
	door_user "old-$each"
	door_user "shared-$each"
done
set_ini '[user:shared-shell]' 'share = user' 'linger = forever' '[user:shared-pam]' 'share = user' 'linger = forever'
for each in "${doors[@]}"; do
	open_door "$each"
	start_sshd
	for name in old shared; do
		mkfifo "$GKT_WORK/pipe.$name-$each"
		hold "$name-$each" "$name-$each"
		eval "exec {fd_${name}_$each}<>'$GKT_WORK/pipe.$name-$each'"
		check "$each: a session is there before ($name)" wait_until 60 is_ready "$name-$each"
	done
	# The connections go on without the server that accepts new ones.
	stop_sshd
done
containers=$("$GOCKER" ps --format '{user} {container}' | sort -u)
block_files "$GKT_TOP/packaging/UPGRADING.md" '## The steps'
check "the page has three blocks" test -e "$GKT_WORK/block.03.sh" -a ! -e "$GKT_WORK/block.04.sh"
pwd >"$GKT_WORK/cwd"
walk_commands "$GKT_WORK/block.01.sh"
walk_commands "$GKT_WORK/block.02.sh"
open_door shell
start_sshd
run ssh_as old-shell true
like "$rc:$err" '^125:gocker: this host takes no new sessions: this host is being upgraded' "new logins are refused during the upgrade"

# New files in place of the old, as dpkg and install(1) put them there: the old ones live on with who executes them.
replaced=0
files=("$GOCKER" "$GOCKER_SHELL" "$libexec"/gocker-*)
! pam_module >/dev/null || files+=("$(pam_module)")
for file in "${files[@]}"; do
	cp -p "$file" "$file.new" && mv "$file.new" "$file" && replaced=$((replaced + 1))
done
check "the files are replaced" test $replaced -ge 6
walk_commands "$GKT_WORK/block.03.sh"
for each in "${doors[@]}"; do
	open_door "$each"
	stop_sshd
	start_sshd
	run ssh_as "old-$each" hostname
	is "$rc:$out" "0:gocker-container" "$each: a new login is contained"
	run ssh_as "shared-$each" 'echo joined'
	is "$rc:$out" "0:joined" "$each: a new login with share = user"
done
is "$("$GOCKER" ps --format '{user} {container}' | sort -u)" "$containers" "shared containers are the ones of before"
run "$GOCKER" exec "$("$GOCKER" ps -q --user old-shell | head -n 1)" hostname
is "$rc:$out" "0:gocker-container" "exec runs a command in an old session"
for each in "${doors[@]}"; do
	for name in old shared; do
		echo "after" >"$GKT_WORK/pipe.$name-$each"
	done
done
for pid in "${held[@]}"; do wait "$pid"; done
for each in "${doors[@]}"; do
	for name in old shared; do
		is "$(tail -n 1 "$GKT_WORK/held.$name-$each")" "goes on: after" "$each: the session of before went on ($name)"
	done
done
for each in "${doors[@]}"; do "$GOCKER" kill --user "shared-$each" >/dev/null; done
check "all end as ever" wait_until 60 eval '[ -z "$("$GOCKER" ps -q)" ]'
