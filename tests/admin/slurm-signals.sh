#!/bin/bash
# Signals of Slurm's to what runs in a container: scancel --signal, scontrol suspend, the TERM before the end.
# timeout: 300
. "$(dirname "$0")/../lib/test.sh"
. "$(dirname "$0")/_lib.sh"
. "$GKT_LIB/slurm.sh"
need ip gcc
need_product
need_slurm
set_ini
add_user anna
# Longer than a signal may take to arrive: what heeds TERM ends by that.
SLURM_KILL_WAIT=60
start_slurm
node_ini 1
printf '%s\n' 'env_pass = SLURM_*' >>"$GKT_WORK/node1/gocker.ini"

# It prints the signals that it gets. Its child would die of one that its process group got.
cat >/home/anna/prints.sh <<'END'
#!/bin/sh
for name in USR1 USR2 INT; do trap "echo $name" "$name"; done
[ -z "$1" ] || trap "echo TERM; exit" TERM
sleep 5432 &
child=$!
echo ready
while kill -0 "$child"; do wait "$child"; done
echo child gone
END
chown anna: /home/anna/prints.sh
chmod 755 /home/anna/prints.sh
printed=/home/anna/out
prints() { wait_until 60 grep -qx "$1" "$printed"; }
as_batch() { # NAME
	rm -f "$printed"
	run slurm_as anna sbatch -w node1 -o out prints.sh
	job=${out##* }
	check "$1" prints ready
}
as_step() { # NAME
	rm -f "$printed"
	slurm_as anna srun -w node1 ./prints.sh TERM >"$printed" 2>&1 </dev/null &
	client=$!
	check "$1" prints ready
	job=$(squeue -h -o %A -u anna)
}
states() { pgrep -u anna -x 'sleep|prints.sh|slurm_script.*' | xargs -rI {} awk '/^State:/ { print $2 }' /proc/{}/status | sort -u; }
state_is() { [[ "$(states)" =~ ^($1)$ ]]; }
suspend_and_resume() { # STATE
	scontrol suspend "$job"
	check "scontrol suspend stops the program and its child" wait_until 60 state_is "$1"
	scontrol resume "$job"
	check "scontrol resume continues them" wait_until 60 state_is S
}
signals() { # OPTION, for whom
	local name
	for name in USR1 USR2; do
		scancel ${1:+"$1"} -s "$name" "$job"
		check "scancel${1:+ $1} -s $name reaches the $2" prints "$name"
	done
	check "and not its child: both live on" wait_until 60 state_is S
}

# --- without the plugin ---
as_batch "control: a batch script runs on the node"
signals --batch script
suspend_and_resume 'D|T'
scancel "$job"
check_nothing_left anna "control: scancel ends it"

# --- with it ---
check "the plugin is built" slurm_plugin
as_batch "a batch script runs inside"
signals --batch script
suspend_and_resume T
scancel --batch -s USR1 "$job"
check "it gets signals after that" wait_until 60 eval "[ \"\$(grep -c USR1 '$printed')\" = 2 ]"
scontrol suspend "$job"
check "it is suspended again" wait_until 60 state_is T
scancel -s KILL "$job"
check_nothing_left anna "scancel -s KILL ends what is suspended, and nothing is left"

as_batch "a batch script runs inside"
scancel --batch -s INT "$job"
check "INT with --batch reaches it" prints INT
scancel --full -s USR2 "$job"
check "USR2 with --full reaches it" prints USR2
check "and its child, too" prints "child gone"
check_nothing_left anna "it ends, and nothing is left"

as_step "a step runs inside"
signals '' step
scancel -s INT "$job"
check "INT reaches it, too" prints INT
suspend_and_resume T
scancel "$job"
check "scancel sends TERM first" prints TERM
wait "$client"
check_nothing_left anna "which ends it, and nothing is left"

# --- the process that passes signals on ---
sibling_of() { pgrep -u anna -x gocker-signals; }
as_step "a step runs inside"
is "$(sibling_of | wc -l)" 1 "one process of the user's passes its signals on"
check_not "which the user cannot trace" as_user anna cat "/proc/$(sibling_of)/environ"
step_pids() { find "/sys/fs/cgroup/freezer/$SLURM_GROUP/node1" -path '*/step_0*' -name cgroup.procs -exec cat {} +; }
is "$(ps -o comm= -p "$(step_pids | paste -sd,)" | sort | paste -sd' ')" "gocker-signals gocker-stdio" "in the step's freezer are it and the one that holds the step's stdin"
as_user anna kill -KILL "$(sibling_of)"
check "killed, the step goes on" wait_until 60 state_is S
scancel -s USR1 "$job"
pkill -u anna -fx 'sleep 5432'
wait "$client"
check_nothing_left anna "and ends by itself"
check_not "control: signals did not reach it" grep -qx USR1 "$printed"
run slurm_as anna srun -w node1 sh -c 'kill -SEGV $$'
is "$rc" 139 "a step that dies by a signal is reported so"
no_sibling() { [ -z "$(sibling_of)" ]; }
check "the process ends with its task" wait_until 60 no_sibling

# --- in a container that is shared, a step is one of several logins ---
echo 'share = user' >>"$GKT_WORK/node1/gocker.ini"
slurm_as anna srun -w node1 sh -c 'echo ready; exec sleep 5431' >"$GKT_WORK/first" 2>&1 </dev/null &
first=$!
check "another step is in the container" wait_until 60 grep -qx ready "$GKT_WORK/first"
other=$(squeue -h -o %A -u anna)
rm -f "$printed"
run slurm_as anna sbatch -w node1 -o out prints.sh
job=${out##* }
check "a batch script joins it" prints ready
signals --batch script
check "scontrol suspend works" scontrol suspend "$job"
check "on the script" wait_until 60 eval '[ "$(states)" = $'"'S\nT'"' ]'
scontrol resume "$job"
check "scontrol resume, too" wait_until 60 state_is S
scancel "$job"
script_ended() { ! pgrep -u anna -f slurm_script; }
check "scancel ends it" wait_until 60 script_ended
check "and not the other step" pgrep -u anna -fx 'sleep 5431'
scancel "$other"
wait "$first"
# The container outlives neither; whose job made it may leave its memory cgroup, empty.
SLURM_EMPTY=may-stay
check_nothing_left anna "nothing is left of either"
