#!/bin/bash
# part: logins
# timeout: 7200
# After many sessions (60, and 2,000 with GKT_FULL=1) the host is what it was. Most of them are the login shell
# started as sshd starts it, without the key exchange; some come by su and the PAM door, some are whole logins.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_product
have_user alice
have_user bob
have_user carol --shell /bin/sh
let_runtime_dirs_go
pam_door_on
set_ini 'memory_max = 64M'
start_sshd ''
count=${GOCKER_VM_LOGINS:-100}
many=$(dirname "$0")/many

dying() { awk '/^nr_dying_descendants/ { print $2 }' /sys/fs/cgroup/cgroup.stat; }
living() { awk '/^nr_descendants/ { print $2 }' /sys/fs/cgroup/cgroup.stat; }
slab_kib() { awk '/^Slab:/ { print $2 }' /proc/meminfo; }
settle() { # what the kernel keeps only for speed is given back
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
}
near_start() {
	settle
	[ "$(dying)" -le $((dying + 20)) ] && [ "$(living)" -le "$living" ] &&
		[ "$(slab_kib)" -le $((slab_kib + slab_kib / 5)) ]
}

ssh_as alice true
ssh_as carol true
"$many" 20 2 alice "$GOCKER_SHELL" -c true >/dev/null
[ "$GKT_HOST" = plain ] || wait_until 10 no_logins alice
remember_host
settle
dying=$(dying) living=$(living) slab_kib=$(slab_kib)
start=$SECONDS
is "$("$many" $((count / 2)) 2 alice "$GOCKER_SHELL" -c true)" 0 "$((count / 2)) sessions of one user, none refused"
is "$("$many" $((count - count / 2)) 2 bob "$GOCKER_SHELL" -c 'exec true')" 0 "and as many of another"
diag "$count sessions in $((SECONDS - start)) s"
through_pam=$((count / 10))
is "$("$many" $through_pam 2 root su carol -c true)" 0 "$through_pam through the PAM door, each a session for logind where there is one"
for _ in 1 2 3; do ssh_as alice true || not_ok "a whole login after many"; done
check_clean "after $count sessions nothing is left" 20
check "dying cgroups ($dying) and slab ($slab_kib KiB) go back to where they were" wait_until 10 near_start
diag "now $(dying) dying cgroups, $(slab_kib) KiB of slab, $(living) cgroups ($living before)"
is "$(find /run/gocker -type f -size +0 2>/dev/null | wc -l)" 0 "no record is left"
if [ "$GKT_HOST" = systemd ]; then
	check "no session of logind's is left closing" wait_until 10 eval 'no_logins alice && no_logins carol'
	no_unit_failed "no unit has failed"
fi
pam_door_off
