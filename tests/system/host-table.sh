#!/bin/bash
# The host's mount table, and everything else a session could touch on the host, is the same before,
# during and after (A26).
. "$(dirname "$0")/../lib/test.sh"
need_product
add_user alice
add_user bob
# Whatever mounts propagate as on a host with systemd, where / is shared.
mount --make-rshared /
set_ini
start_sshd
ssh_as alice true # makes what the first login of a boot makes
remember_host

table() { cat /proc/self/mountinfo; }
before=$(table)
ids_before=$(cut -d' ' -f1 /proc/self/mountinfo | sort -n | tail -n 1)
state() { find /etc /home /root /var/lib/gocker -xdev -path /root/.ssh -prune -o -path '*/images/*' -prune -o -printf '%p %m %u %g %y\n' 2>/dev/null | sort; }
files_before=$(state)

hold_session alice
one=$held_pid
hold_session bob
is "$(table)" "$before" "the host's mount table is the same while two sessions live"
is "$(ls -A /run/gocker/mnt 2>/dev/null)" "" "the place where roots are built shows nothing outside"
drop_session
kill -9 "$one"
wait "$one" 2>/dev/null
check_clean "nothing is left"
is "$(table)" "$before" "the host's mount table is the same after them, ids and all"
mount -t tmpfs gkt-probe /mnt
is "$(grep -c gkt-probe /proc/self/mountinfo)" 1 "a new mount of the host is one mount"
umount /mnt
check "mount ids tell of no leak: $ids_before" test "$ids_before" -gt 0

# Many, and failing ones.
for i in 1 2 3 4 5; do as_user alice "$GOCKER_SHELL" -c "exit $i"; done
set_ini 'image = nosuch'
for _ in 1 2 3; do as_user alice "$GOCKER_SHELL" -c true 2>/dev/null; done
set_ini 'shell = /nosuch'
for _ in 1 2 3; do as_user alice "$GOCKER_SHELL" -c true 2>/dev/null; done
set_ini
for _ in 1 2 3 4 5 6; do
	(exec_as_user bob "$GOCKER_SHELL" -c 'sleep 100') >/dev/null 2>&1 </dev/null &
	sleep 0.0$((RANDOM % 3))
	for init in $(session_inits); do kill -9 "$init"; done
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
done
# What dies slowly holds its place, and the next login takes another: as many places can wait to be swept as there
# were kills. A login sweeps the place that it takes; gc sweeps all.
all_dead() { ! pgrep -x 'gocker-(shell|super|stdio|init)' >/dev/null; }
check "the killed ones have ended" wait_until 60 all_dead
as_user bob "$GOCKER_SHELL" -c true
run "$GOCKER" gc
is "$rc" 0 "gc sweeps the places of the killed ones"
is "$(table)" "$before" "the mount table is the same after good, refused and killed sessions"
is "$(state)" "$files_before" "no file of the host has come, gone or changed its owner or mode"
is "$(stat -c '%a %U %G' /run/gocker)" "700 root root" "/run/gocker is root's alone"
# A checkout below /tmp is a mount there, in which this machine writes its own.
new_files() {
	find /tmp /dev/shm -mindepth 1 -xdev -newer "$GKT_WORK/mounts.before" | while read -r each; do
		mountpoint -q "$each" || echo "$each"
	done
}
is "$(new_files)" "" "nothing was put into the host's /tmp or /dev/shm"
check_clean "nothing is left in the end"
