#!/bin/bash
# What else a site may have set in Slurm, beside the plugin: the table of packaging/slurm.md.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
. "$GKT_LIB/slurm.sh"
need ip gcc
need_product
need_slurm
set_ini
add_user anna
hooks='TaskProlog TaskEpilog Prolog Epilog'
for hook in $hooks; do
	printf '#!/bin/sh\necho %s >>/tmp/ran\n' "$hook" | install -m 755 /dev/stdin "/usr/local/sbin/$hook"
	SLURM_MORE+="$hook=/usr/local/sbin/$hook"$'\n'
done
SLURM_GATHER=linux
SLURM_MORE+='JobAcctGatherFrequency=task=1'
start_slurm
ran() { sort -u /tmp/ran | paste -sd' '; }
have_run() { [ "$(ran)" = "$1" ]; }
forget() { install -m 666 /dev/null /tmp/ran; }
step() { run slurm_as anna srun -w node1 "$@"; }
no_job() { [ -z "$(squeue -h)" ]; }

# holds NAME: a step that holds 60 MB; used_mb: what Slurm's accounting has of it.
holds() {
	rm -f /home/anna/held
	slurm_as anna srun -w node1 sh -c 'exec 3>held; { head -c 60000000 /dev/zero; echo in >&3; exec sleep 6543; } | tail -c 60000000 >/dev/null' \
		>"$GKT_WORK/held" 2>&1 </dev/null &
	holder=$!
	check "$1" wait_until 60 grep -q in /home/anna/held
	job=$(squeue -h -o %A -u anna)
}
used_mb() { sstat -n -P -o MaxRSS -j "$job.0" 2>/dev/null | awk '/K$/ { print int($1 / 1024) } /M$/ { print int($1) }'; }
released() {
	scancel "$job"
	wait "$holder"
	check_nothing_left anna "$1"
}

# --- control: without the plugin ---
forget
step true
check "control: the site's four scripts run" wait_until 60 have_run 'Epilog Prolog TaskEpilog TaskProlog'
ulimit -n 777
step sh -c 'ulimit -n'
is "$rc:$out" 0:777 "control: a limit of the login node's is propagated"
holds "a step holds 60 MB"
check "control: accounting by the process tree sees it" wait_until 60 eval '[ "$(used_mb)" -ge 50 ] 2>/dev/null'
released "scancel ends it"

# --- with it ---
check "the plugin is built" slurm_plugin
forget
step true
is "$rc" 0 "a step runs inside"
check "Prolog and Epilog run" wait_until 60 have_run 'Epilog Prolog'
wait_until 60 no_job
is "$(ran)" 'Epilog Prolog' "TaskProlog and TaskEpilog do not"
step sh -c 'ulimit -n'
is "$rc:$out" 0:16384 "limits of users are those of gocker.ini"
holds "a step holds 60 MB"
check "accounting has a figure" wait_until 60 eval '[ -n "$(used_mb)" ]'
wait_until 5 eval '[ "$(used_mb)" -ge 50 ]'
check "which is not of the programs inside" eval '[ "$(used_mb)" -lt 50 ]'
released "scancel ends it, and nothing is left"

# --- refusals ---
on 1 "$GOCKER" drain 'new kernel'
step hostname
like "$rc:$err" '^125:(.*'$'\n'')?gocker: this host takes no new sessions: new kernel' "gocker drain refuses the node's steps, with the reason"
check "Slurm does not know" wait_until 60 node_idle 1
on 1 "$GOCKER" drain --off
node_ini 1
sed 's/^image = .*/image = missing/' "$GKT_WORK/node1/gocker.ini" >"$GKT_WORK/without"
cat "$GKT_WORK/without" >"$GKT_WORK/node1/gocker.ini"
step hostname
like "$rc:$err" '^125:(.*'$'\n'')?gocker: .*missing' "a missing image refuses the step, with the reason"

# --- one container for all of a user's jobs on a node ---
node_ini 1
echo 'share = user' >>"$GKT_WORK/node1/gocker.ini"
in_background() { # FILE: a step; its job in $job
	slurm_as anna srun -w node1 sh -c 'readlink /proc/self/ns/pid; echo ready; exec sleep 5431' \
		>"$1" 2>&1 </dev/null &
	check "a step runs" wait_until 60 grep -qx ready "$1"
}
in_background "$GKT_WORK/first"
maker=$(squeue -h -o %A -u anna)
in_background "$GKT_WORK/second"
is "$(grep '^pid:' "$GKT_WORK/second")" "$(grep '^pid:' "$GKT_WORK/first")" "with share = user two jobs are in one container"
second=$(squeue -h -o %A -u anna | grep -vx "$maker")
sleeps() { [ "$(pgrep -u anna -fx 'sleep 5431' | wc -l)" = "$1" ]; }
scancel "$maker"
check "the end of the job that made it ends that job's programs" wait_until 60 sleeps 1
is "$(squeue -h -o %A -t running -u anna)" "$second" "and the other job goes on"
run slurm_as anna srun -w node1 readlink /proc/self/ns/pid
is "$rc:$out" "0:$(grep '^pid:' "$GKT_WORK/first")" "as the container does, which a third joins"
scancel "$second"
# The init of the container was in the memory cgroup of the job that made it.
SLURM_EMPTY=may-stay
check_nothing_left anna "with the last job it ends, and nothing is left but, perhaps, an empty memory cgroup"
